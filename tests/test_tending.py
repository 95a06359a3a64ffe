"""The files of the store are put together while nobody publishes, and nobody who publishes waits for that."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from tests.small import CLEAN, NORTH, graphs, project_lines, small, token
from v4graph.publisher import Publisher
from v4graph.store import tending
from v4graph.store.embedded import publishing, wanted
from v4graph.workspace import Workspace


def publish_often(workspace: Workspace, times: int) -> list[str]:
    lines: list[str] = []
    for number in range(times):
        lines = project_lines(f"p{number}")
        workspace.submit(NORTH, "north", lines, report=CLEAN, checked_token=token(workspace))
    return lines


def small_files(home: Path) -> int:
    return sum(1 for file in (home / "store" / "primary").glob("*.sst") if file.stat().st_size < 2**20)


def test_files_are_put_together_and_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = small(tmp_path)
    lines = publish_often(workspace, 3)
    monkeypatch.setattr(tending, "_QUIET", 0.5)
    tending.tend(tmp_path)
    assert graphs(workspace)["north"] == set(lines)
    assert small_files(tmp_path) < tending.MANY
    assert not tending.needed(tmp_path)


def test_who_wants_to_publish_is_let_in(tmp_path: Path) -> None:
    workspace = small(tmp_path)
    thread = threading.Thread(target=tending.tend, args=(tmp_path,))
    thread.start()
    while thread.is_alive() and not _locked(tmp_path):
        time.sleep(0.005)
    began = time.monotonic()
    lines = publish_often(workspace, 1)
    thread.join()
    assert time.monotonic() - began < tending._QUIET
    assert wanted(tmp_path).exists()
    assert graphs(workspace)["north"] == set(lines)


def _locked(home: Path) -> bool:
    try:
        with publishing(home, seconds=0):
            return False
    except Exception:
        wanted(home).unlink(missing_ok=True)
        return True


def test_a_publisher_has_it_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = small(tmp_path)
    lines = publish_often(workspace, 2)
    monkeypatch.setattr(tending, "MANY", 1)
    monkeypatch.setattr("v4graph.publisher._TEND_SECONDS", 0.1)
    seen: list[bool] = []

    async def use() -> None:
        publisher = Publisher(workspace.settings)
        await publisher.call("heal")
        while publisher._tending is not None:  # the child holds the store until nothing changes any more
            seen.append(await asyncio.to_thread(_locked, tmp_path))
            await asyncio.sleep(0.05)
        await publisher.close()

    asyncio.run(use())
    assert any(seen)
    assert not seen[-1]
    assert graphs(workspace)["north"] == set(lines)
