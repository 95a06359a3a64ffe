"""The document about one thing: what is said about it, by whom, what refers to it, and where sources differ.

Made by a handful of point queries (``queries/platform``) whose cost grows with the thing, never with the graph.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyoxigraph as ox

from v4graph.errors import StoreError, UnknownEntity
from v4graph.iris import Iris
from v4graph.queries import bind, load_query, paged
from v4graph.rdf import TSV, iri_text
from v4graph.sandbox.pool import Job, Sandbox
from v4graph.statements import (
    ALT_LABEL,
    PAGE,
    PREF_LABEL,
    RELATIONS,
    Claim,
    Disagreement,
    Document,
    Referring,
    Statement,
    Term,
)


class _Changed(Exception):
    """Another snapshot came in the middle of a document."""


@dataclass(slots=True)
class _Reading:
    """Queries that must all see the same snapshot; what they answer makes the digest."""

    sandbox: Sandbox
    iris: Iris
    seconds: float
    token: str | None = None
    answers: list[bytes] = field(default_factory=list)

    async def rows(
        self, name: str, *, slice_: tuple[int, int] | None = None, **values: str | list[str]
    ) -> list[dict[str, Term]]:
        query = bind(load_query(f"platform/{name}", self.iris), **values)
        body, token = await _answer(self.sandbox, paged(query, *slice_) if slice_ else query, self.seconds)
        if self.token not in (None, token):
            raise _Changed
        self.token = token
        self.answers.append(body)
        return _rows(body)

    def digest(self, *parts: object) -> str:
        """The hash of what was asked and answered; answers come in any order and in any order of rows."""
        digest = hashlib.sha256(repr(parts).encode())
        for body in sorted(b"\n".join(sorted(body.split(b"\n"))) for body in self.answers):
            digest.update(b"\0" + body)
        return digest.hexdigest()[:32]


async def select(sandbox: Sandbox, query: str, seconds: float) -> list[dict[str, Term]]:
    """The rows of a SELECT query; what is unbound is left out."""
    return _rows((await _answer(sandbox, query, seconds))[0])


async def _answer(sandbox: Sandbox, query: str, seconds: float) -> tuple[bytes, str]:
    answer = await sandbox.query(Job(query, TSV, None, None, None, seconds))
    body = answer.complete
    if body is None:
        body = b"".join([chunk async for chunk in answer.chunks()])
    return body, answer.snapshot.token


def _rows(body: bytes) -> list[dict[str, Term]]:
    # TSV is the quickest of the result formats to read, and nothing is lost in it. By position: by name is 3 x slower.
    solutions = ox.parse_query_results(body, format=ox.QueryResultsFormat.TSV)
    assert isinstance(solutions, ox.QuerySolutions)
    names = [variable.value for variable in solutions.variables]
    return [{name: term for name, term in zip(names, row, strict=True) if term is not None} for row in solutions]


async def describe(
    sandbox: Sandbox, iri: str, iris: Iris, seconds: float, *, page: int = 1, size: int = PAGE
) -> Document:
    """The document about an IRI.

    Raises:
        UnknownEntity: no statement mentions it.
    """
    try:
        iri_text(iri)
    except ValueError:
        raise UnknownEntity(f"{iri} is not an IRI.", iri=iri) from None
    for _ in range(3):
        try:
            return await _describe(_Reading(sandbox, iris, seconds), iri, page, size)
        except _Changed:
            continue
    raise StoreError("The graph is being changed faster than it can be read. Try again.")


async def _describe(reading: _Reading, iri: str, page: int, size: int) -> Document:
    iris = reading.iris
    said, pointing = await asyncio.gather(
        reading.rows("describe", subject=iri_text(iri)),
        reading.rows("referring", slice_=(size + 1, (page - 1) * size), object=iri_text(iri)),
    )
    if not said and not pointing and page == 1:
        raise UnknownEntity(f"No statement in the graph mentions {iri}.", iri=iri)
    if not pointing and page > 1:
        raise UnknownEntity(f"The document about {iri} has no page {page}.", iri=iri, page=page)
    more = len(pointing) > size
    pointing = pointing[:size]
    related = sorted({r["subject"].value for r in pointing if is_part(r["subject"].value, iri, iris)})
    subjects = [iri_text(x) for x in (iri, *related)]
    counting = reading.rows("count-referring", object=iri_text(iri)) if more or page > 1 else _nothing()
    said_of_related = reading.rows("describe", subject=subjects[1:]) if related else _nothing()
    counts, related_rows, disputes = await asyncio.gather(
        counting, said_of_related, reading.rows("list-disagreements", subject=subjects)
    )
    mentioned = _iris_in(said, pointing, related_rows, disputes)
    if related:
        mentioned.add(iris.term("country"))  # shown beside the parties of a relation
    names = await reading.rows("describe-mentioned", mentioned=[iri_text(x) for x in sorted(mentioned)])
    about, unresolved = _statements(said, iris)
    told, unresolved_too = _statements(related_rows, iris)
    relations: dict[str, tuple[Statement, ...]] = {subject: () for subject in related}
    for statement in told:
        relations[statement.subject] += (statement,)
    beside: dict[str, tuple[Statement, ...]] = {}
    for row in names:
        found = Statement(row["subject"].value, row["property"].value, row["object"], graph=_graph(row))
        beside[found.subject] = (*beside.get(found.subject, ()), found)
    refers = sorted({(r["property"].value, r["subject"].value, _graph(r)) for r in pointing})
    per_property = {r["property"].value: int(r["count"].value) for r in counts}
    if not (more or page > 1):
        for property_, *_ in refers:
            per_property[property_] = per_property.get(property_, 0) + 1
    return Document(
        iri,
        tuple(about),
        (*unresolved, *unresolved_too),
        Referring(
            tuple(Statement(s, p, ox.NamedNode(iri), graph=g) for p, s, g in refers), per_property, page, size, more
        ),
        relations,
        tuple(_disagreements(disputes)),
        beside,
        reading.digest(iri, page, size),
        reading.token or "",
    )


def _graph(row: Mapping[str, Term]) -> str:
    return row["graph"].value if "graph" in row else ""


async def _nothing() -> list[dict[str, Term]]:
    return []


def is_part(subject: str, iri: str, iris: Iris) -> bool:
    """Whether something that refers to a thing is told whole in its document."""
    kind = (iris.path(subject) or "").removeprefix("id/").split("/")[0]
    return kind in RELATIONS or subject.startswith(f"{iri}#")


def _iris_in(*tables: list[dict[str, Term]]) -> set[str]:
    return {term.value for rows in tables for row in rows for term in row.values() if isinstance(term, ox.NamedNode)}


def _statements(rows: list[dict[str, Term]], iris: Iris) -> tuple[list[Statement], list[Statement]]:
    """What holds in the resolved view or is published about the thing, and what only a source says."""
    own = {iris.provenance, iris.disagreements}
    said: dict[tuple[str, str, Term], set[str]] = {}
    for row in rows:
        key = (row["subject"].value, row["property"].value, row["object"])
        said.setdefault(key, set()).add(_graph(row))
    kept: list[Statement] = []
    left: list[Statement] = []
    for (subject, property_, value), graphs in said.items():
        sources = graphs - own - {"", iris.derived}
        if property_ == ALT_LABEL:  # a name that did not become the preferred one is still its source's
            sources |= said.get((subject, PREF_LABEL, value), set()) - {""}
        home = "" if "" in graphs else min(graphs & own, default="")
        statement = Statement(subject, property_, value, tuple(sorted(sources)), iris.derived in graphs, home)
        (kept if "" in graphs or graphs & own else left).append(statement)
    order = lambda s: (s.subject, s.property, s.object.value, str(s.object))  # noqa: E731
    return sorted(kept, key=order), sorted(left, key=order)


def _disagreements(rows: list[dict[str, Term]]) -> list[Disagreement]:
    found: dict[str, list[dict[str, Term]]] = {}
    for row in rows:
        found.setdefault(row["disagreement"].value, []).append(row)
    disagreements = []
    for iri, claims in sorted(found.items(), key=lambda item: (item[1][0]["disputed"].value, item[0])):
        by_claim: dict[str, tuple[Term, set[str]]] = {}
        for row in claims:
            by_claim.setdefault(row["claim"].value, (row["value"], set()))[1].add(row["graph"].value)
        first = claims[0]
        disagreements.append(
            Disagreement(
                iri,
                first["subject"].value,
                first["disputed"].value,
                first["rule"].value,
                first.get("accepted"),
                first["resolution"].value if "resolution" in first else None,
                tuple(
                    Claim(claim, value, tuple(sorted(graphs)))
                    for claim, (value, graphs) in sorted(by_claim.items(), key=lambda c: (c[1][0].value, c[0]))
                ),
            )
        )
    return disagreements
