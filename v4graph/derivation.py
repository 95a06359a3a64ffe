"""Derived statements: shortcuts made by the CONSTRUCT rules in ``queries/rules``, never typed in by hand.

A rule derives statements about ``?focus``. Its header says what it ``makes``, and how a changed subject ``reach``es
the things whose derived statements may change with it, in words that start from the subject's own statements:

    # reach: subject of v4:startDate v4:endDate
    # reach: object of v4:participant; object of v4:project, then ^v4:project/v4:participant

So after a publication only those are derived again, inside the same update; deriving everything anew gives the same
(tests prove it). ``daily`` names a class whose things are derived again when the day has changed, or a class and a
path from its things to what is derived again: ``v4:LabelAward, then v4:awardedTo``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyoxigraph as ox

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.queries import bind, list_queries
from v4graph.resolution import RDF_TYPE, XSD

_CONSTRUCT = re.compile(r"^(.*?)CONSTRUCT\s*\{([^{}]*)\}\s*WHERE\s*\{(.*)\}\s*$", re.DOTALL)
_NAME = re.compile(r"(?<![<\w])\w+:\w[\w-]*")
_IRI = re.compile(r"<[^<>\s]+>")
_EDITION = 2
"""Counts up when the code tells of an entry in other statements than before: stores are then built anew."""
_FOCUS = re.compile(r"VALUES\s+\?focus\s*\{\s*UNDEF\s*\}")


@dataclass(frozen=True, slots=True)
class Reach:
    """One way from a changed subject to a focus: itself, or the objects of its properties, and a path from there."""

    itself: bool
    properties: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A CONSTRUCT rule, cut into the parts an update needs."""

    name: str
    order: int
    makes: tuple[str, ...]
    reach: tuple[Reach, ...]
    reads: frozenset[str]
    daily: str
    prologue: str
    template: str
    body: str


Changed = Mapping[str, Iterable[tuple[str, str]]]
"""Per property, subject and value of the statements that go or come."""

_REACH = re.compile(r"(subject|object) of ([^,;]+?)(?:, then (\S+))?")


def _full_names(prologue: str) -> Callable[[str], str]:
    spaces = dict(re.findall(r"PREFIX\s+(\w+:)\s*<([^>]*)>", prologue))

    def full(term: str) -> str:
        prefix, _, local = term.partition(":")
        return f"<{spaces[prefix + ':']}{local}>"

    return full


def _reaches(text: str, name: str, prologue: str) -> tuple[Reach, ...]:
    full = _full_names(prologue)
    found = []
    for part in text.split(";"):
        said = _REACH.fullmatch(part.strip())
        if said is None:
            raise ValueError(f"queries/{name}.rq: “{part.strip()}” is no way to reach a focus")
        properties = tuple(full(term) for term in said[2].split())
        found.append(Reach(said[1] == "subject", properties, said[3] or ""))
    return tuple(found)


@lru_cache(maxsize=2)
def load_rules(iris: Iris) -> tuple[Rule, ...]:
    """All rules, in the order in which they build on each other."""
    rules = []
    for query in list_queries("rules", iris):
        found = _CONSTRUCT.match(query.text)
        if not found or not _FOCUS.search(found[3]):
            raise ValueError(f"queries/{query.name}.rq is not CONSTRUCT {{…}} WHERE {{ VALUES ?focus {{ UNDEF }} … }}")
        prologue = "\n".join(line for line in found[1].splitlines() if not line.startswith("#"))
        makes = tuple(iris.term(name) for name in query.header["makes"].split())
        order = int(query.header.get("order", "9"))
        daily = query.header.get("daily", "")
        reach = _reaches(query.header["reach"], query.name, prologue)
        named = {*map(_full_names(prologue), _NAME.findall(found[3])), *_IRI.findall(found[3])}
        reads = frozenset(named).union(*(r.properties for r in reach))
        rules.append(Rule(query.name, order, makes, reach, reads, daily, prologue, found[2], found[3]))
    return tuple(sorted(rules, key=lambda rule: (rule.order, rule.name)))


def derived_properties(iris: Iris) -> list[str]:
    """The properties the rules make statements with."""
    return [made for rule in load_rules(iris) for made in rule.makes]


def fingerprint(rules: Iterable[Rule]) -> str:
    """A hash of the rules: a store derived by other rules is out of date."""
    parts: list[object] = [_EDITION]
    parts += [(r.name, r.order, r.makes, r.daily, r.prologue, r.template, r.body) for r in rules]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _today(date: str) -> str:
    return f'"{date}"^^<{XSD}date>'


