"""``/contributions``: submit, look at what became of it, decide.

What somebody submitted is seen by their partner, by reviewers and by administrators; to everybody else it is not there.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from v4graph import records, sources
from v4graph.contributions import TRANSITIONS
from v4graph.errors import BadRequest, NotAllowed, UnknownParameter, UnsupportedMediaType, V4GraphError
from v4graph.ledger import Ledger
from v4graph.rdf import RDF_FORMATS, Format
from v4graph.records import Record
from v4graph.web import outcomes, pages
from v4graph.web.actors import (
    PERSONAL,
    Caller,
    caller_of,
    check_form,
    form_token,
    in_ledger,
    refuse_in_scratch,
    require_caller,
)
from v4graph.web.delivery import header
from v4graph.web.graphs import format_of, parts_of
from v4graph.web.intake import Submission, act, publish_waiting, require_owner, take, wish_of
from v4graph.web.limits import read_body
from v4graph.web.negotiation import HTML, negotiate, not_acceptable, prefers_html
from v4graph.web.numbers import NUMBER
from v4graph.web.operations import FORM, media_type_of, one, read_fields
from v4graph.web.replies import links_of, number

PATH = "/contributions"
WHAT = "Data come in as contributions of who owns a source"
_MULTIPART = "multipart/form-data"
_PAGE, _LARGEST_PAGE = 50, 500
_LAST = 2**31 - 1
"""The largest number that a contribution can have."""
_LONGEST_DECISION = 64 * 1024
_DECISIONS = ("accept", "decline", "withdraw", "confirm")
_METHODS = {"accept": "accept", "decline": "decline", "withdraw": "withdraw_contribution", "confirm": "confirm"}


def add_routes(app: FastAPI) -> None:
    """Put contributions into an application."""
    routes = app.router.routes
    routes.append(Route(PATH, _list, methods=["GET", "HEAD"]))
    routes.append(Route(PATH, _submit, methods=["POST"]))
    routes.append(Route(f"{PATH}/{{number:{NUMBER}}}", _one, methods=["GET", "HEAD"]))
    routes.append(Route(f"{PATH}/{{number:{NUMBER}}}/document", _document, methods=["GET", "HEAD"]))
    for decision in _DECISIONS:
        routes.append(Route(f"{PATH}/{{number:{NUMBER}}}/{decision}", _decide, methods=["POST"]))


# --- submitting ---------------------------------------------------------------------------------------------------


async def _submit(request: Request) -> Response:
    refuse_in_scratch(request.app.state)
    fields: Mapping[str, str] = {}
    try:
        await require_caller(request, WHAT)
        state: State = request.app.state
        content_type = header(request.scope, b"content-type")
        body = await read_body(request.scope, request.receive, state.settings.upload_mb << 20, "A document")
        documents, fields, media_type = await asyncio.to_thread(_sent, content_type, body)
        source = request.query_params.get("source") or fields.get("source") or await _only_source(request)
        caller = await require_owner(request, source, WHAT)
        check_form(request, caller, fields)
        mode = request.query_params.get("mode") or fields.get("mode") or "replacement"
        if mode not in ("replacement", "patch"):
            raise UnknownParameter(
                "mode is replacement (the document is the whole graph) or patch (it holds some things, each whole).",
                parameter="mode",
            )
        sent = Submission(source, mode, tuple(documents), media_type)
        wish = wish_of(request, fields)
        outcome = await take(request, caller, sent, wish)
        return await outcomes.answer(request, caller, outcome, status=201, wish=wish)
    except V4GraphError as error:
        if not prefers_html(request.headers.get("accept", "")):
            raise
        return await _page(request, await caller_of(request) if error.status != 401 else None, fields, error)


def _sent(content_type: str | None, body: bytes) -> tuple[list[tuple[bytes, Format]], dict[str, str], str]:
    """The documents of a request, the fields of its form, and the media type of what was sent."""
    media_type, charset = media_type_of(content_type)
    if media_type != _MULTIPART:
        if charset not in ("utf-8", "utf8", "us-ascii", ""):
            raise BadRequest(f'The body is in the charset "{charset[:40]}". Send it as UTF-8.')
        fmt = format_of(content_type)
        return [(body, fmt)], {}, fmt.media_type
    try:
        documents, fields = parts_of(content_type or "", body)
    except RecursionError:
        raise BadRequest("The form is nested too deeply.") from None
    if fields.get("text"):
        documents.append((fields["text"].encode(), format_of(fields.get("syntax") or "text/turtle")))
    if len(documents) != 1:
        raise BadRequest(f"The form has {len(documents)} documents. Choose one file, or paste the text of one.")
    return documents, fields, documents[0][1].media_type


async def _only_source(request: Request) -> str:
    """The source of a partner who owns exactly one."""
    caller = await require_caller(request, WHAT)
    owned = await in_ledger(request.app.state, lambda ledger: sources.owned(ledger, caller.actor.partner))
    if len(owned) != 1:
        said = f"You own several: {', '.join(owned[:20])}." if owned else "You own none yet."
        raise UnknownParameter(f"Say which source this is for, as ?source=. {said}", parameter="source")
    return owned[0]


# --- looking ------------------------------------------------------------------------------------------------------


async def _list(request: Request) -> Response:
    refuse_in_scratch(request.app.state)
    if prefers_html(request.headers.get("accept", "")):
        return await _page(request, await caller_of(request))
    caller = await require_caller(request, "Contributions are seen by who made them")
    found, following = await _found(request, caller)
    body: dict[str, Any] = {"contributions": [outcomes.listed(request, record) for record in found]}
    headers = {**PERSONAL, "Content-Type": "application/json"}
    if following:
        body["next"] = following
        headers["Link"] = f'<{following}>; rel="next"'
    return Response(json.dumps(body, ensure_ascii=False).encode(), 200, headers)


async def _found(request: Request, caller: Caller) -> tuple[list[Record], str | None]:
    """The contributions asked for, newest first, and where those before them are."""
    asked = request.query_params
    state = asked.get("state") or None
    if state is not None and state not in TRANSITIONS:
        raise UnknownParameter(f"state is one of {', '.join(TRANSITIONS)}.", parameter="state")
    size = number(request, "size", _PAGE, _LARGEST_PAGE)
    before = number(request, "before", _LAST, _LAST)
    source = asked.get("source") or None
    partner = None if _sees_all(caller) else caller.actor.partner

    def read(ledger: Ledger) -> list[Record]:
        return records.read_all(ledger, source=source, partner=partner, state=state, before=before, limit=size + 1)

    found = await in_ledger(request.app.state, read)
    if len(found) <= size:
        return found, None
    following = request.url.include_query_params(before=found[size - 1].number)
    return found[:size], f"?{following.query}"


def _sees_all(caller: Caller) -> bool:
    return caller.actor.may("review") or caller.actor.may("administer")


async def _page(
    request: Request,
    caller: Caller | None,
    given: Mapping[str, str] | None = None,
    error: V4GraphError | None = None,
) -> Response:
    """The list with the form; after an error the form as it was sent."""
    state: State = request.app.state
    links, _ = links_of(request)
    found: list[Record] = []
    following = None
    owned: list[str] = []
    if caller is not None:
        found, following = await _found(request, caller)
        owned = await in_ledger(state, lambda ledger: sources.owned(ledger, caller.actor.partner))
    given = given or {}
    body = pages.render(
        "contributions.html",
        links,
        actor=caller.actor if caller else None,
        sources=owned,
        records=found,
        following=following,
        everyone=caller is not None and _sees_all(caller),
        states=[name for name in TRANSITIONS if name not in ("submitted", "accepted")],
        filter={name: request.query_params.get(name) for name in ("state", "source")},
        given={name: given.get(name, "") for name in ("source", "mode", "text", "syntax", "note")},
        key=secrets.token_urlsafe(12),
        formats=RDF_FORMATS,
        form_token=form_token(request, caller),
        problem=error.problem(links.iris.base) if error else None,
    )
    headers = {**pages.HEADERS, **PERSONAL, **(error.headers if error else {})}
    return Response(body if request.method != "HEAD" else b"", error.status if error else 200, headers, "text/html")


async def _one(request: Request) -> Response:
    refuse_in_scratch(request.app.state)
    if prefers_html(request.headers.get("accept", "")) and await caller_of(request) is None:
        following = f"contributions/{request.path_params['number']}"
        headers = {"Location": f"../sign-in?next={following}", **PERSONAL}
        return Response(status_code=303, headers=headers)
    caller, record = await _visible(request)
    shortcut = request.query_params.get("format")
    by_name = {fmt.ending: fmt.media_type for fmt in outcomes.FORMATS if fmt.ending} | {"html": HTML.media_type}
    if shortcut is not None and shortcut not in by_name:
        raise not_acceptable(outcomes.FORMATS, f'There is no format "{shortcut[:40]}".')
    choice = negotiate(by_name[shortcut] if shortcut else request.headers.get("accept", ""), outcomes.FORMATS)
    if choice is None:
        raise not_acceptable(outcomes.FORMATS)
    found = await outcomes.told_of(request, caller.actor, record)
    return outcomes.write(request, caller, found, choice, 200, {})


async def _visible(request: Request) -> tuple[Caller, Record]:
    """A contribution that the caller may see.

    Raises:
        UnknownContribution: there is none, or it is not theirs to see.
    """
    caller = await require_caller(request, "Contributions are seen by who made them")
    wanted = int(request.path_params["number"])
    if wanted >= _LAST:
        raise records.unknown(wanted)
    record = await in_ledger(request.app.state, lambda ledger: records.read(ledger, wanted))
    if not records.may_see(caller.actor, record):
        raise records.unknown(wanted)
    return caller, record


async def _document(request: Request) -> Response:
    """What was submitted, byte for byte; to be kept, never to be shown by a browser."""
    _, record = await _visible(request)
    payload = record.payload
    if payload is None:
        raise records.unknown(record.number)
    body = await in_ledger(request.app.state, lambda ledger: ledger.content(payload))
    ending = next((fmt.ending for fmt in RDF_FORMATS if record.media_type in fmt.media_types), "txt")
    headers = {
        **PERSONAL,
        "Content-Type": record.media_type if re.fullmatch(r"[\w.+-]+/[\w.+-]+", record.media_type) else "text/plain",
        "Content-Disposition": f'attachment; filename="contribution-{record.number}.{ending}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(b"" if request.method == "HEAD" else body, 200, headers)


# --- deciding -----------------------------------------------------------------------------------------------------


async def _decide(request: Request) -> Response:
    caller, record = await _visible(request)
    decision = request.url.path.rpartition("/")[2]
    fields = await small_fields(request)
    check_form(request, caller, fields)
    note = fields.get("note", "").strip()
    if decision in ("withdraw", "confirm") and caller.actor.partner != record.partner:
        raise NotAllowed(f"Contribution {record.number} is not yours: who submitted it decides about that.")
    if decision in ("accept", "confirm") and decision in outcomes.actions(caller.actor, record):
        outcome = await publish_waiting(request, caller, decision, record, note)
    else:
        outcome = await act(request, caller, _METHODS[decision], record.number, note)
    return await outcomes.answer(request, caller, outcome, status=200)


async def small_fields(request: Request) -> dict[str, str]:
    """What a small form, or a small JSON object, says."""
    body = await read_body(request.scope, request.receive, _LONGEST_DECISION, "A form")
    media_type, _ = media_type_of(header(request.scope, b"content-type"))
    if not body:
        return {}
    if media_type == FORM:
        read = read_fields(body, "the form")
        return {name: one(read, name) or "" for name in read}
    if media_type != "application/json":
        raise UnsupportedMediaType(f"Send a form as {FORM}, or an object as application/json.")
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(told, dict) or any(not isinstance(value, str | int | bool) for value in told.values()):
        raise BadRequest("Send one JSON object of texts and numbers.")
    return {str(name): str(value) for name, value in told.items()}
