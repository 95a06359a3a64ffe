"""The rules and their report: every rule has a case that breaks it, and our own data breaks none."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
from rdflib.namespace import RDF, SH, XSD

from v4graph import assets, rdf
from v4graph.integrity import load_integrity
from v4graph.iris import Iris
from v4graph.report import SEVERITIES, Report, text_in
from v4graph.reporting import LISTED, render_text, to_json
from v4graph.rules import load_rules
from v4graph.shapes import validate

CASES = Path(__file__).parent / "cases"
LANGUAGES = ("en", "cs", "sk", "pl", "hu", "de")
IRIS = Iris()
V4SH = f"{IRIS.base}shapes#"
V4 = rdflib.Namespace(V4SH)
TYPE = f"<{RDF.type}>"
EXAMPLES = sorted((assets.ONTOLOGY / "examples").glob("*.ttl"))
EVERYTHING = """id:project\\/case a v4:Project ; skos:prefLabel "Case"@en .
id:cluster\\/case a v4:Cluster ; v4:operatesIn <http://publications.europa.eu/resource/authority/country/CZE> ."""


def lines_of(path: Path) -> list[str]:
    return rdf.ntriples(ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE))


def lines_in(turtle: str) -> list[str]:
    prefixes = {
        "v4": IRIS.term(""),
        "id": f"{IRIS.base}id/",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "xsd": str(XSD),
    }
    head = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in prefixes.items())
    return rdf.ntriples(ox.parse((head + turtle).encode(), ox.RdfFormat.TURTLE))


def local(iri: str) -> str:
    return iri.removeprefix(V4SH)


def violations(report: Report) -> set[str]:
    return {local(finding.shape) for finding in report.findings if finding.severity == "violation"}


SHAPES = rdflib.Graph()
for _file in sorted(assets.SHAPES.glob("*.ttl")):
    SHAPES.parse(_file)
ALL_SHAPES = sorted({*SHAPES.subjects(RDF.type, SH.NodeShape), *SHAPES.subjects(RDF.type, SH.PropertyShape)})
NEIGHBOURHOOD = [*lines_of(CASES / "valid-neighbourhood.ttl"), *lines_of(CASES / "retired-concept.ttl")]
INVALID = sorted(CASES.glob("invalid-*.ttl"))
OUTSIDE = sorted(CASES.glob("outside-*.ttl"))
HINTED = sorted(CASES.glob("info-*.ttl"))
WARNED = sorted(CASES.glob("warning-*.ttl"))
INTEGRITY = load_integrity(IRIS)
VALID = sorted(CASES.glob("valid-*.ttl"))


def shape_of_case(path: Path) -> str:
    """The shape a case is named after: the longest name of a shape that begins its own."""
    name = path.stem.partition("-")[2]
    rules = [*ALL_SHAPES, *(integrity.rule.iri for integrity in INTEGRITY)]
    names = [local(shape) for shape in rules if name.startswith(f"{local(shape)}-")]
    assert names, f"{path.name} is not named after a shape"
    return max(names, key=len)


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=local)
def test_shape_is_written_for_people(shape):
    assert isinstance(shape, rdflib.URIRef), "no shape is a blank node"
    assert shape.startswith(V4SH)
    messages = {m.language: str(m) for m in SHAPES.objects(shape, SH.message)}
    assert set(messages) == set(LANGUAGES)
    assert len(list(SHAPES.objects(shape, SH.message))) == len(LANGUAGES)
    assert len(set(messages.values())) == len(LANGUAGES), "a message is a translation, not a copy"
    assert not [m for m in messages.values() if "{" in m]
    assert {n.language for n in SHAPES.objects(shape, SH.name)} == set(LANGUAGES)
    assert [d.language for d in SHAPES.objects(shape, SH.description)] == ["en"]
    assert SHAPES.value(shape, SH.severity) in (SH.Violation, SH.Warning, SH.Info)
    assert SHAPES.value(shape, SH.order) is not None
    if (shape, RDF.type, SH.PropertyShape) in SHAPES:
        assert isinstance(SHAPES.value(shape, SH.path), rdflib.URIRef)
        used = list(SHAPES.subjects(SH.property, shape))
        assert used, f"{local(shape)} belongs to no node shape"


