"""The names a difference is told with: as the published graph has them, and as the difference itself gives them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph import differences, rdf
from v4graph.differences import Change, Difference, Names
from v4graph.entities import select
from v4graph.queries import bind, load_query
from v4graph.vocabulary import load_vocabulary

_ASKED = 500
"""Names asked for at a time."""


async def names_for(
    state: State, difference: Difference, languages: Sequence[str], *, more: Collection[str] = ()
) -> Names:
    """The names a difference is told with: of the published graph, and of the difference itself."""
    found = await asyncio.to_thread(differences.changes, difference)
    return await names_of_changes(state, difference, found, languages, more)


async def names_of_changes(
    state: State, difference: Difference, found: Sequence[Change], languages: Sequence[str], more: Collection[str]
) -> Names:
    """The names some changes of a difference are told with."""
    lines = (*difference.removed, *difference.added)
    labels = await asyncio.to_thread(differences.labels_in, lines)
    related: dict[str, Sequence[str]] = {**await asyncio.to_thread(differences.related_in, lines, state.iris)}
    wanted = await asyncio.to_thread(differences.mentioned, found) | set(more)
    await _ask(state, wanted, labels, languages)
    nameless = sorted({c.subject[1:-1] for c in found} - labels.keys() - _whole(difference))[:_ASKED]
    if nameless:
        query = bind(load_query("platform/describe", state.iris), subject=[rdf.iri_text(x) for x in nameless])
        rows = await select(state.sandbox, query, state.settings.query_seconds)
        said = [f"{ox.Triple(r['subject'], r['property'], r['object'])} ." for r in rows if "graph" not in r]  # type: ignore[arg-type]
        related = {**related, **differences.related_in(sorted(said), state.iris)}
    await _ask(state, {iri for others in related.values() for iri in others} - wanted, labels, languages)
    return Names(labels, languages, state.iris, related)


def _whole(difference: Difference) -> set[str]:
    """The things of which a difference tells everything."""
    return {subject[1:-1] for subject in difference.appeared | difference.vanished}


async def _ask(
    state: State, wanted: Iterable[str], labels: dict[str, dict[str, str]], languages: Sequence[str]
) -> None:
    """Add the names the published graph gives to things, but for those known in the reader's own language."""
    known = load_vocabulary(state.iris)
    named = (known.terms, known.properties, known.concepts, known.classes)
    first = next(iter(languages), "en")
    things = sorted(
        iri
        for iri in wanted
        if first not in labels.get(iri, ())
        and (iri.startswith(state.iris.base) or any(iri in some for some in named))  # a website has no name
    )
    for start in range(0, len(things), _ASKED):
        some = [rdf.iri_text(x) for x in things[start : start + _ASKED]]
        query = bind(load_query("platform/names", state.iris), thing=some)
        for row in await select(state.sandbox, query, state.settings.query_seconds):
            name = row["name"]
            if isinstance(name, ox.Literal):
                labels.setdefault(row["thing"].value, {}).setdefault(name.language or "", name.value)
