"""Answers of the past as clients see them: Memento headers, links that stay in the past, time maps (RFC 7089).

What marks an answer as past is put on it on its way out. Addresses are their own time gates: with ``Accept-Datetime``
they answer 200 with a ``Content-Location`` (RFC 7089 §4.1.2).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope, Send

from v4graph import past
from v4graph.errors import NotFound
from v4graph.ledger import Entry
from v4graph.rdf import Format
from v4graph.web import pages
from v4graph.web.actors import in_ledger
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, negotiate, not_acceptable
from v4graph.web.replies import links_of, reply
from v4graph.web.telling import Moment

JSON = Format("json", ("application/json",), "", "JSON")

PARAMETERS = (b"at=", b"snapshot=")
_LONGEST_LINK = 2000
"""An address longer than this is not repeated in the headers of its answer."""
_FOREVER = b"public, max-age=31536000, immutable"
_PAST_TOO = frozenset({200, 206, 301, 303, 304, 308, 404, 410})
"""What a memento may be: also a redirection, or that there was nothing."""
_TIMELESS = frozenset({
    "blame", "changes", "changes.atom", "contributions", "context", "dumps", "favicon.ico", "health",
    "metrics", "openapi.json", "problems", "releases", "requirements", "robots.txt", "shapes", "sign-in",
    "sign-out", "sitemap.xml", "static", "templates", "timemap",
})  # fmt: skip
"""First segments of paths that tell of the present, of all times, or of their own: nobody asks for their past."""
_RELATIVE = re.compile(r"<(?![a-z]+:)([^>]*)>;")

Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which state is asked for: ``way`` is ``at``, ``snapshot`` or ``accept-datetime``."""

    way: str
    text: str


def is_timeless(path: str) -> bool:
    """Whether a path is none that has a past."""
    segments = path.strip("/").split("/")
    return segments[0] in _TIMELESS or (segments[0] == "graph" and len(segments) > 2)


class Turned:
    """A request turned to the past: what the application sees of it, and what the client sees of its answer."""

    __slots__ = ("_asked", "_entry", "_scope", "_send", "_stripped")

    def __init__(self, scope: Scope, send: Send, wanted: Asked, entry: Entry) -> None:
        """``entry`` is the publication whose state answers."""
        self._scope, self._send, self._asked, self._entry = scope, send, wanted, entry
        pairs = scope["query_string"].split(b"&")
        self._stripped = b"&".join(pair for pair in pairs if not pair.startswith(PARAMETERS))

    def scope(self) -> Scope:
        """The request without its moment and without who asks: the past is the same for everybody."""
        without = (b"accept-datetime", b"authorization", b"cookie")
        return {
            **self._scope,
            "query_string": self._stripped,
            "headers": [(name, value) for name, value in self._scope["headers"] if name not in without],
            "v4graph.moment": Moment(*self._parameter(), self._entry.number, self._entry.time),
        }

    def _parameter(self) -> tuple[str, str]:
        return ("", "") if self._asked.way == "accept-datetime" else (self._asked.way, self._asked.text)

    def _kept(self) -> str:
        """The parameter that links carry along."""
        name, value = self._parameter()
        return f"{name}={quote(value)}" if name else ""

    async def send(self, message: Message) -> None:
        """Send a message of the answer, the first one marked."""
        if message["type"] == "http.response.start" and message["status"] in _PAST_TOO:
            message = {**message, "headers": self._marked(message["status"], message["headers"])}
        await self._send(message)

    def _marked(self, status: int, headers: list[Pair]) -> list[Pair]:
        memento = f"snapshot={self._entry.number}"
        data = not any(n == b"content-type" and v.startswith(b"text/html") for n, v in headers)
        unchanging = self._asked.way == "snapshot" and data and status in (200, 304)
        marked: list[Pair] = []
        located = status != 200 or self._scope["method"] == "POST"
        for name, value in headers:
            name = name.lower()
            if name == b"location" and b"://" not in value:
                value = with_parameter(value.decode("latin-1"), self._kept()).encode("latin-1")
            elif name == b"content-location":
                value, located = with_parameter(value.decode("latin-1"), memento).encode("latin-1"), True
            elif name == b"link":
                value = _RELATIVE.sub(self._relinked, value.decode("latin-1")).encode("latin-1")
            elif name == b"vary" and b"Accept-Datetime" not in value:
                value += b", Accept-Datetime"
            elif name == b"cache-control" and unchanging and value == b"no-cache":
                value = _FOREVER
            marked.append((name, value))
        marked.append((b"memento-datetime", http_date(self._entry.time).encode()))
        path = quote(self._scope["path"].rpartition("/")[2])
        here = (path or "./") + (f"?{self._stripped.decode('latin-1')}" if self._stripped else "")
        if len(here) <= _LONGEST_LINK and self._scope["method"] != "POST":
            version = with_parameter(here, memento)
            if not located:
                marked.append((b"content-location", version.encode("latin-1")))
            told = f'<{version}>; rel="memento"; datetime="{http_date(self._entry.time)}"'
            marked.append((b"link", f'<{here}>; rel="original timegate", {told}'.encode("latin-1")))
            below = self._scope["path"].removeprefix(self._scope.get("root_path", "")).lstrip("/")
            if has_timemap(below):
                marked.append((b"link", timemap_link(below).encode()))
        return marked

    def _relinked(self, found: re.Match[str]) -> str:
        return f"<{with_parameter(found[1], self._kept())}>;"


