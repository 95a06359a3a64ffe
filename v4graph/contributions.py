"""Contributions: what somebody submits for one source's graph, and the one lifecycle that leads to a revision.

    submitted ─┬─ invalid                              the rules found violations, or it could not be read
               ├─ pending ─┬─ accepted ── published    by a reviewer, who is somebody else
               │           ├─ declined
               │           ├─ withdrawn                by who submitted it
               │           └─ superseded               by a newer one of the same actor
               └─ published                            by who may publish alone

Everything here writes the ledger in one transaction, within ``publishing``; the store follows by
``projection.project``. Whatever is not published stays in the ledger and is seen by its owner and the reviewers only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from v4graph import assets, records
from v4graph.actors import CURATOR, Actor
from v4graph.errors import BadRequest, InvalidContribution, NotAllowed, UnknownGraph, WrongState
from v4graph.ledger import Append, Entry, Ledger
from v4graph.proposals import Draft, Proposal, draft, draft_of, key_of
from v4graph.records import Record
from v4graph.report import Report
from v4graph.sources import Description
from v4graph.store.embedded import Snapshot

TRANSITIONS: Mapping[str, frozenset[str]] = {
    "submitted": frozenset({"invalid", "pending", "published"}),
    "pending": frozenset({"pending", "accepted", "declined", "withdrawn", "superseded", "published"}),
    "accepted": frozenset({"published"}),
    "invalid": frozenset(),
    "declined": frozenset(),
    "published": frozenset(),
    "withdrawn": frozenset(),
    "superseded": frozenset(),
}
"""What may follow a state; a pending one that was confirmed is pending still when it needs a review."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """The whole new content of one source's graph, as canonical N-Triples lines."""

    source: str
    lines: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """What became of one contribution; ``revision`` is None when nothing was new."""

    source: str
    revision: int | None
    triples: int
    added: int
    removed: int


# --- the lifecycle ----------------------------------------------------------------------------------------------


