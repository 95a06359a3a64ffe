"""Maps and cards for other people's pages: a custom element, frames, and oEmbed (https://oembed.com).

Only ``/embed/…`` may be framed by others; the module, its worker, styles and data may be read from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders, QueryParams, State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from v4graph.atlas import slug
from v4graph.errors import NotFound, UnknownEntity, UnknownParameter
from v4graph.iris import Iris
from v4graph.rdf import Format
from v4graph.statements import DCTERMS, TYPE
from v4graph.web import built, drawings, map, pages
from v4graph.web.guides import Guide
from v4graph.web.negotiation import HTML, Choice
from v4graph.web.replies import links_of, number, reply
from v4graph.web.telling import Teller

JSON = Format("json", ("application/json",), "", "JSON")
THEMES = ("light", "dark")
_FRAMED = pages.headers(framed_by="*")["Content-Security-Policy"]
_FRESH = "public, max-age=3600"
_MAP_SIZE = (800, 560)
_CARD_SIZE = (420, 260)
_LONGEST = 2000


class Framed:
    """An answer that pages of other origins may show in a frame."""

    def __init__(self, answer: ASGIApp) -> None:
        """Mark this answer."""
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it with the policy of embedded pages."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message["headers"]))
                if "content-security-policy" in headers:
                    headers["content-security-policy"] = _FRAMED
                message = {**message, "headers": headers.raw}
            await send(message)

        await self._answer(scope, receive, marked)


def add_routes(app: FastAPI) -> None:
    """Put what others embed into an application."""
    routes = app.router.routes
    routes.append(Route("/embed", explained))
    routes.append(Route("/embed.js", module))
    routes.append(Route("/embed/words.json", words))
    routes.append(Route("/embed/map", framed_map))
    routes.append(Route("/embed/entity/{kind}/{slug}", card))
    routes.append(Route("/oembed", oembed))


async def module(request: Request) -> Response:
    """The module that defines the element: a stable address that knows the present names of the files."""
    files = {
        "maplibre": built.path_of("maplibre-gl/maplibre-gl.mjs"),
        "atlas": built.path_of("atlas.json"),
        "css": built.path_of("embed.css"),
        "fonts": [built.path_of(f"fonts/source-sans-3-{part}.woff2") for part in ("latin", "latin-ext")],
    }
    text = (
        f'import {{ define }} from "./{built.path_of("embed.js")}";\n'
        f'define(new URL("./", import.meta.url).href, {json.dumps(files)});\n'
    )
    headers = {"Cache-Control": _FRESH, "X-Content-Type-Options": "nosniff"}
    return Response(text, media_type="text/javascript", headers=headers | _open(request))


def _open(request: Request) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in request.app.state.open_headers}


async def words(request: Request) -> Response:
    """The words of the embedded map in a language."""
    links, _ = links_of(request)
    guide = await request.app.state.guides.of(request.app.state, (links.spoken, "en"))
    regions = {slug(x): guide.name(x).text for x in guide.atlas.values("region").values()}
    environment = pages.environment(links.spoken)
    text = environment.get_template("embed-words.json").render(links=links, regions=regions)
    headers = {"Cache-Control": _FRESH, "X-Content-Type-Options": "nosniff", "Vary": "Accept-Language"}
    return Response(text, media_type="application/json", headers=headers | _open(request))


async def explained(request: Request) -> ASGIApp:
    """How to embed, with live examples."""
    links, languages = links_of(request)
    home = map.home_of(request)
    state: State = request.app.state
    guide = await state.guides.of(state, languages)
    projects = sorted(slug(x) for x in guide.atlas.values("project").values())
    of = request.query_params.get("of", "")
    page, name = await _thing(request, of, languages) if of else _sample(guide)
    values: dict[str, Any] = {
        "home": home,
        "page": page,
        "name": name,
        "project": "v4clusters" if "v4clusters" in projects else next(iter(projects), ""),
    }
    make = partial(pages.render, "embed.html", links, **values)
    key = ["embed", links, languages, home, guide.token, page, name]
    return await reply(request, Choice(HTML, HTML.media_type), key, make)


def _sample(guide: Guide) -> tuple[str, str]:
    """A thing that shows well as a card: its page and name."""
    placed = [s for s in guide.atlas.spots if s.is_cluster and s.point]
    best = next((s for s in placed if s.iri.endswith("/automotive-cluster-slovakia")), next(iter(placed), None))
    shown = guide.shown(best) if best else None
    return (shown.page, shown.name.text) if shown else ("", "")


async def _thing(request: Request, path: str, languages: tuple[str, ...]) -> tuple[str, str]:
    """The page and the name of a thing, by the path of its page."""
    state: State = request.app.state
    parts = path.removeprefix("id/").removeprefix("embed/entity/").split("/")
    if len(parts) != 2 or not all(parts):
        raise NotFound("Only the map and the pages of things can be embedded.")
    document = await state.documents.of(state, state.iris.thing(*parts))
    name = document.name(document.iri, languages)
    return "/".join(parts), name.value if name else parts[1]


def _theme(params: QueryParams) -> str:
    theme = params.get("theme", "")
    if theme and theme not in THEMES:
        raise UnknownParameter(f"theme is {' or '.join(THEMES)}.", parameter="theme")
    return theme


async def framed_map(request: Request) -> ASGIApp:
    """The map alone, for a frame."""
    state: State = request.app.state
    links, languages = links_of(request)
    theme = _theme(request.query_params)
    with state.limits.admit(request.scope):
        guide = await state.guides.of(state, languages)
        asked = map.asked_of(request.query_params, guide.atlas)
    shade = "region" in request.query_params.getlist("shade")

    def make() -> bytes:
        content = map.content_of(guide, asked, links, shade)
        return pages.render("embed-map.html", links, theme=theme, home=map.home_of(request), **content)

    key = [guide.token, "embed map", languages, asked, shade, theme, links]
    return Framed(await reply(request, Choice(HTML, HTML.media_type), key, make))


async def card(request: Request) -> ASGIApp:
    """One thing as a card, for a frame."""
    state: State = request.app.state
    iris: Iris = state.iris
    links, languages = links_of(request)
    theme = _theme(request.query_params)
    iri = iris.thing(request.path_params["kind"], request.path_params["slug"])
    with state.limits.admit(request.scope):
        try:
            document = await state.documents.of(state, iri)
        except UnknownEntity:
            raise NotFound(f"There is no {request.path_params['kind']} {request.path_params['slug']}.") from None
        guide = await state.guides.of(state, languages)
    teller = Teller(document, links, languages)
    spot = guide.atlas.of(iri)
    shown = guide.shown(spot) if spot else None
    says = [v for v in document.values(iri, f"{DCTERMS}description") if hasattr(v, "language")]
    values: dict[str, Any] = {
        "title": teller.name(iri),
        "kinds": [teller.name(v.value) for v in document.values(iri, TYPE)][:2],
        "shown": shown,
        "lede": next((v for x in languages for v in says if v.language == x), None),
        "page": f"{request.path_params['kind']}/{request.path_params['slug']}",
        "theme": theme,
        "picture": drawings.picture([spot], guide.shown, links=links, linked=False) if spot and spot.point else "",
    }
    key = [document.digest, "card", languages, links, theme, shown]
    make = partial(pages.render, "embed-card.html", links, **values)
    return Framed(await reply(request, Choice(HTML, HTML.media_type), key, make))


# --- oEmbed -------------------------------------------------------------------------------------------------------


async def oembed(request: Request) -> ASGIApp:
    """The frame for the address of one of our pages (oEmbed 1.0 §2.3.4.4, type ``rich``)."""
    params = request.query_params
    if params.get("format", "json") != "json":
        return Response(
            status_code=501, headers={"Content-Type": "text/plain"}, content="Only format=json is answered."
        )
    address = params.get("url", "")
    if not address or len(address) > _LONGEST:
        raise UnknownParameter("url is the address of a page of this portal.", parameter="url")
    home = map.home_of(request)
    found = urlsplit(address.removeprefix(home).removeprefix(request.app.state.iris.base))
    if found.scheme or found.netloc:
        raise NotFound("This address is not one of this portal.")
    width, height, path, title = await _embedded(request, found.path.strip("/"), found.query)
    width = min(width, number(request, "maxwidth", width, 10_000))
    height = min(height, number(request, "maxheight", height, 10_000))
    frame = _frame(f"{home}{path}", width, height, title)
    told = {
        "version": "1.0", "type": "rich", "provider_name": "v4graph", "provider_url": home, "title": title,
        "width": width, "height": height, "html": frame, "cache_age": 3600,
    }  # fmt: skip
    make: Callable[[], bytes] = lambda: json.dumps(told, ensure_ascii=False).encode()  # noqa: E731 # a line
    return await reply(request, Choice(JSON, "application/json"), ["oembed", told], make)


async def _embedded(request: Request, path: str, query: str) -> tuple[int, int, str, str]:
    """Size, address below the root and title of what stands in the frame for a page."""
    state: State = request.app.state
    _, languages = links_of(request)
    if path in ("map", "embed/map"):
        guide = await state.guides.of(state, languages)
        params = QueryParams(parse_qsl(query))
        asked = map.asked_of(params, guide.atlas)
        others = [(name, params[name]) for name in ("shade", "theme", "lang") if params.get(name)]
        found = urlencode([*map.address_of(asked), *others])
        return (*_MAP_SIZE, "embed/map" + (f"?{found}" if found else ""), "v4graph")
    page, name = await _thing(request, path, languages)
    return (*_CARD_SIZE, f"embed/entity/{page}", name)


def _frame(address: str, width: int, height: int, title: str) -> str:
    template = pages.environment("en").from_string(
        '<iframe src="{{ a }}" width="{{ w }}" height="{{ h }}" title="{{ t }}" loading="lazy"></iframe>'
    )
    return template.render(a=address, w=width, h=height, t=title)
