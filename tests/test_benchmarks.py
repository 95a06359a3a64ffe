"""What measures is itself measured: the data it makes, the workloads from end to end, the ratios and the page."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest

from benchmarks import (
    compare,
    dataset,
    drawing,
    generate,
    goals,
    load,
    page,
    processes,
    questions,
    reading,
    resilience,
    run,
    servers,
    writing,
)
from benchmarks.dataset import Dataset
from benchmarks.goals import Result
from benchmarks.load import Client, Measured
from benchmarks.reading import Bench
from benchmarks.servers import OURS, Fleet, NotMeasured, Running, Server
from benchmarks.workloads import AT_EACH_SIZE, NAMES, SAYINGS, TITLES
from v4graph import queries
from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.shapes import validate
from v4graph.workspace import Workspace

IRIS = Iris()
BLOCKS = 4

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")


# --- the data -----------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_data() -> None:
    first = list(generate.statements(20, 4, 0.5, 7))
    assert first == list(generate.statements(20, 4, 0.5, 7))
    assert first != list(generate.statements(20, 4, 0.5, 8))
    assert {source for source, _ in first} == {f"bench-{number}" for number in range(4)}


def test_a_block_can_be_made_alone_and_before_those_after_it() -> None:
    said = generate.statements(10**9)  # nobody waits for the last
    first = list(generate.block(0))
    assert list(islice(said, len(first) + 1))[:-1] == first


def test_data_have_names_in_six_languages_and_all_kinds() -> None:
    lines = [line for _, line in generate.block(3)]
    for kind in ("organisation", "project", "participation", "membership", "place", "observation"):
        assert any(f"{IRIS.base}id/{kind}/" in line.split(" ", 1)[0] for line in lines), kind
    names = [line for line in lines if "prefLabel" in line and "/id/project/" in line]
    assert {line.rpartition("@")[2] for line in names} == {f"{language} ." for language in queries.LANGUAGES}


def test_sources_disagree_as_often_as_asked() -> None:
    def founded(conflicts: float) -> tuple[int, int]:
        years: dict[str, set[str]] = {}
        for _, line in generate.statements(300, conflicts=conflicts):
            if "foundedOn" in line:
                years.setdefault(line.split(" ", 1)[0], set()).add(line)
        return sum(len(said) > 1 for said in years.values()), len(years)

    assert founded(0) == (0, 600)
    disputed, all_of_them = founded(0.25)
    assert 0.18 < disputed / all_of_them < 0.32


def test_data_keep_the_rules(published: Workspace) -> None:
    vocabulary = {line for said in published._vocabulary().values() for line in said}
    lines = generate.document(2 * generate.RECORDS_PER_BLOCK, "paper")
    counts = validate(lines, context=vocabulary, iris=IRIS, outside=True).counts
    assert (counts["violation"], counts["warning"]) == (0, 0)
    disputed = [line for _, line in generate.statements(2, conflicts=1)]
    assert validate(disputed, context=vocabulary, iris=IRIS).counts["violation"] == 0


@pytest.mark.parametrize("records", [1, 10, 20, 100, 5000])
def test_a_document_has_so_many_records_and_names_no_other(records: int) -> None:
    lines = generate.document(records, "paper")
    subjects = {line.split(" ", 1)[0] for line in lines}
    assert len(subjects) == records
    for line in lines:
        value = line.split(" ", 2)[2].rpartition(" ")[0]
        assert not value.startswith(f"<{IRIS.base}id/") or value in subjects


# --- a small run --------------------------------------------------------------------------------------------------


def _peer(data: Dataset, folder: Path) -> AbstractContextManager[Running]:
    """Another of these servers on the same data, which knows nothing but queries."""

    @contextmanager
    def named() -> Iterator[Running]:
        with servers.serve_home(data.folder / OURS) as server:
            yield replace(server, name="peer", suffix="&timeout=10")

    return named()


US = replace(servers.US, load=lambda *_: {"seconds": 2.0})
PEER = Server("peer", lambda *_: {"seconds": 1.0}, _peer, lambda: "1", "as it is")


@pytest.fixture(scope="module")
def made(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A store of a few blocks besides the packaged data."""
    found = dataset.write_sources(tmp_path_factory.mktemp("bench") / "small", 0, blocks=BLOCKS)
    home = found.folder / OURS
    shutil.copytree(published_home, home)
    dataset.register_sources(home)
    assert dataset.publish(home, found.sources) > 0
    return found


