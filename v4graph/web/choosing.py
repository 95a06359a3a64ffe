"""Forms that narrow the map, the network and the timeline: what they offer, and what an address chooses by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest

from starlette.datastructures import QueryParams

from v4graph.atlas import slug
from v4graph.errors import UnknownParameter
from v4graph.web.telling import Text
from v4graph.web.words import sort_key

OFFERED = 200
"""Values of a facet that a form offers, those with most things; others are asked for by their address."""
_MOST_VALUES = 50


def offered(counts: Mapping[str, int], wanted: Sequence[str]) -> Mapping[str, int]:
    """The values with most things, and those that are chosen."""
    if len(counts) <= OFFERED:
        return counts
    kept = {*nlargest(OFFERED, counts, key=lambda value: (counts[value], value)), *wanted}
    return {value: count for value, count in counts.items() if value in kept}


def options(
    counts: Mapping[str, int], wanted: Sequence[str], name: Callable[[str], Text], language: str
) -> list[tuple[str, Text, int, bool]]:
    """What a list offers in alphabetical order: the word for the address, the name, the count, whether it is chosen."""
    made = [(slug(value), name(value), count, value in wanted) for value, count in offered(counts, wanted).items()]
    return sorted(made, key=lambda option: (sort_key(option[1].text, language), option[0]))


def chosen(
    params: QueryParams, facets: Sequence[str], known: Callable[[str], Mapping[str, str]], sentence: str
) -> dict[str, tuple[str, ...]]:
    """What an address chooses of each facet; ``known`` gives the values of a facet by their words for addresses.

    Raises:
        UnknownParameter: nothing has a value; ``sentence`` says so with ``{facet}`` and ``{value}``.
    """
    found = {}
    for facet in facets:
        values = [value.strip() for value in params.getlist(facet) if value.strip()]
        if len(values) > _MOST_VALUES:
            raise UnknownParameter(f"{facet} takes up to {_MOST_VALUES} values.", parameter=facet)
        if values:
            there = known(facet)
            found[facet] = tuple(sorted({one(facet, value, there, sentence) for value in values}))
    return found


def one(facet: str, value: str, known: Mapping[str, str], sentence: str) -> str:
    """The value that a word of an address means.

    Raises:
        UnknownParameter: nothing has it.
    """
    if slug(value) not in known:
        raise UnknownParameter(sentence.format(facet=facet, value=value[:80]), parameter=facet)
    return known[slug(value)]
