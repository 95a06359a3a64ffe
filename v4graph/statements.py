"""Statements with who makes them, and the document about one thing that is made of them: plain values.

A document does not depend on language or format; pages, RDF and JSON-LD are renderings of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from v4graph.iris import Iris

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
    """One statement with the sources (graph IRIs) that make it; ``derived`` when a rule made it.

    ``graph`` is empty for a statement of the resolved view; what is published about sources is only in their graphs.
    """

    subject: str
    property: str
    object: Term
    sources: tuple[str, ...] = ()
    derived: bool = False
    graph: str = ""

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

    @classmethod
    def nothing(cls, iri: str, token: str) -> Document:
        """The document about something that exists and of which nothing is said."""
        return cls(iri, (), (), Referring((), {}), {}, (), {}, iri, token)

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

    def _published(self, iris: Iris) -> list[Statement]:
        """What the RDF of the document holds: what is told, and the names of what is mentioned."""
        told = self._told()
        shown = {term for s in told for term in (s.subject, s.object.value)} - self.vocabulary()
        country = iris.term("country")
        exported = {*LABELS, country, f"{SCHEMA}latitude", f"{SCHEMA}longitude"}
        beside = [s for subject in shown for s in self.mentioned.get(subject, ()) if s.property in exported]
        for value in {s.object.value for s in beside if s.property == country} - shown:
            beside += [s for s in self.mentioned.get(value, ()) if s.property in exported]
        return [*told, *beside]

    def triples(self, iris: Iris) -> list[ox.Triple]:
        """The document in the resolved view: the thing, what refers to it, and the names of what is mentioned."""
        return list(dict.fromkeys(s.triple() for s in self._published(iris)))

    def quads(self, iris: Iris) -> list[ox.Quad]:
        """The document with who says what: every statement in the graphs that make it, and the disagreements."""
        quads = [_quad(s.triple(), s.graph) for s in self._published(iris)]
        for s in (*self._told(), *self.unresolved):
            graphs = [*s.sources, iris.derived] if s.derived else s.sources
            quads += [_quad(s.triple(), graph) for graph in graphs]
        for d in self.disagreements:
            quads += [_quad(triple, iris.disagreements) for triple in _disagreement_triples(d, iris)]
        return list(dict.fromkeys(quads))


def _quad(triple: ox.Triple, graph: str) -> ox.Quad:
    name = ox.NamedNode(graph) if graph else ox.DefaultGraph()
    return ox.Quad(triple.subject, triple.predicate, triple.object, name)


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