@pytest.fixture(scope="module")
def bench(made: Dataset) -> Iterator[Bench]:
    """This server and a peer, to be measured for a second."""
    fleet = Fleet(made, (US, PEER))
    for name in (OURS, "peer"):
        fleet.start(name)
    yield Bench(fleet, 1, 1, lambda _: None)
    fleet.close()


def test_the_size_of_the_store_is_foreseen(made: Dataset) -> None:
    quads = dataset.export(made, made.folder / OURS)
    foreseen = generate.PACKAGED_QUADS + BLOCKS * generate.QUADS_PER_BLOCK
    assert foreseen * 0.97 < quads < foreseen * 1.03
    assert generate.blocks_for(foreseen) == BLOCKS
    store = ox.Store()
    store.bulk_load(path=str(made.named_graphs), format=ox.RdfFormat.N_QUADS)
    named = len(store)
    store.bulk_load(path=str(made.default_graph), format=ox.RdfFormat.N_TRIPLES)
    assert 0 < named < len(store) == quads
    other = ox.Store()
    other.bulk_load(path=str(made.nquads), format=ox.RdfFormat.N_QUADS)
    assert set(other) == set(store)


@needs_wrk
def test_readers_are_measured_in_turns(bench: Bench) -> None:
    found = reading.point(bench)
    assert set(found.figures) == {OURS, "peer"}
    for figures in found.figures.values():
        assert figures["requests_per_second"] > 0
        assert figures["p50_ms"] <= figures["p95_ms"] <= figures["p99_ms"] <= figures["most_ms"]
        assert figures["errors"] == 0
    for ratios in (found.ratios(OURS), found.ratios(OURS, load.CPU)):
        assert 0.1 < ratios["peer"] < 10
    assert found.figures[OURS]["cpu_ms"] > 0.05, "its readers are counted"
    assert [note for note in found.notes if "repeated" not in note] == []


def test_a_disturbed_turn_is_repeated_so_many_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAUSE", 0)
    monkeypatch.setattr(reading, "MOST_TAKEN", 2)
    turns, numbers = reading._Turns(2), count()
    assert turns.take(lambda: {"n": next(numbers)}, again=True) == {"n": 0} and turns.notes() == []
    monkeypatch.setattr(reading, "MOST_TAKEN", -1)  # every turn is more disturbed than that
    assert turns.take(lambda: {"n": next(numbers)}, again=False) == {"n": 1}
    assert turns.take(lambda: {"n": next(numbers)}, again=True) == {"n": 4}, "two repeats, then there are none left"
    assert turns.take(lambda: {"n": next(numbers)}, again=True) == {"n": 5}
    [note] = turns.notes()
    assert note.startswith("2 turns were repeated") and note.endswith("2 more were kept")


def test_what_others_took_is_told_from_what_this_run_did() -> None:
    burn = "import time\nwhile time.process_time() < 1: pass"
    others, began = processes.Others(), time.perf_counter()
    subprocess.run([sys.executable, "-c", burn], check=True)
    capacity = (time.perf_counter() - began) * (os.cpu_count() or 1)
    assert -0.1 <= others.share() <= 1.05 - 1 / capacity, "its child is no other"


def test_processor_time_counts_children_and_those_that_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess,sys\nsubprocess.run([sys.executable,'-c',{burn!r}])\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"\n"
        spent = processes.cpu_seconds(process.pid)
        process.communicate(b"\n")
    assert 0.29 < spent < 3
    assert processes.cpu_seconds(process.pid) == 0, "it is gone"


@needs_wrk
def test_a_text_is_asked_once_where_it_is_said_to_be_fresh(bench: Bench) -> None:
    text = reading.text_of("point", generate.organisation(1))
    fresh = load.fire(bench.ours, [text], 1, fresh=True, clients=2)
    again = load.fire(bench.ours, [text], 1, clients=2)
    assert fresh["errors"] == again["errors"] == 0
    assert again["requests_per_second"] > fresh["requests_per_second"], "the second is answered from memory"
    wrong = load.fire(bench.ours, ["SELECT"], 1, clients=1)
    assert wrong["errors"] > 0 and wrong["requests_per_second"] == 0


