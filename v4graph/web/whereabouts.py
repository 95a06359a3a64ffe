"""Where a thing is, out of the document about it."""

from __future__ import annotations

import pyoxigraph as ox

from v4graph.iris import Iris
from v4graph.statements import Document

SCHEMA = "https://schema.org/"


def place_of(document: Document, iris: Iris) -> str | None:
    """The place of a thing that tells most about where it is."""
    for property_ in (
        iris.term("seatPlace"),
        f"{SCHEMA}location",
        iris.term("associatedPlace"),
        iris.term("coordinatorPlace"),
    ):
        for value in document.values(document.iri, property_):
            if isinstance(value, ox.NamedNode):
                return value.value
    return None


def coordinates(document: Document, iri: str) -> tuple[float | None, float | None, str]:
    """Latitude and longitude, and both as an atlas writes them."""
    try:
        north = float(document.value_of(iri, f"{SCHEMA}latitude") or "nan")
        east = float(document.value_of(iri, f"{SCHEMA}longitude") or "nan")
    except ValueError:
        return None, None, ""
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        return None, None, ""
    return north, east, f"{_degrees(north, 'N', 'S')}, {_degrees(east, 'E', 'W')}"


def _degrees(value: float, positive: str, negative: str) -> str:
    minutes = round(abs(value) * 60)
    return f"{minutes // 60}°\u202f{minutes % 60:02d}′\u202f{positive if value >= 0 else negative}"
