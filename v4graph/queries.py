"""Queries live in ``queries/**/*.rq``; here they are found, read and given their parameters.

A parameter is a line ``VALUES ?name { UNDEF }`` (or ``VALUES (?a ?b) { (UNDEF UNDEF) }``): the file runs unchanged
in any SPARQL tool, and binding replaces the inside of the braces by terms in N-Triples syntax.

What is neither under ``platform/`` nor under ``rules/`` is the library: questions for everybody, with titles in six
languages (``# title@cs:``, ``# description@cs:``) and typed parameters (``# param country: iri — what it means``).
``# answered on: fixture NAME`` says that no source read so far holds an answer and the tests run on invented data.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from v4graph import assets
from v4graph.errors import NotFound, UnknownParameter
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.namespaces import prefixes
from v4graph.rdf import iri_text, literal_text

LANGUAGES = ("en", "cs", "sk", "pl", "hu", "de")
OWN_TOPICS = frozenset({"platform", "rules"})
"""What the program asks for itself; not part of the library."""
_XSD = "http://www.w3.org/2001/XMLSchema#"
_HEADER = re.compile(r"^#\s*([a-z-]+(?:@[a-z]{2}|\s+\w+)?):\s*(.*)$")
_NAME = re.compile(r"[a-z]+/[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 100
"""Characters of a name; the systems of files refuse names of more than 255."""
_PARAMETER = re.compile(r"VALUES\s+(\?\w+|\((?:\s*\?\w+)+\s*\))\s*\{[^{}]*\bUNDEF\b[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Query:
    """A named query: its text with this instance's base, and what its header says."""

    name: str
    text: str
    header: dict[str, str]

    @property
    def topic(self) -> str:
        """The folder it lies in."""
        return self.name.partition("/")[0]

    @property
    def titles(self) -> dict[str, str]:
        """The question it answers, by language."""
        return {x: self.header[f"title@{x}"] for x in LANGUAGES if f"title@{x}" in self.header}

    @property
    def descriptions(self) -> dict[str, str]:
        """How the answer is found, and what it leaves out, by language."""
        return {x: self.header[f"description@{x}"] for x in LANGUAGES if f"description@{x}" in self.header}

    @property
    def description(self) -> str:
        """How the answer is found, in English."""
        return self.header.get("description@en") or self.header.get("description", "")

    @property
    def fixture(self) -> str | None:
        """The invented data its tests run on where the packaged data cannot answer; none where they can."""
        kind, _, name = self.header.get("answered on", "").partition(" ")
        return name if kind == "fixture" else None

    def told_in(self, languages: Iterable[str]) -> tuple[str, str, str]:
        """The first of the languages it is told in (else English), with its title and description."""
        language = next((x for x in languages if x in self.titles), "en")
        return language, self.titles.get(language, self.name), self.descriptions.get(language, self.description)

    @property
    def keywords(self) -> tuple[str, ...]:
        """Words to find it by."""
        return tuple(word.strip() for word in self.header.get("keywords", "").split(",") if word.strip())

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What may be given to it, in the order of the header."""
        found = []
        for key, value in self.header.items():
            if key.startswith("param "):
                kind, _, says = value.partition("—")
                found.append(Parameter(key.removeprefix("param ").strip(), kind.strip(), says.strip()))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named, typed value of a query; ``kind`` is one of iri, string, integer, date, lang."""

    name: str
    kind: str
    says: str

    def term(self, value: str, iris: Iris) -> str:
        """The value as N-Triples writes it; raises UnknownParameter when it is not of the kind."""
        try:
            found = _TERMS[self.kind](value, iris)
        except ValueError as error:
            raise UnknownParameter(f"{self.name} is {_KINDS[self.kind]} ({error}).", parameter=self.name) from None
        if found is None:
            raise UnknownParameter(f"{self.name} is {_KINDS[self.kind]}.", parameter=self.name)
        return found


_KINDS = {
    "iri": "an IRI, or one shortened like country:CZE or id/project/ketgate",
    "string": "a text",
    "integer": "a whole number",
    "date": "a day such as 2014-12-31",
    "lang": f"one of {', '.join(LANGUAGES)}",
}


def _iri(value: str, iris: Iris) -> str:
    prefix, colon, local = value.partition(":")
    if re.match(r"(id|scheme|graph)/", value):
        return iri_text(iris.base + value)
    if colon and not local.startswith("//") and prefix in prefixes(iris):
        return iri_text(prefixes(iris)[prefix] + local)
    return iri_text(value)


def _integer(value: str, _: Iris) -> str | None:
    return literal_text(str(int(value)), f"{_XSD}integer") if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else None


def _date(value: str, _: Iris) -> str | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    return literal_text(date.fromisoformat(value).isoformat(), f"{_XSD}date")