@needs_wrk
def test_a_server_that_died_is_started_again_and_its_round_is_missing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(server: Running, number: int, seconds: float) -> dict[str, float]:
        if number == 1 and server.name == "peer" and not died:
            died.append(server.process.pid)
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait()
        return load.fire(server, ["ASK {}"], 1)

    died: list[int] = []
    monkeypatch.setattr(reading, "MOST_TAKEN", 1)
    found = reading.in_turns(replace(bench, rounds=2), measure)
    assert set(found.figures) == {OURS, "peer"}
    assert [set(row) for row in found.rounds] == [{OURS}, {OURS, "peer"}]
    [note] = found.notes
    assert note.startswith("peer: a round is missing: wrk had no answer from peer")
    assert next(s for s in bench.fleet.servers if s.name == "peer").process.pid not in died


@needs_wrk
@pytest.mark.parametrize("workload", [reading.entity, reading.conditional, reading.collections])
def test_what_only_we_have_is_measured(bench: Bench, workload: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "DOCUMENTS", 20)
    found = workload(bench)
    assert found.figures[OURS]["requests_per_second"] > 0
    assert found.figures[OURS]["errors"] == 0


def test_every_question_is_asked_of_everybody(bench: Bench) -> None:
    found = questions.aggregations(bench)
    assert len(found.parts) == len(list((reading.QUERIES / "aggregations").glob("*.rq"))) > 4
    assert all(times.keys() == {OURS, "peer"} for times in found.parts.values()), found.notes
    assert found.figures["peer"]["answered"] == found.figures["peer"]["of"]
    assert 0.02 < found.ratios(OURS)["peer"] < 50


def test_the_library_is_asked_with_parameters_drawn_by_lot(bench: Bench) -> None:
    found = questions.library(replace(bench, rounds=1))
    assert set(found.parts) == {query.name for query in queries.list_library(IRIS)}
    assert found.figures[OURS]["answered"] == len(found.parts), found.notes
    assert found.notes == []


def test_parameters_are_of_their_query_and_the_same_for_all() -> None:
    drawn = {}
    for query in queries.list_library(IRIS):
        for number in range(5):
            values = questions.parameter(query, number, 1000)
            assert values == questions.parameter(query, number, 1000)
            drawn[queries.bind_checked(query, values, IRIS)] = values
    assert sum(1 for values in drawn.values() if values) > 150


def test_who_answers_otherwise_is_left_out_of_the_ratio(bench: Bench) -> None:
    """The peer is asked something else here: its answer is another, and its speed no comparison."""
    peer = next(server for server in bench.fleet.servers if server.name == "peer")
    other = "?default-graph-uri=http://example.org/nothing&query="

    class Odd(Fleet):
        @property
        def servers(self) -> list[Running]:
            odd = replace(peer, path=f"{peer.path}{other}{'ASK{}'.replace('{', '%7B').replace('}', '%7D')}#")
            return [bench.ours, odd]

    odd = Odd(bench.fleet.data, (US, PEER))
    found = questions.by_question(replace(bench, fleet=odd), {"q": lambda _: "SELECT ?s { ?s ?p ?o } LIMIT 3"})
    assert found.ratios(OURS) == {}
    assert "left out of the ratio: q (" in " ".join(found.notes)


@pytest.mark.parametrize(("short", "rounds"), [(60.0, 6), (0.0, 2)])
def test_short_questions_are_asked_in_every_round(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, short: float, rounds: int
) -> None:
    """A median of two is not one: only what takes long is asked less often than other workloads."""
    monkeypatch.setattr(questions, "SHORT", short)
    drawn: list[int] = []

    def ask(number: int) -> str:
        drawn.append(number)
        return "ASK {}"

    questions.by_question(replace(bench, rounds=6), {"q": ask})
    assert drawn == list(range(rounds))


