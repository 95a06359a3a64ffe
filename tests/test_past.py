"""Past states: built from the ledger they are, quad for quad, what the store was then; releases keep their names."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.test_projection import IRIS, PROJECTS, TYPE, V4, describe, project, quads, revise, start, steps
from v4graph import past
from v4graph.cli import app
from v4graph.errors import BadRequest, NotFound, UnknownParameter
from v4graph.ledger import PROJECTED, Append, Ledger
from v4graph.store import embedded

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def publish(ledger: Ledger, home: Path, name: str) -> int:
    """Publish a project of this name; returns the snapshot's number."""
    label = f'<http://www.w3.org/2004/02/skos/core#prefLabel> "{name}"@en'
    lines = frozenset({f"{PROJECTS[0]} {TYPE} <{V4}Project> .", f"{PROJECTS[0]} {label} ."})
    ledger.append(revise(ledger, "a-page", lines))
    return project(ledger, home).number


def said(snapshot: embedded.Snapshot) -> list[str]:
    dumped = ox.Store.read_only(str(snapshot.path)).dump(format=ox.RdfFormat.N_QUADS)
    assert dumped is not None
    return sorted(dumped.decode().split("\n")[:-1])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path) -> Ledger:
    return start(home)


@pytest.mark.timeout(600)
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(steps, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_a_past_state_is_what_the_store_was(history: list, random) -> None:  # type: ignore[no-untyped-def, type-arg]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        ledger = start(home)
        try:
            then = {project(ledger, home).number: quads(home)}
            for source, change in history:
                ledger.append([describe(source, change)] if isinstance(change, int) else revise(ledger, source, change))
                number = project(ledger, home).number
                then[number] = quads(home)
            numbers = list(then)
            random.shuffle(numbers)  # each begins from another state, or from none
            for number in numbers:
                snapshot = past.build(home, IRIS, number)
                assert snapshot.number == number
                assert said(snapshot) == then[number]
        finally:
            ledger.close()


def test_numbers_are_those_of_the_ledger_and_survive_a_rebuild(home: Path, ledger: Ledger) -> None:
    numbers = [publish(ledger, home, name) for name in ("One", "Two", "Three")]
    head = ledger.head(PROJECTED)
    assert head is not None and numbers[-1] == head.number
    assert numbers[0] < numbers[1] < numbers[2]
    before = embedded.current(home)
    again = project(ledger, home, anew=True)
    assert before is not None
    assert (again.number, again.token, again.created) == (before.number, before.token, before.created)
    assert again.created == head.time
    assert again.path != before.path, "the folder is another one"


def test_what_is_not_published_makes_no_snapshot(home: Path, ledger: Ledger) -> None:
    number = publish(ledger, home, "One")
    past.release(ledger, "first", "curator")
    ledger.append([Append("contribution", "a-page", "somebody", [f"{PROJECTS[0]} {TYPE} <{V4}Cluster> ."])])
    assert project(ledger, home).number == number
    last = ledger.head()
    assert last is not None and last.number == number + 2


def test_a_home_of_before_opens(home: Path, ledger: Ledger) -> None:
    """Where CURRENT says a number and no folder, the number is the folder's."""
    number = publish(ledger, home, "One")
    file = home / "store" / "CURRENT"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({"number": int(told["folder"]), "entry": number, "token": told["token"], "created": ""}))
    found = embedded.current(home)
    assert found is not None
    assert (found.number, found.token) == (number, told["token"])
    assert any('"One"@en' in line for line in said(found))


def test_a_state_that_is_still_there_is_not_built(home: Path, ledger: Ledger) -> None:
    publish(ledger, home, "One")
    number = publish(ledger, home, "Two")
    publish(ledger, home, "Three")
    steps: list[str] = []
    found = past.build(home, IRIS, number, steps.append)
    assert found.path.parent == home / "store" / "snapshots"
    assert any('"Two"@en' in line for line in said(found))
    assert steps == ["waiting for another past state"]


