"""The axioms: harmless to a reasoner, which merges nothing and invents nothing."""

from __future__ import annotations

import re

import owlrl
import pytest
import rdflib

from tests.ontology.reading import (
    ALL,
    BASE,
    CLASSES,
    FOAF,
    ORG,
    OWL,
    PROV,
    RDF,
    RDFS,
    SCHEMA,
    SKOS,
    V4,
    VOCABULARY,
    list_of,
    short,
)


def test_no_axiom_that_could_merge_things() -> None:
    types = {f"{OWL}{t}" for t in ["FunctionalProperty", "InverseFunctionalProperty", "Restriction", "AllDifferent"]}
    predicates = {
        f"{OWL}{p}"
        for p in [
            "sameAs",
            "imports",
            "equivalentClass",
            "equivalentProperty",
            "hasKey",
            "unionOf",
            "oneOf",
            "propertyChainAxiom",
        ]
    }
    faults = [str(q) for q in ALL.quads if q.predicate.value in predicates or q.object.value in types]
    assert not faults, f"take these out, they let a reasoner merge or retype things:{list_of(faults)}"


def test_class_hierarchy_has_no_cycle() -> None:
    for predicate in (f"{RDFS}subClassOf", f"{RDFS}subPropertyOf", f"{SKOS}broader"):
        above = {s: ALL.iris(s, predicate) for s in ALL.subjects(predicate)}
        for start in above:
            seen, front = set(), above[start]
            while front:
                assert start not in front, f"{short(start)} lies below itself by {predicate}: break the cycle"
                seen |= front
                front = set().union(*(above.get(f, set()) for f in front)) - seen


AXIOMS = {
    rdflib.URIRef(iri)
    for iri in (
        *(f"{RDFS}{name}" for name in ("subClassOf", "subPropertyOf", "domain", "range")),
        *(f"{OWL}{name}" for name in ("disjointWith", "inverseOf", "equivalentClass", "equivalentProperty", "sameAs")),
    )
}


def closure(turtle: str) -> rdflib.Graph:
    """The OWL RL closure of the axioms of the vocabulary and some statements about things."""
    graph = rdflib.Graph()
    for triple in rdflib.Graph().parse(VOCABULARY):
        if triple[1] in AXIOMS or (triple[1] == rdflib.RDF.type and str(triple[2]).startswith(OWL)):
            graph.add(triple)
    prefixes = f"@prefix v4: <{V4}> . @prefix org: <{ORG}> . @prefix owl: <{OWL}> . @prefix foaf: <{FOAF}> .\n"
    graph.parse(data=f"{prefixes}@prefix : <{BASE}id/> .\n{turtle}", format="turtle")
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    return graph


def merged(graph: rdflib.Graph) -> list[str]:
    pairs = sorted((str(s), str(o)) for s, _, o in graph.triples((None, rdflib.OWL.sameAs, None)) if s != o)
    return [f"{s} = {o}" for s, o in pairs if s.startswith(f"{BASE}id/")]


def contradictions(graph: rdflib.Graph) -> list[str]:
    error = rdflib.URIRef("http://www.daml.org/2002/03/agents/agent-ont#error")
    return sorted(str(o) for o in graph.objects(None, error))


def types_of(graph: rdflib.Graph, name: str) -> set[str]:
    general = {f"{OWL}Thing", f"{RDFS}Resource"}
    return {str(t) for t in graph.objects(rdflib.URIRef(f"{BASE}id/{name}"), rdflib.RDF.type)} - general


TOY = """
:nca a org:Organization, v4:ClusterOrganisation .
:uks a org:Organization, v4:ClusterOrganisation .
:membership a v4:PartnershipMembership ; org:organization :meta ; org:member :nca, :uks .
:meta a v4:MetaCluster ; v4:theme <https://w3id.org/v4graph/scheme/sector/ict> ; v4:emergedFrom :v4clusters .
:v4clusters a v4:Project ; v4:leadPartner :nca ; v4:partner :uks ; v4:partOfProgramme :fund .
:first a v4:ProjectParticipation ; v4:project :v4clusters ; v4:participant :nca .
:second v4:project :v4clusters ; v4:participant :uks .
:money v4:fundedProject :v4clusters ; v4:funder :ivf ; v4:programme :fund .
:fund a v4:Programme .
:meeting a v4:Event ; v4:partOfProject :v4clusters ; v4:hostedBy :meta .
:plan a v4:StrategicPlan ; v4:producedBy :v4clusters .
:nca v4:coParticipatedWith :uks ; v4:manages :cluster .
:cluster a v4:Cluster .
:link a v4:CooperationLink ; v4:cooperationParty :nca, :x ; v4:inContextOf :meeting .
:intent v4:intentOf :nca ; v4:targetMarket <http://publications.europa.eu/resource/authority/country/VNM> .
:award v4:awardedTo :nca ; v4:awardedLabel <https://w3id.org/v4graph/scheme/quality-label/esca-gold> ; v4:issuer :y .
:count a v4:IndicatorObservation ; v4:refOrganisation :x ; v4:value 31 .
:service a v4:TechnologyService ; v4:servesSector <https://w3id.org/v4graph/scheme/sector/ict> .
:policy a v4:ClusterPolicy ; v4:appliesTo <http://data.europa.eu/nuts/code/CZ08> .
:judgement v4:classifies :cluster ; v4:stage <https://w3id.org/v4graph/scheme/life-cycle/mature> .
:x v4:originPlace :town .
"""


