"""Contents of the ledger: packed and written together, read one by one or many at once."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from operator import lt
from typing import Any

import sqlalchemy as sa

from v4graph.entries import CONTENT
from v4graph.store import sqlite

_LARGE = 2**22
"""So many bytes are packed in a hurry."""
_AT_ONCE = 500
"""So many are looked up in one query; their bytes come a few at a time."""
_TRIPLES = sa.select(CONTENT.c.triples).where(CONTENT.c.sha256 == sa.bindparam("content"))
_DATA = sa.select(CONTENT.c.data).where(CONTENT.c.sha256 == sa.bindparam("content"))
_MANY = sa.select(CONTENT.c.sha256, CONTENT.c.data).execution_options(yield_per=4)


class NewContents:
    """What one append brings: looked up one by one, written together."""

    def __init__(self, db: sa.Connection) -> None:
        """Bring contents into a ledger, within its transaction."""
        self._db, self._known = db, dict[str, int]()
        self._new: dict[str, dict[str, Any]] = {}
        self._seen: dict[int, tuple[Iterable[str] | bytes, str]] = {}
        """By identity, with the thing itself, so that no other one can come to have it."""

    def keep(self, what: Iterable[str] | bytes) -> str:
        """The hash of lines or bytes that are kept, once, whatever they were handed in as."""
        if id(what) not in self._seen:  # a contribution and its revision have the same lines
            self._seen[id(what)] = what, self._keep(what)
        return self._seen[id(what)][1]

    def _keep(self, what: Iterable[str] | bytes) -> str:
        triples, data = 0, what
        if not isinstance(data, bytes):
            ordered = list(data)
            if not all(map(lt, ordered, islice(ordered, 1, None))):
                ordered = sorted(set(ordered))
            triples, data = len(ordered), "\n".join([*ordered, ""]).encode()
        digest = hashlib.sha256(data).hexdigest()
        if new := self._new.get(digest):
            new["triples"] = max(triples, new["triples"])
            return digest
        known = self._known.get(digest)
        if known is None:
            known = self._db.execute(_TRIPLES, {"content": digest}).scalar()
        if known is None:
            packed = gzip.compress(data, compresslevel=6 if len(data) < _LARGE else 1, mtime=0)
            self._new[digest] = {"sha256": digest, "triples": triples, "data": packed}
            return digest
        if triples > known:  # it came as bytes before
            self._db.execute(CONTENT.update().where(CONTENT.c.sha256 == digest).values(triples=triples))
        self._known[digest] = max(triples, known)
        return digest

    def write(self) -> None:
        """Write those that are not there yet."""
        if self._new:
            self._db.execute(CONTENT.insert(), list(self._new.values()))


def read(db: sa.Connection, content: str) -> bytes:
    """The bytes of a content."""
    return _unpacked(content, db.execute(_DATA, {"content": content}).scalar_one())


def read_many(db: sa.Connection, contents: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Contents by their hashes, in no order; one that is not there is left out."""
    wanted = sorted(set(contents))
    for place in range(0, len(wanted), _AT_ONCE):
        for row in db.execute(_MANY.where(CONTENT.c.sha256.in_(wanted[place : place + _AT_ONCE]))):
            yield row.sha256, _unpacked(row.sha256, row.data)


def _unpacked(content: str, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise sqlite.broken(f"is damaged (its content {content[:12]} cannot be read)") from None
