"""RDF as text: formats, canonical N-Triples, blank nodes, and what the engine does to literals.

A graph is handled as a set of N-Triples lines (``b"<s> <p> <o> ."``): differences, rollback and hashes are then plain
set arithmetic, and a line goes into SPARQL Update as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pyoxigraph as ox

Lines = frozenset[str]
"""A graph: N-Triples lines without the line end, no blank nodes."""


@dataclass(frozen=True, slots=True)
class Format:
    """A syntax: its file ending, its media type first and further ones, and the engine's name of it."""

    ending: str
    media_types: tuple[str, ...]
    engine: str
    label: str

    @property
    def media_type(self) -> str:
        """The media type answers are labelled with."""
        return self.media_types[0]


TURTLE = Format("ttl", ("text/turtle", "application/x-turtle"), "TURTLE", "Turtle")
N_TRIPLES = Format("nt", ("application/n-triples",), "N_TRIPLES", "N-Triples")
RDF_XML = Format("rdf", ("application/rdf+xml",), "RDF_XML", "RDF/XML")
JSON_LD = Format("jsonld", ("application/ld+json",), "JSON_LD", "JSON-LD")
TRIG = Format("trig", ("application/trig", "application/x-trig"), "TRIG", "TriG")
N_QUADS = Format("nq", ("application/n-quads",), "N_QUADS", "N-Quads")
GRAPH_FORMATS = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD)
DATASET_FORMATS = (TRIG, N_QUADS)
RDF_FORMATS = GRAPH_FORMATS + DATASET_FORMATS

JSON = Format("srj", ("application/sparql-results+json", "application/json"), "JSON", "SPARQL JSON")
XML = Format("srx", ("application/sparql-results+xml", "application/xml", "text/xml"), "XML", "SPARQL XML")
CSV = Format("csv", ("text/csv",), "CSV", "CSV")
TSV = Format("tsv", ("text/tab-separated-values",), "TSV", "TSV")
RESULT_FORMATS = (JSON, XML, CSV, TSV)


def format_of_ending(ending: str) -> Format | None:
    """The RDF format of a file ending (``ttl`` or ``.ttl``)."""
    wanted = ending.lstrip(".").lower()
    aliases = {"json": "jsonld", "xml": "rdf", "owl": "rdf", "turtle": "ttl"}
    wanted = aliases.get(wanted, wanted)
    return next((f for f in RDF_FORMATS if f.ending == wanted), None)


def format_of_media_type(media_type: str) -> Format | None:
    """The RDF format of a media type, parameters ignored."""
    essence = media_type.split(";")[0].strip().lower()
    return next((f for f in RDF_FORMATS if essence in f.media_types), None)


def rdf_format(fmt: Format) -> ox.RdfFormat:
    """The engine's own object for an RDF format."""
    found: ox.RdfFormat = getattr(ox.RdfFormat, fmt.engine)
    return found


def ntriples(triples: Iterable[ox.Triple | ox.Quad]) -> list[str]:
    """Canonical N-Triples lines of triples (RDF 1.1 N-Triples §3), sorted; the graph of a quad is dropped."""
    plain = (t if isinstance(t, ox.Triple) else t.triple for t in triples)
    text = ox.serialize(plain, format=ox.RdfFormat.N_TRIPLES)
    assert text is not None  # it is, when no output is given
    return sorted(set(text.decode().split("\n")) - {""})


_TOGETHER = 20_000
"""Lines that are written as one document."""


def in_parts(lines: Iterable[str]) -> Iterator[bytes]:
    """N-Triples lines as documents of so many at most; of long ones, not all are held twice."""
    waiting = iter(lines)
    while part := list(islice(waiting, _TOGETHER)):
        yield "\n".join(part).encode()


def parse_lines(lines: Iterable[str]) -> Iterator[ox.Triple]:
    """The triples of N-Triples lines."""
    for quad in ox.parse("\n".join(lines).encode(), ox.RdfFormat.N_TRIPLES):
        yield quad.triple


