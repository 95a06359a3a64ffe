"""The context of a contribution: what it mentions, whatever else the graph holds; and how long validation takes."""

from __future__ import annotations

import time

import pyoxigraph as ox

from v4graph import rdf
from v4graph.iris import Iris
from v4graph.neighbourhood import Neighbourhood
from v4graph.shapes import validate

IRIS = Iris()
PREFIXES = """
@prefix v4: <https://w3id.org/v4graph/ontology#> .
@prefix org: <http://www.w3.org/ns/org#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix o: <https://w3id.org/v4graph/id/organisation/> .
@prefix p: <https://w3id.org/v4graph/id/project/> .
@prefix x: <https://w3id.org/v4graph/id/participation/> .
@prefix c: <http://publications.europa.eu/resource/authority/country/> .
@prefix r: <https://w3id.org/v4graph/scheme/participation-role/> .
"""


def lines(turtle: str) -> list[str]:
    return rdf.ntriples(ox.parse((PREFIXES + turtle).encode(), ox.RdfFormat.TURTLE))


def organisations(number: int) -> str:
    made = (f'o:n{i} a org:Organization ; skos:prefLabel "N {i}"@en ; v4:country c:CZE .' for i in range(number))
    return "\n".join(made)


def around(known: str, said: str) -> frozenset[str]:
    store = ox.Store()
    store.bulk_load("\n".join(lines(known)).encode(), ox.RdfFormat.N_TRIPLES)
    return Neighbourhood(store, IRIS, []).of(lines(said)).lines


def test_it_depends_on_what_is_mentioned_only() -> None:
    said = "x:new a v4:ProjectParticipation ; v4:project p:a ; v4:participant o:n1 ; v4:participationRole r:partner ."
    project = (
        '\np:a a v4:Project ; skos:prefLabel "A"@en .'
        "\nx:old a v4:ProjectParticipation ; v4:project p:a ; v4:participant o:n2 ; v4:participationRole r:partner ."
    )
    small, large = (around(organisations(number) + project, said) for number in (10, 5000))
    assert small == large
    told = {line.split(" ")[0] for line in small}
    things = ("project", "a"), ("organisation", "n1"), ("participation", "old"), ("organisation", "n2")
    assert told == {f"<{IRIS.thing(*thing)}>" for thing in things}


def test_the_known_name_that_is_most_like_an_unknown_one() -> None:
    said = "x:new a v4:ProjectParticipation ; v4:participant o:nationalcluster ."
    known = 'o:national-cluster a org:Organization ; skos:prefLabel "National Cluster"@en .'
    report = validate(lines(said), context=around(known, said), iris=IRIS)
    [found] = [f for f in report.findings if f.shape.endswith("unknownThing")]
    assert found.suggestion == IRIS.thing("organisation", "national-cluster")


def test_five_thousand_records_within_five_seconds() -> None:
    """Of processor time: other tests may run beside. Twice that is allowed on a slow machine."""
    roles = ["lead-partner", *["partner"] * 13]
    made = [organisations(2000), *(f'p:n{i} a v4:Project ; skos:prefLabel "P {i}"@en .' for i in range(200))]
    made += [
        f"x:n{i} a v4:ProjectParticipation ; v4:project p:n{i // 14} ; v4:participant o:n{i % 2000} ; "
        f"v4:participationRole r:{roles[i % 14]} ."
        for i in range(2800)
    ]
    said = lines("\n".join(made))
    validate(said[:10], iris=IRIS)
    began = time.process_time()
    report = validate(said, iris=IRIS)
    assert time.process_time() - began < 10
    assert report.counts["violation"] == 0