def _string(value: str, _: Iris) -> str | None:
    return literal_text(value.encode().decode())  # a lone surrogate is a ValueError


def _language(value: str, _: Iris) -> str | None:
    return literal_text(value) if value in LANGUAGES else None


_TERMS: dict[str, Callable[[str, Iris], str | None]] = {
    "iri": _iri,
    "string": _string,
    "integer": _integer,
    "date": _date,
    "lang": _language,
}


@lru_cache(maxsize=512)
def _read(path: Path, base: str) -> Query:
    text = path.read_text(encoding="utf-8")
    header = {}
    for line in text.splitlines():
        found = _HEADER.match(line)
        if not found:
            break
        header[" ".join(found[1].split())] = found[2].strip()
    header.setdefault("title", header.get("title@en", ""))
    header.setdefault("description", header.get("description@en", ""))
    below = path.relative_to(assets.QUERIES) if path.is_relative_to(assets.QUERIES) else Path(path.name)
    name = below.with_suffix("").as_posix()
    return Query(name, text.replace(PUBLIC_BASE, base), header)


def find_query(name: str, iris: Iris) -> Query:
    """The query of this name, for example ``platform/describe``."""
    return _read(assets.QUERIES / f"{name}.rq", iris.base)


def load_query(name: str, iris: Iris) -> str:
    """The text of the query of this name."""
    return find_query(name, iris).text


def read_query(path: Path, iris: Iris) -> Query:
    """The query in a file that stands elsewhere than in ``queries/``; it is named like the file."""
    return _read(path, iris.base)


def list_queries(topic: str, iris: Iris) -> list[Query]:
    """All queries of a topic (a folder), by name."""
    return [_read(path, iris.base) for path in sorted((assets.QUERIES / topic).glob("*.rq"))]


def list_library(iris: Iris) -> list[Query]:
    """All queries for everybody, by topic and name."""
    topics = sorted(path.name for path in assets.QUERIES.iterdir() if path.is_dir() and path.name not in OWN_TOPICS)
    return [query for topic in topics for query in list_queries(topic, iris)]


def find_in_library(name: str, iris: Iris) -> Query:
    """The query of the library of this name; raises NotFound with the nearest names."""
    if len(name) > _LONGEST:
        raise NotFound("There is no query of such a long name.")
    known = _NAME.fullmatch(name) and name.partition("/")[0] not in OWN_TOPICS
    if known and (assets.QUERIES / f"{name}.rq").is_file():
        return find_query(name, iris)
    near = difflib.get_close_matches(name, [query.name for query in list_library(iris)], 3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise NotFound(f"There is no query {name}.{hint}")


def bind_checked(query: Query, values: Mapping[str, str], iris: Iris) -> str:
    """The text of a query with the values given to its parameters; an empty value leaves one out.

    Raises UnknownParameter when the query has no such parameter or the value is not of its kind.
    """
    known = {parameter.name: parameter for parameter in query.parameters}
    terms = {}
    for name, value in values.items():
        if name not in known:
            has = f"It has {', '.join(known)}." if known else "It has none."
            raise UnknownParameter(f"The query has no parameter {name}. {has}", parameter=name)
        if value.strip():
            terms[name] = known[name].term(value.strip(), iris)
    return bind(query.text, **terms)


def parameters(query: str) -> list[str]:
    """The names of the parameters of a query, in order."""
    return [name for found in _PARAMETER.finditer(query) for name in re.findall(r"\?(\w+)", found[1])]


def bind(query: str, **values: str | Iterable[str]) -> str:
    """The query with its parameters replaced by terms in N-Triples syntax; one left out stays unbound.

    A parameter of several variables is named by them joined with an underscore and takes rows as text, ``"<s> <p>"``.
    """

    def replace(found: re.Match[str]) -> str:
        names = re.findall(r"\?(\w+)", found[1])
        value = values.get("_".join(names))
        if value is None:
            return found[0]
        rows = [value] if isinstance(value, str) else list(value)
        if found[1].startswith("("):
            rows = [f"({row})" for row in rows]
        return f"VALUES {found[1]} {{ {' '.join(rows)} }}"

    return _PARAMETER.sub(replace, query)


_SLICE = re.compile(r"LIMIT\s+\d+\s+OFFSET\s+\d+\s*\Z")


def paged(query: str, limit: int, offset: int) -> str:
    """The query with the numbers of its last line, ``LIMIT n OFFSET m``, replaced."""
    sliced, found = _SLICE.subn(f"LIMIT {limit:d} OFFSET {offset:d}\n", query)
    if not found:
        raise ValueError("the query does not end with LIMIT n OFFSET m")
    return sliced
