"""Things on the map as GeoJSON (RFC 7946)."""

from __future__ import annotations

from typing import Any

import pyoxigraph as ox

from v4graph.iris import Iris
from v4graph.rdf import Format
from v4graph.statements import LABELS, SCHEMA, TYPE, Document

GEOJSON = Format("geojson", ("application/geo+json", "application/vnd.geo+json"), "", "GeoJSON")


def feature(document: Document, iris: Iris) -> dict[str, Any] | None:
    """The thing as a feature at its own coordinates, else at those of its seat or venue; None when there are none."""
    iri = document.iri
    places = [
        value.value
        for property_ in (iris.term("seatPlace"), f"{SCHEMA}location")
        for value in document.values(iri, property_)
        if isinstance(value, ox.NamedNode)
    ]
    for place in (iri, *places):
        latitude = document.value_of(place, f"{SCHEMA}latitude")
        longitude = document.value_of(place, f"{SCHEMA}longitude")
        if latitude is None or longitude is None:
            continue
        names = {
            getattr(value, "language", None) or "und": value.value for value in reversed(document.values(iri, *LABELS))
        }
        return {
            "type": "Feature",
            "id": iri,
            "geometry": {"type": "Point", "coordinates": [float(longitude), float(latitude)]},
            "properties": {
                "id": iri,
                "name": names,
                "type": sorted(value.value for value in document.values(iri, TYPE)),
                "place": place,
            },
        }
    return None
