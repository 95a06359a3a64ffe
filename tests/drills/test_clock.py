"""A clock that jumps back: entries stay in order, the past can be asked for, no age is negative, tokens end as told.

The program reads the clock in many places; a child process of its own is given one that can be set.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from tests.drills.serving import ROOT
from tests.small import CLEAN, NORTH, project_lines, small, token
from tests.web.conftest import running
from v4graph import actors, past
from v4graph.errors import NotAuthenticated
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.web.app import create_app

LATE = """
import datetime, importlib, pkgutil, sys
from pathlib import Path

shift = datetime.timedelta(seconds=float(sys.argv[3]))
real = datetime.datetime


class Shifted(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + shift


datetime.datetime = Shifted
from tests.small import CLEAN, NORTH, project_lines, token
from v4graph.settings import Settings
from v4graph.workspace import Workspace

workspace = Workspace(Settings(home=Path(sys.argv[1])))
lines = project_lines(sys.argv[2])
outcome = workspace.submit(NORTH, "north", lines, report=CLEAN, checked_token=token(workspace))
print(outcome.contribution.submitted)
"""


def publish_at(home: Path, name: str, shift: timedelta) -> str:
    """Publish in a process whose clock is wrong by so much."""
    words = [sys.executable, "-c", LATE, str(home), name, str(shift.total_seconds())]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_entries_stay_in_order_and_the_past_can_be_asked_for(tmp_path: Path) -> None:
    home = tmp_path / "home"
    workspace = small(home)
    ahead = timedelta(hours=2)
    publish_at(home, "one", ahead)
    publish_at(home, "two", timedelta(hours=-30))
    lines = project_lines("three")
    workspace.submit(NORTH, "north", lines, report=CLEAN, checked_token=token(workspace))
    with workspace.ledger() as ledger:
        entries = ledger.entries()
        times = [entry.time for entry in entries]
        assert times == sorted(times)
        assert ledger.verify() == len(entries)
        last = ledger.entries(kind="revision", source="north")[-3:]
        assert len({entry.time for entry in last}) == 1, "they carry the latest time that was known"
        now = datetime.now(UTC)
        assert datetime.fromisoformat(last[0].time) > now + timedelta(minutes=90), "the clock was ahead"
        found = past.entry_at(ledger, past.read_moment(last[0].time, now + timedelta(hours=3)))
        assert found.number == last[-1].number, "of entries of one moment the last"
        before = past.entry_at(ledger, past.read_moment(now.isoformat(), now))
        assert before.number < last[0].number
    workspace.check()


def test_a_server_whose_snapshot_is_from_the_future(tmp_path: Path) -> None:
    home = tmp_path / "home"
    small(home)
    publish_at(home, "one", timedelta(hours=2))
    snapshot = current(home)
    assert snapshot is not None
    with running(create_app(Settings(home=home, readers=1))) as server, httpx.Client(base_url=server.url) as client:
        health = client.get("/health").json()
        assert health["ready"] and health["age"] >= 0
        answer = client.get("/project/one.ttl")
        assert answer.status_code == 200
        date = parsedate_to_datetime(answer.headers["date"])
        if "last-modified" in answer.headers:  # RFC 9110 §8.8.2.1: never later than the message
            assert parsedate_to_datetime(answer.headers["last-modified"]) <= date + timedelta(seconds=1)
        again = client.get("/project/one.ttl", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        for path in ("/project/one.ttl?snapshot=" + str(snapshot.number), "/changes", "/timemap/project/one"):
            assert client.get(path, follow_redirects=True).status_code == 200, path
        at = client.get("/project/one.ttl", params={"at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")})
        assert at.status_code in (200, 404), at.text
        memento = client.get("/project/one.ttl", headers={"Accept-Datetime": "Sat, 21 Nov 2020 12:00:00 GMT"})
        assert memento.status_code in (200, 404), memento.text


def test_a_token_ends_by_the_clock(tmp_path: Path) -> None:
    """Also when the ledger holds an entry of the future: a clock that was ahead once ends nobody's token early."""
    home = tmp_path / "home"
    workspace = small(home)
    publish_at(home, "one", timedelta(hours=2))
    now = datetime.now(UTC)
    with workspace.writing() as ledger:
        _, secret = actors.add_token(ledger, "north", ("submit",), expires=now + timedelta(hours=1))
        assert actors.authenticate(ledger, secret, now).partner == "north"
        assert actors.authenticate(ledger, secret, now - timedelta(hours=5)).partner == "north"
        with pytest.raises(NotAuthenticated):
            actors.authenticate(ledger, secret, now + timedelta(hours=1))
