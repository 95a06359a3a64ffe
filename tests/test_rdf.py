"""Graphs as lines: canonical, skolemised the same way each time, and as the engine gives them back."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v4graph import rdf

XSD = "http://www.w3.org/2001/XMLSchema#"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def parse(turtle: str) -> list[ox.Triple]:
    return [quad.triple for quad in ox.parse(turtle.encode(), ox.RdfFormat.TURTLE)]


@given(st.lists(texts, max_size=4))
def test_every_text_is_one_line_and_comes_back(values: list[str]) -> None:
    node = ox.NamedNode("http://e/s")
    triples = {ox.Triple(node, node, ox.Literal(value)) for value in values}
    lines = rdf.ntriples(triples)
    assert len(lines) == len(triples)
    assert set(rdf.parse_lines(lines)) == triples
    assert rdf.normalise(lines) == lines


@given(texts)
def test_a_literal_is_written_as_the_serialiser_writes_it(value: str) -> None:
    [line] = rdf.ntriples([ox.Triple(ox.NamedNode("http://e/s"), ox.NamedNode("http://e/p"), ox.Literal(value))])
    assert rdf.split_line(line) == ("<http://e/s>", "<http://e/p>", rdf.literal_text(value))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f'"1.0"^^<{XSD}decimal>', f'"1"^^<{XSD}decimal>'),
        (f'"05"^^<{XSD}integer>', f'"5"^^<{XSD}integer>'),
        (f'"7"^^<{XSD}int>', f'"7"^^<{XSD}integer>'),
        (f'"2013-10"^^<{XSD}gYearMonth>', f'"2013-10"^^<{XSD}gYearMonth>'),
        ('"Prague"@en', '"Prague"@en'),
    ],
)
def test_normalising_is_what_the_engine_does(given: str, kept: str) -> None:
    [line] = rdf.normalise([f"<http://e/s> <http://e/p> {given} ."])
    assert line == f"<http://e/s> <http://e/p> {kept} ."
    store = ox.Store()
    store.load(f"<http://e/s> <http://e/p> {given} .".encode(), ox.RdfFormat.N_TRIPLES)
    assert rdf.ntriples(store) == [line]


lexical = st.from_regex(
    r"[+-]?0{0,2}[0-9]{0,17}([.][0-9]{0,9})?|-?[0-9]{1,5}(-[0-9]{2}){0,2}Z?|true|false", fullmatch=True
)
datatypes = st.sampled_from(
    ["integer", "decimal", "gYear", "gYearMonth", "date", "boolean", "double", "string", "anyURI"]
)


@given(lexical, datatypes, st.sampled_from(["", '\\"']))
def test_whatever_the_value_normalising_is_what_the_engine_does(text: str, datatype: str, before: str) -> None:
    line = f'<http://e/s> <http://e/p> "{before}{text}"^^<{XSD}{datatype}> .'
    store = ox.Store()
    store.load(line.encode(), ox.RdfFormat.N_TRIPLES)
    assert rdf.normalise([line]) == rdf.ntriples(store)


def test_blank_nodes_get_the_same_names_again_and_keep_them_when_others_change() -> None:
    first = '<http://e/a> <http://e/p> [ <http://e/q> 1 ; <http://e/r> [ <http://e/s> "x" ] ] .'
    again = '_:z <http://e/q> 1 ; <http://e/r> _:y . <http://e/a> <http://e/p> _:z . _:y <http://e/s> "x" .'
    more = first + " <http://e/b> <http://e/p> [ <http://e/q> 2 ] ."
    lines = rdf.skolemise(parse(first), "http://e/genid/")
    assert rdf.skolemise(parse(again), "http://e/genid/") == lines
    assert set(lines) < set(rdf.skolemise(parse(more), "http://e/genid/"))
    assert not any("_:" in line for line in lines)


def test_blank_nodes_that_look_alike_stay_apart() -> None:
    lines = rdf.skolemise(
        parse("<http://e/a> <http://e/p> [], [] . _:x <http://e/q> _:y . _:y <http://e/q> _:x ."), "g:"
    )
    assert len(lines) == 4
    assert len({part for line in lines for part in line.split() if part.startswith("<g:")}) == 4


def test_the_hash_does_not_depend_on_order() -> None:
    assert rdf.sha256(["b", "a"]) == rdf.sha256(["a", "b"]) != rdf.sha256(["a"])


def test_an_iri_cannot_break_out() -> None:
    with pytest.raises(ValueError, match="IRI"):
        rdf.iri_text("http://e/> <http://e/x")


@pytest.mark.parametrize("fmt", rdf.RDF_FORMATS, ids=lambda f: f.label)
def test_formats_are_found_by_ending_and_type(fmt: rdf.Format) -> None:
    assert rdf.format_of_ending(f".{fmt.ending}") is fmt
    assert rdf.format_of_media_type(f"{fmt.media_type.upper()}; charset=utf-8") is fmt
    assert rdf.rdf_format(fmt).media_type == fmt.media_type
