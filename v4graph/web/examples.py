"""The query library as data: SPARQL examples in the form other endpoints publish theirs in.

Each query is a ``sh:SPARQLExecutable`` (SHACL §5, https://www.w3.org/TR/shacl/#sparql-prefixes for the prefixes), as in
https://github.com/sib-swiss/sparql-examples; our nodes are IRIs.
"""

from __future__ import annotations

import re

import pyoxigraph as ox

from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.queries import Query, list_library
from v4graph.rdf import Format, rdf_format

_SH = "http://www.w3.org/ns/shacl#"
_SCHEMA = "https://schema.org/"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_DCTERMS = "http://purl.org/dc/terms/"
_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_ANY_URI = ox.NamedNode("http://www.w3.org/2001/XMLSchema#anyURI")
_FORMS = {"SELECT": ("Select", "select"), "ASK": ("Ask", "ask"), "CONSTRUCT": ("Construct", "construct")}


def form_of(query: Query) -> str:
    """SELECT, ASK or CONSTRUCT: the first keyword after the header and the prefixes."""
    found = re.search(r"^\s*(SELECT|ASK|CONSTRUCT)\b", query.text, re.M)
    return found[1] if found else "SELECT"


def examples(iris: Iris, written: Format) -> bytes:
    """All queries of the library in an RDF format."""
    declared = ox.NamedNode(f"{iris.base}prefixes")
    endpoint = ox.NamedNode(f"{iris.base}sparql")
    triples = []
    for name, namespace in prefixes(iris).items():
        declaration = ox.NamedNode(f"{iris.base}prefixes/{name}")
        triples += [
            ox.Triple(declared, ox.NamedNode(f"{_SH}declare"), declaration),
            ox.Triple(declaration, ox.NamedNode(f"{_SH}prefix"), ox.Literal(name)),
            ox.Triple(declaration, ox.NamedNode(f"{_SH}namespace"), ox.Literal(namespace, datatype=_ANY_URI)),
        ]
    for query in list_library(iris):
        node = ox.NamedNode(f"{iris.base}queries/{query.name}")
        kind, property_ = _FORMS[form_of(query)]
        triples += [
            ox.Triple(node, _TYPE, ox.NamedNode(f"{_SH}SPARQLExecutable")),
            ox.Triple(node, _TYPE, ox.NamedNode(f"{_SH}SPARQL{kind}Executable")),
            ox.Triple(node, ox.NamedNode(f"{_SH}{property_}"), ox.Literal(query.text)),
            ox.Triple(node, ox.NamedNode(f"{_SH}prefixes"), declared),
            ox.Triple(node, ox.NamedNode(f"{_SCHEMA}target"), endpoint),
        ]
        for language, title in query.titles.items():
            triples.append(ox.Triple(node, ox.NamedNode(f"{_RDFS}comment"), ox.Literal(title, language=language)))
        for language, description in query.descriptions.items():
            triples.append(
                ox.Triple(node, ox.NamedNode(f"{_DCTERMS}description"), ox.Literal(description, language=language))
            )
        for word in query.keywords:
            triples.append(ox.Triple(node, ox.NamedNode(f"{_SCHEMA}keywords"), ox.Literal(word)))
    names = {"sh": _SH, "schema": _SCHEMA, "rdfs": _RDFS, "dcterms": _DCTERMS}
    return ox.serialize(triples, format=rdf_format(written), prefixes=names) or b""