def with_parameter(reference: str, parameter: str) -> str:
    """A relative reference with one more parameter."""
    if not parameter:
        return reference
    address, hash_, fragment = reference.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{parameter}{hash_}{fragment}"


def http_date(time: str) -> str:
    """A time of the ledger as HTTP writes it."""
    return format_datetime(datetime.fromisoformat(time), usegmt=True)


def has_timemap(below: str) -> bool:
    """Whether a path is that of a document, and not of an endpoint that answers questions."""
    return below.split("/")[0] not in ("sparql", "queries")


def timemap_link(below: str) -> str:
    """The ``Link`` to the time map of a path below the root, relative to it."""
    up = "../" * below.count("/")
    return f'<{up}timemap/{quote(below)}>; rel="timemap"; type="application/link-format"'


def original_links(below: str) -> list[str]:
    """The ``Link`` headers of a present document: it is its own time gate, and there is a map of its past."""
    last = quote(below.rpartition("/")[2]) or "./"
    return [f'<{last}>; rel="original timegate"', timemap_link(below)]


# --- what there is ------------------------------------------------------------------------------------------------


def add_routes(app: FastAPI) -> None:
    """Add time maps and the list of releases; where there is a past."""
    if app.state.moments is not None:
        app.router.routes.append(Route("/timemap/{path:path}", timemap))
        app.router.routes.append(Route("/releases", listing))


async def timemap(request: Request) -> Response:
    """The past of a document (RFC 7089 §5): the revisions of a source's graph, of anything else every publication."""
    below = request.path_params["path"]
    if not has_timemap(below) or is_timeless(below):
        raise NotFound(f"/{below[:200]} has no past of its own.")
    source = below.removeprefix("graph/").split(".")[0] if below.startswith("graph/") else None
    found = await in_ledger(request.app.state, partial(past.publications, source=source))
    if not found:
        raise NotFound(f"Nothing was ever published at /{below[:200]}.")
    root = str(request.base_url)
    address = root + quote(below)
    first, last = found[0].time, found[-1].time
    lines = [
        f'<{address}>; rel="original timegate"',
        f'<{root}timemap/{quote(below)}>; rel="self"; type="application/link-format"; '
        f'from="{http_date(first)}"; until="{http_date(last)}"',
    ]
    for entry in found:
        place = " ".join([*(["first"] if entry is found[0] else []), *(["last"] if entry is found[-1] else [])])
        relation = f"{place} memento".lstrip()
        lines.append(f'<{address}?snapshot={entry.number}>; rel="{relation}"; datetime="{http_date(entry.time)}"')
    body = ",\n".join(lines) + "\n"
    # The addresses are those of the host that was asked, so nobody may keep this for another.
    return Response(body, media_type="application/link-format", headers={"Vary": "Host", "Cache-Control": "no-cache"})


async def listing(request: Request) -> ASGIApp:
    """The named releases, and the present snapshot."""
    state: State = request.app.state
    choice = negotiate(request.headers.get("accept", ""), (HTML, JSON))
    if choice is None:
        raise not_acceptable((HTML, JSON))
    found = await in_ledger(state, past.releases)
    snapshot = present_snapshot(state)
    told = {
        "present": {"snapshot": snapshot.number, "published": snapshot.created},
        "releases": [
            {"name": r.name, "snapshot": r.entry, "published": r.published, "named": r.named} for r in reversed(found)
        ],
    }
    links, _ = links_of(request)
    page = choice.format is HTML
    make = partial(pages.render, "releases.html", links, told=told) if page else partial(_as_json, told)
    return await reply(request, choice, ["releases", links if page else "", told], make)


def _as_json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, indent=2).encode()
