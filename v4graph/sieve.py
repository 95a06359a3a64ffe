"""The sieve before SHACL: records that surely keep a shape, so that pySHACL is asked of all others only.

What it clears must conform by the letter of SHACL Core (https://www.w3.org/TR/shacl/#core-components); it never finds a
fault. Whatever it does not understand, a constraint, an unusual spelling of a number or a language tag of parts, it
leaves in doubt. It reads lines, not terms, and costs a fiftieth of what pySHACL does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

import pyoxigraph as ox

from v4graph import rdf

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_TYPE = f"<{_RDF}type>"
_SUBCLASS = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
_SH = "http://www.w3.org/ns/shacl#"
_OF_NO_WEIGHT = frozenset({f"{_RDF}type", f"{_SH}severity", f"{_SH}path"})
_AT_CLASS, _AT_SUBJECTS, _AT_OBJECTS = (f"{_SH}target{of}" for of in ("Class", "SubjectsOf", "ObjectsOf"))
BATCH = 2000
"""Records in doubt that are asked about together: what SHACL needs for them is the memory it takes."""
_SPELLINGS = {
    f"{_XSD}integer": re.compile(r"-?[0-9]{1,18}"),
    f"{_XSD}decimal": re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?"),
    f"{_XSD}boolean": re.compile("true|false"),
    f"{_XSD}date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    f"{_XSD}gYearMonth": re.compile(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])"),
    f"{_XSD}gYear": re.compile(r"[1-9][0-9]{3}"),
}
"""Spellings that are right beyond doubt; a day must be one of the calendar, too."""
_NUMBERS = (f"{_XSD}integer", f"{_XSD}decimal")
_ESCAPE = re.compile(r'\\(?:([tbnrf"\'\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))')
_ESCAPED = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


class Value(NamedTuple):
    """A value node: an IRI with its kinds, or a literal. ``datatype`` is None of an IRI, ``kinds`` are in brackets."""

    text: str
    datatype: str | None
    language: str
    kinds: frozenset[str]


Holds = Callable[[Value], bool]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a shape asks; ``path`` is None of a node shape, which is about the record itself."""

    path: str | None
    most: int | None
    least: bool
    one_a_language: bool
    each: tuple[Holds, ...]
    some: tuple[Holds, ...]

    def holds(self, values: Collection[Value]) -> bool:
        """Whether values surely keep the shape."""
        if (self.most is not None and len(values) > self.most) or (self.least and not values):
            return False
        if self.one_a_language:
            tags = [value.language.lower() for value in values if value.language]
            if len(set(tags)) < len(tags):
                return False
        for ask in self.each:
            for value in values:
                if not ask(value):
                    return False
        return all(any(ask(value) for value in values) for ask in self.some)


@dataclass(frozen=True, slots=True)
class Doubtful:
    """What is left to ask: shapes, each with the records it may find something of, and what bears on that.

    These are the values of the shape's property with their kinds, and all lines when a shape may look anywhere.
    """

    shapes: Mapping[str, list[str]]
    lines: list[str]


