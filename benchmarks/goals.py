"""The goals of the design, and whether the figures of a run meet them.

A result is what ``benchmarks.run`` writes: ``sizes`` (by quads asked for) and ``once``, each with ``workloads`` by
name, each with ``figures`` by server and ``ratios`` by peer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.servers import OURS

Result = dict[str, Any]
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, the figure it is judged by, and whether it is met; None is not measured."""

    what: str
    goal: str
    figure: str
    ratio: float | None
    met: bool | None
    where: str = ""

    @property
    def word(self) -> str:
        """The verdict as a word."""
        return "not measured" if self.met is None else "met" if self.met else "**not met**"


def size_near(result: Result, has: Callable[[str], bool], quads: int = MILLION) -> str | None:
    """Of the sizes at which something was measured, the largest not above this one, else the smallest."""
    sizes = sorted(int(size) for size in result["sizes"] if has(size))
    if not sizes:
        return None
    return str(max([size for size in sizes if size <= quads], default=sizes[0]))


def _measured(result: Result, size: str | None, workload: str) -> dict[str, Any]:
    """A workload at a size; None stands for what is measured once, on the packaged data."""
    told = result["sizes"].get(size, {}).get("workloads", {}) if size else result["once"]
    return dict(told.get(workload, {}))


def _figure(result: Result, size: str | None, workload: str, name: str) -> float | None:
    value = _measured(result, size, workload).get("figures", {}).get(OURS, {}).get(name)
    return value if value is not None and value == value else None


def _place(size: str | None) -> str:
    return f"{int(size):,} quads" if size else "packaged data"


def _to_peer(workload: str, peer: str, least: float) -> Callable[[Result], Verdict]:
    def judge(result: Result) -> Verdict:
        def ratio_at(size: str) -> float | None:
            found: float | None = _measured(result, size, workload).get("ratios", {}).get(peer)
            return found

        goal = f"≥ {least:g} × {peer}"
        size = size_near(result, lambda size: ratio_at(size) is not None)
        ratio = ratio_at(size) if size else None
        if ratio is None:
            return Verdict("", goal, "", None, None)
        return Verdict("", goal, f"{ratio:g} ×", ratio, ratio >= least, _place(size))

    return judge


def _at_most(workload: str, name: str, most: float, unit: str) -> Callable[[Result], Verdict]:
    def judge(result: Result) -> Verdict:
        size = size_near(result, lambda size: _figure(result, size, workload, name) is not None)
        value = _figure(result, size, workload, name)
        goal = f"≤ {most:g} {unit}"
        if value is None:
            return Verdict("", goal, "", None, None)
        return Verdict("", goal, f"{value:g} {unit}", value / most, value <= most, _place(size))

    return judge


def _growth(workload: str, name: str, before: str, after: str, most: float, goal: str) -> Callable[[Result], Verdict]:
    """One figure of a workload against another."""

    def judge(result: Result) -> Verdict:
        size = size_near(result, lambda size: _figure(result, size, workload, after) is not None)
        small, large = (_figure(result, size, workload, each) for each in (before, after))
        if not small or large is None:
            return Verdict("", goal, "", None, None)
        ratio = large / small
        return Verdict("", goal, f"{large:g} {name} ({small:g})", ratio, ratio <= most, _place(size))

    return judge


def _publication_growth(result: Result) -> Verdict:
    goal = "≤ 1.3 × that at 10 M quads"
    sizes = [str(size) for size in (MILLION, 10 * MILLION)]
    small, large = (_figure(result, size, "publication", "p50_ms") for size in sizes)
    if small is None or large is None:
        return Verdict("", goal, "", None, None)
    return Verdict("", goal, f"{large:g} ms ({small:g} at 1 M)", large / small, large / small <= 1.3, "10 M")


def _elsewhere(how: str) -> Callable[[Result], Verdict]:
    return lambda _: Verdict("", how, "tested, not timed", None, None, "`make test`, `make drill`")


GOALS: tuple[tuple[str, Callable[[Result], Verdict]], ...] = (
    ("point query over HTTP, never asked before", _to_peer("point", "rdflib-endpoint", 5)),
    ("point query over HTTP, never asked before", _to_peer("point", "oxigraph serve", 0.4)),
    ("any answer asked before", _to_peer("repeated", "oxigraph serve", 1)),
    ("304 (against a repeated query)", _to_peer("conditional", "oxigraph serve", 1)),
    ("entity as JSON-LD, warm, 16 clients, p99", _at_most("entity", "p99_ms", 10, "ms")),
    ("100 records, submitted → answered by a query", _at_most("publication", "p50_ms", 500, "ms")),
    ("100 records, submitted → answered by a query", _publication_growth),
    ("validation of 5,000 records", _at_most("validation", "seconds_5000", 5, "s")),
    (
        "memory of validation is bounded by the contribution",
        _growth("validation", "MB", "memory_mb_5000", "memory_mb_50000", 10, "50,000 records ≤ 10 × 5,000 records"),
    ),
    ("bulk load with resolving", _to_peer("bulk-load", "oxigraph serve", 0.4)),
    ("runaway query, dead after its deadline", _at_most("runaway", "late_most_ms", 250, "ms")),
    (
        "p99 of 16 polite clients beside runaway queries",
        _growth("runaway", "ms", "polite_p99_alone_ms", "polite_p99_ms", 2, "≤ 2 × that without"),
    ),
    ("first start, packaged data loaded, serving", _at_most("start", "first_seconds", 10, "s")),
    ("kill -9 at any moment of publishing, 100 rounds", _elsewhere("0 lost, 0 half-applied")),
    ("W3C suites over real HTTP", _elsewhere("as the engine, and better")),
    ("malformed W3C documents sent to the ingestion paths", _elsewhere("all refused with a place")),
    ("outbound requests caused by a query, an upload or a shape", _elsewhere("0")),
)


def verdicts(result: Result) -> Iterator[Verdict]:
    """Every goal with what the run says of it, at a million quads, or at the nearest size that has its figure."""
    for what, judge in GOALS:
        yield replace(judge(result), what=what)
