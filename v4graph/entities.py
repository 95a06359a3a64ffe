"""The document about one thing: what is said about it, by whom, what refers to it, and where sources differ.

Made by a handful of point queries (``queries/platform``) whose cost grows with the thing, never with the graph. A
document does not depend on language or format; pages, RDF and JSON-LD are renderings of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyoxigraph as ox

from v4graph.errors import StoreError, UnknownEntity
from v4graph.iris import Iris
from v4graph.queries import bind, load_query, paged
from v4graph.rdf import TSV, iri_text
from v4graph.sandbox.pool import Job, Sandbox

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
DCTERMS = "http://purl.org/dc/terms/"
SCHEMA = "https://schema.org/"

TYPE = f"{RDF}type"
PREF_LABEL = f"{SKOS}prefLabel"
ALT_LABEL = f"{SKOS}altLabel"
LABELS = (PREF_LABEL, f"{RDFS}label", f"{DCTERMS}title")
"""Where the name of a thing is found, best first."""

RELATIONS = frozenset({"participation", "membership", "funding", "event-participation", "change", "claim"})
"""Kinds of things that say how others are related: a document shows them whole instead of only naming them."""

PAGE = 200
"""Referring statements on one page of a document."""
LARGEST_PAGE = 2000
COUNTED = 20_000
"""Referring statements are counted so far; beyond, the count is "more than"."""

Term = ox.NamedNode | ox.Literal


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with the sources (graph IRIs) that make it; ``derived`` when a rule made it."""

    subject: str
    property: str
    object: Term
    sources: tuple[str, ...] = ()
    derived: bool = False

    @property
    def triple(self) -> ox.Triple:
        """The statement without who says it."""
        return ox.Triple(ox.NamedNode(self.subject), ox.NamedNode(self.property), self.object)


@dataclass(frozen=True, slots=True)
class Claim:
    """One value of a disputed property and the sources that state it."""

    iri: str
    value: Term
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Sources differ: the values, the one chosen (None: none), the rule and the editor's decision if there is one."""

    iri: str
    subject: str
    property: str
    rule: str
    accepted: Term | None
    resolution: str | None
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Referring:
    """One page of the statements that have the thing as value, and how many there are per property."""

    statements: tuple[Statement, ...]
    counts: Mapping[str, int]
    page: int = 1
    size: int = PAGE
    more: bool = False

    @property
    def total(self) -> int:
        """How many there are in all, as far as was counted."""
        return sum(self.counts.values())

    @property
    def counted(self) -> bool:
        """Whether the total is exact."""
        return self.total <= COUNTED


@dataclass(frozen=True, slots=True)
class Document:
    """Everything a page, a Turtle file or a JSON-LD object about one thing is made of."""

    iri: str
    about: tuple[Statement, ...]
    unresolved: tuple[Statement, ...]
    referring: Referring
    relations: Mapping[str, tuple[Statement, ...]]
    disagreements: tuple[Disagreement, ...]
    mentioned: Mapping[str, tuple[Statement, ...]]
    digest: str
    token: str

    def statements(self, subject: str) -> tuple[Statement, ...]:
        """What the document says about the thing itself or another one."""
        if subject == self.iri:
            return self.about
        return self.relations.get(subject, ()) or self.mentioned.get(subject, ())

    def values(self, subject: str, *properties: str) -> list[Term]:
        """The values of the first of the properties that has any."""
        for wanted in properties:
            found = [s.object for s in self.statements(subject) if s.property == wanted]
            if found:
                return found
        return []

    def value_of(self, subject: str, *properties: str) -> str | None:
        """The first of those values as text."""
        return next((value.value for value in self.values(subject, *properties)), None)

    def name(self, subject: str, languages: Iterable[str]) -> ox.Literal | None:
        """The name of a thing in the first language there is, else in any."""
        for property_ in LABELS:
            names = [v for v in self.values(subject, property_) if isinstance(v, ox.Literal)]
            if names:
                by_language = {v.language or "": v for v in reversed(names)}
                return next((by_language[x] for x in (*languages, "") if x in by_language), names[0])
        return None

    def vocabulary(self) -> frozenset[str]:
        """Properties and classes used: they are named on a page, and left out of the RDF."""
        statements = self._told()
        classes = {s.object.value for s in statements if s.property == TYPE}
        return frozenset({s.property for s in statements} | classes) - {self.iri}

    def _told(self) -> list[Statement]:
        return [*self.about, *self.referring.statements, *(s for group in self.relations.values() for s in group)]

    def triples(self, iris: Iris) -> list[ox.Triple]:
        """The document in the resolved view: the thing, what refers to it, and the names of what is mentioned."""
        told = self._told()
        shown = {term for s in told for term in (s.subject, s.object.value)} - self.vocabulary()
        country = iris.term("country")
        exported = {*LABELS, country, f"{SCHEMA}latitude", f"{SCHEMA}longitude"}
        beside = [s for subject in shown for s in self.mentioned.get(subject, ()) if s.property in exported]
        for value in {s.object.value for s in beside if s.property == country} - shown:
            beside += [s for s in self.mentioned.get(value, ()) if s.property in exported]
        return list(dict.fromkeys(s.triple for s in (*told, *beside)))

    def quads(self, iris: Iris) -> list[ox.Quad]:
        """The document with who says what: the resolved view, every statement in the graphs of its sources, and
        the disagreements."""
        quads = [ox.Quad(*triple) for triple in self.triples(iris)]
        for s in (*self._told(), *self.unresolved):
            graphs = [*s.sources, iris.derived] if s.derived else s.sources
            quads += [ox.Quad(*s.triple, ox.NamedNode(graph)) for graph in graphs]
        graph = ox.NamedNode(iris.disagreements)
        for d in self.disagreements:
            quads += [ox.Quad(*triple, graph) for triple in _disagreement_triples(d, iris)]
        return list(dict.fromkeys(quads))