@pytest.fixture(scope="module")
def toy() -> rdflib.Graph:
    return closure(TOY)


def test_reasoning_merges_nothing(toy: rdflib.Graph) -> None:
    assert not merged(toy), f"the axioms make these one thing:{list_of(merged(toy))}"
    assert not contradictions(toy), f"the axioms contradict good data:{list_of(contradictions(toy))}"


def test_the_axioms_are_all_there(toy: rdflib.Graph) -> None:
    """What the closure leaves out are texts and notes, which imply nothing."""
    left_out = {str(p) for _, p, _ in rdflib.Graph().parse(VOCABULARY) if p not in AXIOMS} - {f"{RDF}type"}
    assert not {p for p in left_out if p.startswith(RDFS)} - {f"{RDFS}label", f"{RDFS}isDefinedBy"}
    assert not {p for p in left_out if p.startswith(OWL)} - {f"{OWL}{n}" for n in ("versionInfo", "versionIRI")}
    assert (rdflib.URIRef(f"{V4}Cluster"), rdflib.OWL.disjointWith, rdflib.URIRef(f"{V4}Project")) in toy


def test_the_check_would_notice_a_merger() -> None:
    graph = closure(TOY + "org:member a owl:FunctionalProperty .")
    assert merged(graph), "two members of one membership under a functional org:member must come out as one"


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("v4clusters", {f"{V4}Project", f"{FOAF}Project", f"{PROV}Activity"}),
        ("first", {f"{V4}ProjectParticipation"}),
        ("second", {f"{V4}ProjectParticipation"}),
        ("money", {f"{V4}Funding"}),
        ("ivf", set()),
        ("fund", {f"{V4}Programme"}),
        ("nca", {f"{V4}ClusterOrganisation", f"{ORG}Organization"}),
        ("meta", {f"{V4}MetaCluster", f"{V4}ClusterPartnership", f"{ORG}OrganizationalCollaboration"}),
        ("cluster", {f"{V4}Cluster"}),
        ("meeting", {f"{V4}Event", f"{SCHEMA}Event"}),
        ("plan", {f"{V4}StrategicPlan", f"{V4}Output", f"{PROV}Entity"}),
        ("link", {f"{V4}CooperationLink"}),
        ("intent", set()),
        ("award", set()),
        ("count", {f"{V4}IndicatorObservation"}),
        ("service", {f"{V4}TechnologyService", f"{SCHEMA}Service"}),
        ("policy", {f"{V4}ClusterPolicy", f"{PROV}Plan"}),
        ("judgement", set()),
        ("x", set()),
        ("y", set()),
        ("town", set()),
    ],
)
def test_reasoning_adds_only_the_types_we_mean(toy: rdflib.Graph, name: str, types: set[str]) -> None:
    assert types_of(toy, name) == types, f"a domain, range or superclass types {name} otherwise than meant"


def test_reasoning_adds_only_the_roles_we_mean(toy: rdflib.Graph) -> None:
    node = rdflib.URIRef(f"{BASE}id/v4clusters")
    assert {str(o) for o in toy.objects(node, rdflib.URIRef(f"{V4}involves"))} == {f"{BASE}id/nca", f"{BASE}id/uks"}
    uks = rdflib.URIRef(f"{BASE}id/uks")
    assert (uks, rdflib.URIRef(f"{V4}coParticipatedWith"), rdflib.URIRef(f"{BASE}id/nca")) in toy


def test_reasoning_makes_no_seat_and_no_cooperation(toy: rdflib.Graph) -> None:
    """A place of founding is a connected place, never a seat; meeting in a project is no cooperation."""
    x, town = rdflib.URIRef(f"{BASE}id/x"), rdflib.URIRef(f"{BASE}id/town")
    assert {str(p).removeprefix(V4) for p in toy.predicates(x, town)} == {"originPlace", "associatedPlace"}
    links = set(toy.subjects(rdflib.URIRef(f"{V4}cooperationParty"), None))
    assert links == {rdflib.URIRef(f"{BASE}id/link")}


def test_every_class_can_have_members() -> None:
    graph = closure("".join(f":x{n} a <{c}> .\n" for n, c in enumerate(CLASSES)))
    assert not contradictions(graph), f"a class is below two disjoint ones:{list_of(contradictions(graph))}"


CONFUSIONS = [
    ":x a v4:Project, foaf:Agent .",
    ":x a v4:Cluster, foaf:Agent .",
    ":x a v4:Project, v4:Programme .",
    ":x a v4:ProjectParticipation, v4:Project .",
    ":x a v4:Event, v4:Project .",
    ":x a v4:Output, v4:Project .",
    ":x a v4:ClusterPolicy, v4:Programme .",
    ":x a v4:CooperationLink, foaf:Agent .",
    ":x a v4:SectorRelation, v4:Sector .",
    ":x a v4:Indicator, v4:Sector .",
    ":x a v4:Funding ; v4:project :p . :p a v4:Project . :x a v4:Project .",
]


def test_confusions_are_contradictions() -> None:
    """All in one closure, each about things of its own."""
    text = "\n".join(re.sub(r"(?<![\w:]):(\w)", rf":n{n}-\1", fault) for n, fault in enumerate(CONFUSIONS))
    found = " ".join(contradictions(closure(text)))
    missed = [fault for n, fault in enumerate(CONFUSIONS) if f"/n{n}-" not in found]
    assert not missed, f"add owl:disjointWith so that these come out as wrong:{list_of(missed)}"
