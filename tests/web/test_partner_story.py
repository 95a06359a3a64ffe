"""The README's chapter "Publish your data", word by word: what a new partner does, with the tools they have."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from v4graph.settings import Settings
from v4graph.web.app import create_app

from .conftest import Server, running

ROOT = Path(__file__).parent.parent.parent
ADDRESS = "http://127.0.0.1:8000"
CHAPTER = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Publish your data\n")[1].split("\n## ")[0]
RIVER = "https://w3id.org/v4graph/id/organisation/river-cluster"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", CHAPTER, re.DOTALL)


@pytest.fixture(scope="module")
def server(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("story") / "home"
    shutil.copytree(published_home, home)
    with running(create_app(Settings(home=home, readers=1))) as found:
        yield found


class Desk:
    """A shell that keeps its variables and its folder from one example to the next."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self.environment = {
            **os.environ,
            "V4GRAPH_HOME": str(server.app.state.settings.home),
            "PYTHONPATH": str(ROOT),
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        (folder / "bin").mkdir()
        program = folder / "bin" / "v4graph"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m v4graph "$@"\n')
        program.chmod(0o755)

    def shell(self, example: str) -> str:
        """What an example prints; the variables it exports stay."""
        script = f"{example.replace(ADDRESS, self._server.url)}\nenv -0 > variables"
        done = self._run(["bash", "-euo", "pipefail", "-c", script])
        said = (self._folder / "variables").read_text().split("\0")
        self.environment |= dict(pair.split("=", 1) for pair in said if pair.startswith("V4GRAPH_TOKEN="))
        return done

    def python(self, example: str) -> str:
        return self._run([sys.executable, "-c", example.replace(ADDRESS, self._server.url)])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self._folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def founded(self) -> list[str]:
        """What the resolved view says of the year."""
        document = httpx.get(f"{self._server.url}/organisation/river-cluster.nt", timeout=60).text
        return re.findall(r'#foundedOn> "(\d+)"', document)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed, and the examples are run with it")
def test_from_nothing_to_the_map_and_back(server: Server, tmp_path: Path) -> None:
    desk = Desk(server, tmp_path)
    register, publish, correct, return_ = blocks("bash")
    commands = [line for line in (register + publish).splitlines() if re.match(r"v4graph|export|cat|curl", line)]
    assert len(commands) == 5

    assert "river" in desk.shell(register)
    assert desk.environment["V4GRAPH_TOKEN"].startswith("v4g_")
    published = desk.shell(publish)
    assert "published" in published.splitlines()[0]
    feature = json.loads(published[published.index("{") :])
    feature = feature["features"][0] if "features" in feature else feature
    assert feature["geometry"]["coordinates"] == [18.08453, 48.30763]
    assert desk.founded() == ["2014"]

    desk.shell(correct)
    assert desk.founded() == ["2015"]
    late = correct.replace('etag="$(curl', 'etag=\'"0123"\' ; true "$(curl').replace("--fail-with-body ", "")
    assert json.loads(desk.shell(late))["status"] == 412
    assert json.loads(desk.shell(return_))["revision"] == 3
    assert desk.founded() == ["2014"]

    rdflib, sparqlwrapper = blocks("python3")
    desk.python(rdflib)
    assert '"RC"@en' in httpx.get(f"{server.url}/graph/river", headers={"Accept": "application/n-triples"}).text
    desk.python(sparqlwrapper)
    assert desk.founded() == ["2013"]

    history = httpx.get(f"{server.url}/graph/river", headers={"Accept": "application/n-triples"}).text
    assert history.count(RIVER) == 7
    seen = httpx.get(
        f"{server.url}/contributions", headers={"Authorization": f"Bearer {desk.environment['V4GRAPH_TOKEN']}"}
    ).json()["contributions"]
    modes = [c["mode"] for c in reversed(seen) if c["state"] == "published"]
    assert modes == ["replacement", "replacement", "rollback", "difference", "difference"]


def test_rdflib_reads_and_writes_as_a_plain_http_client(server: Server) -> None:
    """The Graph Store Protocol as rdflib's users do it: serialise, PUT, and parse the address again."""
    from rdflib import RDF, Graph, Literal, URIRef

    from v4graph import actors
    from v4graph.actors import COMMAND_LINE
    from v4graph.workspace import Workspace

    workspace = Workspace(server.app.state.settings)
    workspace.add_partner(COMMAND_LINE, "brook", "Brook")
    with workspace.writing() as ledger:
        secret = actors.add_token(ledger, "brook", ("submit", "publish"))[1]
    graph = Graph()
    brook = URIRef("https://w3id.org/v4graph/id/programme/brook")
    graph.add((brook, RDF.type, URIRef("https://w3id.org/v4graph/ontology#Programme")))
    graph.add((brook, URIRef("http://www.w3.org/2004/02/skos/core#prefLabel"), Literal("Brook", lang="en")))
    for form, media_type in (
        ("turtle", "text/turtle"),
        ("xml", "application/rdf+xml"),
        ("json-ld", "application/ld+json"),
    ):
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": media_type}
        document = graph.serialize(format=form, encoding="utf-8")
        answer = httpx.put(f"{server.url}/graph/brook", content=document, headers=headers, timeout=60)
        assert answer.status_code in (201, 204), answer.text
        assert set(Graph().parse(f"{server.url}/graph/brook")) == set(graph)
