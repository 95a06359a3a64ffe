"""``GET /metrics``: what an operator watches, in the text format of Prometheus.

Labels have few values, none of them chosen by a client: the route and not the path, a class of status and not the
status. Each application has a registry of its own. https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response

from v4graph import __version__
from v4graph.errors import NotAllowed
from v4graph.sandbox.pool import Sandbox
from v4graph.store.embedded import current
from v4graph.web.answers import Answers

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
"""Others are counted together: a client may send any word."""
_DURATIONS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0)
_PUBLICATIONS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_THROUGH_A_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class _Durations:
    """How long what lasts took: a histogram. One of the library takes a lock five times for each observation."""

    __slots__ = ("bounds", "counts", "seconds")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds

    def told(self, family: HistogramMetricFamily, *labels: str) -> None:
        """Add itself to a family."""
        bounds = [*map(str, self.bounds), "+Inf"]
        family.add_metric(labels, list(zip(bounds, accumulate(self.counts), strict=True)), self.seconds)


class Metrics(Collector):
    """What is counted as it happens, in the event loop."""

    def __init__(self) -> None:
        """Everything at nought."""
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, _Durations] = {}
        self._problems: Counter[str] = Counter()
        self._publications = _Durations(_PUBLICATIONS)
        self._bytes = self._unchanged = self._cut = 0
        ProcessCollector(namespace="v4graph", registry=self.registry)
        self.registry.register(self)

    def answered(self, route: str, method: str, status: int, seconds: float, size: int, *, cut: bool = False) -> None:
        """A request was answered; ``status`` is 499 when the client did not wait, ``cut`` when the answer broke off."""
        self._requests[route, method if method in METHODS else "other", status // 100] += 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = _Durations(_DURATIONS)
        durations.add(seconds)
        self._bytes += size
        self._unchanged += status == 304
        self._cut += cut

    def problem(self, slug: str) -> None:
        """An error was told; there are as many slugs as kinds of errors."""
        self._problems[slug] += 1

    def published(self, seconds: float) -> None:
        """The publisher was at work."""
        self._publications.add(seconds)

    def text(self) -> bytes:
        """All of it, and what else the registry holds, in the text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """What was counted."""
        requests = CounterMetricFamily("v4graph_requests", "Requests answered", labels=("route", "method", "status"))
        for (route, method, status), times in self._requests.items():
            requests.add_metric((route, method, f"{status}xx"), times)
        yield requests
        took = HistogramMetricFamily(
            "v4graph_request_duration_seconds", "Time from a request to the last byte of its answer", labels=("route",)
        )
        for route, durations in self._durations.items():
            durations.told(took, route)
        yield took
        yield _count("v4graph_response_bytes", "Bytes of bodies sent", self._bytes)
        yield _count("v4graph_not_modified", "Answers 304", self._unchanged)
        yield _count("v4graph_answers_cut", "Answers that broke off: the client left, or a limit was met", self._cut)
        problems = CounterMetricFamily("v4graph_problems", "Errors told, by their kind", labels=("problem",))
        for slug, times in self._problems.items():
            problems.add_metric((slug,), times)
        yield problems
        wrote = HistogramMetricFamily(
            "v4graph_publication_duration_seconds",
            "Time of the publisher for a contribution or a decision, waiting for the lock included",
        )
        self._publications.told(wrote)
        yield wrote


class Sights(Collector):
    """What is looked up when somebody asks: the parts of an application as they are."""

    def __init__(self, app: FastAPI) -> None:
        """Of an application."""
        self._app = app

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        state: State = self._app.state
        yield _gauge("v4graph_build_info", "The version that runs", 1, version=__version__)
        yield _gauge("v4graph_draining", "1 while the server ends", self._app.gate.draining)  # type: ignore[attr-defined]
        yield _gauge("v4graph_requests_under_way", "Requests", self._app.gate.under_way)  # type: ignore[attr-defined]
        yield from _of_snapshot(state)
        yield from _of_readers(state.sandbox)
        yield from _of_memory(state)
        yield from _of_answers(state.answers)