def test_shapes_conform_to_shacl_shacl():
    """SHACL Appendix C; pySHACL raises when a shape is malformed."""
    conforms, _, _ = pyshacl.validate(rdflib.Graph(), shacl_graph=SHAPES, meta_shacl=True)
    assert conforms


def test_shapes_are_core_only():
    for advanced in (SH.sparql, SH.rule, SH.js, SH.target, SH.select, SH.lessThan, SH.lessThanOrEquals):
        assert (None, advanced, None) not in SHAPES


def test_blank_nodes_are_lists_only():
    blank = {s for s in SHAPES.subjects() if isinstance(s, rdflib.BNode)}
    assert all((node, RDF.first, None) in SHAPES for node in blank)


PARTS = {"Day", "Month", "Year", "EnglishText", "KnownPartnership", "KnownWorkingGroup"}
"""Shapes without a target, used by others; those fail and pass with them."""
GROUPS = {
    "Contribution-derived",
    "Contribution-person",
    "Contribution-sameAs",
    "Contribution-vocabulary",
    "Single",
    "MetaCluster",
}
"""Node shapes that only hold the targets of their property shapes."""


def test_every_shape_has_a_failing_case():
    """Violations by a file of their own; warnings and hints by a file, or by a record made for them below."""
    with_case = {shape_of_case(path) for path in [*INVALID, *WARNED, *HINTED, *OUTSIDE]}
    blocking = {local(shape) for shape in SHAPES.subjects(SH.severity, SH.Violation)}
    held = {s for s in blocking if (V4[s], SH.property, None) in SHAPES and (V4[s], SH.pattern, None) not in SHAPES}
    assert held - GROUPS <= {"Source", "SourceDocument", "MetaCluster", "Amount", "ClusterPolicy"}
    missing = blocking - with_case - held - PARTS
    assert not missing, f"no case for {sorted(missing)}"


def test_every_warning_and_hint_can_fail_and_pass():
    """A record of each kind without anything, one with every single value twice; and the examples, which are right."""
    milder = {s for severity in (SH.Warning, SH.Info) for s in SHAPES.subjects(SH.severity, severity)}
    milder = {s for s in milder if local(s) not in PARTS | GROUPS}
    made = []
    for number, shape in enumerate(sorted(milder)):
        path = SHAPES.value(shape, SH.path)
        subject = f"<{IRIS.thing('project', f'm{number}')}>"
        if path is None:
            continue
        for node in SHAPES.subjects(SH.property, shape):
            kind = SHAPES.value(node, SH.targetClass)
            made.append(f"{subject} {TYPE} {(kind or rdflib.URIRef(IRIS.term('Project'))).n3()} .")
        if (shape, SH.maxCount, None) in SHAPES:
            made += [f'{subject} <{path}> "{value}" .' for value in ("one", "two")]
        if (shape, SH.uniqueLang, None) in SHAPES:
            made += [f'{subject} <{path}> "{value}"@en .' for value in ("one", "two")]
        if (shape, SH.nodeKind, SH.IRI) in SHAPES:
            made.append(f"{subject} <{path}> <http://data.europa.eu/nuts/code/CZ08> .")
            version = f"{subject} <{IRIS.term('regionVersion')}>"
            made.append(f"{version} <http://data.europa.eu/nuts/scheme/2021> .")
    found = {f.shape for f in validate(made, context=NEIGHBOURHOOD, iris=IRIS).findings}
    by_file = {f"{V4SH}{shape_of_case(path)}" for path in [*WARNED, *HINTED]}
    rules = {str(s) for s in milder if not local(s).startswith("Contribution-")}
    assert rules <= found | by_file, f"never fails: {sorted(map(local, rules - found - by_file))}"
    right = lines_in(EVERYTHING) + [line for path in EXAMPLES for line in lines_of(path)]
    told = {f.shape for f in validate(right, context=NEIGHBOURHOOD, iris=IRIS).findings}
    has = {predicate for _, predicate, _ in map(rdf.split_line, right)}
    passing = {s for s in milder if str(s) not in told or f"<{SHAPES.value(s, SH.path)}>" in has}
    assert passing == milder, sorted(map(local, milder - passing))


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda p: p.stem)
def test_case_from_outside_breaks_the_rule_of_its_name_only(path):
    """What a contribution may not speak of; our own manifest may."""
    report = validate(lines_of(path), context=NEIGHBOURHOOD, iris=IRIS, outside=True)
    assert violations(report) == {shape_of_case(path)}


