"""The terms: declared, named, documented in six languages."""

from __future__ import annotations

import re
from collections import defaultdict

import pyoxigraph as ox
import pytest

from tests.ontology.reading import (
    ALL,
    ANNOTATIONS,
    AUTHORITY,
    BASE,
    CLASSES,
    CONCEPT_SCHEMES,
    CONCEPTS,
    FOREIGN_NAMES,
    LABELLED,
    LETTERS,
    NUTS,
    OWL,
    POLICIES,
    PROPERTIES,
    RDF,
    RDFS,
    REUSED_PROPERTIES,
    SCHEME,
    SKOS,
    TERMS,
    V4,
    list_of,
    short,
    six_languages,
)


def test_every_own_term_in_use_is_declared() -> None:
    used = {t.value for q in ALL.quads for t in (q.subject, q.predicate, q.object) if t.value.startswith(V4)} - {V4}
    declared = {*CLASSES, *PROPERTIES, *ANNOTATIONS, *POLICIES}
    faults = [f"{short(t)}: declare it in v4graph.ttl, or correct the spelling" for t in sorted(used - declared)]
    assert not faults, list_of(faults)


def test_every_own_concept_in_use_is_declared() -> None:
    used = {t.value for q in ALL.quads for t in (q.subject, q.object) if t.value.startswith((SCHEME, AUTHORITY))}
    faults = [
        f"<{t}>: add the concept to its file in schemes/, or correct the spelling"
        for t in sorted(used - {*CONCEPTS, *CONCEPT_SCHEMES})
        if not t.endswith("/")  # a namespace in prefixes.ttl
    ]
    assert not faults, list_of(faults)


def test_every_term_has_one_kind() -> None:
    kinds = {f"{OWL}{k}" for k in ("Class", "ObjectProperty", "DatatypeProperty", "AnnotationProperty")} | {
        f"{V4}MergePolicy"
    }
    faults = [
        f"{short(t)}: make it one of owl:Class, owl:ObjectProperty, owl:DatatypeProperty, owl:AnnotationProperty"
        for t in TERMS
        if len(ALL.iris(t, f"{RDF}type") & kinds) != 1
    ]
    assert not faults, list_of(faults)


def test_names_are_written_as_their_kind_asks() -> None:
    faults = [
        f"{short(t)}: begin a class with a capital"
        for t in CLASSES
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]+", t[len(V4) :])
    ]
    faults += [
        f"{short(t)}: begin a property with a small letter"
        for t in [*PROPERTIES, *ANNOTATIONS]
        if not re.fullmatch(r"[a-z][A-Za-z0-9]+", t[len(V4) :])
    ]
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", TERMS, ids=short)
def test_term_is_documented(term: str) -> None:
    faults = list(six_languages(term, f"{RDFS}label", "rdfs:label"))
    definitions = ALL.texts(term, f"{SKOS}definition")
    english = definitions.get("en", [])
    if len(english) != 1:
        faults.append(f"{short(term)}: give exactly one skos:definition@en, found {len(english)}")
    for text in english:
        labels = {label.casefold() for label in ALL.texts(term, f"{RDFS}label").get("en", [])}
        if not text.endswith(".") or len(text) < 25:
            faults.append(f"{short(term)}: write the definition as a whole sentence: {text!r}")
        if len(re.findall(r"[.!?](?:\s|$)", text)) > 2:
            faults.append(f"{short(term)}: cut the definition to two sentences")
        if any(re.match(rf"(?:an?|the)?\s*{re.escape(label)}\b", text.casefold()) for label in labels):
            faults.append(f"{short(term)}: the definition begins with the term it defines: {text!r}")
    if ALL.iris(term, f"{RDFS}isDefinedBy") != {f"{BASE}ontology"}:
        faults.append(f"{short(term)}: add rdfs:isDefinedBy <{BASE}ontology>")
    assert not faults, list_of(faults)


def test_every_class_says_how_to_use_it() -> None:
    faults = [
        f"{short(c)}: add one skos:scopeNote@en of one to three sentences"
        for c in CLASSES
        if len(ALL.texts(c, f"{SKOS}scopeNote").get("en", [])) != 1
        or not ALL.texts(c, f"{SKOS}scopeNote")["en"][0].endswith(".")
    ]
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", sorted(set(LABELLED) - set(TERMS)))
def test_reused_term_has_six_labels(term: str) -> None:
    faults = list(six_languages(term, f"{RDFS}label", "rdfs:label"))
    assert not faults, list_of(faults)


def test_no_two_classes_share_a_label() -> None:
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    reused = [t for t in LABELLED if t not in REUSED_PROPERTIES and not t.startswith(V4)]
    for term in [*CLASSES, *reused]:
        for language, texts in ALL.texts(term, f"{RDFS}label").items():
            for text in texts:
                owners[language, text.casefold()].append(short(term))
    faults = [
        f"{label!r}@{language}: tell apart {' and '.join(o)}" for (language, label), o in owners.items() if len(o) > 1
    ]
    assert not faults, list_of(faults)


def test_texts_use_the_letters_of_their_language() -> None:
    """A Polish ł in a Czech label is a text that went into the wrong column."""
    faults = []
    for quad in ALL.quads:
        value = quad.object
        if not isinstance(value, ox.Literal) or not value.language or quad.subject.value.startswith(NUTS):
            continue
        text = value.value
        for name in FOREIGN_NAMES:
            text = text.replace(name, "")
        strange = {c for c in text.lower() if c.isalpha() and not c.isascii()} - set(LETTERS[value.language])
        if strange:
            faults.append(
                f"{short(quad.subject.value)}: {value.value!r}@{value.language} has {''.join(sorted(strange))}"
            )
    assert not faults, f"look whether these texts are in the language they say:{list_of(faults)}"
