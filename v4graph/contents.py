"""Contents of the ledger: packed and written together, read one by one or many at once."""

from __future__ import annotations

import gzip
import hashlib
import threading
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from operator import lt
from typing import Any

import sqlalchemy as sa

from v4graph.entries import CONTENT, Content, Packed
from v4graph.store import sqlite

_LARGE = 2**18
"""So many bytes are packed in a hurry."""
_REMEMBERED = 2**24
"""So many bytes of what was read last stay at hand: a publication reads its page several times."""
_AT_ONCE = 500
"""So many are looked up in one query; their bytes come a few at a time."""
_TRIPLES = sa.select(CONTENT.c.triples).where(CONTENT.c.sha256 == sa.bindparam("content"))
_DATA = sa.select(CONTENT.c.data).where(CONTENT.c.sha256 == sa.bindparam("content"))
_MANY = sa.select(CONTENT.c.sha256, CONTENT.c.data).execution_options(yield_per=4)


class _Recent:
    """The contents read or packed last in this process; a content never changes, so they are right for ever."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._size = 0

    def get(self, content: str) -> bytes | None:
        with self._lock:
            if content in self._kept:
                self._kept.move_to_end(content)
            return self._kept.get(content)

    def put(self, content: str, data: bytes) -> None:
        if len(data) > _REMEMBERED // 2:
            return
        with self._lock:
            if content not in self._kept:
                self._kept[content] = data
                self._size += len(data)
            while self._size > _REMEMBERED:
                self._size -= len(self._kept.popitem(last=False)[1])


_recent = _Recent()


def pack(lines: Iterable[str]) -> Packed:
    """Lines as they are to be kept: packing them beforehand takes nothing from who writes."""
    text, triples = _text(lines)
    packed = Packed(hashlib.sha256(text).hexdigest(), triples, _pressed(text))
    _recent.put(packed.sha256, text)  # what comes next is made of it
    return packed


def _text(lines: Iterable[str]) -> tuple[bytes, int]:
    ordered = list(lines)
    if not all(map(lt, ordered, islice(ordered, 1, None))):
        ordered = sorted(set(ordered))
    return "\n".join([*ordered, ""]).encode(), len(ordered)


def _pressed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6 if len(data) < _LARGE else 1, mtime=0)


class NewContents:
    """What one append brings: looked up one by one, written together."""

    def __init__(self, db: sa.Connection) -> None:
        """Bring contents into a ledger, within its transaction."""
        self._db, self._known = db, dict[str, int]()
        self._new: dict[str, dict[str, Any]] = {}
        self._seen: dict[int, tuple[Content, str]] = {}
        """By identity, with the thing itself, so that no other one can come to have it."""

    def keep(self, what: Content) -> str:
        """The hash of a content that is kept, once, whatever it was handed in as."""
        if id(what) not in self._seen:  # a contribution and its revision have the same lines
            self._seen[id(what)] = what, self._keep(what)
        return self._seen[id(what)][1]

    def _keep(self, what: Content) -> str:
        text = b""
        if isinstance(what, Packed):
            digest, triples = what.sha256, what.triples
        else:
            text, triples = (what, 0) if isinstance(what, bytes) else _text(what)
            digest = hashlib.sha256(text).hexdigest()
        if new := self._new.get(digest):
            new["triples"] = max(triples, new["triples"])
            return digest
        known = self._known.get(digest)
        if known is None:
            known = self._db.execute(_TRIPLES, {"content": digest}).scalar()
        if known is None:
            data = what.data if isinstance(what, Packed) else _pressed(text)
            self._new[digest] = {"sha256": digest, "triples": triples, "data": data}
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
    """The bytes of a content, as they are kept."""
    return _unpacked(content, db.execute(_DATA, {"content": content}).scalar_one())


def recall(db: sa.Connection, content: str) -> bytes:
    """The bytes of a content; at hand if they were read lately."""
    data = _recent.get(content)
    if data is None:
        data = read(db, content)
        _recent.put(content, data)
    return data


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
