"""The query library at many times the size of the packaged data: an answer may take longer only as it grows longer.

Every thing of the packaged data is copied under other names, each copy in sources of its own; schemes, regions and
countries stay as they are. ``make drill`` makes a hundred copies and prints the table.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pyoxigraph as ox
import pytest

from v4graph import queries
from v4graph.iris import Iris
from v4graph.workspace import Workspace

from .test_library import FIXTURES, LIBRARY, NARROWING

IRIS = Iris()
FULL = os.environ.get("V4GRAPH_DRILL") == "full"
TIMES = 100 if FULL else 3
SECONDS = 30
SLACK = 3.0
"""How much faster than its rows an answer may grow: sorting, and strings that no longer stay in memory."""
FLOOR = 0.25
"""Seconds below which nobody waits."""
_THING = re.compile(rf"(<{re.escape(IRIS.base)}id/[^>]+)>")
_SOURCE = re.compile(rf"(<{re.escape(IRIS.base)}graph/(?!provenance|disagreements|derived|schemes)[^>]+)>")
_ASK = """
import sys, time, pyoxigraph
store = pyoxigraph.Store.read_only(sys.argv[1])
text = sys.stdin.read()
times = []
for _ in range(2):
    started = time.process_time()
    rows = sum(1 for _ in store.query(text))
    times.append(time.process_time() - started)
print(rows, min(times))
"""
EXAMPLES = {"provenance/rank-gaps": {"kind": "v4:Project"}} | {name: values for name, _, values in reversed(NARROWING)}
"""Real parameters of each query: the first that narrow its answer."""


@pytest.fixture(scope="module")
def grown(published: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The packaged data with the fixtures on disk, once and many times."""
    invented = [
        f"{quad.subject} {quad.predicate} {quad.object} <{IRIS.graph('fixture')}> ."
        for path in FIXTURES.glob("*.ttl")
        for quad in ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE)
    ]
    lines = [*published.quads(), *invented, *(re.sub(r" <[^>]*> \.$", " .", line) for line in invented)]
    growing = "\n".join(line for line in lines if f"<{IRIS.base}id/" in line)
    copied = _SOURCE.sub(r"\1@@>", _THING.sub(r"\1@@>", growing))
    paths = []
    for name, times in (("once", 1), ("many", TIMES)):
        path = tmp_path_factory.mktemp("grown") / name
        store = ox.Store(str(path))
        store.bulk_load("\n".join(lines).encode(), ox.RdfFormat.N_QUADS)
        for number in range(1, times):
            store.bulk_load(copied.replace("@@", f"-{number}").encode(), ox.RdfFormat.N_QUADS)
        if FULL:
            store.optimize()
        store.flush()
        del store
        paths.append(path)
    return paths[0], paths[1]


def _measure(store: Path, text: str) -> tuple[int, float]:
    command = [sys.executable, "-c", _ASK, str(store)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=2 * SECONDS, check=True)
    rows, seconds = done.stdout.split()
    return int(rows), float(seconds)


@pytest.mark.timeout(3600)
def test_an_answer_takes_longer_only_as_it_grows_longer(grown: tuple[Path, Path]) -> None:
    once, many = grown
    print(f"\n{'query':40} {'rows':>6} {'ms':>8} {'rows':>8} {'ms':>9}   at 1 and at {TIMES} times the size")
    slow = []
    for name, query in LIBRARY.items() if FULL else [(name, LIBRARY[name]) for name in SAMPLE]:
        text = queries.bind_checked(query, EXAMPLES.get(name, {}), IRIS)
        try:
            (few, short), (rows, seconds) = _measure(once, text), _measure(many, text)
        except subprocess.TimeoutExpired:
            slow.append(f"{name}: no answer within {SECONDS} s")
            continue
        print(f"{name:40} {few:6} {short * 1000:8.1f} {rows:8} {seconds * 1000:9.1f}")
        growth = TIMES if name in RANKING else max(rows, 1) / max(few, 1)
        if seconds > max(FLOOR, SLACK * growth * max(short, 0.005)):
            slow.append(f"{name}: {few} rows in {short * 1000:.0f} ms, {rows} rows in {seconds * 1000:.0f} ms")
    assert not slow, "\n".join(slow)


RANKING = {
    "benchmarking/compare-indicator",
    "clusters/count-clusters",
    "clusters/find-common-sectors",
    "clusters/find-white-spots",
    "cooperation/count-country-pairs",
    "cooperation/find-continuous-partners",
    "matchmaking/find-complements",
    "matchmaking/find-consortium",
    "matchmaking/find-similar",
    "projects/sum-funding",
    "provenance/measure-completeness",
    "provenance/rank-gaps",
}
"""Those that count or rank all there is: they read the more, however few rows they answer."""
SAMPLE = (
    "clusters/list-clusters",
    "cooperation/find-continuous-partners",
    "cooperation/list-cooperations",
    "partnerships/list-working-groups",
    "projects/find-by-topic",
    "projects/find-gaps",
)
"""Those whose plans went wrong once; the drill takes all."""
