"""Derived statements: shortcuts made by the CONSTRUCT rules in ``queries/rules``, never typed in by hand.

A rule derives statements about ``?focus``. Its header says what it ``makes``, and how a changed subject ``reach``es
the things whose derived statements may change with it. So after a publication only those are derived again, inside
the same update; deriving everything anew gives the same (tests prove it).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.queries import bind, list_queries
from v4graph.resolution import XSD

_CONSTRUCT = re.compile(r"^(.*?)CONSTRUCT\s*\{([^{}]*)\}\s*WHERE\s*\{(.*)\}\s*$", re.DOTALL)
_FOCUS = re.compile(r"VALUES\s+\?focus\s*\{\s*UNDEF\s*\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A CONSTRUCT rule, cut into the parts an update needs."""

    name: str
    order: int
    makes: tuple[str, ...]
    reach: str
    daily: str
    prologue: str
    template: str
    body: str


def load_rules(iris: Iris) -> list[Rule]:
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
        rules.append(Rule(query.name, order, makes, query.header["reach"], daily, prologue, found[2], found[3]))
    return sorted(rules, key=lambda rule: (rule.order, rule.name))


def derived_properties(iris: Iris) -> list[str]:
    """The properties the rules make statements with."""
    return [made for rule in load_rules(iris) for made in rule.makes]


def fingerprint(rules: Iterable[Rule]) -> str:
    """A hash of the rules: a store derived by other rules is out of date."""
    return hashlib.sha256(repr(list(rules)).encode()).hexdigest()[:16]


def _today(date: str) -> str:
    return f'"{date}"^^<{XSD}date>'


def derive_all(store: ox.Store, rules: Sequence[Rule], date: str, iris: Iris) -> None:
    """Derive everything from the default graph into an otherwise finished store; ``date`` is YYYY-MM-DD."""
    derived = ox.NamedNode(iris.derived)
    for rule in rules:
        construct = f"{rule.prologue}\nCONSTRUCT {{{rule.template}}} WHERE {{{rule.body}}}"
        made = list(store.query(bind(construct, today=_today(date))))  # type: ignore[arg-type]
        store.bulk_extend(ox.Quad(*triple, graph) for triple in made for graph in (ox.DefaultGraph(), derived))


def foci(store: ox.Store, rule: Rule, changed: Iterable[str], *, all_daily: bool) -> list[str]:
    """The things a rule must derive again, seen from the store as it is now, before the update."""
    pattern = f"VALUES ?changed {{ {' '.join(changed)} }} {rule.reach}"
    if all_daily and rule.daily:
        pattern = f"{{ {pattern} }} UNION {{ {rule.daily} }}"
    rows = store.query(f"{rule.prologue}\nSELECT DISTINCT ?focus WHERE {{ {pattern} }}")
    return sorted({str(row["focus"]) for row in rows if isinstance(row["focus"], ox.NamedNode)})  # type: ignore[union-attr,index]


def derive_update(rule: Rule, old: Sequence[str], changed: Sequence[str], date: str, iris: Iris) -> str:
    """Operations that derive again what a rule says about the old foci and those the changed subjects reach now.

    They need ``prologue_of`` all rules before them.
    """
    makes = " ".join(f"<{iri}>" for iri in rule.makes)
    again = (
        f"{{ SELECT DISTINCT ?focus WHERE {{ {{ VALUES ?focus {{ {' '.join(old)} }} }}"
        f" UNION {{ VALUES ?changed {{ {' '.join(changed)} }} {rule.reach} }} FILTER(isIRI(?focus)) }} }}"
    )
    body = bind(_FOCUS.sub(lambda _: again, rule.body), today=_today(date))
    remove = (
        f"DELETE {{ ?focus ?makes ?value . GRAPH <{iris.derived}> {{ ?focus ?makes ?value }} }}"
        f" WHERE {{ {again} VALUES ?makes {{ {makes} }} GRAPH <{iris.derived}> {{ ?focus ?makes ?value }} }}"
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
