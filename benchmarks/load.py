"""Load from processes of their own (wrk), single questions with their times, and the figures made of them."""

from __future__ import annotations

import http.client
import json
import math
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit

from benchmarks.servers import NotMeasured, Running, program

SCRIPT = str(Path(__file__).with_name("requests.lua"))
JSON_ROWS = "application/sparql-results+json"
ANY_ANSWER = f"{JSON_ROWS}, text/turtle;q=0.5"
CLIENTS = 16
CPU = "cpu_ms"
"""The figure that others on the machine hardly change: processor time of all processes of a server, each time."""
_RUN = count(1)
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a workload found: figures by server, the one that ratios are made of, and the same by part.

    A ratio is over 1 where this server is the better one: the median of the ratios of the rounds, where there are
    rounds, so that what disturbs a round disturbs both sides of its ratio. With ``parts`` (such as queries) it is the
    geometric mean of the ratios of the parts that both servers answered alike; fewer than half of them tell nothing.
    """

    figures: dict[str, Figures]
    by: str
    more_is_better: bool = False
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rounds: list[dict[str, Figures]] = field(default_factory=list)
    """What ratios are made of, round by round and server by server."""

    def ratios(self, ours: str, by: str = "") -> dict[str, float]:
        """The ratio to each other server (``by`` another figure than its own, of which less is better)."""
        if self.parts and not by:
            found = {}
            asked = [times for times in self.parts.values() if ours in times]
            for name in {name for times in asked for name in times} - {ours}:
                pairs = [(times[ours], times[name]) for times in asked if name in times]
                if len(pairs) >= len(asked) / 2:
                    found[name] = statistics.geometric_mean(self._ratio(*pair) for pair in pairs)
            return {name: rounded(value) for name, value in sorted(found.items())}
        found = {}
        for name in self.figures.keys() - {ours}:
            rows = [(row[ours], row[name]) for row in self.rounds or [self.figures] if {ours, name} <= row.keys()]
            both = [(mine.get(by or self.by), theirs.get(by or self.by)) for mine, theirs in rows]
            ratios = [self._ratio(mine, theirs, less=bool(by)) for mine, theirs in both if mine and theirs]
            if ratios:
                found[name] = rounded(statistics.median(ratios))
        return dict(sorted(found.items()))

    def _ratio(self, mine: float, theirs: float, *, less: bool = False) -> float:
        return mine / theirs if self.more_is_better and not less else theirs / mine


def in_rounds(
    rows: Sequence[dict[str, Figures]], by: str, *, more_is_better: bool = False, notes: Iterable[str] = ()
) -> Measured:
    """Of each server's figures the medians of the rounds, with what ratios are made of."""
    servers = dict.fromkeys(name for row in rows for name in row)
    figures = {name: medians(row[name] for row in rows if name in row) for name in servers}
    kept = [
        {server: {name: rounded(told[name]) for name in (by, CPU) if name in told} for server, told in row.items()}
        for row in rows
    ]
    return Measured(figures, by, more_is_better, notes=list(notes), rounds=kept)


def rounded(value: float) -> float:
    """Three digits that count."""
    return value if not value or not math.isfinite(value) else round(value, 2 - math.floor(math.log10(abs(value))))


def medians(rows: Iterable[Figures]) -> Figures:
    """Of each figure the median of the rounds."""
    listed = list(rows)
    return {name: rounded(statistics.median(row[name] for row in listed)) for name in listed[0]}


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many percent do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]


def spread(milliseconds: Sequence[float]) -> Figures:
    """Median, p95, p99 and worst of times."""
    return {
        "p50_ms": rounded(statistics.median(milliseconds)),
        "p95_ms": rounded(percentile(milliseconds, 95)),
        "p99_ms": rounded(percentile(milliseconds, 99)),
        "most_ms": rounded(max(milliseconds)),
    }


def fire(
    server: Running,
    lines: Sequence[str],
    seconds: float,
    *,
    queries: bool = True,
    fresh: bool = False,
    accept: str = JSON_ROWS,
    clients: int = CLIENTS,
) -> Figures:
    """Keep a server busy with requests from wrk: queries (their texts), or with ``queries`` off addresses.

    Errors are counted; a server that gives nothing but errors has ``requests_per_second`` 0.
    """
    spent = server.cpu_seconds()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"{quote(line, safe='') if queries else line}\n" for line in lines)
        file.flush()
        environment = {**os.environ, "BENCH_REQUESTS": file.name, "BENCH_ACCEPT": accept}
        if queries:
            environment |= {"BENCH_PREFIX": f"{server.path}?query=", "BENCH_SUFFIX": server.suffix}
        if fresh:
            environment["BENCH_FRESH"] = f"{time.time_ns()}-{next(_RUN)}"
        command = [program("wrk"), "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
        command += ["-s", SCRIPT, server.url]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    spent = max(0, server.cpu_seconds() - spent)
    found = re.search(r"^RESULT (\{.*\})$", done.stdout, re.M)
    if found is None:
        raise NotMeasured(f"wrk had no answer from {server.name}: {(done.stderr or done.stdout).strip()[-200:]}")
    said = json.loads(found[1])
    good = said["requests"] - said["status"]
    return {
        "requests_per_second": good / (said["microseconds"] / 1e6),
        "p50_ms": said["p50"] / 1000,
        "p95_ms": said["p95"] / 1000,
        "p99_ms": said["p99"] / 1000,
        "most_ms": said["most"] / 1000,
        CPU: spent * 1000 / max(1, said["requests"]),
        "errors": said["status"] + said["lost"],
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: status (0 when there was none in time), seconds, headers and body."""

    status: int
    seconds: float
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows a JSON result has; -1 where it is none."""
        try:
            told = json.loads(self.body)
            return len(told["results"]["bindings"]) if "results" in told else int(told["boolean"])
        except (ValueError, KeyError, TypeError):
            return -1


class Client:
    """One client with one connection, which it opens again when the server closed it."""

    def __init__(self, url: str, seconds: float = 60) -> None:
        host = urlsplit(url)
        assert host.hostname and host.port
        self._connection = http.client.HTTPConnection(host.hostname, host.port, timeout=seconds)

    def send(
        self, method: str, target: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and read the whole answer."""
        began = time.perf_counter()
        for attempt in (1, 2):
            try:
                self._connection.request(method, target, body=body, headers=dict(headers or {}))
                found = self._connection.getresponse()
                content = found.read()
            except TimeoutError:
                break
            except (http.client.HTTPException, OSError):
                self._connection.close()
                if attempt == 2:
                    break
                began = time.perf_counter()
                continue
            told = {name.lower(): value for name, value in found.getheaders()}
            return Answer(found.status, time.perf_counter() - began, content, told)
        self._connection.close()
        return Answer(0, time.perf_counter() - began)

    def get(self, target: str, accept: str = "*/*", **headers: str) -> Answer:
        """Ask for an address."""
        return self.send("GET", target, headers={"Accept": accept, **headers})

    def ask(self, server: Running, text: str) -> Answer:
        """Ask a query, as a form: the address of a long one is too long for some."""
        body = f"query={quote(text, safe='')}{server.suffix}".encode()
        headers = {"Accept": ANY_ANSWER, "Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", server.path, body=body, headers=headers)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def fresh_comment() -> str:
    """The end of a query that makes it one that was never asked before."""
    return f"\n#{time.time_ns()}-{next(_RUN)}"
