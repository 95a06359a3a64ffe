"""Changes to one's own graph that are no document: SPARQL Update, rollback, withdrawal.

An update is evaluated on a copy of the graph in a confined process, against the revision it then names as its base;
its difference becomes the contribution. https://www.w3.org/TR/sparql11-protocol/#update-operation
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from v4graph.errors import BadRequest, PreconditionFailed, UnknownParameter, UpdateRefused
from v4graph.ledger import Ledger
from v4graph.namespaces import prefixes
from v4graph.proposals import Proposal
from v4graph.sandbox.revising import Revised, revise
from v4graph.web import outcomes
from v4graph.web.actors import check_form, in_ledger
from v4graph.web.contributions import small_fields
from v4graph.web.graphs import PATH, WHAT, condition
from v4graph.web.intake import Wish, act, contribute, count, require_owner, wish_of
from v4graph.web.limits import read_body, seconds_asked
from v4graph.web.operations import DIRECT_UPDATE, Operation, read_operation
from v4graph.workspace import Outcome

_TRIES = 5
_LONGEST_REASON = 2000


def add_routes(app: FastAPI) -> None:
    """Put updates, rollback and withdrawal into an application; before the graph store, which takes all below it."""
    for name, endpoint in (("update", _update), ("rollback", _roll_back), ("withdraw", _withdraw)):
        app.router.routes.append(Route(f"{PATH}/{{source}}/{name}", endpoint, methods=["POST"]))


async def _update(request: Request) -> Response:
    state: State = request.app.state
    source: str = request.path_params["source"]
    caller = await require_owner(request, source, WHAT)
    body = await read_body(request.scope, request.receive, state.settings.upload_mb << 20, "An update")
    operation = read_operation("POST", request.scope["query_string"], request.headers.get("content-type"), body)
    if operation.kind != "update":
        raise BadRequest(f"Here updates are done: send the form field update, or the text as {DIRECT_UPDATE}.")
    _refuse_others(operation, state.iris.graph(source))
    check_form(request, caller, {})
    exists, base = await condition(request, source)
    wish = wish_of(request, {}, base=base)
    count(request, caller)
    outcome: Outcome | None = None
    for last in (False,) * (_TRIES - 1) + (True,):
        proposal = await _evaluated(request, source, operation, wish)
        try:
            outcome = await contribute(state, caller, proposal, dry_run=wish.dry_run)
            break
        except PreconditionFailed:
            if wish.base is not None or last:
                raise  # else somebody published meanwhile, and the update is evaluated on what there is now
    assert outcome is not None
    return await outcomes.answer(request, caller, outcome, status=200 if exists else 201, wish=wish)


def _refuse_others(operation: Operation, graph: str) -> None:
    """The dataset of the request can only be the graph itself (SPARQL 1.1 Protocol §2.2.3)."""
    for named in (*(operation.default_graphs or ()), *(operation.named_graphs or ())):
        if named != graph:
            raise UpdateRefused(f"<{named}> is another graph; an update here is held to one, <{graph}>.")


async def _evaluated(request: Request, source: str, operation: Operation, wish: Wish) -> Proposal:
    """What an update makes of the current revision, as a proposal made against it."""
    state: State = request.app.state

    def content(ledger: Ledger) -> tuple[int, list[str]]:
        entry = ledger.current("revision", source)
        return ((entry.revision or 0), ledger.lines(entry.content)) if entry else (0, [])

    revision, lines = await in_ledger(state, content)
    with state.limits.admit(request.scope):
        revised: Revised = await asyncio.to_thread(
            revise,
            lines,
            operation.text,
            state.iris.graph(source),
            state.iris.genid(source, ""),
            state.settings,
            seconds=seconds_asked(operation.timeout, state.settings.query_seconds),
            prefixes=prefixes(state.iris),
        )
    return Proposal(
        source,
        revised.added,
        "difference",
        revised.removed,
        base=revision if wish.base is None else wish.base,
        payload=operation.text.encode(),
        media_type=DIRECT_UPDATE,
        note=wish.note,
        confirmed=wish.confirmed,
        key=wish.key,
    )


async def _roll_back(request: Request) -> Response:
    source: str = request.path_params["source"]
    caller = await require_owner(request, source, WHAT, administrators=True)
    fields = await small_fields(request)
    check_form(request, caller, fields)
    revision = fields.get("revision", "")
    if not revision.isascii() or not revision.isdigit() or len(revision) > 9:
        raise UnknownParameter("revision is the number of the revision to return to.", parameter="revision")
    _, base = await condition(request, source)
    wish = wish_of(request, fields, base=base)
    outcome = await act(
        request, caller, "roll_back", source, int(revision), _reason(fields), key=wish.key, base=base,
        dry_run=wish.dry_run,
    )  # fmt: skip
    return await outcomes.answer(request, caller, outcome, status=200, wish=wish)


async def _withdraw(request: Request) -> Response:
    source: str = request.path_params["source"]
    caller = await require_owner(request, source, WHAT, administrators=True)
    fields = await small_fields(request)
    check_form(request, caller, fields)
    _, base = await condition(request, source)
    wish = wish_of(request, fields, base=base)
    outcome = await act(
        request, caller, "withdraw", source, _reason(fields), key=wish.key, base=base, dry_run=wish.dry_run
    )
    return await outcomes.answer(request, caller, outcome, status=200, wish=wish)


def _reason(fields: Mapping[str, str]) -> str:
    reason = fields.get("reason", "").strip()
    if not reason or len(reason) > _LONGEST_REASON:
        raise UnknownParameter(f"Say the reason, in at most {_LONGEST_REASON} characters.", parameter="reason")
    return reason