_BLANK = re.compile(r"_:[A-Za-z0-9]+")


def skolemise(triples: Iterable[ox.Triple], genid_prefix: str) -> list[str]:
    """N-Triples lines in which every blank node is an IRI ``{genid_prefix}{digest}`` (RDF 1.1 §3.5).

    The digest comes from the triples around the node (and its RDFC-1.0 label where two nodes look alike), so that
    a document submitted again gets the same names and a change elsewhere does not rename it.
    """
    dataset = ox.Dataset(ox.Quad(*t) for t in triples)
    lines = ntriples(dataset)
    if not any("_:" in line and _BLANK.search(line) for line in lines):
        return lines
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    quads = list(dataset)
    around: dict[str, list[str]] = {}
    for quad in quads:
        nodes = [t for t in (quad.subject, quad.object) if isinstance(t, ox.BlankNode)]
        for node in nodes:
            subject, object_ = (
                ("_:a" if t == node else "_:z") if isinstance(t, ox.BlankNode) else str(t)
                for t in (quad.subject, quad.object)
            )
            around.setdefault(node.value, []).append(f"{subject} {quad.predicate} {object_}")
    names: dict[str, str] = {}
    taken: set[str] = set()
    for label in sorted(around, key=lambda c14n: int(c14n.removeprefix("c14n"))):
        seed = "\n".join(sorted(around[label]))
        digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
        while digest in taken:
            digest = hashlib.sha256(f"{digest}+".encode()).hexdigest()[:24]
        taken.add(digest)
        names[label] = f"{genid_prefix}{digest}"

    def named(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> ox.NamedNode | ox.Literal:
        return ox.NamedNode(names[term.value]) if isinstance(term, ox.BlankNode) else term  # type: ignore[return-value]

    return ntriples(ox.Triple(named(q.subject), q.predicate, named(q.object)) for q in quads)  # type: ignore[arg-type]


_XSD = r"\^\^<http://www\.w3\.org/2001/XMLSchema#"
_AS_IT_IS = re.compile(
    rf'"(?:@[a-z0-9-]+|(?:0|-?[1-9]\d{{0,15}})"{_XSD}integer>|-?(?:0|[1-9]\d{{0,7}})\.\d{{0,7}}[1-9]"{_XSD}decimal>'
    rf'|[1-9]\d{{3}}(?:"{_XSD}gYear|-\d\d"{_XSD}gYearMonth|-\d\d-\d\d"{_XSD}date)>|(?:true|false)"{_XSD}boolean>) \.$',
    re.ASCII,
)
"""The end of a line with a value that the engine leaves as it is: it changes great letters in the tag of a language,
and what can be written in several ways.
"""


def normalise(lines: Iterable[str]) -> list[str]:
    """The lines as the engine gives them back: it stores values, not spellings (``"1.0"`` becomes ``"1"``)."""
    same: list[str] = []
    changed: list[str] = []
    for line in lines:
        (changed if ('"^^<' in line or '"@' in line) and not _AS_IT_IS.search(line) else same).append(line)
    if changed:
        store = ox.Store()
        store.bulk_load("\n".join(changed).encode(), ox.RdfFormat.N_TRIPLES)
        same += ntriples(store)
    return sorted(set(same))


def sha256(lines: Iterable[str]) -> str:
    """The hash of a graph: SHA-256 of its sorted lines, each ended by a line feed."""
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def split_line(line: str) -> tuple[str, str, str]:
    """Subject, predicate and object of an N-Triples line, as text."""
    subject, predicate, rest = line.split(" ", 2)
    return subject, predicate, rest[:-2]


def iri_text(iri: str) -> str:
    """An IRI as N-Triples writes it; refuses what could break out of the angle brackets."""
    return str(ox.NamedNode(iri))


def literal_text(value: str, datatype: str | None = None, language: str | None = None) -> str:
    """A literal as N-Triples writes it."""
    if language:
        return str(ox.Literal(value, language=language))
    return str(ox.Literal(value, datatype=ox.NamedNode(datatype) if datatype else None))
