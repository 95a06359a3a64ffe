"""Concept schemes: SKOS S9, S13, S14, S27, S37, S46 (https://www.w3.org/TR/skos-reference/) and what we add."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import pyoxigraph as ox

from v4graph.iris import Iris
from v4graph.statements import DCTERMS, OWL, SKOS, TYPE

LANGUAGES = ("en", "cs", "sk", "pl", "hu", "de")


class Said:
    """Statements by subject and property, looked up by the name of a property."""

    def __init__(self, triples: Iterable[ox.Triple]) -> None:
        """Take these statements."""
        self._values: dict[tuple[str, str], list[ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple]] = {}
        for t in triples:
            if isinstance(t.subject, ox.NamedNode):
                self._values.setdefault((t.subject.value, t.predicate.value), []).append(t.object)

    def iris(self, subject: str, property_: str) -> set[str]:
        """The things that are values."""
        return {v.value for v in self._values.get((subject, property_), ()) if isinstance(v, ox.NamedNode)}

    def texts(self, subject: str, property_: str) -> list[ox.Literal]:
        """The texts and numbers that are values."""
        return [v for v in self._values.get((subject, property_), ()) if isinstance(v, ox.Literal)]

    def subjects(self, property_: str, value: str | None = None) -> list[str]:
        """What has the property, with this value if one is given."""
        found = {s for (s, p), values in self._values.items() if p == property_ and (value is None or value in {
            v.value for v in values if isinstance(v, ox.NamedNode)})}  # fmt: skip
        return sorted(found)

    def closure(self, property_: str) -> dict[str, set[str]]:
        """For each thing, what the property leads to in one step or more."""
        steps = {s: self.iris(s, property_) for s in self.subjects(property_)}
        reached = {s: set(step) for s, step in steps.items()}
        for found in reached.values():
            front = list(found)
            while front:
                more = steps.get(front.pop(), set()) - found
                found |= more
                front += more
        return reached


def six_languages(texts: Sequence[ox.Literal], what: str) -> Iterator[str]:
    """Says in which of the six languages a text is missing."""
    counted = Counter(text.language or "" for text in texts)
    missing = [language for language in LANGUAGES if not counted[language]]
    if missing:
        yield f"{what} is missing in {', '.join(missing)}"


def skos_faults(triples: Sequence[ox.Triple], iris: Iris) -> Iterator[str]:
    """Integrity conditions of SKOS, and what the project asks of a scheme beyond them."""
    said = Said(triples)
    concepts = said.subjects(TYPE, f"{SKOS}Concept")
    schemes = set(said.subjects(TYPE, f"{SKOS}ConceptScheme"))
    for both in sorted(schemes.intersection(concepts)):
        yield f"S9: {both} is a concept and a scheme; keep one"
    collections = {s for kind in ("Collection", "OrderedCollection") for s in said.subjects(TYPE, SKOS + kind)}
    for both in sorted(collections.intersection(concepts) | collections.intersection(schemes)):
        yield f"S37: {both} is a collection, so it is neither a concept nor a scheme; keep one"
    for resource in sorted(
        {s for kind in ("prefLabel", "altLabel", "hiddenLabel") for s in said.subjects(SKOS + kind)}
    ):
        yield from _label_faults(said, resource)
    broader = said.closure(f"{SKOS}broader")
    for concept, above in sorted(broader.items()):
        if concept in above:
            yield f"cycle: {concept} lies below itself by skos:broader; take one of the links out"
    for concept in said.subjects(f"{SKOS}related"):
        for other in sorted(said.iris(concept, f"{SKOS}related")):
            if other in broader.get(concept, set()) or concept in broader.get(other, set()):
                yield f"S27: {concept} and {other} are related and one lies below the other; drop skos:related"
    for concept in said.subjects(f"{SKOS}exactMatch"):
        matched = said.iris(concept, f"{SKOS}exactMatch")
        for kind in ("broadMatch", "narrowMatch", "relatedMatch"):
            for other in sorted(matched & said.iris(concept, SKOS + kind)):
                yield f"S46: {concept} is skos:exactMatch and skos:{kind} of {other}; keep one"
    notations: dict[tuple[str, str], set[str]] = defaultdict(set)
    for concept in concepts:
        for scheme in sorted(said.iris(concept, f"{SKOS}inScheme")):
            for notation in said.texts(concept, f"{SKOS}notation"):
                notations[scheme, notation.value].add(concept)
        yield from _concept_faults(said, concept, schemes, iris)
    for (scheme, code), owners in sorted(notations.items()):
        if len(owners) > 1:
            yield f"notation: “{code}” in {scheme} stands for {' and '.join(sorted(owners))}"


def _label_faults(said: Said, resource: str) -> Iterator[str]:
    preferred = said.texts(resource, f"{SKOS}prefLabel")
    for language, number in sorted(Counter(label.language or "" for label in preferred).items()):
        if number > 1:
            yield f"S14: {resource} has {number} skos:prefLabel@{language}; make all but one skos:altLabel"
    kinds = [set(said.texts(resource, SKOS + kind)) for kind in ("prefLabel", "altLabel", "hiddenLabel")]
    for twice in sorted((kinds[0] & kinds[1]) | (kinds[0] & kinds[2]) | (kinds[1] & kinds[2]), key=str):
        yield f"S13: {resource} has {twice} as two kinds of label; keep one"


def _concept_faults(said: Said, concept: str, schemes: set[str], iris: Iris) -> Iterator[str]:
    mine = said.iris(concept, f"{SKOS}inScheme")
    if not mine and iris.path(concept) is None:
        return  # a concept of others, only named here
    if not mine & schemes:
        if concept.startswith(f"{iris.base}scheme/"):
            yield f"orphan: put {concept} into a declared skos:ConceptScheme by skos:inScheme"
        return
    if not concept.startswith(f"{iris.base}scheme/"):
        return  # a list of others: its labels are what its owner gives
    yield from six_languages(said.texts(concept, f"{SKOS}prefLabel"), f"{concept}: skos:prefLabel")
    tops = {s for s in mine if concept in said.iris(s, f"{SKOS}hasTopConcept")}
    if tops != said.iris(concept, f"{SKOS}topConceptOf"):
        yield f"top: say skos:topConceptOf at {concept} and skos:hasTopConcept at the scheme, both or neither"
    above = said.iris(concept, f"{SKOS}broader")
    if not tops and not above:
        yield f"orphan: {concept} needs skos:broader, or skos:topConceptOf its scheme"
    for other in sorted(above):
        if not said.iris(other, f"{SKOS}inScheme") & mine:
            yield f"orphan: {concept} is below {other}, which is not in its scheme; correct skos:broader"
    if len(said.texts(concept, f"{SKOS}notation")) != 1:
        yield f"notation: give {concept} exactly one skos:notation"
    if "en" not in {d.language for d in said.texts(concept, f"{SKOS}definition")}:
        yield f"definition: give {concept} a skos:definition@en"
    deprecated = any(v.value == "true" for v in said.texts(concept, f"{OWL}deprecated"))
    if deprecated and not said.iris(concept, f"{DCTERMS}isReplacedBy"):
        yield f"deprecated: say what to use instead of {concept} by dcterms:isReplacedBy"
