"""What the map shows: cluster organisations and partners with where they are known to be, narrowed and counted.

Where something is comes from the best place known: its seat, else that of its coordinator, else where it came from or
another place it is named with, else the middle of its region. Every spot says which of these it is; what has none of
them is counted and listed, never left out. Filters and counts are bit sets: one bit per thing and value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from v4graph.folding import fold, words_of
from v4graph.statements import Term

FACETS = ("country", "region", "sector", "stage", "project", "label")
"""What the map is narrowed by; several values of a facet mean any of them."""
LAYERS = ("clusters", "partners")
PRECISIONS = ("seat", "coordinator", "origin", "associated", "region")
"""How a place is known, best first; all but the first are approximate."""
_LOCATED = ("seat", "coordinator")
"""Places that say in which region a thing is."""
NUTS = "http://data.europa.eu/nuts/code/"

Rows = Iterable[Mapping[str, Term]]


@dataclass(frozen=True, slots=True)
class Point:
    """Coordinates in degrees, and how they are known."""

    longitude: float
    latitude: float
    precision: str
    place: str


@dataclass(frozen=True, slots=True)
class Spot:
    """A cluster organisation or a partner of a project."""

    iri: str
    is_cluster: bool
    names: Mapping[str, str]
    facets: Mapping[str, tuple[str, ...]]
    leads: tuple[str, ...]
    point: Point | None
    text: str
    """All its names, folded, for the search."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see."""

    layers: tuple[str, ...] = ("clusters",)
    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What is seen: the numbers of the spots, how many each value of each facet would give, and the sums."""

    spots: tuple[int, ...]
    counts: Mapping[str, Mapping[str, int]]
    layers: Mapping[str, int]
    off: int
    """How many of the spots have no place."""


class Atlas:
    """All spots of a snapshot."""

    __slots__ = ("_bits", "_layers", "_placed", "_wholes", "names", "spots")

    def __init__(self, things: Rows, places: Rows, centres: Mapping[str, tuple[float, float]]) -> None:
        """Read the rows of ``map-things`` and ``map-places``; ``centres`` are the middles of regions by their code."""
        self.spots = tuple(_spots(things, _places(places), centres))
        self.names = _several(self.spots)
        self._bits: dict[str, dict[str, int]] = {facet: {} for facet in FACETS}
        self._layers = dict.fromkeys(LAYERS, 0)
        self._placed = 0
        self._wholes: dict[tuple[str, ...], View] = {}
        for number, spot in enumerate(self.spots):
            bit = 1 << number
            for facet, values in spot.facets.items():
                of = self._bits[facet]
                for value in values:
                    of[value] = of.get(value, 0) | bit
            self._layers["clusters"] |= bit if spot.is_cluster else 0
            self._layers["partners"] |= bit if spot.facets["project"] else 0
            self._placed |= bit if spot.point else 0

    def look(self, asked: Asked) -> View:
        """The spots that fit, with counts that leave the counted facet open."""
        if asked.text or any(asked.facets.values()):
            return self._look(asked)
        if asked.layers not in self._wholes:
            self._wholes[asked.layers] = self._look(asked)
        return self._wholes[asked.layers]

    def _look(self, asked: Asked) -> View:
        texted = self._texted(asked.text)
        shown = texted & self._layer(asked)
        chosen = {facet: self._any(facet, values) for facet, values in asked.facets.items() if values}
        counts = {}
        for facet in FACETS:
            others = shown
            for other, bits in chosen.items():
                others &= bits if other != facet else -1
            counts[facet] = {value: (bits & others).bit_count() for value, bits in self._bits[facet].items()}
        for bits in chosen.values():
            shown &= bits
            texted &= bits
        layers = {layer: (texted & bits).bit_count() for layer, bits in self._layers.items()}
        return View(_numbers(shown), counts, layers, (shown & ~self._placed).bit_count())

    def values(self, facet: str) -> dict[str, str]:
        """The values of a facet by what addresses call them: the last part of the IRI, in small letters."""
        return {slug(value): value for value in self._bits[facet]}

    def of(self, iri: str) -> Spot | None:
        """The spot of a thing."""
        number = self.names.get(iri)
        return None if number is None else self.spots[number]

    def spots_of(self, iri: str, facet: str) -> tuple[str, ...]:
        """What a thing has of a facet."""
        spot = self.of(iri)
        return spot.facets[facet] if spot else ()

    def _layer(self, asked: Asked) -> int:
        shown = 0
        for layer in asked.layers:
            shown |= self._layers[layer]
        return shown

    def _any(self, facet: str, values: Iterable[str]) -> int:
        found = 0
        for value in values:
            found |= self._bits[facet].get(value, 0)
        return found

    def _texted(self, text: str) -> int:
        everything = (1 << len(self.spots)) - 1
        words = words_of(text)
        if not words:
            return everything
        found = bytearray((len(self.spots) + 7) // 8)
        for number, spot in enumerate(self.spots):
            if all(word in spot.text for word in words):
                found[number >> 3] |= 1 << (number & 7)
        return int.from_bytes(found, "little")


def slug(iri: str) -> str:
    """What an address calls a value: the last part of its IRI."""
    return iri.rstrip("/").rpartition("/")[2].lower()


def region_of(code: str, known: Mapping[str, object]) -> str | None:
    """The region of the map that a NUTS code lies in: the code, or the one it begins with."""
    return next((code[:end] for end in range(len(code), 1, -1) if code[:end] in known), None)


def _drawn(region: str, known: Mapping[str, object]) -> str:
    """A region as the map draws it; one that the map cannot draw stays as it is."""
    code = region_of(region.removeprefix(NUTS), known)
    return NUTS + code if code else region


def _numbers(bits: int) -> tuple[int, ...]:
    found = []
    for at, byte in enumerate(bits.to_bytes((bits.bit_length() + 7) // 8, "little")):
        while byte:
            low = byte & -byte
            found.append(at * 8 + low.bit_length() - 1)
            byte ^= low
    return tuple(found)


def _several(spots: Iterable[Spot]) -> dict[str, int]:
    return {spot.iri: number for number, spot in enumerate(spots)}


def _places(rows: Rows) -> dict[str, tuple[float, float, str]]:
    found = {}
    for row in sorted(rows, key=lambda r: r["place"].value):
        region = row["region"].value if "region" in row else ""
        found[row["place"].value] = (float(row["longitude"].value), float(row["latitude"].value), region)
    return found


def _spots(
    rows: Rows, places: Mapping[str, tuple[float, float, str]], centres: Mapping[str, tuple[float, float]]
) -> Iterable[Spot]:
    told: dict[str, dict[str, list[Term]]] = {}
    for row in rows:
        told.setdefault(row["thing"].value, {}).setdefault(row["what"].value, []).append(row["value"])
    for iri in sorted(told):
        said = told[iri]
        facets = {facet: tuple(sorted({v.value for v in said.get(facet, ())})) for facet in FACETS}
        point, region = _point(said, facets["region"], places, centres)
        if not facets["region"] and region:
            facets["region"] = (region,)
        facets["region"] = tuple(sorted({_drawn(x, centres) for x in facets["region"]}))
        names = {getattr(v, "language", None) or "": v.value for v in said.get("name", ())}
        aliases = [v.value for v in said.get("alias", ())]
        yield Spot(
            iri,
            "cluster" in said,
            dict(sorted(names.items())),
            facets,
            tuple(sorted(v.value for v in said.get("lead", ()))),
            point,
            "\n".join(" ".join(words_of(x)) or fold(x) for x in (*names.values(), *aliases)),
        )


def _point(
    said: Mapping[str, list[Term]],
    regions: tuple[str, ...],
    places: Mapping[str, tuple[float, float, str]],
    centres: Mapping[str, tuple[float, float]],
) -> tuple[Point | None, str]:
    """Where it is, and the region of that place."""
    for precision in PRECISIONS[:-1]:
        for place in sorted(v.value for v in said.get(precision, ())):
            if place in places:
                longitude, latitude, region = places[place]
                return Point(longitude, latitude, precision, place), region if precision in _LOCATED else ""
    for region in sorted(regions, key=len, reverse=True):
        code = region_of(region.removeprefix(NUTS), centres)
        if code is not None:
            return Point(*centres[code], "region", region), region
    return None, ""
