"""``/api``: a cookbook for who does not know SPARQL, and the OpenAPI description as a page.

The examples are data (``recipes.toml``), and a test runs them. Also what the OpenAPI document says of collections.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph.collections import COLLECTIONS, Collection
from v4graph.iris import Iris
from v4graph.web import pages
from v4graph.web.list_page import ledes, titles
from v4graph.web.lists import LIMITS, LONGEST, WHOLE, formats_of, parameters_of
from v4graph.web.negotiation import HTML, negotiate, not_acceptable
from v4graph.web.replies import links_of, reply
from v4graph.web.words import LANGUAGES, words

PATH = "/api"
RECIPES = Path(__file__).parent / "recipes.toml"
TONGUES = {"curl": "curl", "python": "Python", "r": "R", "javascript": "JavaScript"}


def add_routes(app: FastAPI) -> None:
    """Add the page."""
    app.router.routes.append(Route(PATH, cookbook))


@lru_cache(maxsize=8)
def recipes(base: str) -> dict[str, dict[str, str]]:
    """The examples by name and language, under a base."""
    told = tomllib.loads(RECIPES.read_text(encoding="utf-8"))
    return {
        name: {tongue: text.replace("{base}", base).strip("\n") for tongue, text in recipe.items()}
        for name, recipe in told.items()
    }


@dataclass(frozen=True, slots=True)
class Recipe:
    """A thing to do, in words and in each language of programs."""

    name: str
    title: str
    says: str
    examples: Mapping[str, str]


def _words(language: str) -> dict[str, tuple[str, str]]:
    say = words(language).gettext
    return {
        "clusters": (
            say("Clusters of a country and a sector"),
            say("Filters take the address of a thing or the end of it. A wrong one is answered with all there are."),
        ),
        "thing": (
            say("One thing with everything that is said of it"),
            say("The address of a thing answers with a page to people and with data to programs that ask for them."),
        ),
        "pages": (
            say("All pages of a list"),
            say("Follow the link to the next page. A list you are reading does not change under your hands."),
        ),
        "map": (
            say("Clusters on a map"),
            say("GeoJSON says with each point how the place is known. What has no known place has no geometry."),
        ),
        "table": (
            say("Projects in a spreadsheet"),
            say("CSV for programs, XLSX for people: dates are dates, numbers are numbers, and nothing is a formula."),
        ),
        "library": (
            say("A question from the query library"),
            say("Ready questions with parameters; their answers come as JSON, CSV and more."),
        ),
        "unchanged": (
            say("Only when something changed"),
            say("Send back the ETag you got. As long as the answer is the same you get 304 and nothing to read."),
        ),
    }


async def cookbook(request: Request) -> ASGIApp:
    """The page."""
    iris: Iris = request.app.state.iris
    links, languages = links_of(request)
    choice = negotiate(request.headers.get("accept", ""), (HTML,))
    if choice is None:
        raise not_acceptable((HTML,))
    told = _words(links.spoken)
    examples = recipes(iris.base)
    found = [
        Recipe(name, *told[name], {TONGUES[t]: examples[name][t] for t in TONGUES if t in examples[name]})
        for name in examples
    ]
    schema = request.app.openapi()
    operations = _operations(schema)
    make = partial(
        pages.render, "api.html", links, recipes=found, operations=operations, base=iris.base,
        collections=[(name, titles(links.spoken)[name], ledes(links.spoken)[name]) for name in COLLECTIONS],
    )  # fmt: skip
    return await reply(request, choice, ["api", links, languages, examples, operations], make)


def _operations(schema: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The operations of an OpenAPI document by their first tag, as a page tells them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in sorted(schema["paths"].items()):
        for method, told in methods.items():
            answers = [_resolved(schema, answer) for answer in told.get("responses", {}).values()]
            types = {media_type for answer in answers for media_type in answer.get("content", {})}
            operation = {
                "method": method.upper(),
                "path": path,
                "summary": told.get("summary", ""),
                "description": told.get("description", ""),
                "parameters": [_resolved(schema, parameter) for parameter in told.get("parameters", [])],
                "types": sorted(types - {"application/problem+json"}),
            }
            groups.setdefault((told.get("tags") or ["service"])[0], []).append(operation)
    return sorted(groups.items(), key=lambda pair: (pair[0] != "collections", pair[0]))


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of an OpenAPI document, or what it refers to."""
    found = part
    for name in part.get("$ref", "").removeprefix("#/").split("/") if "$ref" in part else ():
        found = schema[name] if found is part else found[name]
    return found


