"""``v4graph check`` passes, and each of its checks notices the fault it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyoxigraph as ox
import pytest

from v4graph import catalogue, checks, releases, schemes
from v4graph.iris import Iris
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

IRIS = Iris()
FILES = checks.vocabulary_files(IRIS)
VOCABULARY = [t for name, triples in FILES.items() if checks._is_vocabulary(name) for t in triples]
TERMS = FILES["ontology/v4graph.ttl"]
PREFIXES = """
@prefix v4: <https://w3id.org/v4graph/ontology#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix org: <http://www.w3.org/ns/org#> . @prefix dcterms: <http://purl.org/dc/terms/> .
@prefix schema: <https://schema.org/> . @prefix sector: <https://w3id.org/v4graph/scheme/sector/> .
@prefix scheme: <https://w3id.org/v4graph/scheme/> . @prefix : <https://w3id.org/v4graph/id/x/> .
"""


def turtle(text: str) -> list[ox.Triple]:
    return [quad.triple for quad in ox.parse((PREFIXES + text).encode(), ox.RdfFormat.TURTLE)]


def without(triples: list[ox.Triple], subject: str, property_: str) -> list[ox.Triple]:
    left = [t for t in triples if not (t.subject.value == subject and t.predicate.value.endswith(property_))]
    assert len(left) < len(triples), "the mutation must take something away"
    return left


def test_all_checks_pass_on_what_is_here(published: Workspace) -> None:
    done = list(checks.all_checks(published.iris, published.home))
    assert {check.name: check.faults for check in done if check.faults} == {}
    assert [check.name.split(":")[0].split()[0] for check in done] == [
        "ontology", "schemes", "terms", "queries", "releases", "catalogue", "figures", "data",
    ]  # fmt: skip


def test_nothing_is_wrong_before_it_is_broken() -> None:
    assert list(checks.vocabulary_faults(VOCABULARY, IRIS)) == list(checks.vocabulary_faults(TERMS, IRIS)) == []
    assert list(schemes.skos_faults(VOCABULARY, IRIS)) == []


@pytest.mark.parametrize(
    ("fault", "begins"),
    [
        ("v4:Odd a owl:Class .", "P04"),
        ("v4:odd a owl:DatatypeProperty .", "P04, P11"),
        ("v4:odd a owl:DatatypeProperty ; schema:domainIncludes v4:Project .", "P04, P11"),
        ("v4:Project rdfs:subClassOf v4:Odd . v4:Odd rdfs:subClassOf v4:Project .", "P06"),
        ("v4:startDate rdfs:subPropertyOf v4:startDate .", "P06"),
        ('v4:Odd a owl:Class ; rdfs:label "Odd"@en ; skos:definition "An odd thing that is nothing else."@en .', "P08"),
        ("v4:Odd a owl:Class . v4:startDate schema:domainIncludes v4:Odd .", "P10"),
        ("v4:odd a owl:ObjectProperty .", "P13"),
        ('v4:participant v4:inverseLabel "Takes part in"@en . v4:odd a owl:ObjectProperty ; v4:inverseLabel "Odd"@en .',
         "P13"),
        ("v4:Project rdfs:domain v4:Project, v4:Event .", "P19"),
        ("v4:OtherThing a owl:Class .", "P21"),
        ('v4:Odd a owl:Class ; rdfs:label "Odd thing"@en ; skos:definition "An odd thing of one or more parts."@en .',
         "P24"),
        ("v4:startDate owl:inverseOf v4:startDate .", "P25"),
        ("v4:coParticipatedWith owl:inverseOf v4:partner .", "P26"),
        ("v4:Project owl:equivalentClass org:Organization .", "P30"),
        ("v4:leadPartner owl:propertyChainAxiom :list .", "P33"),
        (f'v4:Project rdfs:label "{"long " * 13}"@en .', "P20"),
        ("v4:odd_name a owl:DatatypeProperty .", "P22"),
        ("v4:lower a owl:Class .", "P22"),
        ('v4:Project rdfs:label "Event"@en .', "P32"),
        ('v4:Odd rdfs:label "Odd"@en .', "P34/P35"),
        ("v4:acronym owl:deprecated true .", "deprecated"),
        ("v4:Odd.ttl a owl:Class .", "P36"),
        ("<https://w3id.org/other> a owl:Ontology .", "P38"),
        ("<https://w3id.org/v4graph/ontology> owl:versionIRI <https://w3id.org/v4graph/ontology/7> .", "header VER1"),
        ('<https://w3id.org/v4graph/ontology> dcterms:created "2999-01-01" .', "header OM3"),
        ('<https://w3id.org/v4graph/ontology> owl:versionInfo "7.0.0" .', "header OM2"),
    ],
)  # fmt: skip
def test_faults_of_the_vocabulary_are_noticed(fault: str, begins: str) -> None:
    new = list(checks.vocabulary_faults([*TERMS, *turtle(fault)], IRIS))
    assert any(found.startswith(begins) for found in new), new


@pytest.mark.parametrize(
    ("property_", "begins"),
    [
        ("preferredNamespacePrefix", "header FIND1"), ("preferredNamespaceUri", "header FIND1"),
        ("terms/title", "header OM1"), ("terms/description", "header OM1"), ("versionInfo", "header OM2"),
        ("terms/created", "header OM2"), ("bibliographicCitation", "header OM2"), ("terms/issued", "header OM3"),
        ("terms/modified", "header OM3"), ("bibo/status", "OM3"), ("terms/license", "P41, OM4"),
        ("terms/creator", "OM5"), ("terms/publisher", "OM5"), ("versionIRI", "header VER1"), ("#type", "P38, URI2"),
    ],
)  # fmt: skip
def test_a_header_that_says_too_little_is_noticed(property_: str, begins: str) -> None:
    """What FOOPS! asks of the header of an ontology."""
    less = without(TERMS, IRIS.ontology, property_)
    found = list(checks.vocabulary_faults(less, IRIS))
    assert any(f.startswith(begins) for f in found), found


def test_a_missing_label_is_noticed() -> None:
    label = [
        t
        for t in VOCABULARY
        if not (t.subject.value == IRIS.term("Project") and getattr(t.object, "language", None) == "hu")
    ]
    assert f"P08: {IRIS.term('Project')}: rdfs:label is missing in hu" in list(checks.vocabulary_faults(label, IRIS))


@pytest.mark.parametrize(
    ("fault", "begins"),
    [
        ("sector:ict a skos:ConceptScheme .", "S9"),
        ("sector:ict a skos:Collection .", "S37"),
        ("scheme:sector a skos:OrderedCollection .", "S37"),
        ('sector:ict skos:altLabel "same"@en ; skos:hiddenLabel "same"@en .', "S13"),
        ('sector:ict skos:prefLabel "another"@en .', "S14"),
        ("sector:ict skos:broader sector:health ; skos:related sector:health .", "S27"),
        ("sector:a skos:broader sector:b . sector:b skos:broader sector:c . sector:c skos:related sector:a .", "S27"),
        ("sector:ict skos:exactMatch :a ; skos:broadMatch :a .", "S46"),
        ("sector:ict skos:broader sector:health . sector:health skos:broader sector:ict .", "cycle"),
        ("sector:odd a skos:Concept .", "orphan"),
        ('sector:odd a skos:Concept ; skos:inScheme scheme:sector ; skos:notation "odd" .', "orphan"),
        ("sector:ict skos:broader <https://w3id.org/v4graph/scheme/technology/photonics> .", "orphan"),
        ('sector:ict skos:notation "health" .', "notation"),
        ("sector:odd a skos:Concept ; skos:topConceptOf scheme:sector ; skos:inScheme scheme:sector .", "top"),
        ("sector:ict owl:deprecated true .", "deprecated"),
    ],
)
def test_faults_of_schemes_are_noticed(fault: str, begins: str) -> None:
    new = list(schemes.skos_faults([*VOCABULARY, *turtle(fault)], IRIS))
    assert any(found.startswith(begins) for found in new), new


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (":a org:linkedOrg :b .", "P40: data/new.ttl uses http://www.w3.org/ns/org#linkedOrg"),
        (":a schema:fondingDate :b .", "fondingDate"),
        (":a <http://unheard.example/of> :b .", "ontology/vendored/terms.txt does not know"),
        (":a a v4:Projekt .", "P34/P35: data/new.ttl uses https://w3id.org/v4graph/ontology#Projekt"),
    ],
)
def test_terms_nobody_declares_are_noticed(fault: str, says: str) -> None:
    found = list(checks.term_faults({**FILES, "data/new.ttl": turtle(fault)}, {}, IRIS))
    assert any(says in message for message in found), found


def test_terms_in_queries_are_looked_up() -> None:
    text = """# title: A test
        PREFIX v4: <https://w3id.org/v4graph/ontology#> PREFIX org: <http://www.w3.org/ns/org#>
        SELECT ?a { ?a org:linkedOrg ?b ; v4:startDate "org:inText" ; <https://w3id.org/v4graph/ontology#odd> 1 }"""
    found = list(checks.term_faults(FILES, {"queries/new.rq": text}, IRIS))
    assert [message.split("; ")[0].split(", ")[0] for message in found] == [
        "P40: queries/new.rq uses http://www.w3.org/ns/org#linkedOrg",
        "P34/P35: queries/new.rq uses https://w3id.org/v4graph/ontology#odd",
    ]


def test_a_query_without_title_or_with_an_error_is_noticed() -> None:
    found = list(checks.query_faults({"a.rq": "# title: A\n# description: B\nSELECT ?x {", "b.rq": "ASK {}"}))
    assert found[0].startswith("a.rq is not SPARQL")
    assert found[1:] == ["b.rq: begin with “# title: …”", "b.rq: begin with “# description: …”"]


@pytest.mark.parametrize(
    ("subject", "property_"),
    [("catalogue", "title"), ("catalogue", "publisher"), ("catalogue#dataset", "description"),
     ("catalogue#sparql", "endpointURL"), ("catalogue#n-quads", "accessURL")],
)  # fmt: skip
def test_a_catalogue_that_says_too_little_is_noticed(subject: str, property_: str) -> None:
    told = catalogue.description(IRIS, "2026-11-21T00:00:00Z", "1")
    assert list(checks.dcat_faults(told)) == []
    [fault] = checks.dcat_faults(without(told, f"{IRIS.base}{subject}", property_))
    assert fault.startswith(f"{IRIS.base}{subject}: ")
    assert property_ in fault


@pytest.fixture(scope="module")
def figures(published: Workspace) -> tuple[ox.Store, list[ox.Triple]]:
    store = ox.Store.read_only(str(current(published.home).path))  # type: ignore[union-attr]
    told = catalogue.statistics(IRIS, checks.count(store, IRIS), "2026-11-21T00:00:00Z")
    return store, told


def test_every_figure_is_compared(figures: tuple[ox.Store, list[ox.Triple]]) -> None:
    store, told = figures
    assert list(checks.void_faults(told, store, IRIS)) == []
    names = ("triples", "distinctSubjects", "distinctObjects", "properties", "entities")
    for name in names:
        wrong = [_one_more(t) if t.predicate.value == checks.VOID + name else t for t in told]
        assert any(f"void:{name} " in fault for fault in checks.void_faults(wrong, store, IRIS)), name


def _one_more(triple: ox.Triple) -> ox.Triple:
    assert isinstance(triple.object, ox.Literal)
    return ox.Triple(triple.subject, triple.predicate, ox.Literal(int(triple.object.value) + 1))


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (ox.BlankNode(), "blank node"),
        (ox.NamedNode("http://localhost:8000/id/x"), "placeholder"),
        (ox.NamedNode("https://w3id.org/v4graph/id/place/ko\u0308ln"), "NFC"),
    ],
)
def test_data_that_nobody_could_follow_is_noticed(node: ox.NamedNode | ox.BlankNode, says: str) -> None:
    store = ox.Store()
    store.add(ox.Quad(node, ox.NamedNode("urn:p"), ox.Literal("x")))
    [fault] = checks.data_faults(store)
    assert says in fault


def test_a_changed_release_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = releases.freeze(tmp_path)
    assert releases.all_faults(tmp_path) == []
    (folder / "context.jsonld").write_text("{}")
    assert releases.all_faults(tmp_path) != []


def test_the_command_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    """In a copy of the project whose schemes are broken, and where nothing was published yet."""
    from v4graph import assets

    def run(folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "v4graph", "check"], cwd=folder, capture_output=True, text=True, timeout=100,
            env={**os.environ, "V4GRAPH_HOME": str(tmp_path / "home"), "PYTHONPATH": str(folder)}, check=False,
        )  # fmt: skip

    for name in ("ontology", "data", "queries", "shapes", "v4graph"):
        shutil.copytree(assets.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    scheme = tmp_path / "ontology" / "schemes" / "sector.ttl"
    scheme.write_text(scheme.read_text("utf-8") + "\n<https://w3id.org/v4graph/scheme/sector/x> a skos:Concept .\n")
    done = run(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ok    ledger" in done.stdout
    assert "fail  schemes" in done.stdout
    assert "put https://w3id.org/v4graph/scheme/sector/x into a declared skos:ConceptScheme" in done.stdout
    assert "ok    catalogue" in done.stdout
