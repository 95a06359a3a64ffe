"""The classes of the vocabulary and the properties between them as a drawing, made from the graph (SVG 2).

Two kinds of things are the bars that everything else hangs on; the file ``ontology/diagram.tsv`` says where a class
stands, the vocabulary says all the rest. A class below another stands in the box of that other. Concepts and places
are no boxes: nearly everything has some, so each box names those it has.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import pyoxigraph as ox

from v4graph import assets
from v4graph.namespaces import prefixes
from v4graph.statements import OWL, RDFS, SKOS, TYPE, Document
from v4graph.web.telling import Links, Teller

_SCHEMA = "https://schema.org/"
_WIDTHS, _GAPS = (196, 172, 194, 160, 196), (120, 148, 130, 106)
"""Of the columns, and of the spaces between them, where the names of properties stand."""
_TOP, _SPACE, _LINE, _PAD = 56, 30, 16, 12
_LETTER, _NAME, _SMALL = 6.7, 8.7, 7.3
"""About so wide is a letter of a value, of a name, and of a name with a word too long for its box."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a class stands."""

    iri: str
    column: int
    bar: bool


@dataclass(slots=True)
class Box:
    """A class with the classes below it."""

    name: str
    href: str
    x: int
    y: int = 0
    width: int = 0
    height: int = 0
    bar: bool = False
    small: bool = False
    below: list[tuple[str, str]] = field(default_factory=list)
    values: list[tuple[str, str]] = field(default_factory=list)
    itself: list[str] = field(default_factory=list)
    lines: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    """What is written in it: class of style, y, text, address; for a name the width it is pressed into, else all."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Properties from one class to another."""

    path: str
    derived: bool
    labels: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """The same in words."""

    subject: str
    properties: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True)
class Diagram:
    """All that the template draws and says."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    relations: tuple[Relation, ...]


@lru_cache(maxsize=4)
def _places(links: Links) -> tuple[Place, ...]:
    spaces = prefixes(links.iris)
    rows = (assets.ONTOLOGY / "diagram.tsv").read_text("utf-8").splitlines()
    found = []
    for row in rows:
        if not row.startswith(("#", "class\t")):
            name, column, kind = row.split("\t")
            prefix, _, local = name.partition(":")
            found.append(Place(spaces[prefix] + local, int(column), kind == "bar"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The classes and the properties between them."""

    roots: Mapping[str, str]
    """The class each class is drawn in; concepts and places are their own."""
    labels: frozenset[str]
    relations: Mapping[tuple[str, str], list[tuple[str, bool]]]
    """Properties from class to class, by name, and whether a rule makes them."""


def _read(document: Document, links: Links) -> _Vocabulary:
    def of(iri: str, *names: str) -> set[str]:
        statements = document.relations.get(iri, ())
        return {s.object.value for s in statements if s.property in names and isinstance(s.object, ox.NamedNode)}

    own = f"{document.iri}#"
    organisation = prefixes(links.iris)["org"] + "Organization"
    terms = sorted(iri for iri in document.relations if iri.startswith(own))
    classes = {iri for iri in terms if f"{OWL}Class" in of(iri, TYPE)} | {organisation}
    above = {iri: of(iri, f"{RDFS}subClassOf") for iri in classes}
    values = {iri for iri in classes if f"{SKOS}Concept" in above[iri]} | {f"{own}Place"} & classes
    roots = {iri: iri for iri in classes}
    for iri in sorted(classes):
        while higher := sorted(above[roots[iri]] & classes):
            roots[iri] = higher[0]
    relations: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for term in terms:
        if not any(kind.endswith("ObjectProperty") for kind in of(term, TYPE)):
            continue
        derived = document.value_of(term, f"{own}isDerived") == "true"
        for subject in sorted(of(term, f"{_SCHEMA}domainIncludes", f"{RDFS}domain") & classes):
            for value in sorted(of(term, f"{_SCHEMA}rangeIncludes") & classes):
                found = relations.setdefault((roots[subject], roots[value]), [])
                if (term.removeprefix(own), derived) not in found:
                    found.append((term.removeprefix(own), derived))
    return _Vocabulary(roots, frozenset(values), relations)


