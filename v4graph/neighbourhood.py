"""What the graph says of the things a contribution mentions, and of who takes part in them: its context.

Costs as much as the contribution mentions, not as much as the graph holds: every look-up begins at a term of the
contribution, and the hubs of the graph (a country, a sector) are never entered against the direction of their links.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pyoxigraph as ox

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.vocabulary import nearest

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SKOS = "http://www.w3.org/2004/02/skos/core#"
_ORG = "http://www.w3.org/ns/org#"
_TYPE = ox.NamedNode(f"{_RDF}type")
_NAME = ox.NamedNode(f"{_SKOS}prefLabel")
_NOTATION = ox.NamedNode(f"{_SKOS}notation")
_IDENTIFIER = ox.NamedNode("http://www.w3.org/ns/adms#identifier")
_UPWARD = (f"{_ORG}subOrganizationOf", f"{_SKOS}broader", "https://schema.org/containedInPlace")
_Value = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
_STEPS = 8
"""So far a chain of parts and wholes is followed."""
_SUGGESTED, _CANDIDATES = 10, 20_000
"""For so many unknown things a known one is looked for, among so many."""
_NAMESAKES = 20
"""So many other things of one name are looked at."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the things that a contribution mentions, as N-Triples lines; ``own`` its source says itself."""

    lines: frozenset[str]
    own: frozenset[str]


