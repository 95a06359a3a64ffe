"""Damaged files: noticed, explained, and made again from the ledger; a damaged ledger is refused with what to do."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from tests.drills.serving import FULL
from tests.small import CLEAN, NORTH, SOUTH, graphs, project_lines, small, token
from tests.web.conftest import SMALL, publish, running, wide
from v4graph.cli import app
from v4graph.errors import BadRequest, LedgerBroken, StoreDamaged
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.web.app import create_app
from v4graph.workspace import Workspace


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a few publications, and a backup beside it."""
    home = tmp_path_factory.mktemp("sound") / "home"
    workspace = small(home)
    for number in range(2):
        checked = {"report": CLEAN, "checked_token": token(workspace)}
        workspace.submit(NORTH, "north", project_lines(f"p{number}"), **checked)
    workspace.backup(home.parent / "backup.tar.gz")
    return home


@pytest.fixture
def workspace(sound: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(sound, tmp_path / "home")
    return Workspace(Settings(home=tmp_path / "home"))


def flip(path: Path) -> None:
    """Turn bytes round, in this file and not in those that it shares its content with."""
    content, chance = bytearray(path.read_bytes()), random.Random(1)
    for _ in range(max(8, len(content) // 40)):
        content[chance.randrange(len(content))] ^= 0xFF
    path.unlink()
    path.write_bytes(content)


def tables(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.sst"))
    assert found
    return found


def snapshot(home: Path) -> Path:
    found = current(home)
    assert found is not None
    return found.path


def _both_flipped(home: Path) -> None:
    for folder in (snapshot(home), home / "store" / "primary"):
        for path in tables(folder):
            flip(path)


def _all(of: Callable[[Path], Path], do: Callable[[Path], object], pattern: str = "*.sst") -> Callable[[Path], None]:
    def damage(home: Path) -> None:
        for path in of(home).glob(pattern):
            do(path)

    return damage


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


def _primary(home: Path) -> Path:
    return home / "store" / "primary"


def _note(content: bytes) -> Callable[[Path], object]:
    return lambda home: (home / "store" / "CURRENT").write_bytes(content)


NOTICED = {
    "tables of the snapshot flipped": _all(snapshot, flip),
    "tables of the snapshot cut": _all(snapshot, _cut),
    "tables of the snapshot gone": _all(snapshot, Path.unlink),
    "manifest of the snapshot flipped": _all(snapshot, flip, "MANIFEST*"),
    "snapshot gone": lambda home: shutil.rmtree(snapshot(home)),
    "snapshot empty": _all(snapshot, Path.unlink, "*"),
    "snapshot and primary flipped": _both_flipped,
    "CURRENT gone": lambda home: (home / "store" / "CURRENT").unlink(),
    "CURRENT empty": _note(b""),
    "CURRENT garbled": _note(b"\xff\x00{]"),
    "CURRENT of another shape": _note(b"[1, 2]"),
    "CURRENT of another meaning": _note(b'{"entry": {}, "folder": [], "token": 1, "created": null}'),
}
UNNOTICED = {
    "primary gone": lambda home: shutil.rmtree(_primary(home)),
    "tables of the primary flipped": _all(_primary, flip),
    "manifest of the primary flipped": _all(_primary, flip, "MANIFEST*"),
    "log of the primary garbled": _all(_primary, lambda path: path.write_bytes(os.urandom(900)), "*.log"),
    "CURRENT of the primary gone": lambda home: (_primary(home) / "CURRENT").unlink(),
    "notes garbled": _all(lambda home: home / "store" / "snapshots", lambda path: path.write_bytes(b"\xfe{"), "*.json"),
}
"""Damage to what only the publisher uses: readers see what they saw."""
SHORT = (
    "tables of the snapshot flipped", "snapshot empty", "snapshot and primary flipped", "CURRENT garbled",
    "CURRENT of another shape", "primary gone", "manifest of the primary flipped", "notes garbled",
)  # fmt: skip


@pytest.mark.parametrize("damage", [*NOTICED, *UNNOTICED] if FULL else SHORT)
def test_a_damaged_store_heals_from_the_ledger(workspace: Workspace, damage: str) -> None:
    before = workspace.quads()
    (NOTICED | UNNOTICED)[damage](workspace.home)
    if damage in NOTICED:
        with pytest.raises(StoreDamaged, match="rebuild"):
            workspace.quads()
        with pytest.raises(StoreDamaged, match="rebuild"):
            workspace.check()
    else:
        assert workspace.quads() == before
    assert workspace.heal() is not None
    assert workspace.quads() == before
    workspace.check()
    lines = project_lines("after")
    workspace.submit(SOUTH, "south", lines, report=CLEAN, checked_token=token(workspace))
    assert graphs(workspace)["south"] == set(lines)
    workspace.check()


@pytest.mark.parametrize("damage", ["snapshot and primary flipped", "CURRENT of the primary gone"])
def test_publishing_mends_a_damaged_store(workspace: Workspace, damage: str) -> None:
    before = token(workspace)
    (NOTICED | UNNOTICED)[damage](workspace.home)
    lines = project_lines("after")
    if damage == "snapshot and primary flipped":
        with pytest.raises(StoreDamaged, match="rebuild"):  # the check needs to read it
            workspace.submit(SOUTH, "south", lines)
    workspace.submit(SOUTH, "south", lines, report=CLEAN, checked_token=before)
    assert token(workspace) != before
    assert graphs(workspace)["south"] == set(lines)
    workspace.check()


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _scratched(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 3)
        file.write(os.urandom(path.stat().st_size // 3))


LEDGERS: dict[str, Callable[[Path], object]] = {
    "cut": _half,
    "overwritten": lambda path: path.write_bytes(os.urandom(20_000)),
    "without its head": lambda path: path.write_bytes(b"nothing" + path.read_bytes()[7:]),
    "scratched": _scratched,
    "empty": lambda path: path.write_bytes(b""),
    "gone": Path.unlink,
}


@pytest.mark.parametrize("damage", LEDGERS if FULL else ["cut", "scratched", "gone"])
def test_a_damaged_ledger_is_refused_and_restored(workspace: Workspace, sound: Path, damage: str) -> None:
    before = workspace.quads()
    ledger = workspace.home / "ledger.sqlite"
    LEDGERS[damage](ledger)
    for do in (workspace.check, workspace.heal, workspace.load, workspace.rebuild):
        with pytest.raises(LedgerBroken, match="v4graph restore"):
            do()
    with pytest.raises(LedgerBroken, match="v4graph restore"):
        workspace.submit(NORTH, "north", project_lines("lost"), report=CLEAN, checked_token=token(workspace))
    assert workspace.quads() == before, "who reads goes on"
    told = CliRunner().invoke(app, ["serve"], env={"V4GRAPH_HOME": str(workspace.home)})
    assert told.exit_code == 1
    assert "ledger.sqlite" in told.stderr and "restore" in told.stderr
    for path in workspace.home.glob("ledger.sqlite*"):
        path.unlink()
    workspace.restore(sound.parent / "backup.tar.gz")
    assert workspace.quads() == before
    workspace.check()


def test_restore_leaves_the_log_of_a_former_ledger_alone(workspace: Workspace, sound: Path) -> None:
    """SQLite would read it as the log of the new one."""
    (workspace.home / "ledger.sqlite").rename(workspace.home / "broken.sqlite")
    (workspace.home / "ledger.sqlite-wal").write_bytes(b"the last publications")
    with pytest.raises(BadRequest, match=r"ledger\.sqlite-wal"):
        workspace.restore(sound.parent / "backup.tar.gz")


def test_what_a_killed_build_left_is_cleared_away(workspace: Workspace) -> None:
    left = workspace.home / "rebuild-x1y2"
    left.mkdir()
    (left / "quads.nq").write_bytes(b"half of them")
    workspace.rebuild()
    assert not left.exists()


def test_logs_of_the_engine_do_not_pile_up(workspace: Workspace) -> None:
    """The engine keeps a thousand former logs, of 140 kB each."""
    for number in range(4):
        lines = project_lines(f"more{number}")
        workspace.submit(SOUTH, "south", lines, report=CLEAN, checked_token=token(workspace))
    assert list((workspace.home / "store" / "primary").glob("LOG.old.*")) == []


def test_a_query_that_meets_damage_is_no_mistake_of_the_client(tmp_path: Path) -> None:
    """A block in the middle of a table is read only when a query needs it: 500, never 400, and never a part of it."""
    publish(tmp_path, SMALL + wide())
    [found] = (path for path in tables(snapshot(tmp_path)) if b"row number" in path.read_bytes())
    content = bytearray(found.read_bytes())
    for place in range(len(content) * 3 // 5, len(content) * 3 // 5 + 64):
        content[place] ^= 0x55
    found.unlink()
    found.write_bytes(content)
    with running(create_app(Settings(home=tmp_path, readers=1))) as server, httpx.Client(base_url=server.url) as client:
        query = "SELECT ?o { GRAPH ?g { ?s ?p ?o } } ORDER BY ?o"
        answer = client.get("/sparql", params={"query": query}, timeout=30)
        assert answer.status_code == 500, answer.text[:1000]
        assert answer.json()["type"].endswith("/store-damaged")
        assert "rebuild" in answer.json()["detail"]
        assert str(tmp_path) not in answer.text
    with pytest.raises(StoreDamaged, match="store/snapshots"):
        Workspace(Settings(home=tmp_path)).quads()
