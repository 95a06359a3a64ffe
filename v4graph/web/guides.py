"""The spots of the map in a language: named, in alphabetical order, as GeoJSON and as rows of a table."""

from __future__ import annotations

import csv
import io
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import anyio.to_thread
from markupsafe import Markup
from starlette.datastructures import State

from v4graph.atlas import FACETS, NUTS, Atlas, Point, Spot, View, slug
from v4graph.iris import Iris
from v4graph.web import collections, pages
from v4graph.web.latest import Latest, read
from v4graph.web.miniatures import outlines
from v4graph.web.sectors import FAMILIES, family_of
from v4graph.web.telling import Text, page_path
from v4graph.web.words import ordered

CREDITS = "Natural Earth (public domain), GeoNames (CC BY 4.0), v4graph (CC BY 4.0)"
Made = TypeVar("Made")
_KEPT = 12
_ORDERS = 4
"""Views that are kept in order: the whole ones are asked for first, and again and again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A spot as a reader sees it."""

    iri: str
    page: str
    name: Text
    is_cluster: bool
    family: str
    sectors: tuple[tuple[str, Text], ...]
    countries: tuple[Text, ...]
    place: Text | None
    point: Point | None

    @property
    def id(self) -> str:
        """What scripts call it."""
        return self.page


class Guide:
    """All spots in the languages of a reader; each is named when it is looked at."""

    def __init__(
        self,
        atlas: Atlas,
        names: collections.Names,
        languages: tuple[str, ...],
        iris: Iris,
        token: str,
        shared: dict[str, Any],
    ) -> None:
        """Guide through an atlas; ``token`` is that of its snapshot, ``shared`` what all its guides have in common."""
        self._shared = shared
        self.atlas, self.token = atlas, token
        self.pictures: dict[str, Markup] = {}
        """Drawings of everything, by what they are for."""
        self._names, self._languages, self._iris = names, languages, iris
        self._named: dict[str, Text] = {}
        self._shown: dict[int, Shown] = {}
        self._orders: dict[tuple[int, ...], list[int]] = {}
        self._features: dict[int, str] = {}

    def name(self, iri: str) -> Text:
        """The name of a country, region, sector, project and the like."""
        found = self._named.get(iri)
        if found is None:
            found = self._named[iri] = pages.name_of(iri, self._names.get(iri, {}), self._languages, self._iris)
        return found

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """What does not depend on the language, worked out for the first guide that needs it."""
        if name not in self._shared:
            self._shared[name] = make()
        found: Made = self._shared[name]
        return found

    def order(self, view: View) -> list[int]:
        """The numbers of what is seen, in alphabetical order."""
        found = self._orders.get(view.spots)
        if found is None:
            spots = [self.atlas.spots[number] for number in view.spots]
            texts = [pages.name_of(spot.iri, spot.names, self._languages, self._iris).text for spot in spots]
            order = ordered(texts, [spot.iri for spot in spots], self._languages[0])
            found = [view.spots[place] for place in order]
            if len(self._orders) < _ORDERS:
                self._orders[view.spots] = found
        return found

    def listed(self, view: View, most: int | None = None) -> list[Shown]:
        """What is seen, in alphabetical order."""
        return [self.show(number) for number in self.order(view)[:most]]

    def show(self, number: int) -> Shown:
        """A spot, by its number."""
        found = self._shown.get(number)
        if found is None:
            found = self._shown[number] = self._show(number)
        return found

    def shown(self, spot: Spot) -> Shown:
        """A spot of the atlas."""
        return self.show(self.atlas.names[spot.iri])

    def _show(self, number: int) -> Shown:
        spot = self.atlas.spots[number]
        sectors = tuple((sector, self.name(sector)) for sector in spot.facets["sector"])
        place = spot.point.place if spot.point else ""
        return Shown(
            spot.iri,
            page_path(self._iris.path(spot.iri) or ""),
            pages.name_of(spot.iri, spot.names, self._languages, self._iris),
            spot.is_cluster,
            main_family(spot.facets["sector"]),
            sectors,
            tuple(self.name(country) for country in spot.facets["country"]),
            self.name(place) if place else None,
            spot.point,
        )

    # --- formats ------------------------------------------------------------------------------------------------------

    def geojson(self, view: View) -> bytes:
        """What is seen as GeoJSON (RFC 7946); what has no place has no geometry (§3.2)."""
        features = ",\n".join(self._feature(number) for number in self.order(view))
        head = json.dumps({"total": len(view.spots), "withoutPlace": view.off, "credits": CREDITS}, ensure_ascii=False)
        return f'{{"type":"FeatureCollection",{head[1:-1]},"features":[\n{features}\n]}}\n'.encode()

    def _feature(self, number: int) -> str:
        text = self._features.get(number)
        if text is None:
            told = self._told(number)
            text = self._features[number] = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return text

    def _told(self, number: int) -> dict[str, Any]:
        spot, shown = self.atlas.spots[number], self.show(number)
        point = shown.point
        properties: dict[str, Any] = {
            "name": shown.name.text,
            "page": shown.page,
            "kind": "cluster" if shown.is_cluster else "partner",
            "family": shown.family,
            "countries": [x.text for x in shown.countries],
            "sectors": [x.text for _, x in shown.sectors],
            "regions": [x.removeprefix(NUTS) for x in spot.facets["region"]],
        }
        if spot.facets["project"]:
            properties |= {
                "projects": [slug(x) for x in spot.facets["project"]],
                "leads": [slug(x) for x in spot.leads],
            }
        if point and shown.place:
            properties |= {"place": shown.place.text, "precision": point.precision}
        return {
            "type": "Feature",
            "id": shown.iri,
            "geometry": {"type": "Point", "coordinates": [point.longitude, point.latitude]} if point else None,
            "properties": properties,
        }

    def table(self, view: View) -> bytes:
        """What is seen as a table (RFC 4180)."""
        text = io.StringIO()
        write = csv.writer(text).writerow
        write(["id", "name", "kind", *FACETS, "longitude", "latitude", "precision", "place"])
        for number in self.order(view):
            spot, shown = self.atlas.spots[number], self.show(number)
            values = ["; ".join(self.name(value).text for value in spot.facets[facet]) for facet in FACETS]
            point = shown.point
            where: list[object] = ["", "", ""]
            if point:
                where = [point.longitude, point.latitude, point.precision]
            kind = "cluster" if shown.is_cluster else "partner"
            write([spot.iri, shown.name.text, kind, *values, *where, shown.place.text if shown.place else ""])
        return text.getvalue().encode()


