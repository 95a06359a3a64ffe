"""Organisations and what links them: projects they took part in together, and cooperation that is said of them.

The weight of a link is the number of projects that two organisations share. Of more than ``MOST`` organisations the
strongest are shown, those with the greatest sum of weights. The layout gives the same places for the same network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import cos, hypot, sin, sqrt

from v4graph.statements import Term

FACETS = ("country", "sector", "project")
KINDS = ("project", "cooperation")
"""Why two organisations are linked."""
MOST = 500
_STEPS = 140
_NEAR = 60.0
"""The distance that two points like to keep."""
_ROOM = 29.0
"""The least distance between two organisations."""
_ROUNDS = 30
_GOLDEN = 2.39996

Rows = Iterable[Mapping[str, Term]]


@dataclass(frozen=True, slots=True)
class Organisation:
    """A point of the network."""

    iri: str
    names: Mapping[str, str]
    acronym: str
    facets: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Link:
    """Two organisations, by their numbers, with the projects they share."""

    one: int
    other: int
    projects: tuple[str, ...]
    together: bool
    """They took part in something together."""
    cooperates: bool
    """A source says that they cooperate."""

    @property
    def weight(self) -> int:
        """How many projects they share, at least 1."""
        return max(1, len(self.projects))


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see."""

    facets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kind: str = ""
    least: int = 1
    """Projects that two must share at least."""
    near: str = ""
    """The organisation around which to look."""
    depth: int = 1


@dataclass(frozen=True, slots=True)
class View:
    """What is seen: the numbers of the organisations (the strongest first), their links, and how many fit in all."""

    members: tuple[int, ...]
    links: tuple[Link, ...]
    total: int
    degrees: Mapping[int, int]
    strengths: Mapping[int, int]


class Network:
    """All organisations of a snapshot that could be linked, and their links."""

    __slots__ = ("_values", "links", "numbers", "organisations", "strongest")

    def __init__(self, rows: Rows) -> None:
        """Read the rows of ``network-things``."""
        told: dict[str, dict[str, list[Term]]] = {}
        for row in rows:
            told.setdefault(row["thing"].value, {}).setdefault(row["what"].value, []).append(row["value"])
        self.organisations = tuple(_organisation(iri, told[iri]) for iri in sorted(told))
        self.numbers = {organisation.iri: number for number, organisation in enumerate(self.organisations)}
        self.links = tuple(self._links(told))
        self._values: dict[str, Counter[str]] = {}
        self.strongest = self.look(Asked()).members
        """Whom one sees who asks for nothing."""

    def _links(self, told: Mapping[str, Mapping[str, Sequence[Term]]]) -> Iterable[Link]:
        members: dict[str, list[int]] = {}
        for number, organisation in enumerate(self.organisations):
            for project in organisation.facets["project"]:
                members.setdefault(project, []).append(number)
        shared: dict[tuple[int, int], list[str]] = {}
        for project in sorted(members):
            for pair in combinations(members[project], 2):
                shared.setdefault(pair, []).append(project)
        pairs: dict[str, set[tuple[int, int]]] = {"cooperates": set(), "together": set(shared)}
        for what, found in pairs.items():
            for iri, said in told.items():
                for value in said.get(what, ()):
                    other = self.numbers.get(value.value)
                    if other is not None and other != self.numbers[iri]:
                        found.add((min(self.numbers[iri], other), max(self.numbers[iri], other)))
        for pair in sorted(pairs["cooperates"] | pairs["together"]):
            yield Link(*pair, tuple(shared.get(pair, ())), pair in pairs["together"], pair in pairs["cooperates"])

    def values(self, facet: str) -> Mapping[str, int]:
        """The values of a facet with the number of organisations that have them."""
        if facet not in self._values:
            self._values[facet] = Counter(value for o in self.organisations for value in o.facets[facet])
        return self._values[facet]

    def look(self, asked: Asked, most: int = MOST) -> View:
        """The organisations that fit and are linked, and their links."""
        centre = self.numbers.get(asked.near)
        wanted = {number for number, o in enumerate(self.organisations) if _has(o, asked.facets)}
        if centre is not None:
            wanted.add(centre)
        links = [x for x in self.links if x.one in wanted and x.other in wanted and _fits(x, asked)]
        if centre is not None:
            around = {centre}
            for _ in range(asked.depth):
                around |= {end for x in links if x.one in around or x.other in around for end in (x.one, x.other)}
            links = [x for x in links if x.one in around and x.other in around]
        elif asked.near:
            links = []
        strengths = _sums(links, weighted=True)
        if centre is not None:
            strengths.setdefault(centre, 0)
        order = sorted(strengths, key=lambda n: (n != centre, -strengths[n], self.organisations[n].iri))
        kept = order[:most]
        if len(kept) < len(order):
            seen = set(kept)
            links = [x for x in links if x.one in seen and x.other in seen]
            strengths = _sums(links, weighted=True)
        return View(tuple(kept), tuple(links), len(order), _sums(links, weighted=False), strengths)


