"""The files of the vocabulary: clean Turtle, declared prefixes, a complete header."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest

from tests.ontology.reading import (
    ALL,
    ANNOTATIONS,
    AUTHORITY_FILES,
    BASE,
    CLASSES,
    DATATYPES,
    DCTERMS,
    FILES,
    LANGUAGES,
    NATIVE,
    ONTOLOGY,
    OWL,
    PROPERTIES,
    RDF,
    REGIONS,
    REUSED_PROPERTIES,
    SCHEMES,
    SH,
    V4,
    XSD,
    list_of,
    six_languages,
)


def test_the_expected_files_are_there() -> None:
    names = {str(path.relative_to(ONTOLOGY)) for path in FILES}
    wanted = {"v4graph.ttl", "prefixes.ttl", "schemes/nuts.ttl"} | {
        f"schemes/{s}.ttl" for s in {*SCHEMES, *AUTHORITY_FILES}
    }
    assert wanted <= names, f"write the missing files: {sorted(wanted - names)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_file_is_clean_turtle(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text), f"{path.name}: save the text in Unicode form NFC"
    assert text.endswith("\n"), f"{path.name}: end the file with a line break"
    quads = list(ox.parse(path=str(path), format=ox.RdfFormat.TURTLE))
    assert quads, f"{path.name}: the file says nothing"
    blank = [str(q) for q in quads if isinstance(q.subject, ox.BlankNode) or isinstance(q.object, ox.BlankNode)]
    assert not blank, f"{path.name}: give these blank nodes an IRI:{list_of(blank)}"
    tags = set(re.findall(r'"@([A-Za-z0-9-]+)', text))
    allowed = {*LANGUAGES, *(NATIVE.values() if path == REGIONS else ())}
    assert tags <= allowed, f"{path.name}: write language tags as one of {LANGUAGES}, not {sorted(tags - allowed)}"
    datatypes = {q.object.datatype.value for q in quads if isinstance(q.object, ox.Literal)}
    assert datatypes <= DATATYPES, (
        f"{path.name}: the store changes these datatypes, use others: {datatypes - DATATYPES}"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_statement_is_written_twice(path: Path) -> None:
    twice = [str(q) for q, n in Counter(ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)).items() if n > 1]
    assert not twice, f"{path.name}: state these only once:{list_of(twice)}"


def test_header() -> None:
    ontology = f"{BASE}ontology"
    version = ALL.values(ontology, f"{OWL}versionInfo")[0].value
    assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"owl:versionInfo {version!r} is not major.minor.patch"
    assert ALL.iris(ontology, f"{OWL}versionIRI") == {f"{ontology}/{version}"}, (
        "make owl:versionIRI end in owl:versionInfo"
    )
    assert ALL.iris(ontology, f"{DCTERMS}license") == {"https://creativecommons.org/licenses/by/4.0/"}
    assert ALL.iris(ontology, "http://purl.org/vocab/vann/preferredNamespaceUri") == {V4}
    assert ALL.iris(ontology, "http://purl.org/vocab/vann/preferredNamespacePrefix") == {"v4"}
    faults = [f for p in ("title", "description") for f in six_languages(ontology, DCTERMS + p, f"dcterms:{p}")]
    assert not faults, list_of(faults)


def declared_prefixes() -> dict[str, str]:
    prefixes = {}
    for node in ALL.iris(f"{BASE}prefixes", f"{SH}declare"):
        names, namespaces = ALL.values(node, f"{SH}prefix"), ALL.values(node, f"{SH}namespace")
        assert len(names) == len(namespaces) == 1, f"<{node}>: give one sh:prefix and one sh:namespace"
        assert node == f"{BASE}prefixes/{names[0].value}", f"<{node}>: name the node after its prefix"
        assert namespaces[0].datatype.value == f"{XSD}anyURI", f"<{node}>: type sh:namespace as xsd:anyURI"
        prefixes[names[0].value] = namespaces[0].value
    return prefixes


def test_prefixes_are_declared_once() -> None:
    prefixes = declared_prefixes()
    wanted = "v4 org foaf schema skos dcterms prov rdf rdfs owl xsd sh sd void dcat vann geo country language currency"
    assert set(wanted.split()) <= set(prefixes), f"prefixes.ttl: declare {sorted(set(wanted.split()) - set(prefixes))}"
    assert prefixes["v4"] == V4
    assert len(set(prefixes.values())) == len(prefixes), "two prefixes stand for one namespace: keep one"
    assert all(ns.endswith(("#", "/")) for ns in prefixes.values()), "a namespace must end in # or /"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_files_use_the_declared_prefixes(path: Path) -> None:
    prefixes = declared_prefixes()
    text = path.read_text(encoding="utf-8")
    used = dict(re.findall(r"^@prefix ([a-z0-9]+): <([^>]+)> \.$", text, re.M))
    faults = [f"{p}: <{ns}>" for p, ns in used.items() if prefixes.get(p) != ns]
    assert not faults, f"{path.name}: use the prefixes of prefixes.ttl, or declare these there:{list_of(faults)}"
    body = re.sub(r'"(?:[^"\\]|\\.)*"|<[^>]*>|^#.*$|^@prefix.*$', "", text, flags=re.M)
    idle = [p for p in used if not re.search(rf"(?<![\w:]){p}:", body) and f"^^{p}:" not in text]
    assert not idle, f"{path.name}: take out the unused prefixes {idle}"


def test_the_json_ld_context_has_every_term() -> None:
    """Each class and property, own or reused with a policy, is a name of its own in the context."""
    context = json.loads((ONTOLOGY / "context" / "v1.jsonld").read_text("utf-8"))["@context"]
    prefixes = declared_prefixes()

    def meant(entry: object) -> str:
        compact = entry.get("@id", "") if isinstance(entry, dict) else str(entry)
        prefix, _, local = compact.partition(":")
        return prefixes.get(prefix, f"{prefix}:") + local

    named = {meant(entry) for entry in context.values()}
    wanted = {*CLASSES, *PROPERTIES, *ANNOTATIONS, *REUSED_PROPERTIES} - {f"{RDF}type"}
    assert len(wanted) > 200
    assert not wanted - named, f"run python -m v4graph.portal: {sorted(wanted - named)}"
