"""What became of a contribution, told to whoever may know: as JSON, as a page, or as a SHACL report.

A contribution against the rules is a problem (RFC 9457) that carries its report; one that waits is 202 and says for
what.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from v4graph import records
from v4graph.actors import Actor
from v4graph.errors import InvalidContribution, V4GraphError
from v4graph.ledger import Ledger
from v4graph.rdf import GRAPH_FORMATS, JSON_LD, N_TRIPLES, RDF_XML, TURTLE, Format
from v4graph.records import Record
from v4graph.report import Report
from v4graph.reporting import LISTED, to_json, to_rdf
from v4graph.rules import load_rules
from v4graph.web import pages
from v4graph.web.actors import PERSONAL, Caller, form_token, in_ledger
from v4graph.web.consequences import contents, difference_told, effects_told
from v4graph.web.intake import Tried, Wish, address, would
from v4graph.web.negotiation import HTML, Choice, negotiate
from v4graph.web.replies import links_of
from v4graph.workspace import Outcome

JSON_RECORD = Format("json", ("application/json", "application/problem+json"), "", "JSON")
FORMATS = (JSON_RECORD, HTML, TURTLE, JSON_LD, N_TRIPLES, RDF_XML)
"""In RDF it is the SHACL report."""
_SHOWN = 200
"""Sentences of a difference that a page shows."""


@dataclass(frozen=True, slots=True)
class Told:
    """Everything there is to say about a contribution, or a dry run that left none."""

    record: Record | None
    report: Report | None
    would: dict[str, str]
    unreadable: dict[str, Any] | None = None
    difference: dict[str, Any] | None = None
    effects: dict[str, Any] | None = None
    actions: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The state, also the one a dry run would have come to."""
        return self.record.state if self.record else self.would["state"]


async def answer(
    request: Request, caller: Caller, outcome: Outcome, *, status: int, wish: Wish | None = None
) -> Response:
    """Answer who submitted, or decided; ``status`` is for what was published."""
    found = await _told(request, caller.actor, outcome, wish or Wish())
    if found.unreadable is not None:
        status = int(found.unreadable["status"])
    elif found.state == "invalid":
        status = 422
    elif outcome.contribution is None:
        status = 200
    elif found.state in ("pending", "accepted"):
        status = 202
    elif found.state != "published":
        status = 200
    headers = {}
    if found.record is not None:
        headers["Location" if status in (201, 202) or status >= 400 else "Content-Location"] = address(
            request, found.record.number
        )
    if outcome.snapshot is not None:
        headers["V4graph-Snapshot"] = str(outcome.snapshot.number)
    if status == 204:
        return Response(status_code=204, headers={**headers, **PERSONAL})
    choice = negotiate(request.headers.get("accept", ""), FORMATS) or Choice(JSON_RECORD, JSON_RECORD.media_type)
    return write(request, caller, found, choice, status, headers)


async def _told(request: Request, actor: Actor, outcome: Outcome, wish: Wish) -> Told:
    """What there is to say of an outcome, in the languages of who asks."""
    if outcome.contribution is not None:
        return await told_of(request, actor, outcome.contribution, brief=True)
    expected = would(actor, outcome.report, confirmed=wish.confirmed)
    difference = None
    if isinstance(outcome, Tried):
        after = outcome.made.lines
        before = set(after).difference(outcome.made.added).union(outcome.made.removed)
        _, languages = links_of(request)
        difference = await difference_told(request.app.state, before, after, languages)
    return Told(None, outcome.report, expected, difference=difference)


async def told_of(request: Request, actor: Actor, record: Record, *, brief: bool = False) -> Told:
    """What there is to say of a contribution; ``brief`` leaves out what takes long to work out."""
    state: State = request.app.state
    _, languages = links_of(request)

    def kept(ledger: Ledger) -> Any:
        both = None if brief else contents(ledger, record)
        return records.report_of(ledger, record), records.problem_of(ledger, record), both

    report, unreadable, graphs = await in_ledger(state, kept)
    difference = effects = None
    if graphs is not None:
        difference = await difference_told(state, graphs[0], graphs[1], languages)
        if record.state == "pending":
            effects = await effects_told(state, record, languages)
    return Told(record, report, {}, unreadable, difference, effects, actions(actor, record))