def _organisation(iri: str, said: Mapping[str, Sequence[Term]]) -> Organisation:
    names = {getattr(value, "language", None) or "": value.value for value in said.get("name", ())}
    acronyms = sorted((value.value for value in said.get("acronym", ())), key=lambda x: (len(x), x))
    facets = {facet: tuple(sorted({value.value for value in said.get(facet, ())})) for facet in FACETS}
    return Organisation(iri, dict(sorted(names.items())), acronyms[0] if acronyms else "", facets)


def _has(organisation: Organisation, facets: Mapping[str, tuple[str, ...]]) -> bool:
    return all(not values or set(values) & set(organisation.facets[facet]) for facet, values in facets.items())


def _fits(link: Link, asked: Asked) -> bool:
    if asked.least > 1 and len(link.projects) < asked.least:
        return False
    return link.cooperates if asked.kind == "cooperation" else link.together or asked.kind != "project"


def _sums(links: Iterable[Link], *, weighted: bool) -> dict[int, int]:
    found: dict[int, int] = {}
    for link in links:
        for end in (link.one, link.other):
            found[end] = found.get(end, 0) + (link.weight if weighted else 1)
    return found


# --- layout ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """Where organisations are, and the middles of the projects that hold them together."""

    places: Mapping[int, tuple[float, float]]
    hubs: Mapping[str, tuple[float, float]]


def laid_out(view: View) -> Layout:
    """A place for everybody: partners of a project gather around it, and everybody keeps a distance."""
    gathered: dict[str, set[int]] = {}
    for link in view.links:
        for project in link.projects:
            gathered.setdefault(project, set()).update((link.one, link.other))
    hubs = sorted(gathered, key=lambda p: (-len(gathered[p]), p))
    number = {member: at for at, member in enumerate(sorted(view.members))}
    springs: list[tuple[int, int, float]] = []
    for at, hub in enumerate(hubs):
        rest = 26 + 13 * sqrt(len(gathered[hub]))
        springs += [(number[member], len(number) + at, rest) for member in sorted(gathered[hub])]
    springs += [(number[x.one], number[x.other], _NEAR) for x in view.links if not x.projects]
    at_start = _start(number, hubs, gathered)
    places = _settled(at_start, springs, len(number))
    return Layout(
        {member: places[at] for member, at in number.items()},
        {hub: places[len(number) + at] for at, hub in enumerate(hubs)},
    )


