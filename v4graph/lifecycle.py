"""How contributions come and go: checked outside the lock, written within it, seen in the store at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from v4graph import actors, contributions, derivation, projection, proposals, records, sources
from v4graph.actors import Actor, Partner
from v4graph.blame import Departures
from v4graph.contributions import Published, Verdict
from v4graph.errors import BadRequest, StaleCheck, StoreError, UnknownRevision
from v4graph.iris import Iris
from v4graph.ledger import Ledger
from v4graph.neighbourhood import Neighbourhood
from v4graph.proposals import Concern, Draft, Proposal
from v4graph.records import Record
from v4graph.report import Report
from v4graph.settings import Settings
from v4graph.shapes import validate
from v4graph.store import sqlite
from v4graph.store.embedded import Snapshot, current
from v4graph.store.faults import store_faults
from v4graph.store.primary import publishing

TRIES = 5
"""So often a contribution is checked again because somebody else published meanwhile; then nobody else may."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a submission or a decision; ``contribution`` is None after a dry run.

    ``published`` is None where nothing was published; after a dry run it says what would be new.
    """

    contribution: Record | None
    report: Report | None
    published: Published | None
    snapshot: Snapshot | None


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The part of a ``Workspace`` that partners, reviewers and administrators use."""

    settings: Settings

    @property
    def iris(self) -> Iris:
        """The IRIs of this instance."""
        return Iris(self.settings.base_iri)

    @property
    def home(self) -> Path:
        """The folder of ledger and store."""
        return self.settings.home

    @contextmanager
    def writing(self) -> Iterator[Ledger]:
        """The ledger, for who changes it: one process at a time.

        Raises:
            LedgerBroken: it is gone, though there is a store that was made from it.
        """
        with publishing(self.home):
            self.refuse_lost()
            with self.ledger() as ledger:
                yield ledger

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, for the length of a block."""
        ledger = Ledger.in_home(self.home)
        try:
            yield ledger
        finally:
            ledger.close()

    def refuse_lost(self) -> None:
        """Refuse to go on without the ledger that the store was made from.

        Raises:
            LedgerBroken: it is gone.
        """
        if current(self.home) is None:
            return
        if (self.home / sqlite.FILE).exists():
            with self.ledger() as ledger:
                if ledger.head() is not None:
                    return
        raise sqlite.broken("is missing or empty, though the store says that something was published")

    # --- partners and their sources -----------------------------------------------------------------------------

    def add_partner(self, actor: Actor, slug: str, name: str, rank: str = "c") -> Partner:
        """Register a partner together with a source of its own, named like it."""
        with self.writing() as ledger:
            described = sources.describe(slug, name, rank, Partner(slug, name), self.iris)
            sources.refuse_foreign(ledger, slug, slug)
            partner = actors.add_partner(ledger, slug, name, by=actor, besides=[described.entry(actor.name)])
            projection.project(ledger, self.home, self.iris)
        return partner

    def add_source(self, actor: Actor, slug: str, title: str, owner: str, rank: str = "c") -> Snapshot:
        """Register a source of a partner's, or describe one anew."""
        with self.writing() as ledger:
            sources.add_source(ledger, slug, title, owner=owner, rank=rank, by=actor, iris=self.iris)
            return projection.project(ledger, self.home, self.iris)

    # --- the lifecycle of contributions -------------------------------------------------------------------------

    def submit(
        self,
        actor: Actor,
        source: str,
        lines: Sequence[str] | None,
        *,
        report: Report | None = None,
        checked_token: str | None = None,
        made: Draft | None = None,
        dry_run: bool = False,
        **proposed: Any,
    ) -> Outcome:
        """Submit a contribution: it is checked, and published, or kept for who has to look at it.

        Args:
            actor: who submits.
            source: whose graph it is for.
            lines: what was submitted, as N-Triples lines; None where it could not be read.
            report: what the rules say of the graph that results, if they were asked before.
            checked_token: the token of the snapshot that the report was made beside.
            made: what would come of it, if that was worked out before.
            dry_run: say what would come of it, and write nothing.
            proposed: the other fields of a ``Proposal``.

        Raises:
            StaleCheck: somebody else published since the report was made; it is to be made again.
            NotAllowed, NotYourGraph, WrongState, PreconditionFailed: see ``proposals.admit``.
        """
        proposal = Proposal(source, lines, **proposed)
        drafted = [made] if made else []

        def check(ledger: Ledger) -> Verdict:
            if proposals.admit(ledger, actor, proposal) or proposal.unread:
                return Verdict(None)
            drafted[:] = [proposals.draft(ledger, proposal)]
            if not proposal.checked:
                return Verdict(None)
            return self._verdict(ledger, actor.partner, source, proposals.concern(drafted[0]))

        def write(ledger: Ledger, verdict: Verdict) -> int:
            earlier = proposals.admit(ledger, actor, proposal)
            if earlier is not None:
                return earlier.number
            result = None if proposal.unread else proposals.draft(ledger, proposal, drafted)
            return contributions.submit(ledger, actor, proposal, result, verdict)

        given = self._given(report, checked_token)
        if not dry_run:
            return self._settle(check, write, given)
        with self.ledger() as ledger:
            verdict = check(ledger)
            sizes = (len(part) for draft in drafted for part in (draft.lines, draft.added, draft.removed))
            would = Published(source, None, *sizes) if drafted else None
        return Outcome(None, given.report if given else verdict.report, would, verdict.snapshot)

    def roll_back(self, actor: Actor, source: str, revision: int, reason: str, **proposed: Any) -> Outcome:
        """Publish a new revision of a source whose content is that of an earlier one; history is never rewritten.

        Raises:
            UnknownRevision: there is no such revision.
            BadRequest: there is no reason.
        """
        _needs_reason(reason)
        with self.ledger() as ledger:
            proposals.require_owner(ledger, actor, source, administrators=True)
            entry = ledger.revision(source, revision)
            if entry is None:
                raise UnknownRevision(f"The graph “{source}” has no revision {revision}.")
            lines = ledger.lines(entry.content)
        more = {"to": revision}
        return self.submit(actor, source, lines, mode="rollback", note=reason, more=more, **proposed)

    def withdraw(self, actor: Actor, source: str, reason: str, **proposed: Any) -> Outcome:
        """Publish the empty graph for a source.

        Raises:
            BadRequest: there is no reason.
        """
        _needs_reason(reason)
        return self.submit(actor, source, (), mode="withdrawal", note=reason, **proposed)

    def confirm(self, actor: Actor, number: int, note: str, **checked: Any) -> Outcome:
        """The submitter stands by what the rules warn of: it is published, or goes to review."""
        return self._decide(actor, number, note, contributions.confirm, **checked)

    def accept(self, actor: Actor, number: int, note: str = "", **checked: Any) -> Outcome:
        """A reviewer accepts a contribution: it is published.

        ``checked`` are ``report`` and ``checked_token`` of who had it checked again, as for ``submit``.
        """
        return self._decide(actor, number, note, contributions.accept, **checked)

    def decline(self, actor: Actor, number: int, note: str) -> Outcome:
        """A reviewer declines a contribution."""
        with self.writing() as ledger:
            contributions.decline(ledger, actor, records.visible(ledger, actor, number), note)
            return self._outcome(ledger, number)

    def withdraw_contribution(self, actor: Actor, number: int, note: str = "") -> Outcome:
        """The submitter takes a contribution back."""
        with self.writing() as ledger:
            contributions.withdraw(ledger, actor, records.visible(ledger, actor, number), note)
            return self._outcome(ledger, number)

    def contribution(self, actor: Actor, number: int) -> Record:
        """A contribution that the actor may see.

        Raises:
            UnknownContribution: there is none, or it is not theirs to see.
        """
        with self.ledger() as ledger:
            return records.visible(ledger, actor, number)

    def _decide(
        self,
        actor: Actor,
        number: int,
        note: str,
        decide: Callable[[Ledger, Actor, Record, str, Verdict], None],
        report: Report | None = None,
        checked_token: str | None = None,
    ) -> Outcome:
        """A decision that may publish: what was checked beside another snapshot or by other rules is checked again."""

        def check(ledger: Ledger) -> Verdict:
            record = records.visible(ledger, actor, number)
            decide(ledger, actor, record, note, Verdict(None, trial=True))
            now, rules = current(self.home), contributions.rules_version()
            known = records.report_of(ledger, record)
            if known is None or record.mode in proposals.UNCHECKED:
                return Verdict(None)
            if now is not None and (record.snapshot, record.checked_with) == (now.number, rules):
                return Verdict(known, now, rules, now.token)
            waiting = proposals.concern(proposals.draft_of(ledger, record))
            return self._verdict(ledger, record.partner, record.source, waiting)

        def write(ledger: Ledger, verdict: Verdict) -> int:
            decide(ledger, actor, records.visible(ledger, actor, number), note, verdict)
            return number

        return self._settle(check, write, self._given(report, checked_token))

    def _settle(
        self, check: Callable[[Ledger], Verdict], write: Callable[[Ledger, Verdict], int], given: Verdict | None
    ) -> Outcome:
        """Check outside the lock, write within it, and check again when somebody else published meanwhile."""
        for _ in range(TRIES):
            verdict = given
            if verdict is None:
                with self.ledger() as ledger:
                    verdict = check(ledger)
            with self.writing() as ledger:
                now = current(self.home)
                if verdict.report is None or verdict.token == (now.token if now else None):
                    return self._outcome(ledger, write(ledger, verdict), verdict.report)
            if given is not None:
                raise StaleCheck("Somebody else published while this was checked. Send it again.")
        with self.writing() as ledger:
            verdict = check(ledger)
            return self._outcome(ledger, write(ledger, verdict), verdict.report)

    def _outcome(self, ledger: Ledger, number: int, report: Report | None = None) -> Outcome:
        """What became of a contribution; the store follows the ledger."""
        record = records.read(ledger, number)
        if record.state != "published":
            return Outcome(record, report or records.report_of(ledger, record), None, current(self.home))
        published = contributions.published(ledger, record)
        try:
            snapshot = projection.project(ledger, self.home, self.iris)
        except StoreError as error:  # the ledger has it, for good
            error.detail = (
                f"Contribution {number} is recorded, and is shown as soon as that is possible. {error.detail}"
            )
            error.extras["contribution"] = number
            raise
        return Outcome(record, report or records.report_of(ledger, record), published, snapshot)

    def _given(self, report: Report | None, token: str | None) -> Verdict | None:
        return None if report is None else Verdict(report, current(self.home), contributions.rules_version(), token)

    def _verdict(self, ledger: Ledger, partner: str, source: str, concern: Concern) -> Verdict:
        """What the rules say of a graph that is to be a source's, beside what is published and what once was."""
        if not concern.lines and concern.subjects is None:  # the graph is empty; else what goes may be all there is
            return Verdict(None)
        snapshot = current(self.home)
        derived = derivation.derived_properties(self.iris)
        with store_faults(self.home):
            store = ox.Store.read_only(str(snapshot.path)) if snapshot else ox.Store()
            around = Neighbourhood(store, self.iris, derived, source, concern.subjects).of(concern.lines)
        outside = partner != actors.CURATOR
        departed = Departures(self.iris).of_others(ledger, concern.lines, source) if outside else ()
        report = validate(
            concern.lines, context=around.lines, own=around.own, iris=self.iris, outside=outside, departed=departed
        )
        return Verdict(report, snapshot, contributions.rules_version(), snapshot.token if snapshot else None)


def _needs_reason(reason: str) -> None:
    if not reason.strip():
        raise BadRequest("A reason is needed: it stays in the history.")