def test_few_are_kept_but_those_of_releases_and_those_in_use(
    home: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "KEEP", 1)
    monkeypatch.setattr(embedded, "KEEP", 1)
    *old, _ = [publish(ledger, home, f"Name {n}") for n in range(6)]
    past.release(ledger, "founding", "curator", until=old[0])
    first, second = past.build(home, IRIS, old[0]), past.build(home, IRIS, old[1])
    (past.folder_of(home) / ".new-left-by-a-process-that-was-killed").mkdir()
    with embedded.holding(second):
        for number in old[2:]:
            past.build(home, IRIS, number)
        assert {s.number for s in past.built(home)} == {old[0], old[1], old[3], old[4]}
    past.build(home, IRIS, old[4])
    assert {s.number for s in past.built(home)} == {old[0], old[3], old[4]}
    assert first.path.is_dir() and not second.path.exists()
    assert not list(past.folder_of(home).glob(".new-*"))


def test_moments() -> None:
    assert past.read_moment("2026-11-20", NOW) == "2026-11-20T23:59:59Z"
    assert past.read_moment("2026-11-21", NOW) == "2026-11-21T23:59:59Z", "today has begun"
    assert past.read_moment("2026-11-21T12:00:00Z", NOW) == "2026-11-21T12:00:00Z"
    assert past.read_moment("2026-11-21T12:30:00 01:00", NOW) == "2026-11-21T11:30:00Z"
    assert past.read_moment("2026-11-21T11:00:00", NOW) == "2026-11-21T11:00:00Z"
    assert past.read_moment("0800-12-25", NOW) == "0800-12-25T23:59:59Z"
    for wrong in ("yesterday", "2026-13-01", "2026-11", "21.11.2026", "", "2026-11-21 12:00:00", "2026-11-2\u0661"):
        with pytest.raises(UnknownParameter, match="is no moment"):
            past.read_moment(wrong, NOW)
    for future in ("2026-11-22", "2026-11-21T12:00:01Z", "9999-12-31"):
        with pytest.raises(UnknownParameter, match="has not come yet"):
            past.read_moment(future, NOW)


def test_the_publication_at_a_moment(home: Path, ledger: Ledger) -> None:
    number = publish(ledger, home, "One")
    entry = past.entry_named(ledger, str(number))
    assert past.entry_at(ledger, entry.time).number == number
    with pytest.raises(
        UnknownParameter, match=r"Nothing was published at 2000.*The first publication was snapshot 1 of"
    ):
        past.entry_at(ledger, "2000-01-01T00:00:00Z")
    with pytest.raises(
        UnknownParameter, match=f"There is no snapshot {number + 1}. The last one before it is {number}"
    ):
        past.entry_named(ledger, str(number + 1))
    with pytest.raises(UnknownParameter, match="There is no snapshot 0"):
        past.entry_named(ledger, "0")


def test_a_release_is_named_once(home: Path, ledger: Ledger) -> None:
    with pytest.raises(UnknownParameter, match="There is no snapshot “2026-autumn”"):
        past.entry_named(ledger, "2026-autumn")
    number = publish(ledger, home, "One")
    made = past.release(ledger, "2026-autumn", "curator")
    assert made.entry == number
    later = publish(ledger, home, "Two")
    assert past.release(ledger, "2026-autumn", "curator", until=number) == made, "the same again is the same"
    with pytest.raises(BadRequest, match=f"names snapshot {number} for good"):
        past.release(ledger, "2026-autumn", "curator")
    with pytest.raises(NotFound, match="no snapshot 999"):
        past.release(ledger, "later", "curator", until=999)
    for name in ("", "x", "2026", "Autumn", "a/b", "-a", "a" * 65):
        with pytest.raises(BadRequest, match="cannot name a release"):
            past.release(ledger, name, "curator")
    assert past.entry_named(ledger, "2026-autumn").number == number
    past.release(ledger, "next", "curator")
    assert [(r.name, r.entry) for r in past.releases(ledger)] == [("2026-autumn", number), ("next", later)]
    assert ledger.verify() > 0


def test_from_the_command_line(home: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V4GRAPH_HOME", str(home))
    number = publish(ledger, home, "One")
    run = CliRunner().invoke
    assert "No release was named yet" in run(app, ["release", "--list"]).output
    made = run(app, ["release", "2026-autumn"])
    assert (made.exit_code, f"2026-autumn is snapshot {number}" in made.output) == (0, True)
    assert past.find(home, past.entry_named(ledger, "2026-autumn"), IRIS) in past.built(home), "it lies ready for good"
    listed = run(app, ["release", "--list"])
    assert "2026-autumn" in listed.output and str(number) in listed.output
    publish(ledger, home, "Two")
    again = run(app, ["release", "2026-autumn"])
    assert again.exit_code == 1 and "for good" in again.output
