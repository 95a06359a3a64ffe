"""Small drawings beside the text of a page: where something is, and how a figure went over the years."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import floor

from markupsafe import Markup, escape

from v4graph.outlines import Frame, Outlines, drawn
from v4graph.web import built

_WIDTH = 320
_CELL = 2
"""Degrees: things whose places lie in the same cell share the outlines around them."""
_CHART = (640, 190)
_EDGE = (36, 44)
"""Room for the words beside and above or below the line."""


@lru_cache(maxsize=1)
def outlines() -> Outlines:
    """The shapes that the server draws."""
    path = built.STATIC / built.manifest()["outline.json"]
    return Outlines(json.loads(path.read_text(encoding="utf-8")))


@lru_cache(maxsize=64)
def _land(column: int, row: int) -> tuple[Frame, Markup]:
    west, south = column * _CELL, row * _CELL
    frame = Frame.around(west - 3.4, south - 1.6, west + _CELL + 3.4, south + _CELL + 1.6, _WIDTH)
    rings = [[r for code, rings in outlines().countries if bool(code) is ours for r in rings] for ours in (False, True)]
    others, focus = (drawn(found, frame) for found in rings)
    land = f'<path class="land" d="{others}"/><path class="land focus" d="{focus}"/>'
    return frame, Markup(land)  # only letters and numbers made here


def spot(longitude: float, latitude: float) -> Markup:
    """A point and the land around it."""
    frame, land = _land(floor(longitude / _CELL), floor(latitude / _CELL))
    x, y = frame.at(longitude, latitude)
    return Markup(
        f'<svg class="drawn-map" viewBox="0 0 {frame.width} {frame.height}" aria-hidden="true" focusable="false">'
        f'<rect class="sea" width="{frame.width}" height="{frame.height}"/>{land}'
        f'<circle class="spot" cx="{x:.1f}" cy="{y:.1f}" r="7"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class Step:
    """A value of a figure at a time, with both in words."""

    day: date
    value: Decimal
    when: str
    said: str


def course(steps: Sequence[Step]) -> Markup:
    """How a figure went: a line through its values, which stand above it; the height begins at nothing."""
    width, height = _CHART
    beside, above = _EDGE
    first, last = steps[0].day.toordinal(), steps[-1].day.toordinal()
    highest = max(step.value for step in steps) or Decimal(1)
    ground = height - above
    points = []
    for step in steps:
        along = (step.day.toordinal() - first) / ((last - first) or 1)
        points.append((beside + along * (width - 2 * beside), ground - float(step.value / highest) * (ground - above)))
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
        f'<text class="value" x="{x:.1f}" y="{y - 14:.1f}">{escape(step.said)}</text>'
        for (x, y), step in zip(points, steps, strict=True)
    )
    ends = "".join(
        f'<text x="{x:.1f}" y="{height - 12}">{escape(step.when)}</text>'
        for (x, _), step in ((points[0], steps[0]), (points[-1], steps[-1]))
    )
    return Markup(  # words are escaped where they are put in
        f'<svg class="course" viewBox="0 0 {width} {height}" aria-hidden="true" focusable="false">'
        f'<path class="ground" d="M0 {ground}H{width}"/><path class="way" d="M{line}"/>{marks}{ends}</svg>'
    )
