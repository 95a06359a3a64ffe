"""What each publication touched: the subjects whose statements in the default graph came or went, beside the store.

Whoever has read the whole graph once reads only these again. What is not known (a store that was built anew, a crash,
a large load) is nothing lost: then everything is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

MOST = 20_000
"""Subjects from which on it is as well to read everything."""
_KEPT = 64


def _folder(home: Path) -> Path:
    return home / "store" / "touched"


def note(home: Path, before: str, after: str, subjects: Iterable[str]) -> None:
    """Record what a store touched on its way from one state to the next, both by their tokens."""
    found = sorted(set(subjects))
    if len(found) > MOST:
        return
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{after}.json"
    written = path.with_suffix(f".{os.getpid()}")
    written.write_text(json.dumps({"before": before, "subjects": found}), encoding="utf-8")
    os.replace(written, path)
    known = sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime)
    for old in known[:-_KEPT]:
        old.unlink(missing_ok=True)


def between(home: Path, before: str, after: str) -> frozenset[str] | None:
    """The subjects touched from one state to a later one, by their IRIs; None when that is not known."""
    found: set[str] = set()
    for _ in range(_KEPT):
        if after == before:
            return frozenset(found)
        try:
            told = json.loads((_folder(home) / f"{after}.json").read_text(encoding="utf-8"))
            found.update(told["subjects"])
            after = told["before"]
        except (OSError, ValueError, KeyError):
            return None
        if len(found) > MOST:
            return None
    return None
