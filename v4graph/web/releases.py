"""``/ontology/{version}``: frozen releases of the vocabulary, byte for byte; else the present vocabulary."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import releases
from v4graph.errors import NotFound
from v4graph.rdf import GRAPH_FORMATS, Format
from v4graph.web import entities, pages
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import alternates, links_of, reply

_FOREVER = "public, max-age=31536000, immutable"
_OFFERED = (HTML, *GRAPH_FORMATS)
_PLAIN = Format("txt", ("text/plain",), "", "text")


def add_routes(app: FastAPI) -> None:
    """Add the releases; before the pages of things, which know the present version."""
    app.router.routes.append(Route("/ontology/{name}", release))
    app.router.routes.append(Route("/ontology/{version}/{name}", part))


async def release(request: Request) -> ASGIApp:
    """A release by ``Accept`` or file ending."""
    name = request.path_params["name"]
    fixed = next((f for f in GRAPH_FORMATS if name.endswith(f".{f.ending}")), None)
    version = name.removesuffix(f".{fixed.ending}") if fixed else name
    folder = releases.folder_of(version, releases.RELEASES)
    if folder is None:
        return await entities.answer(request)
    choice = Choice(fixed, fixed.media_type) if fixed else negotiate(request.headers.get("accept", ""), _OFFERED)
    if choice is None:
        raise not_acceptable(_OFFERED)
    addresses = {f"{version}.{f.ending}": f for f in GRAPH_FORMATS}
    if choice.format is HTML:
        links, _ = links_of(request)
        files = sorted((path.name, path.stat().st_size) for path in folder.iterdir())
        make = partial(pages.render, "release.html", links, version=version, files=files, formats=addresses)
        return await reply(request, choice, ["release", links, files], make, links=alternates(addresses))
    location = None if fixed else f"{version}.{choice.format.ending}"
    return await _file(request, folder / f"ontology.{choice.format.ending}", choice, location)


async def part(request: Request) -> ASGIApp:
    """One file of a release."""
    folder = releases.folder_of(request.path_params["version"], releases.RELEASES)
    name = request.path_params["name"]
    if folder is None:
        return await entities.answer(request)
    if name not in {path.name for path in folder.iterdir()}:
        raise NotFound(f"The release {folder.name} has no file {name}.")
    fmt = next((f for f in GRAPH_FORMATS if name.endswith(f".{f.ending}")), _PLAIN)
    return await _file(request, folder / name, Choice(fmt, fmt.media_type))


async def _file(request: Request, path: Path, choice: Choice, location: str | None = None) -> ASGIApp:
    body = request.app.state.iris.rebase(path.read_bytes())
    return await reply(request, choice, ["file", body], lambda: body, location=location, cache=_FOREVER)