@pytest.mark.parametrize("path", HINTED, ids=lambda p: p.stem)
def test_hint_case(path):
    report = validate(lines_of(path), context=NEIGHBOURHOOD, iris=IRIS)
    assert {f.severity for f in report.findings} == {"info"}
    assert shape_of_case(path) in {local(f.shape) for f in report.findings}


@pytest.mark.parametrize("path", INVALID, ids=lambda p: p.stem)
def test_invalid_case_breaks_the_rule_of_its_name_only(path):
    report = validate(lines_of(path), context=NEIGHBOURHOOD, iris=IRIS)
    assert violations(report) == {shape_of_case(path)}
    assert report.blocks


@pytest.mark.parametrize("path", WARNED, ids=lambda p: p.stem)
def test_warning_case_breaks_no_rule_but_is_told(path):
    report = validate(lines_of(path), context=NEIGHBOURHOOD, iris=IRIS)
    assert violations(report) == set(), render_text(report)
    found = {local(f.shape) for f in report.findings if "#integrity-" in f.shape and f.severity != "info"}
    assert found == {shape_of_case(path)}


@pytest.mark.parametrize("path", VALID, ids=lambda p: p.stem)
def test_valid_case_breaks_none(path):
    report = validate(lines_of(path), context=NEIGHBOURHOOD, iris=IRIS)
    assert violations(report) == set(), render_text(report)
    assert not report.blocks


@pytest.mark.parametrize("integrity", INTEGRITY, ids=lambda i: local(i.rule.iri))
def test_integrity_rule_is_written_for_people_and_has_a_case(integrity):
    rule = integrity.rule
    for texts in (rule.names, rule.messages):
        assert set(texts) == set(LANGUAGES)
        assert all(texts.values())
    assert len(set(rule.messages.values())) == len(LANGUAGES), "a message is a translation, not a copy"
    cases = {"violation": INVALID, "warning": WARNED, "info": HINTED}[rule.severity]
    assert local(rule.iri) in {shape_of_case(path) for path in cases}
    assert rule.severity not in (integrity.beside, integrity.outside)


def test_contradicting_another_source_is_a_warning():
    """Two sources name two lead partners: no fault of the second, but for a reviewer."""
    [mine, others] = (
        lines_in(
            f"id:participation\\/alpha-{name} a v4:ProjectParticipation ; v4:project id:project\\/alpha ;"
            f"v4:participant id:organisation\\/{name} ; v4:participationRole <{role}> ."
        )
        for name, role in (
            ("nca", IRIS.concept("participation-role", "lead-partner")),
            ("visegrad-fund", IRIS.concept("participation-role", "coordinator")),
        )
    )
    report = validate(mine, context=[*NEIGHBOURHOOD, *others], iris=IRIS)
    found = [f for f in report.findings if "integrity" in f.shape]
    assert [(local(f.shape), f.severity) for f in found] == [("integrity-two-lead-partners", "warning")]
    assert not report.blocks
    assert violations(validate([*mine, *others], context=NEIGHBOURHOOD, iris=IRIS)) == {"integrity-two-lead-partners"}


