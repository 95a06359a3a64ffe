"""The past of a graph: its revisions, what changed between any two, and who said what.

Everything here is read from the ledger. A revision never changes, so its RDF may be kept for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import differences, rdf
from v4graph.blame import Publication, publication
from v4graph.differences import PATCH, Change, Difference, Names
from v4graph.errors import UnknownGraph, UnknownRevision
from v4graph.iris import Iris
from v4graph.ledger import Entry, Ledger
from v4graph.namespaces import prefixes
from v4graph.provenance import revision_iri
from v4graph.rdf import DATASET_FORMATS, JSON_LD, N_TRIPLES, RDF_FORMATS, Format
from v4graph.web import pages
from v4graph.web.actors import in_ledger
from v4graph.web.delivery import present_snapshot
from v4graph.web.names import names_for, names_of_changes
from v4graph.web.negotiation import HTML, Choice, choose_graph, negotiate, not_acceptable
from v4graph.web.numbers import NUMBER
from v4graph.web.replies import alternates, links_of, number, reply
from v4graph.web.telling import Links

FOREVER = "public, max-age=31536000, immutable"
JSON = Format("json", ("application/json",), "", "JSON")
_REVISION = (*RDF_FORMATS, HTML)
_LIST = (JSON, HTML)
_COMPARE = (JSON, PATCH, HTML)
_SHOWN = 200
"""Things of a difference that a page tells of; the patch has all."""
_PAGE = 100
"""Revisions on a page of the history."""
_LONG = 2**18
"""Characters of JSON that are not indented any more."""


def add_routes(app: FastAPI) -> None:
    """Add the past of graphs; before the graph store, which takes everything below ``/graph/``."""
    if app.state.scratch is None:  # a playground has no ledger, and its graphs may have any name
        app.router.routes += [
            Route(f"/graph/{{source}}/revision/{{number:{NUMBER}}}", revision),
            Route(f"/graph/{{source}}/description/{{number:{NUMBER}}}", description),
            Route("/graph/{source}/history", history),
            Route(f"/graph/{{source}}/compare/{{a:{NUMBER}}}/{{b:{NUMBER}}}", compare),
        ]


def chosen(request: Request, formats: tuple[Format, ...]) -> Choice:
    """The format of ``?format=``, else the best the client accepts; raises NotAcceptable."""
    accept, shortcut = request.headers.get("accept", ""), request.query_params.get("format")
    if shortcut is None:
        choice = negotiate(accept, formats)
        if choice is None:
            raise not_acceptable(formats)
        return choice
    fixed = next((f for f in formats if shortcut == f.ending or shortcut in f.media_types), None)
    if fixed is not None:
        return Choice(fixed, fixed.media_type)
    graphs = tuple(f for f in formats if f in RDF_FORMATS)
    if not graphs:
        raise not_acceptable(formats, f'There is no format "{shortcut}" of this.')
    return choose_graph(accept, shortcut, graphs)


def formats_of(request: Request, formats: Iterable[Format]) -> dict[str, Format]:
    """The other formats of what is asked for, by their addresses."""
    others = request.query_params.items()
    kept = "".join(f"{quote(name)}={quote(value, safe='')}&" for name, value in others if name != "format")
    return {f"?{kept}format={f.ending}": f for f in formats if f is not HTML}


# --- one revision -------------------------------------------------------------------------------------------------


async def revision(request: Request) -> ASGIApp:
    """A revision: its statements in every RDF format, or a page that says who made it and what changed."""
    state: State = request.app.state
    source, wanted = request.path_params["source"], request.path_params["number"]
    choice = chosen(request, _REVISION)

    def read(ledger: Ledger) -> tuple[Entry, Publication, Entry | None]:
        entry = entry_of(ledger, source, wanted)
        return entry, publication(ledger, entry), ledger.current("revision", source)

    entry, told, current = await in_ledger(state, read)
    others = formats_of(request, RDF_FORMATS)
    links = [
        f'<{state.iris.graph(source)}>; rel="original"',
        '<../history>; rel="version-history"',
        *alternates(others),
    ]
    links += _neighbours(entry, current)
    if choice.format is not HTML:
        name = revision_iri(source, wanted, state.iris)
        make = partial(_content, state.ledger, entry.content, choice.format, name, state.iris)
        tag = [entry.content, choice.format.ending]
        return await reply(request, choice, tag, make, links=links, vary="Accept, Accept-Encoding", cache=FOREVER)
    page_links, languages = links_of(request)
    pair = [await in_ledger(state, lambda ledger: _content_of(ledger, source, wanted - 1)), entry.content or ""]
    difference: Difference = await in_ledger(state, lambda ledger: _difference(ledger, pair))
    sizes = await in_ledger(state, lambda ledger: ledger.triples([entry.content or ""]))
    shown, more, names = await _shown(state, difference, languages, source, pair)
    values = {
        "name": names.of(state.iris.graph(source)),
        "source": source,
        "told": told,
        "size": sizes.get(entry.content or "", 0),
        "last": (current and current.revision) or wanted,
        "added": len(difference.added),
        "removed": len(difference.removed),
        "things": told_things(difference, names, page_links, shown),
        "more": more,
        "formats": others,
        "iri": revision_iri(source, wanted, state.iris),
        "content": entry.content,
    }
    make = partial(pages.render, "revision.html", page_links, **values)
    return await reply(request, choice, ["revision", page_links, languages, values], make, links=links)


async def description(request: Request) -> ASGIApp:
    """What was said about a source itself from an entry of the ledger on: owner, rank, licence."""
    state: State = request.app.state
    source, wanted = request.path_params["source"], request.path_params["number"]
    choice = chosen(request, RDF_FORMATS)
    entry: Entry | None = await in_ledger(state, lambda ledger: ledger.entry(wanted))
    if entry is None or entry.kind != "source" or entry.source != source:
        raise UnknownRevision(f"Entry {wanted} of the ledger is no description of the source “{source}”.")
    name = f"{state.iris.graph(source)}/description/{wanted}"
    make = partial(_content, state.ledger, entry.content, choice.format, name, state.iris)
    return await reply(
        request, choice, [entry.content, choice.format.ending], make, vary="Accept, Accept-Encoding", cache=FOREVER
    )


def entry_of(ledger: Ledger, source: str, wanted: int) -> Entry:
    """A revision of a source.

    Raises:
        UnknownGraph: there is no such source.
        UnknownRevision: it has no such revision.
    """
    entry = ledger.revision(source, wanted)
    if entry is None:
        current = ledger.current("revision", source)
        if current is None:
            raise UnknownGraph(f"There is no source “{source}” with a graph.")
        raise UnknownRevision(f"The source “{source}” has the revisions 1 to {current.revision}, not {wanted}.")
    return entry


def _neighbours(entry: Entry, current: Entry | None) -> list[str]:
    here, last = entry.revision or 0, (current and current.revision) or 0
    links = [f'<{here - 1}>; rel="predecessor-version"'] if here > 1 else []
    links += [f'<{here + 1}>; rel="successor-version"'] if here < last else []
    return [*links, f'<{last}>; rel="latest-version"']


def _content(ledger: Ledger, content: str | None, fmt: Format, name: str, iris: Iris) -> bytes:
    """A content in an RDF format; where there are graphs, in one of this name."""
    text = ledger.content(content) if content else b""
    if fmt is N_TRIPLES:
        return text
    quads = ox.parse(text, ox.RdfFormat.N_TRIPLES)
    graph = ox.NamedNode(name)
    found = (
        (ox.Quad(q.subject, q.predicate, q.object, graph) for q in quads)
        if fmt in DATASET_FORMATS
        else (q.triple for q in quads)
    )
    used = {prefix: space for prefix, space in prefixes(iris).items() if f"<{space}".encode() in text}
    body = ox.serialize(found, format=rdf.rdf_format(fmt), prefixes=used)
    assert body is not None  # it is, when no output is given
    if fmt is JSON_LD:  # the engine writes the expanded form, which has no context
        return b'{"@context":' + json.dumps(used).encode() + b',"@graph":' + body + b"}"
    return body


# --- all revisions of a source ------------------------------------------------------------------------------------


async def history(request: Request) -> ASGIApp:
    """The revisions of a source's graph, the newest first."""
    state: State = request.app.state
    source, page = request.path_params["source"], number(request, "page", 1, 1_000_000)
    choice = chosen(request, _LIST)
    rows, last = await in_ledger(state, partial(_history, source=source, page=page))
    if not rows:
        raise UnknownRevision(f"The history of the source “{source}” has no page {page}.")
    others = formats_of(request, _LIST)
    more = rows[-1]["revision"] > 1
    links = alternates(others)
    for relation, there, target in (("prev", page > 1, page - 1), ("next", more, page + 1)):
        links += [f'<?page={target}>; rel="{relation}"'] if there else []
    if choice.format is JSON:
        told = {"source": state.iris.graph(source), "revisions": last, "page": page, "history": rows}
        made = [dict(row, iri=revision_iri(source, row["revision"], state.iris)) for row in rows]
        make = partial(as_json, told | {"history": made})
        return await reply(request, choice, ["history", rows, last, page], make, links=links)
    page_links, languages = links_of(request)
    names = await names_for(state, Difference((), ()), languages, more={state.iris.graph(source)})
    values = {"name": names.of(state.iris.graph(source)), "source": source, "rows": rows, "last": last}
    values |= {"page": page, "more": more, "formats": others, "iri": state.iris.graph(source)}
    make = partial(pages.render, "history.html", page_links, **values)
    return await reply(request, choice, ["history", page_links, languages, values], make, links=links)


