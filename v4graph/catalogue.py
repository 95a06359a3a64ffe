"""What this instance tells catalogues and crawlers: DCAT-AP 3 and VoID (https://www.w3.org/TR/void/).

The fixed texts are data, ``ontology/catalogue.ttl``. The figures come from ``queries/platform/void-*.rq``; whoever
calls asks them, and a figure that could not be had in time is left out: what is told is true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyoxigraph as ox

from v4graph import assets
from v4graph.iris import Iris
from v4graph.rdf import literal_text
from v4graph.statements import DCTERMS, TYPE, Term

QUERIES = (
    "graph-sizes", "default-graph-size", "void-totals", "void-entities", "void-classes", "void-properties",
    "void-links",
)  # fmt: skip
"""The queries that give the figures."""

DCAT = "http://www.w3.org/ns/dcat#"
VOID = "http://rdfs.org/ns/void#"
FOAF = "http://xmlns.com/foaf/0.1/"
_XSD = "http://www.w3.org/2001/XMLSchema#"

Answers = Mapping[str, Sequence[Mapping[str, Term]] | None]
"""The rows of each query, None when it could not be answered in time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted in a snapshot; None or nothing where it could not be."""

    totals: Mapping[str, int]
    graphs: Mapping[str, int]
    default: int | None
    classes: Mapping[str, int]
    properties: Mapping[str, int]
    links: Mapping[tuple[str, str], int]


def dataset(iris: Iris) -> str:
    """The dataset of this instance."""
    return f"{iris.base}catalogue#dataset"


def resolved(iris: Iris) -> str:
    """The default graph of this instance, as a dataset."""
    return f"{iris.base}catalogue#resolved"


@lru_cache(maxsize=4)
def texts(iris: Iris) -> tuple[ox.Triple, ...]:
    """The fixed part of the description."""
    text = iris.rebase((assets.ONTOLOGY / "catalogue.ttl").read_bytes())
    return tuple(quad.triple for quad in ox.parse(text, ox.RdfFormat.TURTLE))


def spaces(iris: Iris) -> dict[str, str]:
    """IRI space -> dataset, for the datasets of others."""
    return {
        t.object.value: t.subject.value
        for t in texts(iris)
        if t.predicate.value == f"{VOID}uriSpace"
        and isinstance(t.subject, ox.NamedNode)
        and isinstance(t.object, ox.Literal)
        and not t.object.value.startswith(iris.base)
    }


def values(iris: Iris) -> dict[str, list[str]]:
    """What the parameters of the queries are bound to."""
    return {"space": [literal_text(space) for space in sorted(spaces(iris))]}


def figures(answers: Answers) -> Figures:
    """The figures in the answers to the queries."""

    def counts(name: str, key: str, count: str) -> dict[str, int]:
        return {row[key].value: int(row[count].value) for row in answers.get(name) or ()}

    totals: dict[str, int] = {}
    for name in ("void-totals", "void-entities"):
        for row in answers.get(name) or ():
            totals |= {key: int(value.value) for key, value in row.items()}
    default = answers.get("default-graph-size")
    return Figures(
        totals,
        counts("graph-sizes", "graph", "triples"),
        int(default[0]["triples"].value) if default else None,
        counts("void-classes", "class", "entities"),
        counts("void-properties", "property", "triples"),
        {
            (row["space"].value, row["property"].value): int(row["triples"].value)
            for row in answers.get("void-links") or ()
        },
    )


def description(iris: Iris, created: str, version: str) -> list[ox.Triple]:
    """The catalogue in DCAT-AP 3: the fixed texts with the day and number of a snapshot."""
    when = _typed(created.replace("+00:00", "Z"), "dateTime")
    triples = list(texts(iris))
    for subject in (f"{iris.base}catalogue", dataset(iris)):
        triples.append(_triple(subject, f"{DCTERMS}modified", when))
    triples.append(_triple(dataset(iris), f"{DCAT}version", ox.Literal(version)))
    return triples


def statistics(iris: Iris, told: Figures, created: str) -> list[ox.Triple]:
    """The description in VoID: fixed texts of the datasets, and the figures."""
    datasets = {t.subject for t in texts(iris) if t.predicate.value == TYPE and t.object == _void("Dataset")}
    keep = [t for t in texts(iris) if t.subject in datasets and _of_void(t)]
    whole, view = dataset(iris), resolved(iris)
    document = f"{iris.base}.well-known/void"
    triples = [
        *keep,
        _triple(document, TYPE, _void("DatasetDescription")),
        _triple(document, f"{FOAF}primaryTopic", ox.NamedNode(whole)),
        _triple(whole, f"{DCTERMS}modified", _typed(created.replace("+00:00", "Z"), "dateTime")),
    ]
    if told.default is not None and told.graphs:
        triples.append(_count(whole, "triples", told.default + sum(told.graphs.values())))
    names = {
        "triples": "triples", "subjects": "distinctSubjects", "objects": "distinctObjects",
        "properties": "properties", "entities": "entities",
    }  # fmt: skip
    triples += [_count(view, names[key], number) for key, number in told.totals.items()]
    if told.classes:
        triples.append(_count(view, "classes", len(told.classes)))
    for kind, counted, found in (("class", "entities", told.classes), ("property", "triples", told.properties)):
        for iri, number in sorted(found.items()):
            part = f"{view}-{kind}-{hashlib.sha256(iri.encode()).hexdigest()[:12]}"
            triples.append(_triple(view, f"{VOID}{kind}Partition", ox.NamedNode(part)))
            triples.append(_triple(part, f"{VOID}{kind}", ox.NamedNode(iri)))
            triples.append(_count(part, counted, number))
    for graph, number in sorted(told.graphs.items()):
        triples.append(_triple(whole, f"{VOID}subset", ox.NamedNode(graph)))
        triples.append(_triple(graph, TYPE, _void("Dataset")))
        triples.append(_count(graph, "triples", number))
        dump = dump_name(graph, iris)
        if dump:
            triples.append(_triple(graph, f"{VOID}dataDump", ox.NamedNode(f"{iris.base}dumps/{dump}")))
    return triples + _linksets(iris, told)


def _linksets(iris: Iris, told: Figures) -> list[ox.Triple]:
    view, others = resolved(iris), spaces(iris)
    triples = []
    for (space, property_), number in sorted(told.links.items()):
        if space not in others:
            continue
        other = others[space]
        name = property_.replace("#", "/").rpartition("/")[2]
        linkset = f"{view}-{other.rpartition('#')[2]}-{name}"
        triples += [
            _triple(view, f"{VOID}subset", ox.NamedNode(linkset)),
            _triple(linkset, TYPE, _void("Linkset")),
            _triple(linkset, f"{VOID}subjectsTarget", ox.NamedNode(view)),
            _triple(linkset, f"{VOID}objectsTarget", ox.NamedNode(other)),
            _triple(linkset, f"{VOID}linkPredicate", ox.NamedNode(property_)),
            _count(linkset, "triples", number),
        ]
    return triples


def dump_name(graph: str, iris: Iris) -> str | None:
    """The name of the file that holds a named graph; None for graphs that are not of this instance."""
    slug = iris.source(graph)
    return f"{slug}.nt.gz" if slug != graph and slug and "/" not in slug and slug != "v4graph" else None


def _of_void(triple: ox.Triple) -> bool:
    named = {f"{DCTERMS}{name}" for name in ("title", "description", "license", "issued", "publisher")}
    if triple.predicate.value == TYPE:
        return triple.object == _void("Dataset")
    return triple.predicate.value.startswith(VOID) or triple.predicate.value in named


def _void(name: str) -> ox.NamedNode:
    return ox.NamedNode(VOID + name)


def _triple(subject: str, predicate: str, value: ox.NamedNode | ox.Literal) -> ox.Triple:
    return ox.Triple(ox.NamedNode(subject), ox.NamedNode(predicate), value)


def _typed(value: str, datatype: str) -> ox.Literal:
    return ox.Literal(value, datatype=ox.NamedNode(_XSD + datatype))


def _count(subject: str, name: str, number: int) -> ox.Triple:
    return _triple(subject, VOID + name, _typed(str(number), "integer"))
