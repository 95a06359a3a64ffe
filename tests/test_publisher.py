"""The publisher of a server: a process that is warm, that may be killed, and that nobody's queries wait for."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.small import BLOCKS, CLEAN, NORTH, REVIEWER, WEST, graphs, project_lines, small, token
from v4graph.errors import NotYourGraph, PreconditionFailed, StoreError, WrongState
from v4graph.publisher import Publisher
from v4graph.settings import Settings
from v4graph.workspace import Outcome, Workspace

LINES = project_lines("ketgate")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("small") / "home"
    small(home)
    return home


@pytest.fixture
def workspace(start: Path, tmp_path: Path) -> Workspace:
    home = tmp_path / "home"
    shutil.copytree(start, home)
    return Workspace(Settings(home=home))


async def gone(pid: int) -> None:
    """Wait until a killed process was collected."""
    async with asyncio.timeout(30):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0.01)


def test_calls_outcomes_and_errors_cross_the_processes(workspace: Workspace) -> None:
    async def use() -> None:
        publisher = Publisher(workspace.settings)
        await publisher.start()
        [pid] = publisher.pids
        assert pid != os.getpid()
        checked = {"report": CLEAN, "checked_token": token(workspace)}
        outcome: Outcome = await publisher.call("submit", NORTH, "north", LINES, **checked)
        assert outcome.contribution is not None
        assert outcome.contribution.state == "published"
        assert graphs(workspace)["north"] == set(LINES)
        checked["checked_token"] = token(workspace)
        broken = await publisher.call("submit", NORTH, "north", LINES[:1], **{**checked, "report": BLOCKS})
        assert broken.report == BLOCKS
        with pytest.raises(PreconditionFailed) as late:
            await publisher.call("submit", NORTH, "north", LINES[:1], base=0, **checked)
        assert late.value.extras["difference"]["added"] == LINES
        with pytest.raises(NotYourGraph):
            await publisher.call("submit", NORTH, "west", LINES, **checked)
        with pytest.raises(WrongState) as gone:
            await publisher.call("accept", REVIEWER, outcome.contribution.number)
        assert gone.value.status == 409
        assert publisher.pids == [pid]
        await publisher.close()
        assert publisher.pids == []

    asyncio.run(use())


@pytest.mark.parametrize("seconds", [0.005, 0.015, 0.03, 0.06])
def test_a_killed_publisher_is_replaced_and_nothing_is_half_done(workspace: Workspace, seconds: float) -> None:
    async def use() -> None:
        publisher = Publisher(workspace.settings)
        for name in ("One", "Two", "Three"):
            await publisher.start()  # heals: what is checked beside a token of before would be stale
            [pid] = publisher.pids
            lines = project_lines("ketgate", name=name)
            checked = {"report": CLEAN, "checked_token": token(workspace)}
            call = asyncio.create_task(publisher.call("submit", NORTH, "north", lines, **checked))
            await asyncio.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
            try:
                await call
            except StoreError as error:
                assert "in the middle" in error.detail
            await gone(pid)
        await publisher.start()
        waiting = await publisher.call("submit", WEST, "west", LINES, report=CLEAN, checked_token=token(workspace))
        assert waiting.contribution.state == "pending"
        await publisher.close()

    asyncio.run(use())
    workspace.heal()
    workspace.check()


def test_a_publisher_that_was_killed_while_idle_is_replaced_and_nobody_hears_of_it(workspace: Workspace) -> None:
    async def use() -> None:
        publisher = Publisher(workspace.settings)
        await publisher.start()
        [pid] = publisher.pids
        os.kill(pid, signal.SIGKILL)
        await gone(pid)
        outcome = await publisher.call("submit", NORTH, "north", LINES, report=CLEAN, checked_token=token(workspace))
        assert outcome.contribution.state == "published"
        assert publisher.pids != [pid]
        await publisher.close()

    asyncio.run(use())
    assert graphs(workspace)["north"] == set(LINES)


def test_a_client_that_leaves_leaves_nothing_half_done(workspace: Workspace) -> None:
    async def use() -> None:
        publisher = Publisher(workspace.settings)
        await publisher.start()
        checked = {"report": CLEAN, "checked_token": token(workspace)}
        call = asyncio.create_task(publisher.call("submit", NORTH, "north", LINES, **checked))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await publisher.close()  # waits for what is under way

    asyncio.run(use())
    assert graphs(workspace).get("north", set()) in (set(), set(LINES)), "it had not begun, or it was finished"
    workspace.check()
