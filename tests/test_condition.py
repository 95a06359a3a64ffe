"""``v4graph status``: what it says of an instance is so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from v4graph import harvest
from v4graph.cli import app
from v4graph.commands.status import size
from v4graph.condition import condition
from v4graph.harvest import Registered, Status
from v4graph.settings import Settings
from v4graph.store.embedded import current, holding
from v4graph.workspace import Workspace

from .small import CLEAN, SOUTH, WEST, project_lines, small, token


@pytest.fixture
def instance(tmp_path: Path) -> Workspace:
    workspace = small(tmp_path / "home")
    workspace.submit(SOUTH, "south", project_lines("one"), report=CLEAN, checked_token=token(workspace))
    return workspace


def test_an_instance_in_order(instance: Workspace) -> None:
    found = condition(instance)
    snapshot = current(instance.home)
    assert snapshot is not None
    with instance.ledger() as ledger:
        head = ledger.head()
        assert head is not None
        assert found.ledger_entries == head.number
    assert (found.snapshot, found.published, found.behind) == (snapshot.number, snapshot.created, 0)
    assert (found.sources, found.contributions_waiting, found.harvested) == (2, 0, 0)
    assert found.snapshots_kept == 2
    assert found.past_states == 0
    assert found.ledger_bytes > 10_000
    assert found.store_bytes > 10_000
    assert found.free_bytes > 0
    assert found.healthy
    assert not found.read
    with holding(snapshot):
        assert condition(instance).read


def test_what_waits_and_what_fails(instance: Workspace) -> None:
    instance.submit(WEST, "west", project_lines("two"), report=CLEAN, checked_token=token(instance))
    harvest.register(instance, Registered("north", "https://north.example/data.ttl"), "curator")
    assert condition(instance).healthy
    harvest._keep(instance.home, "north", Status(error="it does not answer", failures=3))
    found = condition(instance)
    assert (found.contributions_waiting, found.harvested, found.harvest_failures) == (1, 1, ("north",))
    assert not found.healthy


def test_a_store_that_is_behind(instance: Workspace) -> None:
    before = instance.home / "before"
    shutil.copy(instance.home / "store" / "CURRENT", before)
    changed = project_lines("one", "2014")
    instance.submit(SOUTH, "south", changed, report=CLEAN, checked_token=token(instance))
    shutil.copy(before, instance.home / "store" / "CURRENT")
    found = condition(instance)
    assert found.behind == 1
    assert not found.healthy


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    found = condition(Workspace(Settings(home=tmp_path / "nothing")))
    assert (found.snapshot, found.ledger_entries, found.store_bytes, found.published) == (None, 0, 0, "")
    assert not found.healthy
    assert list(tmp_path.iterdir()) == []


def test_the_command(instance: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("V4GRAPH_HOME", str(instance.home))
    told = CliRunner().invoke(app, ["status", "--json"])
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert said["home"] == str(instance.home)
    assert (said["healthy"], said["sources"]) == (True, 2)
    shown = CliRunner().invoke(app, ["status"])
    assert shown.exit_code == 0
    assert "equal to the ledger" in shown.stdout
    monkeypatch.setenv("V4GRAPH_HOME", str(tmp_path / "nothing"))
    empty = CliRunner().invoke(app, ["status"])
    assert empty.exit_code == 1
    assert "nothing was published yet" in empty.stdout


@pytest.mark.parametrize(
    ("amount", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (16_265_216, "16 MB"), (3e15, "3000.0 TB")],
)
def test_sizes(amount: float, told: str) -> None:
    assert size(amount) == told
