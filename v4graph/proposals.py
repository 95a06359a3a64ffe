"""Proposals: what an actor wants of a source's graph, whether it may, and the graph that would result."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from v4graph import records
from v4graph.actors import CURATOR, Actor
from v4graph.entries import Packed
from v4graph.errors import BadRequest, NotAllowed, PreconditionFailed, UnknownGraph, WrongState
from v4graph.ledger import PROJECTED, Entry, Ledger
from v4graph.records import Record
from v4graph.sources import RESERVED, owner_of

UNCHECKED = ("rollback", "withdrawal")
"""What is not checked: earlier content was, and none needs not."""
MODES = ("replacement", "patch", "difference", "rollback", "withdrawal")
"""Ways to change a graph: all of it, all about some things, some statements, an earlier content, or nothing left."""
_TOLD = 1000
"""So many lines of a difference are told to who was too late."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an actor submits; ``lines`` is None where the payload could not be read, and ``problem`` says why."""

    source: str
    lines: Sequence[str] | None
    mode: str = "replacement"
    removed: Sequence[str] = ()
    base: int | None = None
    payload: bytes | None = field(default=None, repr=False)
    media_type: str = ""
    name: str = ""
    note: str = ""
    confirmed: bool = False
    key: str | None = None
    problem: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else the entry is to say: the revision that is rolled back to, the address that was harvested."""

    @property
    def unread(self) -> bool:
        """Whether there is only a payload that could not be read."""
        return self.lines is None

    @property
    def checked(self) -> bool:
        """Whether the rules have to be asked."""
        return self.mode not in UNCHECKED

    @property
    def request(self) -> str:
        """A hash of what is asked: two requests with one key must be one request."""
        digest = hashlib.sha256(f"{self.source}\n{self.mode}\n{self.more}\n".encode())
        digest.update(self.payload or b"")
        for part in (self.lines or (), self.removed) if self.payload is None else ():
            digest.update("\n".join([*sorted(part), ""]).encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Draft:
    """The graph that a proposal would make of the current revision; ``base`` is its number, 0 where there is none."""

    source: str
    mode: str
    base: int
    lines: tuple[str, ...] = field(repr=False)
    added: tuple[str, ...] = field(repr=False)
    removed: tuple[str, ...] = field(repr=False)
    packed: Packed | None = None
    """The lines as they are to be kept; whoever has this can do without them."""

    @property
    def content(self) -> Sequence[str] | Packed:
        """What is to be kept."""
        return self.packed or self.lines

    @property
    def changes(self) -> bool:
        """Whether anything is new; a first revision is, even an empty one."""
        return bool(self.added or self.removed or not self.base)


def resulting(mode: str, current: Iterable[str], lines: Iterable[str], removed: Iterable[str] = ()) -> tuple[str, ...]:
    """The whole graph that comes of a current one.

    A patch replaces all statements about each thing it speaks of; a difference adds and removes statements.
    """
    return _resulting(mode, sorted(set(current)), set(lines), set(removed))[0]


def _resulting(
    mode: str, current: Sequence[str], new: set[str], gone: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The graph that comes of a current one, in order, and what of it is added and removed: most is not looked at."""
    if mode == "patch":
        spans = [_span(current, f"{subject} ", f"{subject}!") for subject in {line[: line.index(" ")] for line in new}]
        spans += [_span(current, line, f"{line} ") for line in gone]
    elif mode == "difference":
        spans = [_span(current, line, f"{line} ") for line in gone | new]
    elif mode in MODES:
        spans = [(0, len(current))]
    else:
        raise BadRequest(f"A contribution is one of {', '.join(MODES)}; “{mode}” is none.")
    kept: list[str] = []
    was: set[str] = set()
    place = 0
    for low, high in sorted(spans):
        kept += current[place:low]
        was.update(current[low:high])
        place = max(place, high)
    kept += current[place:]
    lines = tuple(sorted(kept + sorted(new)))  # quick, as both come in order
    return lines, tuple(sorted(new - was)), tuple(sorted(was - new))


def _span(ordered: Sequence[str], first: str, after: str) -> tuple[int, int]:
    """Where, among sorted lines, those from one on begin and end."""
    low = bisect_left(ordered, first)
    return low, bisect_left(ordered, after, low)


@dataclass(frozen=True, slots=True)
class Concern:
    """What of a graph that is to be has to be checked: statements, and the IRIs of the things they say all of.

    ``subjects`` is None where that is the whole graph; some of them may have no statements left.
    """

    lines: Sequence[str] = field(repr=False)
    subjects: frozenset[str] | None = None