def advance(record: Record, state: str) -> None:
    """Check that a state may follow.

    Raises:
        WrongState: it may not.
    """
    if state not in TRANSITIONS[record.state]:
        raise WrongState(f"Contribution {record.number} is {record.state}; it cannot be {state} any more.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a draft, and what they were applied beside; None where there was nothing to check."""

    report: Report | None
    snapshot: Snapshot | None = None
    checked_with: str | None = None
    token: str | None = None
    trial: bool = False
    """Only say whether it is possible; nothing is written."""


def submit(ledger: Ledger, actor: Actor, proposal: Proposal, made: Draft | None, verdict: Verdict) -> int:
    """Write a contribution and what becomes of it at once; returns its number."""
    said = {
        "name": proposal.name,
        "mode": proposal.mode,
        "base": made.base if made else proposal.base or 0,
        "note": proposal.note,
        "media_type": proposal.media_type,
        **proposal.more,
    }
    if proposal.key is not None:
        said |= {"key": key_of(actor, proposal.key), "request": proposal.request}
    payload = {} if proposal.payload is None else {"payload": proposal.payload}
    lines = made.content if made else None
    first = Append("contribution", proposal.source, actor.name, lines, detail=said, attached=payload)
    state, needs = _settled(actor, proposal, made, verdict.report)
    later = [_state(proposal.source, actor.name, state, needs=needs, verdict=verdict, problem=proposal.problem, of=0)]
    if state == "published" and made is not None and made.changes:
        later.append(_revision(made, actor.name, verdict.checked_with, note=proposal.note, of=0, more=proposal.more))
    if state != "invalid":
        later += _superseded(ledger, actor, proposal.source)
    return ledger.append([first, *later])[0].number


def _settled(actor: Actor, proposal: Proposal, made: Draft | None, report: Report | None) -> tuple[str, str]:
    """The state a proposal comes to at once, and what it needs if it is pending."""
    if made is None or (report is not None and report.blocks):
        return "invalid", ""
    if report is not None and report.counts["warning"] and not proposal.confirmed:
        return "pending", "confirmation"
    return ("published", "") if actor.may("publish") else ("pending", "review")


def confirm(ledger: Ledger, actor: Actor, record: Record, note: str, verdict: Verdict) -> None:
    """The submitter stands by what the rules warn of: it is published, or goes to review.

    Raises:
        WrongState: it does not wait for that, or the graph has moved on.
        InvalidContribution: checked again, it breaks the rules.
    """
    if record.state != "pending" or record.needs != "confirmation":
        raise WrongState(f"Contribution {record.number} is {record.state} and waits for no confirmation.")
    _own(actor, record)
    if not note.strip():
        raise BadRequest("Say why it is right although the rules warn.")
    _not_moved(ledger, record)
    refuse(verdict.report)
    if verdict.trial:
        return
    if actor.may("publish"):
        _publish(ledger, actor, record, note, verdict)
    else:
        state = _state(record.source, actor.name, "pending", needs="review", note=note, verdict=verdict, about=record)
        ledger.append([state])


def accept(ledger: Ledger, actor: Actor, record: Record, note: str, verdict: Verdict) -> None:
    """A reviewer accepts: it is published in the same transaction.

    Raises:
        WrongState: it does not wait for a review, or the graph has moved on.
        NotAllowed: it is the reviewer's own.
        InvalidContribution: checked again, it breaks the rules.
    """
    _reviewable(actor, record, "accepted")
    if record.needs == "confirmation":
        raise WrongState(f"Contribution {record.number} waits for its submitter to confirm what the rules warn of.")
    _not_moved(ledger, record)
    refuse(verdict.report)
    if not verdict.trial:
        _publish(ledger, actor, record, note, verdict, reviewed=True)


def decline(ledger: Ledger, actor: Actor, record: Record, note: str) -> None:
    """A reviewer declines, and says why."""
    _reviewable(actor, record, "declined")
    if not note.strip():
        raise BadRequest("Say why the contribution is declined.")
    state = _state(record.source, actor.name, "declined", note=note, about=record, reviewer=actor.name)
    ledger.append([state])


def withdraw(ledger: Ledger, actor: Actor, record: Record, note: str = "") -> None:
    """The submitter takes back what was not published yet."""
    _own(actor, record)
    advance(record, "withdrawn")
    ledger.append([_state(record.source, actor.name, "withdrawn", note=note, about=record)])


def _own(actor: Actor, record: Record) -> None:
    actor.needs("submit")
    if actor.partner != record.partner and actor.name != CURATOR:
        raise NotAllowed(f"Contribution {record.number} is not yours.")


def _reviewable(actor: Actor, record: Record, state: str) -> None:
    actor.needs("review")
    if actor.name == record.actor:
        raise NotAllowed("Nobody reviews what they submitted themselves.")
    advance(record, state)


def published(ledger: Ledger, record: Record) -> Published:
    """What was published of a contribution."""
    entry = ledger.revision(record.source, record.revision) if record.revision else None
    if entry is None:
        sizes = ledger.triples([record.content or ""])
        return Published(record.source, None, sizes.get(record.content or "", 0), 0, 0)
    added, removed = ledger.difference(entry)
    sizes = ledger.triples([entry.content or ""])
    return Published(record.source, entry.revision, sizes[entry.content or ""], len(added), len(removed))


def _not_moved(ledger: Ledger, record: Record) -> None:
    current = ledger.current("revision", record.source)
    now = (current.revision or 0) if current else 0
    if now != record.base:
        raise WrongState(
            f"Contribution {record.number} was made against revision {record.base} of “{record.source}”, which is at "
            f"revision {now} now. It has to be submitted again.",
            base=record.base,
            revision=now,
        )


def _publish(
    ledger: Ledger, actor: Actor, record: Record, note: str, verdict: Verdict, *, reviewed: bool = False
) -> None:
    made = draft_of(ledger, record)
    reviewer = actor.name if reviewed else None
    appends = []
    if reviewed:
        advance(record, "accepted")
        appends.append(_state(record.source, actor.name, "accepted", note=note, about=record, reviewer=reviewer))
    else:
        advance(record, "published")
    appends.append(
        _state(record.source, actor.name, "published", note=note, verdict=verdict, about=record, reviewer=reviewer)
    )
    if made.changes:
        more = {name: record.detail[name] for name in ("to",) if name in record.detail}
        revision = _revision(
            made, record.actor, verdict.checked_with, note=record.note, about=record, reviewer=reviewer, more=more
        )
        appends.append(revision)
    ledger.append(appends)


def _superseded(ledger: Ledger, actor: Actor, source: str) -> list[Append]:
    open_ones = ledger.standings(source=source, state="pending")
    return [
        _state(source, actor.name, "superseded", about=records.read(ledger, standing.contribution))
        for standing in open_ones
        if standing.actor == actor.name
    ]


def _state(
    source: str,
    actor: str,
    state: str,
    *,
    needs: str = "",
    note: str = "",
    verdict: Verdict | None = None,
    problem: Mapping[str, Any] | None = None,
    reviewer: str | None = None,
    about: Record | None = None,
    of: int | None = None,
) -> Append:
    detail: dict[str, Any] = {"state": state, "note": note}
    detail |= {"contribution": about.number} if about else {}
    detail |= {"needs": needs} if needs else {}
    detail |= {"reviewer": reviewer} if reviewer else {}
    attached: dict[str, bytes] = {}
    if verdict is not None and verdict.report is not None:
        attached["report"] = records.report_bytes(verdict.report)
        number = verdict.snapshot.number if verdict.snapshot else None
        detail |= {"snapshot": number, "checked_with": verdict.checked_with}
    elif problem is not None:
        attached["report"] = records.problem_bytes(problem)
    elif about is not None and about.report is not None:
        detail |= {"report": about.report, "snapshot": about.snapshot, "checked_with": about.checked_with}
    return Append("state", source, actor, detail=detail, attached=attached, of=of)


def _revision(
    made: Draft,
    actor: str,
    checked_with: str | None,
    *,
    note: str,
    reviewer: str | None = None,
    about: Record | None = None,
    of: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> Append:
    detail: dict[str, Any] = {"mode": made.mode, "note": note, **(more or {})}
    detail |= {"contribution": about.number} if about else {}
    detail |= {"reviewer": reviewer} if reviewer else {}
    detail |= {"checked_with": checked_with} if checked_with else {}
    attached = {"added": made.added, "removed": made.removed}
    return Append("revision", made.source, actor, made.content, made.base + 1, detail, attached, of)


# --- many at once -----------------------------------------------------------------------------------------------


_MANY = 20


def record(
    ledger: Ledger,
    contributions: Sequence[Contribution],
    described: Sequence[Description] = (),
    *,
    actor: str = CURATOR,
    checked_with: str | None = None,
) -> list[Published]:
    """Write sources, contributions and their revisions into the ledger, in one transaction: the commit point.

    Many contributions that were checked together: many revisions, one snapshot. What says nothing new makes none.

    Raises:
        UnknownGraph: a contribution names a source that nobody registered.
    """
    concerned = {about.source for about in described} | {contribution.source for contribution in contributions}
    known, revised = (_latest(ledger, kind, concerned) for kind in ("source", "revision"))
    appends = [
        about.entry(actor)
        for about in described
        if about.source not in known or known[about.source].content != _hash(about.lines)
    ]
    registered = known.keys() | {about.source for about in described}
    published: list[Published] = []
    for contribution in contributions:
        source = contribution.source
        if source not in registered:
            raise UnknownGraph(f"There is no source “{source}”; describe it in the manifest of sources.")
        made = draft(ledger, Proposal(source, contribution.lines)) if source in revised else _first(contribution)
        if made.changes:
            place = len(appends)
            detail = {"name": contribution.name, "mode": made.mode, "base": made.base}
            appends.append(Append("contribution", source, actor, made.lines, detail=detail))
            appends.append(_state(source, actor, "published", of=place))
            appends.append(_revision(made, actor, checked_with, note="", of=place))
        revision = made.base + 1 if made.changes else None
        published.append(Published(source, revision, len(made.lines), len(made.added), len(made.removed)))
    if appends:
        ledger.append(appends)
    return published


def _latest(ledger: Ledger, kind: str, sources: Collection[str]) -> dict[str, Entry]:
    """The last entries about sources: about many in one query, about a few one by one."""
    if len(sources) > _MANY:
        return ledger.latest(kind)
    found = {source: ledger.current(kind, source) for source in sources}
    return {source: entry for source, entry in found.items() if entry is not None}


def _first(contribution: Contribution) -> Draft:
    """What a contribution makes of a source that says nothing yet."""
    lines = tuple(sorted(set(contribution.lines)))
    return Draft(contribution.source, "replacement", 0, lines, lines, ())


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(set(lines))).encode()).hexdigest()


def refuse(report: Report | None) -> None:
    """Raise when there is a report that blocks publication."""
    if report is not None and report.blocks:
        raise InvalidContribution("The contribution breaks the rules; nothing was published.", report=report)


@lru_cache(maxsize=1)
def rules_version() -> str:
    """A hash of the rules and the vocabulary: what a contribution was checked with."""
    folders = (assets.SHAPES, assets.ONTOLOGY)
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".ttl", ".rq"))
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