def actions(actor: Actor, record: Record) -> tuple[str, ...]:
    """What an actor may do with a contribution."""
    if record.state != "pending":
        return ()
    own = actor.partner == record.partner
    possible = {
        "accept": actor.may("review") and actor.name != record.actor and record.needs == "review",
        "decline": actor.may("review") and actor.name != record.actor,
        "confirm": own and actor.may("submit") and record.needs == "confirmation",
        "withdraw": own and actor.may("submit"),
    }
    return tuple(name for name, is_possible in possible.items() if is_possible)


def write(
    request: Request, caller: Caller, found: Told, choice: Choice, status: int, headers: dict[str, str]
) -> Response:
    """A contribution in the format that was chosen."""
    headers = {**headers, **PERSONAL}
    if choice.format is HTML:
        return _page(request, caller, found, status, headers)
    if choice.format in GRAPH_FORMATS and found.report is not None:
        headers |= {"Content-Type": choice.content_type.decode(), "X-Content-Type-Options": "nosniff"}
        return Response(to_rdf(found.report, choice.format), status, headers)
    _, languages = links_of(request)
    body = as_json(request, found, languages[0])
    media_type = JSON_RECORD.media_type
    if status >= 400:
        body = _problem(request, found).problem(request.app.state.settings.base_iri) | body
        media_type = "application/problem+json"
    headers |= {"Content-Type": media_type, "Content-Language": languages[0], "X-Content-Type-Options": "nosniff"}
    return Response(json.dumps(body, ensure_ascii=False).encode(), status, headers)


def _problem(request: Request, found: Told) -> V4GraphError:
    if found.unreadable is not None:
        error = V4GraphError(found.unreadable["detail"])
        error.problem = lambda base_iri: dict(found.unreadable or {})  # type: ignore[method-assign]
        return error
    kept = "It is kept for you, with this report." if found.record else "Nothing was stored."
    return InvalidContribution(f"The contribution breaks the rules; nothing was published. {kept}")


def as_json(request: Request, found: Told, language: str) -> dict[str, Any]:
    """A contribution for programs."""
    body: dict[str, Any] = {}
    if found.record is not None:
        body = listed(request, found.record)
    else:
        body |= {"dry-run": True, **{name: value for name, value in found.would.items() if value}}
    if found.report is not None:
        body["report"] = to_json(found.report, language)
    for name in ("difference", "effects"):
        value = getattr(found, name)
        if value is not None:
            body[name] = value
    if found.actions:
        body["actions"] = list(found.actions)
    return body


def listed(request: Request, record: Record) -> dict[str, Any]:
    """A contribution as a list names it."""
    body = {
        "contribution": record.number,
        "address": address(request, record.number),
        "source": record.source,
        "graph": request.app.state.iris.graph(record.source),
        "state": record.state,
        "needs": record.needs,
        "mode": record.mode,
        "base": record.base,
        "revision": record.revision,
        "actor": record.actor,
        "partner": record.partner,
        "note": record.note,
        "submitted": record.submitted,
        "changed": record.changed,
        "reviewer": record.reviewer,
        "remark": record.remark,
        "checked-with": record.checked_with,
    }
    return {name: value for name, value in body.items() if value not in (None, "")}


def _page(request: Request, caller: Caller, found: Told, status: int, headers: dict[str, str]) -> Response:
    links, languages = links_of(request)
    phrases = load_rules(links.iris).phrases
    body = pages.render(
        "contribution.html",
        links,
        record=found.record,
        would=found.would,
        problem=found.unreadable,
        report=found.report,
        phrases={name: texts.get(languages[0], texts["en"]) for name, texts in phrases.items()},
        report_language=languages[0],
        listed=LISTED * 10,
        difference=found.difference,
        effects=found.effects,
        actions=found.actions,
        form_token=form_token(request, caller),
        shown=_SHOWN,
    )
    return Response(body, status, {**headers, **pages.HEADERS}, "text/html")
