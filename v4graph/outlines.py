"""Outlines of countries and regions, in a projection that keeps areas, as the paths of a drawing.

The projection is the one of EPSG:3035 on a sphere: Lambert azimuthal equal-area around 52° N 10° E (Snyder, USGS
Professional Paper 1395, §24). The shapes come as TopoJSON, whose neighbours share their borders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians, sin, sqrt
from typing import Any

Ring = list[tuple[float, float]]
_SIN, _COS = sin(radians(52)), cos(radians(52))
_MARGIN = 12.0
"""How far outlines go on beyond the frame, so that no cut edge is seen."""


def project(longitude: float, latitude: float) -> tuple[float, float]:
    """Degrees to the plane, east and north of the middle, in radii of the earth."""
    east, north = radians(longitude - 10), radians(latitude)
    cosine = cos(north) * cos(east)
    scale = sqrt(2 / (1 + _SIN * sin(north) + _COS * cosine))
    return scale * cos(north) * sin(east), scale * (_COS * sin(north) - _SIN * cosine)


@dataclass(frozen=True, slots=True)
class Frame:
    """What of the plane is drawn, and how large."""

    west: float
    north: float
    scale: float
    width: int
    height: int

    @classmethod
    def around(cls, west: float, south: float, east: float, north: float, width: int) -> Frame:
        """The frame that is this wide and shows all between four degrees."""
        steps = [i / 16 for i in range(17)]
        edge = [project(west + (east - west) * t, y) for t in steps for y in (south, north)]
        edge += [project(x, south + (north - south) * t) for t in steps for x in (west, east)]
        left, right = min(x for x, _ in edge), max(x for x, _ in edge)
        low, high = min(y for _, y in edge), max(y for _, y in edge)
        scale = width / (right - left)
        return cls(left, high, scale, width, round((high - low) * scale))

    def at(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a place is in the drawing."""
        x, y = project(longitude, latitude)
        return (x - self.west) * self.scale, (self.north - y) * self.scale

    def shows(self, x: float, y: float) -> bool:
        """Whether a point of the drawing is seen."""
        return 0 <= x <= self.width and 0 <= y <= self.height


class Outlines:
    """The shapes of a TopoJSON document (https://github.com/topojson/topojson-specification)."""

    def __init__(self, topology: Mapping[str, Any]) -> None:
        """Take the arcs apart."""
        (self._sx, self._sy), (self._tx, self._ty) = topology["transform"]["scale"], topology["transform"]["translate"]
        self._arcs = [self._arc(arc) for arc in topology["arcs"]]
        self.countries = self._shapes(topology["objects"]["countries"])
        self.regions = dict(self._shapes(topology["objects"]["regions"]))
        self.centres = {code: _centre(rings) for code, rings in self.regions.items()}

    def _arc(self, arc: Sequence[Sequence[int]]) -> Ring:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * self._sx + self._tx, y * self._sy + self._ty))
        return points

    def _shapes(self, collection: Mapping[str, Any]) -> list[tuple[str, list[Ring]]]:
        found = []
        for shape in collection["geometries"]:
            polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
            rings = [self._ring(arcs) for polygon in polygons for arcs in polygon]
            found.append((shape["properties"]["code"], rings))
        return found

    def _ring(self, arcs: Iterable[int]) -> Ring:
        ring: Ring = []
        for number in arcs:
            arc = self._arcs[number] if number >= 0 else self._arcs[~number][::-1]
            ring += arc[1 if ring else 0 :]
        return ring


def drawn(rings: Iterable[Ring], frame: Frame) -> str:
    """The path of rings in a frame (SVG 2 §9.3), whole numbers, each point told from the one before."""
    made = []
    for ring in rings:
        points = _cut([frame.at(*point) for point in ring], frame)
        path = _path(points)
        if path:
            made.append(path)
    return "".join(made)


def _path(points: Ring) -> str:
    before: tuple[int, int] | None = None
    start = ""
    steps = []
    for x, y in points:
        here = (round(x), round(y))
        if before is None:
            start = f"M{here[0]} {here[1]}"
        elif here != before:
            dx, dy = here[0] - before[0], here[1] - before[1]
            steps.append(f"{dx}{dy}" if dy < 0 else f"{dx} {dy}")
        before = here
    text = ""
    for step in steps:
        text += step if not text or step.startswith("-") else f" {step}"
    return f"{start}l{text}z" if len(steps) > 2 else ""


def _cut(points: Ring, frame: Frame) -> Ring:
    """A ring cut by the frame (Sutherland and Hodgman 1974)."""
    for axis, limit, sign in (
        (0, -_MARGIN, 1), (0, frame.width + _MARGIN, -1), (1, -_MARGIN, 1), (1, frame.height + _MARGIN, -1),
    ):  # fmt: skip
        if all(sign * (point[axis] - limit) >= 0 for point in points):
            continue
        kept: Ring = []
        before = points[-1] if points else (0.0, 0.0)
        for point in points:
            inside, was = sign * (point[axis] - limit) >= 0, sign * (before[axis] - limit) >= 0
            if inside != was:
                share = (limit - before[axis]) / (point[axis] - before[axis])
                kept.append((before[0] + share * (point[0] - before[0]), before[1] + share * (point[1] - before[1])))
            if inside:
                kept.append(point)
            before = point
        points = kept
    return points


def _centre(rings: Iterable[Ring]) -> tuple[float, float]:
    """The middle of the largest ring: the centroid of its area, in degrees."""
    best = (0.0, 0.0, 0.0)
    for ring in rings:
        area = x = y = 0.0
        for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
            cross = x1 * y2 - x2 * y1
            area, x, y = area + cross, x + (x1 + x2) * cross, y + (y1 + y2) * cross
        if abs(area) > abs(best[0]):
            best = (area, x / (3 * area), y / (3 * area))
    return round(best[1], 4), round(best[2], 4)