def test_a_replaced_record_comes_with_its_replacement():
    report = validate(
        lines_of(CASES / "invalid-integrity-deprecated-reference-project.ttl"), context=NEIGHBOURHOOD, iris=IRIS
    )
    assert [f.suggestion for f in report.findings if f.severity == "violation"] == [IRIS.thing("project", "beta")]


DATA = sorted(assets.DATA.rglob("*.ttl"))
MERGED = sorted({line for path in DATA for line in lines_of(path)})


def test_our_own_data_together():
    report = validate(MERGED, iris=IRIS)
    assert not report.blocks, render_text(report)


# Of the files that v4graph/rows.py writes, all alike and hundreds, the largest stand for the others.
WRITTEN = sorted((path for path in DATA if path.parent.name == "clusters"), key=lambda path: -path.stat().st_size)
ALONE = [path for path in DATA if path not in WRITTEN[12:]]


@pytest.mark.parametrize("path", ALONE, ids=lambda p: p.stem)
def test_our_own_data_alone(path):
    report = validate(lines_of(path), context=MERGED, iris=IRIS)
    assert not report.blocks, render_text(report)


def test_single_and_derived_agree_with_the_ontology():
    ontology = rdflib.Graph().parse(assets.ONTOLOGY / "v4graph.ttl")
    v4 = rdflib.Namespace(IRIS.term(""))
    derived = set(ontology.subjects(v4.isDerived, rdflib.Literal(True)))
    forbidden = {SHAPES.value(s, SH.path) for s in SHAPES.subjects(SH.maxCount, rdflib.Literal(0))}
    assert derived <= forbidden
    assert set(SHAPES.objects(rdflib.URIRef(f"{V4SH}Contribution-derived"), SH.targetSubjectsOf)) == derived
    at_most_one = {SHAPES.value(s, SH.path) for s in SHAPES.subjects(SH.maxCount, rdflib.Literal(1))}
    single = set(ontology.subjects(v4.mergePolicy, v4.Single))
    unused = {v4.rankOrder, v4.nutsPrefix} | derived  # of the ontology's own schemes, never of a source
    assert single - unused - derived <= at_most_one
    assert set(SHAPES.objects(rdflib.URIRef(f"{V4SH}Single"), SH.targetSubjectsOf)) <= single


def test_flat_rules_find_what_the_files_say():
    """What pySHACL is given for speed has the results of the shapes as they stand in the files."""
    # records in the folder of another kind are told by one finding, where the files alone have several
    paths = [path for path in INVALID if "other-folder" not in path.stem][::5]
    lines = [line for path in paths for line in lines_of(path) if "/shacl#" not in line]
    rules = load_rules(IRIS)
    findings = validate(lines, context=NEIGHBOURHOOD, iris=IRIS).findings
    ours = {(f.focus, f.shape) for f in findings}
    focus = {f for f, _ in ours}
    # what a rule across records says of a value stands for what its field alone would say
    instead = {(f.focus, f.path) for f in findings if "Contribution-" in f.shape or "#integrity-" in f.shape}
    data = rdflib.Graph()
    data.parse(data="\n".join([*lines, *NEIGHBOURHOOD, *rules.vocabulary.hierarchy]), format="nt")
    _, report, _ = pyshacl.validate(data, shacl_graph=SHAPES)
    assert isinstance(report, rdflib.Graph)
    theirs = {
        (str(report.value(r, SH.focusNode)), str(report.value(r, SH.sourceShape)))
        for r in report.subjects(RDF.type, SH.ValidationResult)
        if (str(report.value(r, SH.focusNode)), str(report.value(r, SH.resultPath))) not in instead
    }
    ours = {(f.focus, f.shape) for f in findings if (f.focus, f.path) not in instead}
    ours = {(f, shape) for f, shape in ours if "Contribution-" not in shape}
    ours = {(f, shape) for f, shape in ours if "#integrity-" not in shape}
    assert ours == {(f, shape) for f, shape in theirs if f in focus}
    assert len(ours) > 30