def _gauge(name: str, told: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, told, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _count(name: str, told: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, told, value=value)


def _of_snapshot(state: State) -> Iterator[Metric]:
    snapshot = state.sandbox.snapshot
    if snapshot is None:
        return
    published = datetime.fromisoformat(snapshot.created)
    age = max((datetime.now(UTC) - published).total_seconds(), 0)
    yield _gauge("v4graph_snapshot_number", "The snapshot that is answered from", snapshot.number)
    yield _gauge("v4graph_snapshot_age_seconds", "Time since it was published", age)
    if state.scratch is None:
        newest = current(state.settings.home)
        behind = newest is not None and newest.token != snapshot.token
        yield _gauge("v4graph_snapshot_behind", "1 while a newer one was published and is not open here", behind)


def _of_readers(sandbox: Sandbox) -> Iterator[Metric]:
    readers = GaugeMetricFamily("v4graph_readers", "Reader processes", labels=["state"])
    readers.add_metric(["busy"], sandbox.busy)
    readers.add_metric(["idle"], sandbox.idle)
    yield readers
    yield _gauge("v4graph_queries_waiting", "Queries that wait for a reader", sandbox.waiting)
    stopped = CounterMetricFamily("v4graph_queries_killed", "Queries whose reader was stopped", labels=["reason"])
    for reason, times in sorted(sandbox.killed.items()):
        stopped.add_metric([reason], times)
    yield stopped
    yield _count("v4graph_queries_slow", "Queries slower than a tenth of their longest deadline", sandbox.slow)


def _of_memory(state: State) -> Iterator[Metric]:
    groups = {"reader": state.sandbox.pids, "publisher": state.publisher.pids, "checker": state.checkers.pids}
    total = GaugeMetricFamily("v4graph_memory_bytes", "Memory of child processes together", labels=["process"])
    largest = GaugeMetricFamily("v4graph_memory_largest_bytes", "Memory of the largest of them", labels=["process"])
    for process, pids in groups.items():
        sizes = [memory_of(pid) for pid in pids]
        total.add_metric([process], sum(sizes))
        largest.add_metric([process], max(sizes, default=0))
    yield total
    yield largest


def _of_answers(answers: Answers) -> Iterator[Metric]:
    yield _count("v4graph_cache_hits", "Answers that were given before in this snapshot", answers.hits)
    yield _count("v4graph_cache_misses", "Answers that were looked for in memory and had to be made", answers.misses)
    yield _gauge("v4graph_cache_answers", "Answers in memory", len(answers))
    yield _gauge("v4graph_cache_bytes", "What they take", answers.size)


def memory_of(pid: int) -> int:
    """The memory of a process in bytes: its share of what several map, or where that is not told, what is resident."""
    process = Path("/proc", str(pid))
    with suppress(OSError, ValueError, IndexError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, ValueError, IndexError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


async def metrics(request: Request) -> Response:
    """The metrics, for who stands beside the server: they say nothing of anybody, but how busy it is."""
    refuse_from_afar(request)
    measured: Metrics = request.app.state.metrics
    headers = {"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"}
    return Response(measured.text(), headers=headers)


def refuse_from_afar(request: Request) -> None:
    """Refuse what came through a proxy, or from outside private networks.

    Raises:
        NotAllowed: it did.
    """
    refused = NotAllowed("The metrics are for the operator, who asks this server directly and not through a proxy.")
    if any(name in request.headers for name in _THROUGH_A_PROXY):
        raise refused
    try:
        near = request.client is not None and ipaddress.ip_address(request.client.host).is_private
    except ValueError:
        near = False
    if not near:
        raise refused


def add_routes(app: FastAPI) -> None:
    """Add the route, and what is looked up for it."""
    app.state.metrics.registry.register(Sights(app))
    app.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False, response_model=None)
