"""What a page shows around a thing beyond its document: figures over time, labels, projects, partners, similar ones.

Only for pages: RDF and JSON-LD of a thing are its document.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph.entities import select
from v4graph.iris import Iris
from v4graph.queries import bind, load_query
from v4graph.rdf import iri_text
from v4graph.statements import Document, Statement, Term
from v4graph.web.delivery import present_snapshot

WHOLE = frozenset({"observation", "award"})
"""Kinds of things that refer to a thing and are told whole on its page."""
_KINDS = frozenset({"organisation", "project", "partnership"})
"""Kinds of things that have something around them."""
_KEPT = 256
_ALIKE = 8

Rows = Sequence[Mapping[str, Term]]


@dataclass(frozen=True, slots=True)
class Sight:
    """Something beside a thing: why it is there, how much they have in common, when it was."""

    what: str
    iri: str
    count: int = 0
    start: str = ""
    end: str = ""
    others: tuple[str, ...] = ()
    """What they have in common."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A document with what its page shows besides, and the sights around it."""

    document: Document
    sights: tuple[Sight, ...] = ()

    def of(self, *whats: str) -> list[Sight]:
        """The sights of some kinds."""
        return [sight for sight in self.sights if sight.what in whats]


class Sights:
    """Surroundings of the present snapshot, the least recently used leaving first."""

    def __init__(self) -> None:
        """Start with none."""
        self._token = ""
        self._kept: OrderedDict[str, Surroundings] = OrderedDict()

    async def of(self, state: State, document: Document) -> Surroundings:
        """What is around a thing."""
        if document.token != self._token:
            self._token = document.token
            self._kept.clear()
        key = f"{document.digest} {document.iri}"
        found = self._kept.get(key)
        if found is None:
            found = await _look(state, document)
            if present_snapshot(state).token == document.token:
                self._kept[key] = found
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


async def _look(state: State, document: Document) -> Surroundings:
    iris: Iris = state.iris
    kind = (iris.path(document.iri) or "").removeprefix("id/").split("/")[0]
    if kind not in _KINDS:
        return Surroundings(document)
    subject = iri_text(document.iri)
    rows = await _rows(state, "list-sights", subject=subject)
    own = {v.value for v in document.values(document.iri, iris.term("country"))}
    sights = (*_seen(rows), *_partners(rows), *_alike(rows, own), *_fields(rows))
    subjects = sorted({s.subject for s in document.referring.statements if _kind(s.subject, iris) in WHOLE})
    told = await _rows(state, "describe", subject=[iri_text(x) for x in subjects]) if subjects else []
    relations = _told(told, iris)
    wanted = {iri for sight in sights for iri in (sight.iri, *sight.others)}
    wanted |= {t.value for row in told for t in row.values() if isinstance(t, ox.NamedNode)}
    names = await _rows(state, "describe-mentioned", mentioned=[iri_text(x) for x in sorted(wanted)]) if wanted else []
    mentioned = dict(document.mentioned)
    for iri, statements in _named(names).items():
        mentioned.setdefault(iri, statements)
    digest = hashlib.sha256(repr((document.digest, sights, sorted(relations.items()), names)).encode()).hexdigest()[:32]
    whole = replace(document, relations={**document.relations, **relations}, mentioned=mentioned, digest=digest)
    return Surroundings(whole, sights)


_PAIRED = frozenset({"partner", "sector", "country", "region"})
"""What is told row by row and put together here: the engine groups thousands of rows slowly."""


def _seen(rows: Rows) -> Iterable[Sight]:
    for row in rows:
        if row["what"].value not in _PAIRED and "thing" in row:
            count = int(row["count"].value) if "count" in row else 0
            start, end = (row[x].value if x in row else "" for x in ("start", "end"))
            yield Sight(row["what"].value, row["thing"].value, count, start, end)


def _pairs(rows: Rows, *whats: str) -> dict[str, set[str]]:
    """Thing -> the others that rows of some kinds name with it."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["what"].value in whats:
            found.setdefault(row["thing"].value, set()).add(row["other"].value)
    return found


def _partners(rows: Rows) -> list[Sight]:
    """Who took part in the same projects, those with most of them first."""
    shared = _pairs(rows, "partner")
    order = sorted(shared, key=lambda iri: (-len(shared[iri]), iri))
    return [Sight("partner", iri, len(shared[iri]), others=tuple(sorted(shared[iri]))) for iri in order]


def _alike(rows: Rows, own: Set[str]) -> list[Sight]:
    """Clusters of the same sectors, those with most sectors, country and region in common first."""
    common = _pairs(rows, "sector", "region")
    for iri, countries in _pairs(rows, "country").items():
        common.setdefault(iri, set()).update(countries & own)
    order = sorted(common, key=lambda iri: (-len(common[iri]), iri))
    return [Sight("similar", iri, len(common[iri])) for iri in order[:_ALIKE]]


def _fields(rows: Rows) -> list[Sight]:
    """Countries with the number of their clusters in the same sectors."""
    found: dict[str, int] = {}
    for countries in _pairs(rows, "country").values():
        for country in countries:
            found[country] = found.get(country, 0) + 1
    return [Sight("field", country, found[country]) for country in sorted(found, key=lambda c: (-found[c], c))]


async def _rows(state: State, name: str, **values: str | list[str]) -> list[dict[str, Term]]:
    query = bind(load_query(f"platform/{name}", state.iris), **values)
    return await select(state.sandbox, query, state.settings.query_seconds)


def _kind(iri: str, iris: Iris) -> str:
    return (iris.path(iri) or "").removeprefix("id/").split("/")[0]


def _told(rows: Iterable[dict[str, Term]], iris: Iris) -> dict[str, tuple[Statement, ...]]:
    """The statements of the resolved view about things, with the sources that make them."""
    own = {iris.provenance, iris.disagreements, iris.derived, ""}
    said: dict[tuple[str, str, Term], set[str]] = {}
    for row in rows:
        graph = row["graph"].value if "graph" in row else ""
        said.setdefault((row["subject"].value, row["property"].value, row["object"]), set()).add(graph)
    found: dict[str, tuple[Statement, ...]] = {}
    for (subject, property_, value), graphs in sorted(said.items(), key=lambda item: (item[0][:2], str(item[0][2]))):
        if "" in graphs:
            statement = Statement(subject, property_, value, tuple(sorted(graphs - own)), iris.derived in graphs)
            found[subject] = (*found.get(subject, ()), statement)
    return found


def _named(rows: Iterable[dict[str, Term]]) -> dict[str, tuple[Statement, ...]]:
    found: dict[str, tuple[Statement, ...]] = {}
    for row in rows:
        graph = row["graph"].value if "graph" in row else ""
        statement = Statement(row["subject"].value, row["property"].value, row["object"], graph=graph)
        found[statement.subject] = (*found.get(statement.subject, ()), statement)
    return found
