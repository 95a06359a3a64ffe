"""Measure this server beside its peers, in one run on one machine; figures are medians, and ratios of them.

    python -m benchmarks.run [--organisations 10000] [--publish-organisations 90000] [--seconds 5] [--rounds 3]

Needs ``wrk`` for the load, which comes from a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import generate, servers
from v4graph.contributions import Contribution, record
from v4graph.settings import Settings
from v4graph.sources import Description
from v4graph.store.embedded import publishing
from v4graph.workspace import Workspace

RESULTS = Path(__file__).parent / "results"
SOURCES = 8
CLIENTS = 16


def filled(home: Path, organisations: int) -> Workspace:
    """A home with the packaged data and generated data of so many organisations."""
    workspace = Workspace(Settings(home=home))
    workspace.load()
    by_source: dict[str, list[str]] = {"bench-page": []}
    for source, line in generate.statements(organisations, SOURCES, 0.1, 1):
        by_source.setdefault(source, []).append(line)
    described = [
        Description(
            source, (f'<{workspace.iris.graph(source)}> <{workspace.iris.term("owner")}> "curator" .',), 3, "curator"
        )
        for source in by_source
    ]
    contributions = [Contribution(source, tuple(sorted(set(lines)))) for source, lines in by_source.items()]
    with publishing(home), workspace.ledger() as ledger:
        record(ledger, contributions, described)
    workspace.rebuild()
    return workspace


def wrk(server: servers.Running, most: int, seconds: int, *, repeated: bool) -> dict[str, float]:
    """Requests a second and latencies (ms) under load from a process of its own."""
    environment = {**os.environ, "BENCH_PATH": server.path, "BENCH_MOST": str(most)}
    if repeated:
        environment["BENCH_REPEATED"] = "yes"
    script = str(Path(__file__).with_name("point.lua"))
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--latency", "-s", script, server.url]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    if wrong:
        raise RuntimeError(f"{server.name} gave {wrong[1]} errors")
    found = {name: float(value) for name, value in re.findall(r"(50|99)%\s+([\d.]+)ms", told)}
    for name, value in re.findall(r"(50|99)%\s+([\d.]+)us", told):
        found[name] = float(value) / 1000
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert rate
    return {"requests_per_second": float(rate[1]), "p50_ms": found.get("50", 0), "p99_ms": found.get("99", 0)}


def http(organisations: int, seconds: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Point queries never asked before, and one asked again and again, on every server in turn."""
    workspace = filled(folder / "home", organisations)
    quads, triples = folder / "data.nq", folder / "data.nt"
    lines = workspace.quads()
    graph = re.compile(r"^(.*) <[^<>]*/graph/[^<>]*> \.$")
    quads.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plain = sorted({f"{m[1]} ." if (m := graph.match(line)) else line for line in lines})
    triples.write_text("\n".join(plain) + "\n", encoding="utf-8")
    told: dict[str, Any] = {"quads": len(lines)}
    with ExitStack() as stack:
        running = []
        for start in (
            lambda: servers.v4graph(folder / "home"),
            lambda: servers.oxigraph(quads, folder),
            lambda: servers.rdflib_endpoint(triples),
        ):
            try:
                running.append(stack.enter_context(start()))
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                print(f"not measured: {error}", file=sys.stderr)
        for workload, repeated in (("point", False), ("repeated", True)):
            measured: dict[str, list[dict[str, float]]] = {}
            for _ in range(rounds):
                for server in running:
                    print(f"{workload}: {server.name}", file=sys.stderr)
                    measured.setdefault(server.name, []).append(wrk(server, organisations, seconds, repeated=repeated))
            told[workload] = {name: _medians(rows) for name, rows in measured.items()}
    return told


def _medians(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    listed = list(rows)
    return {name: round(statistics.median(row[name] for row in listed), 2) for name in listed[0]}


def publishing_times(organisations: int, folder: Path, times: int = 40) -> dict[str, Any]:
    """Seconds from a checked contribution of 200 statements to the snapshot that readers open."""
    workspace = filled(folder / "large", organisations)
    taken = []
    for number in range(times):
        lines = tuple(
            f'<{generate.organisation(i)}> <{workspace.iris.term("acronym")}> "round {number}, {i}" .'
            for i in range(number, number + 200)
        )
        began = time.perf_counter()
        workspace.publish([Contribution("bench-page", lines)])
        taken.append(time.perf_counter() - began)
    return {
        "quads": len(workspace.quads()),
        "median_ms": round(statistics.median(taken) * 1000, 1),
        "p95_ms": round(sorted(taken)[int(0.95 * len(taken))] * 1000, 1),
        "max_ms": round(max(taken) * 1000, 1),
    }


def start_and_rest(folder: Path) -> dict[str, float]:
    """Seconds to the first answer with the packaged data already loaded; memory of all processes at rest."""
    home = folder / "packaged"
    Workspace(Settings(home=home)).load()
    seconds, memory = [], []
    for _ in range(5):
        with servers.v4graph(home) as server:
            seconds.append(server.seconds)
            time.sleep(1)
            memory.append(server.memory_mb())
    began = time.perf_counter()
    with servers.v4graph(folder / "first") as server:
        first = time.perf_counter() - began
    return {
        "start_seconds": round(statistics.median(seconds), 2),
        "first_start_seconds": round(first, 2),
        "idle_memory_mb": round(statistics.median(memory), 1),
    }


def goals(told: dict[str, Any]) -> list[tuple[str, float, str, float]]:
    """Name, what was measured, ``>=`` or ``<=``, and the goal."""

    def ratio(workload: str, peer: str) -> float:
        measured = told["http"][workload]
        if peer not in measured:
            return float("nan")
        return round(measured["v4graph"]["requests_per_second"] / measured[peer]["requests_per_second"], 2)

    return [
        ("point query / rdflib-endpoint", ratio("point", "rdflib-endpoint"), ">=", 5),
        ("point query / oxigraph serve", ratio("point", "oxigraph serve"), ">=", 0.3),
        ("repeated query / oxigraph serve", ratio("repeated", "oxigraph serve"), ">=", 0.9),
        ("publish 200 statements, median ms", told["publish"]["median_ms"], "<=", 150),
        ("start, seconds", told["rest"]["start_seconds"], "<=", 3),
        ("first start with loading, seconds", told["rest"]["first_start_seconds"], "<=", 10),
        ("memory at rest, MB", told["rest"]["idle_memory_mb"], "<=", 400),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=4_000, help="in the store the HTTP workloads ask")
    parser.add_argument("--publish-organisations", type=int, default=48_000, help="in the store that is published to")
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install the Debian package wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told: dict[str, Any] = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
            "rest": start_and_rest(folder),
            "http": http(asked.organisations, asked.seconds, asked.rounds, folder),
            "publish": publishing_times(asked.publish_organisations, folder),
        }
    told["goals"] = [
        {
            "what": what,
            "measured": value,
            "goal": f"{sign} {goal}",
            "met": value >= goal if sign == ">=" else value <= goal,
        }
        for what, value, sign, goal in goals(told)
    ]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
