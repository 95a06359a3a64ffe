"""Projects in time, by family: who paid for them; what followed what, and the partners they have in common.

Dates are as precise as their sources: a project that started "in 2008" started on a day between the first and the
last of that year, and its start is a span here, not a day.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import nlargest

from v4graph.statements import Term

FACETS = ("family", "programme", "country", "partner")
KINDS = ("event", "output")
MOST = 300
"""Projects that a drawing has room for."""

Rows = Iterable[Mapping[str, Term]]


@dataclass(frozen=True, slots=True)
class Span:
    """A date as a source says it (a day, a month, a year), from its first to its last possible day."""

    text: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Mark:
    """An event or output of a project."""

    iri: str
    kind: str
    names: Mapping[str, str]
    when: Span | None
    projects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """A project with the spans in which it started and ended."""

    iri: str
    names: Mapping[str, str]
    acronym: str
    start: Span | None
    end: Span | None
    facets: Mapping[str, tuple[str, ...]]
    marks: tuple[Mark, ...]

    @property
    def first(self) -> date | None:
        """Its first possible day, or that of its first mark."""
        dated = [mark.when.first for mark in self.marks if mark.when]
        return self.start.first if self.start else min(dated, default=None)


@dataclass(frozen=True, slots=True)
class Following:
    """A project that followed another of its family, with the partners they have in common."""

    earlier: str
    later: str
    common: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Projects that the same organisation paid for, in the order of their start ("" for those nobody is known of)."""

    iri: str
    projects: tuple[Project, ...]
    followings: tuple[Following, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see."""

    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Timeline:
    """All projects of a snapshot."""

    __slots__ = ("_homes", "projects")

    def __init__(self, projects: Rows, marks: Rows) -> None:
        """Read the rows of ``timeline-projects`` and ``timeline-marks``."""
        made: dict[str, list[Mark]] = {}
        for iri, said in _told(marks):
            mark = _mark(iri, said)
            for project in mark.projects:
                made.setdefault(project, []).append(mark)
        self.projects = tuple(_project(iri, said, made.get(iri, ())) for iri, said in _told(projects))
        sizes = self.values("family")
        self._homes = {
            p.iri: min(p.facets["family"], key=lambda f: (-sizes[f], f)) if p.facets["family"] else ""
            for p in self.projects
        }

    def values(self, facet: str) -> dict[str, int]:
        """The values of a facet with the number of projects that have them."""
        found: dict[str, int] = {}
        for project in self.projects:
            for value in project.facets[facet]:
                found[value] = found.get(value, 0) + 1
        return found

    def count(self, asked: Asked) -> int:
        """How many projects fit."""
        return sum(_fits(project, asked) for project in self.projects)

    def look(self, asked: Asked, most: int | None = None) -> tuple[Family, ...]:
        """The projects that fit, by family; the largest family first, projects without a known funder last.

        With ``most``, no more than so many: those that started last.
        """
        fitting: Iterable[Project] = (project for project in self.projects if _fits(project, asked))
        if most is not None:
            fitting = nlargest(most, fitting, key=lambda p: (p.first or date.min, p.iri))
        grouped: dict[str, list[Project]] = {}
        for project in fitting:
            grouped.setdefault(self._home(project, asked), []).append(project)
        families = []
        for iri in sorted(grouped, key=lambda f: (f == "", -len(grouped[f]), f)):
            projects = tuple(sorted(grouped[iri], key=lambda p: (p.first or date.max, p.iri)))
            families.append(Family(iri, projects, tuple(_followings(projects)) if iri else ()))
        return tuple(families)

    def _home(self, project: Project, asked: Asked) -> str:
        """Its family; of several the one asked for, else the largest."""
        chosen = [f for f in asked.facets.get("family", ()) if f in project.facets["family"]]
        return chosen[0] if chosen else self._homes[project.iri]


def _fits(project: Project, asked: Asked) -> bool:
    return all(not values or not set(values).isdisjoint(project.facets[f]) for f, values in asked.facets.items())


def _followings(projects: Sequence[Project]) -> Iterable[Following]:
    """Each project with the one before it that shares most partners; of equal ones the last that started."""
    for number, later in enumerate(projects):
        best: Following | None = None
        for earlier in projects[:number]:
            if earlier.start and later.start and earlier.start.first < later.start.first:
                common = tuple(sorted(set(earlier.facets["partner"]) & set(later.facets["partner"])))
                if common and (best is None or len(common) >= len(best.common)):
                    best = Following(earlier.iri, later.iri, common)
        if best:
            yield best


def span_of(text: str) -> Span | None:
    """A day, month or year with its first and last day; None for what is none of them."""
    parts = text.removesuffix("Z").split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 1:
            return Span(text, date(numbers[0], 1, 1), date(numbers[0], 12, 31))
        if len(numbers) == 2:
            last = calendar.monthrange(numbers[0], numbers[1])[1]
            return Span(text, date(numbers[0], numbers[1], 1), date(numbers[0], numbers[1], last))
        found = date(numbers[0], numbers[1], numbers[2])
    except (ValueError, IndexError, calendar.IllegalMonthError):
        return None
    return Span(text, found, found)


def _told(rows: Rows) -> Iterable[tuple[str, Mapping[str, Sequence[Term]]]]:
    told: dict[str, dict[str, list[Term]]] = {}
    for row in rows:
        told.setdefault(row["thing"].value, {}).setdefault(row["what"].value, []).append(row["value"])
    return ((iri, told[iri]) for iri in sorted(told))


def _names(said: Mapping[str, Sequence[Term]]) -> dict[str, str]:
    names = {getattr(value, "language", None) or "": value.value for value in said.get("name", ())}
    return dict(sorted(names.items()))


def _first(said: Mapping[str, Sequence[Term]], what: str) -> str:
    return min((value.value for value in said.get(what, ())), default="")


def _mark(iri: str, said: Mapping[str, Sequence[Term]]) -> Mark:
    kind = "event" if "event" in said else "output"
    projects = tuple(sorted({value.value for value in said.get(kind, ())}))
    return Mark(iri, kind, _names(said), span_of(_first(said, "date")), projects)


def _project(iri: str, said: Mapping[str, Sequence[Term]], marks: Sequence[Mark]) -> Project:
    facets = {
        facet: tuple(sorted({value.value for value in said.get("funder" if facet == "family" else facet, ())}))
        for facet in FACETS
    }
    start = _bounded(said, "start", "earliestStart", "latestStart")
    end = _bounded(said, "end", "earliestEnd", "latestEnd")
    ordered = tuple(sorted(marks, key=lambda m: (m.when.first if m.when else date.max, m.iri)))
    return Project(iri, _names(said), _first(said, "acronym"), start, end, facets, ordered)


def _bounded(said: Mapping[str, Sequence[Term]], what: str, earliest: str, latest: str) -> Span | None:
    """A date with the bounds that the graph derived for it, else with those of the date itself."""
    text = _first(said, what)
    first, last = span_of(_first(said, earliest)), span_of(_first(said, latest))
    own = span_of(text)
    if first and last and first.first <= last.last:
        return Span(text or first.text, first.first, last.last)
    return own
