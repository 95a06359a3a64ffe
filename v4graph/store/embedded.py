"""The embedded store: one primary for the publisher (``primary.py``), immutable snapshots for everybody else.

    store/primary        RocksDB, opened by one publisher at a time, under the file lock store/LOCK
    store/WANTED         somebody waits for that lock
    store/snapshots/{n}  hard-linked checkpoints, opened read-only; never changed. n only counts folders
    store/CURRENT        which snapshot readers open; replaced by an atomic rename
    store/touched/       what each publication touched (``touched.py``)
    store/past/{entry}   states of former entries of the ledger, built when somebody asks for them

Reading beside a writer is undefined in the engine, so readers never see the primary. A snapshot is known by the
number of the ledger's entry whose state it is: that number is the same after a rebuild, so it can be cited.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

KEEP = 3
"""Snapshots kept though nobody reads them, so that a reader that starts late still finds its own."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The immutable state of the store after one publication.

    ``number`` is that of the ledger's entry, ``created`` when it was published, ``token`` unique to the content.
    """

    number: int
    path: Path
    token: str
    created: str

    @property
    def lock(self) -> Path:
        """The file that readers hold a shared lock on, so that pruning leaves the snapshot alone."""
        return self.path.with_name(f"{self.path.name}.lock")

    @property
    def note(self) -> Path:
        """The file beside the folder that says which state it holds."""
        return self.path.with_name(f"{self.path.name}.json")


def current(home: Path) -> Snapshot | None:
    """The snapshot readers should open, or None when nothing was published yet. Cheap enough to poll."""
    store = home / "store"
    return read_note(store / "CURRENT", store / "snapshots")


def read_note(note: Path, folder: Path) -> Snapshot | None:
    """The snapshot in a folder that a note tells of, or None when it tells of none."""
    try:
        told = dict(json.loads(note.read_text(encoding="utf-8")))
        name = str(told.get("folder") or told["number"])  # once, snapshots were numbered like their folders
        return Snapshot(int(told["entry"]), folder / name, str(told["token"]), str(told["created"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def _note_of(snapshot: Snapshot) -> bytes:
    said = {
        "entry": snapshot.number,
        "folder": snapshot.path.name,
        "token": snapshot.token,
        "created": snapshot.created,
    }
    return json.dumps(said).encode()


def write_note(snapshot: Snapshot) -> None:
    """Say beside a snapshot which state it holds; one that a crash left without is built again when it is wanted."""
    snapshot.note.write_bytes(_note_of(snapshot))


def make_current(store: Path, snapshot: Snapshot) -> None:
    """Have readers open a snapshot from now on, and remove those that nobody needs any more."""
    snapshot.lock.touch()
    write_note(snapshot)
    write_atomically(store / "CURRENT", _note_of(snapshot))
    prune(store / "snapshots")


def kept(home: Path) -> list[Snapshot]:
    """The snapshots of a home that are still there, the newest folder first."""
    folder = home / "store" / "snapshots"
    names = (note.stem for note in folder.glob("*.json")) if folder.is_dir() else ()
    found = (read_note(folder / f"{name}.json", folder) for name in sorted(names, key=int, reverse=True))
    return [snapshot for snapshot in found if snapshot is not None and snapshot.path.is_dir()]


def try_lock(file: IO[bytes], how: int) -> bool:
    """Lock a file if nobody holds it otherwise; whether that was possible."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def holding(snapshot: Snapshot) -> Iterator[None]:
    """Keep a snapshot from being removed while it is read here."""
    with open(snapshot.lock, "a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def prune(snapshots: Path) -> None:
    """Remove snapshots that nobody reads, but for the last few."""
    numbers = sorted(int(p.name) for p in snapshots.iterdir() if p.name.isdigit())
    for number in numbers[:-KEEP]:
        remove(Snapshot(0, snapshots / str(number), "", ""))


def remove(snapshot: Snapshot) -> bool:
    """Remove a snapshot unless somebody reads it; whether it is gone."""
    with open(snapshot.lock, "a+b") as lock:
        if not try_lock(lock, fcntl.LOCK_EX):
            return False
        snapshot.note.unlink(missing_ok=True)
        shutil.rmtree(snapshot.path, ignore_errors=True)
        snapshot.lock.unlink(missing_ok=True)
    return True


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
