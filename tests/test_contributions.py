"""The way of a contribution, step by step: who may, what is kept, what is refused, and what it does to the store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.small import (
    BLOCKS,
    CLEAN,
    COUNT,
    IRIS,
    NORTH,
    REVIEWER,
    SOUTH,
    V4,
    WARNS,
    WEST,
    XSD,
    graphs,
    project_lines,
    small,
    token,
)  # fmt: skip
from v4graph import contributions, provenance, records, sources
from v4graph.actors import COMMAND_LINE, Actor
from v4graph.contributions import TRANSITIONS
from v4graph.errors import (
    BadRequest,
    InvalidContribution,
    NotAllowed,
    NotYourGraph,
    PreconditionFailed,
    StaleCheck,
    UnknownContribution,
    UnknownGraph,
    UnknownRevision,
    WrongState,
)  # fmt: skip
from v4graph.ledger import EMPTY, PROJECTED, Append
from v4graph.proposals import MODES, resulting
from v4graph.records import Record
from v4graph.report import Report
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.workspace import Outcome, Workspace

OLD, NEW = project_lines("ketgate", "2017", "KETGATE"), project_lines("ketgate", "2018", "KETGATE")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("small") / "home"
    small(home)
    return home


@pytest.fixture
def workspace(start: Path, tmp_path: Path) -> Iterator[Workspace]:
    home = tmp_path / "home"
    shutil.copytree(start, home)
    yield Workspace(Settings(home=home))


def submit(workspace: Workspace, actor: Actor, lines: Any = OLD, report: Report = CLEAN, **more: Any) -> Outcome:
    source = more.pop("source", actor.partner)
    return workspace.submit(actor, source, lines, report=report, checked_token=token(workspace), **more)


def recorded(outcome: Outcome) -> Record:
    assert outcome.contribution is not None
    return outcome.contribution


def test_who_may_publish_publishes_at_once(workspace: Workspace) -> None:
    before = current(workspace.home)
    outcome = submit(workspace, NORTH, payload=b"<sent>", media_type="text/turtle", note="first", name="a.ttl")
    record = recorded(outcome)
    assert (record.state, record.needs, record.revision, record.base) == ("published", "", 1, 0)
    assert (record.actor, record.partner, record.note, record.name) == ("north/1", "north", "first", "a.ttl")
    assert outcome.published is not None
    assert (outcome.published.added, outcome.published.removed, outcome.published.triples) == (3, 0, 3)
    assert outcome.snapshot is not None
    assert outcome.snapshot != before
    assert graphs(workspace)["north"] == set(OLD)
    with workspace.ledger() as ledger:
        kinds = [entry.kind for entry in ledger.entries(after=record.number - 1)]
        assert kinds == ["contribution", "state", "revision"]
        entry = ledger.head()
        assert entry is not None
        assert outcome.snapshot.number == entry.number
        assert (ledger.lines(entry.detail["added"]), ledger.lines(entry.detail["removed"])) == (sorted(OLD), [])
        assert entry.detail["state"] == ledger.state()
        assert record.payload is not None
        assert ledger.content(record.payload) == b"<sent>"
        assert records.report_of(ledger, record) == CLEAN
        assert record.checked_with == contributions.rules_version() == entry.detail["checked_with"]
    workspace.check()


def test_what_waits_is_nowhere_but_in_the_ledger(workspace: Workspace) -> None:
    before, snapshot = workspace.quads(), current(workspace.home)
    waiting = recorded(submit(workspace, WEST))
    unconfirmed = recorded(submit(workspace, NORTH, report=WARNS))
    broken = recorded(submit(workspace, SOUTH, report=BLOCKS, payload=b"what was sent"))
    unread = workspace.submit(SOUTH, "south", None, payload=b"<<<", problem={"detail": "Line 1.", "status": 400})
    states = [(r.state, r.needs) for r in (waiting, unconfirmed, broken, recorded(unread))]
    assert states == [("pending", "review"), ("pending", "confirmation"), ("invalid", ""), ("invalid", "")]
    assert workspace.quads() == before
    assert current(workspace.home) == snapshot
    workspace.heal()
    workspace.rebuild()
    assert workspace.quads() == before
    with workspace.ledger() as ledger:
        found = records.report_of(ledger, broken)
        assert found is not None
        assert found == BLOCKS
        assert found.findings[0].rule.messages == {} and found.findings[1].message("cs") == "Odd."
        assert broken.payload is not None
        assert ledger.content(broken.payload) == b"what was sent"
        assert records.problem_of(ledger, recorded(unread)) == {"detail": "Line 1.", "status": 400}
        assert records.report_of(ledger, recorded(unread)) is None
        ledger.verify()


def test_the_reviewer_accepts_and_it_is_published(workspace: Workspace) -> None:
    record = recorded(submit(workspace, WEST, note="our data"))
    outcome = workspace.accept(REVIEWER, record.number, "checked by telephone")
    done = recorded(outcome)
    assert (done.state, done.revision, done.reviewer, done.remark) == (
        "published", 1, "office/1", "checked by telephone",
    )  # fmt: skip
    assert graphs(workspace)["west"] == set(OLD)
    with workspace.ledger() as ledger:
        told = [e.detail["state"] if e.kind == "state" else e.kind for e in records.history(ledger, done)]
    assert told == ["pending", "accepted", "published", "revision"]
    with pytest.raises(WrongState, match="is published"):
        workspace.accept(REVIEWER, record.number)
    with pytest.raises(WrongState):
        workspace.withdraw_contribution(WEST, record.number)


def test_provenance_says_who_when_why_and_by_which_rules(workspace: Workspace) -> None:
    number = recorded(submit(workspace, WEST, note='so they "say"')).number
    workspace.accept(REVIEWER, number, "fine")
    said = graphs(workspace)["provenance"]
    node, revision = f"<{IRIS.thing('contribution', str(number))}>", f"<{IRIS.graph('west')}/revision/1>"
    prov = provenance.PROV
    for line in (
        f"{revision} <{prov}wasGeneratedBy> {node} .",
        f"{revision} <{prov}wasAttributedTo> <{IRIS.thing('actor', 'west')}> .",
        f"{node} <{prov}wasAssociatedWith> <{IRIS.thing('actor', 'west')}> .",
        f"{node} <{prov}wasAssociatedWith> <{IRIS.thing('actor', 'office')}> .",
        f'{node} <{V4}reason> "so they \\"say\\"" .',
        f'{node} <{V4}checkedWith> "{contributions.rules_version()}" .',
        f"{node} <{V4}contributionState> <{IRIS.concept('contribution-state', 'published')}> .",
        f"{node} <{V4}contributionKind> <{IRIS.concept('contribution-kind', 'replacement')}> .",
    ):
        assert line in said, line
    assert not any("actor/west/1" in line for line in said), "which token it was is nobody's business"


def test_nobody_reviews_their_own_nor_without_the_scope(workspace: Workspace) -> None:
    both = Actor("west/2", "west", frozenset({"submit", "review"}))
    record = recorded(submit(workspace, both))
    for actor, words in ((both, "themselves"), (WEST, "review"), (NORTH, "review|no contribution")):
        with pytest.raises((NotAllowed, UnknownContribution), match=words):
            workspace.accept(actor, record.number)
        with pytest.raises((NotAllowed, UnknownContribution), match=words):
            workspace.decline(actor, record.number, "no")
    assert recorded(workspace.decline(REVIEWER, record.number, "no source given")).state == "declined"
    assert workspace.contribution(both, record.number).remark == "no source given"


def test_declining_needs_a_reason(workspace: Workspace) -> None:
    record = recorded(submit(workspace, WEST))
    with pytest.raises(BadRequest, match="why"):
        workspace.decline(REVIEWER, record.number, "  ")
    assert workspace.contribution(WEST, record.number).state == "pending"


def test_warnings_are_confirmed_with_a_note(workspace: Workspace) -> None:
    with pytest.raises(BadRequest, match="note"):
        submit(workspace, NORTH, report=WARNS, confirmed=True)
    assert recorded(submit(workspace, NORTH, report=WARNS, confirmed=True, note="it is so")).state == "published"
    record = recorded(submit(workspace, WEST, report=WARNS))
    for checked in ({}, {"report": BLOCKS, "checked_token": token(workspace)}):
        with pytest.raises(WrongState, match="confirm"):
            workspace.accept(REVIEWER, record.number, **checked)
    with pytest.raises((NotAllowed, UnknownContribution)):
        workspace.confirm(SOUTH, record.number, "it is so")
    with pytest.raises(BadRequest, match="why"):
        workspace.confirm(WEST, record.number, "")
    confirmed = recorded(workspace.confirm(WEST, record.number, "it is so"))
    assert (confirmed.state, confirmed.needs, confirmed.remark) == ("pending", "review", "it is so")
    assert recorded(workspace.accept(REVIEWER, record.number)).state == "published"


def test_a_newer_one_supersedes_what_waits_and_nothing_else(workspace: Workspace) -> None:
    first, other = recorded(submit(workspace, WEST)), recorded(submit(workspace, NORTH, report=WARNS))
    submit(workspace, WEST, report=BLOCKS)
    assert workspace.contribution(WEST, first.number).state == "pending", "a broken one replaces nothing"
    second = recorded(submit(workspace, WEST, NEW))
    assert workspace.contribution(WEST, first.number).state == "superseded"
    assert (second.state, workspace.contribution(NORTH, other.number).state) == ("pending", "pending")
    with pytest.raises(WrongState, match="superseded"):
        workspace.accept(REVIEWER, first.number)


def test_what_was_made_against_an_older_revision_is_not_accepted(workspace: Workspace) -> None:
    boss = Actor("west/9", "west", frozenset({"submit", "publish"}))
    record = recorded(submit(workspace, WEST))
    submit(workspace, boss, NEW)
    with pytest.raises(WrongState, match="revision 0 of “west”, which is at revision 1") as refused:
        workspace.accept(REVIEWER, record.number)
    assert (refused.value.extras["base"], refused.value.extras["revision"]) == (0, 1)
    assert graphs(workspace)["west"] == set(NEW)


def test_a_decision_checks_again_what_was_checked_beside_an_older_graph(workspace: Workspace) -> None:
    record = recorded(submit(workspace, WEST))
    submit(workspace, NORTH)
    again = {"report": BLOCKS, "checked_token": token(workspace)}
    with pytest.raises(InvalidContribution) as refused:
        workspace.accept(REVIEWER, record.number, **again)
    assert refused.value.extras["report"] == BLOCKS
    assert workspace.contribution(WEST, record.number).state == "pending"


def test_base_and_the_difference_since(workspace: Workspace) -> None:
    submit(workspace, NORTH)
    submit(workspace, NORTH, NEW, base=1)
    with pytest.raises(PreconditionFailed) as late:
        submit(workspace, NORTH, OLD, base=1)
    added, removed = sorted({*NEW} - {*OLD}), sorted({*OLD} - {*NEW})
    expected = {"revision": 2, "base": 1, "complete": True, "added": added, "removed": removed}
    assert late.value.extras["difference"] == expected
    with pytest.raises(PreconditionFailed):
        submit(workspace, NORTH, OLD, base=0)
    with workspace.ledger() as ledger:
        assert len(ledger.entries(kind="contribution", source="north")) == 2, "what came too late is not kept"


def test_a_key_makes_a_repeated_request_one_contribution(workspace: Workspace) -> None:
    first = submit(workspace, NORTH, payload=b"a", key="k1")
    with workspace.ledger() as ledger:
        head = ledger.head()
    again = submit(workspace, NORTH, payload=b"a", key="k1")
    assert again.contribution == first.contribution
    assert again.published == first.published
    with pytest.raises(WrongState, match="Idempotency-Key"):
        submit(workspace, NORTH, payload=b"b", key="k1")
    with workspace.ledger() as ledger:
        assert ledger.head() == head
    other = submit(workspace, SOUTH, payload=b"a", key="k1")
    assert recorded(other).number != recorded(first).number, "a key is the actor's own"
    broken = submit(workspace, NORTH, report=BLOCKS, payload=b"c", key="k2")
    assert recorded(submit(workspace, NORTH, report=BLOCKS, payload=b"c", key="k2")) == recorded(broken)


def test_a_dry_run_changes_nothing(workspace: Workspace) -> None:
    with workspace.ledger() as ledger:
        before = ledger.head()
    outcome = submit(workspace, NORTH, dry_run=True)
    assert outcome.contribution is None
    assert outcome.published is not None
    assert (outcome.published.revision, outcome.published.added) == (None, 3)
    assert submit(workspace, NORTH, report=BLOCKS, dry_run=True).report == BLOCKS
    with workspace.ledger() as ledger:
        assert ledger.head() == before


def test_a_report_made_beside_another_snapshot_is_stale(workspace: Workspace) -> None:
    old = token(workspace)
    submit(workspace, SOUTH)
    with pytest.raises(StaleCheck):
        workspace.submit(NORTH, "north", OLD, report=CLEAN, checked_token=old)
    with workspace.ledger() as ledger:
        assert ledger.entries(kind="contribution", source="north") == []


def test_without_a_report_the_rules_are_asked(workspace: Workspace) -> None:
    bad = [*OLD, f'<{IRIS.thing("project", "ketgate")}> {COUNT} "many"^^<{XSD}integer> .']
    outcome = workspace.submit(NORTH, "north", bad)
    assert recorded(outcome).state == "invalid"
    assert outcome.report is not None
    assert outcome.report.blocks
    with workspace.ledger() as ledger:
        assert records.report_of(ledger, recorded(outcome)) == outcome.report


def test_somebody_elses_graph_and_nobodys(workspace: Workspace) -> None:
    said = set()
    for source in ("north", "nowhere", "ontology", "provenance"):
        with pytest.raises(NotYourGraph) as refused:
            submit(workspace, SOUTH, source=source)
        said.add(refused.value.detail.replace(source, "…"))
    assert len(said) == 1, "no hint whether it exists"
    for action in (
        lambda: workspace.withdraw(SOUTH, "north", "because"),
        lambda: workspace.roll_back(SOUTH, "north", 1, "because"),
    ):
        with pytest.raises(NotYourGraph):
            action()
    with pytest.raises(UnknownGraph):
        submit(workspace, COMMAND_LINE, source="nowhere")
    with pytest.raises(NotAllowed, match="load"):
        submit(workspace, COMMAND_LINE, source="ontology")


def test_who_may_not_submit(workspace: Workspace) -> None:
    reader = Actor("north/7", "north", frozenset({"review"}))
    with pytest.raises(NotAllowed, match="submit"):
        submit(workspace, reader)


def test_others_contributions_are_not_there(workspace: Workspace) -> None:
    record = recorded(submit(workspace, WEST))
    for actor in (WEST, REVIEWER, COMMAND_LINE, Actor("x/1", "x", frozenset({"administer"}))):
        assert workspace.contribution(actor, record.number) == record
    with pytest.raises(UnknownContribution) as hidden:
        workspace.contribution(NORTH, record.number)
    with pytest.raises(UnknownContribution) as missing:
        workspace.contribution(NORTH, 10**6)
    assert hidden.value.detail.replace(str(record.number), "") == missing.value.detail.replace(str(10**6), "")


def test_rollback_and_withdrawal_say_why(workspace: Workspace) -> None:
    submit(workspace, NORTH)
    submit(workspace, NORTH, NEW)
    for call in (
        lambda: workspace.withdraw(NORTH, "north", " "),
        lambda: workspace.roll_back(NORTH, "north", 1, ""),
    ):
        with pytest.raises(BadRequest, match="reason"):
            call()
    with pytest.raises(UnknownRevision):
        workspace.roll_back(NORTH, "north", 7, "because")
    rolled = recorded(workspace.roll_back(NORTH, "north", 1, "the page was wrong"))
    assert (rolled.mode, rolled.revision, rolled.note) == ("rollback", 3, "the page was wrong")
    assert graphs(workspace)["north"] == set(OLD)
    revisions = f"{IRIS.graph('north')}/revision"
    assert f"<{revisions}/3> <{provenance.PROV}wasDerivedFrom> <{revisions}/1> ." in graphs(workspace)["provenance"]
    gone = recorded(workspace.withdraw(NORTH, "north", "closed"))
    assert (gone.mode, gone.revision) == ("withdrawal", 4)
    assert "north" not in graphs(workspace)
    with workspace.ledger() as ledger:
        entry = ledger.current("revision", "north")
        assert entry is not None
        assert (entry.content, entry.detail["added"], entry.detail["mode"]) == (EMPTY, EMPTY, "withdrawal")
    workspace.check()
    administrator = Actor("office/2", "office", frozenset({"submit", "publish", "administer"}))
    assert recorded(workspace.roll_back(administrator, "north", 2, "asked by telephone")).revision == 5
    with pytest.raises(NotYourGraph):
        submit(workspace, administrator, source="north")


def test_who_may_not_publish_has_a_rollback_reviewed(workspace: Workspace) -> None:
    number = recorded(submit(workspace, WEST)).number
    workspace.accept(REVIEWER, number)
    waiting = recorded(workspace.withdraw(WEST, "west", "closed"))
    assert (waiting.state, waiting.needs, waiting.mode) == ("pending", "review", "withdrawal")
    assert graphs(workspace)["west"] == set(OLD)
    assert recorded(workspace.accept(REVIEWER, waiting.number)).revision == 2
    assert "west" not in graphs(workspace)


def test_nothing_new_makes_no_revision(workspace: Workspace) -> None:
    first = submit(workspace, NORTH)
    again = submit(workspace, NORTH, list(reversed(OLD)))
    assert (recorded(again).state, recorded(again).revision) == ("published", None)
    assert again.snapshot == first.snapshot


def test_what_only_removes_is_checked_all_the_same(workspace: Workspace) -> None:
    other = project_lines("v4clusters")
    submit(workspace, NORTH, [*OLD, *other])
    outcome = workspace.submit(NORTH, "north", (), mode="difference", removed=other)
    assert outcome.report == Report(())
    assert recorded(outcome).checked_with == contributions.rules_version()
    assert graphs(workspace)["north"] == set(OLD)


def test_a_patch_replaces_what_is_said_of_its_things() -> None:
    other = project_lines("v4clusters")
    assert set(resulting("patch", [*OLD, *other], NEW[:1])) == {NEW[0], *other}
    assert set(resulting("difference", OLD, [NEW[0]], [OLD[1]])) == {*OLD, NEW[0]} - {OLD[1]}
    assert set(resulting("replacement", OLD, NEW)) == set(NEW)
    with pytest.raises(BadRequest, match="sideways"):
        resulting("sideways", OLD, NEW)
    assert {"replacement", "patch", "difference", "rollback", "withdrawal"} == set(MODES)


def test_every_state_is_reached_and_ends_are_ends() -> None:
    reached = {state for following in TRANSITIONS.values() for state in following} | {"submitted"}
    assert reached == TRANSITIONS.keys()
    for end in ("invalid", "declined", "published", "withdrawn", "superseded"):
        assert not TRANSITIONS[end]


def test_lists_are_by_source_partner_and_state(workspace: Workspace) -> None:
    numbers = [recorded(submit(workspace, actor)).number for actor in (NORTH, WEST, SOUTH, NORTH)]
    with workspace.ledger() as ledger:
        assert [r.number for r in records.read_all(ledger, partner="north")] == [numbers[0], numbers[3]]
        assert [r.number for r in records.read_all(ledger, state="pending")] == [numbers[1]]
        assert [r.number for r in records.read_all(ledger, source="south", limit=1)] == [numbers[2]]
        newest = records.read_all(ledger, before=10**9, limit=2)
        assert [r.number for r in newest] == [numbers[3], numbers[2]]
        assert [r.number for r in records.read_all(ledger, after=numbers[1], partner="north")] == [numbers[3]]


def test_a_copy_of_another_instance_is_read_only(workspace: Workspace) -> None:
    with workspace.writing() as ledger:
        detail = {"contribution": 1, "origin": {"entry": 7, "hash": "x"}}
        ledger.append([Append("revision", "south", "curator", OLD, 1, detail)])
    with pytest.raises(NotAllowed, match="read-only copy"):
        submit(workspace, NORTH)


def test_sources_are_registered_by_administrators(workspace: Workspace) -> None:
    snapshot = workspace.add_source(COMMAND_LINE, "north-projects", "Projects of the north", "north", "B")
    assert recorded(submit(workspace, NORTH, source="north-projects")).state == "published"
    with workspace.ledger() as ledger:
        assert sources.owned(ledger, "north") == ["north", "north-projects"]
        head = ledger.head(PROJECTED, until=snapshot.number)
        assert head is not None
        assert head.number == snapshot.number
    for slug, owner in (("ontology", "north"), ("Bad Slug", "north"), ("provenance", "north")):
        with pytest.raises((BadRequest, WrongState)):
            workspace.add_source(COMMAND_LINE, slug, "Mine", owner)
    with pytest.raises(WrongState, match="belongs to “south”"):
        workspace.add_source(COMMAND_LINE, "south", "Mine now", "north")
    with pytest.raises(NotAllowed, match="administer"):
        workspace.add_source(NORTH, "more", "More", "north")
    with pytest.raises(BadRequest, match="rank"):
        workspace.add_source(COMMAND_LINE, "more", "More", "north", "Z")


def test_a_new_partner_has_a_source_of_the_same_name(workspace: Workspace) -> None:
    workspace.add_partner(COMMAND_LINE, "acme", "Acme", "B")
    acme = Actor("acme/1", "acme", frozenset({"submit", "publish"}))
    assert recorded(submit(workspace, acme)).state == "published"
    assert any('"Acme"@en' in line for line in graphs(workspace)["provenance"])
    workspace.add_source(COMMAND_LINE, "taken", "Taken", "north")
    with workspace.ledger() as ledger:
        before = ledger.head()
    with pytest.raises(WrongState, match="belongs to “north”"):
        workspace.add_partner(COMMAND_LINE, "taken", "Taken")
    with workspace.ledger() as ledger:
        assert ledger.head() == before
    workspace.check()