PROJECT = 'id:project\\/case a v4:Project ; skos:prefLabel "Case"@en ; '


def test_severity_decides_what_blocks():
    """A source that contradicts itself is for a reviewer (``sh:conforms`` would be false all the same)."""
    report = validate(
        lines_in(PROJECT + 'v4:startDate "2013"^^xsd:gYear , "2014"^^xsd:gYear .'), context=NEIGHBOURHOOD, iris=IRIS
    )
    assert report.counts == {"violation": 0, "warning": 1, "info": 2}
    assert [local(f.shape) for f in report.findings] == [
        "startDate-single", "Project-endDate-given", "integrity-no-partner",
    ]  # fmt: skip
    assert not report.blocks


def test_another_source_is_no_fault_of_the_contribution():
    mine = lines_in(PROJECT + 'v4:startDate "2013"^^xsd:gYear .')
    others = lines_in(
        'id:project\\/case a v4:Project ; skos:prefLabel "Other"@en ; v4:endDate "soon" ;'
        'v4:startDate "2014"^^xsd:gYear .\nid:project\\/worse a v4:Project .'
    )
    report = validate(mine, context=others, iris=IRIS)
    assert [local(f.shape) for f in report.findings] == ["integrity-no-partner"], "of both sources together"


def test_message_in_the_language_asked_for():
    report = validate(lines_in(PROJECT + 'v4:declaredPartnerCount "many" .'), iris=IRIS)
    finding = next(f for f in report.findings if f.severity == "violation")
    assert finding.message("cs").startswith("Napište celé číslo")
    assert finding.message("de-AT").startswith("Schreiben Sie eine ganze Zahl")
    assert finding.message("fr") == finding.message("en")
    assert finding.message("en").startswith("Write a whole number")
    assert finding.label("en") == "Declared number of partners"
    assert finding.value == '"many"'
    assert "Napište celé číslo" in render_text(report, "cs")
    assert "Chyby: 1" in render_text(report, "cs")
    assert text_in({"de": "x"}, "cs") == "x"
    assert text_in({}, "cs") == ""


@pytest.mark.parametrize(
    ("statement", "shape", "suggestion"),
    [
        ('v4:startdate "2013"^^xsd:gYear', "Contribution-unknownTerm", IRIS.term("startDate")),
        ("v4:statedStatus <https://w3id.org/v4graph/scheme/project-status/ongoin>", "Contribution-unknownConcept",
         IRIS.concept("project-status", "ongoing")),
        ("v4:succeeds id:project\\/alhpa", "Contribution-unknownThing", IRIS.thing("project", "alpha")),
        ('skos:preflabel "Case"@en', "Contribution-foreignTerm", "http://www.w3.org/2004/02/skos/core#prefLabel"),
    ],
)  # fmt: skip
def test_did_you_mean(statement, shape, suggestion):
    report = validate(lines_in(f"{PROJECT} {statement} ."), context=NEIGHBOURHOOD, iris=IRIS)
    found = [f for f in report.findings if f.severity != "info"]
    assert [(local(f.shape), f.suggestion) for f in found] == [(shape, suggestion)]
    assert f"Did you mean <{suggestion}>?" in render_text(report)


def test_rules_in_data_are_not_obeyed():
    """peers.md 6.3: pySHACL obeys shapes of the data graph unless it is given others."""
    permissive = lines_in(
        '<https://w3id.org/v4graph/shapes#name> <http://www.w3.org/ns/shacl#deactivated> true .\n'
        "id:project\\/case a v4:Project ."
    )  # fmt: skip
    assert violations(validate(permissive, iris=IRIS)) == {"Contribution-shapeInData", "name"}