def test_who_does_not_answer_is_started_again_and_then_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "PATIENCE", 0.3)
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = replace(bench.fleet.servers[1], url=f"http://127.0.0.1:{silent.getsockname()[1]}")

        class Mute(Fleet):
            @property
            def servers(self) -> list[Running]:
                return [bench.ours, mute] if "peer" not in self.not_measured else [bench.ours]

            def start(self, name: str) -> Running:
                asked.append(name)
                if len(asked) == questions.STRIKES:
                    raise NotMeasured("it does not come back")
                return mute

        fleet = Mute(bench.fleet.data, (US, PEER))
        texts = {name: lambda _: "ASK {}" for name in "abcd"}
        found = questions.by_question(replace(bench, fleet=fleet), texts)
    assert asked == ["peer"] * questions.STRIKES
    assert fleet.not_measured == {"peer": "it does not come back"}
    assert found.figures[OURS]["answered"] == 4 and "peer" not in found.figures
    assert "peer: asked no further after it does not come back" in found.notes


@needs_wrk
def test_contributions_are_published_until_a_query_answers_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    found = writing.publication(bench, 1)
    assert 0 < found.figures[OURS]["accepted_p50_ms"] <= found.figures[OURS]["p50_ms"] < 30_000
    assert 0 < found.figures[OURS]["straight_p50_ms"] < 30_000
    monkeypatch.setattr(writing, "A_MINUTE", 60)
    beside = writing.readers_beside(bench).figures[OURS]
    assert beside["published"] >= 1 and beside["errors"] == 0
    assert beside["p99_ms"] > 0 and beside["p99_alone_ms"] > 0


@needs_wrk
def test_a_query_without_end_is_timed_until_its_process_is_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resilience, "RUNAWAYS", 1)
    found = resilience.runaway(bench).figures[OURS]
    assert (found["killed"], found["of"]) == (1, 1)
    assert 0 <= found["late_most_ms"] < 5_000
    assert found["polite_p99_ms"] > 0


def test_validation_is_timed_with_its_memory(made: Dataset, bench: Bench) -> None:
    found = writing.validation(bench, made.folder / OURS, (10,)).figures[OURS]
    assert 0 < found["seconds_10"] < 60
    assert found["memory_mb_10"] >= 0


def test_memory_and_starting(bench: Bench) -> None:
    assert all(row["memory_mb"] > 30 for row in resilience.memory(bench).figures.values())
    found = resilience.restart(replace(bench, rounds=1))
    assert set(found.figures) == {OURS, "peer"} and found.figures[OURS]["seconds"] > 0


# --- who cannot be measured ---------------------------------------------------------------------------------------


def test_who_cannot_be_started_is_told_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="no-such-program is not installed"):
        servers.program("no-such-program")
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(NotMeasured, match="odd ended with 3"), servers.running("odd", command, 1, "/", "/"):
        pass
    with pytest.raises(NotMeasured, match="failed: no data here"):
        servers.run([sys.executable, "-c", "raise SystemExit('no data here')"])
    large = replace(PEER, most_quads=10, because="it is too small")
    fleet = Fleet(Dataset(tmp_path, 11, 1), (US, large))
    assert fleet.not_measured == {"peer": "it is too small"}
    assert [kind.name for kind in fleet.kinds] == [OURS]


def test_who_cannot_load_is_left_out(made: Dataset) -> None:
    def fails(*_: object) -> dict[str, float]:
        raise NotMeasured("the disk is full")

    fleet = Fleet(made, (US, replace(PEER, load=fails)))
    found, quads = writing.bulk_load(fleet, 1)
    assert fleet.not_measured == {"peer": "the disk is full"}
    assert set(found.figures) == {OURS} and quads > generate.PACKAGED_QUADS
    assert writing.bulk_load(Fleet(made, (US, PEER)), 2)[0].ratios(OURS) == {"peer": 0.5}


def test_a_client_opens_a_closed_connection_again_and_gives_up_in_time(bench: Bench) -> None:
    client = Client(bench.ours.url)
    assert client.ask(bench.ours, "ASK {}").rows == 1
    client.close()
    assert client.ask(bench.ours, "SELECT ?s { ?s ?p ?o } LIMIT 2").rows == 2
    hasty = Client(bench.ours.url, 0.2)
    assert hasty.ask(bench.ours, reading.text_of("runaway")).status == 0
    hasty.close()
    client.close()


# --- figures ------------------------------------------------------------------------------------------------------


