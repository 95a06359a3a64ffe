"""A patch is checked as far as it reaches, and what it breaks is found: real sources, changed at random."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence

import pyoxigraph as ox
import pytest

from v4graph import derivation, proposals, rdf
from v4graph.iris import Iris
from v4graph.neighbourhood import Neighbourhood
from v4graph.proposals import Concern, Draft, concern
from v4graph.report import Finding
from v4graph.shapes import validate
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

IRIS = Iris()
DERIVED = derivation.derived_properties(IRIS)
SMALLEST, LARGEST = 60, 900
CHANGES = 8 if os.environ.get("V4GRAPH_DRILL") == "full" else 2
"""To each source that is neither so small that all is near, nor too large to be checked whole often."""


@pytest.fixture(scope="module")
def said(published: Workspace) -> dict[str, list[str]]:
    with published.ledger() as ledger:
        entries = ledger.latest("revision")
        found = {source: ledger.lines(entry.content) for source, entry in sorted(entries.items())}
    return {source: lines for source, lines in found.items() if SMALLEST <= len(lines) <= LARGEST}


@pytest.fixture(scope="module")
def store(published: Workspace) -> ox.Store:
    snapshot = current(published.home)
    assert snapshot is not None
    return ox.Store.read_only(str(snapshot.path))


def check(store: ox.Store, source: str, asked: Concern) -> set[Finding]:
    around = Neighbourhood(store, IRIS, DERIVED, source, asked.subjects).of(asked.lines)
    found = validate(asked.lines, context=around.lines, own=around.own, iris=IRIS, outside=True).findings
    return set(found)


def changed(lines: Sequence[str], chance: random.Random) -> set[str]:
    """A graph in which some records are gone, some statements are gone, and some say what others say."""
    new = set(lines)
    by_property: dict[str, list[tuple[str, str]]] = {}
    for line in lines:
        subject, predicate, value = rdf.split_line(line)
        by_property.setdefault(predicate, []).append((subject, value))
    subjects = sorted({rdf.split_line(line)[0] for line in lines})
    for _ in range(chance.choice((1, 1, 2, 5))):
        what, line = chance.choice(("record", "statement", "value", "value", "value")), chance.choice(lines)
        subject, predicate, value = rdf.split_line(line)
        if what == "record":
            gone = chance.choice(subjects)
            new = {other for other in new if not other.startswith(f"{gone} ")}
            continue
        new.discard(line)
        if what == "value":
            new.add(f"{subject} {predicate} {chance.choice(by_property[predicate])[1]} .")
    return new


def drafts(source: str, lines: list[str], chance: random.Random) -> Iterator[Draft]:
    for _ in range(CHANGES):
        new = changed(lines, chance)
        added, removed = sorted(new - set(lines)), sorted(set(lines) - new)
        if added or removed:
            yield Draft(source, "difference", 1, tuple(sorted(new)), tuple(added), tuple(removed))


def test_a_change_is_checked_as_far_as_it_reaches(store: ox.Store, said: dict[str, list[str]]) -> None:
    chance, brought, smaller = random.Random(7), 0, 0
    assert len(said) > 10
    for source, lines in said.items():
        before = check(store, source, Concern(lines))
        for made in drafts(source, lines, chance):
            part = concern(made)
            assert part.subjects is not None
            found, whole = check(store, source, part), check(store, source, Concern(made.lines))
            assert found == {f for f in whole if f.focus in part.subjects}, (source, made.added, made.removed)
            # Of two that are the same, the one that was there before need not be told: the other one is.
            rules = {(finding.shape, finding.severity) for finding in found}
            assert {(f.shape, f.severity) for f in whole - before} <= rules, (source, made.added, made.removed)
            brought += len(whole - before)
            smaller += len(part.lines) < len(made.lines)
    assert brought > 5 * CHANGES
    assert smaller > 5 * CHANGES


def test_what_replaces_a_graph_is_checked_as_a_whole(said: dict[str, list[str]]) -> None:
    lines = tuple(next(iter(said.values())))
    for mode, base in (("replacement", 1), ("patch", 0), ("difference", 0)):
        assert concern(Draft("a", mode, base, lines, lines[:1], ())) == Concern(lines)


def test_what_refers_to_a_thing_that_is_gone_is_checked() -> None:
    one, two, three = (f"<{IRIS.thing('project', name)}>" for name in ("one", "two", "three"))
    kept = tuple(sorted((f"{two} <urn:p> {one} .", f'{two} <urn:q> "x" .', f'{three} <urn:q> "x" .')))
    made = proposals.Draft("a", "difference", 1, kept, (), (f'{one} <urn:q> "x" .',))
    assert concern(made) == Concern([line for line in kept if line.startswith(two)], frozenset({one[1:-1], two[1:-1]}))
