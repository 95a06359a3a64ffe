"""The map as a drawing made by the server: what is seen without scripts, on the start page, and as a file."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import cos, sin, sqrt

from markupsafe import Markup, escape

from v4graph.atlas import Spot
from v4graph.outlines import Frame, drawn
from v4graph.web.guides import Shown
from v4graph.web.miniatures import outlines
from v4graph.web.telling import Links

MIDDLE = (8.2, 44.9, 25.6, 55.3)
"""What is shown first: the countries of the project and most of their neighbours (west, south, east, north)."""
BROAD = (2.2, 45.3, 32.5, 55.2)
"""The same in a wide picture."""
_EUROPE = (-11.5, 35.5, 34.5, 61.0)
_LAND = {"middle": MIDDLE, "broad": BROAD, "europe": _EUROPE}
"""The frames that many pages show; their land is a file that a browser fetches once, after the page."""
_WIDTH = 1600
_DENSE = 500
"""From so many points on, those that lie close together are drawn as one."""
_CELL = 40
_STEPS = 6
_GOLDEN = 2.39996


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of the drawing: one thing, or several that lie close together."""

    x: float
    y: float
    radius: float
    spot: Spot
    count: int = 1


@lru_cache(maxsize=64)
def frame(west: float, south: float, east: float, north: float) -> Frame:
    """The frame around four degrees."""
    return Frame.around(west, south, east, north, _WIDTH)


@lru_cache(maxsize=64)
def _base(found: Frame) -> Markup:
    other, focus = _land(found)
    # only letters and numbers made here
    return Markup(f'<path class="land" d="{other}"/><path class="land focus" d="{focus}"/>')


def _land(found: Frame) -> tuple[str, str]:
    """The paths of the countries around those of the project, and of these."""
    shapes = outlines().countries
    other = drawn([ring for code, rings in shapes if not code for ring in rings], found)
    return other, drawn([ring for code, rings in shapes if code for ring in rings], found)


@lru_cache(maxsize=1)
def land_files() -> Mapping[str, bytes]:
    """The land of the frames that many pages show, gzip, by names that carry the hash of the content."""
    made = {}
    for name, degrees in _LAND.items():
        paths = zip(("other", "focus"), _land(frame(*degrees)), strict=True)
        # colours and widths come from the page that uses them (SVG 2 §5.5), but this does not go down to them
        text = "".join(f'<path id="{id_}" d="{d}" vector-effect="non-scaling-stroke"/>' for id_, d in paths)
        content = f'<svg xmlns="http://www.w3.org/2000/svg">{text}</svg>'.encode()
        digest = hashlib.sha256(content).hexdigest()[:10]
        made[f"land-{name}-{digest}.svg"] = gzip.compress(content, 9, mtime=0)
    return made


@lru_cache(maxsize=1)
def _used() -> Mapping[Frame, str]:
    return {frame(*_LAND[name.split("-")[1]]): f"static/{name}" for name in land_files()}


def _base_of(found: Frame, links: Links | None) -> Markup:
    """The land of a frame: used from its file where there is one and the drawing stands in a page."""
    path = _used().get(found) if links else None
    if links is None or path is None:
        return _base(found)
    file = links.to(path)
    return Markup('<use class="land" href="{0}#other"/><use class="land focus" href="{0}#focus"/>').format(file)


@lru_cache(maxsize=4)
def _regions(found: Frame) -> Mapping[str, str]:
    return {code: drawn(rings, found) for code, rings in outlines().regions.items()}


def framing(things: Iterable[Spot]) -> Frame:
    """The middle of Europe when everything lies in it, else more of Europe."""
    middle = frame(*MIDDLE)
    points = [t.point for t in things if t.point]
    outside = [p for p in points if not middle.shows(*middle.at(p.longitude, p.latitude))]
    return frame(*_EUROPE) if len(outside) > 0.2 * len(points) else middle


def step_of(count: int, most: int) -> int:
    """The step, 1 to 6, of the colour of a region."""
    return min(_STEPS, 1 + int(_STEPS * sqrt(count / most) - 1e-9)) if count and most else 0


