"""Whatever partners, reviewers and administrators do, in whatever order, the promises of DESIGN.md §3 hold.

the store is what a rebuild makes of the ledger
the resolved view is the definition, computed here a second time, naively
history replays: what revisions added and removed gives each one's content
nothing that is not published is anywhere in the store
what fails changes nothing but the ledger's record of it
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)  # fmt: skip

from tests.small import (
    ALT,
    BLOCKS,
    CLEAN,
    COUNT,
    END,
    IRIS,
    NORTH,
    OWNERS,
    PREF,
    RANKS,
    REVIEWER,
    SOUTH,
    START,
    TYPE,
    V4,
    WARNS,
    WEST,
    XSD,
    graphs,
    small,
    token,
)  # fmt: skip
from v4graph import derivation, projection, records
from v4graph.errors import InvalidContribution, NotAllowed, NotYourGraph, WrongState
from v4graph.proposals import resulting
from v4graph.report import Report
from v4graph.settings import Settings
from v4graph.sources import RANKS as RANK_ORDER
from v4graph.workspace import Outcome, Workspace

FULL = os.environ.get("V4GRAPH_DRILL") == "full"
THINGS = [f"<{IRIS.thing('project', slug)}>" for slug in ("one", "two")]
DATES = [f'"{d}"^^<{XSD}{t}>' for d, t in (
    ("2013", "gYear"), ("2013-10", "gYearMonth"), ("2013-11", "gYearMonth"), ("2013-11-05", "date"), ("2014", "gYear"),
)]  # fmt: skip
NAMES = ['"One"@en', '"Uno"@en', '"Jeden"@cs', '"Dva"@cs']
COUNTS = [f'"{n}"^^<{XSD}integer>' for n in (4, 5)]
VALUES = {TYPE: [f"<{V4}Project>", f"<{V4}Event>"], START: DATES, END: DATES, PREF: NAMES, ALT: NAMES, COUNT: COUNTS}
CLAIMS = [f"{thing} {p} {value} ." for thing in THINGS for p, values in VALUES.items() for value in values]
contents = st.frozensets(st.sampled_from(CLAIMS), max_size=7)
sources = st.sampled_from(sorted(RANKS))


# --- the definition of the resolved view, once more, naively (DESIGN.md §4) -----------------------------------------


def resolved(said: dict[str, frozenset[str]]) -> set[str]:
    claims: dict[tuple[str, str], dict[str, set[str]]] = {}
    for source, lines in said.items():
        for line in lines:
            thing, name, value = line.removesuffix(" .").split(" ", 2)
            claims.setdefault((thing, name), {}).setdefault(value, set()).add(source)
    view: set[str] = set()
    for (thing, name), values in claims.items():
        if name == PREF:
            for language in {value.rsplit("@", 1)[1] for value in values}:
                rivals = [v for v in values if v.endswith(f"@{language}")]
                rivals.sort(key=lambda v: (min(order(s) for s in values[v]), -len(values[v]), v))
                view.add(f"{thing} {PREF} {rivals[0]} .")
                view |= {f"{thing} {ALT} {v} ." for v in rivals[1:]}
        elif name in (START, END, COUNT):
            best = min(order(s) for backers in values.values() for s in backers)
            top = [v for v, backers in values.items() if any(order(s) == best for s in backers)]
            accepted = top[0] if len(top) == 1 else agreed(top) if name != COUNT else None
            view |= {f"{thing} {name} {accepted} ."} if accepted else set()
        else:
            view |= {f"{thing} {name} {v} ." for v in values}
    return view - {line.replace(f" {PREF} ", f" {ALT} ") for line in view if f" {PREF} " in line}


def order(source: str) -> int:
    return RANK_ORDER[RANKS[source]]


def agreed(values: list[str]) -> str | None:
    """The most precise of dates that do not contradict each other, else the coarsest they have in common."""
    texts = sorted((value.split('"')[1] for value in values), key=len)
    if all(b.startswith(a) for a, b in pairwise(texts)):
        return next(v for v in values if v.split('"')[1] == texts[-1])
    for length, kind in ((7, "gYearMonth"), (4, "gYear")):
        if {text[:length] for text in texts} == {texts[0][:length]} and len(texts[0]) >= length:
            return f'"{texts[0][:length]}"^^<{XSD}{kind}>'
    return None


# --- the machine ----------------------------------------------------------------------------------------------------


class Sequences(RuleBasedStateMachine):
    """Random sequences of what people do, beside a model of what must come of it."""

    start: Path

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        home = Path(self.folder.name, "home")
        shutil.copytree(self.start, home)
        self.workspace = Workspace(small_settings(home))
        self.said: dict[str, frozenset[str]] = dict.fromkeys(RANKS, frozenset())
        self.revisions: dict[str, list[frozenset[str]]] = {source: [] for source in RANKS}
        self.states: dict[int, str] = {}
        self.open: dict[int, tuple[str, frozenset[str], int, str]] = {}
        self.reports: dict[int, Report | None] = {}

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @rule(
        source=sources, lines=contents, mode=st.sampled_from(["replacement", "patch", "difference"]),
        report=st.sampled_from([CLEAN, CLEAN, WARNS, BLOCKS]), confirmed=st.booleans(), data=st.data(),
    )  # fmt: skip
    def submit(
        self, source: str, lines: frozenset[str], mode: str, report: Report, confirmed: bool, data: st.DataObject
    ) -> None:
        removed = data.draw(st.frozensets(st.sampled_from(CLAIMS), max_size=5)) if mode == "difference" else frozenset()
        outcome = self.workspace.submit(
            OWNERS[source], source, sorted(lines), mode=mode, removed=sorted(removed), report=report,
            checked_token=token(self.workspace), confirmed=confirmed, note="because", payload=repr(lines).encode(),
        )  # fmt: skip
        new = frozenset(resulting(mode, self.said[source], lines, removed))
        self.came(outcome, source, new, report, confirmed=confirmed)

    @rule(source=sources)
    def submit_what_cannot_be_read(self, source: str) -> None:
        problem = {"status": 400, "detail": "No.", "line": 1}
        outcome = self.workspace.submit(OWNERS[source], source, None, payload=b"<<<", problem=problem)
        assert outcome.contribution is not None
        self.states[outcome.contribution.number] = "invalid"
        self.reports[outcome.contribution.number] = None

    @precondition(lambda self: any(self.revisions.values()))
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        source = data.draw(st.sampled_from([s for s in sorted(RANKS) if self.revisions[s]]))
        number = data.draw(st.integers(1, len(self.revisions[source])))
        outcome = self.workspace.roll_back(OWNERS[source], source, number, "it was wrong")
        self.came(outcome, source, self.revisions[source][number - 1], None)

    @rule(source=sources)
    def withdraw(self, source: str) -> None:
        self.came(self.workspace.withdraw(OWNERS[source], source, "we no longer know"), source, frozenset(), None)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), report=st.sampled_from([CLEAN, CLEAN, BLOCKS]))
    def accept(self, data: st.DataObject, report: Report) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        source, new, base, needs = self.open[number]
        checked = {"report": report, "checked_token": token(self.workspace)} if self.reports[number] else {}
        if needs == "confirmation" or base != len(self.revisions[source]):
            with pytest.raises(WrongState):
                self.workspace.accept(REVIEWER, number, **checked)
        elif checked and report.blocks:
            with pytest.raises(InvalidContribution):
                self.workspace.accept(REVIEWER, number, **checked)
        else:
            outcome = self.workspace.accept(REVIEWER, number, "looks right", **checked)
            assert outcome.contribution is not None
            assert outcome.contribution.reviewer == REVIEWER.name
            self.settle(number, "published")
            self.publish(source, new)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        source, new, base, needs = self.open[number]
        checked = {"report": WARNS, "checked_token": token(self.workspace)} if self.reports[number] else {}
        if needs != "confirmation" or base != len(self.revisions[source]):
            with pytest.raises(WrongState):
                self.workspace.confirm(OWNERS[source], number, "it is so", **checked)
        else:
            self.workspace.confirm(OWNERS[source], number, "it is so", **checked)
            if OWNERS[source].may("publish"):
                self.settle(number, "published")
                self.publish(source, new)
            else:
                self.open[number] = (source, new, base, "review")

    @precondition(lambda self: self.open)
    @rule(data=st.data(), how=st.sampled_from(["decline", "withdraw"]))
    def end(self, data: st.DataObject, how: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.open)))
        if how == "decline":
            self.workspace.decline(REVIEWER, number, "not now")
        else:
            self.workspace.withdraw_contribution(OWNERS[self.open[number][0]], number)
        self.settle(number, "declined" if how == "decline" else "withdrawn")

    @rule(source=sources)
    def somebody_else_tries(self, source: str) -> None:
        other = next(actor for slug, actor in OWNERS.items() if slug != source)
        with pytest.raises(NotYourGraph):
            self.workspace.submit(other, source, [], report=CLEAN, checked_token=token(self.workspace))
        for number in sorted(self.open)[:1]:
            with pytest.raises(NotAllowed):
                self.workspace.accept(OWNERS[self.open[number][0]], number)

    def came(
        self, outcome: Outcome, source: str, new: frozenset[str], report: Report | None, *, confirmed: bool = False
    ) -> None:
        """What a submission must have come to."""
        record, actor = outcome.contribution, OWNERS[source]
        assert record is not None
        number = record.number
        self.reports[number] = report
        if report is not None and report.blocks:
            self.states[number] = "invalid"
            return
        for other in [n for n, waiting in self.open.items() if waiting[0] == source]:
            self.settle(other, "superseded")
        if report is not None and report.counts["warning"] and not confirmed:
            self.open[number] = (source, new, len(self.revisions[source]), "confirmation")
            self.states[number] = "pending"
        elif not actor.may("publish"):
            self.open[number] = (source, new, len(self.revisions[source]), "review")
            self.states[number] = "pending"
        else:
            self.states[number] = "published"
            self.publish(source, new)

    def settle(self, number: int, state: str) -> None:
        self.states[number] = state
        del self.open[number]

    def publish(self, source: str, new: frozenset[str]) -> None:
        if new != self.said[source] or not self.revisions[source]:
            self.revisions[source].append(new)
            self.said[source] = new

    @invariant()
    def the_store_is_what_a_rebuild_makes(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.workspace.ledger() as ledger:
            projection.project(ledger, Path(folder), IRIS)
            again = Workspace(small_settings(Path(folder)))
            assert again.quads() == self.workspace.quads()

    @invariant()
    def readers_see_what_is_published_and_nothing_else(self) -> None:
        found = graphs(self.workspace)
        for source in RANKS:
            assert found.get(source, set()) == self.said[source]
        derived = {f"<{iri}>" for one in derivation.load_rules(IRIS) for iri in one.makes}
        seen = {line for line in found[""] if line.split(" ")[0] in THINGS and line.split(" ")[1] not in derived}
        assert seen == resolved(self.said)
        told = {
            line.split("/contribution/")[1].split(">")[0] for line in found["provenance"] if "/contribution/" in line
        }
        published = {number for number, state in self.states.items() if state == "published"}
        with self.workspace.ledger() as ledger:
            revised = {e.detail["contribution"] for e in ledger.entries(kind="revision")}
        assert {int(number) for number in told} == revised
        assert {number for number in revised if number in self.states} <= published

    @invariant()
    def history_replays(self) -> None:
        with self.workspace.ledger() as ledger:
            ledger.verify()
            for source, expected in self.revisions.items():
                content: set[str] = set()
                entries = ledger.entries(kind="revision", source=source)
                assert [entry.revision for entry in entries] == list(range(1, len(expected) + 1))
                for entry, lines in zip(entries, expected, strict=True):
                    added, removed = ledger.difference(entry)
                    assert not content & set(added)
                    assert content >= set(removed)
                    content = content - set(removed) | set(added)
                    assert content == lines == set(ledger.lines(entry.content))
                    assert entry.detail["state"] == ledger.state(until=entry.number)

    @invariant()
    def every_contribution_stands_as_it_must(self) -> None:
        with self.workspace.ledger() as ledger:
            for number, state in self.states.items():
                record = records.read(ledger, number)
                assert (record.state, record.needs) == (state, self.open[number][3] if number in self.open else "")
                if state == "invalid":
                    assert record.payload is not None
                    assert ledger.content(record.payload)
                    assert (records.report_of(ledger, record) or records.problem_of(ledger, record)) is not None


def small_settings(home: Path) -> Settings:
    return Settings(home=home)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("small") / "home"
    small(home)
    yield home


@pytest.mark.timeout(7200)
def test_random_sequences(start: Path) -> None:
    Sequences.start = start
    limits = settings(
        max_examples=60 if FULL else 5, stateful_step_count=15 if FULL else 8, derandomize=not FULL, deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    run_state_machine_as_test(Sequences, settings=limits)
    assert {NORTH.partner, SOUTH.partner, WEST.partner} == set(RANKS)
