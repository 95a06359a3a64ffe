"""Search: everything with a page, found by any of its names, forgiving case, accents, word order and typing errors.

The names of a thing's sectors and countries find it, too, after those whose own name fits. Words that nothing begins
with are replaced by the nearest ones that exist (optimal string alignment). A search costs what the engine needs for
the matches; facets are counted by bit sets, and only the best are ranked.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from v4graph.folding import SAME, words_of
from v4graph.indexing import Name
from v4graph.statements import LABELS, SKOS

FACETS = ("kind", "country", "sector")
"""What results are narrowed by and counted by."""
PAGE = 20
_RANKED = 100
"""Matches that are put in order by how well they fit, beside those whose name begins with what is looked for."""
_NEAR = 0.7
"""How alike (0 to 1) a word must be to stand in for one that does not exist."""
_STAND_INS = 4
_KEPT = 200
"""Sets of matches that are kept in memory, one bit per thing each."""
_FEW = 2000
_WORDS = 8
"""Words of a search that are looked at."""
_KINDS = ("cluster-organisation", "project", "partnership", "sector", "organisation", "event", "output", "programme")
"""Kinds in the order in which they are preferred where names fit equally well."""
_WEIGHTS = {"cluster-organisation": 8, "project": 8, "partnership": 4, "sector": 2, "term": -12}
"""What a kind adds to how well a name fits."""
NOTATION = f"{SKOS}notation"


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: its names (by language, "" for none), the name that fitted, its countries and sectors."""

    iri: str
    kind: str
    names: Mapping[str, str]
    matched: str
    facets: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found: a page of hits, how many there are in all, and per facet how many of each value."""

    hits: tuple[Hit, ...]
    total: int
    facets: Mapping[str, Mapping[str, int]]
    instead: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Words of the search that no name has, with what was looked for instead."""