def drawn(teller: Teller) -> Diagram:
    """The drawing of the vocabulary a document describes."""
    document, links = teller.document, teller.links
    known = _read(document, links)
    known_places = {place.iri: place for place in _places(links)}
    roots = {iri for iri, root in known.roots.items() if iri == root and iri not in known.labels}
    placed = [place for iri, place in known_places.items() if iri in roots]
    placed += [Place(iri, len(_WIDTHS) - 1, False) for iri in sorted(roots - known_places.keys())]

    def name(iri: str) -> str:
        return str(teller.name(iri))

    def href(iri: str) -> str:
        return f"#{iri.rpartition('#')[2]}" if iri.startswith(f"{document.iri}#") else "#ClusterOrganisation"

    boxes: dict[str, Box] = {}
    for place in placed:
        x = sum(_WIDTHS[: place.column]) + sum(_GAPS[: place.column])
        box = Box(name(place.iri), href(place.iri), x, width=_WIDTHS[place.column], bar=place.bar)
        below = sorted(iri for iri, root in known.roots.items() if root == place.iri != iri)
        box.below = [(name(iri), href(iri)) for iri in below]
        box.values = [(name(v), href(v)) for (s, v) in sorted(known.relations) if s == place.iri and v in known.labels]
        box.itself = [p for p, _ in known.relations.get((place.iri, place.iri), ())]
        boxes[place.iri] = box
    columns = [[boxes[p.iri] for p in placed if p.column == n] for n in range(len(_WIDTHS))]
    height = _stand(columns)
    edges = _edges(known, boxes, columns)
    told = ((name(s), tuple(sorted(p for p, _ in found)), name(v)) for (s, v), found in known.relations.items())
    relations = tuple(Relation(*words) for words in sorted(told))
    width = sum(_WIDTHS) + sum(_GAPS)
    return Diagram(width, height, tuple(boxes.values()), tuple(edges), relations)


def _stand(columns: list[list[Box]]) -> int:
    """Write into the boxes and put them below each other, evenly; the height of all."""
    for column in columns:
        for box in column:
            _write(box)
    inner = max(sum(box.height + _SPACE for box in column) - _SPACE for column in columns if column)
    for column in columns:
        space = (inner - sum(box.height for box in column)) / max(len(column) - 1, 1)
        y = float(_TOP)
        for box in column:
            if box.bar:
                box.y, box.height = 0, inner + _TOP
            else:
                box.y = round(y)
            y += box.height + space
    return inner + _TOP


def _write(box: Box) -> None:
    inner = box.width - 2 * _PAD
    room = int(inner / _LETTER)
    longest = max(map(len, box.name.split()), default=0)
    box.small = longest * _NAME > inner
    y = _PAD - 4
    letter = _SMALL if box.small else _NAME
    for part in textwrap.wrap(box.name, max(int(inner / letter), 8), break_long_words=False):
        y += _LINE + 1
        box.lines.append(("name", y, part, box.href, str(inner) if len(part) * letter > inner else ""))
    for style, words in (("below", box.below), ("value", box.values), ("itself", [(w, f"#{w}") for w in box.itself])):
        for text, href in words:
            y += _LINE
            shown = f"↻ {text}" if style == "itself" else text
            box.lines.append((style, y, _cut(shown, room), href, text))
    box.height = y + _PAD


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


def _edges(known: _Vocabulary, boxes: Mapping[str, Box], columns: list[list[Box]]) -> list[Edge]:
    """Lines between boxes that stand beside or below each other; what stands farther apart is only said in words."""
    made: list[Edge] = []
    for (subject, value), properties in sorted(known.relations.items()):
        if subject == value or value in known.labels or subject in known.labels:
            continue
        a, b = boxes[subject], boxes[value]
        labels = [p for p, _ in sorted(properties)]
        derived = all(d for _, d in properties)
        edge: Edge | None = None
        if a.bar and b.bar:
            edge = _level(a, b, 24, labels, derived)
        elif a.bar or b.bar:
            bar, box = (a, b) if a.bar else (b, a)
            between = abs(_column(bar, columns) - _column(box, columns))
            if between == 1:
                edge = _level(a, b, box.y + box.height // 2, labels, derived)
        else:
            edge = _upright(a, b, columns, labels, derived)
        if edge is not None:
            made.append(edge)
    return made


def _column(box: Box, columns: list[list[Box]]) -> int:
    return next(n for n, column in enumerate(columns) if any(box is other for other in column))


def _level(a: Box, b: Box, y: int, labels: list[str], derived: bool) -> Edge:
    start, end = (a.x + a.width, b.x) if a.x < b.x else (a.x, b.x + b.width)
    middle = (start + end) // 2
    if abs(end - start) > max(_GAPS):  # from bar to bar: one line of words
        return Edge(f"M{start} {y}H{end}", derived, ((middle, y - 7, " · ".join(labels)),))
    words = tuple((middle, y - 7 if n == 0 else y + 3 + 14 * n, label) for n, label in enumerate(labels))
    return Edge(f"M{start} {y}H{end}", derived, words)


def _upright(a: Box, b: Box, columns: list[list[Box]], labels: list[str], derived: bool) -> Edge | None:
    column = columns[_column(a, columns)]
    if not any(b is other for other in column) or abs(_index(a, column) - _index(b, column)) != 1:
        return None
    x = a.x + a.width // 2
    start, end = (a.y + a.height, b.y) if a.y < b.y else (a.y, b.y + b.height)
    middle = (start + end) // 2 + 4
    return Edge(f"M{x} {start}V{end}", derived, tuple((x + 7, middle + 14 * n, w) for n, w in enumerate(labels)))


def _index(box: Box, column: list[Box]) -> int:
    return next(n for n, other in enumerate(column) if other is box)
