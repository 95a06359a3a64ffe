"""The rules across records as SHACL-SPARQL: fresh, and finding in pySHACL what the queries find."""

from __future__ import annotations

import re

import pyoxigraph as ox
import pyshacl
import rdflib
from rdflib.namespace import RDF, SH

from v4graph import rdf, twins
from v4graph.integrity import load_integrity
from v4graph.iris import Iris
from v4graph.rules import load_rules
from v4graph.shapes import validate

from .test_shapes import CASES, NEIGHBOURHOOD

IRIS = Iris()
V4SH = f"{IRIS.base}shapes#"


def test_the_file_is_fresh() -> None:
    assert twins.FILE.read_text("utf-8") == twins.twins(), "run python -m v4graph.twins"


def test_every_rule_has_a_twin_that_shacl_allows() -> None:
    """SHACL 5.2.1: no VALUES, MINUS or SERVICE; sub-selects project $this."""
    shapes = rdflib.Graph().parse(twins.FILE)
    rules = {integrity.rule.iri: integrity.rule for integrity in load_integrity(IRIS)}
    assert {str(shape) for shape in shapes.subjects(RDF.type, SH.NodeShape)} == set(rules)
    for shape in shapes.subjects(RDF.type, SH.NodeShape):
        assert str(shapes.value(shape, SH.severity)).lower().endswith(rules[str(shape)].severity)
        constraint = shapes.value(shape, SH.sparql)
        assert {m.language: str(m) for m in shapes.objects(constraint, SH.message)} == rules[str(shape)].messages
        query = str(shapes.value(constraint, SH.select))
        assert not re.search(r"\b(VALUES|MINUS|SERVICE)\b", query)
        assert all("$this" in told for told in re.findall(r"SELECT (.*?) WHERE", query))


def test_they_find_the_same_records() -> None:
    """In all cases together, the records of each with names of their own."""
    said: list[str] = []
    for number, path in enumerate(sorted(CASES.glob("*-integrity-*.ttl"))):
        text = re.sub(r"(?<=[:/])case\b", f"case{number}", path.read_text("utf-8"))
        said += rdf.ntriples(ox.parse(text.encode(), ox.RdfFormat.TURTLE))
    needed = [
        line for line in load_rules(IRIS).vocabulary.hierarchy if "#stageModel>" in line or "#subClassOf>" in line
    ]
    data = rdflib.Graph().parse(data="\n".join([*said, *NEIGHBOURHOOD, *needed]), format="nt")
    report = pyshacl.validate(data, shacl_graph=rdflib.Graph().parse(twins.FILE), advanced=True)[1]
    assert isinstance(report, rdflib.Graph)
    subjects = {rdf.split_line(line)[0][1:-1] for line in said}
    theirs = {
        (str(report.value(result, SH.focusNode)), str(report.value(result, SH.sourceShape)))
        for result in report.subjects(RDF.type, SH.ValidationResult)
    }
    found = validate(said, context=NEIGHBOURHOOD, iris=IRIS).findings
    ours = {(f.focus, f.shape) for f in found if f.shape.startswith(f"{V4SH}integrity-")}
    assert ours == {(focus, shape) for focus, shape in theirs if focus in subjects}
    assert {shape for _, shape in ours} == {integrity.rule.iri for integrity in load_integrity(IRIS)}