# --- the collections in OpenAPI -----------------------------------------------------------------------------------

_EXAMPLES = {
    "country": "SVK", "region": "CZ08", "sector": "ict", "stage": "growth", "project": "v4clusters", "kind": "",
    "from": "2010", "to": "2015", "q": "auto", "partner": "nca", "rank": "a",
}  # fmt: skip
_SAYS = {
    "from": "Only what was in this year or later", "to": "Only what was in this year or earlier",
    "q": "Words that a name must have, accents and case do not matter",
    "sort": "The order; a hyphen turns it round; what has no value comes last",
    "limit": "Members on a page; files (CSV, XLSX, GeoJSON) hold everything unless told",
    "cursor": "A page after the first: taken from the links of the page before, not to be made up",
    "lang": "The language of names in tables, and of the order by name",
}  # fmt: skip


def described(iris: Iris) -> dict[str, Any]:
    """The paths of the collections for the OpenAPI description."""
    return {f"/{collection.name}": {"get": _operation(collection, iris)} for collection in COLLECTIONS.values()}


def _operation(collection: Collection, iris: Iris) -> dict[str, Any]:
    one = {"id": f"{iris.base}id/…", "type": ["…"], "prefLabel": {"en": "…"}}
    shown = {
        "@context": [iris.context, {"hydra": "http://www.w3.org/ns/hydra/core#"}],
        "id": f"{iris.base}{collection.name}",
        "hydra:totalItems": 282,
        "hydra:view": {"id": f"{collection.name}.jsonld?limit=1", "hydra:next": f"{collection.name}.jsonld?cursor=…"},
        "hydra:member": [one],
    }
    content: dict[str, Any] = {fmt.media_type: {} for fmt in formats_of(collection)}
    content["application/ld+json"] = {"example": shown}
    problem = {"application/problem+json": {"example": _problem(collection, iris)}}
    endings = " ".join(f".{fmt.ending}" for fmt in formats_of(collection)[1:])
    return {
        "summary": f"{titles('en')[collection.name]}: filtered, sorted, counted, paged",
        "description": f"{ledes('en')[collection.name]} With an ending instead of Accept: {endings}.",
        "operationId": f"list-{collection.name}",
        "tags": ["collections"],
        "parameters": [_parameter(name, collection) for name in parameters_of(collection)],
        "responses": {
            "200": {"description": "A page, with links to the next one and to the other formats", "content": content},
            "304": {"description": "The same as what If-None-Match names"},
            "400": {"description": "A parameter is not valid; the problem names it and what is", "content": problem},
            "410": {"description": "The list of the cursor is gone", "content": {"application/problem+json": {}}},
        },
    }


def _problem(collection: Collection, iris: Iris) -> dict[str, Any]:
    allowed = [order for name in collection.sorts for order in (name, f"-{name}")]
    return {
        "type": f"{iris.base}problems/bad-parameter", "title": "A parameter is not valid", "status": 400,
        "detail": f"sort is one of {', '.join(allowed)}.", "parameter": "sort", "allowed": allowed,
    }  # fmt: skip


def _parameter(name: str, collection: Collection) -> dict[str, Any]:
    says = _SAYS.get(name, f"Only with this {name}: its IRI, or the end of it; may be given several times")
    schema: dict[str, Any] = {"type": "string"}
    if name in collection.filters:
        schema = {"type": "array", "items": {"type": "string"}}
    elif name == "sort":
        schema |= {"enum": [order for sort in collection.sorts for order in (sort, f"-{sort}")]}
        schema["default"] = collection.sorts[0]
    elif name == "limit":
        schema = {"type": "integer", "minimum": 1, "maximum": WHOLE, "default": LIMITS["jsonld"][0]}
    elif name == "lang":
        schema |= {"enum": list(LANGUAGES)}
    elif name == "q":
        schema["maxLength"] = LONGEST
    elif name in ("from", "to"):
        schema = {"type": "integer", "minimum": 1000, "maximum": 2999}
    told: dict[str, Any] = {"name": name, "in": "query", "required": False, "description": says, "schema": schema}
    if _EXAMPLES.get(name):
        example: Any = _EXAMPLES[name]
        if name in ("from", "to"):
            example = int(example)
        told["example"] = [example] if name in collection.filters else example
    return told
