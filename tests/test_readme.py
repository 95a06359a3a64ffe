"""The README cannot lie: its tables are compared with the code, and its examples are run as printed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from tests.web.conftest import Server, running
from v4graph import cli, portal
from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.web.app import create_app

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


@pytest.fixture(scope="module")
def server(published_home: Path) -> Iterator[Server]:
    with running(create_app(Settings(home=published_home))) as server:
        yield server


def shell(example: str, server: Server) -> str:
    done = subprocess.run(
        ["bash", "-euc", example.replace(ADDRESS, server.url)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed, and the examples are run with it")
def test_five_curl_examples(server: Server) -> None:
    start, entity, thing, graph, disagreements = (shell(example, server) for example in blocks("sh"))
    assert start.splitlines()[:2] == ["source,start", ",2013-10"]
    assert "https://w3id.org/v4graph/graph/gapr-v4clusters,2013-11" in start
    ketgate = json.loads(entity)
    assert "KETGATE" in json.dumps(ketgate)
    assert ketgate["@context"] == "https://w3id.org/v4graph/context/v1.jsonld"
    assert "2020-08-31" in thing
    assert "<https://w3id.org/v4graph/id/project/v4clusters>" in graph
    assert "id/project/v4clusters" in disagreements
    assert "resolution-rule/best-rank" in disagreements


def test_python_example(server: Server) -> None:
    [example] = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", example.replace(ADDRESS, server.url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert "National Cluster Association" in done.stdout
    counts = [int(line.split()[0]) for line in lines]
    assert counts == sorted(counts, reverse=True)


def test_settings_table_is_the_class() -> None:
    told = {name.strip("`"): (default, text) for name, default, text in rows("Settings")}
    assert list(told) == [f"V4GRAPH_{name.upper()}" for name in Settings.model_fields]
    for name, field in Settings.model_fields.items():
        default, text = told[f"V4GRAPH_{name.upper()}"]
        assert text.startswith(field.description or ""), name
        if field.default_factory is None:
            assert default == f"`{field.default}`", name


def test_commands_table_is_the_program() -> None:
    told = [re.match(r"`v4graph (\w+)`", row[0])[1] for row in rows("Commands")]  # type: ignore[index]
    assert sorted(told) == sorted(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def test_every_address_is_in_the_table(server: Server) -> None:
    paths = re.findall(r"`(/[^`]*)`", " ".join(row[0] for row in rows("Addresses")))
    documented = {re.split(r"[?{]", path)[0].strip("/").split("/")[0] for path in paths}
    assert {"health", "sparql", "graph", "id"} <= documented
    for route in server.app.routes:
        if isinstance(route, Route | APIRoute | Mount):
            head = re.split(r"[/.{]", route.path.strip("/"))[0]
            expected = documented | portal.kinds(Iris()).keys()
            assert head in expected or route.path in HOUSEKEEPING, route.path


HOUSEKEEPING = {
    "/static", "/static/land-{name}.svg", "/robots.txt", "/favicon.ico", "/openapi.json", "/sitemap.xml",
    "/sitemap-{number:number}.xml",
}  # fmt: skip
"""Addresses no reader of the README looks for."""


def test_the_words_are_those_of_the_design() -> None:
    words = re.findall(r"\*\*(\w[\w /]*)\*\*", README.split("\n## The words\n")[1].split("\n## ")[0])
    assert words[:4] == ["Source", "Contribution", "Shape / Report", "Revision"]
    assert {"Ledger", "Store", "Snapshot", "Resolved view", "Disagreement", "Query"} <= set(words)
