"""The page of a result, in Markdown with drawings in SVG.

python -m benchmarks.page NAME      # of benchmarks/results/NAME.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.drawing import bars, ratio_bars
from benchmarks.goals import Result, verdicts
from benchmarks.load import CPU
from benchmarks.servers import OURS
from benchmarks.workloads import NAMES, SAYINGS, TITLES

RESULTS = Path(__file__).parent / "results"
HEADINGS = {
    "requests_per_second": "requests/s",
    "alone_requests_per_second": "requests/s alone",
    "polite_requests_per_second": "polite requests/s",
    "quads_per_second": "quads/s",
    "seconds": "s",
    "first_seconds": "s, empty home",
    "first_read_seconds": "s, first read",
    "idle_memory_mb": "MB at rest",
    "peak_mb": "MB at most",
    "memory_mb": "MB",
    "sources_mb": "MB read",
    CPU: "CPU ms each",
}
HIDDEN = {"errors"}
"""Told in the notes where there are any."""


def write(folder: Path, name: str) -> None:
    """Write the page and the drawings of a result into its folder."""
    result: Result = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    pictures = drawings(result)
    for former in folder.glob("*.svg"):
        former.unlink()
    for picture, drawn in pictures.items():
        (folder / picture).write_text(drawn, encoding="utf-8")
    (folder / "README.md").write_text(render(result, name, tuple(pictures)), encoding="utf-8")


def render(result: Result, name: str, pictures: Sequence[str] = ()) -> str:
    """The page of a result."""
    return "\n".join(
        [*_head(result, name), *_goals(result), *_sizes(result, pictures), *_once(result), *_machine(result)]
    )


def drawings(result: Result) -> dict[str, str]:
    """The drawings of a result, by file name."""
    found = {}
    for size, told in result["sizes"].items():
        rows = [
            (TITLES[name], told["workloads"][name]["ratios"])
            for name in NAMES
            if told["workloads"].get(name, {}).get("ratios")
        ]
        if rows:
            found[f"ratios-{size}.svg"] = ratio_bars(rows, f"{OURS} against its peers, {told['quads']:,} quads")
    published = {
        f"{told['quads']:,} quads": told["workloads"]["publication"]["figures"][OURS]["p50_ms"]
        for told in result["sizes"].values()
        if told["workloads"].get("publication", {}).get("figures")
    }
    if published:
        found["publication.svg"] = bars(published, "100 records, submitted → answered by a query", "ms")
    validated = {
        f"{int(name.rpartition('_')[2]):,} records": value
        for name, value in result["once"].get("validation", {}).get("figures", {}).get(OURS, {}).items()
        if name.startswith("seconds_")
    }
    if validated:
        found["validation.svg"] = bars(validated, "Validation", "s")
    return found


def _head(result: Result, name: str) -> Iterator[str]:
    told = result["arguments"]
    yield "# Results"
    yield ""
    yield f"Made by `make bench` at {result['when']}; all figures are in [{name}.json]({name}.json). What each workload"
    yield "is, and how to repeat it: [../README.md](../README.md)."
    yield ""
    yield f"{told['rounds']} rounds, in which the servers take turns of {told['seconds']:g} s; a third of them where"
    yield "one takes long. Figures are medians of the rounds, ratios medians of those of each round. A ratio over"
    yield f"1 says that {OURS} is the better one: faster, or with less memory or processor time. Processor time (CPU)"
    yield "is that of all processes of a server, divided by what they did: it hardly depends on who else is busy."
    yield ""
    for server, how in result.get("servers", {}).items():
        yield f"- {server}: {how}"
    yield ""


def _goals(result: Result) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield from table(
        ("what", "goal", "figure", "of the goal", "verdict", "where"),
        (
            (v.what, v.goal, v.figure or "—", "—" if v.ratio is None else f"{v.ratio:.2f}", v.word, v.where)
            for v in verdicts(result)
        ),
    )


def _sizes(result: Result, pictures: Sequence[str]) -> Iterator[str]:
    for size, told in sorted(result["sizes"].items(), key=lambda item: int(item[0])):
        yield f"## {told['quads']:,} quads"
        yield ""
        yield f"{told['organisations']:,} organisations; measured in {told['minutes']:g} minutes."
        yield ""
        for name, why in told["not_measured"].items():
            yield f"- **{name}: not measured**: {why}."
        for name, why in told["skipped"].items():
            yield f"- **{TITLES[name]}: not measured**: {why}."
        if told["not_measured"] or told["skipped"]:
            yield ""
        if f"ratios-{size}.svg" in pictures:
            yield f"![Ratios at {told['quads']:,} quads](ratios-{size}.svg)"
            yield ""
        for name in NAMES:
            if name in told["workloads"]:
                yield from _workload(name, told["workloads"][name], told["not_measured"])
    for picture in ("publication.svg",):
        if picture in pictures and len(result["sizes"]) > 1:
            yield f"![Publication by size]({picture})"
            yield ""


def _workload(name: str, told: Mapping[str, Any], absent: Iterable[str] = ()) -> Iterator[str]:
    yield f"### {TITLES[name]}"
    yield ""
    yield SAYINGS[name]
    yield ""
    figures: Mapping[str, Mapping[str, float]] = told["figures"]
    columns = list(dict.fromkeys(column for row in figures.values() for column in row if column not in HIDDEN))
    ratios = {f"{OURS} is … × as good": told["ratios"]} if len(figures) > 1 or told["ratios"] else {}
    if told.get("cpu_ratios"):
        ratios["by CPU"] = told["cpu_ratios"]
    rows = [
        (
            server,
            *(_number(row.get(column)) for column in columns),
            *(_ratio(each.get(server), server) for each in ratios.values()),
        )
        for server, row in figures.items()
    ]
    gone = [(s, *("not measured" for _ in columns), *("—" for _ in ratios)) for s in absent if s not in figures]
    if rows:
        yield from table(("", *map(heading, columns), *ratios), [*rows, *(gone if ratios else ())])
    if told["parts"]:
        servers = list(figures)
        yield "<details><summary>Each question, median in ms</summary>"
        yield ""
        parts = told["parts"].items()
        yield from table(("", *servers), ((part, *(_number(times.get(s)) for s in servers)) for part, times in parts))
        yield "</details>"
        yield ""
    for note in told["notes"]:
        about, _, rest = note.partition(": left out of the ratio: ")
        if rest:
            yield f"- {about}: left out of the ratio in {len(rest.split('; '))} questions"
            yield from (f"  - {each}" for each in rest.split("; "))
        else:
            yield f"- {note}"
    if told["notes"]:
        yield ""


def _once(result: Result) -> Iterator[str]:
    if result["once"]:
        yield "## On the packaged data"
        yield ""
    for name, told in result["once"].items():
        if name != "validation" or not told["figures"]:
            yield from _workload(name, told)
            continue
        yield f"### {TITLES[name]}"
        yield ""
        yield SAYINGS[name]
        yield ""
        figures = told["figures"][OURS]
        numbers = [int(key.rpartition("_")[2]) for key in figures if key.startswith("seconds_")]
        yield from table(
            ("records", "s", "MB more than at rest"),
            ((f"{n:,}", _number(figures[f"seconds_{n}"]), _number(figures[f"memory_mb_{n}"])) for n in numbers),
        )
        yield "![Validation](validation.svg)"
        yield ""


def _machine(result: Result) -> Iterator[str]:
    yield "## The machine"
    yield ""
    yield from table(("", ""), (result["machine"] | result["versions"]).items())


def heading(column: str) -> str:
    """What a column is called."""
    if column in HEADINGS:
        return HEADINGS[column]
    name, _, unit = column.rpartition("_")
    words = (name if unit in ("ms", "mb") else column).replace("_", " ").replace("most", "worst")
    return f"{words}, {unit}" if unit == "ms" else words


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A table in Markdown."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', '∣') for cell in row)} |"
    yield ""


def _number(value: float | None) -> str:
    if value is None or value != value:
        return "—"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _ratio(value: float | None, server: str) -> str:
    return "" if server == OURS else "—" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    write(RESULTS, sys.argv[1])
