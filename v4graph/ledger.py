"""The ledger: the append-only record of sources, contributions, decisions and revisions. The truth (DESIGN.md §3).

One table of entries, each with the hash of the one before it, and one of contents: canonical N-Triples, or the bytes
that somebody sent, gzipped, addressed by SHA-256, so that one database is all there is to back up. SQLite by default
(WAL, ``synchronous=FULL``). How every contribution stands is written in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from v4graph import contents
from v4graph.contents import NewContents
from v4graph.entries import (
    CONTENT,
    EMPTY,
    ENTRY,
    KEPT,
    LAST_OF_ALL,
    META,
    NEWEST,
    PROJECTED,
    STANDING,
    STANDS,
    START,
    Append,
    Entry,
    Public,
    Standing,
    entry_of,
    stand,
)
from v4graph.errors import LedgerBroken
from v4graph.store import sqlite
from v4graph.store.faults import store_faults

__all__ = ["EMPTY", "KEPT", "PROJECTED", "START", "Append", "Entry", "Ledger", "Standing"]


_CURRENT = (
    sa.select(ENTRY)
    .where(ENTRY.c.source == sa.bindparam("about"), ENTRY.c.kind == sa.bindparam("of_kind"))
    .order_by(ENTRY.c.number.desc())
    .limit(1)
)


@lru_cache(maxsize=8)
def _engine(url: str) -> sa.Engine:
    """What speaks to a database; kept for the next time, as it knows by then how each of our queries is spelled."""
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", sqlite.prepare)
        sa.event.listen(engine, "handle_error", sqlite.explain)
    return engine


class Ledger:
    """A ledger in a database. One process appends at a time (the lock of the publisher); any number read."""

    def __init__(self, url: str) -> None:
        """Open the ledger at a database address, making what is missing of its tables."""
        self._url = url
        self._file: Path | None = None
        self._engine = _engine(url)
        self._sqlite = self._engine.dialect.name == "sqlite"
        try:
            old = self._prepare()
        except BaseException:
            self.close()  # a file that is mended is not read by a connection to what it was
            raise
        if old:
            self._fill_standing()

    def _prepare(self) -> bool:
        """Make the tables; whether contributions lie there from before they had standings."""
        META.create_all(self._engine)
        for index in ENTRY.indexes:
            index.create(self._engine, checkfirst=True)
        with self._engine.connect() as db:
            any_row = sa.select(STANDING.c.contribution).limit(1)
            return db.execute(any_row).first() is None and bool(self.entries(kind="contribution", limit=1))

    @classmethod
    def in_home(cls, home: Path) -> Ledger:
        """The ledger of a home folder, one SQLite file."""
        with store_faults(home):
            home.mkdir(parents=True, exist_ok=True)
        ledger = cls(sqlite.address(home / sqlite.FILE))
        ledger._file = home / sqlite.FILE
        return ledger

    @property
    def outdated(self) -> bool:
        """Whether a file that could only be read may be written now, or was by somebody else: open it anew."""
        return self._file is not None and sqlite.address(self._file) != self._url

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    # --- writing ------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as db:
            if self._sqlite:  # take the lock before anything is read: two writers then wait instead of failing
                db.exec_driver_sql("BEGIN IMMEDIATE")
            yield db

    def append(self, new: Iterable[Append]) -> list[Entry]:
        """Append entries in one transaction: all of them or none. The commit is the point of no return.

        Times never go back, even when the clock does. An entry that changes the public state says its hash.

        Raises:
            LedgerBroken: an entry names a content or a state that is not what it is.
        """
        entries: list[Entry] = []
        with self._writing() as db:
            last = db.execute(sa.select(ENTRY).order_by(ENTRY.c.number.desc()).limit(1)).one_or_none()
            number, previous, time = (last.number, last.hash, last.time) if last else (0, START, "")
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            public: Public | None = None
            rows: list[dict[str, Any]] = []
            brought = NewContents(db)
            for item in new:
                number += 1
                content = None if item.lines is None else brought.keep(item.lines)
                told = {name: brought.keep(what) for name, what in item.attached.items()}
                if item.kind in PROJECTED:
                    public = public or Public(self._public(db))
                    public.set(item.source, item.kind, content or "")
                    told["state"] = public.hash()
                for name in told.keys() & item.detail.keys():
                    if told[name] != item.detail[name]:
                        raise LedgerBroken(f"Entry {number} would say another {name} than what it brings.")
                about = {} if item.of is None else {"contribution": entries[item.of].number}
                detail = {**item.detail, **told, **about}
                if item.time is not None and item.time < time:
                    raise LedgerBroken(f"Entry {number} would be older than the one before it.")
                time = item.time or max(now, time)
                entry = Entry(
                    number, time, item.kind, item.source, item.actor, item.revision, content, detail, previous, ""
                )
                previous = entry.expected_hash()
                row = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
                row |= {"detail": json.dumps(detail, ensure_ascii=False, sort_keys=True), "hash": previous}
                rows.append(row)
                entries.append(entry_of(row))
            brought.write()
            if rows:
                db.execute(ENTRY.insert(), rows)
            stand(db, entries)
        return entries

    def _fill_standing(self) -> None:
        """Make the table of standings from the entries: a ledger from before it had one."""
        with self._writing() as db:
            if db.execute(sa.select(STANDING.c.contribution).limit(1)).first() is None:
                stand(db, self.entries(kind=STANDS))

    # --- reading ------------------------------------------------------------------------------------------------

    def content(self, content: str) -> bytes:
        """The bytes of a content."""
        with self._engine.connect() as db:
            return contents.read(db, content)

    def lines(self, content: str | None) -> list[str]:
        """The sorted N-Triples lines of a content."""
        return self._text(content).decode().split("\n")[:-1]

    def _text(self, content: str | None) -> bytes:
        if content is None:
            return b""
        with self._engine.connect() as db:
            return contents.recall(db, content)

    def lines_of(self, wanted: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        """The sorted N-Triples lines of many contents, by their hashes, in no order."""
        with self._engine.connect() as db:
            for content, data in contents.read_many(db, wanted):
                yield content, data.decode().split("\n")[:-1]

    def lines_about(self, content: str | None, beginnings: Iterable[str]) -> list[str]:
        """The lines of a content that begin with one of some texts, found by bisection: most are not even decoded."""
        text = self._text(content)
        found: list[str] = []
        for beginning in sorted(set(beginnings)):
            wanted = beginning.encode()
            low, high = 0, len(text)  # both are the start of a line, or the end
            while low < high:
                middle = text.rfind(b"\n", 0, (low + high) // 2) + 1
                if text[middle : middle + len(wanted)] < wanted:
                    low = text.index(b"\n", (low + high) // 2) + 1
                else:
                    high = middle
            while low < len(text) and text.startswith(wanted, low):
                end = text.index(b"\n", low)
                found.append(text[low:end].decode())
                low = end + 1
        return found

    def difference(self, revision: Entry) -> tuple[list[str], list[str]]:
        """The lines a revision added and removed; entries from before they were kept are compared."""
        if "added" in revision.detail and "removed" in revision.detail:
            return self.lines(revision.detail["added"]), self.lines(revision.detail["removed"])
        before = self.revision(revision.source, (revision.revision or 1) - 1)
        old, new = (set(self.lines(entry.content)) if entry else set[str]() for entry in (before, revision))
        return sorted(new - old), sorted(old - new)

    def head(
        self, kinds: Collection[str] | None = None, *, until: int | None = None, at: str | None = None
    ) -> Entry | None:
        """The last entry (of these kinds, up to a number, up to a time)."""
        query = sa.select(ENTRY).order_by(ENTRY.c.number.desc()).limit(1)
        if kinds is not None:
            query = query.where(ENTRY.c.kind.in_(kinds))
        if until is not None:
            query = query.where(ENTRY.c.number <= until)
        if at is not None:
            query = query.where(ENTRY.c.time <= at)
        return self._one(query)

    def entry(self, number: int) -> Entry | None:
        """The entry of a number."""
        return self._one(sa.select(ENTRY).where(ENTRY.c.number == number))

    def entries_of(self, numbers: Collection[int]) -> dict[int, Entry]:
        """The entries of some numbers."""
        with self._engine.connect() as db:
            rows = db.execute(sa.select(ENTRY).where(ENTRY.c.number.in_(sorted(numbers)))).mappings()
            return {row["number"]: entry_of(row) for row in rows}

    def current(self, kind: str, source: str, *, until: int | None = None) -> Entry | None:
        """The last entry of a kind about a source (up to an entry number)."""
        query = _CURRENT if until is None else _CURRENT.where(ENTRY.c.number <= until)
        return self._one(query, about=source, of_kind=kind)

    def revision(self, source: str, revision: int) -> Entry | None:
        """A revision of a source by its number."""
        about = (ENTRY.c.source == source, ENTRY.c.kind == "revision", ENTRY.c.revision == revision)
        return self._one(sa.select(ENTRY).where(*about))

    def entries(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        kind: str | Collection[str] | None = None,
        source: str | None = None,
        limit: int | None = None,
        backwards: bool = False,
    ) -> list[Entry]:
        """The entries after a number (and up to one), of one kind or several, in order or the newest first."""
        order = ENTRY.c.number.desc() if backwards else ENTRY.c.number
        query = sa.select(ENTRY).where(ENTRY.c.number > after).order_by(order).limit(limit)
        if until is not None:
            query = query.where(ENTRY.c.number <= until)
        if kind:
            query = query.where(ENTRY.c.kind.in_([kind] if isinstance(kind, str) else kind))
        if source is not None:
            query = query.where(ENTRY.c.source == source)
        with self._engine.connect() as db:
            return [entry_of(row) for row in db.execute(query).mappings()]

    def latest(self, kind: str, *, until: int | None = None) -> dict[str, Entry]:
        """For each source, its last entry of a kind (up to an entry number): current revisions, descriptions.

        Costs as much as there are sources, however many entries there are.
        """
        with self._engine.connect() as db:
            rows = db.execute(NEWEST, {"of_kind": kind, "until": LAST_OF_ALL if until is None else until})
            return {row["source"]: entry_of(row) for row in rows.mappings()}

    def state(self, *, until: int | None = None) -> str:
        """The canonical hash of the public state: of every source's current content and description."""
        with self._engine.connect() as db:
            return Public(self._public(db, until)).hash()

    @staticmethod
    def _public(db: sa.Connection, until: int | None = None) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for kind in PROJECTED:
            for row in db.execute(NEWEST, {"of_kind": kind, "until": LAST_OF_ALL if until is None else until}):
                found.setdefault(row.source, {})[kind] = row.content or ""
        return found

    def standing(self, contribution: int) -> Standing | None:
        """How a contribution stands."""
        return next(iter(self._standings(STANDING.c.contribution == contribution)), None)

    def standing_of_key(self, key: str) -> Standing | None:
        """How the contribution stands that was submitted with a key."""
        return next(iter(self._standings(STANDING.c.key == key)), None)

    def standings(
        self,
        *,
        source: str | None = None,
        partner: str | None = None,
        state: str | None = None,
        after: int = 0,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[Standing]:
        """How contributions stand, oldest first; with ``before``, the last ones before a number, newest first."""
        wanted = {"source": source, "partner": partner, "state": state}
        where = [STANDING.c[name] == value for name, value in wanted.items() if value is not None]
        if before is not None:
            where.append(STANDING.c.contribution < before)
        return self._standings(STANDING.c.contribution > after, *where, limit=limit, backwards=before is not None)

    def _standings(
        self, *where: sa.ColumnElement[bool], limit: int | None = None, backwards: bool = False
    ) -> list[Standing]:
        order = STANDING.c.contribution.desc() if backwards else STANDING.c.contribution
        with self._engine.connect() as db:
            rows = db.execute(sa.select(STANDING).where(*where).order_by(order).limit(limit))
            return [Standing(**row) for row in rows.mappings()]

    def _one(self, query: sa.Select[Any], **values: str) -> Entry | None:
        with self._engine.connect() as db:
            row = db.execute(query, values).mappings().first()
        return entry_of(row) if row else None

    def triples(self, of: Iterable[str] | None = None) -> dict[str, int]:
        """The size of contents, by hash (default: of all)."""
        query = sa.select(CONTENT.c.sha256, CONTENT.c.triples)
        if of is not None:
            query = query.where(CONTENT.c.sha256.in_(sorted(set(of))))
        with self._engine.connect() as db:
            return {row.sha256: row.triples for row in db.execute(query)}

    def verify(self) -> int:
        """Check the chain of hashes, every content and every standing; returns the number of entries.

        Raises:
            LedgerBroken: something was changed, removed or inserted behind the ledger's back.
        """
        previous = START
        named: set[str] = set()
        entries = self.entries()
        for place, entry in enumerate(entries, start=1):
            if entry.number != place or entry.previous != previous or entry.hash != entry.expected_hash():
                raise LedgerBroken(f"Entry {entry.number} of the ledger does not fit the chain of hashes.")
            previous = entry.hash
            named |= {entry.content} if entry.content else set()
            named |= {entry.detail[name] for name in KEPT if entry.detail.get(name)}
        for content in sorted(named):
            try:
                intact = hashlib.sha256(self.content(content)).hexdigest() == content
            except (sa.exc.NoResultFound, LedgerBroken):
                intact = False
            if not intact:
                raise LedgerBroken(f"The content {content} of the ledger was changed or removed.")
        self._verify_standing(entries)
        return len(entries)

    def _verify_standing(self, entries: Iterable[Entry]) -> None:
        fresh = sa.create_engine("sqlite://")
        STANDING.create(fresh)
        with fresh.begin() as db:
            stand(db, entries)
            expected = db.execute(sa.select(STANDING).order_by(STANDING.c.contribution)).all()
        fresh.dispose()
        with self._engine.connect() as db:
            if db.execute(sa.select(STANDING).order_by(STANDING.c.contribution)).all() != expected:
                raise LedgerBroken("How contributions stand was changed behind the back of the ledger.")

    def backup_to(self, path: Path) -> None:
        """Write a consistent copy of an SQLite ledger, also while somebody publishes."""
        with self._engine.connect() as db, sqlite3.connect(path) as copy:
            original: Any = db.connection.driver_connection
            original.backup(copy)
        copy.close()
