"""Putting the files of the primary together while nobody publishes (``python -m v4graph.store.tending``).

The engine does that in the background, but only while the store is open, and a publication opens it for a moment:
what it began is thrown away, until so many files wait that the next publication waits for all of them. Here the store
is held open, in a process that gives way to all others, until nothing changes any more or somebody wants to publish.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

import pyoxigraph as ox

from v4graph.errors import StoreLocked
from v4graph.sandbox.confinement import die_with_parent
from v4graph.sandbox.frames import read_frames
from v4graph.store.embedded import publishing, wanted

MANY = 60
"""So many small files are put together: each publication leaves about ten, and two hundred make the engine wait."""
_SMALL = 8 * 2**20
_QUIET, _LONGEST, _LOOK = 3.0, 300.0, 0.02
"""Seconds: without a new file, in all, and between looks whether somebody waits."""


def needed(home: Path) -> bool:
    """Whether many small files wait to be put together."""
    return len(_small(home)) >= MANY


def _small(home: Path) -> set[str]:
    found = set()
    with contextlib.suppress(OSError), os.scandir(home / "store" / "primary") as files:
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                if file.name.endswith(".sst") and file.stat().st_size < _SMALL:
                    found.add(file.name)
    return found


def tend(home: Path) -> None:
    """Hold the primary open until its files are together, or somebody wants to publish.

    Raises:
        StoreLocked: somebody publishes now.
    """
    with publishing(home, seconds=0):
        wanted(home).unlink(missing_ok=True)
        store = ox.Store(str(home / "store" / "primary"))
        began = changed = time.monotonic()
        before = _small(home)
        while not wanted(home).exists() and time.monotonic() < min(changed + _QUIET, began + _LONGEST):
            time.sleep(_LOOK)
            if (now := _small(home)) != before:
                before, changed = now, time.monotonic()
        del store


def main() -> None:
    """Tend the store of the home that the parent tells; what is not finished is left for another time."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent)
    os.nice(19)
    _, told = next(read_frames(fd))
    with contextlib.suppress(StoreLocked, OSError):
        tend(Path(json.loads(told)["home"]))


if __name__ == "__main__":
    main()
