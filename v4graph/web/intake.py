"""The way of a contribution from a request to its outcome, the same for every way in.

Read in one confined process, checked in another, written by the publisher; the new snapshot is open before the answer
leaves, so that whoever publishes can ask at once. This process only carries bytes.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from starlette.datastructures import State
from starlette.requests import Request

from v4graph.actors import Actor
from v4graph.contents import pack
from v4graph.contributions import Published
from v4graph.errors import MalformedData, StaleCheck, UnknownParameter, V4GraphError
from v4graph.ledger import Ledger
from v4graph.proposals import Concern, Draft, Proposal, admit, concern, draft, draft_of
from v4graph.proposals import require_owner as owner_required
from v4graph.rdf import Format
from v4graph.records import Record
from v4graph.report import Report
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.store.embedded import Snapshot, current
from v4graph.web.actors import Caller, in_ledger, require_caller
from v4graph.web.departed import departures_of
from v4graph.workspace import Outcome

log = logging.getLogger(__name__)

_TRIES = 5
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_KEY, _LONGEST_NOTE = 200, 2000


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for beside the data: by headers, the address, or the fields of a form."""

    note: str = ""
    confirmed: bool = False
    key: str | None = None
    dry_run: bool = False
    base: int | None = None


def wish_of(request: Request, fields: Mapping[str, str], *, base: int | None = None) -> Wish:
    """What a request asks for.

    Raises:
        UnknownParameter: a value is none.
    """

    def said(name: str) -> str:
        return request.query_params.get(name, fields.get(name, ""))

    def ticked(name: str) -> bool:
        if name not in request.query_params and name not in fields:
            return False
        value = said(name).strip().lower()
        if value not in ("", "1", "true", "yes", "on", "0", "false", "no"):
            raise UnknownParameter(f"{name} is true or false.", parameter=name)
        return value not in ("0", "false", "no")

    key = (request.headers.get("idempotency-key") or fields.get("key", "")).strip().strip('"')
    if len(key) > _LONGEST_KEY or not key.isprintable():
        raise UnknownParameter(f"An Idempotency-Key has at most {_LONGEST_KEY} characters.", parameter="key")
    note = said("note").strip()
    if len(note) > _LONGEST_NOTE:
        raise UnknownParameter(f"A note has at most {_LONGEST_NOTE} characters.", parameter="note")
    return Wish(note, ticked("confirmed"), key or None, ticked("dry-run"), base)


async def require_owner(request: Request, source: str, what: str, *, administrators: bool = False) -> Caller:
    """Who writes to a source, which has to be theirs; the words are the same where it does not exist."""
    state: State = request.app.state
    caller = await require_caller(request, what)
    if not _SLUG.fullmatch(source[:200]):
        raise UnknownParameter(
            "A source is named by small letters, digits and hyphens, such as nca-projects.", parameter="source"
        )
    caller.actor.needs("submit")
    actor = caller.actor
    warm_up(state)
    await in_ledger(state, lambda ledger: owner_required(ledger, actor, source, administrators=administrators))
    return caller


@dataclass(frozen=True, slots=True)
class Tried(Outcome):
    """What would come of a submission: a dry run."""

    made: Draft


@dataclass(frozen=True, slots=True)
class Submission:
    """A document, or several as one, for the graph of a source."""

    source: str
    mode: str
    documents: tuple[tuple[bytes, Format], ...]
    media_type: str

    @property
    def payload(self) -> bytes:
        """What was sent, as it is kept."""
        return b"\n".join(content for content, _ in self.documents)


async def take(request: Request, caller: Caller, sent: Submission, wish: Wish) -> Outcome:
    """Read a submission and hand it on.

    Raises:
        MalformedData: it cannot be read, with line and column; what was sent is kept for its owner.
        TooLarge: it is too large to be read.
    """
    state: State = request.app.state
    count(request, caller)
    prefix, graph = state.iris.genid(sent.source, ""), state.iris.graph(sent.source)
    documents = [Document(content, fmt, prefix, graph, one_graph=True) for content, fmt in sent.documents]
    lines: set[str] = set()
    state.parsers.fill_soon()
    for parsed in await asyncio.to_thread(parse_documents, documents, state.settings, state.parsers):
        if isinstance(parsed, MalformedData) and not wish.dry_run:
            await keep_unreadable(request, caller, sent, wish, parsed)
        if not isinstance(parsed, Parsed):
            raise parsed
        lines.update(parsed.lines)
    proposal = Proposal(
        sent.source, sorted(lines), sent.mode, base=wish.base, payload=sent.payload, media_type=sent.media_type,
        note=wish.note, confirmed=wish.confirmed, key=wish.key,
    )  # fmt: skip
    return await contribute(state, caller, proposal, dry_run=wish.dry_run)


def count(request: Request, caller: Caller) -> None:
    """Count a contribution of an actor, or refuse it when there were too many.

    Raises:
        TooManyRequests: there were.
    """
    limit = request.app.state.limits.contributions
    limit.admit(caller.actor.name)
    limit.count(caller.actor.name)


async def keep_unreadable(
    request: Request, caller: Caller, sent: Submission, wish: Wish, problem: MalformedData
) -> None:
    """Write down what could not be read, with what is wrong in it; the error tells where it is kept."""
    state: State = request.app.state
    outcome: Outcome = await state.publisher.call(
        "submit", caller.actor, sent.source, None, mode=sent.mode, payload=sent.payload, media_type=sent.media_type,
        note=wish.note, key=wish.key, problem=problem.problem(state.settings.base_iri),
    )  # fmt: skip
    if outcome.contribution is not None:
        problem.extras["contribution"] = outcome.contribution.number
        problem.headers = {**problem.headers, "Location": address(request, outcome.contribution.number)}


