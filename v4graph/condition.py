"""The condition of an instance at a glance: what ``v4graph status`` tells, whether a server runs or not."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from v4graph import __version__, harvest, past
from v4graph.ledger import PROJECTED, Ledger
from v4graph.store.embedded import Snapshot, current, kept
from v4graph.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Condition:
    """What an operator wants to know first; times are empty and numbers None where there is nothing yet.

    ``behind`` counts the entries of the ledger that the store does not show yet; ``read`` says whether some process
    has the present snapshot open; sizes are in bytes, a file with several names counted once.
    """

    version: str
    home: str
    base: str
    ledger_entries: int
    ledger_bytes: int
    snapshot: int | None
    published: str
    behind: int
    read: bool
    snapshots_kept: int
    past_states: int
    store_bytes: int
    free_bytes: int
    sources: int
    contributions_waiting: int
    harvested: int
    harvest_failures: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing asks for the operator: the store shows the ledger, and what is harvested comes."""
        return self.snapshot is not None and not self.behind and not self.harvest_failures


def condition(workspace: Workspace) -> Condition:
    """Look at a home; nothing is made or changed in it."""
    home = workspace.home
    file = home / "ledger.sqlite"
    snapshot = current(home)
    told = _of_ledger(workspace, snapshot) if file.exists() else _Told()
    return Condition(
        version=__version__,
        home=str(home),
        base=workspace.settings.base_iri,
        ledger_entries=told.entries,
        ledger_bytes=sum(_size(path) for path in home.glob("ledger.sqlite*")),
        snapshot=snapshot.number if snapshot else None,
        published=told.published,
        behind=told.behind,
        read=snapshot is not None and _is_held(snapshot.lock),
        snapshots_kept=len(kept(home)),
        past_states=len(past.built(home)),
        store_bytes=_folder_size(home / "store"),
        free_bytes=shutil.disk_usage(_existing(home)).free,
        sources=told.sources,
        contributions_waiting=told.waiting,
        harvested=told.harvested,
        harvest_failures=told.failures,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """What the ledger tells."""

    entries: int = 0
    published: str = ""
    behind: int = 0
    sources: int = 0
    waiting: int = 0
    harvested: int = 0
    failures: tuple[str, ...] = ()


def _of_ledger(workspace: Workspace, snapshot: Snapshot | None) -> _Told:
    with workspace.ledger() as ledger:
        last, public = ledger.head(), ledger.head(PROJECTED)
        registered = harvest.registered(ledger)
        failed = (one.source for one in registered if harvest.status_of(workspace.home, one.source).error)
        return _Told(
            last.number if last else 0,
            public.time if public else "",
            _behind(ledger, snapshot),
            len(ledger.latest("revision")),
            len(ledger.standings(state="pending")),
            len(registered),
            tuple(failed),
        )


def _behind(ledger: Ledger, snapshot: Snapshot | None) -> int:
    return len(ledger.entries(after=snapshot.number if snapshot else 0, kind=PROJECTED))


def _is_held(lock: Path) -> bool:
    """Whether some process holds a lock, seen without waiting for it."""
    try:
        with open(lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # it went meanwhile: somebody publishes
        return 0


def _folder_size(folder: Path) -> int:
    """What a folder takes on the disk: snapshots are hard links to the same files."""
    seen: dict[tuple[int, int], int] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                about = os.stat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            seen[about.st_dev, about.st_ino] = about.st_blocks * 512
    return sum(seen.values())