def shaded(things: Iterable[Spot], regions: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """How many things each region has; ``regions`` are those of a thing by its IRI."""
    found: dict[str, int] = {}
    for thing in things:
        for code in regions.get(thing.iri, ()):
            found[code] = found.get(code, 0) + 1
    return found


def marks(things: Sequence[Spot], found: Frame) -> list[Mark]:
    """Where the things are; those at the same place stand around it, of very many those close together are one."""
    placed: dict[tuple[int, int], list[tuple[float, float, Spot]]] = {}
    located = [t for t in things if t.point]
    size = _CELL if len(located) > _DENSE else 1
    for thing in located:
        if thing.point is None:
            continue
        x, y = found.at(thing.point.longitude, thing.point.latitude)
        if found.shows(x, y):
            placed.setdefault((int(x) // size, int(y) // size), []).append((x, y, thing))
    made = []
    for members in placed.values():
        if size > 1 and len(members) > 1:
            x, y = sum(m[0] for m in members) / len(members), sum(m[1] for m in members) / len(members)
            made.append(Mark(x, y, min(36.0, 9 + 3 * sqrt(len(members))), members[0][2], len(members)))
            continue
        for number, (x, y, thing) in enumerate(members):
            away, angle = 13.5 * sqrt(number), _GOLDEN * number
            made.append(Mark(x + away * cos(angle), y + away * sin(angle), 9.0, thing))
    return made


def lines(things: Sequence[Spot], leads: Iterable[str], found: Frame) -> str:
    """Lines from those who lead to the others, or between all when nobody knows where those are, as a path."""
    at = {t.iri: found.at(t.point.longitude, t.point.latitude) for t in things if t.point}
    heads = [at[iri] for iri in leads if iri in at]
    pairs = [(a, b) for a in heads for b in at.values() if a != b] if heads else list(combinations(at.values(), 2))
    return "".join(f"M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" for (x1, y1), (x2, y2) in pairs)


def picture(
    things: Sequence[Spot],
    show: Callable[[Spot], Shown],
    *,
    links: Links | None,
    linked: bool = True,
    leads: Sequence[str] = (),
    shades: Mapping[str, int] | None = None,
    alone: str = "",
    around: tuple[float, float, float, float] | None = None,
    marked: Sequence[Mark] | None = None,
) -> Markup:
    """The drawing of things.

    Args:
        things: what is drawn.
        show: tells a thing in the words of a page.
        links: the links of the page it stands in.
        linked: whether points lead to the pages of the things.
        leads: who leads the others; lines are drawn from there.
        shades: how many things each region has.
        alone: the style of a file that stands in no page.
        around: the degrees that are shown, without it those that fit the things.
        marked: the marks of the things there, when somebody has them.
    """
    found = frame(*around) if around else framing(things)
    parts = [f'<rect class="sea" width="{found.width}" height="{found.height}"/>', _base_of(found, links)]
    if shades is not None:
        most = max(_STEPS, *shades.values()) if shades else 0
        for code, path in _regions(found).items():
            if path:
                count = shades.get(code, 0)
                parts.append(f'<path class="region s{step_of(count, most)}" d="{path}"/>')
    path = lines(things, leads, found) if leads else ""
    if path:
        parts.append(f'<path class="line" d="{path}"/>')
    to = links.to if links and linked else None
    parts += [_drawn_mark(mark, show, to) for mark in (marks(things, found) if marked is None else marked)]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{found.width}" height="{found.height}" '
        f'viewBox="0 0 {found.width} {found.height}"><style>{alone}</style>'
        if alone
        else f'<svg class="drawn-map" viewBox="0 0 {found.width} {found.height}" '
        f'preserveAspectRatio="xMidYMid slice" aria-hidden="true" focusable="false">'
    )
    return Markup(head + "".join(parts) + "</svg>")  # names and addresses are escaped where they are put in


def _drawn_mark(mark: Mark, show: Callable[[Spot], Shown], to: Callable[[str], str] | None) -> str:
    if mark.count > 1:
        circle = f'<circle class="many" cx="{mark.x:.0f}" cy="{mark.y:.0f}" r="{mark.radius:.0f}"/>'
        return f'{circle}<text class="number" x="{mark.x:.0f}" y="{mark.y + 8:.0f}">{mark.count}</text>'
    thing = show(mark.spot)
    vague = " vague" if thing.point and thing.point.precision == "region" else ""
    circle = (
        f'<circle class="f-{thing.family}{vague}" cx="{mark.x:.0f}" cy="{mark.y:.0f}" r="{mark.radius:.0f}">'
        f"<title>{escape(thing.name.text)}</title></circle>"
    )
    return circle if to is None else f'<a href="{escape(to(thing.page))}" tabindex="-1">{circle}</a>'


def file_style(colours: Mapping[str, str]) -> str:
    """The style of a drawing that stands alone, with the colours of the portal's light theme."""
    families = "".join(f".f-{name}{{fill:{value};stroke:#fff}}" for name, value in colours.items())
    steps = "".join(f".s{n}{{fill:{c}}}" for n, c in enumerate(_SHADES))
    return (
        f".sea{{fill:#dde8ee}}.land{{fill:#f6f3ec;stroke:#a59f90}}.focus{{fill:#fff;stroke-width:2}}{steps}"
        ".region{stroke:#a59f90}.line{stroke:#0a5676;stroke-width:2;fill:none;opacity:.5}circle{stroke-width:2}"
        f"{families}.vague{{fill-opacity:.25;stroke:#17212b}}.many{{fill:#0a5676;stroke:#fff}}"
        ".number{fill:#fff;font:600 22px sans-serif;text-anchor:middle}"
    )


_SHADES = ("none", "#e8f1f6", "#bcd9e6", "#86bbd0", "#4c96b4", "#1f6f92", "#0a4a68")
COLOURS = {
    "mobility": "#0248ca", "energy": "#a18c24", "digital": "#9081bd", "life": "#469e8b", "manufacturing": "#96544b",
    "creative": "#640052", "food": "#1f420c", "other": "#767f89",
}  # fmt: skip
