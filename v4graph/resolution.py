"""Resolving: for every statement the best answer of all sources, and a record of where they differ.

A pure function of (what each source says about a subject, merge policies, ranks, recorded resolutions), on N-Triples
text. One subject at a time: the cost of a publication grows with the subjects it touches, not with the graph.

Merge policies (``v4:mergePolicy`` in the ontology): *set* and *series* keep all values. *single* keeps one: an
editor's recorded resolution first; else the value of the best-ranked source; among equal ranks the more precise of
compatible dates, or the coarsest date all agree on; else none. *single per language* is *single* for each language
tag; the values that lose live on under ``v4:otherValuesAs`` and are no disagreement, only other names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from v4graph import rdf
from v4graph.iris import Iris

XSD = "http://www.w3.org/2001/XMLSchema#"
RDF_TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
WORST_RANK = 9
"""The rank of a source whose manifest gives none."""

Statements = Mapping[str, Iterable[str]]
"""Per source (slug), N-Triples lines about one subject."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An editor's decision for a subject and property; ``accepted`` is None where no value may stand."""

    iri: str
    accepted: str | None


@dataclass(frozen=True, slots=True)
class Policies:
    """What the ontology says of properties, as N-Triples text: property -> policy, and so on."""

    single: frozenset[str] = frozenset()
    single_per_language: frozenset[str] = frozenset()
    other_values_as: Mapping[str, str] = field(default_factory=dict)
    derived: frozenset[str] = frozenset()

    @classmethod
    def from_lines(cls, lines: Iterable[str], iris: Iris) -> Policies:
        """Read the policies out of the ontology's statements."""
        policy, other, is_derived = (f"<{iris.term(n)}>" for n in ("mergePolicy", "otherValuesAs", "isDerived"))
        single, per_language = f"<{iris.term('Single')}>", f"<{iris.term('SinglePerLanguage')}>"
        found: dict[str, set[str]] = {single: set(), per_language: set()}
        others: dict[str, str] = {}
        derived: set[str] = set()
        for line in lines:
            subject, predicate, value = rdf.split_line(line)
            if predicate == policy and value in found:
                found[value].add(subject)
            elif predicate == other:
                others[subject] = value
            elif predicate == is_derived and value.startswith('"true"'):
                derived.add(subject)
        return cls(frozenset(found[single]), frozenset(found[per_language]), others, frozenset(derived))


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything beside the statements that decides: policies, ranks (slug -> 1 best … 5) and resolutions."""

    policies: Policies
    ranks: Mapping[str, int]
    recorded: Mapping[tuple[str, str], Recorded]

    def rank(self, source: str) -> int:
        """The rank of a source."""
        return self.ranks.get(source, WORST_RANK)


def recorded_resolutions(lines: Iterable[str], iris: Iris) -> dict[tuple[str, str], Recorded]:
    """The resolutions in the statements of the editor's source, by subject and property.

    Two resolutions of one pair: the one whose IRI sorts last counts, so that the result does not depend on order.
    """
    names = {f"<{iris.term(n)}>": n for n in ("resolvesSubject", "resolvesProperty", "accepted")}
    said: dict[str, dict[str, str]] = {}
    for line in sorted(lines):
        subject, predicate, value = rdf.split_line(line)
        if predicate in names:
            said.setdefault(subject, {})[names[predicate]] = value
    return {
        (about["resolvesSubject"], about["resolvesProperty"]): Recorded(iri, about.get("accepted"))
        for iri, about in sorted(said.items())
        if {"resolvesSubject", "resolvesProperty"} <= about.keys()
    }


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the resolved view and the graph of disagreements say because of one subject."""

    lines: frozenset[str]
    disagreements: frozenset[str]


def resolve_subject(subject: str, statements: Statements, rules: Rules, iris: Iris) -> Resolved:
    """Resolve all statements about one subject (IRI in angle brackets)."""
    values: dict[str, dict[str, set[str]]] = {}
    for source, lines in statements.items():
        for line in lines:
            _, predicate, value = rdf.split_line(line)
            values.setdefault(predicate, {}).setdefault(value, set()).add(source)
    kept: dict[str, set[str]] = {}
    disagreements: set[str] = set()
    policies = rules.policies
    for predicate, by_value in values.items():
        if predicate in policies.derived:
            continue
        if predicate in policies.single_per_language:
            chosen = {_best_name(group, rules) for group in _by_language(by_value).values()}
            kept.setdefault(predicate, set()).update(chosen)
            if other := policies.other_values_as.get(predicate):
                kept.setdefault(other, set()).update(by_value.keys() - chosen)
        elif predicate in policies.single and (len(by_value) > 1 or (subject, predicate) in rules.recorded):
            choice = choose(by_value, rules, rules.recorded.get((subject, predicate)))
            if choice.value is not None:
                kept.setdefault(predicate, set()).add(choice.value)
            if choice.differ:
                disagreements |= _disagreement(subject, predicate, by_value, choice, iris)
        else:
            kept.setdefault(predicate, set()).update(by_value)
    # A name that was chosen is not an alternative name as well (SKOS S13), whoever says so.
    for predicate, other in policies.other_values_as.items():
        if other in kept:
            kept[other] -= kept.get(predicate, set())
    lines = (f"{subject} {predicate} {value} ." for predicate, said in kept.items() for value in said)
    return Resolved(frozenset(lines), frozenset(disagreements))


