"""Faults that show only against the whole vocabulary: unknown terms, concepts and things, and what looks like them.

SHACL Core has no way to say "this property is declared" or "this address exists"; here it is set membership.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pyoxigraph as ox

from v4graph import assets, identifiers, rdf, texts
from v4graph.iris import Iris

SH = "<http://www.w3.org/ns/shacl#"
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_TYPING = f" {RDF_TYPE} "
SUBCLASS = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
DOMAIN = "<https://schema.org/domainIncludes>"
DISJOINT = "<http://www.w3.org/2002/07/owl#disjointWith>"
CLASS = "<http://www.w3.org/2002/07/owl#Class>"
NOTATION = "<http://www.w3.org/2004/02/skos/core#notation>"
KEPT = frozenset({"<http://www.w3.org/2002/07/owl#deprecated>", "<http://purl.org/dc/terms/isReplacedBy>"})
"""What rules across records need to know of concepts."""
IN_SCHEME = "<http://www.w3.org/2004/02/skos/core#inScheme>"
ANYWHERE = "nameAsGiven"
"""What a source prints may be told of any record."""
_ORGANISATION, _AGENT = "http://www.w3.org/ns/org#Organization", "http://xmlns.com/foaf/0.1/Agent"
"""One is below the other in the vocabulary they come from, which ours does not repeat."""
_LIKE = 70
"""Of 100: names that are less alike are no help."""
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
    """N-Triples lines: subclasses, the kinds of concepts, models of stages, units of indicators, what is deprecated."""
    told: Mapping[str, tuple[str, ...]]
    """The lines of the hierarchy about each thing, by the thing in brackets."""
    domains: Mapping[str, frozenset[str]]
    """The kinds of record that a property of ours is for."""
    above: Mapping[str, frozenset[str]]
    """Each class with all that are above it, itself included."""
    classes: frozenset[str]
    """The kinds of record that the ontology names."""
    apart: frozenset[tuple[str, str]]
    """Classes that have no record in common, in both orders."""

    def about(self, mentioned: Iterable[str]) -> Iterator[str]:
        """The lines of the hierarchy about things (in brackets) and all that these lines lead to."""
        waiting, seen = list(mentioned), set[str]()
        while waiting:
            thing = waiting.pop()
            if thing in self.told and thing not in seen:
                seen.add(thing)
                yield from self.told[thing]
                waiting += [rdf.split_line(line)[2] for line in self.told[thing]]


def _by_thing(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for line in sorted(lines):
        found.setdefault(rdf.split_line(line)[0], []).append(line)
    return {thing: tuple(told) for thing, told in found.items()}


@lru_cache(maxsize=2)
def load_vocabulary(iris: Iris) -> Vocabulary:
    """Read ``ontology/`` with this instance's base."""
    lines: set[str] = set()
    for path in (assets.ONTOLOGY / "v4graph.ttl", *sorted((assets.ONTOLOGY / "schemes").glob("*.ttl"))):
        quads = ox.parse(iris.rebase(path.read_bytes()), rdf.rdf_format(rdf.TURTLE))
        lines.update(rdf.ntriples(quads))
    terms, properties, concepts, hierarchy = set(), set(), set(), set()
    domains: dict[str, set[str]] = {}
    parents: dict[str, set[str]] = {_ORGANISATION: {_AGENT}}
    classes: set[str] = set()
    derived: set[str] = set()
    apart: set[tuple[str, str]] = set()
    term, policy = f"<{iris.term('')}", f"<{iris.term('mergePolicy')}>"
    kept = {f"<{iris.term('stageModel')}>", f"<{iris.term('unit')}>", *KEPT}
    for line in lines:
        subject, predicate, value = rdf.split_line(line)
        if subject.startswith(term):
            terms.add(subject[1:-1])
        if predicate == policy:
            properties.add(subject[1:-1])
        elif predicate == IN_SCHEME:
            concepts.add(subject[1:-1])
        elif predicate == RDF_TYPE and value == CLASS:
            classes.add(subject[1:-1])
        elif predicate in kept:
            hierarchy.add(line)
        elif predicate == SUBCLASS and value.startswith("<"):
            hierarchy.add(line)
            parents.setdefault(subject[1:-1], set()).add(value[1:-1])
        elif predicate == DOMAIN and subject.startswith(term):
            domains.setdefault(subject[1:-1], set()).add(value[1:-1])
        elif predicate == f"<{iris.term('isDerived')}>":
            derived.add(subject[1:-1])
        elif predicate == DISJOINT:
            apart |= {(subject[1:-1], value[1:-1]), (value[1:-1], subject[1:-1])}
    hierarchy |= {line for line in lines if f" {RDF_TYPE} " in line and line[1:].split(">")[0] in concepts}
    spaces = frozenset(_space(concept) for concept in concepts)
    for name in (iris.term(ANYWHERE), *derived):
        domains.pop(name, None)
    return Vocabulary(
        frozenset(terms),
        frozenset(properties),
        frozenset(concepts),
        spaces,
        tuple(sorted(hierarchy)),
        _by_thing(hierarchy),
        {iri: frozenset(classes) for iri, classes in domains.items()},
        {name: frozenset(_above(name, parents)) for name in parents},
        frozenset(classes),
        frozenset(apart),
    )


