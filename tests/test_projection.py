"""The store is a function of the ledger: step by step, built anew, or healed after a crash, it is the same store."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from v4graph import assets, derivation, projection, rdf
from v4graph.iris import Iris
from v4graph.ledger import Append, Ledger
from v4graph.store import embedded, primary

IRIS = Iris()
V4 = IRIS.term("")
SOURCES = ("a-page", "b-page", "c-page", "resolutions")
RANKS = {"a-page": 2, "b-page": 3, "c-page": 3, "resolutions": 1}
XSD = "http://www.w3.org/2001/XMLSchema#"
PREF = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"


def _ontology() -> list[str]:
    text = (assets.ONTOLOGY / "v4graph.ttl").read_bytes()
    return rdf.ntriples(ox.parse(text, ox.RdfFormat.TURTLE))


ONTOLOGY = _ontology()


def thing(kind: str, slug: str) -> str:
    return f"<{IRIS.thing(kind, slug)}>"


PROJECTS = [thing("project", slug) for slug in ("one", "two")]
ORGANISATIONS = [thing("organisation", slug) for slug in ("x", "y", "z")]
ROLES = [f"<{IRIS.concept('participation-role', r)}>" for r in ("lead-partner", "coordinator", "partner")]
DATES = [f'"{d}"^^<{XSD}{t}>' for d, t in (
    ("2013-10", "gYearMonth"), ("2013-11", "gYearMonth"), ("2013", "gYear"), ("2013-11-05", "date"),
    ("2012-02", "gYearMonth"), ("2999-01-01", "date"),
)]  # fmt: skip
NAMES = ['"One"@en', '"Uno"@en', '"Jeden"@cs', '"One"']
COUNTS = [f'"{n}"^^<{XSD}integer>' for n in ("4", "5", "05")]

project_lines = st.builds(
    lambda project, predicate_value: f"{project} {predicate_value} .",
    st.sampled_from(PROJECTS),
    st.one_of(
        st.just(f"{TYPE} <{V4}Project>"),
        st.sampled_from(DATES).map(lambda d: f"<{V4}startDate> {d}"),
        st.sampled_from(DATES).map(lambda d: f"<{V4}endDate> {d}"),
        st.sampled_from(NAMES).map(lambda n: f"{PREF} {n}"),
        st.sampled_from(NAMES).map(lambda n: f"<http://www.w3.org/2004/02/skos/core#altLabel> {n}"),
        st.sampled_from(COUNTS).map(lambda n: f"<{V4}declaredPartnerCount> {n}"),
    ),
)


def participation(project: str, organisation: str, role: str) -> list[str]:
    node = thing("participation", f"{project[-4:-1]}-{organisation[-2:-1]}")
    return [
        f"{node} <{V4}project> {project} .",
        f"{node} <{V4}participant> {organisation} .",
        f"{node} <{V4}participationRole> {role} .",
    ]


participations = st.builds(
    participation, st.sampled_from(PROJECTS), st.sampled_from(ORGANISATIONS), st.sampled_from(ROLES)
)
pages = st.builds(
    lambda lines, parts: frozenset(lines) | {line for part in parts for line in part},
    st.lists(project_lines, max_size=8),
    st.lists(participations, max_size=4),
)
resolutions = st.builds(
    lambda project, date: frozenset({
        f"{thing('resolution', 'r')} <{V4}resolvesSubject> {project} .",
        f"{thing('resolution', 'r')} <{V4}resolvesProperty> <{V4}startDate> .",
        f"{thing('resolution', 'r')} <{V4}accepted> {date} .",
    }),
    st.sampled_from(PROJECTS),
    st.sampled_from(DATES),
)  # fmt: skip
steps = st.one_of(
    st.tuples(st.sampled_from(SOURCES[:3]), pages),
    st.tuples(st.just("resolutions"), st.one_of(resolutions, st.just(frozenset()))),
    st.tuples(st.sampled_from(SOURCES[:3]), st.integers(1, 5)),
)


def describe(source: str, rank: int) -> Append:
    return Append("source", source, "curator", [f'<{IRIS.graph(source)}> <{V4}owner> "{rank}" .'], None, {"rank": rank})


def revise(ledger: Ledger, source: str, lines: frozenset[str]) -> list[Append]:
    head, before = ledger.head(), ledger.latest("revision").get(source)
    number = (head.number if head else 0) + 1
    revision = (before.revision or 0) + 1 if before else 1
    return [
        Append("contribution", source, "curator", lines),
        Append("revision", source, "curator", lines, revision, {"contribution": number}),
    ]


def start(home: Path) -> Ledger:
    ledger = Ledger.in_home(home)
    ledger.append([describe(source, rank) for source, rank in RANKS.items()])
    ledger.append(revise(ledger, "ontology", frozenset(ONTOLOGY)))
    return ledger


def quads(home: Path) -> list[str]:
    snapshot = embedded.current(home)
    assert snapshot is not None
    dumped = ox.Store.read_only(str(snapshot.path)).dump(format=ox.RdfFormat.N_QUADS)
    return sorted(dumped.decode().split("\n")[:-1])


def project(ledger: Ledger, home: Path, *, anew: bool = False) -> embedded.Snapshot:
    with primary.publishing(home):
        return projection.project(ledger, home, IRIS, anew=anew)


@pytest.mark.timeout(600)
@settings(
    max_examples=60 if os.environ.get("V4GRAPH_DRILL") == "full" else 6,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(steps, min_size=1, max_size=6))
def test_step_by_step_is_built_anew(history: list[tuple[str, frozenset[str] | int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home, other = Path(folder, "home"), Path(folder, "other")
        ledger = start(home)
        try:
            project(ledger, home)
            for source, change in history:
                if isinstance(change, int):
                    ledger.append([describe(source, change)])
                else:
                    ledger.append(revise(ledger, source, change))
                project(ledger, home)
            project(ledger, other, anew=True)
            assert quads(home) == quads(other)
            _assert_derived(other)
        finally:
            ledger.close()


def test_a_value_that_is_spelled_twice_stays_until_both_are_gone(tmp_path: Path) -> None:
    """The store keeps values, the ledger spellings: one of two spellings less is nothing less."""
    ledger = start(tmp_path)
    said = [f"{PROJECTS[0]} <{V4}declaredPartnerCount> {spelled} ." for spelled in (COUNTS[1], COUNTS[2])]
    name = f"{PROJECTS[0]} {PREF} {NAMES[0]} ."
    for number, lines in enumerate(([*said, name], said[:1], [name], said[1:]), start=1):
        before = ledger.lines(entry.content) if (entry := ledger.current("revision", "a-page")) else []
        difference = {"added": set(lines) - set(before), "removed": set(before) - set(lines)}
        revision = Append("revision", "a-page", "curator", lines, number, attached=difference, of=0)
        ledger.append([Append("contribution", "a-page", "curator", lines), revision])
        project(ledger, tmp_path)
        there = f"{said[0][:-1]}<{IRIS.graph('a-page')}> ." in quads(tmp_path)
        assert there == bool(set(lines) & set(said))
        with tempfile.TemporaryDirectory() as folder:
            project(ledger, Path(folder), anew=True)
            assert quads(Path(folder)) == quads(tmp_path)
    ledger.close()


def test_a_state_of_the_past_is_built_as_it_was(tmp_path: Path) -> None:
    ledger = start(tmp_path / "home")
    then: list[tuple[int, list[str]]] = []
    for date in DATES[:3]:
        ledger.append(revise(ledger, "a-page", frozenset({f"{PROJECTS[0]} <{V4}startDate> {date} ."})))
        then.append((project(ledger, tmp_path / "home").number, quads(tmp_path / "home")))
    ledger.append([describe("a-page", 5)])
    project(ledger, tmp_path / "home")
    for entry, expected in then:
        home = tmp_path / str(entry)
        with primary.publishing(home):
            snapshot = projection.project(ledger, home, IRIS, until=entry)
        assert quads(home) == expected
        assert (snapshot.number, snapshot.created) == (entry, ledger.entries(after=entry - 1, limit=1)[0].time)
    ledger.close()


def test_what_is_not_public_makes_no_snapshot(tmp_path: Path) -> None:
    ledger = start(tmp_path)
    snapshot, before = project(ledger, tmp_path), quads(tmp_path)
    for kind in ("contribution", "state", "partner", "token", "release", "harvest", "webhook"):
        detail = {"contribution": 1, "state": "pending"} if kind == "state" else {}
        ledger.append([Append(kind, "a-page", "a/1", [f"{PROJECTS[0]} {TYPE} <{V4}Project> ."], detail=detail)])
    assert project(ledger, tmp_path) == snapshot
    with primary.publishing(tmp_path):
        projection.project(ledger, tmp_path, IRIS, anew=True)
    assert quads(tmp_path) == before
    ledger.append(revise(ledger, "b-page", frozenset({f"{PROJECTS[0]} {TYPE} <{V4}Project> ."})))
    assert project(ledger, tmp_path).number == ledger.head(("revision",)).number  # type: ignore[union-attr]
    ledger.close()


def _assert_derived(home: Path) -> None:
    """Derived = rules(data), and every derived statement is in the default graph, too."""
    snapshot = embedded.current(home)
    assert snapshot is not None
    store = ox.Store.read_only(str(snapshot.path))
    made = set(derivation.derived_lines(store, IRIS))
    plain = ox.Store()
    derived = {f"<{iri}>" for rule in derivation.load_rules(IRIS) for iri in rule.makes}
    kept = [q for q in store.quads_for_pattern(None, None, None, ox.DefaultGraph()) if str(q.predicate) not in derived]
    plain.extend(kept)
    derivation.derive_all(plain, derivation.load_rules(IRIS), snapshot.created[:10], IRIS)
    assert set(derivation.derived_lines(plain, IRIS)) == made
    default = set(rdf.ntriples(store.quads_for_pattern(None, None, None, ox.DefaultGraph())))
    assert made <= default


def test_publish_then_roll_back_is_the_identity(tmp_path: Path) -> None:
    ledger = start(tmp_path)
    first = frozenset(participation(PROJECTS[0], ORGANISATIONS[0], ROLES[0])) | {
        f"{PROJECTS[0]} <{V4}startDate> {DATES[0]} .",
        f"{PROJECTS[0]} {TYPE} <{V4}Project> .",
    }
    ledger.append(revise(ledger, "a-page", first))
    project(ledger, tmp_path)
    before = _world(tmp_path)
    second = frozenset(participation(PROJECTS[1], ORGANISATIONS[1], ROLES[2])) | {
        f"{PROJECTS[0]} <{V4}startDate> {DATES[3]} ."
    }
    ledger.append(revise(ledger, "a-page", second))
    project(ledger, tmp_path)
    assert _world(tmp_path) != before
    ledger.append(revise(ledger, "a-page", first))
    project(ledger, tmp_path)
    assert _world(tmp_path) == before
    ledger.close()


def _world(home: Path) -> list[str]:
    """All quads but the record of what was published when."""
    return [line for line in quads(home) if not line.endswith(f"<{IRIS.provenance}> .")]


def test_the_better_rank_wins_and_the_disagreement_says_so(tmp_path: Path) -> None:
    ledger = start(tmp_path)
    for source, date in (("a-page", DATES[0]), ("b-page", DATES[1])):
        ledger.append(revise(ledger, source, frozenset({f"{PROJECTS[0]} <{V4}startDate> {date} ."})))
    project(ledger, tmp_path)
    lines = quads(tmp_path)
    assert f"{PROJECTS[0]} <{V4}startDate> {DATES[0]} ." in lines
    assert f"{PROJECTS[0]} <{V4}startDate> {DATES[1]} ." not in lines
    said = [line for line in lines if line.endswith(f"<{IRIS.disagreements}> .")]
    node = f"<{IRIS.hashed('disagreement', PROJECTS[0], f'<{V4}startDate>')}>"
    for expected in (
        f"<{V4}disputedSubject> {PROJECTS[0]}",
        f"<{V4}disputedProperty> <{V4}startDate>",
        f"<{V4}accepted> {DATES[0]}",
        f"<{V4}ruleApplied> <{IRIS.concept('resolution-rule', 'best-rank')}>",
    ):
        assert f"{node} {expected} <{IRIS.disagreements}> ." in said
    assert sum(f"<{V4}inGraph>" in line for line in said) == 2
    assert f'{PROJECTS[0]} <{V4}earliestStart> "2013-10-01"^^<{XSD}date> .' in lines
    assert f'{PROJECTS[0]} <{V4}latestStart> "2013-10-31"^^<{XSD}date> .' in lines
    ledger.append([describe("b-page", 1)])
    project(ledger, tmp_path)
    assert f"{PROJECTS[0]} <{V4}startDate> {DATES[1]} ." in quads(tmp_path)
    ledger.close()


@pytest.mark.parametrize("lost", ["primary", "CURRENT", "snapshots", "everything"])
def test_a_damaged_store_heals_from_the_ledger(tmp_path: Path, lost: str) -> None:
    import shutil

    ledger = start(tmp_path)
    ledger.append(revise(ledger, "a-page", frozenset(participation(PROJECTS[0], ORGANISATIONS[0], ROLES[0]))))
    project(ledger, tmp_path)
    before = quads(tmp_path)
    target = tmp_path / "store" if lost == "everything" else tmp_path / "store" / lost
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    project(ledger, tmp_path)
    assert quads(tmp_path) == before
    ledger.close()


@pytest.mark.parametrize("line", [f"<{IRIS.base}a b> {PREF} {NAMES[0]} .", f"{PROJECTS[0]} {PREF} {NAMES[0]}"])
def test_a_build_that_fails_changes_nothing_and_can_be_tried_again(tmp_path: Path, line: str) -> None:
    """The engine loads beside what is resolved: what it refuses there fails the build, and it lets go of its files."""
    ledger = start(tmp_path)
    project(ledger, tmp_path)
    before, snapshot = quads(tmp_path), embedded.current(tmp_path)
    ledger.append(revise(ledger, "a-page", frozenset({line})))
    for _ in range(2):
        with pytest.raises(SyntaxError, match="line 1 "):
            project(ledger, tmp_path, anew=True)
        assert (quads(tmp_path), embedded.current(tmp_path)) == (before, snapshot)
        assert not list(tmp_path.glob("rebuild-*"))
    ledger.append(revise(ledger, "a-page", frozenset()))
    project(ledger, tmp_path)
    assert _world(tmp_path) == [q for q in before if not q.endswith(f"<{IRIS.provenance}> .")]
    ledger.close()


def test_nothing_new_makes_no_snapshot(tmp_path: Path) -> None:
    ledger = start(tmp_path)
    assert project(ledger, tmp_path) == project(ledger, tmp_path)
    ledger.close()


def test_old_snapshots_go_unless_a_reader_holds_them(tmp_path: Path) -> None:
    import fcntl

    ledger = start(tmp_path)
    held = project(ledger, tmp_path)
    with open(held.lock, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        for number in range(6):
            ledger.append([describe("a-page", number % 5 + 1)])
            project(ledger, tmp_path)
        assert held.path.is_dir()
    ledger.append([describe("a-page", 3)])
    project(ledger, tmp_path)
    assert not held.path.exists()
    assert len([p for p in (tmp_path / "store" / "snapshots").iterdir() if p.is_dir()]) == embedded.KEEP
    ledger.close()
