"""What the framework does not know of its own for the OpenAPI description (https://spec.openapis.org/oas/v3.1.0).

The map, the network and the timeline are described here, from what they accept; the protocols (SPARQL, Graph Store,
contributions) in ``openapi.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from v4graph import atlas, network, timeline
from v4graph.iris import Iris
from v4graph.rdf import Format
from v4graph.web import map as charts
from v4graph.web import network as nets
from v4graph.web import timeline as times

_PROTOCOLS: dict[str, Any] = json.loads((Path(__file__).parent / "openapi.json").read_text("utf-8"))
COMPONENTS: dict[str, Any] = _PROTOCOLS["components"]
"""Parameters, answers, shapes of JSON and the way to sign in that the protocols share."""
_VALUE = "the last part of an IRI, or the IRI itself; may be given several times"
_EXAMPLES = {
    "country": "svk", "region": "sk021", "sector": "food", "project": "v4clusters",
    "label": "esca-bronze", "q": "auto", "family": "visegrad-fund", "programme": "central-europe-2007-2013",
    "partner": "nca", "near": "nca",
}  # fmt: skip


def described(iris: Iris) -> dict[str, Any]:
    """The paths of the three and of the protocols."""
    feature = {
        "type": "Feature",
        "id": iris.thing("organisation", "automotive-cluster-slovakia"),
        "geometry": {"type": "Point", "coordinates": [17.58603, 48.37773]},
        "properties": {"name": "Automotive Cluster Slovakia", "kind": "cluster", "precision": "seat"},
    }
    node = {"id": iris.thing("organisation", "nca"), "page": "organisation/nca", "degree": 19, "strength": 31}
    project = {"id": iris.thing("project", "v4clusters"), "start": {"date": "2013-10", "first": "2013-10-01"}}
    protocols: dict[str, Any] = _PROTOCOLS["paths"]
    return protocols | {
        "/map": _operation(
            "Cluster organisations and partners with where they are", "map", charts.FORMATS,
            [*map(_facet, atlas.FACETS), _text("q", "Only with all of these words in a name"),
             _choice("layer", "What is shown; clusters without it", atlas.LAYERS), _LANG],
            "application/geo+json", {"type": "FeatureCollection", "total": 1, "features": [feature]},
        ),
        "/network": _operation(
            "Organisations linked by projects or cooperation", "network", nets.FORMATS,
            [*map(_facet, network.FACETS), _choice("kind", "Why two are linked; any without it", network.KINDS),
             _number("least", "Projects that two share at least", 1000), _text("near", "Only around this organisation"),
             _number("depth", "How far around it", 2), _choice("colour", "Of the drawing", nets.COLOURED), _LANG],
            "application/json", {"total": 30, "shown": 30, "nodes": [node], "links": []},
        ),
        "/timeline": _operation(
            "Projects in time by who paid for them, with events and outputs", "timeline", times.FORMATS,
            [*map(_facet, timeline.FACETS), _LANG],
            "application/json", {"families": [{"id": None, "projects": [project], "followed": []}]},
        ),
    }  # fmt: skip


def _operation(
    summary: str, name: str, formats: tuple[Format, ...], parameters: list[dict[str, Any]], shown: str, example: object
) -> dict[str, Any]:
    content: dict[str, Any] = {fmt.media_type: {} for fmt in formats}
    content[shown] = {"example": example}
    endings = " ".join(f".{fmt.ending}" for fmt in formats[1:])
    return {
        "get": {
            "summary": summary,
            "description": f"A page or data. With an ending instead of Accept: {endings}.",
            "operationId": f"show-{name}",
            "tags": ["views"],
            "parameters": parameters,
            "responses": {
                "200": {"description": "What fits", "content": content},
                "304": {"description": "The same as what If-None-Match names"},
                "400": {
                    "description": "Nothing has a value that is asked for; the problem names the parameter",
                    "content": {"application/problem+json": {}},
                },
            },
        }
    }


def _facet(name: str) -> dict[str, Any]:
    schema = {"type": "array", "items": {"type": "string"}}
    told: dict[str, Any] = {"name": name, "in": "query", "description": f"Only with this {name}: {_VALUE}"}
    return told | {"schema": schema} | ({"example": [_EXAMPLES[name]]} if name in _EXAMPLES else {})


def _text(name: str, says: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": says, "schema": {"type": "string"}, "example": _EXAMPLES[name]}


def _choice(name: str, says: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": says, "schema": {"type": "string", "enum": [*values]}}


def _number(name: str, says: str, most: int) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": most}
    return {"name": name, "in": "query", "description": says, "schema": schema}


_LANG = {
    "name": "lang", "in": "query", "description": "Language of names",
    "schema": {"type": "string", "enum": ["en", "cs", "sk", "pl", "hu", "de"]},
}  # fmt: skip
