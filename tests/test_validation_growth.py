"""Four times as much to validate takes four times as long, not sixteen times: rule by rule, and as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable

import pyoxigraph as ox
import pytest

from benchmarks.generate import COUNTRY, RDF_TYPE, V4, document
from v4graph import shacl
from v4graph.integrity import load_integrity
from v4graph.iris import Iris
from v4graph.rules import load_rules
from v4graph.shapes import validate

IRIS = Iris()
ORG = "http://www.w3.org/ns/org#"
SLACK = 8.0
"""What is compared each with each takes sixteen times as long."""
FLOOR = 0.03
"""Seconds below which a clock says little."""


def about(kind: str, name: object, *values: tuple[str, str]) -> list[str]:
    """Statements about a thing: properties and values, the latter as N-Triples writes them."""
    return [f"<{IRIS.thing(kind, f'grown-{name}')}> <{path}> {value} ." for path, value in values]


def named(kind: str, name: object) -> str:
    return f"<{IRIS.thing(kind, f'grown-{name}')}>"


def hubs(size: int) -> list[str]:
    """A cluster organisation and a meta-cluster of so many members, a project of as many partners, years of counts."""
    a = RDF_TYPE[1:-1]
    cluster, meta, project = named("organisation", "hub"), named("partnership", "hub"), named("project", "hub")
    many = f'"{size}"^^<http://www.w3.org/2001/XMLSchema#integer>'
    lines = about("organisation", "hub", (a, f"<{V4}ClusterOrganisation>"))
    lines += about("partnership", "hub", (a, f"<{V4}MetaCluster>"), (f"{V4}declaredClusterCount", many))
    lines += about("project", "hub", (a, f"<{V4}Project>"), (f"{V4}declaredPartnerCount", many))
    role, kind = (f"<{IRIS.concept(*of)}>" for of in (("participation-role", "partner"), ("member-type", "company")))
    for i in range(size):
        member = named("organisation", i)
        lines += about("organisation", i, (a, f"<{ORG}Organization>"), (f"{V4}country", f"<{COUNTRY}CZE>"))
        for name, whole in (("c", cluster), ("m", meta)):
            belongs = ((f"{ORG}member", member), (f"{ORG}organization", whole), (f"{V4}memberType", kind))
            lines += about("membership", f"{name}-{i}", *belongs)
        part = ((f"{V4}project", project), (f"{V4}participant", member), (f"{V4}participationRole", role))
        lines += about("participation", i, *part)
        counted = (f"{V4}refOrganisation", cluster), (f"{V4}refPeriod", f'"{1000 + i}"'), (f"{V4}value", many)
        lines += about("observation", i, (f"{V4}indicator", f"<{IRIS.concept('indicator', 'member-count')}>"), *counted)
    return lines


def mix(size: int) -> list[str]:
    return document(size, "grown")


@pytest.mark.parametrize(("data", "sizes"), [(mix, (250, 1000, 4000)), (hubs, (25, 100, 400, 1600))])
def test_no_rule_compares_each_with_each(data: Callable[[int], list[str]], sizes: tuple[int, ...]) -> None:
    before: dict[str, float] = {}
    for size in sizes:
        store = ox.Store()
        lines = [*data(size), *load_rules(IRIS).vocabulary.hierarchy]
        store.bulk_load("\n".join(lines).encode(), ox.RdfFormat.N_TRIPLES)
        for rule in load_integrity(IRIS):
            started = time.process_time()
            list(store.query(rule.query))  # type: ignore[arg-type]
            taken = time.process_time() - started
            assert taken < SLACK * before.get(rule.rule.iri, taken) + FLOOR, (rule.rule.iri, size, taken)
            before[rule.rule.iri] = taken


def test_a_validation_grows_with_the_contribution() -> None:
    taken = []
    for records in (20, 500, 2000):  # the first is for what is read once
        lines = document(records, "grown")
        started = time.process_time()
        report = validate(lines, iris=IRIS, outside=True)
        taken.append(time.process_time() - started)
        assert report.counts == {"violation": 0, "warning": 0, "info": records // 5}
    assert taken[2] < SLACK * taken[1]


def test_what_is_asked_of_shacl_grows_with_the_faults() -> None:
    """In the mix of the benchmark one recommendation is not followed by a fifth of the records."""
    asked = {}
    for records in (400, 800):
        lines = document(records, "grown")
        told = [*lines, *load_rules(IRIS).vocabulary.hierarchy]
        (doubtful,) = shacl._sieve(IRIS).doubtful(told, lines)
        asked[records] = {shape: len(of) for shape, of in doubtful.shapes.items()}
        assert len(doubtful.lines) < records // 5
    assert asked == {n: {f"{IRIS.base}shapes#ClusterMembership-memberType-given": n // 5} for n in (400, 800)}