def _history(ledger: Ledger, *, source: str, page: int) -> tuple[list[dict[str, Any]], int]:
    current = ledger.current("revision", source)
    if current is None or current.revision is None:
        raise UnknownGraph(f"There is no source “{source}” with a graph.")
    first = current.revision - (page - 1) * _PAGE
    start = ledger.revision(source, first) if first > 0 else None
    if start is None:
        return [], current.revision
    entries = ledger.entries(kind="revision", source=source, until=start.number, limit=_PAGE, backwards=True)
    named = [entry.detail.get(key, "") for entry in entries for key in ("added", "removed")]
    sizes = ledger.triples([*named, *(entry.content or "" for entry in entries)])
    return [_row(entry, publication(ledger, entry), sizes) for entry in entries], current.revision


def _row(entry: Entry, told: Publication, sizes: dict[str, int]) -> dict[str, Any]:
    return {
        "revision": told.revision,
        "time": told.time,
        "actor": told.actor,
        "contribution": told.contribution,
        "mode": told.mode,
        "note": told.note,
        "reviewer": told.reviewer,
        "checkedWith": told.checked_with,
        "statements": sizes.get(entry.content or "", 0),
        "added": sizes.get(entry.detail.get("added", "")),
        "removed": sizes.get(entry.detail.get("removed", "")),
        "entry": entry.number,
        "content": entry.content,
        "state": entry.detail.get("state"),
    }


