"""The lifecycle at the command line: from a new partner to data that answers, corrected, rolled back, withdrawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.web.conftest import Server, running
from v4graph.cli import app
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.workspace import Workspace

HALL = """@prefix v4: <https://w3id.org/v4graph/ontology#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<https://w3id.org/v4graph/id/place/acme-hall> a v4:Place ; skos:prefLabel "NAME"@en ;
    v4:country <http://publications.europa.eu/resource/authority/country/CZE> .
"""
WRONG = HALL.replace('"NAME"@en', '"NAME"@en ; v4:colour "red"')
ASK = 'ASK { GRAPH <https://w3id.org/v4graph/graph/acme> { ?hall ?property "NAME"@en } }'


@pytest.fixture(scope="module")
def home(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("partners") / "home"
    shutil.copytree(published_home, copy)
    return copy


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("V4GRAPH_HOME", str(home))
    monkeypatch.delenv("V4GRAPH_TOKEN", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with running(create_app(Settings(home=home))) as server:
        yield server


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, done.output
    return done


def written(folder: Path, text: str) -> str:
    path = folder / "hall.ttl"
    path.write_text(text, encoding="utf-8")
    return str(path)


def said(home: Path, name: str) -> bool:
    return any(f'"{name}"@en' in line and "/graph/acme>" in line for line in Workspace(Settings(home=home)).quads())


def test_from_a_new_partner_to_data_and_back(here: Path, home: Path) -> None:
    assert "https://w3id.org/v4graph/graph/acme" in run("partner", "add", "acme", "--name", "Acme").output
    added = run("token", "add", "acme", "--for", "tests", "--days", "30")
    secret = added.stdout.strip()
    assert secret.startswith("v4g_")
    assert secret not in added.stderr
    told = run("contribute", written(here, HALL), "--token", secret).stdout
    assert "to acme: published" in told
    assert "acme: revision 1, 3 statements (+3 −0)" in told
    assert said(home, "NAME")
    run("contribute", written(here, HALL.replace("NAME", "Better")), "--source", "acme")
    assert said(home, "Better")
    assert not said(home, "NAME")
    assert "revision 3" in run("rollback", "acme", "1", "--reason", "it was right before").stdout
    assert said(home, "NAME")
    assert "revision 4, 0 statements" in run("withdraw", "acme", "--reason", "closed").stdout
    assert not said(home, "NAME")
    listed = run("contributions", "list", "--source", "acme").stdout
    assert [word for word in ("withdrawal", "rollback", "replacement") if word not in listed] == []
    assert "it was right before" in listed
    assert "4 contributions" in listed
    assert "acme" in run("partner", "list").stdout
    assert "submit publish" in run("token", "list", "acme").stdout
    assert "Acme" not in run("source", "list", "--partner", "curator").stdout


def test_what_breaks_the_rules_is_told_and_kept(here: Path, home: Path) -> None:
    before = Workspace(Settings(home=home)).hash()
    told = run("contribute", written(here, WRONG), "--source", "acme", code=1).stdout
    assert "to acme: invalid" in told
    assert "colour" in told
    number = told.split("contribution ")[1].split(" ")[0]
    assert "colour" in run("contributions", "show", number, "--lang", "cs").stdout
    assert Workspace(Settings(home=home)).hash() == before
    assert "colour" in run("contribute", written(here, WRONG), "--source", "acme", "--dry-run", code=1).stdout


def test_who_may_only_submit_is_reviewed(here: Path, home: Path) -> None:
    secret = run("token", "add", "acme", "--scope", "submit").stdout.strip()
    told = run("contribute", written(here, HALL), "--token", secret, code=3).stdout
    assert "pending, waits for review" in told
    number = told.split("contribution ")[1].split(" ")[0]
    assert number in run("contributions", "list", "--state", "pending").stdout
    assert not said(home, "NAME")
    assert "a valid token" not in run("contributions", "accept", number, "--token", "v4g_no_no", code=1).output
    assert "needs a token with the scope" in run("contributions", "accept", number, "--token", secret, code=1).output
    assert "published" in run("contributions", "accept", number, "--note", "fine").stdout
    assert said(home, "NAME")
    token = secret.split("_")[1]
    run("token", "revoke", token)
    assert "no longer valid" in run("contribute", written(here, HALL), "--token", secret, code=1).output
    run("partner", "disable", "acme")
    assert "disabled" in run("token", "add", "acme", code=1).output
    run("partner", "add", "acme", "--name", "Acme")


def test_declining_and_taking_back(here: Path) -> None:
    secret = run("token", "add", "acme", "--scope", "submit").stdout.strip()
    numbers = []
    for name in ("One", "Two"):
        told = run("contribute", written(here, HALL.replace("NAME", name)), "--token", secret, code=3).stdout
        numbers.append(told.split("contribution ")[1].split(" ")[0])
    assert "superseded" in run("contributions", "show", numbers[0]).stdout
    assert "declined" in run("contributions", "decline", numbers[1], "--note", "too late").stdout
    assert "too late" in run("contributions", "show", numbers[1]).stdout
    told = run("contribute", written(here, HALL.replace("NAME", "Three")), "--token", secret, code=3).stdout
    number = told.split("contribution ")[1].split(" ")[0]
    assert "withdrawn" in run("contributions", "withdraw", number, "--token", secret).stdout


def test_mistakes_are_sentences(here: Path) -> None:
    assert "register it" in run("contribute", written(here, HALL), "--source", "nowhere", code=1).output
    assert "There is no partner" in run("token", "add", "nobody", code=1).output
    assert "note" in run("contribute", written(here, HALL), "--confirm", code=2).output
    assert "There is no token" in run("token", "revoke", "ffff", code=1).output
    assert "small letters" in run("partner", "add", "Ačme", "--name", "x", code=1).output
    assert "no revision 99" in run("rollback", "acme", "99", "--reason", "x", code=1).output
    assert "no contribution 999999" in run("contributions", "show", "999999", code=1).output


def test_over_http_as_a_partner_does(here: Path, home: Path, server: Server) -> None:
    secret = run("token", "add", "acme").stdout.strip()
    there = ("--url", server.url, "--token", secret)
    file = written(here, HALL.replace("NAME", "By wire"))
    assert "would" not in run("contribute", file, *there, "--dry-run").stdout
    assert not said(home, "By wire")
    told = run("contribute", file, *there).stdout
    assert "to acme: published" in told
    asked = httpx.get(f"{server.url}/sparql", params={"query": ASK.replace("NAME", "By wire")})
    assert asked.json()["boolean"] is True, "the answer comes at once"
    told = run("contribute", written(here, WRONG), *there, code=1).stdout
    assert "to acme: invalid" in told
    assert "[violation]" in told
    broken = run("contribute", written(here, HALL[:-5]), *there, code=1).output
    assert "Line 4, column" in broken
    assert "no longer valid" in run("contribute", file, "--url", server.url, "--token", "v4g_x_y", code=1).output
    assert "does not answer" in run("contribute", file, "--url", "http://127.0.0.1:9", code=1).output
    assert secret not in told + broken
