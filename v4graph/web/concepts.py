"""The concepts of a scheme as a tree, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph import rdf
from v4graph.statements import Term
from v4graph.web import pages
from v4graph.web.telling import Links, Text, Value
from v4graph.web.words import LANGUAGES


@dataclass(frozen=True, slots=True)
class Branch:
    """A concept with those below it."""

    concept: Value
    notation: str
    labels: tuple[Text, ...]
    below: tuple[Branch, ...]


async def tree(state: State, scheme: str, links: Links, languages: tuple[str, ...]) -> tuple[Branch, ...]:
    """The concepts of a scheme, by notation; the top ones first, each with those below it."""
    rows = await state.overviews.rows(state, "list-concepts", scheme, scheme=rdf.iri_text(scheme))
    return grown(rows, links, languages)


def grown(rows: Sequence[dict[str, Term]], links: Links, languages: tuple[str, ...]) -> tuple[Branch, ...]:
    """The tree of rows of concept, broader, notation and label."""
    names: dict[str, dict[str, str]] = {}
    notations: dict[str, str] = {}
    above: dict[str, set[str]] = {}
    for row in rows:
        iri = row["concept"].value
        by_language, broader = names.setdefault(iri, {}), above.setdefault(iri, set())
        if isinstance(label := row.get("label"), ox.Literal):
            by_language[label.language or ""] = label.value
        if "notation" in row:
            notations[iri] = row["notation"].value
        if "broader" in row:
            broader.add(row["broader"].value)
    below: dict[str, list[str]] = {}
    for iri, broader in above.items():
        for parent in broader & above.keys() or {""}:
            below.setdefault(parent, []).append(iri)

    def branches(parent: str, path: tuple[str, ...]) -> tuple[Branch, ...]:
        found = (iri for iri in below.get(parent, ()) if iri not in path)  # a cycle ends where it began
        return tuple(
            Branch(
                Value(pages.name_of(iri, names[iri], languages, links.iris), links.of(iri)),
                notations.get(iri, ""),
                tuple(Text(names[iri][x], x) for x in LANGUAGES if x in names[iri]),
                branches(iri, (*path, iri)),
            )
            for iri in sorted(found, key=lambda iri: (notations.get(iri, ""), iri))
        )

    return branches("", ())