def test_a_ratio_over_one_is_for_us() -> None:
    rates = Measured({OURS: {"rate": 50}, "a": {"rate": 200}, "b": {"rate": 20}}, "rate", more_is_better=True)
    assert rates.ratios(OURS) == {"a": 0.25, "b": 2.5}
    times = Measured({OURS: {"s": 10}, "a": {"s": 5}, "b": {"other": 1}}, "s")
    assert times.ratios(OURS) == {"a": 0.5}
    assert Measured({"a": {"s": 5}}, "s").ratios(OURS) == {}
    rounds = [{OURS: {"rate": ours, "cpu_ms": 1}, "a": {"rate": 100, "cpu_ms": 3}} for ours in (10, 50, 300)]
    told = load.in_rounds([*rounds, {OURS: {"rate": 10**6, "cpu_ms": 1}}], "rate", more_is_better=True)
    assert told.figures == {OURS: {"rate": 175, "cpu_ms": 1}, "a": {"rate": 100, "cpu_ms": 3}}
    assert told.ratios(OURS) == {"a": 0.5}, "the median of the ratios of the rounds that both have"
    assert told.ratios(OURS, load.CPU) == {"a": 3}, "less is better"
    parts = {"x": {OURS: 1, "a": 4}, "y": {OURS: 2, "a": 2}, "z": {OURS: 1}, "w": {"a": 9}}
    assert Measured({}, "", parts=parts).ratios(OURS) == {"a": 2.0}, "the geometric mean of 4 and 1"
    parts |= {"v": {OURS: 1}, "u": {OURS: 1}}
    assert Measured({}, "", parts=parts).ratios(OURS) == {}, "two of five are too few"


def test_percentiles_and_digits() -> None:
    assert load.percentile(range(1, 101), 95) == 95
    assert load.percentile([3, 1, 2], 50) == 2
    assert load.percentile([7], 99) == 7
    assert [load.rounded(x) for x in (1234.5, 0.012345, 0.0, 9.999)] == [1230, 0.0123, 0, 10]
    assert load.medians([{"a": 1.0}, {"a": 9.0}, {"a": 3.0}]) == {"a": 3.0}
    assert load.spread([1, 2, 3, 4])["p50_ms"] == 2.5


def _result() -> dict[str, Any]:
    """A run at two sizes, as it is written down."""

    def told(figures: Any, ratios: Any = None, parts: Any = None, notes: Any = ()) -> dict[str, Any]:
        said = {"figures": figures, "ratios": ratios or {}, "parts": parts or {}, "notes": list(notes)}
        said["cpu_ratios"] = {} if parts else dict(ratios or {})
        return said | {"by": "requests_per_second", "more_is_better": not parts}

    def size(quads: int, ratio: float, milliseconds: float) -> dict[str, Any]:
        rates = {OURS: {"requests_per_second": 1000, "p99_ms": 8}, "oxigraph serve": {"requests_per_second": 2000}}
        return {
            "quads": quads + 7,
            "organisations": 60,
            "minutes": 2.5,
            "not_measured": {"rdflib-endpoint": "it | was too slow"},
            "skipped": {"collections": "gave 500"},
            "workloads": {
                "point": told(rates, {"oxigraph serve": ratio}, notes=["virtuoso: 3 errors a round"]),
                "entity": told(rates),
                "library-repeated": told(
                    {OURS: {"p50_ms": 1}},
                    notes=["virtuoso: left out of the ratio: a/b (500: no); c/d (0 rows, ours 3)"],
                ),
                "library": told(
                    {OURS: {"p50_ms": 3}}, {"virtuoso": 4.0}, {"topic/query": {OURS: 2.0, "virtuoso": 8.0}}
                ),
                "publication": told({OURS: {"p50_ms": milliseconds}}),
                "runaway": told({OURS: {"late_most_ms": 90, "polite_p99_ms": 30, "polite_p99_alone_ms": 10}}),
            },
        }

    checked = {"seconds_10": 0.1, "memory_mb_10": 1, "seconds_5000": 4.5, "memory_mb_5000": 40}
    return {
        "when": "2026-01-01T00:00:00+00:00",
        "machine": {"cores": "2", "memory": "24 GB"},
        "versions": {OURS: "1.0"},
        "servers": {"oxigraph serve": "without a limit"},
        "arguments": {"quads": [], "seconds": 5, "rounds": 3},
        "sizes": {"1000000": size(1_000_000, 0.5, 400), "10000000": size(10_000_000, 0.3, 560)},
        "once": {
            "validation": told({OURS: checked | {"seconds_50000": 50, "memory_mb_50000": 700}}),
            "start": told({OURS: {"first_seconds": 12.0}}),
        },
    }


