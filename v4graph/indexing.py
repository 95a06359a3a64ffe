"""The index of the search, one SQLite file per state of the store: every thing with all its names, folded.

A full-text index over the names and, beside them, the names of a thing's sectors and countries. Made by a process of
its own (``python -m v4graph.indexing``) out of the index before, and put in place whole: no reader sees half of one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox

from v4graph.folding import words_of
from v4graph.iris import Iris
from v4graph.queries import load_query
from v4graph.statements import LABELS
from v4graph.store.embedded import current

KINDS = (
    "cluster", "event", "organisation", "output", "partnership", "place", "policy", "programme", "project",
    "sector-list", "service",
)  # fmt: skip
"""Kinds of things that can be found; what is only a part of something (a membership, an award) is not."""
_KEPT = 3
"""Indexes that stay: readers of a snapshot that was replaced go on for a while."""
_EDITION = "1"
"""Of the layout below and of what is indexed; a file of another edition is made anew."""
_TABLES = """
CREATE TABLE thing (id INTEGER PRIMARY KEY, iri TEXT UNIQUE NOT NULL, told TEXT NOT NULL);
CREATE TABLE name (folded TEXT NOT NULL, thing INTEGER NOT NULL, PRIMARY KEY (folded, thing)) WITHOUT ROWID;
CREATE INDEX name_of_thing ON name (thing);
CREATE TABLE facet (thing INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (thing, name, value))
  WITHOUT ROWID;
CREATE VIRTUAL TABLE word USING fts5 (named, beside, tokenize='unicode61', prefix='1 2 3');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (word, 'row');
CREATE TABLE state (token TEXT NOT NULL);
"""

Name = tuple[str, str, str, str]
"""Property, language ("" for none), the name, and the name folded."""


def kind_of(iri: str, classes: Iterable[str], iris: Iris) -> str:
    """The kind of a thing: of its IRI; cluster organisations and sectors have their own, other terms share one."""
    if iris.term("ClusterOrganisation") in classes:
        return "cluster-organisation"
    space, kind = ((iris.path(iri) or "") + "//").split("/")[:2]
    return kind if space == "id" or kind == "sector" else "term"


def index_path(home: Path, token: str) -> Path:
    """Where the index of a state of the store is."""
    return home / "store" / "search" / f"{token}-{_EDITION}.sqlite"


def make_index(home: Path, token: str, store: ox.Store, iris: Iris) -> Path:
    """Make the index of a state of the store, out of the one before where there is one; remove older ones.

    Reads the names of everything, writes what changed.
    """
    path = index_path(home, token)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    before = sorted(path.parent.glob(f"*-{_EDITION}.sqlite"), key=lambda p: p.stat().st_mtime)
    made = path.with_suffix(f".{os.getpid()}")
    made.unlink(missing_ok=True)
    if before:
        with closing(sqlite3.connect(before[-1])) as old, closing(sqlite3.connect(made)) as new:
            old.backup(new)
    with closing(sqlite3.connect(made)) as db:
        if not before:
            db.executescript(_TABLES)
        _bring_up_to_date(db, _things(store, iris))
        db.execute("DELETE FROM state")
        db.execute("INSERT INTO state VALUES (?)", (token,))
        db.commit()
    os.replace(made, path)
    for old_path in before[: 1 - _KEPT]:
        old_path.unlink(missing_ok=True)
    return path


@dataclass(slots=True)
class _Thing:
    names: list[Name] = field(default_factory=list)
    facets: set[tuple[str, str]] = field(default_factory=set)
    beside: str = ""

    def told(self) -> str:
        return json.dumps([self.names, sorted(self.facets), self.beside], ensure_ascii=False)


def _things(store: ox.Store, iris: Iris) -> dict[str, _Thing]:
    found: dict[str, _Thing] = {}
    named: dict[str, set[str]] = {}
    for thing, property_, name in _rows(store, "search-names", iris):
        folded = " ".join(words_of(name.value))
        named.setdefault(thing.value, set()).add(folded)
        parts = (iris.path(thing.value) or "").split("/")
        if len(parts) > 2 and (parts[0] == "scheme" or parts[1] in KINDS) and "#" not in thing.value:
            language = getattr(name, "language", None) or ""
            found.setdefault(thing.value, _Thing()).names.append((property_.value, language, name.value, folded))
    classes: dict[str, set[str]] = {}
    for thing, facet, value in _rows(store, "search-facets", iris):
        if thing.value in found:
            if facet.value == "class":
                classes.setdefault(thing.value, set()).add(value.value)
            else:
                found[thing.value].facets.add((facet.value, value.value))
    for iri, about in found.items():
        about.beside = " ".join(sorted({w for _, v in about.facets for n in named.get(v, ()) for w in n.split()}))
        about.facets.add(("kind", kind_of(iri, classes.get(iri, ()), iris)))
        about.names.sort(key=lambda name: (LABELS.index(name[0]) if name[0] in LABELS else len(LABELS), name))
    return found


def _rows(store: ox.Store, query: str, iris: Iris) -> Iterator[tuple[ox.NamedNode, ox.Literal, ox.Literal]]:
    solutions = store.query(load_query(f"platform/{query}", iris))
    assert isinstance(solutions, ox.QuerySolutions)
    for solution in solutions:
        yield (solution[0], solution[1], solution[2])


def _bring_up_to_date(db: sqlite3.Connection, things: Mapping[str, _Thing]) -> None:
    known = {iri: (id_, told) for id_, iri, told in db.execute("SELECT id, iri, told FROM thing")}
    for iri in known.keys() - things.keys():
        _remove(db, known[iri][0])
    last = max((id_ for id_, _ in known.values()), default=0)
    for iri, about in sorted(things.items()):
        told = about.told()
        if iri in known:
            id_ = known[iri][0]
            if known[iri][1] == told:
                continue
            _remove(db, id_)
        else:
            last += 1
            id_ = last
        db.execute("INSERT INTO thing VALUES (?, ?, ?)", (id_, iri, told))
        folded = dict.fromkeys(name[3] for name in about.names)
        db.execute("INSERT INTO word (rowid, named, beside) VALUES (?, ?, ?)", (id_, "\n".join(folded), about.beside))
        db.executemany("INSERT INTO name VALUES (?, ?)", [(name, id_) for name in folded])
        db.executemany("INSERT INTO facet VALUES (?, ?, ?)", [(id_, *pair) for pair in about.facets])


def _remove(db: sqlite3.Connection, id_: int) -> None:
    db.execute("DELETE FROM word WHERE rowid = ?", (id_,))
    for table, column in (("thing", "id"), ("name", "thing"), ("facet", "thing")):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (id_,))


def main() -> None:
    """Make the index of the current snapshot of a home: ``python -m v4graph.indexing HOME BASE``."""
    home, iris = Path(sys.argv[1]), Iris(sys.argv[2])
    snapshot = current(home)
    if snapshot is not None:
        make_index(home, snapshot.token, ox.Store.read_only(str(snapshot.path)), iris)


if __name__ == "__main__":
    main()
