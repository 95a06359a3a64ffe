"""What the query page knows of the graph: terms with words and counts, names of things, and queries ready to be asked.

``/sparql/schema.json`` is for the completion of the editor, ``/sparql/labels.json`` names what stands in an answer,
``/sparql/query.json`` gives a query of the library with its parameters filled in. All three are of one snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import portal
from v4graph.entities import select
from v4graph.errors import BadRequest, TooLarge
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.queries import Parameter, Query, bind, bind_checked, find_in_library, load_query
from v4graph.rdf import Format, iri_text
from v4graph.statements import RDFS, SKOS, Term
from v4graph.web.collections import Names, names_of
from v4graph.web.delivery import present_snapshot
from v4graph.web.limits import read_body
from v4graph.web.negotiation import Choice
from v4graph.web.replies import links_of, reply
from v4graph.web.words import sort_key

JSON = Format("json", ("application/json",), "", "JSON")
MOST_NAMES = 2000
"""Things that are named in one request."""
_MOST_OFFERED = 500
"""Values a field offers; where there are more, none are."""
_BODY = 1 << 19
_LABEL = f"{RDFS}label"
_SCHEMES = {
    "country": "http://publications.europa.eu/resource/authority/country",
    "inLanguage": "http://publications.europa.eu/resource/authority/language",
    "region": "http://data.europa.eu/nuts/scheme/2021",
    "sector": "scheme/sector",
    "stage": "scheme/life-cycle",
    "label": "scheme/quality-label",
    "role": "scheme/participation-role",
    "status": "scheme/project-status",
    "level": "scheme/policy-level",
    "instrument": "scheme/policy-instrument",
    "technology": "scheme/technology",
    "indicator": "scheme/indicator",
}
"""Where the values of a parameter come from, by its name; schemes of ours are below the base."""
_KINDS = ("project", "organisation", "programme", "partnership", "place", "event")
"""Parameters that are called like the kind of thing they want."""


def add_routes(app: FastAPI) -> None:
    """Add the three addresses."""
    routes = app.router.routes
    routes.append(Route("/sparql/schema.json", schema))
    routes.append(Route("/sparql/labels.json", labels, methods=["POST"]))
    routes.append(Route("/sparql/query.json", query))


# --- terms --------------------------------------------------------------------------------------------------------


async def schema(request: Request) -> ASGIApp:
    """Prefixes, classes and properties with label, comment and count, the most used first."""
    state: State = request.app.state
    iris: Iris = state.iris
    _, languages = links_of(request)
    with state.limits.admit(request.scope):
        told = await state.overviews.rows(state, "schema-terms")
        figures = await state.statistics.of(state)
    content = ("schema", present_snapshot(state).token, *languages)

    def make() -> bytes:
        texts: dict[tuple[str, str], dict[str, str]] = {}
        kinds: dict[str, dict[str, None]] = {"class": {}, "property": {}}
        for row in told:
            kinds[row["kind"].value][row["term"].value] = None
            if isinstance(row["text"], ox.Literal):
                by_language = texts.setdefault((row["term"].value, row["property"].value), {})
                by_language[row["text"].language or ""] = row["text"].value
        return _json(
            {
                "prefixes": prefixes(iris),
                "classes": _terms(kinds["class"], figures.classes, texts, languages, iris),
                "properties": _terms(kinds["property"], figures.properties, texts, languages, iris),
            }
        )

    return await reply(request, Choice(JSON, JSON.media_type), content, make, links=(), vary="Accept-Language")


def _terms(
    known: Iterable[str],
    counts: Mapping[str, int],
    texts: Mapping[tuple[str, str], Mapping[str, str]],
    languages: Sequence[str],
    iris: Iris,
) -> list[dict[str, Any]]:
    """Terms that are described or used, as the completion wants them; what has no prefix is left out."""
    found = []
    for iri in dict.fromkeys((*counts, *known)):
        name = short(iri, iris)
        if name is None:
            continue
        comment = _said(texts, iri, f"{SKOS}definition", languages) or _said(texts, iri, f"{RDFS}comment", languages)
        label = _said(texts, iri, _LABEL, languages)
        found.append({"name": name, "iri": iri, "count": counts.get(iri, 0)} | _given(label=label, comment=comment))
    return sorted(found, key=lambda term: (-term["count"], term["name"]))


def _given(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _said(
    texts: Mapping[tuple[str, str], Mapping[str, str]], iri: str, property_: str, languages: Sequence[str]
) -> str:
    said = texts.get((iri, property_), {})
    return next((said[x] for x in (*languages, "en", "") if x in said), "")


def short(iri: str, iris: Iris) -> str | None:
    """An IRI as a prefixed name, None when no prefix fits; the longest namespace wins."""
    fitting = [(len(space), name, space) for name, space in prefixes(iris).items() if iri.startswith(space)]
    if not fitting:
        return None
    _, name, space = max(fitting)
    local = iri.removeprefix(space)
    plain = local.replace("-", "").replace("_", "")
    return f"{name}:{local}" if plain.isalnum() and not local.startswith("-") else None


# --- names --------------------------------------------------------------------------------------------------------


async def names(state: State, things: Iterable[str]) -> Names:
    """The names of things by language."""
    wanted = []
    for iri in sorted(set(things)):
        try:
            wanted.append(iri_text(iri))
        except ValueError:
            continue  # an engine may make IRIs that it would not read
    if not wanted:
        return {}
    bound = bind(load_query("platform/schema-labels", state.iris), subject=wanted)
    return names_of(await select(state.sandbox, bound, state.settings.query_seconds))


async def labels(request: Request) -> ASGIApp:
    """The name of each thing of a JSON array of IRIs, with its language; what has no name is left out."""
    state: State = request.app.state
    _, languages = links_of(request)
    body = await read_body(request.scope, request.receive, _BODY, "A list of things")
    try:
        asked = json.loads(body)
    except ValueError:
        raise BadRequest("The body is a JSON array of IRIs.") from None
    if not isinstance(asked, list) or not all(isinstance(iri, str) for iri in asked):
        raise BadRequest("The body is a JSON array of IRIs.")
    if len(asked) > MOST_NAMES:
        raise TooLarge(f"Names of at most {MOST_NAMES} things are told at once.", limit=MOST_NAMES)
    with state.limits.admit(request.scope):
        found = await names(state, asked)
    named = {iri: _best(by_language, languages) for iri, by_language in found.items()}
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(_json(named), 200, headers, JSON.media_type)


def _best(by_language: Mapping[str, str], languages: Sequence[str]) -> list[str]:
    language = next(x for x in (*languages, *by_language) if x in by_language)
    return [by_language[language], language]


# --- queries of the library ---------------------------------------------------------------------------------------


async def query(request: Request) -> ASGIApp:
    """A query of the library: its text with the values of the address in it, and what may be given to it."""
    state: State = request.app.state
    _, languages = links_of(request)
    given = [(n, v) for n, v in request.query_params.multi_items() if n not in ("name", "lang", "value.lang")]
    values = dict(given)
    found = find_in_library(request.query_params.get("name", ""), state.iris)
    if any(parameter.kind == "lang" for parameter in found.parameters):
        values["lang"] = request.query_params.get("value.lang") or languages[0]
    text = without_header(bind_checked(found, values, state.iris))
    with state.limits.admit(request.scope):
        fields = [await _field(state, p, values.get(p.name, ""), languages) for p in found.parameters]
    body = {**told(found, languages), "text": text, "parameters": fields}
    content = ("library", present_snapshot(state).token, found.text, *languages, *given, values.get("lang", ""))
    choice = Choice(JSON, JSON.media_type)
    return await reply(request, choice, content, lambda: _json(body), vary="Accept-Language")


def told(query: Query, languages: Sequence[str]) -> dict[str, str]:
    """Name, title and topic of a query in the first of the languages it is told in."""
    language = next((x for x in languages if x in query.titles), "en")
    return {
        "name": query.name,
        "topic": query.topic,
        "title": query.titles.get(language, query.name),
        "language": language,
        "keywords": " ".join(query.keywords),
    }


def without_header(text: str) -> str:
    """A query without the lines that describe it."""
    lines = text.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if not line.startswith("#")), 0)
    return "".join(lines[start:]).rstrip()


async def _field(state: State, parameter: Parameter, value: str, languages: Sequence[str]) -> dict[str, Any]:
    """A parameter as a field of a form, with the values that are there to choose from."""
    return {
        "name": parameter.name,
        "type": parameter.kind,
        "description": parameter.says,
        "value": value,
        "offers": await _offers(state, parameter, languages) if parameter.kind == "iri" else [],
    }


async def _offers(state: State, parameter: Parameter, languages: Sequence[str]) -> list[list[str]]:
    iris: Iris = state.iris
    wanted = next((x for x in (*_SCHEMES, *_KINDS) if parameter.name.lower().endswith(x.lower())), None)
    if wanted is None:
        return []
    if wanted in _SCHEMES:
        scheme = _SCHEMES[wanted] if ":" in _SCHEMES[wanted] else iris.base + _SCHEMES[wanted]
        rows = await state.overviews.rows(state, "schema-values")
        texts = _by_thing(row for row in rows if row["scheme"].value == scheme)
    else:
        classes = [iri_text(c) for c in portal.kinds(iris)[wanted]]
        texts = _by_thing(await state.overviews.rows(state, "list-members", wanted, **{"class": classes}))
    if len(texts) > _MOST_OFFERED:
        return []
    offers = [[_best(said, languages)[0], short(iri, iris) or iri] for iri, said in texts.items()]
    return sorted(offers, key=lambda offer: sort_key(offer[0], languages[0]))


def _by_thing(rows: Iterable[Mapping[str, Term]]) -> Names:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        label = row.get("label")
        if isinstance(label, ox.Literal):
            found.setdefault((row.get("concept") or row["thing"]).value, {})[label.language or ""] = label.value
    return found


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
