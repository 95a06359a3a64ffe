"""The embedded store: one primary for the publisher, immutable snapshots for everybody else.

    store/primary        RocksDB, opened by one publisher at a time, under the file lock store/LOCK
    store/snapshots/{n}  hard-linked checkpoints, opened read-only; never changed
    store/CURRENT        which snapshot readers open; replaced by an atomic rename

Reading beside a writer is undefined in the engine, so readers never see the primary.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from v4graph.errors import StoreLocked

KEEP = 3
"""Snapshots kept though nobody reads them, so that a reader that starts late still finds its own."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The numbered, immutable state of the store after one publication."""

    number: int
    path: Path
    entry: int
    token: str
    created: str

    @property
    def lock(self) -> Path:
        """The file that readers hold a shared lock on, so that pruning leaves the snapshot alone."""
        return self.path.with_suffix(".lock")


def current(home: Path) -> Snapshot | None:
    """The snapshot readers should open, or None when nothing was published yet. Cheap enough to poll."""
    try:
        told = json.loads((home / "store" / "CURRENT").read_text(encoding="utf-8"))
        number = int(told["number"])
        path = home / "store" / "snapshots" / str(number)
        return Snapshot(number, path, int(told["entry"]), str(told["token"]), str(told["created"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def publishing(home: Path, *, seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock of the publisher: one process at a time writes ledger and store of a home.

    Raises:
        StoreLocked: another process published for longer than ``seconds``.
    """
    folder = home / "store"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "LOCK", "a+b") as lock:
        deadline = time.monotonic() + seconds
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise StoreLocked(
                    f"Another process has been publishing into {home} for {seconds:.0f} seconds. Try again.",
                    headers={"Retry-After": "10"},
                )
            time.sleep(0.02)
        yield


def _try_lock(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Primary:
    """The one writable store of a home; to be used within ``publishing``."""

    def __init__(self, home: Path) -> None:
        """Open it, making it when it is not there."""
        self.folder = home / "store"
        (self.folder / "snapshots").mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "primary"
        self.store = ox.Store(str(self.path))

    def close(self) -> None:
        """Let go of the files; the engine closes them when the last reference goes."""
        del self.store

    def checkpoint(self, *, entry: int, token: str) -> Snapshot:
        """Make the present state the current snapshot (hard links, milliseconds whatever the size)."""
        snapshots = self.folder / "snapshots"
        taken = [int(p.name) for p in snapshots.iterdir() if p.name.isdigit()]
        number = max(taken, default=0) + 1
        target = snapshots / str(number)
        self.store.backup(str(target))
        snapshot = Snapshot(number, target, entry, token, datetime.now(UTC).isoformat(timespec="seconds"))
        snapshot.lock.touch()
        write_atomically(
            self.folder / "CURRENT",
            json.dumps({"number": number, "entry": entry, "token": token, "created": snapshot.created}).encode(),
        )
        prune(snapshots)
        return snapshot


def wipe(home: Path) -> None:
    """Remove the primary, so that it is built anew; snapshots stay for those who read them."""
    shutil.rmtree(home / "store" / "primary", ignore_errors=True)


def prune(snapshots: Path) -> None:
    """Remove snapshots that nobody reads, but for the last few."""
    numbers = sorted(int(p.name) for p in snapshots.iterdir() if p.name.isdigit())
    for number in numbers[:-KEEP]:
        path = snapshots / str(number)
        with open(path.with_suffix(".lock"), "a+b") as lock:
            if _try_lock(lock, fcntl.LOCK_EX):
                shutil.rmtree(path, ignore_errors=True)
                path.with_suffix(".lock").unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, or a crash, sees the old content or the new, never half."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with open(new, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