class Neighbourhood:
    """The published graph as a contribution sees it; what only ``source`` itself says is about to be replaced.

    All of that, or what it says of ``subjects``. Where its own words stay, they count, and not those of others.
    """

    def __init__(
        self,
        store: ox.Store,
        iris: Iris,
        derived: Iterable[str],
        source: str | None = None,
        subjects: Collection[str] | None = None,
    ) -> None:
        """Look into a store; ``derived`` are the properties that are made here and not said by anyone."""
        self._store = store
        self._iris = iris
        self._derived = {ox.NamedNode(iri) for iri in derived}
        self._own = ox.NamedNode(iris.graph(source)) if source else None
        self._subjects = None if subjects is None else frozenset(subjects)
        self._made: set[object] = {ox.NamedNode(iri) for iri in (iris.derived, iris.disagreements, iris.provenance)}
        project, part = iris.term("project"), f"{_ORG}organization"
        self._parts = (ox.NamedNode(project), ox.NamedNode(part))
        self._members = {ox.NamedNode(iri) for iri in (iris.term("participant"), f"{_ORG}member")}
        self._upward = {ox.NamedNode(iri) for iri in (*_UPWARD, iris.term("partOfProgramme"))}

    def of(self, lines: Iterable[str]) -> Around:
        """What is known of the things that these statements mention."""
        triples = list(rdf.parse_lines(lines))
        subjects = {t.subject for t in triples if isinstance(t.subject, ox.NamedNode)}
        mentioned = subjects | {t.object for t in triples if isinstance(t.object, ox.NamedNode)}
        found: set[ox.Quad] = set()
        seen: set[ox.NamedNode] = set()
        for node in mentioned:
            if self._iris.path(node.value):
                found.update(self._said(node, seen))
        for node in self._wholes(triples) | subjects:
            for property_ in self._parts:
                for quad in self._quads(property_, node):
                    part = self._said(quad.subject, seen)
                    found.update(part)
                    for said in part:
                        if said.predicate in self._members:
                            found.update(self._said(said.object, seen))
        for quad in self._namesakes(triples):
            found.update(self._said(quad.subject, seen))
        self._climb(found, seen)
        described = {t.subject for t in triples if t.predicate == _TYPE} | {q.subject for q in found}
        found.update(self._alike(node.value for node in mentioned - described))
        own = (quad for quad in found if quad.graph_name == self._own)
        return Around(frozenset(rdf.ntriples(found)), frozenset(rdf.ntriples(own)))

    def _stays(self, node: object) -> bool:
        """Whether what the source says of a thing is not replaced."""
        return self._subjects is not None and isinstance(node, ox.NamedNode) and node.value not in self._subjects

    def _quads(self, property_: ox.NamedNode, value: _Value) -> Iterator[ox.Quad]:
        seen: set[object] = set()
        own = self._own if self._subjects is not None else None
        where = ox.DefaultGraph() if own is None else None
        for quad in self._store.quads_for_pattern(None, property_, value, where):
            if quad.graph_name not in (own, ox.DefaultGraph()) or quad.subject in seen:
                continue
            if quad.predicate not in self._derived and not self._goes(quad):
                seen.add(quad.subject)
                yield quad

    def _goes(self, quad: ox.Quad) -> bool:
        """Whether nobody says it any more."""
        if self._own is None or self._stays(quad.subject):
            return False
        if ox.Quad(quad.subject, quad.predicate, quad.object, self._own) not in self._store:
            return False
        said = self._store.quads_for_pattern(quad.subject, quad.predicate, quad.object, None)
        return self._alone({q.graph_name for q in said})

    def _alone(self, graphs: set[object]) -> bool:
        """Whether of the graphs that hold a statement only our own is a source's."""
        return self._own in graphs and not graphs - self._made - {self._own, ox.DefaultGraph()}

    def _said(self, node: object, seen: set[ox.NamedNode]) -> list[ox.Quad]:
        if not isinstance(node, ox.NamedNode) or node in seen:
            return []
        seen.add(node)
        graphs: dict[ox.Quad, set[object]] = {}  # read in one go: a look-up costs as much as a dozen statements
        for quad in self._store.quads_for_pattern(node, None, None, None):
            graphs.setdefault(ox.Quad(node, quad.predicate, quad.object), set()).add(quad.graph_name)
        stays = self._stays(node)
        spoken = {quad.predicate for quad, said_in in graphs.items() if self._own in said_in} if stays else set()
        found = []
        for quad, said_in in graphs.items():
            if stays and self._own in said_in:
                found.append(ox.Quad(quad.subject, quad.predicate, quad.object, self._own))
            elif (
                ox.DefaultGraph() in said_in
                and quad.predicate not in self._derived
                and (quad.predicate == _TYPE or quad.predicate not in spoken)
                and not self._alone(said_in)
            ):
                found.append(quad)
        return found

    def _wholes(self, triples: Iterable[ox.Triple]) -> set[ox.NamedNode]:
        """The projects and partnerships that a participation or membership of the contribution belongs to."""
        return {t.object for t in triples if t.predicate in self._parts and isinstance(t.object, ox.NamedNode)}

    def _namesakes(self, triples: Iterable[ox.Triple]) -> Iterator[ox.Quad]:
        """Other things with the same name, in any language, or with the same number."""
        languages = ("en", "cs", "sk", "pl", "hu", "de")
        said = {(t.predicate, t.object) for t in triples if isinstance(t.object, ox.Literal)}
        for name in {value.value for property_, value in said if property_ == _NAME}:
            for language in languages:
                yield from islice(self._quads(_NAME, ox.Literal(name, language=language)), _NAMESAKES)
        for number in {value for property_, value in said if property_ == _NOTATION}:
            for quad in islice(self._quads(_NOTATION, number), _NAMESAKES):
                yield quad
                yield from self._quads(_IDENTIFIER, quad.subject)

    def _alike(self, unknown: Iterable[str]) -> Iterator[ox.Quad]:
        """The kinds of known things whose addresses look like unknown ones: what somebody may have meant."""
        things = self._iris.thing("", "")[:-1]
        wanted = sorted(iri for iri in unknown if iri.startswith(things))[:_SUGGESTED]
        if not wanted:
            return
        typed = self._store.quads_for_pattern(None, _TYPE, None, ox.DefaultGraph())
        by_space: dict[str, dict[str, ox.Quad]] = {}
        for quad in islice(typed, _CANDIDATES):
            space, _, name = str(quad.subject)[1:-1].rpartition("/")
            by_space.setdefault(space, {})[name] = quad
        for iri in wanted:
            space, _, name = iri.rpartition("/")
            names = by_space.get(space, {})
            if near := nearest(name, names):
                yield names[near]

    def _climb(self, found: set[ox.Quad], seen: set[ox.NamedNode]) -> None:
        """Follow the parts to their wholes."""
        step = {q.object for q in found if q.predicate in self._upward}
        for _ in range(_STEPS):
            above: set[ox.Quad] = set()
            for node in step:
                above.update(self._said(node, seen))
            if not above:
                return
            found |= above
            step = {q.object for q in above if q.predicate in self._upward}
