"""What changed between two contents of a graph: as a value, in words, as JSON, and as RDF Patch.

A change is what became of one property of one thing (in one language): values that went are shown beside those that
came, so that a reader sees ``KETGATE: end date 2020-08 → 2020-08-31`` and not two lines of triples. Terms are
N-Triples text throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.rdf import Format
from v4graph.statements import LABELS, RELATIONS, TYPE

PATCH = Format("patch", ("application/rdf-patch", "text/rdf-patch"), "", "RDF Patch")
"""https://afs.github.io/rdf-patch/"""

_WORDS = {
    "en": ("new", "gone", "statements"),
    "cs": ("nové", "odstraněno", "tvrzení"),
    "sk": ("nové", "odstránené", "tvrdenia"),
    "pl": ("nowe", "usunięte", "stwierdzenia"),
    "hu": ("új", "törölve", "állítások"),
    "de": ("neu", "entfernt", "Aussagen"),
}
_LONGEST = 160
"""Characters of a value in a sentence."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Lines that came and lines that went, sorted; and the subjects that are altogether new or gone."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    appeared: frozenset[str] = frozenset()
    vanished: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def between(old: Iterable[str], new: Iterable[str]) -> Difference:
    """The difference that makes the new lines of the old ones."""
    before, after = set(old), set(new)
    added, removed = after - before, before - after
    return Difference(
        tuple(sorted(added)),
        tuple(sorted(removed)),
        frozenset(_subjects(added) - _subjects(before)) if added else frozenset(),
        frozenset(_subjects(removed) - _subjects(after)) if removed else frozenset(),
    )


def _subjects(lines: Iterable[str]) -> set[str]:
    return {line.split(" ", 1)[0] for line in lines}


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one property of one thing; a language when its values are text in that language."""

    subject: str
    property: str
    language: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


def changes(difference: Difference) -> list[Change]:
    """A difference by thing and property; the type and the names of a thing first."""
    found: dict[tuple[str, str, str], tuple[list[str], list[str]]] = {}
    for place, lines in enumerate((difference.removed, difference.added)):
        for line in lines:
            subject, predicate, value = rdf.split_line(line)
            language = value.rpartition('"@')[2] if value[0] == '"' and value[-1] not in '">' else ""
            found.setdefault((subject, predicate, language), ([], []))[place].append(value)
    return [Change(*key, tuple(went), tuple(came)) for key, (went, came) in sorted(found.items(), key=_reading_order)]


_FIRST = {f"<{TYPE}>": 0, **{f"<{label}>": 1 for label in LABELS}}


def _reading_order(item: tuple[tuple[str, str, str], Any]) -> tuple[str, int, str, str]:
    subject, predicate, language = item[0]
    return subject, _FIRST.get(predicate, 2), predicate, language


# --- names --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Names:
    """Names of things and terms, in the first of a reader's languages there is.

    ``labels``: by IRI and language; ``related``: what a thing without a name relates, by its IRI.
    """

    labels: Mapping[str, Mapping[str, str]]
    languages: Sequence[str]
    iris: Iris
    related: Mapping[str, Sequence[str]] | None = None
    _known: dict[str, str] = field(default_factory=dict, compare=False)

    def of(self, iri: str) -> str:
        """The name of an IRI; else those of the things it relates; else the end of the IRI."""
        name = self._known.get(iri)
        if name is None:
            name = self._known[iri] = self._of(iri)
        return name

    def _of(self, iri: str) -> str:
        named = self.label(iri)
        if named is not None:
            return named
        about = [self.label(other) or self._end(other) for other in (self.related or {}).get(iri, ())]
        return " – ".join(about) if about else self._end(iri)

    def label(self, iri: str) -> str | None:
        """The label of an IRI."""
        known = self.labels.get(iri)
        if not known:
            return None
        return next((known[x] for x in (*self.languages, "") if x in known), next(iter(known.values())))

    def _end(self, iri: str) -> str:
        below = self.iris.path(iri)
        return (iri if below is None else below).rstrip("/#").replace("#", "/").rpartition("/")[2] or iri


def labels_in(lines: Iterable[str]) -> dict[str, dict[str, str]]:
    """The labels that lines give to things, by IRI and language."""
    found: dict[str, dict[str, str]] = {}
    wanted = {f"<{label}>" for label in LABELS}
    for line in lines:
        subject, predicate, rest = line.split(" ", 2)
        if predicate in wanted:
            value, language, _ = literal_parts(rest[:-2])
            found.setdefault(subject[1:-1], {}).setdefault(language, value)
    return found


