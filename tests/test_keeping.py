"""A publisher keeps lock and store between publications, and gives them to whoever else wants to publish."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from tests.small import CLEAN, NORTH, SOUTH, graphs, project_lines, small, token
from v4graph import projection
from v4graph.actors import Actor
from v4graph.errors import StoreLocked
from v4graph.publisher import Publisher
from v4graph.store import primary
from v4graph.store.embedded import current
from v4graph.workspace import Workspace


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[primary._Keeper]:
    """This process keeps lock and store."""
    keeper = primary._Keeper()
    monkeypatch.setattr(primary, "_keeper", keeper)
    yield keeper
    keeper._let_go()


def submit(workspace: Workspace, name: str) -> list[str]:
    lines = project_lines(name)
    workspace.submit(NORTH, "north", lines, report=CLEAN, checked_token=token(workspace))
    return lines


def held(home: Path) -> bool:
    """Whether somebody has the lock; without saying that it is wanted."""
    with open(home / "store" / "LOCK", "a+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not come to that"
        await asyncio.sleep(0.01)


async def publish(publisher: Publisher, workspace: Workspace, name: str) -> list[str]:
    lines = project_lines(name)
    told = {"report": CLEAN, "checked_token": token(workspace)}
    await publisher.call("submit", NORTH, "north", lines, **told)
    return lines


def opening(home: Path) -> int:
    """What tells one opening of the store from the next: each time the engine begins a log of its own."""
    return (home / "store" / "primary" / "LOG").stat().st_ino


def test_the_store_stays_open_and_is_given_to_who_wants_it(tmp_path: Path) -> None:
    workspace = small(tmp_path)

    async def use() -> None:
        publisher = Publisher(workspace.settings)
        await publish(publisher, workspace, "a")
        opened = opening(tmp_path)
        lines = await publish(publisher, workspace, "b")
        assert opening(tmp_path) == opened, "it was opened once for both"
        assert held(tmp_path)
        assert graphs(workspace)["north"] == set(lines)

        lines = await asyncio.to_thread(submit, workspace, "c")  # this process, while the publisher keeps it
        assert not held(tmp_path)
        assert graphs(workspace)["north"] == set(lines)

        lines = await publish(publisher, workspace, "d")
        assert graphs(workspace)["north"] == set(lines)
        assert opening(tmp_path) != opened
        await publisher.close()
        assert not held(tmp_path)

    asyncio.run(use())
    workspace.check()


def test_nobody_waits_for_long(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    took: list[float] = []

    async def use() -> None:
        publisher = Publisher(workspace.settings)
        for name in "abcde":
            await publish(publisher, workspace, name)
            began = time.perf_counter()
            with workspace.writing():
                took.append(time.perf_counter() - began)
        await publisher.close()

    asyncio.run(use())
    assert sorted(took)[2] < 1.0, took


def test_two_publishers_of_one_home_take_turns(tmp_path: Path) -> None:
    workspace = small(tmp_path)

    async def use() -> None:
        both = [Publisher(workspace.settings) for _ in range(2)]
        for number in range(6):
            lines = await publish(both[number % 2], workspace, f"p{number}")
            assert graphs(workspace)["north"] == set(lines)
        for publisher in both:
            await publisher.close()

    asyncio.run(use())
    workspace.check()


def test_two_publishers_at_once_wait_for_each_other(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    said: dict[str, list[str]] = {}

    async def publish_many(publisher: Publisher, actor: Actor) -> None:
        for number in range(5):
            lines = project_lines(f"{actor.partner}{number}")
            outcome = await publisher.call("submit", actor, actor.partner, lines, note="so it is", confirmed=True)
            assert outcome.published is not None
            said[actor.partner] = lines

    async def use() -> None:
        both = [Publisher(workspace.settings) for _ in range(2)]
        await asyncio.gather(*(publish_many(*pair) for pair in zip(both, (NORTH, SOUTH), strict=True)))
        for publisher in both:
            await publisher.close()

    asyncio.run(use())
    assert {name: graphs(workspace)[name] for name in said} == {name: set(lines) for name, lines in said.items()}
    workspace.check()


def test_after_many_publications_it_is_opened_anew(
    tmp_path: Path, keeper: primary._Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caches of the engine grow with every file that it reads and replaces."""
    monkeypatch.setattr(primary, "_OFTEN", 3)
    workspace = small(tmp_path)
    keeper._let_go()
    kept = []
    for name in "abcdefg":
        lines = submit(workspace, name)
        kept.append((primary.is_kept(tmp_path), held(tmp_path)))
    assert kept == [(True, True), (True, True), (False, False)] * 2 + [(True, True)]
    assert graphs(workspace)["north"] == set(lines)


