"""kill -9 under load: of the publisher, of a reader, of the server, of everything at once.

Nothing that was acknowledged is lost, nothing is half there, and the server answers again.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.drills.serving import FULL, POINT, Load, Serving, group, partnered, serving, tail, wait_until_ready
from v4graph import records
from v4graph.settings import Settings
from v4graph.workspace import Workspace

ROUNDS = 100 if FULL else 3
VICTIMS = ("publisher", "reader", "group", "server")


def strike(server: Serving, victim: str) -> bool:
    """Kill a part of a server; whether the server itself is gone."""
    leader = server.process.pid
    if victim == "group":
        os.killpg(leader, signal.SIGKILL)
    elif victim == "server":
        os.kill(leader, signal.SIGKILL)
    else:
        for pid in server.children({"publisher": "spawn_main", "reader": "sandbox.reader"}[victim])[:1]:
            os.kill(pid, signal.SIGKILL)
        return False
    server.process.wait()
    return True


def assert_kept(workspace: Workspace, acknowledged: list[tuple[int, str]]) -> None:
    with workspace.ledger() as ledger:
        for number, name in acknowledged:
            record = records.read(ledger, number)
            assert record.state == "published", (number, record.state)
            entry = ledger.revision("river", record.revision or 0)
            assert entry is not None and entry.content == record.content
            assert any(f'"{name}"@en' in line for line in ledger.lines(entry.content))


@pytest.mark.timeout(3600)
def test_killing_loses_nothing_that_was_acknowledged(published_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = partnered(published_home, home)
    workspace, chance = Workspace(Settings(home=home)), random.Random(2026)
    acknowledged: list[tuple[int, str]] = []
    again: list[float] = []
    asked = failed = done = 0
    while done < ROUNDS:
        with serving(home) as server:
            ended = False
            while not ended and done < ROUNDS:
                load = Load(server.url, secret)
                load.start()
                deadline = time.monotonic() + 30
                while not load.acknowledged and time.monotonic() < deadline:
                    time.sleep(0.02)
                time.sleep(chance.uniform(0, 1))
                ended = strike(server, VICTIMS[done % len(VICTIMS)])
                done += 1
                if not ended:  # it goes on without a start
                    begun = time.monotonic()
                    answer = httpx.get(f"{server.url}/sparql", params={"query": f"{POINT}{done}"}, timeout=30)
                    assert answer.status_code == 200, answer.text
                    again.append(time.monotonic() - begun)
                    time.sleep(0.3)
                load.stop()
                acknowledged += load.acknowledged
                asked, failed = asked + len(load.statuses), failed + sum(s >= 500 for s in load.statuses)
                assert set(load.statuses) <= {200, 201, 204, 409, 429, 500, 503}
            if ended:
                deadline = time.monotonic() + 5
                while group(server.process.pid) and time.monotonic() < deadline:
                    time.sleep(0.02)
                assert not group(server.process.pid), "processes outlive their server"
        if ended:
            with serving(home, ready=False) as server:
                again.append(wait_until_ready(server))
                found = httpx.post(
                    f"{server.url}/sparql", data={"query": "ASK { ?s ?p ?o }"}, headers={"Accept": "text/csv"}
                )
                assert found.text.strip() == "true"
            assert_kept(workspace, acknowledged[-20:])
    assert_kept(workspace, acknowledged)
    workspace.check()
    print(
        f"\n{done} rounds: {len(acknowledged)} acknowledged, 0 lost; {asked} requests, {failed} failed by a kill; "
        f"answering again within {max(again):.2f} s (median {tail(again, 0.5):.2f} s)"
    )
    assert len(acknowledged) >= done
