"""What new content of a source would change in the resolved view, and which disagreements it would open or close.

The same resolving as a publication (``projection``), reading a snapshot and writing nothing. Costs as much as the
difference. Derived statements follow from the resolved view and are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from v4graph import projection, rdf
from v4graph.iris import Iris
from v4graph.ledger import Ledger
from v4graph.projection import Difference, Pair
from v4graph.resolution import Rules, recorded_resolutions
from v4graph.state import RESOLUTIONS, state_of


@dataclass(frozen=True, slots=True)
class Claims:
    """The values of a disagreement with the sources (slugs) that state them, the one chosen, and the rule."""

    values: Mapping[str, tuple[str, ...]]
    accepted: str | None
    rule: str


@dataclass(frozen=True, slots=True)
class Dispute:
    """A disagreement before and after; None where there is none."""

    subject: str
    property: str
    before: Claims | None
    after: Claims | None


@dataclass(frozen=True, slots=True)
class Effects:
    """Lines the resolved view would gain and lose, and the disagreements that would open, close or change."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]
    opened: tuple[Dispute, ...]
    closed: tuple[Dispute, ...]
    changed: tuple[Dispute, ...]

    def __bool__(self) -> bool:
        return any((self.gained, self.lost, self.opened, self.closed, self.changed))


def effects(ledger: Ledger, store: ox.Store, source: str, lines: Iterable[str], iris: Iris) -> Effects:
    """What would change if these lines became the content of a source; ``store`` is the present snapshot.

    A source that nobody described yet is taken for one of the worst rank.
    """
    state = state_of(ledger, iris)
    current = state.revisions.get(source)
    content = list(lines)
    was, now = set(ledger.lines(current.content) if current else ()), set(content)
    graph = f"<{iris.graph(source)}>"
    difference = Difference({}, {})
    # What is only spelt otherwise is no difference: the store keeps values.
    gone, come = set(rdf.normalise(was - now)), set(rdf.normalise(now - was))
    difference.between(graph, gone - come - now, come - gone - was)
    pairs = {projection.pair_of(line) for line in difference.removed[graph] | difference.added[graph]}
    rules = state.rules
    if source == RESOLUTIONS:
        recorded = recorded_resolutions(rdf.normalise(content), iris)
        pairs |= dict(rules.recorded.items() ^ recorded.items()).keys()
        rules = Rules(rules.policies, rules.ranks, recorded)
    values = {line: projection.pair_of(line) for line in difference.removed[graph] | difference.added[graph]}
    projection.resolve_again(store, pairs, difference, rules, iris)
    gained, lost = (tuple(sorted(part.get("", ()))) for part in (difference.added, difference.removed))
    disputes = _disputes(store, _disputable(pairs, rules), difference, values, iris)
    return Effects(
        gained,
        lost,
        tuple(d for d in disputes if d.before is None),
        tuple(d for d in disputes if d.after is None),
        tuple(d for d in disputes if d.before and d.after),
    )


def _disputable(pairs: Iterable[Pair], rules: Rules) -> set[Pair]:
    return {pair for pair in pairs if pair[1] in rules.policies.single}


def _disputes(
    store: ox.Store, pairs: Iterable[Pair], difference: Difference, values: Mapping[str, Pair], iris: Iris
) -> list[Dispute]:
    """The disagreements about some pairs that the difference touches, before and after."""
    told = f"<{iris.disagreements}>"
    removed, added = difference.removed.get(told, set()), difference.added.get(told, set())
    if not removed and not added:
        return []
    new = projection.by_subject(added)
    touched = new.keys() | projection.by_subject(removed).keys()
    claimed = {
        pair for line, pair in values.items() if f"<{iris.hashed('claim', *pair, rdf.split_line(line)[2])}>" in touched
    }
    found = []
    for subject, property_ in sorted(pairs):
        node = f"<{iris.hashed('disagreement', subject, property_)}>"
        if node not in touched and (subject, property_) not in claimed:
            continue
        before = set(projection.disagreement_about(store, subject, property_, iris))
        after = (before - removed) | new.get(node, set())
        for claim in _values(after, node, f"<{iris.term('claim')}>"):
            after |= new.get(claim, set())
        claims = (_claims(lines, node, iris) for lines in (before, after))
        found.append(Dispute(subject, property_, *claims))
    return [dispute for dispute in found if dispute.before != dispute.after]


def _values(lines: Iterable[str], subject: str, property_: str) -> list[str]:
    start = f"{subject} {property_} "
    return sorted(line[len(start) : -2] for line in lines if line.startswith(start))


def _claims(lines: Iterable[str], node: str, iris: Iris) -> Claims | None:
    """A disagreement as the graph of disagreements describes it; None when it does not."""
    kept = list(lines)

    def said(subject: str, name: str) -> list[str]:
        return _values(kept, subject, f"<{iris.term(name)}>")

    rule = said(node, "ruleApplied")
    if not rule:
        return None
    values = {
        value: tuple(iris.source(graph[1:-1]) for graph in said(claim, "inGraph"))
        for claim in said(node, "claim")
        for value in said(claim, "claimObject")
    }
    return Claims(values, next(iter(said(node, "accepted")), None), rule[0])