# --- any two revisions --------------------------------------------------------------------------------------------


async def compare(request: Request) -> ASGIApp:
    """What makes one revision of another: in words, as JSON, as RDF Patch. Revision 0 is the empty graph."""
    state: State = request.app.state
    source, a, b = (request.path_params[name] for name in ("source", "a", "b"))
    iris: Iris = state.iris
    choice = chosen(request, _COMPARE)
    contents = await in_ledger(state, lambda ledger: [_content_of(ledger, source, x) for x in (a, b)])
    others = formats_of(request, _COMPARE)
    links = [*alternates(others), '<../../history>; rel="version-history"']
    if choice.format is PATCH:
        previous = revision_iri(source, a, iris) if a else None
        name = revision_iri(source, b, iris) if b == a + 1 else f"{iris.graph(source)}/compare/{a}/{b}"

        def patch() -> bytes:
            found = _difference(state.ledger, contents)
            return differences.as_patch(found, iris.graph(source), name, previous)

        tag = ["patch", *contents, name]
        return await reply(request, choice, tag, patch, links=links, vary="Accept, Accept-Encoding", cache=FOREVER)
    page_links, languages = links_of(request)
    with state.limits.admit(request.scope):
        found: Difference = await in_ledger(state, lambda ledger: _difference(ledger, contents))
    if choice.format is JSON:
        changed = await asyncio.to_thread(differences.changes, found)
        names = await names_of_changes(state, found, changed, languages, ())
        said = {"source": iris.graph(source), "from": a, "to": b}
        make = lambda: as_json(said | differences.as_json(found, names, found=changed))  # noqa: E731
        return await reply(
            request, choice, ["compare", *contents, present_snapshot(state).token, languages], make, links=links
        )
    shown, more, names = await _shown(state, found, languages, source, contents)
    values = {
        "name": names.of(iris.graph(source)),
        "source": source,
        "a": a,
        "b": b,
        "added": len(found.added),
        "removed": len(found.removed),
        "things": told_things(found, names, page_links, shown),
        "more": more,
        "formats": others,
        "iri": f"{iris.graph(source)}/compare/{a}/{b}",
    }
    make = partial(pages.render, "compare.html", page_links, **values)
    return await reply(request, choice, ["compare", page_links, languages, values], make, links=links)


