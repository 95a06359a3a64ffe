"""JSON-LD for portals: one stable, versioned shape per kind of thing (https://www.w3.org/TR/json-ld11-framing/).

The context is generated from the ontology (labels of terms, merge policies, ranges), so it cannot disagree with it:
``python -m v4graph.portal`` writes ``ontology/context/v1.jsonld`` and the twins of ``ontology/examples/*.ttl``, and a
test says when that is due. Frames are data, ``ontology/frames/{kind}.jsonld``. The shape keeps still because it follows
from the property, never from the data:

* a property that may have several values is always an array, one that has one value never is;
* text is a language map, and other things are objects with an ``id``, never plain strings;
* what refers to the thing stands under a term of its own (``ontology/context/inverse.json``, else ``isPropertyOf``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from pyld import jsonld

from v4graph import assets
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.namespaces import prefixes
from v4graph.statements import DCTERMS, OWL, RDF, RDFS, SKOS, TYPE, Document

XSD = "http://www.w3.org/2001/XMLSchema#"
CONTEXT = assets.ONTOLOGY / "context" / "v1.jsonld"
EXAMPLES = assets.ONTOLOGY / "examples"
_INVERSE = assets.ONTOLOGY / "context" / "inverse.json"

_PRECEDENCE = ("v4", "org", "skos", "schema", "dcterms", "prov", "adms", "rdfs", "owl", "foaf")
"""Two terms of one local name: the vocabulary named first has it, the other keeps its prefix (``skos:member``)."""
_NATIVE = {f"{XSD}{name}" for name in ("string", "integer", "boolean")}
"""Datatypes that JSON says by itself."""
_TEXT = {f"{RDF}langString", f"{SKOS}altLabel", f"{SKOS}hiddenLabel"}

Json = dict[str, Any]


# --- the context --------------------------------------------------------------------------------------------------


def make_context(iris: Iris) -> Json:
    """The context, from the ontology and the prefixes."""
    v4 = iris.term("")
    said: dict[str, dict[str, set[str]]] = {}
    for quad in ox.parse(iris.rebase((assets.ONTOLOGY / "v4graph.ttl").read_bytes()), ox.RdfFormat.TURTLE):
        if isinstance(quad.subject, ox.NamedNode):
            values = said.setdefault(quad.subject.value, {})
            values.setdefault(quad.predicate.value, set()).add(getattr(quad.object, "value", ""))
    spaces = prefixes(iris)
    terms: Json = {}
    ranked = sorted(
        (rank, iri, local)
        for iri, values in said.items()
        if iri != TYPE and (_is_property(values) or _is_class(iri, values))
        for rank, local in [_placed(iri, spaces)]
        if local
    )
    names: dict[str, str] = {}
    for _, iri, local in ranked:
        prefix = next(p for p, space in spaces.items() if iri == space + local)
        name = local if local not in terms else f"{prefix}:{local}"
        names[iri] = name
        compact = f"{prefix}:{local}"
        terms[name] = _definition(compact, said[iri], v4) if _is_property(said[iri]) else compact
    inverse: Mapping[str, str] = json.loads(_INVERSE.read_text(encoding="utf-8"))
    for _, iri, local in ranked:
        values = said[iri]
        if _is_property(values) and _has_things(values, iri):
            prefix = next(p for p, space in spaces.items() if iri == space + local)
            name = inverse.get(f"{prefix}:{local}") or f"is{local[0].upper()}{local[1:]}Of"
            if name in terms:
                name = f"is{prefix.capitalize()}{local[0].upper()}{local[1:]}Of"
            terms[name] = {"@reverse": f"{prefix}:{local}", "@container": "@set"}
    used = {name: space for name, space in spaces.items() if name not in terms}
    keywords = {"@version": 1.1, "id": "@id", "type": {"@id": "@type", "@container": "@set"}}
    return {"@context": {**keywords, **used, **dict(sorted(terms.items(), key=lambda t: (t[0].lower(), t[0])))}}


def _placed(iri: str, spaces: Mapping[str, str]) -> tuple[int, str]:
    for rank, prefix in enumerate(_PRECEDENCE):
        space = spaces.get(prefix, "")
        if space and iri.startswith(space):
            local = iri[len(space) :]
            return rank, local if local.isidentifier() else ""
    return len(_PRECEDENCE), ""


_KINDS_OF_PROPERTY = {
    f"{OWL}{name}" for name in ("ObjectProperty", "DatatypeProperty", "AnnotationProperty", "SymmetricProperty")
}


def _is_property(values: Mapping[str, set[str]]) -> bool:
    return bool(values.get(TYPE, set()) & _KINDS_OF_PROPERTY) or any(
        key.endswith(("#mergePolicy", "#isDerived")) for key in values
    )


def _is_class(iri: str, values: Mapping[str, set[str]]) -> bool:
    local = iri.replace("#", "/").rpartition("/")[2]
    return f"{OWL}Class" in values.get(TYPE, set()) or (TYPE not in values and local[:1].isupper())


def _ranges(values: Mapping[str, set[str]]) -> set[str]:
    return values.get("https://schema.org/rangeIncludes", set()) | values.get(f"{RDFS}range", set())


def _has_things(values: Mapping[str, set[str]], iri: str) -> bool:
    if f"{OWL}DatatypeProperty" in values.get(TYPE, set()) or iri.startswith((f"{SKOS}prefL", f"{SKOS}altL")):
        return False
    ranges = _ranges(values)
    return not ranges or any(not r.startswith((XSD, RDF)) for r in ranges)


def _definition(compact: str, values: Mapping[str, set[str]], v4: str) -> str | Json:
    policies = values.get(f"{v4}mergePolicy", {f"{v4}Set"})
    ranges = _ranges(values)
    many = not policies <= {f"{v4}Single", f"{v4}SinglePerLanguage"}
    if f"{v4}SinglePerLanguage" in policies:
        return {"@id": compact, "@container": "@language"}
    if f"{RDF}langString" in ranges or compact == "skos:altLabel":
        return {"@id": compact, "@container": ["@language", "@set"] if many else "@language"}
    made: Json = {"@id": compact}
    if len(ranges) == 1 and next(iter(ranges)).startswith(XSD) and not ranges & _NATIVE:
        made["@type"] = f"xsd:{next(iter(ranges)).removeprefix(XSD)}"
    if many:
        made["@container"] = "@set"
    return made if len(made) > 1 else compact


def context_bytes(iris: Iris) -> bytes:
    """The committed context, with this instance's base."""
    return iris.rebase(CONTEXT.read_bytes())


