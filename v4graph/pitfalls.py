"""Pitfalls of a vocabulary that a program can see, and whether it tells enough about itself.

The numbers are those of OOPS! (https://oops.linkeddata.es/catalogue.jsp): P04 P06 P08 P10 P11 P13 P19 P20 P21 P22 P24
P25 P26 P30 P32 P33 P34 P35 P36 P38 P41. The header is what FOOPS! asks (https://w3id.org/foops/): FIND1 URI2 VER1 OM1
OM2 OM3 OM4 OM5. What only the owner can do (a DOI, a logo, an entry in a registry, w3id.org) is not checked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import pyoxigraph as ox

from v4graph.iris import Iris
from v4graph.schemes import Said, six_languages
from v4graph.statements import DCTERMS, OWL, RDFS, SKOS, TYPE

_BIBO_STATUS = "http://purl.org/ontology/bibo/status"
_VANN = "http://purl.org/vocab/vann/preferredNamespace"
_SCHEMA = "https://schema.org/"
_LONGEST_LABEL = 60
_TEXTS = {
    "FIND1": (f"{_VANN}Prefix", f"{_VANN}Uri"),
    "OM1": (f"{DCTERMS}title", f"{DCTERMS}description"),
    "OM2": (f"{OWL}versionInfo", f"{DCTERMS}created", f"{DCTERMS}bibliographicCitation"),
    "OM3": (f"{DCTERMS}issued", f"{DCTERMS}modified"),
}
"""What the header says in words, by the test of FOOPS! that asks for it."""
_THINGS = {
    "P41, OM4": (f"{DCTERMS}license",),
    "OM5": (f"{DCTERMS}creator", f"{DCTERMS}publisher"),
    "OM3": (_BIBO_STATUS,),
}
"""What the header says by an address."""


def vocabulary_faults(triples: Sequence[ox.Triple], iris: Iris) -> Iterator[str]:
    """Pitfalls of the vocabulary and its header."""
    said = Said(triples)
    subjects = {t.subject.value for t in triples if isinstance(t.subject, ox.NamedNode)}
    own = sorted(iri for iri in subjects if iri.startswith(iris.term("")) and iri != iris.term(""))
    yield from _header_faults(said, iris)
    above = said.closure(f"{RDFS}subClassOf")
    for property_ in (f"{RDFS}subClassOf", f"{RDFS}subPropertyOf"):
        for term, found in sorted(said.closure(property_).items()):
            if term in found:
                yield f"P06: {term} lies below itself by {_local(property_)}; take one of the links out"
    owners: dict[tuple[str, str], set[str]] = defaultdict(set)
    apart, connected = _disjoint(said), _connected(said)
    for term in own:
        types = said.iris(term, TYPE)
        yield from _term_faults(said, term, types, iris)
        if f"{OWL}Class" in types:
            for label in said.texts(term, f"{RDFS}label"):
                owners[label.language or "", label.value.casefold()].add(term)
            yield from _class_faults(term, above, apart, connected)
        elif any(t.startswith(OWL) for t in types):
            yield from _property_faults(said, term, types)
    for (language, shared), terms in sorted(owners.items()):
        if len(terms) > 1:
            yield f"P32: “{shared}”@{language} names {' and '.join(sorted(terms))}; tell them apart"


def _header_faults(said: Said, iris: Iris) -> Iterator[str]:
    headers = said.subjects(TYPE, f"{OWL}Ontology")
    others = [header for header in headers if not f"{header}/".startswith(f"{iris.ontology}/")]
    if iris.ontology not in headers or others:
        yield f"P38, URI2: declare <{iris.ontology}>, and parts of it, as owl:Ontology, and nothing else, not {headers}"
    for test, properties in _TEXTS.items():
        for property_ in properties:
            if not said.texts(iris.ontology, property_):
                yield f"header {test}: give <{iris.ontology}> a <{property_}>"
    for test, properties in _THINGS.items():
        for property_ in properties:
            if not said.iris(iris.ontology, property_):
                yield f"{test}: give <{iris.ontology}> a <{property_}> that is an address"
    version = [v.value for v in said.texts(iris.ontology, f"{OWL}versionInfo")]
    if said.iris(iris.ontology, f"{OWL}versionIRI") != {f"{iris.ontology}/{v}" for v in version}:
        yield "header VER1: owl:versionIRI must be the ontology's IRI, a slash and owl:versionInfo"
    cited = " ".join(text.value for text in said.texts(iris.ontology, f"{DCTERMS}bibliographicCitation"))
    if any(v not in cited for v in version):
        yield f"header OM2: dcterms:bibliographicCitation must name the version {' '.join(version)}"
    days = {name: [t.value for t in said.texts(iris.ontology, DCTERMS + name)] for name in ("created", "issued")}
    if days["created"] and days["issued"] and max(days["created"]) > min(days["issued"]):
        yield "header OM3: dcterms:issued lies before dcterms:created"
    if [t.value for t in said.texts(iris.ontology, f"{_VANN}Uri")] != [iris.term("")]:
        yield f"header FIND1: vann:preferredNamespaceUri must be {iris.term('')}"


def _disjoint(said: Said) -> dict[str, set[str]]:
    """What each class is declared to be disjoint with, by itself."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in said.subjects(f"{OWL}disjointWith"):
        for other in said.iris(one, f"{OWL}disjointWith"):
            found[one].add(other)
            found[other].add(one)
    return found


