"""The public state of the ledger as of an entry: what every source says, and the rules by which that is resolved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.ledger import Entry, Ledger
from v4graph.resolution import Policies, Recorded, Rules, recorded_resolutions

RESOLUTIONS = "resolutions"
"""The source that holds the editor's resolutions."""


@dataclass(frozen=True, slots=True)
class State:
    """The ledger as of an entry: per source its description and its current revision, and the resolving rules."""

    revisions: Mapping[str, Entry]
    descriptions: Mapping[str, Entry]
    rules: Rules


class _Ranks(Mapping[str, int]):
    """The ranks of sources as of an entry, looked up one by one: few of many matter to a publication."""

    def __init__(self, ledger: Ledger, until: int | None) -> None:
        self._ledger, self._until = ledger, until
        self._known: dict[str, int | None] = {}

    def __getitem__(self, source: str) -> int:
        if source not in self._known:
            entry = self._ledger.current("source", source, until=self._until)
            self._known[source] = int(entry.detail["rank"]) if entry and "rank" in entry.detail else None
        rank = self._known[source]
        if rank is None:
            raise KeyError(source)
        return rank

    def __iter__(self) -> Iterator[str]:
        return iter(self._ledger.latest("source", until=self._until))

    def __len__(self) -> int:
        return len(self._ledger.latest("source", until=self._until))


def state_of(ledger: Ledger, iris: Iris, until: int | None = None, only: Collection[str] | None = None) -> State:
    """Read the state of the ledger as of an entry (default: now): of all sources, or of some ``only``."""

    def current(kind: str) -> dict[str, Entry]:
        if only is None:
            return ledger.latest(kind, until=until)
        found = {source: ledger.current(kind, source, until=until) for source in only}
        return {source: entry for source, entry in found.items() if entry is not None}

    def content(source: str) -> str | None:
        entry = ledger.current("revision", source, until=until)
        return entry.content if entry else None

    described = current("source")
    ranks: Mapping[str, int] = _Ranks(ledger, until)
    if only is None:  # all of them are there already
        ranks = {source: int(entry.detail["rank"]) for source, entry in described.items() if "rank" in entry.detail}
    policies = _policies(ledger, content("ontology"), iris)
    recorded = _recorded(ledger, content(RESOLUTIONS), iris)
    return State(current("revision"), described, Rules(policies, ranks, recorded))


_POLICIES: dict[tuple[str | None, Iris], Policies] = {}
_RECORDED: dict[tuple[str | None, Iris], dict[tuple[str, str], Recorded]] = {}
"""What was read out of contents before; a content is named by its hash and never changes."""


def _policies(ledger: Ledger, content: str | None, iris: Iris) -> Policies:
    if (content, iris) not in _POLICIES:
        _POLICIES.clear()
        _POLICIES[content, iris] = Policies.from_lines(ledger.lines(content), iris)
    return _POLICIES[content, iris]


def _recorded(ledger: Ledger, content: str | None, iris: Iris) -> dict[tuple[str, str], Recorded]:
    if (content, iris) not in _RECORDED:
        while len(_RECORDED) > 1:  # a publication compares two
            del _RECORDED[next(iter(_RECORDED))]
        _RECORDED[content, iris] = recorded_resolutions(rdf.normalise(ledger.lines(content)), iris)
    return _RECORDED[content, iris]
