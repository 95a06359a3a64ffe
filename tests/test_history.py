"""The commands about the past, and about who is told: as an operator types them."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.test_mirror import SOURCE, publish
from v4graph import cli
from v4graph.differences import read_patch
from v4graph.workspace import Workspace


@pytest.fixture
def home(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The published data with two more revisions of a source."""
    monkeypatch.setenv("V4GRAPH_HOME", str(workspace.home))
    publish(workspace, 1)
    publish(workspace, 19)
    return workspace


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def test_history_and_compare(home: Workspace) -> None:
    lines = run("history", SOURCE).output.splitlines()
    assert [line.split()[0] for line in lines] == ["3", "2", "1"]
    assert "nca  withdrawal, 0 statements (+0 −425): publication 19 <&> “of many”" in lines[0]
    words = run("compare", SOURCE, "1", "2").output
    assert 'V4Clusters: note (en) + note "1"\n of many' in words
    assert words.endswith("1 statement added, 1 removed\n")
    told = json.loads(run("compare", SOURCE, "1", "2", "--format", "json").output)
    assert (told["added"], told["removed"]) == (1, 1)
    patch = run("compare", SOURCE, "3", "2", "--format", "patch").output
    added, removed = read_patch(patch, home.iris.graph(SOURCE))
    assert (len(added), len(removed)) == (425, 0)
    for wrong in (("history", "nobody"), ("compare", SOURCE, "1", "9"), ("compare", "nobody", "0", "1")):
        assert run(*wrong).exit_code == 1
    assert run("compare", SOURCE, "1", "2", "--format", "pdf").exit_code == 2


def test_blame(home: Workspace) -> None:
    home.heal()
    now = run("blame", "project/v4clusters")
    assert now.exit_code == 0
    assert SOURCE not in now.output
    note = "http://www.w3.org/2004/02/skos/core#note"
    former = run("blame", "project/v4clusters", "--former", "--property", note).output
    assert f"{SOURCE}, revision 2" in former
    assert re.search(r"until revision 3, [0-9T:-]+Z, by nca publication 19", former)
    assert run("blame", "project/nobody").exit_code == 1
    assert run("blame", "no iri at all:").exit_code == 1


def test_webhooks(home: Workspace) -> None:
    assert "no webhook" in run("webhook", "list").output
    assert run("webhook", "add", "http://127.0.0.1:9/").exit_code == 1
    added = run("webhook", "add", "http://127.0.0.1:9/", "--allow-private").output
    secret = re.search(r"whsec_\S+", added)
    assert secret is not None
    name = added.split()[0]
    listed = run("webhook", "list").output
    assert name in listed
    assert secret[0] not in listed, "it is shown once"
    assert run("webhook", "deliver").exit_code == 0
    publish(home, 20)
    failed = run("webhook", "deliver")
    assert failed.exit_code == 1
    assert "does not answer" in failed.output
    assert run("webhook", "deliver").exit_code == 0, "it is tried again later"
    assert run("webhook", "remove", name).exit_code == 0
    assert run("webhook", "remove", name).exit_code == 1


def test_mirror_needs_a_home_of_its_own(home: Workspace) -> None:
    assert run("mirror", "http://127.0.0.1:9/").exit_code == 1
    answer = run("mirror", "http://127.0.0.1:9/", "--allow-private")
    assert answer.exit_code == 1
    assert "does not answer" in answer.output