class Sieve:
    """The shapes as far as they are understood, and at what each aims."""

    def __init__(self, triples: Iterable[ox.Triple]) -> None:
        """Read shapes."""
        said: dict[Any, dict[str, list[Any]]] = {}
        for triple in triples:
            said.setdefault(triple.subject, {}).setdefault(triple.predicate.value, []).append(triple.object)
        self._said = said
        self._aims: dict[str, dict[str, list[str]]] = {target: {} for target in (_AT_CLASS, _AT_SUBJECTS, _AT_OBJECTS)}
        self._asked: dict[str, _Asked | None] = {}
        for node, about in said.items():
            for target, aims in self._aims.items():
                for aim in about.get(target, ()):
                    aims.setdefault(str(aim), []).append(node.value)
                    self._asked[node.value] = self._read(node)

    @property
    def not_understood(self) -> list[str]:
        """The shapes that have targets and are always left in doubt."""
        return sorted(shape for shape, asked in self._asked.items() if asked is None)

    def doubtful(self, lines: Iterable[str], own: Iterable[str]) -> Iterator[Doubtful]:
        """What is to be asked of the subjects of ``own`` lines, which are among the lines; so many records at a time.

        A record is held as long as it is looked at, so the memory is that of the lines and their kinds.
        """
        told = sorted(lines)
        subjects = {line.split(" ", 1)[0] for line in own}
        kinds = _Kinds(told)
        plans: dict[object, list[tuple[str, _Asked | None]]] = {}
        shapes: dict[str, list[str]] = {}
        kept: list[str] = []
        itselves: set[str] = set()
        records, anywhere = 0, False
        for subject, about in groupby(told, lambda line: line.split(" ", 1)[0]):
            if subject not in subjects or not subject.startswith("<"):
                continue
            block = list(dict.fromkeys(about))
            values: dict[str, list[Value]] = {}
            for line in block:
                _, predicate, value = rdf.split_line(line)
                values.setdefault(predicate, []).append(_value(value, kinds))
            key = (kinds.named(subject), frozenset(values))
            if (plan := plans.get(key)) is None:
                plan = plans[key] = list(self._plan(kinds.of(subject), values))
            itself = (Value(subject[1:-1], None, "", kinds.of(subject)),)
            paths: set[str | None] = set()
            for shape, asked in plan:
                if asked is None or not asked.holds(itself if asked.path is None else values.get(asked.path, ())):
                    shapes.setdefault(shape, []).append(subject[1:-1])
                    anywhere = anywhere or asked is None
                    paths.add(asked.path if asked is not None else None)
            if paths:
                kept += [line for line in block if line.split(" ", 2)[1] in paths]
                if None in paths:
                    itselves.add(subject)
                records += 1
            if records == BATCH:
                yield Doubtful(shapes, told if anywhere else kinds.beside(kept, itselves))
                shapes, kept, itselves, records, anywhere = {}, [], set(), 0, False
        if shapes:
            yield Doubtful(shapes, told if anywhere else kinds.beside(kept, itselves))
        if self._aims[_AT_OBJECTS]:
            yield Doubtful(self._at_objects(told, subjects), told)

    def _at_objects(self, lines: Iterable[str], subjects: Collection[str]) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = {}
        for line in lines:
            _, predicate, value = rdf.split_line(line)
            if value in subjects:
                for shape in self._aims[_AT_OBJECTS].get(predicate, ()):
                    found.setdefault(shape, {})[value[1:-1]] = None
        return {shape: list(records) for shape, records in found.items()}

    def _plan(self, kinds: Collection[str], spoken: Collection[str]) -> Iterator[tuple[str, _Asked | None]]:
        """The shapes that aim at a record of these kinds with values of these properties, and may find something."""
        at_class, at_subjects = self._aims[_AT_CLASS], self._aims[_AT_SUBJECTS]
        aimed = [shape for kind in kinds for shape in at_class.get(kind, ())]
        aimed += [shape for predicate in spoken for shape in at_subjects.get(predicate, ())]
        for shape in dict.fromkeys(aimed):
            asked = self._asked[shape]
            if asked is None or asked.path is None or asked.path in spoken or asked.least or asked.some:
                yield shape, asked

    def _read(self, node: Any) -> _Asked | None:
        """What a shape asks; None when that is more than is understood here."""
        about = self._said[node]
        most: int | None = None
        least = one_a_language = False
        each: list[Holds] = []
        some: list[Holds] = []
        path = about.get(f"{_SH}path", [None])[0]
        if path is not None and not isinstance(path, ox.NamedNode):
            return None
        for parameter, given in about.items():
            name = parameter.removeprefix(_SH)
            if parameter in _OF_NO_WEIGHT or parameter in self._aims:
                continue
            if name == "maxCount" and path is not None:
                most = min(int(value.value) for value in given)
            elif name == "minCount" and path is not None and {value.value for value in given} == {"1"}:
                least = True  # of more than one, spellings that SHACL does not tell apart would have to be counted
            elif name == "uniqueLang" and [value.value for value in given] == ["true"]:
                one_a_language = True
            elif name == "qualifiedMinCount" and [value.value for value in given] == ["1"]:
                some += [self._nested(shape) for shape in about.get(f"{_SH}qualifiedValueShape", ())]
            elif name == "or":
                each += [self._any_of([*self._items(head)]) for head in given]
            elif name in _ASK:
                each += [_ASK[name]([*self._items(value)] if name == "languageIn" else value) for value in given]
            elif name != "qualifiedValueShape" or f"{_SH}qualifiedMinCount" not in about:
                return None
        if any(ask is _never for ask in (*each, *some)) or (some and path is None):
            return None
        told = f"<{path.value}>" if path is not None else None
        return _Asked(told, most, least, one_a_language, (*each,), (*some,))

    def _nested(self, shape: Any) -> Holds:
        """Whether a value keeps a shape that is asked of values."""
        asked = self._read(shape) if shape in self._said else None
        if asked is None or asked.path is not None or asked.some or asked.one_a_language:
            return _never
        return lambda value: all(ask(value) for ask in asked.each)

    def _any_of(self, shapes: Iterable[Any]) -> Holds:
        nested = [self._nested(shape) for shape in shapes]
        if any(ask is _never for ask in nested):
            return _never
        return lambda value: any(ask(value) for ask in nested)

    def _items(self, head: Any) -> Iterator[Any]:
        """The members of a list."""
        while head in self._said and f"{_RDF}first" in self._said[head]:
            yield self._said[head][f"{_RDF}first"][0]
            head = self._said[head][f"{_RDF}rest"][0]