def _disagreement_triples(found: Disagreement, iris: Iris) -> list[ox.Triple]:
    def say(subject: str, name: str, value: Term | str | None) -> list[ox.Triple]:
        if value is None:
            return []
        term = ox.NamedNode(value) if isinstance(value, str) else value
        return [ox.Triple(ox.NamedNode(subject), ox.NamedNode(iris.term(name)), term)]

    triples = [
        ox.Triple(ox.NamedNode(found.iri), ox.NamedNode(TYPE), ox.NamedNode(iris.term("Disagreement"))),
        *say(found.iri, "disputedSubject", found.subject),
        *say(found.iri, "disputedProperty", found.property),
        *say(found.iri, "ruleApplied", found.rule),
        *say(found.iri, "accepted", found.accepted),
        *say(found.iri, "resolution", found.resolution),
    ]
    for claim in found.claims:
        triples += [
            *say(found.iri, "claim", claim.iri),
            ox.Triple(ox.NamedNode(claim.iri), ox.NamedNode(TYPE), ox.NamedNode(iris.term("Claim"))),
            *say(claim.iri, "claimObject", claim.value),
            *(triple for source in claim.sources for triple in say(claim.iri, "inGraph", source)),
        ]
    return triples


# --- made by queries ----------------------------------------------------------------------------------------------


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
    return [
        {name: term for name, term in zip(names, row, strict=True) if term is not None}  # type: ignore[misc]
        for row in solutions
    ]


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
    if not said and not pointing:
        if page == 1:
            raise UnknownEntity(f"No statement in the graph mentions {iri}.", iri=iri)
        raise UnknownEntity(f"{iri} has no page {page}.", iri=iri, page=page)
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
        found = Statement(row["subject"].value, row["property"].value, row["object"])
        beside[found.subject] = (*beside.get(found.subject, ()), found)
    refers = sorted({(r["property"].value, r["subject"].value) for r in pointing})
    per_property = {r["property"].value: int(r["count"].value) for r in counts}
    if not (more or page > 1):
        for property_, _ in refers:
            per_property[property_] = per_property.get(property_, 0) + 1
    return Document(
        iri,
        tuple(about),
        (*unresolved, *unresolved_too),
        Referring(
            tuple(Statement(s, p, ox.NamedNode(iri)) for p, s in refers), per_property, page, size, more
        ),
        relations,
        tuple(_disagreements(disputes)),
        beside,
        reading.digest(iri, page, size),
        reading.token or "",
    )


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
        said.setdefault(key, set()).add(row["graph"].value if "graph" in row else "")
    kept, left = [], []
    for (subject, property_, value), graphs in said.items():
        sources = graphs - own - {"", iris.derived}
        if property_ == ALT_LABEL:  # a name that did not become the preferred one is still its source's
            sources |= said.get((subject, PREF_LABEL, value), set()) - {""}
        statement = Statement(subject, property_, value, tuple(sorted(sources)), iris.derived in graphs)
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