async def contribute(state: State, caller: Caller, proposal: Proposal, *, dry_run: bool) -> Outcome:
    """Check what was read beside the present snapshot, and have it written; again when something came between.

    Raises:
        NotAllowed, NotYourGraph, WrongState, PreconditionFailed: see ``proposals.admit``.
    """
    proposed = {name: getattr(proposal, name) for name in _PROPOSED}
    for attempt in range(_TRIES):
        await catch_up(state)
        snapshot = state.sandbox.snapshot
        earlier, made, asked = await in_ledger(state, partial(_drafted, actor=caller.actor, proposal=proposal))
        if made is None:
            return Outcome(earlier, None, None, snapshot)
        packing = None if dry_run else asyncio.create_task(asyncio.to_thread(pack, made.lines))  # meanwhile
        report = None
        if asked is not None:
            report = await checked_beside(state, asked, snapshot, proposal.source)
        if packing is None:
            sizes = len(made.lines), len(made.added), len(made.removed)
            return Tried(None, report, Published(proposal.source, None, *sizes), snapshot, made)
        checked = {"report": report, "checked_token": snapshot.token if snapshot else None}
        try:
            outcome: Outcome = await state.publisher.call(
                "submit",
                caller.actor,
                proposal.source,
                proposal.lines,
                made=replace(made, lines=(), packed=await packing),
                **proposed,
                **(checked if attempt < _TRIES - 1 else {}),
            )
        except StaleCheck:
            continue
        break
    await show(state)
    return outcome


_PROPOSED = ("mode", "removed", "base", "payload", "media_type", "note", "confirmed", "key", "more")


async def checked_beside(state: State, asked: Concern, snapshot: Snapshot | None, source: str | None) -> Report:
    """What the rules say of a graph that is to be a source's, beside what is published and what once was."""
    known = departures_of(state)
    departed: set[str] = await in_ledger(state, lambda ledger: known.of_others(ledger, asked.lines, source))
    report: Report = await state.checkers.check(asked, snapshot, source, departed)
    return report


def _drafted(ledger: Ledger, *, actor: Actor, proposal: Proposal) -> tuple[Record | None, Draft | None, Concern | None]:
    """The record of the first time a request came, or what would come of it now and what of that is to be checked."""
    earlier = admit(ledger, actor, proposal)
    made = None if earlier else draft(ledger, proposal)
    return earlier, made, concern(made) if made and proposal.checked else None


def would(actor: Actor, report: Report | None, *, confirmed: bool) -> dict[str, str]:
    """The state that a dry run would have come to, and what it would need."""
    if report is not None and report.blocks:
        return {"state": "invalid", "needs": ""}
    if report is not None and report.counts["warning"] and not confirmed:
        return {"state": "pending", "needs": "confirmation"}
    return {"state": "published", "needs": ""} if actor.may("publish") else {"state": "pending", "needs": "review"}


async def show(state: State) -> None:
    """Open what was just published; where that fails, it is published all the same."""
    try:
        await catch_up(state)
        state.checkers.follow(state.sandbox.snapshot)
    except V4GraphError as error:
        log.error("the present snapshot does not open: %s", error)


async def catch_up(state: State) -> None:
    """Open the snapshot that was published last, for all readers; nothing to do where it is open."""
    async with state.catching_up:
        found, opened = current(state.settings.home), state.sandbox.snapshot
        if found is not None and (opened is None or (found.token, found.path) != (opened.token, opened.path)):
            await state.sandbox.open(found)


def warm_up(state: State) -> None:
    """Start the processes that a contribution needs while it is still being sent."""
    if hasattr(state, "warming"):
        return

    async def start() -> None:
        with suppress(V4GraphError):
            await asyncio.gather(state.publisher.start(), state.checkers.check(Concern(()), state.sandbox.snapshot))

    state.warming = asyncio.create_task(start())


async def act(request: Request, caller: Caller, method: str, *args: object, **kwargs: object) -> Outcome:
    """Have the publisher do something else with contributions: accept, decline, roll back …"""
    state: State = request.app.state
    count(request, caller)
    outcome: Outcome = await state.publisher.call(method, caller.actor, *args, **kwargs)
    await show(state)
    return outcome


async def publish_waiting(request: Request, caller: Caller, method: str, record: Record, note: str) -> Outcome:
    """Accept or confirm a contribution, checked again here when the graph is not what it was checked beside."""
    state: State = request.app.state
    for _ in range(_TRIES - 1):
        await catch_up(state)
        snapshot = state.sandbox.snapshot
        checked: dict[str, object] = {}
        if record.report is not None and snapshot is not None and record.snapshot != snapshot.number:
            waiting = await in_ledger(state, lambda ledger: concern(draft_of(ledger, record)))
            report = await checked_beside(state, waiting, snapshot, record.source)
            checked = {"report": report, "checked_token": snapshot.token}
        try:
            return await act(request, caller, method, record.number, note, **checked)
        except StaleCheck:
            continue
    return await act(request, caller, method, record.number, note)


def address(request: Request, number: int) -> str:
    """The address of a contribution on the server that was asked."""
    return f"{request.scope.get('root_path', '')}/contributions/{number}"
