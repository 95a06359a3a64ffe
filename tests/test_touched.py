"""What a publication touched: what is carried over from one reading to the next is what a new reading gives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.test_projection import (
    IRIS,
    NAMES,
    ORGANISATIONS,
    PREF,
    PROJECTS,
    SOURCES,
    TYPE,
    V4,
    XSD,
    describe,
    pages,
    project,
    revise,
    start,
    thing,
)
from v4graph import collections, touched
from v4graph.collections import COLLECTIONS, Collection, Content
from v4graph.queries import bind, load_query
from v4graph.statements import Term
from v4graph.store import embedded

CARRIED = [COLLECTIONS[name] for name in ("clusters", "projects", "partners")]
COUNTRIES = [f"<http://publications.europa.eu/resource/authority/country/{code}>" for code in ("CZE", "POL")]
REGIONS = [f"<http://data.europa.eu/nuts/code/{code}>" for code in ("CZ08", "CZ080", "PL22")]
LABELS = [f"<{IRIS.concept('quality-label', name)}>" for name in ("esca-bronze", "esca-gold")]
PLACES = [thing("place", slug) for slug in ("ostrava", "katowice")]
AWARDS = [thing("award", slug) for slug in ("a", "b")]
OBSERVATIONS = [thing("observation", slug) for slug in ("m", "n")]


def said(subjects: list[str], *about: tuple[str, list[str]]) -> st.SearchStrategy[str]:
    statements = [f"<{name}> {value}" if "<" not in name else f"{name} {value}" for name, vs in about for value in vs]
    return st.builds(lambda s, p: f"{s} {p} .", st.sampled_from(subjects), st.sampled_from(statements))


more = st.one_of(
    said(
        ORGANISATIONS,
        (TYPE, [f"<{V4}ClusterOrganisation>"]), (PREF, NAMES), (f"{V4}country", COUNTRIES),
        (f"{V4}seatRegion", REGIONS),
        (f"{V4}seatPlace", PLACES), (f"{V4}acronym", ['"X"', '"Y"']), (f"{V4}foundedOn", [f'"2004"^^<{XSD}gYear>']),
    ),
    said(PROJECTS, (TYPE, [f"<{V4}Project>"])),
    said([*COUNTRIES, *LABELS, *PLACES], (PREF, ['"Here"@en', '"Tady"@cs'])),
    said(PLACES, *((f"https://schema.org/{x}", [f'"{n}"^^<{XSD}decimal>' for n in ("18.3", "50.25")])
                   for x in ("latitude", "longitude"))),
    said(AWARDS, (f"{V4}awardedTo", ORGANISATIONS), (f"{V4}awardedLabel", LABELS),
         (f"{V4}awardedOn", [f'"2014"^^<{XSD}gYear>'])),
    said(OBSERVATIONS, (f"{V4}refOrganisation", ORGANISATIONS), (f"{V4}value", ['"4"', '"5"']),
         (f"{V4}indicator", [f"<{IRIS.concept('indicator', 'member-count')}>"])),
)  # fmt: skip
steps = st.one_of(
    st.tuples(
        st.sampled_from(SOURCES[:3]),
        st.builds(lambda page, lines: page | frozenset(lines), pages, st.lists(more, max_size=16)),
    ),
    st.tuples(st.sampled_from(SOURCES[:3]), st.integers(1, 5)),
)


def rows(store: ox.Store, query: str) -> Iterator[list[Term | None]]:
    for solution in store.query(query):  # type: ignore[union-attr]
        yield [term if isinstance(term, (ox.NamedNode, ox.Literal)) else None for term in solution]  # type: ignore[union-attr]


def terms(things: Iterable[str]) -> list[str]:
    return [f"<{iri}>" for iri in sorted(things)]


def named(store: ox.Store, things: Iterable[str]) -> list[dict[str, Term]]:
    found = rows(store, bind(load_query("platform/list-named", IRIS), thing=terms(things)))
    return [{"thing": t, "what": w, "value": v} for t, w, v in found if t and w and v]


def mentioned_in(found: Iterable[list[Term | None]]) -> list[str]:
    return collections.mentioned_in(term.value for row in found for term in row[2:4] if isinstance(term, ox.NamedNode))


def whole(store: ox.Store, collection: Collection) -> Content:
    query = load_query(collection.query, IRIS)
    names = named(store, mentioned_in(rows(store, query)))
    return collections.read(collection, rows(store, query), names, 1)


def carried(store: ox.Store, before: Content, subjects: frozenset[str]) -> Content:
    pointed = rows(store, bind(load_query("platform/list-objects", IRIS), subject=terms(subjects)))
    again = collections.reached(before, subjects, {row[0].value for row in pointed if row[0]})
    query = bind(load_query(before.collection.query, IRIS), thing=terms(again))
    mentioned = {iri for others in before.mentions.values() for iri in others if iri in again}
    names = named(store, mentioned.union(mentioned_in(rows(store, query))))
    return collections.read(before.collection, rows(store, query), names, 1, before=before, again=again)


@pytest.mark.timeout(600)
@settings(
    max_examples=60 if os.environ.get("V4GRAPH_DRILL") == "full" else 3,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(steps, min_size=2, max_size=5))
def test_what_is_carried_over_is_what_a_new_reading_gives(history: list[tuple[str, frozenset[str] | int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        ledger = start(home)
        try:
            first = project(ledger, home)
            token, known = first.token, set(plain(opened(first)))
            held = {collection.name: whole(opened(first), collection) for collection in CARRIED}
            for source, change in history:
                ledger.append([describe(source, change)] if isinstance(change, int) else revise(ledger, source, change))
                snapshot = project(ledger, home)
                after = opened(snapshot)
                subjects = touched.between(home, token, snapshot.token)
                assert subjects is not None
                quads = set(plain(after))
                assert {quad.subject.value for quad in quads ^ known} <= subjects  # type: ignore[union-attr]
                for name, content in held.items():
                    held[name] = carried(after, content, subjects)
                    assert held[name] == whole(after, content.collection)
                token, known = snapshot.token, quads
            assert touched.between(home, first.token, token) is not None
        finally:
            ledger.close()


def opened(snapshot: embedded.Snapshot) -> ox.Store:
    return ox.Store.read_only(str(snapshot.path))


def plain(store: ox.Store) -> Iterator[ox.Quad]:
    return store.quads_for_pattern(None, None, None, ox.DefaultGraph())


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    touched.note(tmp_path, "1-a", "2-b", ["http://e/2"])
    touched.note(tmp_path, "2-b", "3-c", ["http://e/3", "http://e/2"])
    assert touched.between(tmp_path, "1-a", "3-c") == {"http://e/2", "http://e/3"}
    assert touched.between(tmp_path, "3-c", "3-c") == frozenset()
    assert touched.between(tmp_path, "0-z", "3-c") is None
    assert touched.between(tmp_path, "3-c", "1-a") is None
    touched.note(tmp_path, "3-c", "4-d", (f"http://e/{n}" for n in range(touched.MOST + 1)))
    assert touched.between(tmp_path, "3-c", "4-d") is None
    (tmp_path / "store" / "touched" / "3-c.json").write_text("{", encoding="utf-8")
    assert touched.between(tmp_path, "2-b", "3-c") is None
