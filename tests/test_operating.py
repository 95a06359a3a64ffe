"""The operator's chapter cannot lie: its drill is done word by word, its names are those of the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import typer

from tests.web.conftest import Server, small
from v4graph import cli, errors
from v4graph.errors import V4GraphError
from v4graph.settings import Settings

__all__ = ["small"]

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "operating"
CHAPTER = (FOLDER / "README.md").read_text(encoding="utf-8")
UNITS = ("v4graph@.service", "v4graph-backup.service", "v4graph-backup.timer")
OURS = frozenset({"V4GRAPH_HOME"})


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", CHAPTER, re.DOTALL)


def shell(folder: Path, script: str) -> str:
    """What a script prints, where ``v4graph`` is this program."""
    program = folder / "bin" / "v4graph"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m v4graph "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("V4GRAPH_")}
    environment = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder),
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the drill compares sums with sha256sum")
def test_the_restore_drill_word_by_word(tmp_path: Path) -> None:
    begin, lose, again = blocks("bash")
    marked = "\necho -----\n".join((begin, lose, again))
    made, lost, restored = shell(tmp_path, marked).split("-----\n")
    snapshot = re.search(r"published; snapshot (\d+)", made)
    assert snapshot is not None
    assert "v4graph.tar.gz: " in made
    assert "nothing was published yet" in lost
    assert lost.endswith("nothing is left\n")
    number = re.search(r"^snapshot (\d+), store [0-9a-f]{64}$", restored, re.M)
    assert number is not None
    assert int(number[1]) > int(snapshot[1]), "the partner has a source of its own"
    assert re.search(r"^-: OK$", restored, re.M), restored
    assert "chain intact" in restored
    assert "fail" not in restored
    assert "River Cluster" in restored
    assert "equal to the ledger" in restored


def test_every_metric_is_there(small: Server) -> None:
    httpx.get(f"{small.url}/nothing")
    told = httpx.get(f"{small.url}/metrics").text
    named = set(re.findall(r"\bv4graph_\w+", CHAPTER))
    assert len(named) > 12
    for name in named:
        assert name in told, name
    for route in re.findall(r"`(/(?:health|metrics)[\w/]*)`", CHAPTER):
        assert httpx.get(f"{small.url}{route}").status_code == 200, route


def test_every_setting_command_and_error_is_there() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    known = {f"V4GRAPH_{name.upper()}" for name in Settings.model_fields}
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    slugs = {cls.slug for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, V4GraphError)}
    for name, text in texts.items():
        assert set(re.findall(r"\bV4GRAPH_[A-Z_]+\b", text)) <= known, name
        assert set(re.findall(r"`v4graph ([a-z]+)", text)) <= set(commands), name
        assert set(re.findall(r"bin/v4graph ([a-z]+)", text)) <= set(commands), name
    assert set(re.findall(r"problem `([a-z-]+)`", CHAPTER)) <= slugs
    linked = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", CHAPTER)
    assert set(UNITS) - {"v4graph-backup.timer"} < set(linked)
    for target in linked:
        assert (FOLDER / target).exists(), target


def test_the_proxy_goes_with_the_units() -> None:
    proxy = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    ports = re.findall(r"server 127\.0\.0\.1:(\d+) max_fails=0;", proxy)
    assert ports == ["8001", "8002"]
    for port in ports:
        assert f"v4graph@{port}" in CHAPTER
    assert "location = /metrics { deny all; }" in proxy
    assert re.search(r"proxy_next_upstream error;", proxy), "what was sent once must not be sent again"
    read = int(re.findall(r"proxy_read_timeout (\d+)s;", proxy)[0])
    assert read > Settings().query_seconds
    assert int(re.findall(r"client_max_body_size (\d+)m;", proxy)[0]) >= Settings().upload_mb
    unit = (FOLDER / "v4graph@.service").read_text(encoding="utf-8")
    stop = int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)[0])
    assert stop > Settings().query_seconds + 10, "answers under way have time to finish"
    assert "KillMode=mixed" in unit, "readers are not told to end before the server lets them"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_units_are_units(tmp_path: Path) -> None:
    for name in UNITS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        text = text.replace("/opt/v4graph/.venv/bin/v4graph", "/bin/true").replace("/usr/bin/curl", "/bin/true")
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_is_made_of_what_is_there() -> None:
    text = (FOLDER / "Containerfile").read_text(encoding="utf-8")
    for sources in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source
    assert "USER v4graph" in text
    assert "--require-hashes -r requirements.lock" in text
