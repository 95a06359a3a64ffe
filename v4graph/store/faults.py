"""What files do to who reads and writes them, told as errors of ours: no room, no leave to write, damage.

The engine says such things in sentences only.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from v4graph.errors import NotWritable, StorageFull, StoreDamaged, StoreError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_SAYS_FULL = re.compile(r"No space left|File too large|[Qq]uota exceeded")
_SAYS_CLOSED = re.compile(r"Read-only file system|Permission denied|Operation not permitted")
_SAYS_DAMAGED = re.compile(r"Corruption|IO error|Invalid argument: ")
_FILE = re.compile(r"(/\S+?\.sst|/\S+?/(?:CURRENT|MANIFEST-\d+|IDENTITY|\d+\.log))")


@contextmanager
def store_faults(home: Path) -> Iterator[None]:
    """Tell what the engine, or the file system, complains about in a block.

    Raises:
        StorageFull, NotWritable, StoreDamaged: what it is, and how to mend it.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        told = store_fault(error, home)
        if told is None:
            raise
        raise told from error


def store_fault(error: BaseException, home: Path) -> StoreError | None:
    """What an error of the engine or the file system means for a home; None when it is of another kind."""
    said, number = str(error), getattr(error, "errno", None)
    if number in _FULL or _SAYS_FULL.search(said):
        return full(home)
    if number in _CLOSED or _SAYS_CLOSED.search(said):
        return not_writable(home)
    if (number is None and _SAYS_DAMAGED.search(said)) or isinstance(error, FileNotFoundError):
        return damaged(home, said)
    return None


def full(home: Path) -> StorageFull:
    """There is no room."""
    return StorageFull(
        f"There is no room left where {home.name} lies. Reading goes on; once the operator has made room, "
        "send it again: what was recorded before is not lost and not doubled.",
        headers={"Retry-After": "60"},
    )


def not_writable(home: Path) -> NotWritable:
    """The file system is read-only, or belongs to somebody else."""
    return NotWritable(
        f"The folder {home.name} cannot be written to: its file system is read-only, or it belongs to another user. "
        "Reading goes on; the operator has to mend it before anything is published.",
        headers={"Retry-After": "60"},
    )


def damaged(home: Path, said: str) -> StoreDamaged:
    """A file of the store is not what was written."""
    found = _FILE.search(said)
    name = found[1].partition(f"{home}/")[2] or found[1] if found else "a file of the store"
    return StoreDamaged(
        f"The store is damaged ({name}). Nothing is lost: run “v4graph rebuild”, which makes it again from the ledger. "
        "Then look at the disk it lies on."
    )