_LANGUAGE = re.compile(r'"@([a-z0-9-]+)$')


def _by_language(by_value: Mapping[str, set[str]]) -> dict[str, dict[str, set[str]]]:
    groups: dict[str, dict[str, set[str]]] = {}
    for value, sources in by_value.items():
        tag = _LANGUAGE.search(value)
        groups.setdefault(tag[1] if tag else "", {})[value] = sources
    return groups


def _best_name(group: Mapping[str, set[str]], rules: Rules) -> str:
    """The name of the best-ranked source; among equals what most say, then the first in code point order."""
    if len(group) == 1:
        return next(iter(group))
    return min(group, key=lambda value: (min(map(rules.rank, group[value])), -len(group[value]), value))


@dataclass(frozen=True, slots=True)
class Choice:
    """The value chosen (None: none), the rule that chose it, and whether the values contradict each other."""

    value: str | None
    rule: str
    differ: bool
    resolution: str | None = None


def choose(by_value: Mapping[str, set[str]], rules: Rules, recorded: Recorded | None) -> Choice:
    """The value of a single-valued property, DESIGN "Resolving"; the rule is a notation of scheme/resolution-rule."""
    differ = not _compatible(by_value)
    if recorded is not None:
        return Choice(recorded.accepted, "recorded-resolution", differ or len(by_value) > 1, recorded.iri)
    best = min(rules.rank(source) for sources in by_value.values() for source in sources)
    candidates = [v for v, sources in by_value.items() if any(rules.rank(s) == best for s in sources)]
    if len(candidates) == 1:
        return Choice(candidates[0], "best-rank", differ)
    dates = [_date(value) for value in candidates]
    if all(dates):
        texts = sorted((d for d in dates if d), key=len)
        if _nested(texts):
            return Choice(_date_literal(texts[-1]), "more-precise", differ)
        common = _common_prefix(texts)
        if common:
            return Choice(_date_literal(common), "coarsest-common-date", differ)
    return Choice(None, "undecided", differ)


_DATE = re.compile(rf'"(\d{{4}}(?:-\d\d(?:-\d\d)?)?)"\^\^<{re.escape(XSD)}(?:date|gYearMonth|gYear)>')


def _date(value: str) -> str | None:
    found = _DATE.fullmatch(value)
    return found[1] if found else None


def _nested(dates: list[str]) -> bool:
    return all(longer.startswith(shorter) for shorter, longer in pairwise(dates))


def _compatible(by_value: Iterable[str]) -> bool:
    dates = [_date(value) for value in by_value]
    return len(dates) < 2 or (all(dates) and _nested(sorted((d for d in dates if d), key=len)))


def _common_prefix(dates: list[str]) -> str | None:
    for length in (7, 4):
        if len({d[:length] for d in dates}) == 1 and min(map(len, dates)) >= length:
            return dates[0][:length]
    return None


def _date_literal(date: str) -> str:
    datatype = {4: "gYear", 7: "gYearMonth", 10: "date"}[len(date)]
    return f'"{date}"^^<{XSD}{datatype}>'


def _disagreement(
    subject: str, predicate: str, by_value: Mapping[str, set[str]], choice: Choice, iris: Iris
) -> set[str]:
    term = iris.term
    node = f"<{iris.hashed('disagreement', subject, predicate)}>"
    lines = {
        f"{node} {RDF_TYPE} <{term('Disagreement')}> .",
        f"{node} <{term('disputedSubject')}> {subject} .",
        f"{node} <{term('disputedProperty')}> {predicate} .",
        f"{node} <{term('ruleApplied')}> <{iris.concept('resolution-rule', choice.rule)}> .",
    }
    if choice.value is not None:
        lines.add(f"{node} <{term('accepted')}> {choice.value} .")
    if choice.resolution:
        lines.add(f"{node} <{term('resolution')}> {choice.resolution} .")
    for value, sources in by_value.items():
        claim = f"<{iris.hashed('claim', subject, predicate, value)}>"
        lines |= {
            f"{node} <{term('claim')}> {claim} .",
            f"{claim} {RDF_TYPE} <{term('Claim')}> .",
            f"{claim} <{term('claimObject')}> {value} .",
            *(f"{claim} <{term('inGraph')}> <{iris.graph(source)}> ." for source in sources),
        }
    return lines
