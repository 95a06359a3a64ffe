"""Blame: who said a statement, when, in which contribution, checked by which rules; and who took a thing away.

Read from the revisions of the ledger, the newest first, until every statement is accounted for. The contents are
sorted, so the lines about one thing stand together and are found without reading the others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from v4graph import rdf
from v4graph.actors import CURATOR
from v4graph.differences import literal_parts
from v4graph.iris import Iris
from v4graph.ledger import Entry, Ledger
from v4graph.sources import owner_of


@dataclass(frozen=True, slots=True)
class Publication:
    """A revision with who made it and why; ``checked_with`` is the fingerprint of the rules it was checked by.

    Actors are the partners they act for: which of its tokens was used is a partner's own business.
    """

    source: str
    revision: int
    entry: int
    time: str
    actor: str
    contribution: int | None
    mode: str
    note: str
    checked_with: str | None
    reviewer: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A statement of a source (an N-Triples line), the publication that brought it, and the one that took it away."""

    line: str
    by: Publication
    removed: Publication | None = None


def publication(ledger: Ledger, revision: Entry) -> Publication:
    """What is known of the publication of a revision."""
    detail = dict(revision.detail)
    number = detail.get("contribution")
    if isinstance(number, int):
        # the decisions about a contribution stand between it and what became of it
        states = ledger.entries(kind="state", source=revision.source, after=number, until=revision.number)
        for state in (s for s in states if s.detail.get("contribution") == number):
            known = {name: state.detail[name] for name in ("checked_with", "reviewer") if state.detail.get(name)}
            detail = {**known, **detail, **({"note": known["note"]} if known.get("note") else {})}
    return Publication(
        revision.source,
        revision.revision or 0,
        revision.number,
        revision.time,
        revision.actor.partition("/")[0],
        number if isinstance(number, int) else None,
        str(detail.get("mode") or "replacement"),
        str(detail.get("note") or detail.get("name") or ""),
        detail.get("checked_with"),
        str(detail["reviewer"]).partition("/")[0] if detail.get("reviewer") else None,
    )


def blame(
    ledger: Ledger,
    sources: Iterable[str],
    iri: str,
    *,
    property: str | None = None,
    value: str | None = None,
    former: bool = False,
) -> list[Said]:
    """Who says what about a thing, source by source; ``former``: and who said what is not said any more.

    Args:
        ledger: the ledger.
        sources: the sources to look into.
        iri: the thing.
        property: only statements with this property (its IRI).
        value: only statements with this value (an IRI, or the text of a literal).
        former: statements that were removed, too.
    """
    found: list[Said] = []
    for source in sorted(set(sources)):
        found += _blame_source(ledger, source, iri, property, value, former)
    return sorted(found, key=lambda s: (s.line, s.by.source, s.by.entry))


def _blame_source(
    ledger: Ledger, source: str, iri: str, property_: str | None, value: str | None, former: bool
) -> Iterator[Said]:
    def wanted(lines: Iterable[str]) -> set[str]:
        return {line for line in lines if _matches(line, property_, value)}

    known: dict[int, Publication] = {}

    def told(revision: Entry) -> Publication:
        if revision.number not in known:
            known[revision.number] = publication(ledger, revision)
        return known[revision.number]

    current = ledger.current("revision", source)
    if current is None:
        return
    open_ = wanted(_about(ledger, current.content, iri))
    gone: dict[str, Entry] = {}
    until: int | None = None
    while open_ or former:
        revisions = ledger.entries(kind="revision", source=source, until=until, limit=50, backwards=True)
        for revision in revisions:
            added, removed = (wanted(lines) for lines in _changed(ledger, revision, iri, former))
            for line in sorted(added & open_):
                yield Said(line, told(revision))
            for line in sorted(added & gone.keys()):
                yield Said(line, told(revision), told(gone.pop(line)))
            open_ -= added
            gone |= dict.fromkeys(removed, revision) if former else {}
            if not open_ and not former:
                return
        if len(revisions) < 50:
            return
        until = revisions[-1].number - 1


def _changed(ledger: Ledger, revision: Entry, iri: str, both: bool) -> tuple[list[str], list[str]]:
    """The lines about a thing that a revision added, and (``both``) those it removed."""
    if "added" in revision.detail and "removed" in revision.detail:
        removed = _about(ledger, revision.detail["removed"], iri) if both else []
        return _about(ledger, revision.detail["added"], iri), removed
    start = f"<{iri}> "  # from before the ledger kept differences
    added, removed = ([x for x in lines if x.startswith(start)] for lines in ledger.difference(revision))
    return added, removed


def _about(ledger: Ledger, content: str | None, iri: str) -> list[str]:
    """The lines of a content that are about a thing."""
    if content is None:
        return []
    text, start = b"\n" + ledger.content(content), f"\n<{iri}> ".encode()
    at, found = text.find(start), []
    while at >= 0 and text.startswith(start, at):
        end = text.find(b"\n", at + 1)
        found.append(text[at + 1 : end].decode())
        at = end
    return found


def _matches(line: str, property_: str | None, value: str | None) -> bool:
    _, predicate, said = rdf.split_line(line)
    if property_ is not None and predicate != f"<{property_}>":
        return False
    return value is None or (said[1:-1] if said[0] == "<" else literal_parts(said)[0]) == value


class Departures:
    """Which sources took back statements about which things, and in which publication at last.

    Keeps up with the ledger: every revision is read once, and of it only what it removed. Safe to be used by threads.
    """

    def __init__(self, iris: Iris) -> None:
        """Know nothing yet."""
        self._start = f"<{iris.base}id/"
        self._read = 0
        self._last: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def _catch_up(self, ledger: Ledger) -> None:
        for revision in ledger.entries(kind="revision", after=self._read):
            for line in ledger.difference(revision)[1] if (revision.revision or 1) > 1 else ():
                if line.startswith(self._start):
                    self._last.setdefault(line[1 : line.index(">")], {})[revision.source] = revision.number
            self._read = revision.number

    def sources(self, ledger: Ledger, iri: str) -> list[str]:
        """The sources that ever took back a statement about a thing."""
        with self._lock:
            self._catch_up(ledger)
            return sorted(self._last.get(iri, ()))

    def of_others(self, ledger: Ledger, lines: Iterable[str], source: str | None) -> set[str]:
        """The things described by N-Triples lines that only other partners took statements back of.

        What the curator took back is free: the curator gathers what partners have not said yet.
        """
        with self._lock:
            self._catch_up(ledger)
            subjects = {line[1 : line.index(">")] for line in lines if line.startswith(self._start)}
            taken = {iri: set(self._last[iri]) for iri in subjects & self._last.keys()}
        owners = {name: owner_of(ledger, name) for name in {source or "", *chain(*taken.values())}}
        free = {CURATOR, owners[source or ""]} - {None}
        return {iri for iri, by in taken.items() if free.isdisjoint(owners[name] for name in by)}

    def find(self, ledger: Ledger, iri: str) -> Publication | None:
        """The last publication that removed a statement about a thing; None when there never was one."""
        with self._lock:
            self._catch_up(ledger)
            number = max(self._last.get(iri, {}).values(), default=0)
        revision = ledger.entry(number) if number else None
        return publication(ledger, revision) if revision is not None else None