class _Kinds:
    """What the lines say of kinds: of each thing, and of kinds below each other."""

    def __init__(self, lines: Collection[str]) -> None:
        self._named: dict[str, frozenset[str]] = {}
        self._typing: dict[str, list[str]] = {}
        self._parents: dict[str, set[str]] = {}
        self._upward: dict[str, list[str]] = {}
        self._closures: dict[frozenset[str], frozenset[str]] = {}
        sets: dict[frozenset[str], frozenset[str]] = {}
        for line in lines:
            if _TYPE in line or _SUBCLASS in line:
                subject, predicate, value = rdf.split_line(line)
                if predicate == _TYPE:
                    named = self._named.get(subject, frozenset()) | {value}
                    self._named[subject] = sets.setdefault(named, named)
                    self._typing.setdefault(subject, []).append(line)
                elif predicate == _SUBCLASS:
                    self._parents.setdefault(subject, set()).add(value)
                    self._upward.setdefault(subject, []).append(line)

    def named(self, thing: str) -> frozenset[str]:
        """The kinds that are said of a thing."""
        return self._named.get(thing, frozenset())

    def of(self, thing: str) -> frozenset[str]:
        """The same with all kinds above them."""
        named = self.named(thing)
        if named not in self._closures:
            found: set[str] = set()
            waiting = set(named)
            while waiting:
                found |= waiting
                waiting = {parent for kind in waiting for parent in self._parents.get(kind, ())} - found
            self._closures[named] = frozenset(found)
        return self._closures[named]

    def beside(self, lines: list[str], things: Collection[str]) -> list[str]:
        """The lines, with those that tell the kinds of their values and of things."""
        mentioned = {*things, *(rdf.split_line(line)[2] for line in lines)}
        typing = [line for thing in mentioned for line in self._typing.get(thing, ())]
        above = {kind for thing in mentioned for kind in self.of(thing)}
        return [*dict.fromkeys([*lines, *typing, *(line for kind in above for line in self._upward.get(kind, ()))])]


def _value(text: str, kinds: _Kinds) -> Value:
    """A value as N-Triples writes it."""
    if text.startswith("<"):
        return Value(text[1:-1], None, "", kinds.of(text))
    inner, _, rest = text[1:].rpartition('"')
    if "\\" in inner:
        inner = _ESCAPE.sub(_unescaped, inner)
    if rest.startswith("^^"):
        return Value(inner, rest[3:-1], "", frozenset())
    if rest.startswith("@"):
        return Value(inner, f"{_RDF}langString", rest[1:], frozenset())
    return Value(inner, f"{_XSD}string" if text.startswith('"') else "", "", frozenset())


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPED[found[1]] if found[1] else chr(int(found[2] or found[3], 16))


def _never(value: Value) -> bool:
    """What stands for a question that is not understood."""
    return False


def _pattern(given: Any) -> Holds:
    pattern = re.compile(given.value)
    return lambda value: value.datatype != "" and pattern.search(value.text) is not None


def _max_length(given: Any) -> Holds:
    most = int(given.value)
    return lambda value: value.datatype != "" and len(value.text) <= most


def _datatype(given: Any) -> Holds:
    wanted = given.value
    if wanted in (f"{_XSD}string", f"{_RDF}langString"):
        return lambda value: value.datatype == wanted
    if wanted not in _SPELLINGS:
        return _never
    return lambda value: value.datatype == wanted and _well_spelled(value)


def _well_spelled(value: Value) -> bool:
    if value.datatype is None or not _SPELLINGS[value.datatype].fullmatch(value.text):
        return False
    if value.datatype == f"{_XSD}date":
        try:
            date.fromisoformat(value.text)
        except ValueError:
            return False
    return True


def _node_kind(given: Any) -> Holds:
    kind = given.value.removeprefix(_SH)
    if kind == "IRI":
        return lambda value: value.datatype is None
    return (lambda value: bool(value.datatype)) if kind == "Literal" else _never


def _class(given: Any) -> Holds:
    wanted = str(given)
    return lambda value: value.datatype is None and wanted in value.kinds


def _bound(given: Any, fits: Callable[[Decimal, Decimal], bool]) -> Holds:
    if given.datatype.value not in _NUMBERS:
        return _never
    bound = Decimal(given.value)
    return lambda value: value.datatype in _NUMBERS and _well_spelled(value) and fits(Decimal(value.text), bound)


def _language_in(given: Any) -> Holds:
    tags = {item.value.lower() for item in given}
    return lambda value: value.language.lower() in tags


_ASK: dict[str, Callable[[Any], Holds]] = {
    "pattern": _pattern,
    "maxLength": _max_length,
    "datatype": _datatype,
    "nodeKind": _node_kind,
    "class": _class,
    "minInclusive": lambda given: _bound(given, lambda value, bound: value >= bound),
    "maxInclusive": lambda given: _bound(given, lambda value, bound: value <= bound),
    "languageIn": _language_in,
}
"""How a value is asked, by the parameter of the constraint component."""
