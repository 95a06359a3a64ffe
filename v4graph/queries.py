"""Queries live in ``queries/**/*.rq``; here they are found, read and given their parameters.

A parameter is a line ``VALUES ?name { UNDEF }`` (or ``VALUES (?a ?b) { (UNDEF UNDEF) }``): the file runs unchanged
in any SPARQL tool, and binding replaces the inside of the braces by terms in N-Triples syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from v4graph import assets
from v4graph.iris import PUBLIC_BASE, Iris

_HEADER = re.compile(r"^#\s*([a-z-]+):\s*(.*)$")
_PARAMETER = re.compile(r"VALUES\s+(\?\w+|\((?:\s*\?\w+)+\s*\))\s*\{[^{}]*\bUNDEF\b[^{}]*\}")


@dataclass(frozen=True, slots=True)
class Query:
    """A named query: its text with this instance's base, and what its header says."""

    name: str
    text: str
    header: dict[str, str]


@lru_cache(maxsize=512)
def _read(path: Path, base: str) -> Query:
    text = path.read_text(encoding="utf-8")
    header = {}
    for line in text.splitlines():
        found = _HEADER.match(line)
        if not found:
            break
        header[found[1]] = found[2].strip()
    name = path.relative_to(assets.QUERIES).with_suffix("").as_posix()
    return Query(name, text.replace(PUBLIC_BASE, base), header)


def find_query(name: str, iris: Iris) -> Query:
    """The query of this name, for example ``platform/describe``."""
    return _read(assets.QUERIES / f"{name}.rq", iris.base)


def load_query(name: str, iris: Iris) -> str:
    """The text of the query of this name."""
    return find_query(name, iris).text


def list_queries(topic: str, iris: Iris) -> list[Query]:
    """All queries of a topic (a folder), by name."""
    return [_read(path, iris.base) for path in sorted((assets.QUERIES / topic).glob("*.rq"))]


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