def reads(rules: Iterable[Rule]) -> frozenset[str]:
    """The properties of all statements that rules look at (IRIs in angle brackets)."""
    return frozenset({RDF_TYPE}).union(*(rule.reads for rule in rules))


def derive_all(store: ox.Store, rules: Sequence[Rule], date: str, iris: Iris) -> None:
    """Derive everything from the default graph into an otherwise finished store; ``date`` is YYYY-MM-DD."""
    made, waiting = set[str](), b""
    for rule in rules:
        if made & rule.reads:  # one load for all rules that do not build on each other
            _load(store, waiting, iris)
            made, waiting = set(), b""
        construct = f"{rule.prologue}\nCONSTRUCT {{{rule.template}}} WHERE {{{rule.body}}}"
        found = store.query(bind(construct, today=_today(date)))
        assert isinstance(found, ox.QueryTriples)
        waiting += found.serialize(format=ox.RdfFormat.N_TRIPLES) or b""
        made |= {f"<{iri}>" for iri in rule.makes}
    _load(store, waiting, iris)


def _load(store: ox.Store, triples: bytes, iris: Iris) -> None:
    for graph in (ox.DefaultGraph(), ox.NamedNode(iris.derived)) if triples else ():
        store.bulk_load(triples, format=ox.RdfFormat.N_TRIPLES, to_graph=graph)


def foci(store: ox.Store, rule: Rule, changed: Changed, *, all_daily: bool) -> list[str]:
    """The things a rule must derive again, as N-Triples text, found before the update.

    Args:
        store: the store as it is before the update.
        rule: the rule.
        changed: what changes.
        all_daily: the day has changed.
    """
    concerned = {subject for predicate in rule.reads for subject, _ in changed.get(predicate, ())}
    found: set[str] = set()
    for reach in rule.reach:
        nodes = concerned if reach.itself else set[str]()
        for predicate in () if reach.itself else reach.properties:
            nodes |= {value for subject, value in changed.get(predicate, ()) if subject in concerned}
            for subject in concerned:
                pattern = (ox.NamedNode(subject[1:-1]), ox.NamedNode(predicate[1:-1]), None, ox.DefaultGraph())
                nodes |= {str(quad.object) for quad in store.quads_for_pattern(*pattern)}
        nodes = {node for node in nodes if node.startswith("<")}
        if nodes and reach.path:
            found |= _select(store, rule, f"VALUES ?node {{ {' '.join(sorted(nodes))} }} ?node {reach.path} ?focus")
        found |= nodes if not reach.path else set()
    if all_daily and rule.daily:
        kind, _, path = rule.daily.partition(", then ")
        found |= _select(store, rule, f"?node a {kind} . ?node {path} ?focus" if path else f"?focus a {kind}")
    return sorted(found)


def _select(store: ox.Store, rule: Rule, pattern: str) -> set[str]:
    rows = store.query(f"{rule.prologue}\nSELECT DISTINCT ?focus WHERE {{ {pattern} }}")
    assert isinstance(rows, ox.QuerySolutions)
    return {str(row["focus"]) for row in rows if isinstance(row["focus"], ox.NamedNode)}


def derive_update(rule: Rule, foci: Sequence[str], date: str, iris: Iris) -> str:
    """Operations that derive again what a rule says about the foci; they need ``prologue_of`` all rules before them."""
    # Pairs: the engine joins two lists with all that was ever derived, and looks up one list.
    about = " ".join(f"({focus} <{iri}>)" for focus in foci for iri in rule.makes)
    body = bind(rule.body, focus=foci, today=_today(date))
    remove = (
        f"DELETE {{ ?focus ?makes ?value . GRAPH <{iris.derived}> {{ ?focus ?makes ?value }} }}"
        f" WHERE {{ VALUES (?focus ?makes) {{ {about} }} GRAPH <{iris.derived}> {{ ?focus ?makes ?value }} }}"
    )
    insert = f"INSERT {{ {rule.template} GRAPH <{iris.derived}> {{ {rule.template} }} }} WHERE {{ {body} }}"
    return f"{remove} ;\n{insert}"


def prologue_of(rules: Iterable[Rule]) -> str:
    """The prefixes of all rules, once: the engine takes a prefix only once in an update."""
    lines = sorted({line for rule in rules for line in rule.prologue.splitlines() if line.strip()})
    names = [line.split()[1] for line in lines]
    if len(names) != len(set(names)):
        raise ValueError("two rules give different meanings to one prefix")
    return "\n".join(lines)


def derived_lines(store: ox.Store, iris: Iris) -> list[str]:
    """What is in the graph of derived statements."""
    return rdf.ntriples(store.quads_for_pattern(None, None, None, ox.NamedNode(iris.derived)))
