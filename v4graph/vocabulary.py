"""Faults that show only against the whole vocabulary: unknown terms, concepts and things, and what looks like them.

SHACL Core has no way to say "this property is declared" or "this address exists"; here it is set membership.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import pyoxigraph as ox

from v4graph import assets, rdf
from v4graph.iris import Iris

SH = "<http://www.w3.org/ns/shacl#"
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
SUBCLASS = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
IN_SCHEME = "<http://www.w3.org/2004/02/skos/core#inScheme>"
SUGGESTED = 50
"""Only for so many faults of a report a likely spelling is searched: it is a comparison with all candidates."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A statement against the vocabulary; ``rule`` is the end of the name of a shape ``v4sh:Contribution-…``."""

    rule: str
    focus: str
    path: str | None = None
    value: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The ontology and the schemes, as far as faults and rules need them; IRIs without brackets."""

    terms: frozenset[str]
    properties: frozenset[str]
    concepts: frozenset[str]
    spaces: frozenset[str]
    """The address spaces of the schemes, each up to its last slash."""
    hierarchy: tuple[str, ...]
    """N-Triples lines: subclasses, the kinds of concepts, the models of life-cycle stages."""


@lru_cache(maxsize=2)
def load_vocabulary(iris: Iris) -> Vocabulary:
    """Read ``ontology/`` with this instance's base."""
    lines: set[str] = set()
    for path in (assets.ONTOLOGY / "v4graph.ttl", *sorted((assets.ONTOLOGY / "schemes").glob("*.ttl"))):
        quads = ox.parse(iris.rebase(path.read_bytes()), rdf.rdf_format(rdf.TURTLE))
        lines.update(rdf.ntriples(quads))
    terms, properties, concepts, hierarchy = set(), set(), set(), set()
    term, policy, model = f"<{iris.term('')}", f"<{iris.term('mergePolicy')}>", f"<{iris.term('stageModel')}>"
    for line in lines:
        subject, predicate, value = rdf.split_line(line)
        if subject.startswith(term):
            terms.add(subject[1:-1])
        if predicate == policy:
            properties.add(subject[1:-1])
        elif predicate == IN_SCHEME:
            concepts.add(subject[1:-1])
        elif predicate == model or (predicate == SUBCLASS and value.startswith("<")):
            hierarchy.add(line)
    hierarchy |= {line for line in lines if f" {RDF_TYPE} " in line and line[1:].split(">")[0] in concepts}
    spaces = frozenset(_space(concept) for concept in concepts)
    return Vocabulary(frozenset(terms), frozenset(properties), frozenset(concepts), spaces, tuple(sorted(hierarchy)))


def find_faults(lines: Iterable[str], known: Iterable[str], vocabulary: Vocabulary, iris: Iris) -> list[Fault]:
    """The faults of a contribution's statements, given what the graph knows (N-Triples lines)."""
    statements = [rdf.split_line(line) for line in lines]
    described = {s[1:-1] for s, p, _ in statements if p == RDF_TYPE}
    described |= {line[1:].split(">", 1)[0] for line in known if f" {RDF_TYPE} " in line}
    faults = list(_of_subjects(statements, described, iris))
    for subject, predicate, value in statements:
        faults += _of_statement(subject[1:-1], predicate[1:-1], value, described, vocabulary, iris)
    return _with_suggestions(faults, described, vocabulary, iris)


def _of_subjects(statements: Iterable[tuple[str, str, str]], described: Collection[str], iris: Iris) -> Iterator[Fault]:
    ours = (iris.thing("", "")[:-1], iris.graph(""))
    # A shape brought along is one fault, not three: its own statements do not count here.
    for subject in sorted({s[1:-1] for s, p, v in statements if not _is_shacl(p, v)}):
        if not subject.startswith(ours):
            yield Fault("foreignSubject", subject)
        elif subject not in described:
            yield Fault("untyped", subject)


def _is_shacl(predicate: str, value: str) -> bool:
    return predicate.startswith(SH) or (predicate == RDF_TYPE and value.startswith(SH))


def _of_statement(
    subject: str, predicate: str, value: str, described: Collection[str], vocabulary: Vocabulary, iris: Iris
) -> Iterator[Fault]:
    own = iris.term("")
    if _is_shacl(f"<{predicate}>", value):
        yield Fault("shapeInData", subject, predicate, value)
        return
    if predicate.startswith(own):
        if predicate not in vocabulary.terms:
            yield Fault("unknownTerm", subject, predicate)
    elif predicate not in vocabulary.properties:
        yield Fault("foreignTerm", subject, predicate)
    if not value.startswith("<"):
        return
    target = value[1:-1]
    if target.startswith(own):
        if target not in vocabulary.terms:
            yield Fault("unknownTerm", subject, predicate, value)
    elif target.startswith(iris.concept("", "")[:-1]) or _space(target) in vocabulary.spaces:
        if target not in vocabulary.concepts:
            yield Fault("unknownConcept", subject, predicate, value)
    elif target.startswith(iris.thing("", "")[:-1]) and target not in described:
        yield Fault("unknownThing", subject, predicate, value)


def _with_suggestions(
    faults: list[Fault], described: Collection[str], vocabulary: Vocabulary, iris: Iris
) -> list[Fault]:
    """The faults, the first of them with the known IRI that is most like the unknown one."""
    candidates = {
        "unknownTerm": vocabulary.terms,
        "unknownConcept": vocabulary.concepts,
        "unknownThing": described,
        "foreignTerm": vocabulary.properties,
    }
    found: dict[tuple[str, str], str | None] = {}
    out = []
    for fault in faults:
        unknown = fault.value[1:-1] if fault.value and fault.value.startswith("<") else fault.path
        if fault.rule in candidates and unknown:
            key = (fault.rule, unknown)
            if key not in found:
                found[key] = _most_like(unknown, candidates[fault.rule]) if len(found) < SUGGESTED else None
            fault = Fault(fault.rule, fault.focus, fault.path, fault.value, found[key])
        out.append(fault)
    return out


def _most_like(unknown: str, candidates: Iterable[str]) -> str | None:
    space = _space(unknown)
    names = {iri[len(space) :]: iri for iri in sorted(candidates) if _space(iri) == space}
    name = unknown[len(space) :]
    by_lower = {n.lower(): n for n in names}
    like = [by_lower[name.lower()]] if name.lower() in by_lower else difflib.get_close_matches(name, names, 1)
    return names[like[0]] if like else None


def _space(iri: str) -> str:
    return iri[: max(iri.rfind("/"), iri.rfind("#")) + 1]
