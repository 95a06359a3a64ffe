"""Things that are gone: 410 with who took them away, when, why, and what to use instead, in every format."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pyoxigraph as ox
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from v4graph.blame import Departures, Publication, blame
from v4graph.errors import Gone
from v4graph.iris import Iris
from v4graph.ledger import Ledger
from v4graph.provenance import PROV, revision_iri
from v4graph.rdf import RDF_FORMATS, Format, rdf_format
from v4graph.statements import DCTERMS, OWL, SKOS
from v4graph.web.actors import in_ledger
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, PROBLEM, Choice, negotiate

_XSD = "http://www.w3.org/2001/XMLSchema#"
_NO_REASON = "No reason was recorded."


def departures_of(state: State) -> Departures:
    """What the server knows of things that sources took back."""
    if not hasattr(state, "departures"):
        state.departures = Departures(state.iris)
    found: Departures = state.departures
    return found


async def refuse_if_departed(state: State, iri: str) -> None:
    """Raise Gone when sources once described a thing and none does any more."""
    if not iri.startswith(f"{state.iris.base}id/") or state.scratch is not None:
        return
    known = departures_of(state)
    last: Publication | None = await in_ledger(state, lambda ledger: known.find(ledger, iri))
    if last is not None and last.entry <= present_snapshot(state).number:
        source = state.iris.graph(last.source)
        raise Gone(
            f"{iri} was withdrawn: its last source, {source}, took it back on {last.time[:10]}. "
            f"{last.note or _NO_REASON}",
            **_told(iri, last.note or None, None, last, state.iris),
        )


async def withdrawn(state: State, iri: str, name: str, reason: str | None, successor: str | None, by: str) -> Gone:
    """What is told of a thing that a source (the IRI of its graph) says not to use any more."""
    iris: Iris = state.iris

    def work(ledger: Ledger) -> Publication | None:
        return next((said.by for said in blame(ledger, [iris.source(by)], iri, property=f"{OWL}deprecated")), None)

    since: Publication | None = await in_ledger(state, work) if by else None
    instead = f" Use {successor} instead." if successor else ""
    return Gone(f"{name} was withdrawn. {reason or _NO_REASON}{instead}", **_told(iri, reason, successor, since, iris))


def _told(iri: str, reason: str | None, successor: str | None, by: Publication | None, iris: Iris) -> dict[str, Any]:
    told: dict[str, Any] = {"iri": iri, "reason": reason, "replacedBy": successor}
    if by is not None:
        told |= {
            "source": iris.graph(by.source),
            "revision": revision_iri(by.source, by.revision, iris),
            "withdrawn": by.time,
            "withdrawnBy": by.actor,
            "contribution": by.contribution,
        }
    return {name: value for name, value in told.items() if value is not None}


def answer(request: Request, gone: Gone, fixed: Format | None) -> Response:
    """The 410 in an RDF format when the client wants one; else the error itself, which is JSON or a page."""
    wanted = (
        Choice(fixed, fixed.media_type)
        if fixed in RDF_FORMATS and fixed is not None
        else negotiate(request.headers.get("accept", ""), (PROBLEM, HTML, *RDF_FORMATS))
    )
    if wanted is None or wanted.format not in RDF_FORMATS or (fixed is not None and fixed not in RDF_FORMATS):
        raise gone
    body = ox.serialize(triples(gone.extras, request.app.state.iris), format=rdf_format(wanted.format))
    headers = {"Vary": "Accept", "Cache-Control": "no-cache", "Content-Type": wanted.content_type.decode()}
    return Response(body, HTTPStatus.GONE, headers)


def triples(told: dict[str, Any], iris: Iris) -> list[ox.Triple]:
    """What is said of a thing that is gone."""
    thing = ox.NamedNode(told["iri"])

    def named(value: str) -> ox.NamedNode:
        return ox.NamedNode(value)

    found: list[tuple[str, ox.NamedNode | ox.Literal]] = [
        (f"{OWL}deprecated", ox.Literal("true", datatype=named(f"{_XSD}boolean"))),
        (f"{SKOS}changeNote", ox.Literal(str(told.get("reason", _NO_REASON)))),
    ]
    if "replacedBy" in told:
        found.append((f"{DCTERMS}isReplacedBy", named(told["replacedBy"])))
    if "revision" in told:
        found.append((f"{PROV}invalidatedAtTime", ox.Literal(told["withdrawn"], datatype=named(f"{_XSD}dateTime"))))
        found.append((f"{DCTERMS}provenance", named(told["revision"])))
    if "contribution" in told:
        contribution = named(iris.thing("contribution", str(told["contribution"])))
        found.append((f"{PROV}wasInvalidatedBy", contribution))
    return [ox.Triple(thing, named(property_), value) for property_, value in found]
