"""The dataset about itself: SPARQL 1.1 Service Description (https://www.w3.org/TR/sparql11-service-description/)."""

from __future__ import annotations

import hashlib
import logging

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph.errors import Overloaded
from v4graph.queries import load_query
from v4graph.rdf import RDF_FORMATS, RESULT_FORMATS, Format, rdf_format
from v4graph.web.delivery import present_snapshot, solve

log = logging.getLogger(__name__)

_PREFIXES = {
    "sd": "http://www.w3.org/ns/sparql-service-description#",
    "void": "http://rdfs.org/ns/void#",
    "formats": "http://www.w3.org/ns/formats/",
    "dcterms": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_RDF_TYPE = ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
_FORMAT_NAMES = {
    "ttl": "Turtle",
    "nt": "N-Triples",
    "rdf": "RDF_XML",
    "jsonld": "JSON-LD",
    "trig": "TriG",
    "nq": "N-Quads",
    "srj": "SPARQL_Results_JSON",
    "srx": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
}
"""Names of the formats at http://www.w3.org/ns/formats/."""
_GEOSPARQL = "http://www.opengis.net/def/function/geosparql/"
_FUNCTIONS = (
    "convexHull", "distance", "envelope", "getSRID", "sfContains", "sfCrosses", "sfDisjoint", "sfEquals",
    "sfIntersects", "sfOverlaps", "sfTouches", "sfWithin",
)  # fmt: skip


class Catalogue:
    """The named graphs of a snapshot and their sizes, asked once for each snapshot."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._names: tuple[str, frozenset[str]] = ("", frozenset())
        self._sizes: tuple[str, dict[str | None, int]] = ("", {})

    async def names(self, state: State) -> frozenset[str]:
        """All named graphs, empty ones too."""
        token = present_snapshot(state).token
        if self._names[0] != token:
            found = await solve(state, load_query("platform/graph-names", state.iris))
            self._names = token, frozenset(row["graph"]["value"] for row in found)
        return self._names[1]

    async def sizes(self, state: State) -> dict[str | None, int]:
        """Triples by graph, the default graph under None; nothing when counting takes too long."""
        token = present_snapshot(state).token
        if self._sizes[0] != token:
            try:
                named = await solve(state, load_query("platform/graph-sizes", state.iris))
                default = await solve(state, load_query("platform/default-graph-size", state.iris))
            except Overloaded as error:
                log.warning("the graphs were not counted: %s", error)
                return {}
            sizes: dict[str | None, int] = {row["graph"]["value"]: int(row["triples"]["value"]) for row in named}
            self._sizes = token, {None: int(default[0]["triples"]["value"]), **sizes}
        return self._sizes[1]


def _sd(name: str) -> ox.NamedNode:
    return ox.NamedNode(_PREFIXES["sd"] + name)


def _void(name: str) -> ox.NamedNode:
    return ox.NamedNode(_PREFIXES["void"] + name)


def _count(number: int) -> ox.Literal:
    return ox.Literal(str(number), datatype=ox.NamedNode(_PREFIXES["xsd"] + "integer"))


async def service_description(state: State, endpoint: str, written: Format) -> bytes:
    """The description of the endpoint at this address, in an RDF format."""
    catalogue: Catalogue = state.catalogue
    names = await catalogue.names(state)
    sizes = await catalogue.sizes(state)
    snapshot = present_snapshot(state)
    triples = _service(state, endpoint) + _dataset(f"{state.settings.base_iri}sparql", names, sizes)
    dataset = ox.NamedNode(f"{state.settings.base_iri}sparql#dataset")
    when = ox.Literal(snapshot.created, datatype=ox.NamedNode(_PREFIXES["xsd"] + "dateTime"))
    triples.append(ox.Triple(dataset, ox.NamedNode(_PREFIXES["dcterms"] + "modified"), when))
    return ox.serialize(triples, format=rdf_format(written), prefixes=_PREFIXES) or b""


def _service(state: State, endpoint: str) -> list[ox.Triple]:
    base = f"{state.settings.base_iri}sparql"
    service = ox.NamedNode(f"{base}#service")
    triples = [
        ox.Triple(service, _RDF_TYPE, _sd("Service")),
        ox.Triple(service, _sd("endpoint"), ox.NamedNode(endpoint)),
        ox.Triple(service, _sd("supportedLanguage"), _sd("SPARQL11Query")),
        ox.Triple(service, _sd("defaultDataset"), ox.NamedNode(f"{base}#dataset")),
    ]
    if state.scratch is not None:
        triples.append(ox.Triple(service, _sd("supportedLanguage"), _sd("SPARQL11Update")))
        triples.append(ox.Triple(service, _sd("feature"), _sd("EmptyGraphs")))
    for fmt in RESULT_FORMATS + RDF_FORMATS:
        name = ox.NamedNode(_PREFIXES["formats"] + _FORMAT_NAMES[fmt.ending])
        triples.append(ox.Triple(service, _sd("resultFormat"), name))
    for function in _FUNCTIONS:
        name = ox.NamedNode(_GEOSPARQL + function)
        triples.append(ox.Triple(service, _sd("extensionFunction"), name))
        triples.append(ox.Triple(name, _RDF_TYPE, _sd("Function")))
    return triples


def _dataset(base: str, names: frozenset[str], sizes: dict[str | None, int]) -> list[ox.Triple]:
    dataset, default = ox.NamedNode(f"{base}#dataset"), ox.NamedNode(f"{base}#default-graph")
    triples = [
        ox.Triple(dataset, _RDF_TYPE, _sd("Dataset")),
        ox.Triple(dataset, _sd("defaultGraph"), default),
        ox.Triple(default, _RDF_TYPE, _sd("Graph")),
    ]
    if sizes:
        triples.append(ox.Triple(default, _void("triples"), _count(sizes[None])))
    for name in sorted(names):
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        named, graph = ox.NamedNode(f"{base}#named-{digest}"), ox.NamedNode(f"{base}#graph-{digest}")
        triples += [
            ox.Triple(dataset, _sd("namedGraph"), named),
            ox.Triple(named, _RDF_TYPE, _sd("NamedGraph")),
            ox.Triple(named, _sd("name"), ox.NamedNode(name)),
            ox.Triple(named, _sd("graph"), graph),
            ox.Triple(graph, _RDF_TYPE, _sd("Graph")),
        ]
        if sizes:
            triples.append(ox.Triple(graph, _void("triples"), _count(sizes.get(name, 0))))
    return triples