def related_in(lines: Iterable[str], iris: Iris) -> dict[str, list[str]]:
    """For each participation, membership and the like: the things it relates, in order."""
    found: dict[str, list[str]] = {}
    for line in lines:
        subject, _, rest = line.split(" ", 2)
        path = iris.path(subject[1:-1]) or ""
        if path.startswith("id/") and path.split("/")[1] in RELATIONS and rest.startswith(f"<{iris.base}id/"):
            found.setdefault(subject[1:-1], []).append(rest[1:-3])
    return found


def mentioned(found: Iterable[Change]) -> set[str]:
    """The IRIs that need a name when these changes are told."""
    terms = {term for c in found for term in (c.subject, c.property, *c.removed, *c.added)}
    return {term[1:-1] for term in terms if term[0] == "<"}


# --- told ---------------------------------------------------------------------------------------------------------


_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@([A-Za-z0-9-]+)|\^\^<([^>]*)>)?', re.S)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_PLAIN = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


def literal_parts(term: str) -> tuple[str, str, str]:
    """Value, language and datatype of a literal in N-Triples."""
    if "\\" not in term and term.count('"') == 2 and term[0] == '"':  # nearly all: a pattern takes four times as long
        value, _, rest = term[1:].partition('"')
        if not rest:
            return value, "", ""
        if rest[0] == "@":
            return value, rest[1:], ""
    found = _LITERAL.fullmatch(term)
    if found is None:
        raise ValueError(f"not a literal: {term}")
    value = found[1]
    if "\\" in value:
        value = _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) > 1 else _PLAIN.get(m[1], m[1]), value)
    return value, found[2] or "", found[3] or ""


def shown(term: str, names: Names) -> str:
    """A term in words: the name of a thing, the value of a literal."""
    return names.of(term[1:-1]) if term[0] == "<" else _clipped(literal_parts(term)[0])


def _clipped(value: str) -> str:
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 1]}…"


def sentence(change: Change, names: Names) -> str:
    """A change of a property, without the thing it is about: ``end date 2020-08 → 2020-08-31``."""
    went, came = ([shown(term, names) for term in terms] for terms in (change.removed, change.added))
    return _sentence(change, names, went, came)


def _sentence(change: Change, names: Names, removed: Sequence[str], added: Sequence[str]) -> str:
    """The same, of values that are in words already."""
    label = _within(names.of(change.property[1:-1]), names) + (f" ({change.language})" if change.language else "")
    if len(removed) == len(added) == 1:
        return f"{label} {removed[0]} → {added[0]}"
    parts = [f"{sign} {', '.join(values)}" for sign, values in (("−", removed), ("+", added)) if values]
    return f"{label} {' '.join(parts)}"


def _within(label: str, names: Names) -> str:
    """A label as it is written within a sentence: German keeps its capitals, everybody those of acronyms."""
    german = next(iter(names.languages), "en") == "de"
    return label if german or not label[1:2].islower() else label[0].lower() + label[1:]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one thing, in words; a thing that is new or gone is told by its statements' number."""

    iri: str
    name: str
    kind: str
    fate: str
    statements: int
    changes: tuple[Change, ...]


def told(difference: Difference, names: Names, *, found: Iterable[Change] | None = None) -> list[Told]:
    """A difference thing by thing, in the order of their names."""
    by_subject: dict[str, list[Change]] = {}
    for change in changes(difference) if found is None else found:
        by_subject.setdefault(change.subject, []).append(change)
    made = []
    for subject, group in by_subject.items():
        fate = "new" if subject in difference.appeared else "gone" if subject in difference.vanished else "changed"
        types = [t for c in group if c.property == f"<{TYPE}>" for t in (*c.added, *c.removed)]
        kind = ", ".join(dict.fromkeys(names.of(t[1:-1]) for t in types))
        count = sum(len(c.added) + len(c.removed) for c in group)
        made.append(Told(subject[1:-1], names.of(subject[1:-1]), kind, fate, count, tuple(group)))
    return sorted(made, key=lambda t: (t.name.casefold(), t.iri))


