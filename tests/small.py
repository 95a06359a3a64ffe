"""A small instance for tests that publish often: few properties, three partners' sources, no packaged data."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox

from v4graph import projection, rdf
from v4graph.actors import COMMAND_LINE, Actor, add_partner
from v4graph.contributions import Contribution, record
from v4graph.iris import Iris
from v4graph.report import Finding, Report, Rule
from v4graph.settings import Settings
from v4graph.sources import Description, describe
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

IRIS = Iris()
V4 = IRIS.term("")
XSD = "http://www.w3.org/2001/XMLSchema#"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
PREF = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
ALT = "<http://www.w3.org/2004/02/skos/core#altLabel>"
START, END, COUNT = (f"<{V4}{name}>" for name in ("startDate", "endDate", "declaredPartnerCount"))

POLICIES = (
    *(f"{name} <{V4}mergePolicy> <{V4}Single> ." for name in (START, END, COUNT)),
    f"{PREF} <{V4}mergePolicy> <{V4}SinglePerLanguage> .",
    f"{PREF} <{V4}otherValuesAs> {ALT} .",
    f"{TYPE} <{V4}mergePolicy> <{V4}Set> .",
)
RANKS = {"north": "b", "south": "c", "west": "c"}

NORTH = Actor("north/1", "north", frozenset({"submit", "publish"}))
SOUTH = Actor("south/1", "south", frozenset({"submit", "publish"}))
WEST = Actor("west/1", "west", frozenset({"submit"}))
REVIEWER = Actor("office/1", "office", frozenset({"submit", "review"}))
OWNERS = {"north": NORTH, "south": SOUTH, "west": WEST}

CLEAN = Report(())
WARNS = Report((Finding(Rule("https://w3id.org/v4graph/shapes#test", "warning", messages={"en": "Odd."}), "urn:x"),))
BLOCKS = Report((Finding(Rule("https://w3id.org/v4graph/shapes#test"), "urn:x"), *WARNS.findings))


def small(home: Path) -> Workspace:
    """An instance whose vocabulary is a few policies, with a source for each partner."""
    workspace = Workspace(Settings(home=home))
    with workspace.writing() as ledger:
        for slug, rank in RANKS.items():
            partner = add_partner(ledger, slug, f"The {slug}")
            ledger.append([describe(slug, f"Data of the {slug}", rank, partner, IRIS).entry(COMMAND_LINE.name)])
        vocabulary = describe("x", "Vocabulary", "a", partner, IRIS)
        ledger.append([Description("ontology", vocabulary.lines, 1, "curator").entry(COMMAND_LINE.name)])
        record(ledger, [Contribution("ontology", tuple(sorted(POLICIES)))])
        projection.project(ledger, home, IRIS)
    return workspace


def token(workspace: Workspace) -> str:
    """The token of the present snapshot."""
    snapshot = current(workspace.home)
    assert snapshot is not None
    return snapshot.token


def project_lines(slug: str, year: str = "2013", name: str = "One") -> list[str]:
    """Some statements about a project."""
    node = f"<{IRIS.thing('project', slug)}>"
    return sorted(
        [
            f"{node} {TYPE} <{V4}Project> .",
            f'{node} {START} "{year}"^^<{XSD}gYear> .',
            f'{node} {PREF} "{name}"@en .',
        ]
    )


def graphs(workspace: Workspace) -> dict[str, set[str]]:
    """What the store holds, as N-Triples lines by graph; "" is the default graph."""
    snapshot = current(workspace.home)
    assert snapshot is not None
    found: dict[str, list[ox.Quad]] = {}
    for quad in ox.Store.read_only(str(snapshot.path)):
        name = "" if isinstance(quad.graph_name, ox.DefaultGraph) else IRIS.source(quad.graph_name.value)
        found.setdefault(name, []).append(quad)
    return {name: set(rdf.ntriples(quads)) for name, quads in found.items()}