def rendered(value: Any) -> bytes:
    """JSON as it is published: readable, UTF-8, one line feed at the end."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()


# --- frames -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def frame_of(kind: str, iris: Iris) -> Json:
    """The frame of a kind of thing, ``default`` where it has none of its own."""
    path = assets.ONTOLOGY / "frames" / f"{kind}.jsonld"
    if not kind.replace("-", "").isalpha() or not path.is_file():
        path = assets.ONTOLOGY / "frames" / "default.jsonld"
    frame: Json = json.loads(iris.rebase(path.read_bytes()))
    return frame


@lru_cache(maxsize=8)
def kinds(iris: Iris) -> dict[str, list[str]]:
    """The kinds that have a frame, with the IRIs of their classes: what collections exist."""
    terms = json.loads(context_bytes(iris))["@context"]
    found: dict[str, list[str]] = {}
    for path in sorted((assets.ONTOLOGY / "frames").glob("*.jsonld")):
        classes = frame_of(path.stem, iris).get("@type", [])
        if classes:
            found[path.stem] = [_expanded(terms[name], terms) for name in classes]
    return found


def _expanded(compact: str, terms: Mapping[str, Any]) -> str:
    prefix, _, local = compact.partition(":")
    return f"{terms[prefix]}{local}"


def _loader(iris: Iris) -> Any:
    """A document loader that knows our context and refuses everything else: nothing is ever fetched."""
    document = json.loads(context_bytes(iris))

    def load(url: str, options: Json) -> Json:
        if url != iris.context:
            raise jsonld.JsonLdError("Only the context of v4graph is known.", "jsonld.LoadDocumentError", {"url": url})
        return {"contentType": "application/ld+json", "contextUrl": None, "documentUrl": url, "document": document}

    return load


@lru_cache(maxsize=8)
def _options(iris: Iris) -> Json:
    return {"documentLoader": _loader(iris), "processingMode": "json-ld-1.1", "base": ""}


def expanded(triples: Iterable[ox.Triple]) -> list[Json]:
    """Triples as flattened, expanded JSON-LD; integers and booleans as JSON has them where nothing is lost."""
    nodes: dict[str, Json] = {}
    for triple in triples:
        assert isinstance(triple.subject, ox.NamedNode)
        node = nodes.setdefault(triple.subject.value, {"@id": triple.subject.value})
        if triple.predicate.value == TYPE:
            node.setdefault("@type", []).append(_value(triple.object)["@id"])
        else:
            node.setdefault(triple.predicate.value, []).append(_value(triple.object))
    return list(nodes.values())


_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
"""Integers that every JSON reader keeps exactly, in the one spelling that comes back the same."""


def _value(term: Any) -> Json:
    if isinstance(term, ox.NamedNode):
        return {"@id": term.value}
    if term.language:
        return {"@value": term.value, "@language": term.language}
    datatype = term.datatype.value
    if datatype == f"{XSD}string":
        return {"@value": term.value}
    if datatype == f"{XSD}boolean" and term.value in ("true", "false"):
        return {"@value": term.value == "true"}
    if datatype == f"{XSD}integer" and _PLAIN_INTEGER.fullmatch(term.value):
        return {"@value": int(term.value)}
    return {"@value": term.value, "@type": datatype}


_FIRST = ("@context", "id", "type", "prefLabel", "altLabel", "acronym", "description")
"""What a reader of the JSON looks for first."""


def framed(document: Document, iris: Iris) -> Json:
    """The document as one JSON-LD object, in the shape its kind's frame gives. Takes CPU: run it in a thread."""
    kind = (iris.path(document.iri) or "").removeprefix("id/").split("/")[0]
    frame = {name: value for name, value in frame_of(kind, iris).items() if name != "@type"}
    triples = document.triples(iris)
    if any(part.startswith(f"{document.iri}#") for part in document.relations):
        # A vocabulary is a list of terms, not a tree: as a tree it takes eight times as long and is harder to read.
        return listed(list(dict.fromkeys(t.subject.value for t in triples)), triples, iris)  # type: ignore[union-attr]
    backwards = {t.predicate.value for t in triples if t.object == ox.NamedNode(document.iri)}
    frame |= {"@id": document.iri, "@reverse": {p: {} for p in sorted(backwards - {TYPE})}}
    made: Json = jsonld.frame(expanded(triples), frame, {**_options(iris), "embed": "@always", "omitGraph": True})
    return {name: made[name] for name in (*(n for n in _FIRST if n in made), *(n for n in made if n not in _FIRST))}


