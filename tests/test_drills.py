"""Drills: what is acknowledged is never lost, what is published is never half there, whatever moment it ends at."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from v4graph.settings import Settings
from v4graph.workspace import Workspace

ROUNDS = 100 if os.environ.get("V4GRAPH_DRILL") == "full" else 30
TRIPLES = 60

PUBLISHER = f"""
import sys
from pathlib import Path
from v4graph.contributions import Contribution
from v4graph.settings import Settings
from v4graph.workspace import Workspace

workspace = Workspace(Settings(home=Path(sys.argv[1])))
workspace.heal()
number = int(sys.argv[2])
while True:
    number += 1
    lines = tuple(
        f'<https://w3id.org/v4graph/id/event/drill-{{i}}> <https://w3id.org/v4graph/ontology#declaredCount> '
        f'"{{number}}"^^<http://www.w3.org/2001/XMLSchema#integer> .' for i in range({TRIPLES})
    )
    for source in ("geonames", "uksk-about"):
        workspace.publish([Contribution(source, lines)])
    print(number, flush=True)
"""


def _counts(workspace: Workspace, graph: str) -> list[str]:
    return [
        line.split('"')[1]
        for line in workspace.quads()
        if line.endswith(f"<{workspace.iris.graph(graph)}> .") and "declaredCount" in line and "event/drill-" in line
    ]


@pytest.mark.timeout(1200)
def test_killing_the_publisher_loses_nothing_and_leaves_nothing_half_done(published_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(published_home, home)
    workspace = Workspace(Settings(home=home))
    chance = random.Random(2026)
    acknowledged = 0
    for _ in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(home), str(acknowledged)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the publisher ended before it published anything"
        time.sleep(chance.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        told = [first, *process.stdout.read().splitlines()]
        process.stdout.close()
        process.wait()
        acknowledged = max(int(line) for line in told if line.strip().isdigit())
        workspace.heal()
        for graph in ("geonames", "uksk-about"):
            counts = _counts(workspace, graph)
            assert len(counts) == TRIPLES, f"{len(counts)} of {TRIPLES} statements: half applied"
            assert len(set(counts)) == 1, f"statements of several revisions: {sorted(set(counts))}"
            # One more may have reached the ledger without being told.
            assert acknowledged <= int(counts[0]) <= acknowledged + 1
        with workspace.ledger() as ledger:
            ledger.verify()
    workspace.check()


def test_killing_the_first_load_leaves_nothing_or_everything(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(4):
        home = tmp_path / str(number)
        process = subprocess.Popen(
            [sys.executable, "-m", "v4graph", "load"],
            env={**os.environ, "V4GRAPH_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.6, 2.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        workspace = Workspace(Settings(home=home))
        workspace.load()
        workspace.check()
        with workspace.ledger() as ledger:
            assert all(entry.revision == 1 for entry in ledger.latest("revision").values())
