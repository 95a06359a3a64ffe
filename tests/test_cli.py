"""The command line as its user runs it: real processes where that matters, and beside a running server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from v4graph import assets, cli

QUERY = """PREFIX v4: <https://w3id.org/v4graph/ontology#>
SELECT ?start { <https://w3id.org/v4graph/id/project/v4clusters> v4:startDate ?start }"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(home: Path, *arguments: str, text: str = "", **environment: str) -> Done:
    """A command in this process: starting another takes longer than most commands."""
    told = CliRunner().invoke(
        cli.app, arguments, input=text, env={"COLUMNS": "240", "V4GRAPH_HOME": str(home), **environment}
    )
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    return Done(told.exit_code, told.stdout, told.stderr)


def process(home: Path, *arguments: str, text: str = "", **environment: str) -> Done:
    """A command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "v4graph", *arguments],
        env={**os.environ, "V4GRAPH_HOME": str(home), **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server started as the README says, in an empty home."""
    home, port = tmp_path_factory.mktemp("cli") / "home", free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "v4graph", "serve"],
        env={**os.environ, "V4GRAPH_HOME": str(home), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(f"{address}/health").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            assert process.poll() is None, process.stdout and process.stdout.read()
            assert time.monotonic() < deadline, "the server did not become ready"
            time.sleep(0.1)
        yield address, home
    finally:
        process.terminate()
        assert process.stdout is not None
        told = process.stdout.read()
        process.stdout.close()
        process.wait(20)
        assert "Traceback" not in told, told


def starts(address: str) -> list[str]:
    answer = httpx.get(f"{address}/sparql", params={"query": QUERY}, headers={"Accept": "text/csv"})
    assert answer.status_code == 200, answer.text
    return answer.text.split()[1:]


def test_first_start_loads_the_packaged_data(serving: tuple[str, Path]) -> None:
    address, home = serving
    assert starts(address) == ["2013-10"]
    told = httpx.get(f"{address}/health").json()
    assert told["ready"] is True
    assert told["snapshot"] >= 1
    assert 0 <= told["age"] < 120
    assert (home / "ledger.sqlite").exists()


def test_what_a_command_publishes_is_served_within_a_second(serving: tuple[str, Path], tmp_path: Path) -> None:
    address, home = serving
    before = httpx.get(f"{address}/health").json()["snapshot"]
    text = (assets.DATA / "nca-projects.ttl").read_text(encoding="utf-8")
    changed = text.replace('"2013-10"^^xsd:gYearMonth', '"2013-09"^^xsd:gYearMonth')
    assert changed != text
    document = tmp_path / "nca-projects.ttl"
    document.write_text(changed, encoding="utf-8")
    done = process(home, "load", str(document))
    published = time.monotonic()
    assert done.returncode == 0, done.stderr
    assert "nca-projects: revision 2" in done.stdout
    assert "(+1 −1)" in done.stdout
    # Another page of the same rank says 2013-10 still: what both agree on is the year.
    while starts(address) != ["2013"]:
        assert time.monotonic() - published < 1.0, "not served within a second"
        time.sleep(0.02)
    assert httpx.get(f"{address}/health").json()["snapshot"] > before
    assert run(home, "load").returncode == 0
    assert run(home, "check").returncode == 0


def test_query_prints_a_table_csv_and_json(published_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "start.rq"
    file.write_text(QUERY, encoding="utf-8")
    table = process(published_home, "query", str(file))
    assert table.returncode == 0, table.stderr
    assert "2013-10" in table.stdout
    assert "1 rows" in table.stdout or "1 row" in table.stdout
    assert run(published_home, "query", "-", "--format", "csv", text=QUERY).stdout.split() == ["start", "2013-10"]
    told = json.loads(run(published_home, "query", "-", "--format", "json", text=QUERY).stdout)
    assert told["results"]["bindings"][0]["start"] == {
        "type": "literal",
        "value": "2013-10",
        "datatype": "http://www.w3.org/2001/XMLSchema#gYearMonth",
    }
    assert run(published_home, "query", "-", text="ASK { ?s ?p ?o }").stdout.strip() == "true"
    graph = run(published_home, "query", "-", "--format", "nt", text="CONSTRUCT { ?s a ?t } { ?s a ?t } LIMIT 2")
    assert len(graph.stdout.splitlines()) == 2


def test_a_query_of_the_library(published_home: Path) -> None:
    told = run(
        published_home, "query", "projects/list-partners", "--param", "project=id/project/v4clusters", "--format", "csv"
    )
    assert "id/organisation/uks" in told.stdout
    assert "id/project/ketgate" not in told.stdout
    wrong = run(published_home, "query", "projects/list-partners", "--param", "project=v4clusters")
    assert wrong.returncode == 1
    assert "project is an IRI" in wrong.stderr
    missing = run(published_home, "query", "projects/list-partner")
    assert "Did you mean projects/list-partners" in missing.stderr
    assert (
        "only queries of the library" in run(published_home, "query", "-", "--param", "a=b", text=QUERY).stderr.lower()
    )


def test_a_wrong_query_is_a_sentence_with_a_place(published_home: Path) -> None:
    wrong = process(published_home, "query", "-", text="SELECT * {\n  ?s foaf:name ?o }")
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert "foaf" in wrong.stderr
    assert "line 2" in wrong.stderr.lower()


def test_dump_is_sorted_nquads(published_home: Path, tmp_path: Path) -> None:
    lines = run(published_home, "dump").stdout.splitlines()
    assert lines == sorted(lines)
    assert len(lines) > 5000
    assert run(published_home, "dump", str(tmp_path / "all.nq")).returncode == 0
    assert (tmp_path / "all.nq").read_text(encoding="utf-8").splitlines() == lines


def test_backup_and_restore(published_home: Path, tmp_path: Path) -> None:
    assert run(published_home, "backup", str(tmp_path / "b.tar.gz")).returncode == 0
    restored = run(tmp_path / "new", "restore", str(tmp_path / "b.tar.gz"))
    assert restored.returncode == 0, restored.stderr
    assert run(tmp_path / "new", "dump").stdout == run(published_home, "dump").stdout


def test_validate_tells_what_is_wrong(published_home: Path, tmp_path: Path) -> None:
    good = run(published_home, "validate", str(assets.DATA / "gapr-v4clusters.ttl"))
    assert good.returncode == 0, good.stdout + good.stderr
    bad = tmp_path / "bad.ttl"
    bad.write_text(
        """@prefix v4: <https://w3id.org/v4graph/ontology#> .
        <https://w3id.org/v4graph/id/participation/x-y> a v4:ProjectParticipation ;
            v4:participationRole <https://w3id.org/v4graph/scheme/participation-role/leed-partner> .""",
        encoding="utf-8",
    )
    told = run(published_home, "validate", str(bad), "--lang", "pl")
    assert told.returncode == 1
    assert "lead-partner" in told.stdout
    assert json.loads(run(published_home, "validate", str(bad), "--format", "json").stdout)
    assert "sh:ValidationReport" in run(published_home, "validate", str(bad), "--format", "ttl").stdout
    assert 'lang="hu"' in run(published_home, "validate", str(bad), "--format", "html", "--lang", "hu").stdout
    broken = tmp_path / "broken.ttl"
    broken.write_text("<a> <b> ", encoding="utf-8")
    refused = run(published_home, "validate", str(broken))
    assert refused.returncode == 1
    assert "line 1, column" in refused.stderr


def test_impossible_settings_are_told_in_words(tmp_path: Path) -> None:
    wrong = process(tmp_path, "check", V4GRAPH_BASE_IRI="nowhere")
    assert wrong.returncode == 2
    assert "V4GRAPH_BASE_IRI" in wrong.stderr
    assert "slash" in wrong.stderr


def test_scratch_is_refused_beyond_loopback(tmp_path: Path) -> None:
    refused = run(tmp_path, "serve", "--scratch", "--host", "0.0.0.0")
    assert refused.returncode == 1
    assert "loopback" in refused.stderr