def test_same_faults_are_grouped_and_counted():
    turtle = "".join(f'id:project\\/p{n} a v4:Project ; skos:prefLabel "P {n}" .\n' for n in range(25))
    report = validate(lines_in(turtle), iris=IRIS)
    group = next(g for g in report.groups if local(g.rule.iri) == "name-text")
    assert len(group.findings) == 25
    text = render_text(report)
    assert "[Violations] Name (name-text): 25" in text
    assert text.count('  "P ') == LISTED
    assert f"… {25 - LISTED} more" in text
    answer = to_json(report, "sk")
    assert answer["blocks"] is True
    assert answer["counts"]["violation"] == 25
    first = answer["groups"][0]
    assert first["count"] == 25 == len(first["findings"])
    assert first["findings"][0] == {"record": f"{IRIS.base}id/project/p0", "value": '"P 0"'}
    assert first["label"] == "Názov"
    json.dumps(answer)


def test_order_depends_on_content_only():
    lines = [line for path in INVALID[::9] for line in lines_of(path)]
    forward, backward = (validate(given, context=NEIGHBOURHOOD, iris=IRIS) for given in (lines, lines[::-1]))
    assert forward == backward
    ranks = [SEVERITIES.index(f.severity) for f in forward.findings]
    assert ranks == sorted(ranks)


def test_values_are_told_as_they_were_written(caplog):
    """rdflib would make 007 seven, and log a traceback for every date that is none."""
    before = rdflib.NORMALIZE_LITERALS
    with caplog.at_level(logging.WARNING):
        report = validate(
            lines_in(
                PROJECT + 'v4:declaredPartnerCount "-007"^^xsd:integer ; v4:startDate "2014-13"^^xsd:gYearMonth .'
            ),
            iris=IRIS,
        )
        assert caplog.records == []
        rdflib.Literal("none", datatype=XSD.date)
        assert len(caplog.records) == 1, "others still hear of their ill-typed literals"
    values = {f.value for f in report.findings if f.severity == "violation"}
    assert values == {f'"-007"^^<{XSD.integer}>', f'"2014-13"^^<{XSD.gYearMonth}>'}
    assert before == rdflib.NORMALIZE_LITERALS


def test_another_base():
    iris = Iris("http://localhost:8000/")
    moved = [line.replace(IRIS.base, iris.base) for line in lines_of(CASES / "valid-project.ttl")]
    around = [line.replace(IRIS.base, iris.base) for line in NEIGHBOURHOOD]
    report = validate(moved, context=around, iris=iris)
    assert not report.blocks, render_text(report)
    wrong = validate(lines_of(CASES / "valid-project.ttl"), context=NEIGHBOURHOOD, iris=iris)
    assert {f.shape for f in wrong.findings if f.severity == "violation"} == {
        "http://localhost:8000/shapes#Contribution-foreignSubject"
    }
    assert "http://localhost:8000/id/" in render_text(wrong)


def test_nothing_to_say():
    report = validate([], iris=IRIS)
    assert report == Report(())
    assert not report.blocks
    assert render_text(report, "pl") == "Reguły nie znalazły nic do poprawy."
    assert to_json(report) == {"blocks": False, "counts": {"violation": 0, "warning": 0, "info": 0}, "groups": []}


def test_import_is_light():
    """The command line imports this module for every command."""
    code = "import sys, v4graph.shapes; print([m for m in sys.modules if re.match('rdflib|pyshacl', m)])"
    shown = subprocess.run(
        [sys.executable, "-c", f"import re, {code.removeprefix('import ')}"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"


def test_messages_name_addresses_of_this_base_only():
    for iri, rule in load_rules(Iris("http://localhost:8000/")).rules.items():
        assert iri.startswith("http://localhost:8000/")
        assert not [m for m in rule.messages.values() if re.search("w3id.org", m)]
