"""Blame: every statement is traced to the publication that brought it, and what was removed to who removed it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from v4graph.blame import Departures, blame
from v4graph.iris import Iris
from v4graph.ledger import Append, Ledger

IRIS = Iris()
NAME, START = IRIS.term("name"), IRIS.term("startDate")


def thing(number: int) -> str:
    return IRIS.thing("project", f"p{number}")


def statement(number: int, property_: str, value: object) -> str:
    return f'<{thing(number)}> <{property_}> "{value}" .'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger.in_home(tmp_path)
    yield found
    found.close()


def publish(ledger: Ledger, source: str, lines: list[str], actor: str = "curator", **detail: object) -> int:
    """A contribution, the decision about it and its revision, as publishing writes them; returns the revision."""
    before = ledger.current("revision", source)
    old = set(ledger.lines(before.content)) if before else set()
    revision = ((before.revision or 0) if before else 0) + 1
    [contribution] = ledger.append([Append("contribution", source, actor, lines, detail={"name": "a file"})])
    decided = {"contribution": contribution.number, "state": "published", "checked_with": f"rules-{revision}"}
    because = {"contribution": contribution.number, "mode": "replacement", **detail}
    kept = {"added": sorted(set(lines) - old), "removed": sorted(old - set(lines))}
    ledger.append(
        [
            Append("state", source, actor, detail=decided),
            Append("revision", source, actor, lines, revision, because, kept),
        ]
    )
    return revision


def test_each_statement_has_its_own_origin(ledger: Ledger) -> None:
    name, start = statement(1, NAME, "One"), statement(1, START, "2013")
    publish(ledger, "a", [name, statement(2, NAME, "Two")], "nca/1")
    publish(ledger, "a", [name, start, statement(2, NAME, "Two")], "nca/2", note="the start was missing")
    publish(ledger, "b", [name], "gapr/1")
    found = blame(ledger, ["a", "b"], thing(1))
    assert [(s.line, s.by.source, s.by.revision, s.by.actor) for s in found] == [
        (name, "a", 1, "nca"),
        (name, "b", 1, "gapr"),
        (start, "a", 2, "nca"),
    ]
    late = found[2].by
    assert (late.note, late.checked_with, late.mode) == ("the start was missing", "rules-2", "replacement")
    contribution = ledger.entry(late.contribution or 0)
    assert contribution is not None
    assert contribution.kind == "contribution"
    assert late.time == contribution.time


def test_a_statement_that_came_back_is_blamed_on_who_brought_it_back(ledger: Ledger) -> None:
    one = statement(1, NAME, "One")
    for number, lines in enumerate(([one], [], [one]), start=1):
        publish(ledger, "a", lines, f"actor/{number}")
    [now] = blame(ledger, ["a"], thing(1))
    assert (now.by.revision, now.removed) == (3, None)
    past = blame(ledger, ["a"], thing(1), former=True)
    assert [(s.by.revision, s.removed.revision if s.removed else None) for s in past] == [(1, 2), (3, None)]


def test_one_statement(ledger: Ledger) -> None:
    lines = [statement(1, NAME, 'the \\"One\\"'), statement(1, NAME, "Uno"), f"<{thing(1)}> <{START}> <{thing(2)}> ."]
    publish(ledger, "a", lines)
    assert len(blame(ledger, ["a"], thing(1), property=NAME)) == 2
    assert [s.line for s in blame(ledger, ["a"], thing(1), property=NAME, value='the "One"')] == [lines[0]]
    assert [s.line for s in blame(ledger, ["a"], thing(1), value=thing(2))] == [lines[2]]
    assert blame(ledger, ["a"], thing(1), value="nobody said so") == []
    assert blame(ledger, ["nobody"], thing(1)) == []
    assert blame(ledger, ["a"], thing(1)[:-1]) == [], "a thing whose name only starts alike"


def test_ledgers_from_before_differences_were_kept(ledger: Ledger) -> None:
    one, two = statement(1, NAME, "One"), statement(1, START, "2013")
    for revision, lines in enumerate(([one], [one, two], [two]), start=1):
        ledger.append([Append("revision", "a", "curator", lines, revision, {"contribution": 0})])
    assert [(s.line, s.by.revision) for s in blame(ledger, ["a"], thing(1))] == [(two, 2)]
    past = blame(ledger, ["a"], thing(1), former=True)
    assert [(s.line, s.by.revision, s.removed and s.removed.revision) for s in past] == [(one, 1, 3), (two, 2, None)]


def test_departures_know_who_took_a_thing_away(ledger: Ledger) -> None:
    departures = Departures(IRIS)
    publish(ledger, "a", [statement(1, NAME, "One"), statement(2, NAME, "Two")])
    assert departures.find(ledger, thing(1)) is None
    publish(ledger, "a", [statement(2, NAME, "Two")], "nca/1", note="It never existed.")
    gone = departures.find(ledger, thing(1))
    assert gone is not None
    assert (gone.source, gone.revision, gone.actor, gone.note) == ("a", 2, "nca", "It never existed.")
    assert departures.find(ledger, thing(2)) is None
    publish(ledger, "a", [], "nca/2", mode="withdrawal", note="The partner left.")
    again = departures.find(ledger, thing(2))
    assert again is not None
    assert (again.mode, again.note) == ("withdrawal", "The partner left.")
    assert departures.find(ledger, thing(3)) is None


def test_many_records_and_fifty_revisions(ledger: Ledger) -> None:
    lines = {statement(i, IRIS.term(f"p{k}"), f"value {i} {k}") for i in range(1000) for k in range(8)}
    publish(ledger, "a", sorted(lines))
    for revision in range(49):
        lines ^= {statement(revision, NAME, f"name {revision}"), statement(7, START, revision)}
        publish(ledger, "a", sorted(lines))
    started = time.perf_counter()
    found = blame(ledger, ["a"], thing(7))
    seconds = time.perf_counter() - started
    assert len(found) == 8 + 1 + 49
    assert {s.by.revision for s in found if "startDate" in s.line} == set(range(2, 51))
    assert seconds < 1.0
