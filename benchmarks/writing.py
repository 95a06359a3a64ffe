"""What partners and operators do: load, validate, publish; and what that does to readers."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

from benchmarks import dataset, generate
from benchmarks.load import Client, Figures, Measured, fire, in_rounds, medians, rounded, spread
from benchmarks.reading import Bench, text_of
from benchmarks.servers import OURS, Fleet, NotMeasured, Running, serve_home

RECORDS = (10, 100, 1_000, 5_000, 50_000)
"""How many records are validated at once."""
NTRIPLES = "application/n-triples"
PUBLICATIONS, LEAST, ENOUGH = 40, 12, 45.0
"""How many contributions are timed: the first number, or after so many seconds at least the second."""
A_MINUTE = 20
"""Contributions a minute beside readers."""
_PAPER = count(1)


def bulk_load(fleet: Fleet, rounds: int, tell: object = None) -> tuple[Measured, int]:
    """Load everything into empty stores. This server reads what the sources say, writes the ledger, resolves and
    derives, without applying the rules; its peers read the store that comes of it.
    """
    rows: list[dict[str, Figures]] = []
    quads = 0
    notes = []
    for number in range(rounds):
        row: dict[str, Figures] = {}
        rows.append(row)
        for server in fleet.kinds:
            if callable(tell):
                tell(f"round {number + 1} of {rounds}: loading {server.name}")
            try:
                told = server.load(fleet.data, fleet.folder(server.name))
            except NotMeasured as error:
                if server.name == OURS:
                    raise
                fleet.leave_out(server.name, str(error))
                continue
            if server.name == OURS and not quads:
                quads = dataset.export(fleet.data, fleet.folder(OURS), wanted=len(fleet.kinds) > 1)
            if server.loads_in_memory:
                notes = [f"{server.name}: loads the default graph only, into memory, whenever it starts"]
            row[server.name] = {**told, "quads_per_second": quads / told["seconds"]}
    found = in_rounds(rows, "seconds", notes=notes)
    said = sum(path.stat().st_size for path in fleet.data.sources.glob("*.nt"))
    found.figures[OURS]["sources_mb"] = rounded(said / 2**20)
    return found, quads


def validation(bench: Bench, home: Path, records: tuple[int, ...] = RECORDS) -> Measured:
    """Dry runs over HTTP of 10 to 50,000 records, and the memory they need; no peer has rules."""
    figures: Figures = {}
    patient = {"V4GRAPH_UPLOAD_SECONDS": "900", "V4GRAPH_READER_MEMORY_MB": "8192", "V4GRAPH_UPLOAD_MB": "512"}
    with serve_home(home, **patient) as server:
        client = Client(server.url, 900)
        _dry_run(client, 10)
        for number in records:
            bench.tell(f"validation of {number} records")
            seconds, peaks = [], []
            before = server.memory_mb()
            for _ in range(bench.few):
                with _peak(server) as peak:
                    seconds.append(_dry_run(client, number))
                peaks.append(peak[0] - before)
            figures[f"seconds_{number}"] = rounded(statistics.median(seconds))
            figures[f"memory_mb_{number}"] = rounded(max(0, statistics.median(peaks)))
        client.close()
    return Measured({OURS: figures}, f"seconds_{min(5_000, max(records))}")


def _dry_run(client: Client, records: int) -> float:
    body = "\n".join(generate.document(records, f"paper-{next(_PAPER)}")).encode()
    answer = client.send(
        "POST",
        "/contributions/validate?source=bench-page&format=json",
        body=body,
        headers={"Content-Type": NTRIPLES},
    )
    if answer.status != 200:
        raise NotMeasured(f"validation of {records} records gave {answer.status}: {answer.body[:200].decode()}")
    return answer.seconds


@contextmanager
def _peak(server: Running) -> Iterator[list[float]]:
    """The most memory of all processes of a server during a block, looked at ten times a second."""
    found, ended = [server.memory_mb()], threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            found[0] = max(found[0], server.memory_mb())

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield found
    finally:
        ended.set()
        watching.join()


class Paper:
    """A contribution of a hundred new records, submitted over HTTP, and the query that is to find it."""

    def __init__(self, token: str) -> None:
        stem = f"paper-{time.time_ns()}-{next(_PAPER)}"
        self._body = "\n".join(generate.document(100, stem)).encode()
        self._headers = {"Content-Type": NTRIPLES, "Authorization": f"Bearer {token}"}
        self._text = f"ASK {{ <{generate.organisation(0, stem)}> ?property ?value }}"

    def publish(self, server: Running, client: Client) -> Figures:
        """Submit it and ask until an answer has it: the milliseconds of the one, and of both."""
        began = time.perf_counter()
        target = f"/contributions?source={quote(dataset.PAGE)}&mode=patch"
        answer = client.send("POST", target, body=self._body, headers=self._headers)
        if answer.status != 201 or b'"published"' not in answer.body:
            raise NotMeasured(f"a contribution was not published: {answer.status} {answer.body[:300].decode()}")
        accepted = time.perf_counter()
        while client.ask(server, self._text).rows != 1:
            if time.perf_counter() - accepted > 30:
                raise NotMeasured("what was published is not answered after 30 seconds")
        return {"accepted_ms": (accepted - began) * 1000, "answered_ms": (time.perf_counter() - began) * 1000}


def publication(bench: Bench, times: int = PUBLICATIONS) -> Measured:
    """A contribution of 100 records, from sending it to a query over HTTP that answers it, one a second; then one
    straight after the other, while the server still tidies up. No peer has rules.
    """
    token = dataset.new_token(bench.fleet.folder(OURS))
    client = Client(bench.ours.url)
    Paper(token).publish(bench.ours, client)
    paced = _one_by_one(bench, client, token, times, 1.0)
    straight = _one_by_one(bench, client, token, max(1, times // 2), 0.0)
    client.close()
    found = spread([row["answered_ms"] for row in paced])
    found["published"] = len(paced)
    found["accepted_p50_ms"] = rounded(statistics.median(row["accepted_ms"] for row in paced))
    found["straight_p50_ms"] = rounded(statistics.median(row["answered_ms"] for row in straight))
    return Measured({OURS: found}, "p50_ms")


def _one_by_one(bench: Bench, client: Client, token: str, times: int, every: float) -> list[Figures]:
    """Publish so often, at most once in so many seconds, for as long as may be."""
    rows: list[Figures] = []
    began = time.perf_counter()
    for number in range(times):
        if number >= LEAST and time.perf_counter() - began > ENOUGH:
            break
        if number % 5 == 0:
            bench.tell(f"publication {number + 1} of {times}")
        paper, due = Paper(token), time.perf_counter() + every
        rows.append(paper.publish(bench.ours, client))
        time.sleep(max(0, due - time.perf_counter()))
    return rows


def readers_beside(bench: Bench) -> Measured:
    """Sixteen readers with point queries, alone and while 20 contributions of 100 records a minute are published."""
    token = dataset.new_token(bench.fleet.folder(OURS))
    texts = [text_of("point", thing) for thing in bench.organisations(5000, 11)]
    seconds = max(bench.seconds, 2 * 60 / A_MINUTE)
    fire(bench.ours, texts, 1, fresh=True)
    alone, beside, published = [], [], []
    for number in range(bench.few):
        bench.tell(f"round {number + 1} of {bench.few}: readers beside a publisher")
        alone.append(fire(bench.ours, texts, seconds, fresh=True))
        with _publishing(bench.ours, token) as done:
            beside.append(fire(bench.ours, texts, seconds, fresh=True))
        published += done
    quiet, busy = medians(alone), medians(beside)
    figures = {
        "p99_ms": busy["p99_ms"],
        "p99_alone_ms": quiet["p99_ms"],
        "most_ms": busy["most_ms"],
        "requests_per_second": busy["requests_per_second"],
        "alone_requests_per_second": quiet["requests_per_second"],
        "published": len(published),
        "published_p50_ms": rounded(statistics.median(published)) if published else 0,
        "errors": busy["errors"],
    }
    return Measured({OURS: figures}, "p99_ms")


@contextmanager
def _publishing(server: Running, token: str) -> Iterator[list[float]]:
    """Publish 20 times a minute beside a block; gives the milliseconds of each."""
    ended, done, failed = threading.Event(), list[float](), list[NotMeasured]()

    def work() -> None:
        client = Client(server.url)
        due = time.perf_counter()
        try:
            while not ended.wait(max(0, due - time.perf_counter())):
                done.append(Paper(token).publish(server, client)["answered_ms"])
                due += 60 / A_MINUTE
        except NotMeasured as error:
            failed.append(error)
        client.close()

    working = threading.Thread(target=work)
    working.start()
    try:
        yield done
    finally:
        ended.set()
        working.join()
    if failed:
        raise failed[0]
