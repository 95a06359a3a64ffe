"""Rules across records, as set-based queries (``shapes/integrity/*.rq``) over a contribution and what is known beside.

A query selects ``?focus``, ``?path``, ``?value`` and, where there is one, ``?suggestion``. Its header holds the words
in six languages and the severity. A rule with a ``beside`` severity is asked twice: what the contribution says alone
has the full severity, what shows only together with other sources has that of ``beside``: a contradiction between
sources is for a reviewer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import pyoxigraph as ox

from v4graph import assets, queries, rdf
from v4graph.iris import Iris
from v4graph.report import SEVERITIES, Finding, Rule, Severity
from v4graph.vocabulary import load_vocabulary

LANGUAGES = ("en", "cs", "sk", "pl", "hu", "de")
_ORDER = 1000.0
"""Rules across records come after those about single fields."""


@dataclass(frozen=True, slots=True)
class IntegrityRule:
    """A rule and its query.

    ``beside`` is the severity of what shows only together with other sources, ``outside`` that in a contribution
    from outside.
    """

    rule: Rule
    query: str
    beside: Severity | None = None
    outside: Severity | None = None


@lru_cache(maxsize=2)
def load_integrity(iris: Iris) -> tuple[IntegrityRule, ...]:
    """Read ``shapes/integrity/``, with this instance's base."""
    found = []
    for number, path in enumerate(sorted((assets.SHAPES / "integrity").glob("*.rq"))):
        query = queries.read_query(path, iris)
        told = query.header
        rule = Rule(
            f"{iris.base}shapes#integrity-{path.stem}",
            _severity(told["severity"]),
            _ORDER + number,
            None,
            {language: told[_key("title", language)] for language in LANGUAGES},
            {language: told[_key("message", language)] for language in LANGUAGES},
        )
        beside, outside = (_severity(told[word]) if word in told else None for word in ("beside", "outside"))
        found.append(IntegrityRule(rule, query.text, beside, outside))
    return tuple(found)


def _key(word: str, language: str) -> str:
    return f"{word}@{language}"


def _severity(word: str) -> Severity:
    if word not in SEVERITIES:
        raise ValueError(f"{word} is no severity")
    return word


def find_conflicts(
    statements: Collection[str],
    known: Collection[str],
    own: Collection[str],
    subjects: Collection[str],
    iris: Iris,
    *,
    outside: bool = False,
) -> Iterator[Finding]:
    """The findings about the contribution's own records (``subjects``), given what is known beside.

    ``own`` are those of the known lines that its source says itself.
    """
    vocabulary, rules = load_vocabulary(iris).hierarchy, load_integrity(iris)
    store = _store([*statements, *own, *vocabulary])
    alone: dict[str, set[Finding]] = {}
    if known:
        for integrity in rules:
            if integrity.beside is not None:
                alone[integrity.rule.iri] = set(_findings(integrity.rule, integrity.query, store, subjects))
    if set(own) <= set(known):
        _load(store, known)  # what is there once need not be read again
    else:
        store = _store([*statements, *known, *vocabulary])
    for integrity in rules:
        rule = integrity.rule
        if outside and integrity.outside is not None:
            rule = replace(rule, severity=integrity.outside)
        found = set(_findings(rule, integrity.query, store, subjects))
        if integrity.beside is not None and known:
            by_itself = {replace(finding, rule=rule) for finding in alone[rule.iri]}
            milder = replace(rule, severity=integrity.beside)
            found = by_itself | {replace(finding, rule=milder) for finding in found - by_itself}
        yield from found


def _store(lines: Collection[str]) -> ox.Store:
    store = ox.Store()
    _load(store, lines)
    return store


def _load(store: ox.Store, lines: Collection[str]) -> None:
    for part in rdf.in_parts(lines):
        store.bulk_load(part, ox.RdfFormat.N_TRIPLES)


def _findings(rule: Rule, query: str, store: ox.Store, subjects: Collection[str]) -> Iterator[Finding]:
    solutions = store.query(query)
    assert isinstance(solutions, ox.QuerySolutions)
    names = {variable.value for variable in solutions.variables}
    for solution in solutions:
        focus, path, value = solution["focus"], solution["path"], solution["value"]
        suggestion = solution["suggestion"] if "suggestion" in names else None
        if isinstance(focus, ox.NamedNode) and focus.value in subjects:
            yield Finding(
                rule,
                focus.value,
                path.value if isinstance(path, ox.NamedNode) else None,
                str(value) if value is not None else None,
                suggestion.value if isinstance(suggestion, ox.NamedNode) else None,
            )