def _content_of(ledger: Ledger, source: str, wanted: int) -> str:
    if wanted == 0 and ledger.current("revision", source) is not None:
        return ""
    return entry_of(ledger, source, wanted).content or ""


def _difference(ledger: Ledger, contents: Sequence[str]) -> Difference:
    old, new = (ledger.lines(content or None) for content in contents)
    return differences.between(old, new)


# --- words --------------------------------------------------------------------------------------------------------


async def _shown(
    state: State, difference: Difference, languages: Sequence[str], source: str, contents: Sequence[str]
) -> tuple[list[Change], bool, Names]:
    """The changes of the first things of a difference, are there more, and the names of the time."""
    seen, more = await asyncio.to_thread(_first, difference)
    found = await asyncio.to_thread(differences.changes, seen)
    names = await names_of_changes(state, seen, found, languages, {state.iris.graph(source)})
    nameless = differences.mentioned(found) - names.labels.keys()
    if nameless:
        then = await in_ledger(state, lambda ledger: _labels_then(ledger, contents))
        names = replace(names, labels={**names.labels, **{x: then[x] for x in nameless & then.keys()}})
    return found, more, names


def _first(difference: Difference) -> tuple[Difference, bool]:
    """What a difference says of its first things, and whether there are more."""
    subjects = sorted({line.split(" ", 1)[0] for line in (*difference.removed, *difference.added)})
    first = frozenset(subjects[:_SHOWN])
    added, removed = (
        tuple(x for x in part if x.split(" ", 1)[0] in first) for part in (difference.added, difference.removed)
    )
    seen = Difference(added, removed, difference.appeared & first, difference.vanished & first)
    return seen, len(subjects) > _SHOWN


def _labels_then(ledger: Ledger, contents: Sequence[str]) -> dict[str, dict[str, str]]:
    return differences.labels_in(line for content in contents for line in ledger.lines(content or None))


def told_things(
    difference: Difference, names: Names, links: Links, found: Sequence[Change] | None = None
) -> list[dict[str, Any]]:
    """A difference thing by thing, as the macro in ``differences.html`` shows it."""
    return [
        {
            "name": thing.name,
            "href": links.of(thing.iri),
            "kind": thing.kind,
            "fate": thing.fate,
            "statements": thing.statements,
            "changes": [
                {
                    "property": names.of(change.property[1:-1]) + (f" ({change.language})" if change.language else ""),
                    "removed": [differences.shown(term, names) for term in change.removed],
                    "added": [differences.shown(term, names) for term in change.added],
                }
                for change in thing.changes
            ],
        }
        for thing in differences.told(difference, names, found=found)
    ]


def as_json(value: Any) -> bytes:
    """JSON for machines that a person can read, too."""
    text = json.dumps(value, ensure_ascii=False)
    # indenting takes ten times as long, and nobody reads so much
    return (text if len(text) > _LONG else json.dumps(value, ensure_ascii=False, indent=1)).encode()
