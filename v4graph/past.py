"""Past states of the store: what the ledger says up to a former entry, built when somebody asks for it.

``python -m v4graph.past`` is the child that builds one; it says what it is doing, a line at a time. A past state lies
in ``store/past/{entry}`` and is a snapshot like every other. Those of named releases stay, of others the last few.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyoxigraph as ox

from v4graph import __version__, derivation, projection
from v4graph.errors import BadRequest, NotFound, UnknownParameter
from v4graph.iris import Iris
from v4graph.ledger import PROJECTED, Append, Entry, Ledger
from v4graph.store import embedded
from v4graph.store.embedded import Snapshot

KEEP = 4
"""Past states kept beside those of releases."""
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9][a-z0-9.-]{0,62}[a-z0-9]")
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Release:
    """A name for the state of an entry, given once and for good."""

    name: str
    entry: int
    published: str
    named: str


# --- which entry --------------------------------------------------------------------------------------------------


def read_moment(text: str, now: datetime) -> str:
    """A date (its end, UTC) or dateTime as times are written in the ledger.

    Raises:
        UnknownParameter: it is neither, or has not come yet.
    """
    try:
        if len(text) == 10:
            begin = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            moment = begin + timedelta(days=1, seconds=-1)
        else:
            # A plus sign in an address is a space to whoever decodes it.
            moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else "")
            begin = moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        found = moment.astimezone(UTC).strftime(_FORMAT)
    except (ValueError, OverflowError):
        raise UnknownParameter(
            f"“{text[:50]}” is no moment. Write at=2026-11-21 (the end of that day, UTC) or at=2026-11-21T12:00:00Z.",
            parameter="at",
        ) from None
    if begin > now:
        raise UnknownParameter(f"{text} has not come yet, so nobody knows what the graph will say.", parameter="at")
    return found.rjust(20, "0")  # not every platform writes the year 800 with four digits


def entry_at(ledger: Ledger, moment: str) -> Entry:
    """The last publication at or before a moment (as ``read_moment`` writes it).

    Raises:
        UnknownParameter: nothing was published yet.
    """
    found = ledger.head(PROJECTED, at=moment)
    if found is None:
        raise UnknownParameter(
            f"Nothing was published at {moment}. The first publication was {_first(ledger)}.", parameter="at"
        )
    return found


def entry_named(ledger: Ledger, name: str) -> Entry:
    """The publication with a number, or that of a release.

    Raises:
        UnknownParameter: there is neither a publication of this number nor a release of this name.
    """
    if name.isascii() and name.isdigit():
        number = int(name[:12])
        found = ledger.head(PROJECTED, until=number)
        if found is not None and found.number == number:
            return found
        nearest = (
            f"The last one before it is {found.number}, of {found.time}." if found else f"The first: {_first(ledger)}."
        )
        raise UnknownParameter(f"There is no snapshot {name[:20]}. {nearest}", parameter="snapshot")
    release = next((r for r in releases(ledger) if r.name == name), None)
    found = ledger.head(PROJECTED, until=release.entry) if release is not None else None
    if found is None:
        raise UnknownParameter(
            f"There is no snapshot “{name[:70]}”. Give the number of one, or a name that /releases lists.",
            parameter="snapshot",
        )
    return found


def _first(ledger: Ledger) -> str:
    first = ledger.entries(kind=PROJECTED, limit=1)
    return f"snapshot {first[0].number} of {first[0].time}" if first else "not yet"


def publications(ledger: Ledger, source: str | None = None) -> list[Entry]:
    """The publications, or those with a revision of a source, the oldest first; of those within one second the last."""
    if source is None:
        return list({entry.time: entry for entry in ledger.entries(kind=PROJECTED)}.values())
    times = dict.fromkeys(entry.time for entry in ledger.entries(kind="revision", source=source))
    return [entry_at(ledger, time) for time in times]


# --- releases -----------------------------------------------------------------------------------------------------


def releases(ledger: Ledger) -> list[Release]:
    """The releases, the first named first."""
    found = []
    for entry in ledger.entries(kind="release"):
        of = ledger.head(PROJECTED, until=int(entry.detail["entry"]))
        if of is not None:
            found.append(Release(str(entry.detail["name"]), of.number, of.time, entry.time))
    return found


def release(ledger: Ledger, name: str, actor: str, until: int | None = None) -> Release:
    """Give a name to the present state, or to that of an entry; to be called within ``publishing``.

    Raises:
        BadRequest: the name cannot be one, or is another state's.
        NotFound: nothing was published yet.
    """
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"“{name}” cannot name a release. Use 2 to 64 of a-z, 0-9, dot and hyphen, a letter among them."
        )
    of = ledger.head(PROJECTED, until=until)
    if of is None or (until is not None and of.number != until):
        raise NotFound(f"There is no snapshot {until}." if until else "Nothing was published yet.")
    known = next((r for r in releases(ledger) if r.name == name), None)
    if known is not None:
        if known.entry == of.number:
            return known
        raise BadRequest(f"“{name}” names snapshot {known.entry} for good. Choose another name.")
    [made] = ledger.append([Append("release", "", actor, detail={"name": name, "entry": of.number})])
    return Release(name, of.number, of.time, made.time)


# --- the states ---------------------------------------------------------------------------------------------------


def folder_of(home: Path) -> Path:
    """Where the past states of a home lie."""
    return home / "store" / "past"


def token_of(entry: Entry, iris: Iris) -> str:
    """The token that the state of an entry has under the present rules."""
    return projection.token_of(entry, derivation.fingerprint(derivation.load_rules(iris)))


def find(home: Path, entry: Entry, iris: Iris) -> Snapshot | None:
    """The state of an entry where it lies ready, or None; it counts as used now."""
    token = token_of(entry, iris)
    for snapshot in (*built(home), *embedded.kept(home)):
        if snapshot.token == token and snapshot.number == entry.number:
            with contextlib.suppress(FileNotFoundError):
                os.utime(snapshot.note)
            return snapshot
    return None


def built(home: Path) -> list[Snapshot]:
    """The past states that were built, the last used first."""
    folder = folder_of(home)
    notes = sorted(folder.glob(f"*.{__version__}.json"), key=lambda note: -note.stat().st_mtime)
    found = (embedded.read_note(note, folder) for note in notes)
    return [snapshot for snapshot in found if snapshot is not None and snapshot.path.is_dir()]


def build(home: Path, iris: Iris, number: int, tell: Callable[[str], None] = lambda _: None) -> Snapshot:
    """Build the state of an entry, from the nearest earlier state or from nothing, unless it is there.

    Raises:
        NotFound: nothing was published by that entry.
    """
    folder = folder_of(home)
    ledger = Ledger.in_home(home)
    try:
        entry = ledger.head(PROJECTED, until=number)
        if entry is None:
            raise NotFound(f"Nothing was published by entry {number} of the ledger.")
        tell("waiting for another past state")
        with _alone(folder):
            snapshot = find(home, entry, iris) or _built(ledger, home, iris, entry, tell)
            prune(home, {r.entry for r in releases(ledger)} | {entry.number})
            return snapshot
    finally:
        ledger.close()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time changes the past states of a home; what a process left that was killed is cleared away."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "LOCK", "a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(".new-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _built(ledger: Ledger, home: Path, iris: Iris, entry: Entry, tell: Callable[[str], None]) -> Snapshot:
    folder = folder_of(home)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as work:
        _begin_from(home, entry.number, Path(work), tell)
        made = projection.project(ledger, Path(work), iris, until=entry.number, tell=tell)
        target = folder / f"{entry.number}.{__version__}"
        snapshot = Snapshot(entry.number, target, made.token, entry.time)
        if target.exists():  # of other rules
            embedded.remove(snapshot)
        os.rename(made.path, target)
    snapshot.lock.touch()
    embedded.write_note(snapshot)
    return snapshot


def keep(home: Path, iris: Iris, number: int, tell: Callable[[str], None] = lambda _: None) -> Snapshot:
    """Have the state of a release lie in ``store/past`` for good; cheap when it is a snapshot now (hard links)."""
    found = build(home, iris, number, tell)
    target = folder_of(home) / f"{number}.{__version__}"
    if found.path == target:
        return found
    snapshot = Snapshot(number, target, found.token, found.created)
    with _alone(target.parent), embedded.holding(found):
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as work:
            copy = Path(work) / "copy"
            ox.Store.read_only(str(found.path)).backup(str(copy))
            if target.exists():
                embedded.remove(snapshot)
            os.rename(copy, target)
        snapshot.lock.touch()
        embedded.write_note(snapshot)
    return snapshot


def _begin_from(home: Path, number: int, work: Path, tell: Callable[[str], None]) -> None:
    """Copy the nearest earlier state (hard links), so that only what follows it is to be applied."""
    earlier = [s for s in (*built(home), *embedded.kept(home)) if s.number < number]
    if not earlier:
        return
    nearest = max(earlier, key=lambda snapshot: snapshot.number)
    (work / "store").mkdir()
    with embedded.holding(nearest):
        if nearest.path.is_dir():
            tell(f"beginning from snapshot {nearest.number}")
            ox.Store.read_only(str(nearest.path)).backup(str(work / "store" / "primary"))


def prune(home: Path, wanted: set[int]) -> None:
    """Remove past states: all but the wanted ones and the last few used; what is being read stays."""
    present = built(home)
    paths = {snapshot.path for snapshot in present}
    for path in folder_of(home).iterdir():
        if path.is_dir() and not path.name.startswith(".") and path not in paths:
            embedded.remove(Snapshot(0, path, "", ""))  # of another version of the program
    for snapshot in [s for s in present if s.number not in wanted][KEEP:]:
        embedded.remove(snapshot)


def main(home: str, base: str, number: str) -> None:
    """Build one, gently: those who ask for the present go first."""
    os.nice(10)

    def tell(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    build(Path(home), Iris(base), int(number), tell)


if __name__ == "__main__":
    main(*sys.argv[1:])
