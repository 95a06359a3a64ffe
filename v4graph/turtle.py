"""Turtle written by a program: graphs of terms, short where a prefix fits, the same text for the same statements."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyoxigraph as ox

from v4graph.errors import BadRequest
from v4graph.iris import Iris

IRIS = Iris()
"""Packaged files are written with the public base."""

ADMS, DCTERMS = "http://www.w3.org/ns/adms#", "http://purl.org/dc/terms/"
EU, NUTS = "http://publications.europa.eu/resource/authority/", "http://data.europa.eu/nuts/"
ORG, SCHEMA, SKOS = "http://www.w3.org/ns/org#", "https://schema.org/", "http://www.w3.org/2004/02/skos/core#"
XSD, RDF_TYPE = "http://www.w3.org/2001/XMLSchema#", "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
DATES = {4: "gYear", 7: "gYearMonth", 10: "date"}

PREFIXES = {
    "v4": IRIS.term(""),
    "adms": ADMS,
    "country": f"{EU}country/",
    "dcterms": DCTERMS,
    "graph": IRIS.graph(""),
    "language": f"{EU}language/",
    "nuts": f"{NUTS}code/",
    "nutsversion": f"{NUTS}scheme/",
    "org": ORG,
    "schema": SCHEMA,
    "skos": SKOS,
    "xsd": XSD,
    **{kind: IRIS.thing(kind, "") for kind in ("award", "identifier", "observation", "organisation", "place")},
    **{
        name: IRIS.concept(scheme, "")
        for name, scheme in (
            ("idscheme", "identifier-scheme"),
            ("indicator", "indicator"),
            ("label", "quality-label"),
            ("orgtype", "organisation-type"),
            ("qualifier", "amount-qualifier"),
            ("rank", "source-rank"),
            ("sector", "sector"),
        )
    },
}


@dataclass(slots=True)
class Graph:
    """What one page says: for every subject its properties and values, as Turtle terms."""

    note: str
    said: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def say(self, subject: str, prop: str, *values: str) -> None:
        """Add statements; empty values are left out, repeated ones said once."""
        for value in filter(None, values):
            known = self.said.setdefault(subject, {}).setdefault(prop, [])
            if value not in known:
                known.append(value)

    def turtle(self) -> str:
        """The graph as Turtle, always the same for the same statements."""
        blocks = []
        for subject, about in sorted(self.said.items()):
            order = sorted(about, key=lambda prop: (prop != "a", prop))
            lines = [f"    {prop} {' , '.join(sorted(about[prop]))}" for prop in order]
            blocks.append(f"{subject}\n" + " ;\n".join(lines) + " .\n")
        text = "\n".join(blocks)
        used = {
            name for name in re.findall(r"(?<![\w\"<:/])([a-z0-9-]+):", re.sub(r'"(?:[^"\\]|\\.)*"|<[^>]*>', "", text))
        }
        heads = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in sorted(PREFIXES.items()) if name in used)
        return f"# {self.note}\n\n{heads}\n{text}"


def iri(address: str) -> str:
    """An IRI, short where a prefix fits."""
    for name, start in PREFIXES.items():
        rest = address.removeprefix(start)
        if rest != address and re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?", rest):
            return f"{name}:{rest}"
    return str(ox.NamedNode(address))


def term(name: str) -> str:
    """A term of the ontology."""
    return iri(IRIS.term(name))


def thing(kind: str, slug: str) -> str:
    """A thing of ours."""
    return iri(IRIS.thing(kind, slug))


def concept(scheme: str, notation: str) -> str:
    """A concept of one of our schemes."""
    return iri(IRIS.concept(scheme, notation))


def string(value: str) -> str:
    """A plain text."""
    return str(ox.Literal(value))


def text(value: str, language: str) -> str:
    """A text in a language."""
    return str(ox.Literal(value, language=language))


def date(value: str) -> str:
    """A date as exact as it is given; nothing for nothing."""
    if value and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", value):
        raise BadRequest(f"“{value}” is no date: write 2013, 2013-10 or 2013-10-01.")
    return f'"{value}"^^xsd:{DATES[len(value)]}' if value else ""


def decimal(value: str) -> str:
    """A decimal number without zeros at its end."""
    return f'"{value.rstrip("0").rstrip(".") if "." in value else value}"^^xsd:decimal'
