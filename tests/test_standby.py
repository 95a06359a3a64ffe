"""Children that wait for work: taken once, replaced, ended with their owner."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tests.web.conftest import publish
from v4graph.rdf import TURTLE
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.sandbox.pool import Sandbox
from v4graph.sandbox.standby import Standby
from v4graph.settings import Settings
from v4graph.store.embedded import current

STATEMENT = "<https://example.org/a> <https://example.org/b> 1 ."


async def filled(standby: Standby, how_many: int) -> list[int]:
    standby.fill_soon()
    until = time.monotonic() + 10
    while len(standby.pids) < how_many and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return standby.pids


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_that_waits_is_taken_and_one_that_died_is_not() -> None:
    async def run() -> None:
        standby = Standby("parser", 2)
        assert standby.pids == []
        first, second = await filled(standby, 2)
        child = standby.take()
        assert child.pid == second
        child.close()
        os.kill(first, 9)
        os.waitpid(first, os.WNOHANG)
        await asyncio.sleep(0.1)
        another = standby.take()
        assert another.pid not in (first, second)
        another.close()
        [third, fourth] = await filled(standby, 2)
        standby.close()
        assert gone(third)
        assert gone(fourth)
        standby.fill_soon()
        await asyncio.sleep(0.2)
        assert standby.pids == []

    asyncio.run(run())


def test_a_document_is_read_by_one_that_waits() -> None:
    async def run() -> None:
        settings, standby = Settings(), Standby("parser", 1)
        document = Document(STATEMENT.encode(), TURTLE, "https://example.org/genid/")
        for waiting in (0, 1):
            if waiting:
                assert len(await filled(standby, 1)) == 1
            [parsed] = await asyncio.to_thread(parse_documents, [document], settings, standby)
            assert isinstance(parsed, Parsed)
            assert len(parsed.lines) == 1
            assert standby.pids == [], "each reads for one request and ends"
        standby.close()

    asyncio.run(run())


def test_readers_of_the_next_snapshot_have_been_waiting(tmp_path: Path) -> None:
    publish(tmp_path, STATEMENT)

    async def run() -> None:
        snapshot = current(tmp_path)
        assert snapshot is not None
        async with Sandbox(Settings(home=tmp_path, readers=2)) as sandbox:
            await sandbox.open(snapshot)
            await asyncio.sleep(0.3)
            assert sandbox.standby.pids == [], "nothing was ever published here"
            await sandbox.open(snapshot)
            waiting = await filled(sandbox.standby, 2)
            assert len(waiting) == 2
            assert set(waiting).isdisjoint(sandbox.pids)
            await sandbox.open(snapshot)
            assert set(waiting) <= set(sandbox.pids)
            last = await filled(sandbox.standby, 2)
        assert all(gone(pid) for pid in (*waiting, *last))

    asyncio.run(run())
