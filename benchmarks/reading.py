"""What readers do: queries that were never asked, queries that were, entity documents, collections, 304."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks import generate
from benchmarks.load import Client, Figures, Measured, fire, in_rounds, rounded, spread
from benchmarks.processes import Others
from benchmarks.servers import DEADLINE, OURS, Fleet, NotMeasured, Running
from v4graph import queries
from v4graph.iris import Iris
from v4graph.selections import Cursor

IRIS = Iris()
QUERIES = Path(__file__).parent / "queries"
PATIENCE = DEADLINE + 5
"""Seconds a client waits; a server that is told to give up has given up before."""
DOCUMENTS = 200
"""So many are asked for again and again."""
TURTLE, JSON_LD = "text/turtle", "application/ld+json"


@dataclass(frozen=True, slots=True)
class Bench:
    """What a workload is given: the servers with their data, and how long and how often to measure."""

    fleet: Fleet
    seconds: float
    rounds: int
    tell: Callable[[str], None]

    @property
    def few(self) -> int:
        """How often what takes long is repeated."""
        return max(1, self.rounds // 3)

    @property
    def ours(self) -> Running:
        """This project's server."""
        return self.fleet.ours

    def organisations(self, how_many: int, seed: int) -> list[str]:
        """Organisations drawn by lot; the same seed draws the same."""
        chance = random.Random(seed)
        return [generate.organisation(chance.randrange(self.fleet.data.organisations)) for _ in range(how_many)]


def text_of(name: str, organisation: str = "") -> str:
    """One of our queries, for an organisation if it wants one."""
    return queries.read_query(QUERIES / f"{name}.rq", IRIS).text.replace("urn:organisation", organisation)


MOST_TAKEN = 0.1
"""A turn in which others took more of the machine than this is repeated, while there are repeats left."""
PAUSE = 0.3
"""Seconds between turns: a server ends what nobody waits for any more, on its own time."""


def in_turns(bench: Bench, measure: Callable[[Running, int, float], Figures], *, only_ours: bool = False) -> Measured:
    """Measure requests of all servers in turn, after a second of warm-up each: A B C, C B A, A B C."""
    names = [server.name for server in ([bench.ours] if only_ours else bench.fleet.servers)]
    rows: list[dict[str, Figures]] = []
    notes = []
    turns = _Turns(bench.rounds)
    for number in range(bench.rounds + 1):
        row = {}
        for name in names[:: 1 if number % 2 else -1]:
            bench.tell(f"round {number} of {bench.rounds}: {name}" if number else f"warm-up: {name}")
            try:
                server = bench.fleet.running(name) or bench.fleet.start(name)
                seconds = bench.seconds if number else 1
                row[name] = turns.take(partial(measure, server, number, seconds), again=number > 0)
            except NotMeasured as error:
                notes.append(f"{name}: a round is missing: {error}")
                bench.fleet.stop(name)
        if number:
            rows.append({name: row[name] for name in names if name in row})
    notes += turns.notes()
    found = in_rounds(rows, "requests_per_second", more_is_better=True, notes=notes)
    for name, figures in list(found.figures.items()):
        if figures["errors"]:
            found.notes.append(f"{name}: {figures['errors']:g} errors a round")
        if not figures["requests_per_second"]:
            del found.figures[name]
    if OURS not in found.figures:
        raise NotMeasured("; ".join(found.notes))
    return found


@dataclass(slots=True)
class _Turns:
    """Turns, repeated as often as ``left`` says where others took too much."""

    left: int
    repeated: int = 0
    disturbed: int = 0

    def take(self, measure: Callable[[], Figures], *, again: bool) -> Figures:
        """One turn: the first that was not disturbed, or the last."""
        while True:
            others = Others()
            figures = measure()
            share = others.share()
            time.sleep(PAUSE)
            if not again or share <= MOST_TAKEN:
                return figures
            if not self.left:
                self.disturbed += 1
                return figures
            self.left -= 1
            self.repeated += 1

    def notes(self) -> list[str]:
        """What to say of it."""
        if not self.repeated:
            return []
        kept = f", {self.disturbed} more were kept" if self.disturbed else ""
        return [f"{self.repeated} turns were repeated because others took over {MOST_TAKEN:.0%} of the machine{kept}"]


def point(bench: Bench) -> Measured:
    """Names and country of an organisation: no text is asked twice."""

    def measure(server: Running, number: int, seconds: float) -> Figures:
        texts = [text_of("point", thing) for thing in bench.organisations(5000, number)]
        return fire(server, texts, seconds, fresh=True)

    found = in_turns(bench, measure)
    found.notes.extend(_differences(bench, [text_of("point", _FIRST)]))
    return found


_FIRST = generate.organisation(0)


def repeated(bench: Bench) -> Measured:
    """Two hundred such queries, asked again and again."""
    texts = [text_of("point", thing) for thing in bench.organisations(200, 7)]
    return in_turns(bench, lambda server, _, seconds: fire(server, texts, seconds))


