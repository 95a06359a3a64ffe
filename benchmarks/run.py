"""Measure this server beside its peers, on the same data, in one run on one machine.

    python -m benchmarks.run [--quads 100000 1000000] [--alone 10000000] [--only point repeated] [--rounds 6] [--name A]

Writes ``benchmarks/results/NAME.json`` and the page made of it. Needs wrk, for load from a process of its own.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import dataset, page, resilience, workloads, writing
from benchmarks.dataset import Dataset
from benchmarks.load import CPU, Measured
from benchmarks.machine import describe_machine, versions
from benchmarks.processes import Others
from benchmarks.reading import Bench
from benchmarks.servers import OURS, PEERS, US, Fleet, NotMeasured
from benchmarks.workloads import AT_EACH_SIZE, BULK_LOAD, NAMES

RESULTS = Path(__file__).parent / "results"
LARGE = 500_000
"""From this size on a store is loaded once, not in each round."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, how long and how often."""

    quads: tuple[int, ...]
    only: frozenset[str]
    seconds: float
    rounds: int
    folder: Path
    records: tuple[int, ...] = writing.RECORDS
    alone: tuple[int, ...] = ()
    """Sizes at which no peer is loaded, and only what no peer has is measured."""


class Progress:
    """Tells on standard error what is measured, and since when."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.about = ""

    def __call__(self, text: str) -> None:
        """Tell one step."""
        print(f"[{time.perf_counter() - self._began:6.0f} s] {self.about}{text}", file=sys.stderr, flush=True)


def measure(plan: Plan, tell: Progress) -> dict[str, Any]:
    """Everything the plan asks for, as it is written down."""
    packaged, others = plan.folder / "packaged", Others()
    tell("publishing the packaged data")
    dataset.packaged_home(packaged)
    told: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": versions(),
        "arguments": {
            "quads": list(plan.quads),
            "alone": list(plan.alone),
            "seconds": plan.seconds,
            "rounds": plan.rounds,
        },
        "servers": {server.name: server.how for server in (US, *PEERS)},
        "sizes": {},
        "once": _once(plan, packaged, tell) if plan.only & workloads.ONCE.keys() else {},
    }
    for quads in (*plan.quads, *plan.alone):
        folder = plan.folder / str(quads)
        tell.about = f"{quads:,} quads · "
        tell("generating")
        made = dataset.write_sources(folder, quads)
        (folder / "packaged").symlink_to(packaged)
        try:
            told["sizes"][str(quads)] = _at_size(made, plan, tell)
        finally:
            shutil.rmtree(folder)
    tell.about = ""
    told["machine"]["taken by others meanwhile"] = f"{others.share():.0%}"
    tell("done")
    return told


def _at_size(made: Dataset, plan: Plan, tell: Progress) -> dict[str, Any]:
    alone = made.asked in plan.alone
    fleet = Fleet(made, (US,)) if alone else Fleet(made)
    began = time.perf_counter()
    about = tell.about
    bench = Bench(fleet, plan.seconds, plan.rounds, tell)
    rounds = plan.rounds if made.asked < LARGE and BULK_LOAD[0] in plan.only else 1
    loaded, quads = writing.bulk_load(fleet, rounds, tell)
    found = {BULK_LOAD[0]: written(loaded)} if BULK_LOAD[0] in plan.only else {}
    skipped: dict[str, str] = {}
    try:
        _start_missing(fleet, tell)
        for workload in AT_EACH_SIZE:
            if workload.name not in plan.only or (alone and not workload.alone):
                continue
            tell.about = f"{about}{workload.name}: "
            tell("begins")
            _start_missing(fleet, tell)
            try:
                found[workload.name] = written(workload.run(bench))
            except Exception as error:  # a long run is not lost because of one workload; the page tells
                skipped[workload.name] = str(error) if isinstance(error, NotMeasured) else repr(error)
                tell(f"not measured: {skipped[workload.name]}")
    finally:
        tell.about = about
        fleet.close()
    return {
        "quads": quads,
        "organisations": made.organisations,
        "minutes": round((time.perf_counter() - began) / 60, 1),
        "workloads": found,
        "not_measured": fleet.not_measured,
        "skipped": skipped,
    }


def _start_missing(fleet: Fleet, tell: Progress) -> None:
    """Start who does not run: all at first, later who died; a peer that does not start is left out."""
    there = {server.name for server in fleet.servers if server.process.poll() is None}
    for kind in fleet.kinds:
        if kind.name not in there:
            tell(f"starting {kind.name}")
            try:
                fleet.start(kind.name)
            except NotMeasured as error:
                if kind.name == OURS:
                    raise
                fleet.leave_out(kind.name, str(error))


def _once(plan: Plan, packaged: Path, tell: Progress) -> dict[str, Any]:
    bench = Bench(Fleet(Dataset(plan.folder, 0, 0)), plan.seconds, plan.rounds, tell)
    ways: dict[str, Callable[[], Measured]] = {
        "start": lambda: resilience.start(bench, packaged, plan.folder),
        "validation": lambda: writing.validation(bench, packaged, plan.records),
    }
    found = {}
    for name, run in ways.items():
        if name in plan.only:
            tell(f"{name}: begins")
            try:
                found[name] = written(run())
            except NotMeasured as error:
                tell(f"{name}: not measured: {error}")
                found[name] = written(Measured({}, "", notes=[str(error)]))
    return found


def written(measured: Measured) -> dict[str, Any]:
    """What a workload found, with its ratios, as JSON."""
    return asdict(measured) | {"ratios": measured.ratios(OURS), "cpu_ratios": measured.ratios(OURS, CPU)}


def plan_of(arguments: Iterable[str] | None = None) -> tuple[Plan, str]:
    """The plan that the command line asks for, and the name of its result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quads", type=int, nargs="+", default=[100_000], help="sizes of the store")
    parser.add_argument("--alone", type=int, nargs="+", default=[], help="sizes at which peers are left out")
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="WORKLOAD", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=float, default=2, help="of each turn of a workload under load")
    parser.add_argument("--rounds", type=int, default=6, help="a third of them where one takes long")
    parser.add_argument("--records", type=int, nargs="+", default=list(writing.RECORDS), help="that are validated")
    parser.add_argument("--name", default=datetime.now(UTC).strftime("%Y-%m-%d"), help="of the result")
    parser.add_argument("--folder", type=Path, help="for the data, about 2 kB a quad (default: a temporary one)")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    plan = Plan(
        tuple(sorted(asked.quads)),
        frozenset(asked.only or NAMES),
        asked.seconds,
        asked.rounds,
        asked.folder or Path(),
        tuple(asked.records),
        tuple(sorted(asked.alone)),
    )
    return plan, asked.name


def main() -> None:
    plan, name = plan_of()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install the Debian package wrk")
    with tempfile.TemporaryDirectory(dir=plan.folder if plan.folder != Path() else None) as folder:
        told = measure(replace(plan, folder=Path(folder)), Progress())
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write(RESULTS, name)
    print(f"written: {RESULTS / 'README.md'}")


if __name__ == "__main__":
    main()