def concern(made: Draft) -> Concern:
    """What a draft changes, what refers to that, and what these refer or referred to; all of a graph that is replaced.

    A rule looks from a record along its links, and from a project or an organisation at what takes part in it: so far,
    and no further, a change can break one. Costs one look at each statement of the graph.
    """
    if made.mode not in ("patch", "difference") or not made.base:
        return Concern(made.lines)
    changed = {line[: line.index(" ")] for line in (*made.added, *made.removed)}
    # The last IRI of a statement is its value; or a datatype, of which nobody says anything.
    near = {
        line[: line.index(" ")] for line in made.lines if line[-3] == ">" and line[line.rindex("<") : -2] in changed
    }
    near |= changed
    near |= {line[line.rindex("<") : -2] for line in (*_about(made.lines, near), *made.removed) if line[-3] == ">"}
    return Concern(_about(made.lines, near), frozenset(subject[1:-1] for subject in near))


def _about(ordered: Sequence[str], subjects: Iterable[str]) -> list[str]:
    """The statements about some subjects among sorted ones."""
    found: list[str] = []
    for subject in sorted(subjects):
        found += ordered[slice(*_span(ordered, f"{subject} ", f"{subject}!"))]
    return found


def draft(ledger: Ledger, proposal: Proposal, earlier: Sequence[Draft] = ()) -> Draft:
    """What would come of a proposal now; one that was made ``earlier`` of the same revision is that."""
    before = ledger.current("revision", proposal.source)
    for made in earlier:
        if made.base == ((before.revision or 0) if before else 0):
            return made
    old = ledger.lines(before.content) if before else []
    parts = _resulting(proposal.mode, old, set(proposal.lines or ()), set(proposal.removed))
    return Draft(proposal.source, proposal.mode, (before.revision or 0) if before else 0, *parts)


def draft_of(ledger: Ledger, record: Record) -> Draft:
    """What would come of a contribution now that waits to be published."""
    made = draft(ledger, Proposal(record.source, ledger.lines(record.content)))
    return replace(made, mode=record.mode)


# --- who may ----------------------------------------------------------------------------------------------------


def require_owner(ledger: Ledger, actor: Actor, source: str, *, administrators: bool = False) -> None:
    """Refuse an actor who may not change a source's graph.

    Raises:
        NotYourGraph: it is somebody else's, or nobody's.
        UnknownGraph: to the command line, which may know: nobody registered it.
    """
    owner = owner_of(ledger, source)
    if owner is None and actor.name == CURATOR:
        raise UnknownGraph(f"There is no source “{source}”; register it with “v4graph source add”.")
    actor.needs_own(source, owner, administrators=administrators)
    if source in RESERVED:
        raise NotAllowed(f"The graph “{source}” is changed by “v4graph load” only.")
    refuse_copy(ledger)


def refuse_copy(ledger: Ledger) -> None:
    """Refuse to write into a copy of another instance.

    Raises:
        NotAllowed: it is one.
    """
    head = ledger.head(PROJECTED)
    if head is not None and "origin" in head.detail:
        raise NotAllowed("This is a read-only copy of another instance. Contribute there.")


def admit(ledger: Ledger, actor: Actor, proposal: Proposal) -> Record | None:
    """Refuse who may not submit, and what comes too late; the record of the first time when a key comes again.

    Raises:
        NotAllowed, NotYourGraph: the actor may not.
        WrongState: the key was used for something else.
        PreconditionFailed: the graph is not the one the proposal was made against.
    """
    actor.needs("submit")
    if proposal.confirmed and not proposal.note.strip():
        raise BadRequest("A confirmation needs a note that says why it is right although the rules warn.")
    require_owner(ledger, actor, proposal.source, administrators=proposal.mode in ("rollback", "withdrawal"))
    if proposal.key is not None:
        standing = ledger.standing_of_key(key_of(actor, proposal.key))
        if standing is not None:
            earlier = records.read(ledger, standing.contribution)
            if earlier.detail.get("request") != proposal.request:
                raise WrongState("This Idempotency-Key was used for another contribution. Use a new one.")
            return earlier
    current = ledger.current("revision", proposal.source)
    now = (current.revision or 0) if current else 0
    if proposal.base is not None and proposal.base != now:
        raise PreconditionFailed(
            f"The graph “{proposal.source}” is at revision {now}, not {proposal.base}. "
            "Look at the difference, and submit again.",
            difference=_since(ledger, proposal.source, proposal.base, current),
        )
    return None


def _since(ledger: Ledger, source: str, base: int, current: Entry | None) -> dict[str, Any]:
    """What happened to a source's graph since a revision."""
    then = ledger.revision(source, base) if base else None
    old, new = (set(ledger.lines(entry.content)) if entry else set[str]() for entry in (then, current))
    added, removed = sorted(new - old), sorted(old - new)
    return {
        "revision": (current.revision or 0) if current else 0,
        "base": base,
        "added": added[:_TOLD],
        "removed": removed[:_TOLD],
        "complete": len(added) <= _TOLD and len(removed) <= _TOLD,
    }


def key_of(actor: Actor, key: str) -> str:
    """What the ledger keeps of an Idempotency-Key: it is the actor's own."""
    return hashlib.sha256(f"{actor.name}\n{key}".encode()).hexdigest()