def test_goals_are_judged_at_a_million_quads() -> None:
    found = {(v.what, v.goal): v for v in goals.verdicts(_result())}
    assert len(found) == len(goals.GOALS) == 17
    point = "point query over HTTP, never asked before"
    verdict = found[point, "≥ 0.4 × oxigraph serve"]
    assert (verdict.figure, verdict.met, verdict.where) == ("0.5 ×", True, "1,000,000 quads")
    assert found[point, "≥ 5 × rdflib-endpoint"].word == "not measured"
    published = "100 records, submitted → answered by a query"
    assert found[published, "≤ 500 ms"].ratio == 0.8
    growth = found[published, "≤ 1.3 × that at 10 M quads"]
    assert (growth.ratio, growth.word) == (1.4, "**not met**")
    words = {v.what: v.word for v in found.values()}
    assert words["entity as JSON-LD, warm, 16 clients, p99"] == "met"
    assert words["p99 of 16 polite clients beside runaway queries"] == "**not met**"
    assert words["memory of validation is bounded by the contribution"] == "**not met**"
    assert words["first start, packaged data loaded, serving"] == "**not met**"
    assert words["bulk load with resolving"] == "not measured"
    assert {v.where for v in found.values() if v.what.startswith(("validation", "first"))} == {"packaged data"}
    empty = _result() | {"sizes": {}, "once": {}}
    assert {v.met for v in goals.verdicts(empty)} == {None}


def test_a_goal_is_judged_at_the_nearest_size_that_has_its_figure() -> None:
    """A run at a million quads without peers leaves their goals to the smaller size that has them."""
    result = _result()
    small, alone = result["sizes"].pop("10000000"), result["sizes"]["1000000"]
    result["sizes"]["100000"] = small
    del alone["workloads"]["point"], alone["workloads"]["entity"]
    found = {(v.what, v.goal): v for v in goals.verdicts(result)}
    point = found["point query over HTTP, never asked before", "≥ 0.4 × oxigraph serve"]
    assert (point.figure, point.met, point.where) == ("0.3 ×", False, "100,000 quads")
    assert found["entity as JSON-LD, warm, 16 clients, p99", "≤ 10 ms"].where == "100,000 quads"
    published = found["100 records, submitted → answered by a query", "≤ 500 ms"]
    assert (published.figure, published.where) == ("400 ms", "1,000,000 quads")
    result["sizes"]["2000000"] = result["sizes"].pop("100000")
    assert {v.where for v in goals.verdicts(result) if v.what.startswith("point")} == {"2,000,000 quads", ""}


def test_the_page_says_everything(tmp_path: Path) -> None:
    (tmp_path / "try.json").write_text(json.dumps(_result()))
    (tmp_path / "former.svg").write_text("")
    page.write(tmp_path, "try")
    text = (tmp_path / "README.md").read_text()
    assert "[try.json](try.json)" in text
    assert "- **rdflib-endpoint: not measured**: it | was too slow." in text
    assert "- **Collections: filters and deep pages: not measured**: gave 500." in text
    assert "| oxigraph serve | 2,000 | — | 0.50 | 0.50 |" in text
    assert "\n- oxigraph serve: without a limit\n" in text
    assert "| topic/query | 2 |" in text
    assert "| 5,000 | 4.5 | 40 |" in text
    assert "- virtuoso: 3 errors a round" in text
    assert "- virtuoso: left out of the ratio in 2 questions\n  - a/b (500: no)\n  - c/d (0 rows, ours 3)\n" in text
    assert "| cores | 2 |" in text
    assert text.count("**not met**") == 4
    pictures = {path.name for path in tmp_path.glob("*.svg")}
    assert pictures == {"ratios-1000000.svg", "ratios-10000000.svg", "publication.svg", "validation.svg"}
    assert all(f"({name})" in text for name in pictures)
    for name in pictures:
        root = ElementTree.fromstring((tmp_path / name).read_text())
        assert root.tag.endswith("svg") and len(root) > 3


