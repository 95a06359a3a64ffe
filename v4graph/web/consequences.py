"""What a contribution changes, told to who decides about it: in its graph, in the resolved view, in disagreements."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph.differences import Difference, as_json, between, changes, mentioned, shown
from v4graph.effects import Dispute, Effects, effects
from v4graph.ledger import Ledger
from v4graph.records import Record
from v4graph.store.embedded import holding
from v4graph.web.actors import in_ledger
from v4graph.web.names import names_for

_MOST = 20_000
"""Statements of a difference that are told in words; of a larger one the numbers only."""


def contents(ledger: Ledger, record: Record) -> tuple[list[str], list[str]] | None:
    """The graph before and after a contribution; None where it could not be read."""
    if record.content is None:
        return None
    base = ledger.revision(record.source, record.base) if record.base else None
    return ledger.lines(base.content) if base else [], ledger.lines(record.content)


async def difference_told(
    state: State, old: Iterable[str], new: Iterable[str], languages: Sequence[str]
) -> dict[str, Any]:
    """A difference as JSON, with its words; of a very large one the numbers."""
    difference = await asyncio.to_thread(between, old, new)
    if len(difference.added) + len(difference.removed) > _MOST:
        return {"added": len(difference.added), "removed": len(difference.removed), "things": [], "words": []}
    names = await names_for(state, difference, languages)
    return await asyncio.to_thread(as_json, difference, names)


async def effects_told(state: State, record: Record, languages: Sequence[str]) -> dict[str, Any] | None:
    """What a contribution that is not published yet would change for readers; None where nothing can be said."""
    snapshot = state.sandbox.snapshot
    if snapshot is None or record.content is None:
        return None

    def work(ledger: Ledger) -> Effects:
        with holding(snapshot):
            store = ox.Store.read_only(str(snapshot.path))
            return effects(ledger, store, record.source, ledger.lines(record.content), state.iris)

    found: Effects = await in_ledger(state, work)
    if len(found.gained) + len(found.lost) > _MOST:
        return {"gained": len(found.gained), "lost": len(found.lost), "words": [], "disputes": []}
    seen = Difference(found.gained, found.lost)
    disputes = [("opens", d) for d in found.opened]
    disputes += [("closes", d) for d in found.closed] + [("changes", d) for d in found.changed]
    said = mentioned(changes(seen)) | {term[1:-1] for _, d in disputes for term in _terms(d) if term[0] == "<"}
    names = await names_for(state, seen, languages, more=said)
    told: dict[str, Any] = await asyncio.to_thread(as_json, seen, names)
    return {
        "gained": len(found.gained),
        "lost": len(found.lost),
        "words": told["words"],
        "disputes": [
            {
                "fate": fate,
                "subject": d.subject[1:-1],
                "name": names.of(d.subject[1:-1]),
                "property": names.of(d.property[1:-1]),
                "values": [
                    {"value": shown(value, names), "sources": list(sources)}
                    for value, sources in _claims(d).values.items()
                ],
                "accepted": shown(accepted, names) if (accepted := _claims(d).accepted) else None,
            }
            for fate, d in disputes
        ],
    }


def _claims(dispute: Dispute) -> Any:
    return dispute.after or dispute.before


def _terms(dispute: Dispute) -> list[str]:
    return [dispute.subject, dispute.property, *_claims(dispute).values]
