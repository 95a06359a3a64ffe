"""``/search``: everything with a page by any of its names, narrowed by kind, country and sector, as a page or as JSON.

The index belongs to a snapshot. After a publication the one before answers until a process of its own has made the
new one; an answer says in ``v4graph-snapshot`` what the server reads, in ``snapshot`` what was searched.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph.errors import Overloaded, UnknownParameter
from v4graph.indexing import index_path
from v4graph.rdf import Format
from v4graph.search import FACETS, PAGE, Hit, Index, Results
from v4graph.web import collections, pages
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import links_of, number, reply
from v4graph.web.telling import Links, Text, page_path

log = logging.getLogger(__name__)

PATH = "/search"
JSON = Format("json", ("application/json",), "", "JSON")
LONGEST = 200
"""Characters of a search."""
_LARGEST_PAGE = 100
_PATIENCE = 15.0
"""Seconds a first search waits for the first index."""


@dataclass(frozen=True, slots=True)
class Found:
    """A hit as it is shown."""

    iri: str
    href: str
    name: Text
    matched: str | None
    kind: str
    facets: dict[str, list[tuple[str, Text]]]


class Searching:
    """The index of the current snapshot, made in the background."""

    def __init__(self) -> None:
        """Start with none."""
        self._index: Index | None = None
        self._making: asyncio.Task[None] | None = None

    async def index(self, state: State) -> Index:
        """The index of the snapshot that is read, or the one before while it is being made."""
        token = present_snapshot(state).token
        if self._index is None or self._index.token != token:
            if self._making is None or self._making.done():
                self._making = asyncio.create_task(self._make(state, token))
            if self._index is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(self._making), _PATIENCE)
        if self._index is None:
            raise Overloaded("The index of the search is being made. Try again.", headers={"Retry-After": "5"})
        return self._index

    async def _make(self, state: State, token: str) -> None:
        home = state.settings.home
        path = index_path(home, token)
        if not path.exists():
            command = [sys.executable, "-m", "v4graph.indexing", str(home), state.settings.base_iri]
            child = await asyncio.create_subprocess_exec(*command)
            try:
                if await child.wait() != 0:
                    log.error("the index of the search could not be made")
            finally:
                if child.returncode is None:
                    child.kill()
        if path.exists():
            # the index before goes when nobody searches in it any more
            self._index = await asyncio.to_thread(Index, path)

    async def close(self) -> None:
        """Stop what is being made."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)


def add_routes(app: FastAPI) -> None:
    """Put the search into an application."""
    app.state.searching = Searching()
    app.router.routes.append(Route(PATH, search))
    app.router.routes.append(Route(f"{PATH}.json", partial(search, fixed=JSON)))


async def search(request: Request, fixed: Format | None = None) -> ASGIApp:
    """What was found, a page at a time."""
    state: State = request.app.state
    links, languages = links_of(request)
    accept = request.headers.get("accept", "")
    choice = Choice(fixed, fixed.media_type) if fixed else negotiate(accept, (HTML, JSON))
    if choice is None:
        raise not_acceptable((HTML, JSON))
    text = request.query_params.get("q", "")
    if len(text) > LONGEST:
        raise UnknownParameter(f"q has {len(text)} characters; search for at most {LONGEST}.", parameter="q")
    narrowed = {facet: _values(request, facet) for facet in FACETS}
    page = number(request, "page", 1, 10_000)
    size = number(request, "limit", PAGE, _LARGEST_PAGE)
    with state.limits.admit(request.scope):
        index = await state.searching.index(state)
        results: Results = await asyncio.to_thread(
            index.search, text, narrowed=narrowed, offset=(page - 1) * size, limit=size
        )
        wanted = {value for counts in results.facets.values() for value in counts if value.startswith("http")}
        names = await collections.named(state, wanted, f"search {hash(frozenset(wanted))}")

    def name(iri: str) -> Text:
        return pages.name_of(iri, names.get(iri, {}), languages, state.iris)

    found = [_found(hit, links, languages, name, state) for hit in results.hits]
    facets = {
        facet: [
            (value, name(value) if facet != "kind" else Text(value), count, value in narrowed[facet])
            for value, count in results.facets[facet].items()
        ]
        for facet in FACETS
    }
    token = index.token
    if choice.format is JSON:
        told = _told(text, results, found, facets, page, size, token.partition("-")[0])
        fresh = token == present_snapshot(state).token
        make_json = partial(_as_json, told)
        return await reply(request, choice, ["search", told], make_json, fresh=fresh)
    content: dict[str, Any] = {
        "q": text,
        "found": found,
        "total": results.total,
        "facets": facets,
        "instead": results.instead,
        "page": page,
        "last": max(1, -(-results.total // size)),
        "size": size,
        "others": _others(request),
    }
    make = partial(pages.render, "search.html", links, **content)
    return await reply(request, choice, ["search", links, languages, content, token], make)


def _as_json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def _values(request: Request, facet: str) -> list[str]:
    values = [value for value in request.query_params.getlist(facet) if value]
    if len(values) > 50 or any(len(value) > 300 for value in values):
        raise UnknownParameter(f"{facet} takes up to 50 values.", parameter=facet)
    return values


def _others(request: Request) -> str:
    """The parameters of this search but the page, for the links to other pages."""
    return urlencode([(n, v) for n, v in request.query_params.multi_items() if n not in ("page", "lang") and v])


def _found(hit: Hit, links: Links, languages: tuple[str, ...], name: Any, state: State) -> Found:
    shown = pages.name_of(hit.iri, hit.names, languages, state.iris)
    return Found(
        hit.iri,
        page_path(state.iris.path(hit.iri) or ""),
        shown,
        hit.matched if hit.matched != shown.text else None,
        hit.kind,
        {facet: [(value, name(value)) for value in hit.facets[facet]] for facet in ("country", "sector")},
    )


def _told(
    text: str,
    results: Results,
    found: list[Found],
    facets: dict[str, list[tuple[str, Text, int, bool]]],
    page: int,
    size: int,
    snapshot: str,
) -> dict[str, Any]:
    """The answer for programs."""
    return {
        "query": text,
        "total": results.total,
        "page": page,
        "limit": size,
        "snapshot": snapshot,
        "instead": {word: list(others) for word, others in results.instead.items()},
        "results": [
            {
                "id": f.iri,
                "page": f.href,
                "kind": f.kind,
                "name": f.name.text,
                "language": f.name.language,
                "matched": f.matched,
                **{facet: [{"id": v, "name": t.text} for v, t in pairs] for facet, pairs in f.facets.items()},
            }
            for f in found
        ],
        "facets": {
            facet: [{"value": v, "name": t.text, "count": n} for v, t, n, _ in rows] for facet, rows in facets.items()
        },
    }
