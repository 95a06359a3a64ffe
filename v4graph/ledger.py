"""The ledger: the append-only record of sources, contributions and revisions. The truth; the store is its projection.

One table of entries, each with the hash of the one before it, and one of contents: canonical N-Triples, gzipped,
addressed by SHA-256, so that one database is all there is to back up. SQLite by default (WAL, ``synchronous=FULL``).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from v4graph import rdf
from v4graph.errors import LedgerBroken

_META = sa.MetaData()
_CONTENT = sa.Table(
    "content",
    _META,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("triples", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
_ENTRY = sa.Table(
    "entry",
    _META,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("revision", sa.Integer),
    sa.Column("content", sa.String(64), sa.ForeignKey("content.sha256")),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index("entry_by_source", "source", "kind", "number"),
)

EMPTY = rdf.sha256(())
"""The hash of the empty graph: what a withdrawn source holds."""
START = "0" * 64
"""What the first entry names as its previous hash."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    ``kind`` is ``source`` (content: its description), ``contribution`` (content: what was submitted) or ``revision``
    (content: the whole graph of the source from now on; ``revision``: its number).
    """

    number: int
    time: str
    kind: str
    source: str
    actor: str
    revision: int | None
    content: str | None
    detail: dict[str, Any]
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """The hash this entry must have, from all it says and the hash of the one before it."""
        said = [self.number, self.time, self.kind, self.source, self.actor, self.revision, self.content]
        text = json.dumps([*said, self.detail, self.previous], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Append:
    """An entry to be appended; ``lines`` become its content."""

    kind: str
    source: str
    actor: str
    lines: Iterable[str] | None = None
    revision: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Ledger:
    """A ledger in a database. One process appends at a time (the lock of the publisher); any number read."""

    def __init__(self, url: str) -> None:
        """Open the ledger at a database address, making its tables when they are not there."""
        self._engine = sa.create_engine(url)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        _META.create_all(self._engine)

    @classmethod
    def in_home(cls, home: Path) -> Ledger:
        """The ledger of a home folder, one SQLite file."""
        home.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{home / 'ledger.sqlite'}")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def append(self, new: Iterable[Append]) -> list[Entry]:
        """Append entries in one transaction: all of them or none. The commit is the point of no return.

        Times never go back, even when the clock does.
        """
        entries: list[Entry] = []
        with self._engine.begin() as db:
            last = db.execute(sa.select(_ENTRY).order_by(_ENTRY.c.number.desc()).limit(1)).one_or_none()
            number, previous, time = (last.number, last.hash, last.time) if last else (0, START, "")
            now = max(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), time)
            for item in new:
                number += 1
                content = self._keep(db, item.lines) if item.lines is not None else None
                entry = Entry(
                    number, now, item.kind, item.source, item.actor, item.revision, content, item.detail, previous, ""
                )
                previous = entry.expected_hash()
                row = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
                row |= {"detail": json.dumps(item.detail, ensure_ascii=False, sort_keys=True), "hash": previous}
                db.execute(_ENTRY.insert(), row)
                entries.append(_entry(row))
        return entries

    @staticmethod
    def _keep(db: sa.Connection, lines: Iterable[str]) -> str:
        ordered = sorted(set(lines))
        digest = rdf.sha256(ordered)
        if db.execute(sa.select(_CONTENT.c.sha256).where(_CONTENT.c.sha256 == digest)).first() is None:
            data = gzip.compress("".join(f"{line}\n" for line in ordered).encode(), compresslevel=6, mtime=0)
            db.execute(_CONTENT.insert(), {"sha256": digest, "triples": len(ordered), "data": data})
        return digest

    def lines(self, content: str | None) -> list[str]:
        """The sorted N-Triples lines of a content."""
        if content is None:
            return []
        with self._engine.connect() as db:
            data = db.execute(sa.select(_CONTENT.c.data).where(_CONTENT.c.sha256 == content)).scalar_one()
        return gzip.decompress(data).decode().split("\n")[:-1]

    def head(self) -> Entry | None:
        """The last entry."""
        with self._engine.connect() as db:
            row = db.execute(sa.select(_ENTRY).order_by(_ENTRY.c.number.desc()).limit(1)).mappings().one_or_none()
        return _entry(row) if row else None

    def entries(self, *, after: int = 0, kind: str | None = None, source: str | None = None) -> list[Entry]:
        """The entries after a number, in order."""
        query = sa.select(_ENTRY).where(_ENTRY.c.number > after).order_by(_ENTRY.c.number)
        if kind:
            query = query.where(_ENTRY.c.kind == kind)
        if source:
            query = query.where(_ENTRY.c.source == source)
        with self._engine.connect() as db:
            return [_entry(row) for row in db.execute(query).mappings()]

    def latest(self, kind: str, *, until: int | None = None) -> dict[str, Entry]:
        """For each source, its last entry of a kind (up to an entry number): current revisions, descriptions."""
        newest = sa.select(sa.func.max(_ENTRY.c.number)).where(_ENTRY.c.kind == kind).group_by(_ENTRY.c.source)
        if until is not None:
            newest = newest.where(_ENTRY.c.number <= until)
        with self._engine.connect() as db:
            rows = db.execute(sa.select(_ENTRY).where(_ENTRY.c.number.in_(newest))).mappings()
            return {row["source"]: _entry(row) for row in rows}

    def triples(self, contents: Iterable[str] | None = None) -> dict[str, int]:
        """The size of contents, by hash (default: of all)."""
        query = sa.select(_CONTENT.c.sha256, _CONTENT.c.triples)
        if contents is not None:
            query = query.where(_CONTENT.c.sha256.in_(sorted(set(contents))))
        with self._engine.connect() as db:
            return {row.sha256: row.triples for row in db.execute(query)}

    def verify(self) -> int:
        """Check the chain of hashes and every content; returns the number of entries.

        Raises:
            LedgerBroken: something was changed, removed or inserted behind the ledger's back.
        """
        previous = START
        contents: set[str] = set()
        entries = self.entries()
        for place, entry in enumerate(entries, start=1):
            if entry.number != place or entry.previous != previous or entry.hash != entry.expected_hash():
                raise LedgerBroken(f"Entry {entry.number} of the ledger does not fit the chain of hashes.")
            previous = entry.hash
            contents |= {entry.content} if entry.content else set()
        for content in sorted(contents):
            try:
                intact = rdf.sha256(self.lines(content)) == content
            except (sa.exc.NoResultFound, OSError, EOFError, zlib.error, UnicodeDecodeError):
                intact = False
            if not intact:
                raise LedgerBroken(f"The content {content} of the ledger was changed or removed.")
        return len(entries)

    def backup_to(self, path: Path) -> None:
        """Write a consistent copy of an SQLite ledger, also while somebody publishes."""
        with self._engine.connect() as db, sqlite3.connect(path) as copy:
            original: Any = db.connection.driver_connection
            original.backup(copy)
        copy.close()


def _entry(row: Any) -> Entry:
    values = {name: row[name] for name in Entry.__dataclass_fields__}
    values["detail"] = json.loads(values["detail"])
    return Entry(**values)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