def sentences(difference: Difference, names: Names, *, found: Iterable[Change] | None = None) -> list[str]:
    """A difference in words, a sentence for each change; one for a thing that is altogether new or gone."""
    lines: list[str] = []
    for thing in told(difference, names, found=found):
        if thing.fate == "changed":
            lines += [f"{thing.name}: {sentence(change, names)}" for change in thing.changes]
        else:
            lines.append(_whole_fate(thing, names))
    return lines


def _whole_fate(thing: Told, names: Names) -> str:
    """The sentence about a thing that is altogether new or gone."""
    new, gone, statements = _WORDS[next((x for x in names.languages if x in _WORDS), "en")]
    kind = f" ({thing.kind})" if thing.kind else ""
    return f"{thing.name}{kind}: {new if thing.fate == 'new' else gone}, {statements}: {thing.statements}"


def as_json(difference: Difference, names: Names, *, found: Sequence[Change] | None = None) -> dict[str, Any]:
    """A difference as JSON: thing by thing, every value with its name, and in words."""
    things: list[dict[str, Any]] = []
    words: list[str] = []
    for thing in told(difference, names, found=found):
        made = []
        for change in thing.changes:
            removed, added = ([json_value(term, names) for term in terms] for terms in (change.removed, change.added))
            property_ = {"property": change.property[1:-1], "name": names.of(change.property[1:-1])}
            made.append({**property_, "removed": removed, "added": added})
            if thing.fate == "changed":
                went, came = ([_in_words(value) for value in values] for values in (removed, added))
                words.append(f"{thing.name}: {_sentence(change, names, went, came)}")
        if thing.fate != "changed":
            words.append(_whole_fate(thing, names))
        things.append({"iri": thing.iri, "name": thing.name, "fate": thing.fate, "changes": made})
    return {"added": len(difference.added), "removed": len(difference.removed), "things": things, "words": words}


def _in_words(value: Mapping[str, str]) -> str:
    return value["name"] if "iri" in value else _clipped(value["value"])


def json_value(term: str, names: Names) -> dict[str, str]:
    """A term as JSON: a thing with its name, or a value with its language or datatype."""
    if term[0] == "<":
        return {"iri": term[1:-1], "name": names.of(term[1:-1])}
    value, language, datatype = literal_parts(term)
    return {
        "value": value,
        **({"language": language} if language else {}),
        **({"datatype": datatype} if datatype else {}),
    }


# --- RDF Patch ----------------------------------------------------------------------------------------------------


def as_patch(difference: Difference, graph: str, iri: str, previous: str | None = None) -> bytes:
    """A difference as RDF Patch of a graph: a transaction of deletions, then additions; ``iri`` names the patch."""
    head = [f"H id <{iri}> .", *([f"H prev <{previous}> ."] if previous else []), "TX ."]
    deleted = [f"D {line[:-1]}<{graph}> ." for line in difference.removed]
    added = [f"A {line[:-1]}<{graph}> ." for line in difference.added]
    return "".join(f"{line}\n" for line in (*head, *deleted, *added, "TC .")).encode()


@lru_cache(maxsize=1)
def _statement() -> re.Pattern[str]:
    iri = r'<[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^`\\]*>'
    text = r'"(?:[^"\\\n\r]|\\[tbnrf"\'\\]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*"'
    return re.compile(rf"{iri} {iri} (?:{iri}|{text}(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*|\^\^{iri})?) \.")


def is_statement(line: str) -> bool:
    """Whether a line is one statement of canonical N-Triples without blank nodes, and nothing else."""
    return _statement().fullmatch(line) is not None


def read_patch(text: str, graph: str) -> tuple[list[str], list[str]]:
    """The lines that an RDF Patch of one graph adds and removes.

    Raises:
        ValueError: with the number of the first line that is not what ``as_patch`` writes.
    """
    kept: dict[str, list[str]] = {"A": [], "D": []}
    end = f"<{graph}> ."
    for number, line in enumerate(text.split("\n"), start=1):
        verb, _, rest = line.partition(" ")
        if verb in kept and rest.endswith(end) and is_statement(said := f"{rest[: -len(end)]}."):
            kept[verb].append(said)
        elif line not in ("", "TX .", "TC .") and verb != "H":
            raise ValueError(f"line {number} is no line of a patch of {graph}")
    return kept["A"], kept["D"]
