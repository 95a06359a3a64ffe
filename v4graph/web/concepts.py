"""The concepts of a scheme as a tree, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph import rdf
from v4graph.folding import fold
from v4graph.statements import Term
from v4graph.web import pages, terms
from v4graph.web.telling import Links, Text, Value
from v4graph.web.words import LANGUAGES


@dataclass(frozen=True, slots=True)
class Branch:
    """A concept with those below it."""

    concept: Value
    notation: str
    labels: tuple[Text, ...]
    below: tuple[Branch, ...]


async def schemes(state: State, links: Links, languages: tuple[str, ...]) -> tuple[Value, ...]:
    """The concept schemes by name."""
    names: dict[str, dict[str, str]] = {}
    for row in await state.overviews.rows(state, "list-schemes"):
        if isinstance(label := row["label"], ox.Literal):
            names.setdefault(row["scheme"].value, {})[label.language or ""] = label.value
    values = [
        Value(pages.name_of(iri, found, languages, links.iris), links.of(iri), links.iris.path(iri) is None)
        for iri, found in names.items()
    ]
    return tuple(sorted(values, key=lambda value: fold(value.text.text)))


async def tree(
    state: State, scheme: str, links: Links, languages: tuple[str, ...], asked: str = ""
) -> tuple[Branch, ...]:
    """The concepts of a scheme, by notation; the top ones first, each with those below it.

    With words that are asked for, only the concepts that have them, and what these lie below.
    """
    rows = await state.overviews.rows(state, "list-concepts", scheme, scheme=rdf.iri_text(scheme))
    if asked:
        told = await state.overviews.rows(state, "list-concept-texts", scheme, scheme=rdf.iri_text(scheme))
        rows = matching(rows, told, asked)
    return grown(rows, links, languages)


def matching(rows: Sequence[dict[str, Term]], told: Sequence[dict[str, Term]], asked: str) -> Sequence[dict[str, Term]]:
    """The rows of the concepts that have the words, and of those they lie below."""
    texts: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    for row in (*rows, *told):
        said = texts.setdefault(row["concept"].value, set())
        said.update(row[name].value for name in ("label", "notation", "text") if name in row)
        if "broader" in row:
            above.setdefault(row["concept"].value, set()).add(row["broader"].value)
    shown = {iri for iri, said in texts.items() if terms.found(asked, said)}
    front = set(shown)
    while front := {parent for iri in front for parent in above.get(iri, ())} - shown:
        shown |= front
    return [row for row in rows if row["concept"].value in shown]


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
