"""Selections: the members of a collection that fit filters, counted exactly, in an order, a page at a time.

Filters and counts are bit sets, one bit per member; orders are made once per edition. A page is a slice of a list that
is kept, so the hundredth page costs what the first one does.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from v4graph.collections import NUTS, Collection, Content, Fact, Member
from v4graph.errors import UnknownParameter
from v4graph.folding import words_of

_KEPT = 64
"""Selections that are kept of an edition."""
_SHARE = 256
"""A value that fewer than one in so many members has is kept as a list of numbers, not as a bit set."""

Order = Callable[[Sequence[str], Sequence[str]], list[int]]
"""Puts names into the alphabetical order of a language: their numbers; of equal names, what is given second decides."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see of a collection."""

    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Per fact the values, of which a member has one."""
    years: tuple[int | None, int | None] = (None, None)
    text: str = ""
    sort: str = "name"
    """A sort of the collection, with a hyphen before it for the other way round."""

    def digest(self, *more: object) -> str:
        """A short hash that tells selections apart."""
        parts = (sorted((n, sorted(v)) for n, v in self.filters.items() if v), self.years, self.text, self.sort, *more)
        return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Selection:
    """The members that fit, by their numbers in order."""

    numbers: Sequence[int]
    bits: int

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a selection of an edition; as text it is opaque to clients, and tells when it was tampered with."""

    edition: str
    selection: str
    offset: int

    def __str__(self) -> str:
        said = f"{self.edition}.{self.selection}.{self.offset}"
        return base64.urlsafe_b64encode(f"{said}.{_check(said)}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor of a text.

        Raises:
            UnknownParameter: nobody here has given out this text.
        """
        try:
            said, check = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().rsplit(".", 1)
            edition, selection, offset = said.split(".")
            if check != _check(said):
                raise ValueError(text)
            return cls(edition, selection, int(offset))
        except ValueError:
            sentence = "cursor is not one of this server. Leave it out to start anew, and follow the links from there."
            raise UnknownParameter(sentence, parameter="cursor") from None


def _check(said: str) -> str:
    return hashlib.sha256(f"cursor {said}".encode()).hexdigest()[:6]


class Shelf:
    """The members of one edition, indexed: what is asked for again and again is kept."""

    def __init__(self, content: Content) -> None:
        """Index the facts that the collection is narrowed by."""
        self.content = content
        self.size = len(content.members)
        self._everything = (1 << self.size) - 1
        self._having: dict[str, dict[str, array[int]]] = {name: {} for name in content.collection.filters}
        for number, member in enumerate(content.members):
            for name, having in self._having.items():
                for value in filed_under(name, member):
                    having.setdefault(value, array("I")).append(number)
        self._large: dict[tuple[str, str], int] = {}
        self._orders: dict[tuple[str, str], array[int]] = {}
        self._whole_counts: dict[str, dict[str, int]] = {}
        self._selections: OrderedDict[str, Selection] = OrderedDict()
        self._turn = threading.Lock()

    def values(self, fact: str) -> Iterable[str]:
        """The values a fact has."""
        return self._having[fact].keys()

    def select(self, asked: Asked, language: str, ordered: Order) -> Selection:
        """The members that fit, in order; names are those of a language."""
        place = asked.digest(language)
        with self._turn:
            found = self._selections.pop(place, None)
            if found is None:
                bits = self._fitting(asked)
                order = self._order(asked.sort, language, ordered)
                if bits == self._everything:
                    found = Selection(order, bits)
                else:
                    fits = bits.to_bytes(self.size // 8 + 1, "little")
                    found = Selection(array("I", (n for n in order if fits[n >> 3] >> (n & 7) & 1)), bits)
            self._selections[place] = found
            if len(self._selections) > _KEPT:
                self._selections.popitem(last=False)
        return found

    def counts(self, asked: Asked, fact: str) -> dict[str, int]:
        """How many members each value of a fact would give, its own narrowing left out."""
        others = {name: values for name, values in asked.filters.items() if name != fact}
        bits = self._fitting(Asked(others, asked.years, asked.text))
        if bits == self._everything and not asked.filters.get(fact):
            if fact not in self._whole_counts:
                self._whole_counts[fact] = self._counted(bits, fact, ())
            return self._whole_counts[fact]
        return self._counted(bits, fact, asked.filters.get(fact, ()))

    def _counted(self, bits: int, fact: str, chosen: Sequence[str]) -> dict[str, int]:
        fits = bits.to_bytes(self.size // 8 + 1, "little")
        found = {}
        for value, having in self._having[fact].items():
            if len(having) * _SHARE > self.size > 64:
                found[value] = (self._bits(fact, value) & bits).bit_count()
            else:
                found[value] = sum(fits[n >> 3] >> (n & 7) & 1 for n in having)
        counted = [(value, count) for value, count in found.items() if count or value in chosen]
        return dict(sorted(counted, key=lambda pair: (-pair[1], pair[0])))

    def _fitting(self, asked: Asked) -> int:
        bits = self._everything
        for name, values in asked.filters.items():
            if values:
                some = 0
                for value in values:
                    some |= self._bits(name, value)
                bits &= some
        words = words_of(asked.text)
        if words:
            bits &= self._where(lambda member: all(word in member.text for word in words))
        if asked.years != (None, None):
            bits &= self._where(lambda member: self._within(member, asked.years))
        return bits

    def _bits(self, fact: str, value: str) -> int:
        place = (fact, value)
        if place not in self._large:
            having = self._having[fact].get(value, ())
            found = bytearray(self.size // 8 + 1)
            for n in having:
                found[n >> 3] |= 1 << (n & 7)
            bits = int.from_bytes(found, "little")
            if len(having) * _SHARE <= self.size:
                return bits
            self._large[place] = bits
        return self._large[place]

    def _where(self, fits: Callable[[Member], bool]) -> int:
        found = bytearray(self.size // 8 + 1)
        for n, member in enumerate(self.content.members):
            if fits(member):
                found[n >> 3] |= 1 << (n & 7)
        return int.from_bytes(found, "little")

    def _within(self, member: Member, years: tuple[int | None, int | None]) -> bool:
        """Whether any of its time lies in the years, both included."""
        first, last = self.content.collection.period or ("", "")
        starts = [value[:4] for value in member.values(first)]
        ends = [value[:4] for value in member.values(last)] or starts
        starts = starts or ends
        if not starts:
            return False
        since, until = years
        return (until is None or min(starts) <= f"{until:04}") and (since is None or max(ends) >= f"{since:04}")

    def _order(self, sort: str, language: str, ordered: Order) -> array[int]:
        """All members in an order; what has no value comes last either way, and names decide between equals."""
        name = sort.removeprefix("-")
        place = (sort, language)
        if place in self._orders:
            return self._orders[place]
        members = self.content.members
        if name == "name":
            names = [m.names.get(language) or name_in(m.names, language) or m.iri for m in members]
            order = ordered(names, [m.iri for m in members])
            if sort.startswith("-"):
                order.reverse()
        else:
            by_name = self._order("name", language, ordered)
            fact = self.content.collection.fact(name)
            values: list[Any] = [sort_value(fact, m, self.content, language) for m in members]
            if fact.kind not in ("number", "date") and not fact.many:
                texts = sorted({value for value in values if value is not None})
                places = {texts[n]: place for place, n in enumerate(ordered(texts, texts))}
                values = [None if value is None else places[value] for value in values]
            known = [n for n in by_name if values[n] is not None]
            known.sort(key=values.__getitem__, reverse=sort.startswith("-"))
            order = known + [n for n in by_name if values[n] is None]
        self._orders[place] = array("I", order)
        return self._orders[place]


def filed_under(fact: str, member: Member) -> Iterable[str]:
    """The values a member is found by: a region also by the regions it lies in."""
    for value in member.values(fact):
        yield value
        if fact == "region" and value.startswith(NUTS):
            code = value.removeprefix(NUTS)
            yield from (NUTS + code[:end] for end in range(len(code) - 1, 3, -1))


def name_in(names: Mapping[str, str], language: str) -> str:
    """A name in a language, else in English, else in any."""
    if language in names:
        return names[language]
    return names["en"] if "en" in names else next(iter(names.values()), "")


def sort_value(fact: Fact, member: Member, content: Content, language: str) -> object:
    """What a member is sorted by: a number, a moment, the name of a thing, or how many things there are."""
    values = member.values(fact.name)
    if not values:
        return None
    if fact.kind == "number":
        return float(values[0])
    if fact.kind == "date":
        return values[0]
    if fact.many:
        return len(values)
    return name_in(content.names.get(values[0], {}), language) or values[0]


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a selection: everything an answer is made of."""

    shelf: Shelf
    asked: Asked
    selection: Selection
    offset: int
    limit: int
    language: str

    @property
    def collection(self) -> Collection:
        """Of which collection."""
        return self.shelf.content.collection

    @property
    def members(self) -> list[Member]:
        """The members on the page."""
        held = self.shelf.content.members
        return [held[n] for n in self.selection.numbers[self.offset : self.offset + self.limit]]

    def cursor(self, offset: int) -> str:
        """The cursor of another page of the same selection."""
        return str(Cursor(self.shelf.content.edition, self.asked.digest(self.language), offset))

    def turns(self) -> dict[str, str | None]:
        """The pages one can turn to: relation -> cursor, None for the start."""
        found: dict[str, str | None] = {"first": None}
        before, after = self.offset - self.limit, self.offset + self.limit
        if self.offset:
            found["prev"] = self.cursor(before) if before > 0 else None
        if after < self.selection.total:
            found["next"] = self.cursor(after)
        return found