_SCHEMA_TYPES = {
    "Project": "Project", "Event": "Event", "Place": "Place", "Organization": "Organization",
    "ClusterOrganisation": "Organization", "ClusterPartnership": "Organization", "MetaCluster": "Organization",
    "WorkingGroup": "Organization", "Output": "CreativeWork", "StrategicPlan": "CreativeWork",
    "BenchmarkingStudy": "CreativeWork", "Survey": "CreativeWork", "PolicyRecommendation": "CreativeWork",
    "Sector": "DefinedTerm", "Concept": "DefinedTerm", "SourceDocument": "Dataset", "Source": "Dataset",
}  # fmt: skip
"""Our classes as search engines know them. Only here: in the graph a project is no ``schema:Project``."""


def schema_org(document: Document, iris: Iris) -> Json:
    """The thing in the words of schema.org, for the page it is shown on."""
    iri = document.iri
    types = [value.value.replace("#", "/").rpartition("/")[2] for value in document.values(iri, TYPE)]

    def texts(*properties: str) -> list[Any]:
        values = document.values(iri, *properties)
        return [
            {"@value": v.value, "@language": v.language} if v.language else v.value
            for v in values
            if hasattr(v, "language")
        ]

    made: Json = {
        "@context": "https://schema.org",
        "@id": iri,
        "@type": next((_SCHEMA_TYPES[name] for name in types if name in _SCHEMA_TYPES), "Thing"),
        "name": texts(f"{SKOS}prefLabel", f"{RDFS}label", f"{DCTERMS}title"),
        "alternateName": [*texts(iris.term("acronym")), *texts(f"{SKOS}altLabel")],
        "description": texts(f"{DCTERMS}description", f"{SKOS}definition"),
        "url": [value.value for value in document.values(iri, "https://schema.org/url")],
        "latitude": document.value_of(iri, "https://schema.org/latitude"),
        "longitude": document.value_of(iri, "https://schema.org/longitude"),
    }
    if made["@type"] == "Event":
        made["startDate"] = document.value_of(iri, iris.term("startDate"))
        made["endDate"] = document.value_of(iri, iris.term("endDate"))
        places = [value.value for value in document.values(iri, "https://schema.org/location")]
        named = [(place, document.name(place, ("en",))) for place in places]
        made["location"] = [{"@type": "Place", "@id": p, "name": n.value if n else p} for p, n in named]
    elif made["@type"] == "Organization":
        made["foundingDate"] = document.value_of(iri, iris.term("foundedOn"))
    elif made["@type"] == "Project":
        made["member"] = [
            {"@type": "Organization", "@id": v.value} for v in document.values(iri, iris.term("involves"))
        ]
    return {name: value for name, value in made.items() if value not in (None, [])}


def listed(iris_in_order: list[str], triples: list[ox.Triple], iris: Iris) -> Json:
    """A list of things as compacted JSON-LD, in its order."""
    nodes = {node["@id"]: node for node in expanded(triples)}
    graph = [nodes.get(iri, {"@id": iri}) for iri in iris_in_order]
    made: Json = jsonld.compact(graph, {"@context": iris.context}, {**_options(iris), "graph": True})
    return made


def triples_of(made: Json, iris: Iris) -> set[ox.Triple]:
    """The triples of a JSON-LD object of ours: the way back."""
    text = jsonld.to_rdf(made, {**_options(iris), "format": "application/n-quads"})
    return {quad.triple for quad in ox.parse(text.encode(), ox.RdfFormat.N_QUADS)}


def twin(path: Path, iris: Iris) -> Json:
    """A Turtle example of ``ontology/examples/`` as JSON-LD."""
    triples = [quad.triple for quad in ox.parse(iris.rebase(path.read_bytes()), ox.RdfFormat.TURTLE)]
    return listed(list(dict.fromkeys(t.subject.value for t in triples)), triples, iris)


def main() -> None:
    """Write the context and the JSON-LD twins of the examples anew."""
    CONTEXT.parent.mkdir(parents=True, exist_ok=True)
    iris = Iris(PUBLIC_BASE)
    CONTEXT.write_bytes(rendered(make_context(iris)))
    for path in EXAMPLES.glob("*.ttl"):
        path.with_suffix(".jsonld").write_bytes(rendered(twin(path, iris)))


if __name__ == "__main__":
    main()