@lru_cache(maxsize=4096)
def main_family(sectors: tuple[str, ...]) -> str:
    """The family that most of the sectors belong to; of several the first in the order of legends."""
    families = [family_of(sector) for sector in sectors]
    return max(FAMILIES, key=lambda f: (families.count(f), -FAMILIES.index(f))) if families else "other"


class Guides:
    """The atlas of the present snapshot, and its guides; the least recently used leaves first."""

    def __init__(self) -> None:
        """Start with none."""
        self.latest = Latest(_atlas)
        self._guides: OrderedDict[tuple[str, ...], Guide] = OrderedDict()
        self._shared: tuple[Atlas | None, dict[str, Any]] = (None, {})

    async def atlas(self, state: State) -> Atlas:
        """All spots."""
        return await self.latest.of(state)

    async def of(self, state: State, languages: tuple[str, ...]) -> Guide:
        """The atlas in languages."""
        atlas = await self.atlas(state)
        token = self.latest.token
        kept = self._guides.get(languages)
        if kept is not None and kept.atlas is atlas:
            self._guides.move_to_end(languages)
            return kept
        names = await collections.named(state, _mentioned(atlas), f"map {token}")
        if self._shared[0] is not atlas:
            self._shared = (atlas, {})
        made = Guide(atlas, names, languages, state.iris, token, self._shared[1])
        for others in [held for held, guide in self._guides.items() if guide.atlas is not atlas]:
            del self._guides[others]
        self._guides[languages] = made
        if len(self._guides) > _KEPT:
            self._guides.popitem(last=False)
        return made


async def _atlas(state: State) -> Atlas:
    things, places = await read(state, "map-things"), await read(state, "map-places")
    return await anyio.to_thread.run_sync(lambda: Atlas(things, places, outlines().centres))


def _mentioned(atlas: Atlas) -> set[str]:
    facets = {value for facet in FACETS for value in atlas.values(facet).values()}
    return facets | {spot.point.place for spot in atlas.spots if spot.point}
