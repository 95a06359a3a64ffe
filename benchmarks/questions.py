"""Question by question: every server is asked all of them in turns, one at a time."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks import generate
from benchmarks.load import Client, Figures, Measured, fresh_comment, rounded, spread
from benchmarks.reading import IRIS, PATIENCE, QUERIES, Bench
from benchmarks.servers import OURS, NotMeasured, Running
from v4graph import queries

STRIKES = 2
"""After so many queries without an answer a server is asked no further."""
LEAST, MOST, TIMES_OURS = 60.0, 300.0, 3.0
"""Seconds of a round that every server gets, and that none gets more than; between them a peer gets three times what
this server took."""
SHORT, ENOUGH = 60.0, 600.0
"""Seconds: while all rounds together are shorter, there are as many as of other workloads; after the longer time none
begins at all."""

POOLS: dict[str, Sequence[str]] = {
    "country": [f"country:{code}" for code in generate.CENTRES],
    "covers": [f"country:{code}" for code in generate.CENTRES],
    "group": [f"country:{code}" for code in generate.CENTRES],
    "sector": [f"scheme/sector/{sector}" for sector in generate.SECTORS],
    "theme": [f"scheme/sector/{sector}" for sector in generate.SECTORS],
    "kind": ["v4:Project", "v4:ClusterOrganisation", "v4:Event"],
    "fromYear": [str(year) for year in range(1996, 2020)],
    "year": [str(year) for year in range(1996, 2020)],
    "untilYear": [str(year) for year in range(1996, 2020)],
    "day": [f"{year}-06-01" for year in range(1996, 2020)],
    "atLeast": ["2", "3", "4"],
}
"""Values of parameters by their name; an organisation, a project or a thing is drawn from all there are."""
SELECTIVE = ("organisation", "project", "thing", "source", "country", "sector")


def library(bench: Bench) -> Measured:
    """All queries of the library, each with another parameter every time; no text is asked twice."""

    def draw(query: queries.Query, number: int) -> str:
        return queries.bind_checked(query, parameter(query, number, bench.fleet.data.blocks), IRIS) + fresh_comment()

    return by_question(bench, {query.name: _drawing(query, draw) for query in queries.list_library(IRIS)})


def library_repeated(bench: Bench) -> Measured:
    """The same queries with one parameter each, asked before."""

    def draw(query: queries.Query, _: int) -> str:
        return queries.bind_checked(query, parameter(query, 0, bench.fleet.data.blocks), IRIS)

    return by_question(bench, {query.name: _drawing(query, draw) for query in queries.list_library(IRIS)}, warm=True)


def aggregations(bench: Bench) -> Measured:
    """Counts and sums over all there is; no text is asked twice."""
    found = [queries.read_query(path, IRIS) for path in sorted((QUERIES / "aggregations").glob("*.rq"))]
    return by_question(bench, {query.name: _drawing(query, lambda q, _: q.text + fresh_comment()) for query in found})


def _drawing(query: queries.Query, draw: Callable[[queries.Query, int], str]) -> Callable[[int], str]:
    return lambda number: draw(query, number)


def parameter(query: queries.Query, number: int, blocks: int) -> dict[str, str]:
    """One parameter of a query, drawn by lot: the same number draws the same."""
    chance = random.Random(f"{query.name} {number}")
    wanted = {p.name for p in query.parameters}
    names = [name for name in SELECTIVE if name in wanted] or sorted(wanted & POOLS.keys())
    if not names:
        return {}
    name = chance.choice(names)
    block = chance.randrange(blocks)
    drawn = {
        "organisation": f"id/organisation/bench-{block * generate.ORGANISATIONS_PER_BLOCK + block % 2}",
        "project": f"id/project/bench-{block}",
        "thing": f"id/project/bench-{block}",
        "source": f"graph/{generate.source(block)}",
    }
    return {name: drawn[name] if name in drawn else chance.choice(POOLS[name])}


@dataclass(slots=True)
class _Asked:
    """How a server has done so far."""

    client: Client
    times: dict[str, list[float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    strikes: int = 0
    seconds: float = 0.0
    """Spent in this round."""
    given_up: str = ""


def by_question(bench: Bench, questions: Mapping[str, Callable[[int], str]], *, warm: bool = False) -> Measured:
    """Ask every server every question in turn; a part is a question, its figure the median in milliseconds."""
    told = {server.name: _Asked(Client(server.url, PATIENCE)) for server in bench.fleet.servers}
    order = sorted(questions.items())
    random.Random(len(order)).shuffle(order)  # where time is up, it is not always the same topics that are left out
    began, notes = time.perf_counter(), []
    for number in range(-1 if warm else 0, bench.rounds):
        took = time.perf_counter() - began
        if number >= bench.few and took > SHORT:
            break
        if number > 0 and took > ENOUGH:
            notes.append(f"{number} of {bench.few} rounds: they took more than {ENOUGH / 60:g} minutes")
            break
        for asked in told.values():
            asked.seconds = 0.0
        for position, (name, draw) in enumerate(order):
            if position % 10 == 0:
                bench.tell(f"round {number + 1}: question {position + 1} of {len(questions)}")
            _ask_all(bench, told, name, draw(number), counts=number >= 0)
    for asked in told.values():
        asked.client.close()
    measured = _measured(told, list(questions))
    return replace(measured, notes=notes + measured.notes)


def _ask_all(bench: Bench, told: dict[str, _Asked], name: str, text: str, *, counts: bool) -> None:
    """Ask all servers one text, this server first: its rows are what the others are to answer."""
    rows = -1
    for server in bench.fleet.servers:
        asked = told[server.name]
        if name in asked.failed or asked.given_up:
            continue
        budget = MOST if server.is_ours else min(MOST, max(LEAST, TIMES_OURS * told[OURS].seconds))
        if asked.seconds > budget:
            asked.given_up = f"{asked.seconds:.0f} seconds in a round"
            continue
        answer = asked.client.ask(server, text)
        asked.seconds += answer.seconds
        if answer.status == 0:
            asked.failed[name] = "no answer"
            _again(bench, server, asked)
        elif answer.status != 200:
            asked.failed[name] = f"{answer.status}: {said_of(answer.body)}"
        elif server.is_ours:
            rows = answer.rows
        elif rows >= 0 and answer.rows != rows:
            asked.failed[name] = f"{answer.rows} rows, ours {rows}"
        if counts and name not in asked.failed:
            asked.times.setdefault(name, []).append(answer.seconds * 1000)


def said_of(body: bytes) -> str:
    """The beginning of what a server says of an error."""
    return " ".join(body.decode("utf-8", "replace").split())[:60].replace("`", "'")


def _again(bench: Bench, server: Running, asked: _Asked) -> None:
    """A server that did not answer may still be at it: it is started again."""
    asked.strikes += 1
    asked.client.close()
    if asked.strikes >= STRIKES:
        asked.given_up = f"{STRIKES} queries without an answer in {PATIENCE} s"
    try:
        asked.client = Client(bench.fleet.start(server.name).url, PATIENCE)
    except NotMeasured as error:
        bench.fleet.leave_out(server.name, str(error))
        asked.given_up = str(error)


def _measured(told: Mapping[str, _Asked], questions: Sequence[str]) -> Measured:
    answered = {server: [name for name in asked.times if name not in asked.failed] for server, asked in told.items()}
    parts = {
        name: {
            server: rounded(statistics.median(told[server].times[name])) for server in told if name in answered[server]
        }
        for name in questions
    }
    figures: dict[str, Figures] = {}
    notes = []
    for server, asked in told.items():
        times = [each for name in answered[server] for each in asked.times[name]]
        if times:
            figures[server] = {"answered": len(answered[server]), "of": len(questions), **spread(times)}
        if asked.given_up:
            notes.append(f"{server}: asked no further after {asked.given_up}")
        if asked.failed:
            listed = "; ".join(f"{name} ({why})" for name, why in sorted(asked.failed.items()))
            notes.append(f"{server}: left out of the ratio: {listed}")
    return Measured(figures, "p50_ms", parts=parts, notes=notes)
