"""The rules as they stand in ``shapes/``: what pySHACL is given, and what each rule says to people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyoxigraph as ox

from v4graph import assets
from v4graph.iris import Iris
from v4graph.report import Rule, Severity, Texts
from v4graph.vocabulary import Vocabulary, load_vocabulary

SH = "http://www.w3.org/ns/shacl#"
PREF_LABEL = "http://www.w3.org/2004/02/skos/core#prefLabel"
TEXTS = frozenset(f"{SH}{name}" for name in ("name", "description", "message", "order"))
"""What a shape says to people: read once, kept from the validator."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an instance: as statements for pySHACL, as texts for people."""

    triples: tuple[ox.Triple, ...] = field(repr=False)
    rules: Mapping[str, Rule]
    phrases: Mapping[str, Texts]
    vocabulary: Vocabulary
    kinds: frozenset[str]
    """The kinds of record, as they stand in addresses: ``project`` of ``id/project/…``."""


@lru_cache(maxsize=2)
def load_rules(iris: Iris) -> Rules:
    """Read ``shapes/``, with this instance's base."""
    triples: list[ox.Triple] = []
    for path in sorted(assets.SHAPES.glob("*.ttl")):
        triples += (q.triple for q in ox.parse(iris.rebase(path.read_bytes()), ox.RdfFormat.TURTLE))
    about: dict[str, dict[str, list[Any]]] = {}
    for triple in triples:
        if isinstance(triple.subject, ox.NamedNode):
            about.setdefault(triple.subject.value, {}).setdefault(triple.predicate.value, []).append(triple.object)
    rules = {iri: _rule(iri, said) for iri, said in about.items() if f"{SH}severity" in said}
    prefix = f"{iris.base}shapes#report-"
    phrases = {i.removeprefix(prefix): _texts(s[PREF_LABEL]) for i, s in about.items() if i.startswith(prefix)}
    return Rules(tuple(_flat(triples)), rules, phrases, load_vocabulary(iris), frozenset(_kinds(about, iris)))


def _kinds(about: Mapping[str, Mapping[str, list[Any]]], iris: Iris) -> Iterator[str]:
    """The kinds that the rules of addresses name."""
    things = f"^{iris.thing('', '')[:-1]}"
    for said in about.values():
        for pattern in said.get(f"{SH}pattern", ()):
            if f"{SH}path" not in said and pattern.value.startswith(things):
                yield pattern.value[len(things) :].partition("/")[0]


def _flat(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    """The same rules as pySHACL runs them fastest: each property shape with the targets of its node shapes, no texts.

    Nested property shapes are evaluated record by record, targeted ones for all records at once; and every text on a
    shape costs a search for constraints in each evaluation. On 3 000 triples that is 0.4 s instead of 4 s.
    """
    kept = [t for t in triples if t.predicate.value not in TEXTS]
    targets: dict[Any, list[ox.Triple]] = {}
    for triple in kept:
        if triple.predicate.value.startswith(f"{SH}target"):
            targets.setdefault(triple.subject, []).append(triple)
    for triple in kept:
        if triple.predicate.value == f"{SH}property" and triple.subject in targets:
            for target in targets[triple.subject]:
                yield ox.Triple(triple.object, target.predicate, target.object)  # type: ignore[arg-type]
        else:
            yield triple


def _rule(iri: str, said: Mapping[str, list[Any]]) -> Rule:
    severity: Severity = said[f"{SH}severity"][0].value.removeprefix(SH).lower()
    path = said.get(f"{SH}path")
    return Rule(
        iri,
        severity,
        float(said[f"{SH}order"][0].value) if f"{SH}order" in said else 0,
        path[0].value if path else None,
        _texts(said.get(f"{SH}name", [])),
        _texts(said.get(f"{SH}message", [])),
    )


def _texts(literals: Iterable[ox.Literal]) -> Texts:
    return {literal.language or "en": literal.value for literal in literals}
