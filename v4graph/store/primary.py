"""The primary of the embedded store: who publishes holds its lock, and opens it.

A server's publisher keeps both from one publication to the next, until somebody else wants them: opening takes as long
as writing, and the engine puts its files together only while the store is open. What it has begun when the store is
closed is thrown away, so that in the end a publication waits for all of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from v4graph.errors import StoreLocked
from v4graph.store.embedded import Snapshot, make_current, try_lock
from v4graph.store.faults import store_faults

_LOOK = 0.02
"""Seconds between two looks whether the lock is free, or somebody waits for it."""
_IDLE = 300.0
"""So many seconds after the last publication the store is closed."""
_OFTEN = 500
"""After so many publications the store is opened anew: the engine keeps what it has read of files that are long
replaced, some 40 kB a publication, until its caches are full, which takes hundreds of megabytes."""
_CALM, _LEAST = "rocksdb:low", 19
"""The threads of the engine that put files together, and their priority: everything else comes first."""


@contextlib.contextmanager
def publishing(home: Path, *, seconds: float = 60.0) -> Iterator[None]:
    """Hold the lock of the publisher: one process at a time writes ledger and store of a home.

    Raises:
        StoreLocked: another process published for longer than ``seconds``.
        StorageFull, NotWritable: the lock cannot be taken.
    """
    if _keeper is not None:
        with _keeper.publishing(home, seconds):
            yield
    else:
        with _locked(home, seconds):
            yield


def _locked(home: Path, seconds: float) -> IO[bytes]:
    """The file of the lock; whoever closes it gives the lock back."""
    folder = home / "store"
    with store_faults(home):
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / "LOCK", "a+b")  # noqa: SIM115
    try:
        deadline = time.monotonic() + seconds
        while not try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise StoreLocked(
                    f"Another process has been publishing into {home} for {seconds:.0f} seconds. Try again.",
                    headers={"Retry-After": "10"},
                )
            with contextlib.suppress(OSError):
                wanted(home).touch()
            time.sleep(_LOOK)
    except BaseException:
        lock.close()
        raise
    return lock


def wanted(home: Path) -> Path:
    """The file by which one who waits for the lock says so: who only keeps it gives it back."""
    return home / "store" / "WANTED"


class Primary:
    """The one writable store of a home; to be used within ``publishing``."""

    def __init__(self, home: Path) -> None:
        """Open it, making it when it is not there."""
        self.home = home
        self.folder = home / "store"
        (self.folder / "snapshots").mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "primary"
        kept = _keeper.take(home) if _keeper is not None else None
        if kept is not None:
            self.store = kept
            return
        self.store = ox.Store(str(self.path))
        for log in self.path.glob("LOG.old.*"):  # the engine keeps a thousand of them
            log.unlink(missing_ok=True)

    def leave(self) -> None:
        """All went well: where this process keeps the store, it stays open for the next publication."""
        if _keeper is not None:
            _keeper.give(self.home, self.store)
        self.close()

    def close(self) -> None:
        """Let go of the files; the engine closes them when the last reference goes. May be called again."""
        self.__dict__.pop("store", None)

    def checkpoint(self, *, entry: int, token: str, created: str | None = None) -> Snapshot:
        """Make the present state the current snapshot (hard links, milliseconds whatever the size)."""
        snapshots = self.folder / "snapshots"
        taken = [int(p.name) for p in snapshots.iterdir() if p.name.isdigit()]
        target = snapshots / str(max(taken, default=0) + 1)
        try:
            self.store.backup(str(target))
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        now = datetime.now(UTC).isoformat(timespec="seconds")
        snapshot = Snapshot(entry, target, token, created or now)
        make_current(self.folder, snapshot)
        return snapshot


def wipe(home: Path) -> None:
    """Remove the primary, so that it is built anew, and what a killed build left; snapshots stay for their readers."""
    if _keeper is not None:
        _keeper.take(home)
    for left in home.glob("rebuild-*"):
        shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(home / "store" / "primary", ignore_errors=True)


# --- kept open ----------------------------------------------------------------------------------------------------


def keep_open() -> None:
    """From now on this process keeps lock and store after a publication, until somebody else wants them."""
    global _keeper
    _keeper = _keeper or _Keeper()


def is_kept(home: Path) -> bool:
    """Whether the next ``Primary`` is one that was kept; it may have failed meanwhile, and a new one would not."""
    return _keeper is not None and _keeper.has_store(home)


class _Keeper:
    """The lock and the store that a process keeps. The store is only ever kept together with the lock."""

    def __init__(self) -> None:
        self._in_use = threading.Lock()
        self._keeps = threading.Event()
        self._home = Path()
        self._lock: IO[bytes] | None = None
        self._store: ox.Store | None = None
        self._since = 0.0
        self._times = 0
        threading.Thread(target=self._watch, name="keeper", daemon=True).start()

    def has_store(self, home: Path) -> bool:
        return self._store is not None and self._home == home

    @contextlib.contextmanager
    def publishing(self, home: Path, seconds: float) -> Iterator[None]:
        with self._in_use:
            if self._lock is None or self._home != home:
                self._let_go()
                self._lock, self._home = _locked(home, seconds), home
                wanted(home).unlink(missing_ok=True)
            try:
                yield
            finally:
                self._since = time.monotonic()
                self._times += 1
                if self._store is None or self._times >= _OFTEN or wanted(home).exists():
                    self._let_go()
                else:
                    _calm()
                    self._keeps.set()

    def take(self, home: Path) -> ox.Store | None:
        if self._home != home:
            return None
        store, self._store = self._store, None
        return store

    def give(self, home: Path, store: ox.Store) -> None:
        if self._lock is not None and self._home == home:
            self._store = store

    def _let_go(self) -> None:
        self._keeps.clear()
        self._store, self._times = None, 0
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def _watch(self) -> None:
        while self._keeps.wait():
            if wanted(self._home).exists() or time.monotonic() > self._since + _IDLE:
                with self._in_use:
                    self._let_go()
            time.sleep(_LOOK)


def _calm() -> None:
    """Have the engine put files together only when nobody else wants the processor."""
    with contextlib.suppress(OSError):  # elsewhere than on Linux threads have no priority of their own
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/comm") as file:
                if file.read().startswith(_CALM):
                    os.setpriority(os.PRIO_PROCESS, int(thread), _LEAST)


_keeper: _Keeper | None = None
