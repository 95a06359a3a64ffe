"""The ledger keeps what it was given, in order, and notices every change behind its back."""

from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest

from v4graph import rdf
from v4graph.errors import LedgerBroken
from v4graph.ledger import EMPTY, START, Append, Ledger

LINES = ['<http://e/a> <http://e/b> "č\u2028x" .', "<http://e/a> <http://e/b> <http://e/c> ."]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger.in_home(tmp_path)
    ledger.append([Append("source", "one", "curator", LINES[:1], detail={"rank": 2})])
    ledger.append(
        [
            Append("contribution", "one", "curator", LINES),
            Append("revision", "one", "curator", LINES, 1, {"contribution": 2}),
        ]
    )
    ledger.append([Append("revision", "one", "curator", [], 2, {"contribution": 2})])
    return ledger


def test_entries_are_chained(ledger: Ledger) -> None:
    entries = ledger.entries()
    assert [entry.number for entry in entries] == [1, 2, 3, 4]
    assert entries[0].previous == START
    assert all(later.previous == entry.hash for entry, later in pairwise(entries))
    assert ledger.verify() == 4
    assert ledger.head() == entries[-1]


def test_content_comes_back_sorted_and_whole(ledger: Ledger) -> None:
    [first, second] = ledger.entries(kind="revision")
    assert ledger.lines(first.content) == sorted(LINES)
    assert first.content == rdf.sha256(LINES)
    assert second.content == EMPTY
    assert ledger.lines(EMPTY) == []
    assert ledger.triples()[rdf.sha256(LINES)] == 2


def test_latest_knows_the_past(ledger: Ledger) -> None:
    assert ledger.latest("revision")["one"].revision == 2
    assert ledger.latest("revision", until=3)["one"].revision == 1
    assert ledger.latest("revision", until=2) == {}


def test_an_append_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def lines() -> list[str]:
        raise RuntimeError

    class Broken:
        def __iter__(self) -> object:
            raise RuntimeError("in the middle")

    before = ledger.entries()
    with pytest.raises(RuntimeError):
        ledger.append([Append("revision", "one", "curator", LINES, 3), Append("x", "y", "z", Broken())])  # type: ignore[arg-type]
    assert ledger.entries() == before
    assert ledger.verify() == 4


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET time = '2001-01-01T00:00:00Z' WHERE number = 2",
        "UPDATE entry SET detail = '{}' WHERE number = 3",
        "UPDATE entry SET content = NULL WHERE number = 3",
        "DELETE FROM entry WHERE number = 2",
        "UPDATE content SET data = x'00' WHERE triples = 2",
        "DELETE FROM content WHERE triples = 2",
    ],
)
def test_every_change_is_noticed(ledger: Ledger, tmp_path: Path, change: str) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute(change)
    db.close()
    with pytest.raises(LedgerBroken):
        ledger.verify()


def test_time_never_goes_back(ledger: Ledger, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("UPDATE entry SET time = '2999-01-01T00:00:00Z' WHERE number = 4")
    db.close()
    [entry] = ledger.append([Append("source", "two", "curator")])
    assert entry.time == "2999-01-01T00:00:00Z"