def entity(bench: Bench) -> Measured:
    """Documents of 200 organisations, asked once before; peers are asked for all statements of one, as Turtle."""
    things = bench.organisations(DOCUMENTS, 3)
    targets = [f"/organisation/{thing.rpartition('/')[2]}.jsonld" for thing in things]
    texts = [text_of("document", thing) for thing in things]
    cold = spread(_ask_all(bench.ours, targets))

    def measure(server: Running, _: int, seconds: float) -> Figures:
        if server.is_ours:
            return fire(server, targets, seconds, queries=False, accept=JSON_LD)
        return fire(server, texts, seconds, accept=TURTLE)

    found = in_turns(bench, measure)
    found.figures[OURS] |= {"first_p50_ms": cold["p50_ms"], "first_p99_ms": cold["p99_ms"]}
    return found


def conditional(bench: Bench) -> Measured:
    """Documents, collections and answers that have not changed: 304. No peer has it; ratios are to repeated queries."""
    things = bench.organisations(DOCUMENTS, 5)
    targets = [f"/organisation/{thing.rpartition('/')[2]}.jsonld" for thing in things[: DOCUMENTS // 4]]
    targets += ["/clusters.jsonld?country=CZE", "/projects.jsonld?sector=ict"]
    targets += [bench.ours.target(text_of("point", thing)) for thing in things[:50]]
    client = Client(bench.ours.url, PATIENCE)
    lines = []
    for target in targets:
        accept = "application/sparql-results+json" if "query=" in target else JSON_LD
        answer = client.get(target, accept)
        told = client.get(target, accept, **{"If-None-Match": answer.headers["etag"]})
        assert told.status == 304, (target, told.status)
        if accept == JSON_LD:
            lines.append(f"{target}\t{answer.headers['etag']}")
    client.close()
    texts = [text_of("point", thing) for thing in things]

    def measure(server: Running, _: int, seconds: float) -> Figures:
        if server.is_ours:
            return fire(server, lines, seconds, queries=False, accept=JSON_LD)
        return fire(server, texts, seconds)

    return in_turns(bench, measure)


def collections(bench: Bench) -> Measured:
    """Pages of clusters, projects and partners: filters, orders, pages far into the list. No peer has it."""
    client = Client(bench.ours.url, 10 * PATIENCE)
    chance = random.Random(5)
    targets: list[str] = []
    read = []
    for name, sorts in (
        ("clusters", ("name", "founded", "-members")),
        ("projects", ("start",)),
        ("partners", ("name",)),
    ):
        began = time.perf_counter()
        client.get(f"/{name}.jsonld?limit=20", JSON_LD)
        read.append(time.perf_counter() - began)
        filters = [f"country={country}" for country in generate.CENTRES]
        filters += [f"sector={sector}" for sector in generate.SECTORS] + [""]
        for narrowed in filters:
            start = f"/{name}.jsonld?limit=20&sort={chance.choice(sorts)}" + (f"&{narrowed}" if narrowed else "")
            answer = client.get(start, JSON_LD)
            if answer.status != 200:
                raise NotMeasured(f"{start} gave {answer.status}")
            targets.append(start)
            targets += _deeper(client, start, answer.headers.get("link", ""), chance)
    client.close()
    chance.shuffle(targets)

    def measure(server: Running, _: int, seconds: float) -> Figures:
        return fire(server, targets, seconds, queries=False, accept=JSON_LD)

    found = in_turns(bench, measure, only_ours=True)
    found.figures[OURS]["first_read_seconds"] = rounded(max(read))
    return found


def _deeper(client: Client, start: str, links: str, chance: random.Random) -> list[str]:
    """Pages far into a list: the cursor of its next page, with greater numbers as far as there are things."""
    following = next((part.split(">")[0].rpartition("cursor=")[2] for part in links.split(",") if '"next"' in part), "")
    if not following:
        return []
    cursor = Cursor.parse(following.partition("&")[0])
    offsets = (cursor.offset * chance.randrange(2, 500) for _ in range(8))
    targets = [f"{start}&cursor={replace(cursor, offset=offset)}" for offset in offsets]
    return [target for target in targets if client.get(target, JSON_LD).status == 200]


def _ask_all(server: Running, targets: Sequence[str]) -> list[float]:
    """Ask for addresses one after the other; the milliseconds of each."""
    client, times = Client(server.url, PATIENCE), []
    for target in targets:
        answer = client.get(target, JSON_LD)
        if answer.status != 200:
            raise NotMeasured(f"{target} gave {answer.status}")
        times.append(answer.seconds * 1000)
    client.close()
    return times


def _differences(bench: Bench, texts: Sequence[str]) -> list[str]:
    """Who answers otherwise than this server."""
    notes = []
    for server in bench.fleet.servers:
        if not server.is_ours:
            ours, theirs = Client(bench.ours.url, PATIENCE), Client(server.url, PATIENCE)
            wrong = sum(ours.ask(bench.ours, text).rows != theirs.ask(server, text).rows for text in texts)
            if wrong:
                notes.append(f"{server.name}: {wrong} of {len(texts)} answers have another number of rows than ours")
            ours.close()
            theirs.close()
    return notes
