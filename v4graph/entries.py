"""What the ledger is made of: its tables, entries, and what follows from an entry.

``content`` holds canonical N-Triples, or the bytes somebody sent, gzipped, addressed by SHA-256. ``standing`` says how
every contribution stands; it follows from the entries and could be made from them again.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from v4graph import rdf

META = sa.MetaData()
CONTENT = sa.Table(
    "content",
    META,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("triples", sa.Integer, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
ENTRY = sa.Table(
    "entry",
    META,
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
    sa.Index("entry_by_kind", "kind", "source", "number"),
)
STANDING = sa.Table(
    "standing",
    META,
    sa.Column("contribution", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", sa.String(200), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("partner", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("entry", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer),
    sa.Column("key", sa.String(64), unique=True),
    sa.Index("standing_by_state", "state", "contribution"),
    sa.Index("standing_by_source", "source", "contribution"),
    sa.Index("standing_by_partner", "partner", "contribution"),
)

PROJECTED = ("source", "revision")
"""The kinds of entries that change the public store, and nothing else does."""
KEPT = ("added", "removed", "payload", "report")
"""The names in a detail whose values are hashes of contents."""

EMPTY = rdf.sha256(())
"""The hash of the empty graph: what a withdrawn source holds."""
START = "0" * 64
"""What the first entry names as its previous hash."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; ``source`` is what it is about: a source, or what another kind of entry names.

    ``source`` (content: its description), ``contribution`` (content: the whole graph that would result), ``state``
    (what became of a contribution), ``revision`` (content: the whole graph of the source from now on; ``revision``:
    its number), ``partner``, ``token``, and kinds that the store does not follow either.
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
class Packed:
    """Lines as they are kept."""

    sha256: str
    triples: int
    data: bytes = field(repr=False)


Content = Iterable[str] | bytes | Packed
"""What can be kept: lines, the bytes that somebody sent, or lines that were packed before."""


@dataclass(frozen=True, slots=True)
class Append:
    """An entry to be appended; ``lines`` become its content.

    ``attached`` are further contents, lines or bytes, whose hashes the detail gets under the same names (``KEPT``).
    """

    kind: str
    source: str
    actor: str
    lines: Iterable[str] | Packed | None = None
    revision: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    attached: Mapping[str, Content] = field(default_factory=dict)
    of: int | None = None
    """The place of a contribution in the same append: its number becomes ``contribution`` in the detail."""
    time: str | None = None
    """When it happened, if not now: a copy of another ledger keeps its times."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contribution stands: its state, the entry that says so, and the revision it became."""

    contribution: int
    source: str
    actor: str
    partner: str
    state: str
    entry: int
    revision: int | None
    key: str | None


STANDS = ("contribution", "state", "revision")
"""The kinds of entries that a standing follows from."""


def stand(db: sa.Connection, entries: Iterable[Entry]) -> None:
    """Write what entries, one after the other, change in how contributions stand."""
    new: dict[int, dict[str, Any]] = {}
    for entry in entries:
        about = entry.detail.get("contribution")
        if entry.kind == "contribution":
            new[entry.number] = {
                "contribution": entry.number, "source": entry.source, "actor": entry.actor,
                "partner": entry.actor.split("/")[0], "state": "submitted", "entry": entry.number, "revision": None,
                "key": entry.detail.get("key"),
            }  # fmt: skip
        elif entry.kind in STANDS:
            changed: dict[str, Any] = {"state": entry.detail.get("state"), "entry": entry.number}
            if entry.kind == "revision":  # ledgers from before states were told have nothing else
                changed = {"state": "published", "revision": entry.revision}
            if about in new:
                new[about] |= changed
            else:
                db.execute(STANDING.update().where(STANDING.c.contribution == about).values(changed))
    if new:
        db.execute(STANDING.insert(), list(new.values()))


def _newest() -> sa.Select[Any]:
    kind = ENTRY.c.kind == sa.bindparam("of_kind")
    walk = sa.select(sa.func.min(ENTRY.c.source).label("source")).where(kind).cte(recursive=True)
    following = sa.select(sa.func.min(ENTRY.c.source)).where(kind, ENTRY.c.source > walk.c.source)
    walk = walk.union_all(sa.select(following.scalar_subquery()).where(walk.c.source.is_not(None)))
    until = ENTRY.c.number <= sa.bindparam("until")
    last = sa.select(sa.func.max(ENTRY.c.number)).where(kind, ENTRY.c.source == walk.c.source, until)
    return sa.select(last.scalar_subquery()).where(walk.c.source.is_not(None))


NEWEST = sa.select(ENTRY).where(ENTRY.c.number.in_(_newest()))
"""The last entries ``of_kind`` ``until`` an entry, one for each source: one step of the index for each source."""
LAST_OF_ALL = 2**62
"""An entry that no ledger reaches."""


class Public:
    """The public state: of every source the hashes of its content and of its description, and the hash of that.

    It is SHA-256 over the sorted lines ``{source} {hash of its content} {hash of its description}``, ``-`` for none.
    They stay sorted, so that each of many changes costs a change.
    """

    def __init__(self, said: dict[str, dict[str, str]]) -> None:
        """Begin with the hashes of each source, by kind of entry."""
        self._said = said
        self._lines = sorted(map(self._line, said))

    def _line(self, source: str) -> str:
        said = self._said[source]
        return f"{source} {said.get('revision') or '-'} {said.get('source') or '-'}"

    def set(self, source: str, kind: str, content: str) -> None:
        """Let a source have another content, or another description."""
        if source in self._said:
            del self._lines[bisect_left(self._lines, self._line(source))]
        self._said.setdefault(source, {})[kind] = content
        insort(self._lines, self._line(source))

    def hash(self) -> str:
        """The hash of the state."""
        return hashlib.sha256("\n".join([*self._lines, ""]).encode()).hexdigest()


def entry_of(row: Any) -> Entry:
    """The entry of a row."""
    values = {name: row[name] for name in Entry.__dataclass_fields__}
    values["detail"] = json.loads(values["detail"])
    return Entry(**values)
