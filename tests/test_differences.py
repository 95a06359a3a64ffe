"""Differences: paired values, words in the reader's language, JSON, and a patch that can be read back."""

from __future__ import annotations

import time

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v4graph import differences, rdf
from v4graph.differences import Names, between, changes, is_statement
from v4graph.iris import Iris

IRIS = Iris()
TERM = IRIS.term
SKOS = "http://www.w3.org/2004/02/skos/core#"
XSD = "http://www.w3.org/2001/XMLSchema#"
KETGATE = f"<{IRIS.thing('project', 'ketgate')}>"
SHARE = f"<{IRIS.thing('participation', 'nca-in-ketgate')}>"
NCA = f"<{IRIS.thing('organisation', 'nca')}>"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
OLD = (
    f'{KETGATE} <{SKOS}prefLabel> "KETGATE"@en .',
    f'{KETGATE} <{TERM("endDate")}> "2020-08"^^<{XSD}gYearMonth> .',
    f'{KETGATE} <http://purl.org/dc/terms/description> "A network"@en .',
    f'{KETGATE} <http://purl.org/dc/terms/description> "Síť"@cs .',
    f"{SHARE} <{TERM('participant')}> {NCA} .",
    f"{SHARE} <{TERM('project')}> {KETGATE} .",
)
NEW = (
    f'{KETGATE} <{SKOS}prefLabel> "KETGATE"@en .',
    f'{KETGATE} <{TERM("endDate")}> "2020-08-31"^^<{XSD}date> .',
    f'{KETGATE} <http://purl.org/dc/terms/description> "A network"@en .',
    f'{KETGATE} <http://purl.org/dc/terms/description> "Síť služeb"@cs .',
    f"{KETGATE} <{TERM('partner')}> {NCA} .",
    f"{NCA} {TYPE} <{TERM('Organisation')}> .",
)
NAMES = Names(
    {
        KETGATE[1:-1]: {"en": "KETGATE"},
        NCA[1:-1]: {"en": "National Cluster Association", "cs": "Národní klastrová asociace"},
        TERM("endDate"): {"en": "end date", "cs": "konec"},
        TERM("partner"): {"en": "partner"},
        TERM("Organisation"): {"en": "organisation", "cs": "organizace"},
        "http://purl.org/dc/terms/description": {"en": "description", "cs": "popis"},
    },
    ("en",),
    IRIS,
    {SHARE[1:-1]: [NCA[1:-1], KETGATE[1:-1]]},
)


def test_values_are_paired_by_thing_property_and_language() -> None:
    found = {(c.subject, c.property, c.language): (c.removed, c.added) for c in changes(between(OLD, NEW))}
    assert found[(KETGATE, f"<{TERM('endDate')}>", "")] == (
        (f'"2020-08"^^<{XSD}gYearMonth>',),
        (f'"2020-08-31"^^<{XSD}date>',),
    )
    assert found[(KETGATE, "<http://purl.org/dc/terms/description>", "cs")] == (('"Síť"@cs',), ('"Síť služeb"@cs',))
    assert found[(KETGATE, f"<{TERM('partner')}>", "")] == ((), (NCA,))
    assert (KETGATE, f"<{SKOS}prefLabel>", "en") not in found
    assert len(found) == 6


def test_words() -> None:
    assert differences.sentences(between(OLD, NEW), NAMES) == [
        "KETGATE: description (cs) Síť → Síť služeb",
        "KETGATE: end date 2020-08 → 2020-08-31",
        "KETGATE: partner + National Cluster Association",
        "National Cluster Association (organisation): new, statements: 1",
        "National Cluster Association – KETGATE: gone, statements: 2",
    ]


def test_words_in_another_language_fall_back_name_by_name() -> None:
    czech = Names(NAMES.labels, ("cs", "en"), IRIS, NAMES.related)
    assert differences.sentences(between(OLD, NEW), czech) == [
        "KETGATE: popis (cs) Síť → Síť služeb",
        "KETGATE: konec 2020-08 → 2020-08-31",
        "KETGATE: partner + Národní klastrová asociace",
        "Národní klastrová asociace (organizace): nové, tvrzení: 1",
        "Národní klastrová asociace – KETGATE: odstraněno, tvrzení: 2",
    ]


def test_what_has_no_name_is_called_by_the_end_of_its_iri() -> None:
    nameless = Names({}, ("en",), IRIS)
    assert "ketgate: endDate 2020-08 → 2020-08-31" in differences.sentences(between(OLD, NEW), nameless)