def _start(
    number: Mapping[int, int], hubs: Sequence[str], gathered: Mapping[str, set[int]]
) -> list[tuple[float, float]]:
    """Projects on a spiral, everybody near the middle of their own."""
    spread = 1.6 * _NEAR
    middles = [
        (spread * sqrt(at + 0.5) * 1.5 * cos(_GOLDEN * at), spread * sqrt(at + 0.5) * sin(_GOLDEN * at))
        for at in range(len(hubs))
    ]
    own: dict[int, list[int]] = {}
    for at, hub in enumerate(hubs):
        for member in gathered[hub]:
            own.setdefault(member, []).append(at)
    made = []
    for member, at in number.items():
        homes = own.get(member, [])
        x = sum(middles[h][0] for h in homes) / len(homes) if homes else spread * sqrt(at + 1) * cos(at)
        y = sum(middles[h][1] for h in homes) / len(homes) if homes else spread * sqrt(at + 1) * sin(at)
        made.append((x + 0.7 * _NEAR * cos(_GOLDEN * at), y + 0.7 * _NEAR * sin(_GOLDEN * at)))
    return made + middles


def _settled(
    start: Sequence[tuple[float, float]], springs: Sequence[tuple[int, int, float]], organisations: int
) -> list[tuple[float, float]]:
    """Let springs pull and neighbours push, less and less; who is far away does not push (Fruchterman, Reingold)."""
    xs, ys = [x for x, _ in start], [y for _, y in start]
    reach = 3 * _NEAR
    heavy = [1.0] * organisations + [2.2] * (len(start) - organisations)
    for step in range(_STEPS):
        heat = 24 * (1 - step / _STEPS) + 0.5
        dx, dy = [-0.015 * x for x in xs], [-0.027 * y for y in ys]
        cells: dict[tuple[int, int], list[int]] = {}
        for at, (x, y) in enumerate(zip(xs, ys, strict=True)):
            cells.setdefault((int(x // reach), int(y // reach)), []).append(at)
        for (column, row), here in cells.items():
            near = [o for c in (-1, 0, 1) for r in (-1, 0, 1) for o in cells.get((column + c, row + r), ())]
            for at in here:
                for other in near:
                    if other <= at:
                        continue
                    x, y = xs[at] - xs[other], ys[at] - ys[other]
                    square = x * x + y * y + 0.01
                    if square < reach * reach:
                        push = 0.5 * _NEAR * _NEAR * heavy[at] * heavy[other] / square
                        dx[at] += x * push / _NEAR
                        dy[at] += y * push / _NEAR
                        dx[other] -= x * push / _NEAR
                        dy[other] -= y * push / _NEAR
        for one, other, rest in springs:
            x, y = xs[other] - xs[one], ys[other] - ys[one]
            far = hypot(x, y) or 0.01
            pull = 0.11 * (far - rest) / far
            dx[one] += x * pull
            dy[one] += y * pull
            dx[other] -= x * pull
            dy[other] -= y * pull
        for at in range(len(xs)):
            length = hypot(dx[at], dy[at]) or 0.01
            way = min(length, heat) / length
            xs[at] += dx[at] * way
            ys[at] += dy[at] * way
    _apart(xs, ys, organisations)
    return [(round(x, 1), round(y, 1)) for x, y in zip(xs, ys, strict=True)]


def _apart(xs: list[float], ys: list[float], organisations: int) -> None:
    """Move organisations that would cover each other apart."""
    for _ in range(_ROUNDS):
        cells: dict[tuple[int, int], list[int]] = {}
        for at in range(organisations):
            cells.setdefault((int(xs[at] // _ROOM), int(ys[at] // _ROOM)), []).append(at)
        for (column, row), here in cells.items():
            near = [o for c in (-1, 0, 1) for r in (-1, 0, 1) for o in cells.get((column + c, row + r), ())]
            for at in here:
                for other in near:
                    x, y = xs[other] - xs[at], ys[other] - ys[at]
                    far = hypot(x, y) or 0.01
                    if other > at and far < _ROOM:
                        move = 0.25 * (_ROOM - far) / far
                        xs[at], ys[at] = xs[at] - x * move, ys[at] - y * move
                        xs[other], ys[other] = xs[other] + x * move, ys[other] + y * move