def _above(name: str, parents: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = {name}
    while waiting:
        found |= waiting
        waiting = {parent for each in waiting for parent in parents.get(each, ())} - found
    return found


def find_faults(lines: Iterable[str], known: Collection[str], vocabulary: Vocabulary, iris: Iris) -> list[Fault]:
    """The faults of a contribution's statements, given what the graph knows (N-Triples lines)."""
    statements = [rdf.split_line(line) for line in lines]
    described = {s[1:-1] for s, p, _ in statements if p == RDF_TYPE}
    described |= {line[1:].split(">", 1)[0] for line in known if _TYPING in line}
    faults = list(_of_subjects(statements, described, iris))
    fine = {f"<{name}>" for name in _declared(vocabulary, iris)}
    for subject, predicate, value in statements:
        if predicate not in fine or value[0] != '"':
            faults += _of_statement(subject[1:-1], predicate[1:-1], value, described, vocabulary, iris)
        if rule := texts.fault_of(predicate[1:-1], value):
            faults.append(Fault(rule, subject[1:-1], predicate[1:-1], value))
    faults += _of_kinds(statements, known, vocabulary, iris)
    faults += _of_numbers(statements, iris)
    return _with_suggestions(faults, described, vocabulary, iris)


def _of_subjects(statements: Iterable[tuple[str, str, str]], described: Collection[str], iris: Iris) -> Iterator[Fault]:
    ours = (iris.thing("", "")[:-1], iris.graph(""))
    # A shape brought along is one fault, not three: its own statements do not count here.
    for subject in sorted({s[1:-1] for s, p, v in statements if not _is_shacl(p, v)}):
        if not subject.startswith(ours):
            yield Fault("foreignSubject", subject)
        elif subject not in described:
            yield Fault("untyped", subject)


def _of_kinds(
    statements: Iterable[tuple[str, str, str]], known: Iterable[str], vocabulary: Vocabulary, iris: Iris
) -> Iterator[Fault]:
    """Records of two kinds that exclude each other, and properties of one kind on records of another."""
    kinds: dict[str, frozenset[str]] = {}
    told = [rdf.split_line(line) for line in known if _TYPING in line]
    for subject, predicate, value in [*statements, *told]:
        if predicate == RDF_TYPE:
            above = vocabulary.above.get(value[1:-1]) or frozenset((value[1:-1],))
            kinds[subject] = kinds[subject] | above if subject in kinds else above  # most share one set
    excluding = {s for s, names in kinds.items() if any((a, b) in vocabulary.apart for a in names for b in names)}
    reported: set[str] = set()
    for subject, predicate, value in statements:
        if subject in excluding:
            if predicate == RDF_TYPE and subject not in reported:
                reported.add(subject)
                yield Fault("twoKinds", subject[1:-1], RDF_TYPE[1:-1], value)
        elif subject in kinds and (domain := vocabulary.domains.get(predicate[1:-1])):
            own = {name for name in kinds[subject] if name in vocabulary.above or name in vocabulary.classes}
            if own and domain.isdisjoint(kinds[subject]):
                yield Fault("otherKind", subject[1:-1], predicate[1:-1], value)


def _of_numbers(statements: Iterable[tuple[str, str, str]], iris: Iris) -> Iterator[Fault]:
    """Numbers that are none of the register they are said to be of."""
    registers: dict[str, str] = {}
    scheme, space = f"<{iris.term('identifierScheme')}>", f"<{iris.concept('identifier-scheme', '')}"
    for subject, predicate, value in statements:
        if predicate == scheme and value.startswith(space):
            registers[subject] = value[len(space) : -1]
    for subject, predicate, value in statements:
        register = registers.get(subject)
        if register and predicate == NOTATION and not identifiers.right(register, value.split('"')[1]):
            yield Fault("identifierNumber", subject[1:-1], NOTATION[1:-1], value)


def _is_shacl(predicate: str, value: str) -> bool:
    return predicate.startswith(SH) or (predicate == RDF_TYPE and value.startswith(SH))


def _declared(vocabulary: Vocabulary, iris: Iris) -> Iterator[str]:
    """The properties that may be used as they are: of a literal beside one, no more is asked of the vocabulary."""
    own = iris.term("")
    yield from (name for name in vocabulary.terms if name.startswith(own))
    yield from (name for name in vocabulary.properties if not name.startswith((own, SH[1:])))


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
    like = nearest(name, names)
    return names[like] if like else None


def nearest(name: str, names: Collection[str]) -> str | None:
    """The name that is most like this one, when one is like it at all."""
    from rapidfuzz import fuzz, process, utils

    found = process.extractOne(
        name[:200], list(names), scorer=fuzz.ratio, processor=utils.default_process, score_cutoff=_LIKE
    )
    return found[0] if found else None


def _space(iri: str) -> str:
    return iri[: max(iri.rfind("/"), iri.rfind("#")) + 1]