def test_names_come_out_of_the_lines_themselves() -> None:
    assert differences.labels_in(OLD) == {KETGATE[1:-1]: {"en": "KETGATE"}}
    assert differences.related_in(OLD, IRIS) == {SHARE[1:-1]: [NCA[1:-1], KETGATE[1:-1]]}
    assert {KETGATE[1:-1], NCA[1:-1], TERM("endDate"), TERM("Organisation")} <= differences.mentioned(
        changes(between(OLD, NEW))
    )


def test_json_names_every_value() -> None:
    told = differences.as_json(between(OLD, NEW), NAMES)
    assert (told["added"], told["removed"]) == (4, 4)
    things = {thing["name"]: thing for thing in told["things"]}
    assert things["KETGATE"]["fate"] == "changed"
    assert things["National Cluster Association"]["fate"] == "new"
    [dates] = [c for c in things["KETGATE"]["changes"] if c["name"] == "end date"]
    assert dates["removed"] == [{"value": "2020-08", "datatype": f"{XSD}gYearMonth"}]
    assert dates["added"] == [{"value": "2020-08-31", "datatype": f"{XSD}date"}]
    assert told["words"] == differences.sentences(between(OLD, NEW), NAMES)


def test_patch_deletes_then_adds_and_is_read_back() -> None:
    graph = IRIS.graph("nca-projects")
    patch = differences.as_patch(between(OLD, NEW), graph, f"{graph}/revision/2", f"{graph}/revision/1").decode()
    lines = patch.split("\n")
    assert lines[:3] == [f"H id <{graph}/revision/2> .", f"H prev <{graph}/revision/1> .", "TX ."]
    assert lines[-2:] == ["TC .", ""]
    assert [line[0] for line in lines[3:-2]] == ["D"] * 4 + ["A"] * 4
    assert f'A {KETGATE} <{TERM("endDate")}> "2020-08-31"^^<{XSD}date> <{graph}> .' in lines
    added, removed = differences.read_patch(patch, graph)
    assert (set(OLD) - set(removed)) | set(added) == set(NEW)


@pytest.mark.parametrize(
    "line",
    [
        "A _:b <http://x/p> <http://x/o> <https://w3id.org/v4graph/graph/x> .",
        "A <http://x/s> <http://x/p> <http://x/o> <https://w3id.org/v4graph/graph/other> .",
        "A <http://x/s> <http://x/p> <http://x/o> .",
        'A <http://x/s> <http://x/p> "a"} ; DROP ALL ; #" <https://w3id.org/v4graph/graph/x> .',
        "A <http://x/s> <http://x/p> <http://x/o> . <http://x/s> <http://x/p> <https://w3id.org/v4graph/graph/x> .",
        "PA rdf <http://x/> .",
        "TA .",
    ],
)
def test_a_patch_that_is_something_else_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 2 "):
        differences.read_patch(f"TX .\n{line}\nTC .\n", IRIS.graph("x"))


text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(value=text, language=st.sampled_from([None, "cs", "en-gb"]))
def test_every_literal_the_engine_writes_is_read(value: str, language: str | None) -> None:
    literal = ox.Literal(value, language=language) if language else ox.Literal(value)
    [line] = rdf.ntriples([ox.Triple(ox.NamedNode("http://x/s"), ox.NamedNode("http://x/p"), literal)])
    assert is_statement(line)
    assert differences.literal_parts(rdf.split_line(line)[2]) == (value, language or "", "")


@given(old=st.frozensets(st.sampled_from(OLD + NEW)), new=st.frozensets(st.sampled_from(OLD + NEW)))
def test_a_difference_makes_the_new_of_the_old(old: frozenset[str], new: frozenset[str]) -> None:
    found = between(old, new)
    assert (old - set(found.removed)) | set(found.added) == new
    assert sum(len(c.added) + len(c.removed) for c in changes(found)) == len(found.added) + len(found.removed)
    assert bool(found) is (old != new)


def graph_of(records: int, year: int) -> list[str]:
    """A graph of many projects with eight statements each."""
    return [
        f'<{IRIS.thing("project", f"p{i}")}> <{TERM(f"property{k}")}> "value {i} of {year if k == 0 else k}" .'
        for i in range(records)
        for k in range(8)
    ]


def test_a_difference_of_five_thousand_records_is_quick() -> None:
    old, new = graph_of(5000, 2020), graph_of(5000, 2021)
    started = time.perf_counter()
    found = between(old, new)
    words = differences.sentences(found, NAMES)
    assert time.perf_counter() - started < 2.0  # half a second is the goal; machines that test are busy
    assert len(words) == 5000
    assert words[0] == "p0: property0 value 0 of 2020 → value 0 of 2021"