def test_bars_are_as_long_as_what_they_say() -> None:
    drawn = drawing.ratio_bars([("x", {"a": 0.1, "b": 10}), ("y", {"b": 100})], "t")
    lengths = [
        float(bar.get("width") or 0)
        for bar in ElementTree.fromstring(drawn)
        if bar.tag.endswith("rect") and bar.get("height") == "12"
    ]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.2)
    assert lengths[2] == pytest.approx(2 * lengths[1], abs=0.2)


def test_two_runs_agree_or_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    first, second = _result(), _result()
    second["sizes"]["1000000"]["workloads"]["point"]["ratios"]["oxigraph serve"] = 0.4
    names = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, told in zip(names, (first, second), strict=True):
        path.write_text(json.dumps(told))
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, names)])
    with pytest.raises(SystemExit) as ended:
        compare.main()
    assert ended.value.code == 0, "0.5 is a quarter more than 0.4"
    second["sizes"]["1000000"]["workloads"]["point"]["ratios"]["oxigraph serve"] = 0.39
    names[1].write_text(json.dumps(second))
    with pytest.raises(SystemExit) as ended:
        compare.main()
    assert ended.value.code == 1
    assert "! " in (said := capsys.readouterr().out) and "5 of 6 ratios agree within 25%" in said


def test_two_runs_are_compared_by_the_questions_that_both_have() -> None:
    first, second = _result(), _result()
    for told, name, theirs in ((first, "only/first", 800.0), (second, "only/second", 2.0)):
        told["sizes"]["1000000"]["workloads"]["library"]["parts"][name] = {OURS: 2.0, "virtuoso": theirs}
    rows = {key: (one, other) for key, one, other, _ in compare.differences(first, second)}
    assert rows["1000000", "library", "virtuoso"] == (4.0, 4.0)
    second["sizes"]["1000000"]["workloads"]["library"]["parts"] = {"only/second": {OURS: 1.0, "virtuoso": 1.0}}
    assert ("1000000", "library", "virtuoso") not in {key for key, *_ in compare.differences(first, second)}


def test_every_workload_has_a_title_and_says_what_it_is() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(AT_EACH_SIZE) + 3
    assert all(TITLES[name] and SAYINGS[name].endswith(".") for name in NAMES)
    told = (Path(run.__file__).parent / "README.md").read_text()
    assert all(f"`{name}`" in told for name in NAMES)


def test_the_command_line_plans_a_run() -> None:
    plan, name = run.plan_of(["--quads", "1000000", "100000", "--only", "point", "--name", "try", "--rounds", "2"])
    assert (plan.quads, plan.only, plan.rounds, name) == ((100_000, 1_000_000), {"point"}, 2, "try")
    assert run.plan_of([])[0].only == set(NAMES)
    assert run.plan_of(["--alone", "10000000"])[0].alone == (10_000_000,)
    with pytest.raises(SystemExit):
        run.plan_of(["--only", "nothing"])


def test_a_home_gets_tokens_that_publish(made: Dataset) -> None:
    assert dataset.new_token(made.folder / OURS).startswith("v4g_")
    assert Settings(home=made.folder).home == made.folder


@pytest.mark.parametrize(("ticks", "compared"), [(1, False), (20, True)])
def test_processor_time_of_a_few_ticks_is_not_compared(ticks: int, compared: bool) -> None:
    def run(ms: float) -> Result:
        figures = {"v4graph": {"seconds": 1.0, "cpu_ms": 1000.0}, "oxigraph serve": {"seconds": 0.02, "cpu_ms": ms}}
        ratios = {"oxigraph serve": 0.02}
        restart = {
            "figures": figures, "by": "seconds", "more_is_better": False, "parts": {}, "ratios": ratios,
            "cpu_ratios": {"oxigraph serve": ms / 1000},
        }  # fmt: skip
        return {"sizes": {"100000": {"workloads": {"restart": restart}}}}

    found = {key: by for key, *_, by in compare.differences(run(ticks * 10.0), run(ticks * 20.0))}
    assert found.get(("100000", "restart (CPU)", "oxigraph serve")) == (1.0 if compared else None)
    assert found["100000", "restart", "oxigraph serve"] == 0
