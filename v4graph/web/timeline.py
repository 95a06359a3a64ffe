"""``/timeline``: projects since 2008 by who paid for them, with their events and outputs; as a page, JSON and CSV.

Parameters, the same for every form: ``family`` (the funder), ``programme``, ``country``, ``partner``: the last part of
an IRI or the IRI itself, several times for any of them. Dates in the data are as the sources say them, with the first
and last day that they can mean.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
from fastapi import FastAPI
from markupsafe import Markup, escape
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph.atlas import slug
from v4graph.iris import Iris
from v4graph.rdf import CSV, Format
from v4graph.timeline import FACETS, MOST, Asked, Family, Mark, Project, Span, Timeline
from v4graph.web import collections, pages
from v4graph.web.choosing import chosen, options
from v4graph.web.delivery import present_snapshot
from v4graph.web.latest import Latest, read
from v4graph.web.negotiation import HTML
from v4graph.web.replies import alternates, form_of, reply
from v4graph.web.telling import Links, Text, page_path
from v4graph.web.words import shown_date, words

PATH = "/timeline"
JSON = Format("json", ("application/json",), "", "JSON")
FORMATS = (HTML, JSON, CSV)
_FRESH = "public, max-age=60, stale-while-revalidate=600"
_FIRST_YEAR = 2008
_YEAR = 66
"""Width of a year in the drawing."""
_LEFT = 14
_ROW = 50
_HEADING = 46
_BAR = 16
_HUES = ("mobility", "manufacturing", "life", "energy", "digital", "creative", "food", "other")


class Timelines:
    """The timeline of the present snapshot."""

    def __init__(self) -> None:
        """Start with none."""
        self.latest = Latest(_timeline)
        self.names: collections.Names = {}

    async def of(self, state: State) -> Timeline:
        """All projects."""
        timeline, self.names = await self.latest.of(state)
        return timeline


async def _timeline(state: State) -> tuple[Timeline, collections.Names]:
    projects, marks = await read(state, "timeline-projects"), await read(state, "timeline-marks")
    made = await anyio.to_thread.run_sync(lambda: Timeline(projects, marks))
    mentioned = {value for facet in FACETS for value in made.values(facet)}
    return made, await collections.named(state, mentioned, "timeline")


@dataclass(frozen=True, slots=True)
class Teller:
    """Names and dates in the languages of a reader."""

    names: Mapping[str, Mapping[str, str]]
    languages: tuple[str, ...]
    iris: Iris

    def name(self, iri: str) -> Text:
        """The name of a funder, programme, country or partner."""
        return pages.name_of(iri, self.names.get(iri, {}), self.languages, self.iris)

    def of(self, thing: Project | Mark) -> Text:
        """The name of a project, an event, an output."""
        return pages.name_of(thing.iri, thing.names, self.languages, self.iris)

    def short(self, project: Project) -> str:
        """What the drawing calls a project."""
        if project.acronym:
            return project.acronym
        name = self.of(project).text
        return name if len(name) <= 60 else f"{name[:58].rstrip()}…"

    def page(self, iri: str) -> str:
        """The path of a page."""
        return page_path(self.iris.path(iri) or "")

    def when(self, span: Span | None) -> str:
        """A date in words."""
        return shown_date(span.text, self.languages[0]) if span else ""


def add_routes(app: FastAPI) -> None:
    """Put the timeline into an application."""
    app.state.timelines = Timelines()
    app.router.routes.append(Route(PATH, shown))
    for fmt in FORMATS[1:]:
        app.router.routes.append(Route(f"{PATH}.{fmt.ending}", partial(shown, fixed=fmt)))


def asked_of(request: Request, timeline: Timeline) -> Asked:
    """What an address asks to see.

    Raises:
        UnknownParameter: a value that no project has.
    """
    known = lambda facet: {slug(value): value for value in timeline.values(facet)}  # noqa: E731 # a line
    return Asked(chosen(request.query_params, FACETS, known, "No project has the {facet} “{value}”."))


async def shown(request: Request, fixed: Format | None = None) -> ASGIApp:
    """The timeline, in the form that is wanted."""
    state: State = request.app.state
    choice, links, languages = form_of(request, fixed, FORMATS)
    with state.limits.admit(request.scope):
        timeline = await state.timelines.of(state)
        asked = asked_of(request, timeline)
    teller = Teller(state.timelines.names, languages, state.iris)
    today = datetime.now(UTC).date()
    key = [state.timelines.latest.token, "timeline", choice.format.ending, languages, asked]
    if choice.format is not HTML:
        make = partial(told if choice.format is JSON else table, timeline, asked, teller)
        location = f"timeline.{choice.format.ending}" if fixed is None else None
        fresh = state.timelines.latest.token == present_snapshot(state).token
        return await reply(request, choice, key, make, location=location, cache=_FRESH, fresh=fresh)
    query = urlencode([(facet, slug(v)) for facet in FACETS for v in asked.facets.get(facet, ())])
    formats = {links.to(f"timeline.{f.ending}" + (f"?{query}" if query else "")): f for f in FORMATS[1:]}
    make = partial(_page, timeline, asked, teller, links, formats, today)
    return await reply(request, choice, [*key, links, today], make, links=alternates(formats))


def _page(
    timeline: Timeline, asked: Asked, teller: Teller, links: Links, formats: dict[str, Format], today: date
) -> bytes:
    families = timeline.look(asked, MOST)
    projects = {project.iri: project for family in families for project in family.projects}
    content: dict[str, Any] = {
        "families": families,
        "hues": _HUES,
        "total": timeline.count(asked),
        "shown": len(projects),
        "before": {x.later: (projects[x.earlier], x.common) for f in families for x in f.followings},
        "teller": teller,
        "asked_for": asked.facets,
        "options": {
            facet: options(timeline.values(facet), asked.facets.get(facet, ()), teller.name, links.spoken)
            for facet in FACETS
        },
        "undated": [p for p in projects.values() if p.first is None],
        "picture": picture(families, teller, links, today),
        "formats": formats,
    }
    return pages.render("timeline.html", links, **content)


# --- drawing --------------------------------------------------------------------------------------------------------


def _x(day: date) -> float:
    """Where a day is; every year is as wide as the others."""
    year = date(day.year, 1, 1)
    length = (date(day.year + 1, 1, 1) - year).days
    return round(_LEFT + _YEAR * (day.year - _FIRST_YEAR + (day - year).days / length), 1)


def _until(day: date) -> float:
    """Where a day ends."""
    return _x(date.fromordinal(day.toordinal() + 1))


def picture(families: tuple[Family, ...], teller: Teller, links: Links, today: date) -> Markup:
    """The drawing: a band per family, a bar per project, fuzzy where the date is, marks below the bar."""
    say = words(links.spoken).gettext
    top, parts, tops = 34.0, [], {}
    for number, family in enumerate(families):
        dated = [project for project in family.projects if project.first]
        if not dated:
            continue
        hue = _HUES[min(number, len(_HUES) - 1)] if family.iri else "other"
        title = teller.name(family.iri).text if family.iri else say("Who paid is not known")
        parts.append(f'<text class="family" x="{_LEFT}" y="{top + 30:.0f}">{escape(title)}</text>')
        top += _HEADING
        for project in dated:
            tops[project.iri] = top
            top += _ROW
        followings = (_followed(tops[f.earlier], tops[f.later], family, f.earlier, f.later) for f in family.followings)
        parts.append(f'<g class="f-{hue}">' + "".join(followings))
        parts += [_bar(project, tops[project.iri], hue, teller, links) for project in dated]
        parts.append("</g>")
        top += 10
    last = max([today.year, *(y for f in families for p in f.projects for y in _years(p))])
    width, height = _LEFT * 2 + _YEAR * (last + 1 - _FIRST_YEAR), top + 8
    grid = "".join(_year(year, height) for year in range(_FIRST_YEAR, last + 1))
    now = f'<line class="now" x1="{_x(today)}" x2="{_x(today)}" y1="30" y2="{height:.0f}"/>'
    fades = "".join(
        f'<linearGradient id="fade-{way}-{hue}" class="f-{hue}" x1="{way == "out":d}" x2="{way == "in":d}">'
        '<stop offset="0" class="none"/><stop offset="1"/></linearGradient>'
        for way in ("in", "out")
        for hue in _HUES
    )
    return Markup(  # names and addresses are escaped where they are put in
        f'<svg class="time" width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}" '
        f'aria-hidden="true" focusable="false"><defs>{fades}</defs>{grid}{now}{"".join(parts)}</svg>'
    )


def _years(project: Project) -> list[int]:
    spans = [project.start, project.end, *(mark.when for mark in project.marks)]
    return [span.last.year for span in spans if span]


def _year(year: int, height: float) -> str:
    x = _LEFT + _YEAR * (year - _FIRST_YEAR)
    line = f'<line class="year" x1="{x}" x2="{x}" y1="30" y2="{height:.0f}"/>'
    return f'{line}<text class="year" x="{x}" y="20">{year}</text>'


def _bar(project: Project, top: float, hue: str, teller: Teller, links: Links) -> str:
    """A project: its name, and below it its bar with the marks on it."""
    first = project.first or date(_FIRST_YEAR, 1, 1)
    y, parts = top + 19, []
    if project.start and project.end:
        left, sure = _x(project.start.first), _until(project.start.last)
        certain, right = _x(project.end.first), _until(project.end.last)
        if project.start.first == project.start.last:
            sure = left
        if project.end.first == project.end.last:
            certain = right
        if sure <= certain:
            parts += [_rect(left, sure, y, f"url(#fade-in-{hue})"), _rect(sure, certain, y, "")]
            parts.append(_rect(certain, right, y, f"url(#fade-out-{hue})"))
        else:
            parts.append(_rect(left, right, y, "").replace("<rect ", '<rect class="vague" '))
    elif project.start:
        parts.append(_rect(_x(project.start.first), _until(project.start.last), y, f"url(#fade-out-{hue})"))
    else:
        dated = [mark.when for mark in project.marks if mark.when]
        x1, x2 = _x(dated[0].first) - 12, max(_until(when.last) for when in dated) + 12
        parts.append(f'<line class="unknown" x1="{x1}" x2="{x2}" y1="{y + _BAR / 2}" y2="{y + _BAR / 2}"/>')
    name, period = teller.of(project).text, _period(project, teller)
    label = f'<text class="name" x="{_x(first)}" y="{top + 13:.0f}">{escape(teller.short(project))}</text>'
    title = f"<title>{escape(name)}{escape(f' ({period})' if period else '')}</title>"
    bar = f'<a href="{escape(links.to(teller.page(project.iri)))}" tabindex="-1">{title}{label}{"".join(parts)}</a>'
    return bar + "".join(_mark(mark, y + _BAR / 2, teller, links) for mark in project.marks if mark.when)


def _rect(left: float, right: float, y: float, fill: str) -> str:
    if right - left < 0.2:
        return ""
    paint = f' fill="{fill}"' if fill else ""
    return f'<rect x="{left:.1f}" y="{y}" width="{right - left:.1f}" height="{_BAR}"{paint}/>'


def _period(project: Project, teller: Teller) -> str:
    return "–".join(filter(None, (teller.when(project.start), teller.when(project.end))))


def _mark(mark: Mark, y: float, teller: Teller, links: Links) -> str:
    """An event as a circle, an output as a diamond; hollow, with a whisker, when the day is not known."""
    if mark.when is None:
        return ""
    left, right = _x(mark.when.first), _until(mark.when.last)
    x = (left + right) / 2
    vague = (mark.when.last - mark.when.first).days > 1
    whisker = f'<line class="whisker" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>' if vague else ""
    shape = (
        f'<circle cx="{x:.1f}" cy="{y}" r="4.5"/>'
        if mark.kind == "event"
        else f'<path d="M{x:.1f} {y - 6}l6 6-6 6-6-6z"/>'
    )
    title = f"<title>{escape(teller.of(mark).text)} ({escape(teller.when(mark.when))})</title>"
    kind = f"mark-{mark.kind}{' vague' if vague else ''}"
    href = escape(links.to(teller.page(mark.iri)))
    return f'<a class="{kind}" href="{href}" tabindex="-1">{title}{whisker}{shape}</a>'


def _followed(one: float, other: float, family: Family, earlier: str, later: str) -> str:
    """A line from the end of a project to the start of the one that followed it."""
    found = {project.iri: project for project in family.projects}
    end, start = found[earlier].end or found[earlier].start, found[later].start
    if end is None or start is None:
        return ""
    x1, x2 = min(_until(end.last), _x(start.first)) - 3, _x(start.first)
    y1, y2 = one + 19 + _BAR, other + 19 + _BAR / 2
    turn = min(x1, x2 - 12)
    return f'<path class="followed" d="M{turn:.1f} {y1}V{y2 - 6}q0 6 6 6H{x2 - 1:.1f}"/>'


# --- data -----------------------------------------------------------------------------------------------------------


def _span(span: Span | None) -> dict[str, str] | None:
    return {"date": span.text, "first": str(span.first), "last": str(span.last)} if span else None


def told(timeline: Timeline, asked: Asked, teller: Teller) -> bytes:
    """The timeline for programs."""
    families = [
        {
            "id": family.iri or None,
            "name": teller.name(family.iri).text if family.iri else None,
            "projects": [
                {
                    "id": p.iri,
                    "page": teller.page(p.iri),
                    "name": teller.of(p).text,
                    "acronym": p.acronym or None,
                    "start": _span(p.start),
                    "end": _span(p.end),
                    **{facet: list(p.facets[facet]) for facet in FACETS},
                    "marks": [
                        {"id": x.iri, "kind": x.kind, "name": teller.of(x).text, "when": _span(x.when)} for x in p.marks
                    ],
                }
                for p in family.projects
            ],
            "followed": [{"earlier": x.earlier, "later": x.later, "common": list(x.common)} for x in family.followings],
        }
        for family in timeline.look(asked)
    ]
    return json.dumps({"families": families}, ensure_ascii=False).encode() + b"\n"


def table(timeline: Timeline, asked: Asked, teller: Teller) -> bytes:
    """The projects as a table (RFC 4180)."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    spans = ("start", "startFirst", "startLast", "end", "endFirst", "endLast")
    write(["id", "name", "acronym", *spans, *FACETS, "follows", "events", "outputs"])
    for family in timeline.look(asked):
        follows = {x.later: x.earlier for x in family.followings}
        for p in family.projects:
            dates = [v for s in (p.start, p.end) for v in ((s.text, s.first, s.last) if s else ("", "", ""))]
            values = ["; ".join(teller.name(v).text for v in p.facets[facet]) for facet in FACETS]
            counts = [sum(mark.kind == kind for mark in p.marks) for kind in ("event", "output")]
            write([p.iri, teller.of(p).text, p.acronym, *dates, *values, follows.get(p.iri, ""), *counts])
    return text.getvalue().encode()