class Index:
    """An index that is open for reading; threads take turns."""

    def __init__(self, path: Path) -> None:
        """Open it, and read the facets into memory (one bit per thing and value)."""
        self._db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self._turn = threading.Lock()
        [(self.token,)] = self._db.execute("SELECT token FROM state").fetchall()
        [(size,)] = self._db.execute("SELECT COALESCE(MAX(id), 0) + 1 FROM thing").fetchall()
        self._bytes = size // 8 + 1
        members: dict[tuple[str, str], bytearray] = {}
        kinds: dict[int, str] = {}
        for thing, name, value in self._db.execute("SELECT thing, name, value FROM facet"):
            bits = members.setdefault((name, value), bytearray(self._bytes))
            bits[thing >> 3] |= 1 << (thing & 7)
            if name == "kind":
                kinds[thing] = value
        self._facets: dict[str, dict[str, int]] = {facet: {} for facet in FACETS}
        for (name, value), bits in sorted(members.items()):
            self._facets[name][value] = int.from_bytes(bits, "little")
        first = dict(self._db.execute("SELECT thing, MIN(folded) FROM name GROUP BY thing"))
        self._kinds = kinds
        self._order = sorted(kinds, key=lambda id_: (_place(kinds[id_]), kinds[id_], first.get(id_, ""), id_))
        self._places = {id_: place for place, id_ in enumerate(self._order)}
        self._all = self._bits(self._order)
        self._matches: OrderedDict[str, int] = OrderedDict()
        self._words: dict[int, list[str]] = {}
        for (term,) in self._db.execute("SELECT term FROM vocabulary"):
            self._words.setdefault(len(term), []).append(term)

    def close(self) -> None:
        """Close it."""
        with self._turn:
            self._db.close()

    def search(
        self, text: str, *, narrowed: Mapping[str, Sequence[str]] | None = None, offset: int = 0, limit: int = PAGE
    ) -> Results:
        """What has names with all these words, or with words like them; the best first.

        Args:
            text: what is looked for; empty for everything.
            narrowed: per facet the values of which a thing must have one.
            offset: hits that are left out.
            limit: hits on the page.
        """
        words = words_of(text)[:_WORDS]
        if text.strip() and not words:
            return Results((), 0, {facet: {} for facet in FACETS})
        chosen = {facet: tuple(values) for facet, values in (narrowed or {}).items() if values and facet in FACETS}
        with self._turn:
            instead: dict[str, tuple[str, ...]] = {}
            found = self._all
            if words:
                expression = " AND ".join(self._alternatives(word, instead) for word in words)
                found = self._matching(expression)
            left = {facet: self._any(facet, values) for facet, values in chosen.items()}
            facets = {facet: self._count(facet, found, left) for facet in FACETS}
            for bits in left.values():
                found &= bits
            ranked = self._ranked(words, instead, found, offset + limit)
            hits = [self._hit(*pair) for pair in ranked[offset : offset + limit]]
        return Results(tuple(hits), found.bit_count(), facets, instead)

    def _matching(self, expression: str) -> int:
        """What the engine finds; the answers to the last expressions are kept, for facets and further pages."""
        found = self._matches.pop(expression, None)
        if found is None:
            rows = self._db.execute("SELECT rowid FROM word WHERE word MATCH ?", (expression,))
            found = self._bits(id_ for (id_,) in rows)
        self._matches[expression] = found
        if len(self._matches) > _KEPT:
            self._matches.popitem(last=False)
        return found

    def _bits(self, ids: Iterable[int]) -> int:
        bits = bytearray(self._bytes)
        for id_ in ids:
            bits[id_ >> 3] |= 1 << (id_ & 7)
        return int.from_bytes(bits, "little")

    def _any(self, facet: str, values: Iterable[str]) -> int:
        bits = 0
        for value in values:
            bits |= self._facets[facet].get(value, 0)
        return bits

    def _count(self, facet: str, found: int, left: Mapping[str, int]) -> dict[str, int]:
        """How many of the things found have each value of a facet; its own narrowing does not count."""
        for name, bits in left.items():
            if name != facet:
                found &= bits
        counts = ((value, (found & bits).bit_count()) for value, bits in self._facets[facet].items())
        return dict(sorted(((v, n) for v, n in counts if n), key=lambda pair: (-pair[1], pair[0])))

    def _alternatives(self, word: str, instead: dict[str, tuple[str, ...]]) -> str:
        """A word as the engine is asked for it: what begins with it or means the same, else the nearest there are."""
        same = [f'"{other}" *' for other in dict.fromkeys((word, *SAME.get(word, ())))]
        known = "SELECT EXISTS (SELECT 1 FROM word WHERE word MATCH ?)"
        [(exists,)] = self._db.execute(known, (" OR ".join(same),)).fetchall()
        if not exists:
            instead[word] = self._near(word)
            same = [f'"{other}"' for other in instead[word] or (word,)]
        return f"({' OR '.join(same)})"

    def _near(self, word: str) -> tuple[str, ...]:
        if len(word) < 3:
            return ()
        least = _NEAR if len(word) > 3 else 0.66
        most = int(len(word) * (1 - least) / least) + 1
        terms = [t for n in range(max(3, len(word) - most), len(word) + most + 1) for t in self._words.get(n, ())]
        alike = process.extract(word, terms, scorer=OSA.normalized_similarity, limit=_STAND_INS, score_cutoff=least)
        return tuple(term for term, score, _ in alike if score >= alike[0][1] - 0.1)

    def _ranked(
        self, words: list[str], instead: Mapping[str, tuple[str, ...]], found: int, n: int
    ) -> list[tuple[int, int]]:
        """The best of the things found, as pairs of id and the place of the name that fits."""
        bits = found.to_bytes(self._bytes, "little")
        if not words:
            return [(id_, 0) for id_ in islice(self._in_order(found, bits), n)]
        candidates = dict.fromkeys(islice(self._in_order(found, bits), _RANKED))
        asked = " ".join(words)
        beginning = self._db.execute(
            "SELECT thing FROM name WHERE folded >= ? AND folded < ? ORDER BY folded LIMIT ?",
            (asked, asked + "\U0010ffff", _RANKED),
        )
        candidates |= dict.fromkeys(id_ for (id_,) in beginning if bits[id_ >> 3] >> (id_ & 7) & 1)
        wanted = [(word, SAME.get(word, ()), instead.get(word, ())) for word in words]
        made = []
        for place, (id_, (names, _, _)) in enumerate((id_, self._told(id_)) for id_ in candidates):
            fit, which = max((_fit(asked, wanted, name), -i) for i, name in enumerate(names))
            made.append((-fit - _WEIGHTS.get(self._kinds[id_], 0), place, (id_, -which)))
        ranked = [pair for *_, pair in sorted(made)]
        if n > len(ranked):  # the same few are ranked whatever page is asked for, so that pages hold everything once
            others = ((id_, 0) for id_ in self._in_order(found, bits) if id_ not in candidates)
            ranked += islice(others, n - len(ranked))
        return ranked

    def _in_order(self, found: int, bits: bytes) -> Iterator[int]:
        """The things of a bit set by kind and name; cheap for few and for the first of many."""
        if found.bit_count() > _FEW:
            return (id_ for id_ in self._order if bits[id_ >> 3] >> (id_ & 7) & 1)
        ids = (byte << 3 | bit for byte, value in enumerate(bits) if value for bit in range(8) if value >> bit & 1)
        return iter(sorted(ids, key=self._places.__getitem__))

    def _told(self, id_: int) -> tuple[list[Name], list[tuple[str, str]], str]:
        [(told,)] = self._db.execute("SELECT told FROM thing WHERE id = ?", (id_,)).fetchall()
        names, facets, beside = json.loads(told)
        return [tuple(name) for name in names], [tuple(facet) for facet in facets], beside

    def _hit(self, id_: int, which: int) -> Hit:
        [(iri,)] = self._db.execute("SELECT iri FROM thing WHERE id = ?", (id_,)).fetchall()
        names, pairs, _ = self._told(id_)
        shown: dict[str, str] = {}
        for property_, language, name, _ in names:
            if property_ in LABELS:
                shown.setdefault(language, name)
        facets = {facet: tuple(value for name, value in pairs if name == facet) for facet in FACETS}
        matched = names[which][2]
        return Hit(iri, facets["kind"][0], shown or {"": matched}, matched, facets)


def _place(kind: str) -> int:
    return _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def _fit(asked: str, wanted: Sequence[tuple[str, Sequence[str], Sequence[str]]], name: Name) -> float:
    """How well a name fits: whole, from its start, by whole words, by beginnings of words, by words like them."""
    property_, _, _, whole = name
    if property_ == NOTATION:
        return 60.0 if whole == asked else 0.0
    if whole == asked:
        return 1000.0 + (property_ in LABELS)
    have = whole.split()
    points = 0.0
    for word, same, others in wanted:
        if word in have:
            points += 10
        elif any(other in have for other in same):
            points += 8
        elif any(w.startswith(word) for w in have):
            points += 7
        else:
            points += max((6 * OSA.normalized_similarity(word, o) for o in others if o in have), default=0.0)
    if whole.startswith(asked):
        points += 5
    return 10 * points / len(wanted) - min(len(have), 20) * 0.5 + 0.1 * (property_ in LABELS)