def test_a_kept_store_that_fails_is_opened_again(tmp_path: Path, keeper: primary._Keeper) -> None:
    """An engine that once found no room refuses to write until it is opened anew."""
    workspace = small(tmp_path)
    submit(workspace, "a")
    assert primary.is_kept(tmp_path)

    class Failing:
        def __getattr__(self, name: str) -> object:
            raise OSError("IO error: No space left on device: while appending to a file")

    failing: Any = Failing()
    with primary.publishing(tmp_path):
        keeper._store = failing
    lines = submit(workspace, "b")
    assert graphs(workspace)["north"] == set(lines)
    with primary.publishing(tmp_path):
        primary.wipe(tmp_path)
    workspace.check()


def fail_once(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The next update of a store fails, after a part of it."""
    whole = projection.resolve_again

    def resolve_again(store: ox.Store, *others: Any) -> Any:
        monkeypatch.setattr(projection, "resolve_again", whole)
        raise error

    monkeypatch.setattr(projection, "resolve_again", resolve_again)


def test_a_store_that_fails_within_an_update_is_closed_before_it_is_opened_again(
    tmp_path: Path, keeper: primary._Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine holds a lock for as long as anybody refers to its store, and be it a traceback."""
    workspace = small(tmp_path)
    submit(workspace, "a")
    opened = opening(tmp_path)
    fail_once(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    lines = submit(workspace, "b")
    assert graphs(workspace)["north"] == set(lines)
    assert opening(tmp_path) != opened
    assert keeper.has_store(tmp_path)
    with primary.publishing(tmp_path):
        primary.wipe(tmp_path)
    workspace.check()


@pytest.mark.parametrize("kept", [True, False])
def test_a_store_that_is_damaged_within_an_update_is_built_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, kept: bool
) -> None:
    if kept:
        request.getfixturevalue("keeper")
    workspace = small(tmp_path)
    submit(workspace, "a")
    fail_once(monkeypatch, RuntimeError("Corruption: block checksum mismatch"))
    lines = submit(workspace, "b")
    assert graphs(workspace)["north"] == set(lines)
    with primary.publishing(tmp_path):
        primary.wipe(tmp_path)
    workspace.check()


@pytest.mark.usefixtures("keeper")
def test_it_is_given_up_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primary, "_IDLE", 0.2)
    workspace = small(tmp_path)
    submit(workspace, "a")
    assert held(tmp_path)
    asyncio.run(until(lambda: not held(tmp_path)))
    assert not primary.is_kept(tmp_path)


def test_who_does_not_get_it_says_so(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    with (
        open(tmp_path / "store" / "LOCK", "a+b") as lock,
        pytest.raises(StoreLocked, match="Another process"),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        with primary.publishing(tmp_path, seconds=0.1):
            raise AssertionError("somebody has it")
    assert primary.wanted(tmp_path).exists()
    assert current(tmp_path) is not None
    submit(workspace, "a")


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads have no priority of their own here")
@pytest.mark.usefixtures("keeper")
def test_the_engine_puts_files_together_last_of_all(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    for number in range(8):  # it begins its threads when it first needs them
        submit(workspace, f"p{number}")
    found = {
        os.getpriority(os.PRIO_PROCESS, int(thread))
        for thread in os.listdir("/proc/self/task")
        if Path(f"/proc/self/task/{thread}/comm").read_text().startswith("rocksdb:low")
    }
    assert found <= {19, os.getpriority(os.PRIO_PROCESS, 0)}
    assert 19 in found