def _connected(said: Said) -> set[str]:
    """Classes that something else speaks of: a property, a class below or above, or a thing of that class."""
    links = (f"{RDFS}domain", f"{RDFS}range", f"{_SCHEMA}domainIncludes", f"{_SCHEMA}rangeIncludes", TYPE)
    found = {value for property_ in links for s in said.subjects(property_) for value in said.iris(s, property_)}
    for below in said.subjects(f"{RDFS}subClassOf"):
        found |= said.iris(below, f"{RDFS}subClassOf")
    return found


def _class_faults(
    term: str, above: dict[str, set[str]], apart: dict[str, set[str]], connected: set[str]
) -> Iterator[str]:
    family = {term, *above.get(term, ())}
    if not family & connected:
        yield f"P04: nothing leads to {term}; name it in schema:domainIncludes or schema:rangeIncludes of a property"
    if not any(apart.get(member) for member in family):
        yield f"P10: say by owl:disjointWith what {term} can never be"
    if re.search(r"(Other|Misc|Various|Unknown)[A-Z]?", _local(term)):
        yield f"P21: {term} gathers what has no class; say what it is, or leave the thing without this class"


def _property_faults(said: Said, term: str, types: set[str]) -> Iterator[str]:
    places = [said.iris(term, property_) for property_ in (f"{RDFS}domain", f"{_SCHEMA}domainIncludes")]
    if not any(places):
        yield f"P04, P11: say by schema:domainIncludes what has {term}"
    if not said.iris(term, f"{RDFS}range") | said.iris(term, f"{_SCHEMA}rangeIncludes"):
        yield f"P04, P11: say by schema:rangeIncludes what values {term} has"
    symmetric, inverse = f"{OWL}SymmetricProperty" in types, said.iris(term, f"{OWL}inverseOf")
    if f"{OWL}ObjectProperty" in types and not symmetric and not inverse:
        yield from six_languages(said.texts(term, _inverse_label(term)), f"P13: {term}: v4:inverseLabel")
    if term in inverse:
        yield f"P25: {term} is its own inverse; make it an owl:SymmetricProperty"
    if symmetric and inverse:
        yield f"P26: {term} is symmetric, so owl:inverseOf says nothing; take it out"
    if said.iris(term, f"{OWL}propertyChainAxiom"):
        yield f"P33: take the property chain out of {term}; a rule in queries/rules/ makes shortcuts"


def _inverse_label(term: str) -> str:
    return term.rpartition("#")[0] + "#inverseLabel"


def _term_faults(said: Said, term: str, types: set[str], iris: Iris) -> Iterator[str]:
    name = term.removeprefix(iris.term(""))
    if not types:
        yield f"P34/P35: say what {term} is: a class, an object, datatype or annotation property"
    if re.search(r"\.(ttl|owl|rdf|html|json|xml)$", name):
        yield f"P36: take the file ending out of {term}"
    pattern = "[A-Z][A-Za-z0-9]+" if f"{OWL}Class" in types else "[a-z][A-Za-z0-9]+"
    if any(t.startswith(OWL) for t in types) and not re.fullmatch(pattern, name):
        yield f"P22: {term}: a class begins with a capital, a property with a small letter, both without signs"
    labels = said.texts(term, f"{RDFS}label")
    yield from six_languages(labels, f"P08: {term}: rdfs:label")
    definitions = said.texts(term, f"{SKOS}definition")
    if "en" not in {d.language for d in definitions}:
        yield f"P08: give {term} a skos:definition@en"
    for label in labels:
        if len(label.value) > _LONGEST_LABEL:
            yield f"P20: {term}: the label “{label.value}” is longer than {_LONGEST_LABEL}; say it in the definition"
        for definition in (d for d in definitions if d.language == label.language):
            if label.value.casefold() == definition.value.casefold():
                yield f"P20: {term}: label and definition are the same text"
            elif re.match(rf"(?:an?\s|the\s)?{re.escape(label.value)}\b", definition.value, re.I):
                yield f"P24: {term} is defined by itself: “{definition.value}”; say what it is in other words"
    if len(said.iris(term, f"{RDFS}domain")) > 1:
        yield f"P19: {term} has several rdfs:domain, which mean all at once; use schema:domainIncludes"
    out_of_use = any(v.value == "true" for v in said.texts(term, f"{OWL}deprecated"))
    if out_of_use and not said.iris(term, f"{DCTERMS}isReplacedBy"):
        yield f"deprecated: say what to use instead of {term} by dcterms:isReplacedBy"
    for axiom in ("equivalentClass", "equivalentProperty"):
        if same := sorted(said.iris(term, OWL + axiom)):
            yield f"P30: {term} is declared the same as {same[0]}; a mapping in ontology/alignments.ttl infers nothing"


def _local(iri: str) -> str:
    return re.split(r"[#/]", iri)[-1]
