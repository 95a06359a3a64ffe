"""How a document leaves: entity tag of its content, 304, memory, compression, and rendering off the event loop."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlencode

import anyio
import anyio.to_thread
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from v4graph import __version__
from v4graph.errors import UnknownParameter
from v4graph.rdf import Format
from v4graph.web import pages
from v4graph.web.answers import Kept, entity_tag
from v4graph.web.delivery import COMPRESS_FROM, header, page_key, present_snapshot, request_key
from v4graph.web.negotiation import HTML, Choice, accepts_gzip, negotiate, none_match, not_acceptable
from v4graph.web.telling import Links, preferred_languages
from v4graph.web.words import LANGUAGES

_LEVEL = 5
_LONGEST_QUERY = 4000
"""A longer one is left out of the links to the page in other languages."""
_AT_A_TIME = 2
"""Renderings under way: they are Python and hold the interpreter, more threads would only take turns."""


class _FromMemory:
    """An answer that was sent before."""

    def __init__(self, kept: Kept, condition: str | None) -> None:
        self._kept = kept
        self._condition = condition

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._kept.send(send, self._condition, head=scope["method"] == "HEAD")


def _tag(
    request: Request, choice: Choice, content: Sequence[object], links: Sequence[str], location: str | None
) -> tuple[str, bool]:
    """The entity tag of a document, and whether it is sent compressed."""
    edition = pages.edition() if choice.format is HTML else ""
    zipped = accepts_gzip(request.headers.get("accept-encoding", ""))
    return entity_tag(*content, choice.media_type, zipped, __version__, edition, *links, location), zipped


def remembered(
    request: Request, choice: Choice, content: Sequence[object], links: Sequence[str] = ()
) -> ASGIApp | None:
    """A page that was sent before, for what takes long to gather; ``reply`` is given the same content and links."""
    kept = request.app.state.answers.find(_tag(request, choice, content, links, None)[0], None)
    return _FromMemory(kept, header(request.scope, b"if-none-match")) if kept is not None else None


async def reply(
    request: Request,
    choice: Choice,
    content: Sequence[object],
    make: Callable[[], bytes],
    *,
    links: Sequence[str] = (),
    location: str | None = None,
    vary: str = "Accept, Accept-Encoding, Accept-Datetime",
    cache: str = "no-cache",
    repeats: bool = False,
    fresh: bool = True,
) -> ASGIApp:
    """Answer with a document: ``content`` is all its bytes depend on, ``make`` makes them when nobody has them.

    A page that ``repeats`` is the same for everybody who asks for it in these languages while the snapshot stays; what
    is not ``fresh`` tells of an earlier one, and is made anew for whoever asks next.
    """
    state: State = request.app.state
    snapshot = present_snapshot(state)
    page = choice.format is HTML
    tag, zipped = _tag(request, choice, content, links, location)
    condition = header(request.scope, b"if-none-match")
    key = None
    if fresh and (repeats or not page):
        spoken = page or "Accept-Language" in vary
        key = page_key(request.scope) if spoken else request_key(request.scope)
    kept = state.answers.find(tag, key)
    if kept is not None:
        return _FromMemory(kept, condition)
    headers = [
        (b"etag", tag.encode()),
        (b"cache-control", cache.encode()),
        (b"vary", f"{vary}, Accept-Language".encode() if page else vary.encode()),
        (b"v4graph-snapshot", str(snapshot.number).encode()),
        *((b"link", link.encode()) for link in links),
        *((name.lower().encode(), value.encode()) for name, value in (pages.HEADERS.items() if page else _PLAIN)),
        *state.open_headers,
    ]
    if location is not None:
        headers.append((b"content-location", location.encode()))
    if condition is not None and none_match(condition, tag):
        return _raw(304, headers, b"")
    body, packed = await off_the_loop(state, lambda: _packed(make(), zipped))
    headers += [(b"content-type", choice.content_type), (b"content-length", str(len(body)).encode())]
    if packed:
        headers.append((b"content-encoding", b"gzip"))
    state.answers.keep(tag, snapshot.token, headers, body, key)
    return _raw(200, headers, b"" if request.method == "HEAD" else body)


_PLAIN = [("X-Content-Type-Options", "nosniff")]


def _packed(body: bytes, zipped: bool) -> tuple[bytes, bool]:
    if zipped and len(body) >= COMPRESS_FROM:
        return gzip.compress(body, _LEVEL, mtime=0), True
    return body, False


def _raw(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    response = Response(body, status)
    response.raw_headers = headers
    return response


async def off_the_loop(state: State, make: Callable[[], tuple[bytes, bool]]) -> tuple[bytes, bool]:
    """Run what takes CPU in a thread, a few at a time."""
    if not hasattr(state, "renderings"):
        state.renderings = anyio.CapacityLimiter(_AT_A_TIME)
    return await anyio.to_thread.run_sync(make, limiter=state.renderings)


def redirect(request: Request, status: int, target: str, *, vary: str = "Accept") -> Response:
    """A redirection to a path below the root, as a relative reference; the query string goes along."""
    up = "../" * path_of(request).count("/")
    location = (up + quote(target, safe="/:@!$&'()*+,;=-._~#")) or "./"
    if request.url.query:
        location += f"?{request.url.query}"
    return Response(status_code=status, headers={"Location": location, "Vary": vary, "Cache-Control": "no-cache"})


def path_of(request: Request) -> str:
    """The path of a request below the root, without the first slash."""
    path: str = request.scope["path"]
    root: str = request.scope.get("root_path", "")
    return path.removeprefix(root).lstrip("/")


def links_of(request: Request) -> tuple[Links, tuple[str, ...]]:
    """The links of the page asked for, and the languages to tell it in."""
    asked = request.query_params.get("lang")
    if asked is not None and asked not in LANGUAGES:
        raise UnknownParameter(f"lang is one of {', '.join(LANGUAGES)}.", parameter="lang")
    preferred = preferred_languages(request.headers.get("accept-language", ""))
    languages = tuple(dict.fromkeys((asked, *preferred))) if asked else preferred
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    query = urlencode(others)
    if len(query) > _LONGEST_QUERY:
        query = ""
    moment = request.scope.get("v4graph.moment")
    return Links(path_of(request), request.app.state.iris, asked, languages[0], query, moment), languages


def form_of(
    request: Request, fixed: Format | None, formats: tuple[Format, ...]
) -> tuple[Choice, Links, tuple[str, ...]]:
    """The form that a view is wanted in, by its ending or by Accept, with its links and languages.

    Raises:
        NotAcceptable: none of the formats will do.
    """
    links, languages = links_of(request)
    choice = Choice(fixed, fixed.media_type) if fixed else negotiate(request.headers.get("accept", ""), formats)
    if choice is None:
        raise not_acceptable(formats)
    if choice.format is not HTML:  # data do not depend on who asks
        languages = tuple(dict.fromkeys((links.language or "en", "en")))
    return choice, links, languages


def number(request: Request, name: str, default: int, largest: int) -> int:
    """A parameter that is a whole number from 1 up."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:12]) <= largest:
        raise UnknownParameter(f"{name} is a whole number from 1 to {largest}.", parameter=name)
    return int(value)


def alternates(addresses: dict[str, Format]) -> list[str]:
    """``Link`` headers to the other formats."""
    return [f'<{quote(a, safe="/?=&.-_~%")}>; rel="alternate"; type="{f.media_type}"' for a, f in addresses.items()]
