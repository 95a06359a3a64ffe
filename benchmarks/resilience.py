"""What a server stands, and what it needs: queries without end beside polite ones, starting, memory."""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.load import CPU, Client, Figures, Measured, fire, in_rounds, medians, rounded
from benchmarks.processes import family
from benchmarks.reading import Bench, text_of
from benchmarks.servers import OURS, Running, serve_home

RUNAWAYS = 10
STARTS = 5
SECONDS = 1
"""What a query without end is allowed."""


def runaway(bench: Bench) -> Measured:
    """A query without end and a second to live: when is its process gone; sixteen polite clients beside such ones."""
    client = Client(bench.ours.url)
    text = text_of("runaway")
    target = f"{bench.ours.target(text)}&timeout={SECONDS}"
    late, answered, kept = [], [], 0
    for _ in range(RUNAWAYS):
        gone: list[float] = []
        watching = threading.Thread(target=_watch, args=(bench.ours.process.pid, gone))
        began = time.perf_counter()
        watching.start()
        answer = client.get(target)
        kept += answer.status == 200
        watching.join()
        answered.append((answer.seconds - SECONDS) * 1000)
        if gone:
            late.append((gone[0] - began - SECONDS) * 1000)
    client.close()
    texts = [text_of("point", thing) for thing in bench.organisations(5000, 13)]
    fire(bench.ours, texts, 1, fresh=True)
    alone, beside = [], []
    for number in range(bench.rounds):
        bench.tell(f"round {number + 1} of {bench.rounds}: polite clients beside a query without end")
        alone.append(fire(bench.ours, texts, bench.seconds, fresh=True))
        with _hostile(bench.ours, target):
            beside.append(fire(bench.ours, texts, bench.seconds, fresh=True))
    quiet, busy = medians(alone), medians(beside)
    figures: Figures = {
        "late_p50_ms": rounded(statistics.median(late)) if late else float("nan"),
        "late_most_ms": rounded(max(late)) if late else float("nan"),
        "answered_late_p50_ms": rounded(statistics.median(answered)),
        "killed": len(late),
        "of": RUNAWAYS,
        "polite_p99_ms": busy["p99_ms"],
        "polite_p99_alone_ms": quiet["p99_ms"],
        "polite_requests_per_second": busy["requests_per_second"],
        "errors": busy["errors"],
    }
    return Measured({OURS: figures}, "late_most_ms", notes=[f"{kept} were answered in time"] if kept else [])


def _watch(server: int, gone: list[float]) -> None:
    """Note when the first of the processes is no more that were there in the middle of the query."""
    time.sleep(SECONDS / 2)
    before, until = family(server), time.perf_counter() + SECONDS + 10
    while time.perf_counter() < until:
        if any(_ended(pid) for pid in before):
            gone.append(time.perf_counter())
            return
        time.sleep(0.002)


def _ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


@contextmanager
def _hostile(server: Running, target: str) -> Iterator[None]:
    """One client that asks for queries without end, one after the other, beside a block."""
    ended = threading.Event()

    def work() -> None:
        client = Client(server.url)
        while not ended.is_set():
            client.get(target)
        client.close()

    working = threading.Thread(target=work)
    working.start()
    try:
        yield
    finally:
        ended.set()
        working.join()


def start(bench: Bench, packaged: Path, folder: Path) -> Measured:
    """Seconds to the first answer: with the packaged data loaded, and in an empty home, which loads them first."""
    again, first, memory = [], [], []
    rounds = min(STARTS, bench.rounds)
    for number in range(rounds):
        bench.tell(f"round {number + 1} of {rounds}: starting")
        with serve_home(packaged) as server:
            again.append(server.seconds)
            time.sleep(1)
            memory.append(server.memory_mb())
        home = folder / f"first-{number}"
        with serve_home(home) as server:
            first.append(server.seconds)
        shutil.rmtree(home)
    figures = {
        "seconds": rounded(statistics.median(again)),
        "first_seconds": rounded(statistics.median(first)),
        "idle_memory_mb": rounded(statistics.median(memory)),
    }
    return Measured({OURS: figures}, "first_seconds")


def restart(bench: Bench) -> Measured:
    """Seconds from starting a server on its loaded data to its first answer; one that loads then is left out."""
    rows: list[dict[str, Figures]] = []
    for number in range(bench.rounds):
        rows.append({})
        for kind in (k for k in bench.fleet.kinds if not k.loads_in_memory):
            bench.tell(f"round {number + 1} of {bench.rounds}: starting {kind.name}")
            server = bench.fleet.start(kind.name)
            rows[-1][kind.name] = {"seconds": server.seconds, CPU: server.cpu_seconds() * 1000}
    return in_rounds(rows, "seconds")


def memory(bench: Bench) -> Measured:
    """Memory of all processes (PSS) after the workloads that read."""
    return Measured({s.name: {"memory_mb": rounded(s.memory_mb())} for s in bench.fleet.servers}, "memory_mb")
