"""Drills: what is acknowledged is never lost, what is published is never half there, whatever moment it ends at."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.small import RANKS, graphs, small
from v4graph import records
from v4graph.contributions import TRANSITIONS
from v4graph.settings import Settings
from v4graph.workspace import Workspace

FULL = os.environ.get("V4GRAPH_DRILL") == "full"
ROUNDS = 100 if FULL else 5
TRIPLES = 60

PARTNERS = f"""
import json, random, sys
from pathlib import Path
from tests.small import BLOCKS, CLEAN, COUNT, IRIS, OWNERS, REVIEWER, WARNS, XSD, token
from v4graph.errors import StaleCheck, WrongState
from v4graph.settings import Settings
from v4graph.workspace import Workspace

workspace = Workspace(Settings(home=Path(sys.argv[1])))
chance = random.Random(int(sys.argv[2]))
sources, actions = sys.argv[3].split(","), int(sys.argv[4])
workspace.heal()


def tell(outcome):
    record = outcome.contribution
    print(json.dumps([record.number, record.source, record.state, record.revision, record.content]), flush=True)
    return record


def submit(source, report=CLEAN, **more):
    number = chance.randrange(10**9)
    events = [IRIS.thing("event", f"drill-{{i}}") for i in range({TRIPLES})]
    lines = [f"<{{event}}> {{COUNT}} \\"{{number}}\\"^^<{{XSD}}integer> ." for event in events]
    while True:
        try:
            given = {{"report": report, "checked_token": token(workspace)}}
            return tell(workspace.submit(OWNERS[source], source, lines, payload=b"as sent", **given, **more))
        except StaleCheck:
            pass


def review(record):
    while record.state == "pending":
        how = chance.choice(["accept", "accept", "decline", "withdraw"])
        try:
            if record.needs == "confirmation":
                again = {{"report": WARNS, "checked_token": token(workspace)}}
                record = tell(workspace.confirm(OWNERS[record.source], record.number, "it is so", **again))
            elif how == "accept":
                again = {{"report": CLEAN, "checked_token": token(workspace)}}
                record = tell(workspace.accept(REVIEWER, record.number, "fine", **again))
            elif how == "decline":
                record = tell(workspace.decline(REVIEWER, record.number, "no"))
            else:
                record = tell(workspace.withdraw_contribution(OWNERS[record.source], record.number))
        except StaleCheck:
            pass
        except WrongState:  # somebody else published, or submitted a newer one
            return


while actions:
    actions -= 1
    source, what = chance.choice(sources), chance.randrange(10)
    if what == 0:
        submit(source, BLOCKS)
    elif what == 1:
        review(submit(source, WARNS))
    elif what == 2:
        review(tell(workspace.withdraw(OWNERS[source], source, "we no longer know")))
    elif what == 3:
        with workspace.ledger() as ledger:
            now = ledger.current("revision", source)
        if now:
            review(tell(workspace.roll_back(OWNERS[source], source, chance.randint(1, now.revision), "it was wrong")))
    else:
        review(submit(source, mode=chance.choice(["replacement", "difference", "patch"])))
"""


def partners(home: Path, seed: int, sources: str, actions: int) -> subprocess.Popen[str]:
    """A process in which partners and reviewers do things, and tell what they were told."""
    words = [sys.executable, "-c", PARTNERS, str(home), str(seed), sources, str(actions)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)


def read(lines: list[str]) -> list[list[Any]]:
    """What was acknowledged; a line that was cut off was not."""
    return [json.loads(line) for line in lines if line.endswith("]\n")]


def assert_kept(workspace: Workspace, acknowledged: list[list[Any]]) -> None:
    """Everything acknowledged is in the ledger, as it was told or further on; the store is what the ledger says."""
    with workspace.ledger() as ledger:
        ledger.verify()
        for number, source, state, revision, content in acknowledged:
            record = records.read(ledger, number)
            assert (record.source, record.content) == (source, content)
            assert record.state == state or record.state in after(state)
            if revision is not None:
                entry = ledger.revision(source, revision)
                assert entry is not None
                assert (entry.content, entry.detail["contribution"]) == (content, number)
            if state == "invalid":
                assert record.payload is not None
                assert ledger.content(record.payload) == b"as sent"
        found = graphs(workspace)
        for source in RANKS:
            now = ledger.current("revision", source)
            assert found.get(source, set()) == set(ledger.lines(now.content) if now else ())


def after(state: str) -> set[str]:
    """The states that may follow, sooner or later."""
    following: set[str] = set()
    while new := {n for s in {state, *following} for n in TRANSITIONS[s]} - following:
        following |= new
    return following


@pytest.mark.timeout(1800)
def test_killing_the_publisher_loses_nothing_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    home = tmp_path / "home"
    workspace = small(home)
    chance = random.Random(2026)
    acknowledged: list[list[Any]] = []
    for number in range(ROUNDS):
        process = partners(home, number, ",".join(RANKS), 10**6)
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, "the process ended before it was told anything"
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        told = read([first, *process.stdout.readlines()])
        process.stdout.close()
        process.wait()
        acknowledged += told
        workspace.heal()
        assert_kept(workspace, told if FULL else acknowledged)
    assert_kept(workspace, acknowledged)
    workspace.check()
    assert {state for _, _, state, _, _ in acknowledged} >= (
        {"published", "invalid", "pending"} if FULL else {"published"}
    )


@pytest.mark.timeout(600)
def test_two_processes_publish_at_once(tmp_path: Path) -> None:
    """Two servers' worth of publishers on one home: nothing is lost, nobody waits for ever."""
    home = tmp_path / "home"
    workspace = small(home)
    actions = 60 if FULL else 12
    running = [partners(home, 1, "north,west", actions), partners(home, 2, "south,west", actions)]
    told = [process.communicate(timeout=300)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    acknowledged = [line for text in told for line in read(text.splitlines(keepends=True))]
    assert_kept(workspace, acknowledged)
    workspace.check()
    with workspace.ledger() as ledger:
        submitted = ledger.entries(kind="contribution")
        mine = {entry.number for entry in submitted if entry.source in RANKS}
    assert mine == {number for number, *_ in acknowledged}


def test_killing_the_first_load_leaves_nothing_or_everything(tmp_path: Path) -> None:
    chance = random.Random(7)
    for number in range(8 if FULL else 1):
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
