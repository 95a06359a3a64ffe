"""What the ledger knows of contributions: who submitted what, how it stands, and the report on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from v4graph.actors import Actor
from v4graph.errors import UnknownContribution
from v4graph.ledger import Entry, Ledger, Standing
from v4graph.report import Finding, Report, Rule


@dataclass(frozen=True, slots=True)
class Record:
    """A contribution; ``needs`` says what a pending one waits for (``confirmation`` or ``review``)."""

    number: int
    source: str
    actor: str
    partner: str
    state: str
    needs: str
    mode: str
    base: int
    name: str
    note: str
    media_type: str
    content: str | None
    payload: str | None
    report: str | None
    checked_with: str | None
    snapshot: int | None
    reviewer: str | None
    remark: str
    submitted: str
    changed: str
    revision: int | None
    detail: Mapping[str, Any] = field(repr=False, compare=False)


def read(ledger: Ledger, number: int) -> Record:
    """A contribution by its number.

    Raises:
        UnknownContribution: there is none.
    """
    standing = ledger.standing(number)
    if standing is None:
        raise unknown(number)
    return _record(ledger.entries_of({standing.contribution, standing.entry}), standing)


def read_all(
    ledger: Ledger,
    *,
    source: str | None = None,
    partner: str | None = None,
    state: str | None = None,
    after: int = 0,
    before: int | None = None,
    limit: int | None = 100,
) -> list[Record]:
    """Contributions after a number, oldest first; or with ``before`` those before one, newest first."""
    standings = ledger.standings(source=source, partner=partner, state=state, after=after, before=before, limit=limit)
    entries = ledger.entries_of({number for s in standings for number in (s.contribution, s.entry)})
    return [_record(entries, standing) for standing in standings]


def may_see(actor: Actor, record: Record) -> bool:
    """Whether an actor may see a contribution: its own partner's, or any for who reviews or runs the instance."""
    return actor.partner == record.partner or actor.may("review") or actor.may("administer")


def visible(ledger: Ledger, actor: Actor, number: int) -> Record:
    """A contribution that an actor may see.

    Raises:
        UnknownContribution: there is none, or it is not theirs to see.
    """
    record = read(ledger, number)
    if not may_see(actor, record):
        raise unknown(number)
    return record


def unknown(number: int) -> UnknownContribution:
    """The error for a number that names no contribution, or none that the caller may see."""
    return UnknownContribution(f"There is no contribution {number}, or it is not yours to see.")


def _record(entries: Mapping[int, Entry], standing: Standing) -> Record:
    made, last = entries[standing.contribution], entries[standing.entry]
    told: Mapping[str, Any] = last.detail if last.kind == "state" else {}
    return Record(
        number=made.number,
        source=made.source,
        actor=made.actor,
        partner=standing.partner,
        state=standing.state,
        needs=told.get("needs", ""),
        mode=made.detail.get("mode", "replacement"),
        base=made.detail.get("base", 0),
        name=made.detail.get("name", ""),
        note=made.detail.get("note", ""),
        media_type=made.detail.get("media_type", ""),
        content=made.content,
        payload=made.detail.get("payload"),
        report=told.get("report"),
        checked_with=told.get("checked_with"),
        snapshot=told.get("snapshot"),
        reviewer=told.get("reviewer"),
        remark=told.get("note", ""),
        submitted=made.time,
        changed=last.time,
        revision=standing.revision,
        detail=made.detail,
    )


def history(ledger: Ledger, record: Record) -> list[Entry]:
    """The entries that tell what became of a contribution, in order."""
    later = ledger.entries(after=record.number, source=record.source, kind=("state", "revision"))
    return [entry for entry in later if entry.detail.get("contribution") == record.number]


# --- reports ----------------------------------------------------------------------------------------------------


def report_bytes(report: Report) -> bytes:
    """A report as the ledger keeps it: with the words of the rules as they were."""
    rules = {
        f"{f.severity} {f.shape}": [f.shape, f.severity, f.rule.order, f.rule.path, f.rule.names, f.rule.messages]
        for f in report.findings
    }
    findings = [
        [f"{f.severity} {f.shape}", f.focus, f.path, f.value, f.suggestion, f.component] for f in report.findings
    ]
    told = {"base": report.base, "rules": rules, "findings": findings}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=dict).encode()


def problem_bytes(problem: Mapping[str, Any]) -> bytes:
    """What was wrong with a document that could not be read, as the ledger keeps it."""
    return json.dumps({"problem": problem}, ensure_ascii=False, sort_keys=True).encode()


def report_of(ledger: Ledger, record: Record) -> Report | None:
    """The report on a contribution; None where there is none, because it was not checked or could not be read."""
    told = json.loads(ledger.content(record.report)) if record.report else {}
    if "findings" not in told:
        return None
    rules = {key: Rule(*said) for key, said in told["rules"].items()}
    return Report(tuple(Finding(rules[key], *said) for key, *said in told["findings"]), told["base"])


def problem_of(ledger: Ledger, record: Record) -> dict[str, Any] | None:
    """Why the document of a contribution could not be read, as a problem object; None where it could."""
    told = json.loads(ledger.content(record.report)) if record.report else {}
    problem: dict[str, Any] | None = told.get("problem")
    return problem
