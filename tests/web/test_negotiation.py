"""Accept, Accept-Encoding, If-None-Match and ``?format=``, without a server."""

from __future__ import annotations

import pytest

from v4graph.errors import NotAcceptable
from v4graph.rdf import CSV, GRAPH_FORMATS, JSON, JSON_LD, N_TRIPLES, RDF_FORMATS, RDF_XML, RESULT_FORMATS, TURTLE, XML
from v4graph.web.negotiation import accepts_gzip, choose, choose_graph, negotiate, none_match, prefers_html

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize("fmt", RDF_FORMATS + RESULT_FORMATS, ids=lambda f: f.label)
def test_every_declared_media_type_is_served_under_its_own_name(fmt):
    formats = RDF_FORMATS if fmt in RDF_FORMATS else RESULT_FORMATS
    for media_type in fmt.media_types:
        chosen = negotiate(media_type, formats)
        assert (chosen.format, chosen.media_type) == (fmt, media_type)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("text/csv", CSV),
        ("TEXT/CSV", CSV),
        ("text/csv;q=0.5, application/sparql-results+xml;q=0.6", XML),
        ("text/csv;q=0.5, */*;q=0.1", CSV),
        ("application/sparql-results+json;q=0, */*", XML),
        ("text/csv ; q=1.0 , application/sparql-results+json;q=0.9", CSV),
        ("application/sparql-results+xml, application/sparql-results+json", XML),
        ("text/csv;q=7", CSV),
        ("text/csv;header=present", CSV),
        (",,text/csv,", CSV),
        ("image/png, */*;q=0.01", JSON),
        (BROWSER, XML),
        ("text/html", None),
        ("image/png", None),
        ("text/csv;q=0", None),
        ("text/csv;q=nonsense", None),
        ("*/*;q=0", None),
    ],
)
def test_accept_of_solutions(accept, expected):
    chosen = negotiate(accept, RESULT_FORMATS)
    assert (chosen and chosen.format) == expected


def test_the_exact_range_beats_the_wildcard_whatever_the_order():
    assert negotiate("*/*, text/turtle;q=0", GRAPH_FORMATS).format is N_TRIPLES
    assert negotiate("application/*;q=0.9, application/rdf+xml;q=0.1, text/turtle;q=0.2", GRAPH_FORMATS).format in (
        N_TRIPLES,
        JSON_LD,
    )


def test_general_media_types_find_the_format_they_stand_for_and_label_the_answer():
    chosen = negotiate("application/json", GRAPH_FORMATS)
    assert (chosen.format, chosen.media_type) == (JSON_LD, "application/json")
    assert negotiate("application/xml", GRAPH_FORMATS).format is RDF_XML
    assert negotiate("text/*", GRAPH_FORMATS).media_type == "text/turtle"


def test_charset_is_said_only_where_the_type_has_that_parameter():
    assert negotiate("text/turtle", GRAPH_FORMATS).content_type == b"text/turtle; charset=utf-8"
    assert negotiate("text/csv", RESULT_FORMATS).content_type == b"text/csv; charset=utf-8"
    assert negotiate("application/ld+json", GRAPH_FORMATS).content_type == b"application/ld+json"


@pytest.mark.parametrize(
    ("shortcut", "results", "graph"),
    [
        ("json", "srj", "jsonld"),
        ("xml", "srx", "rdf"),
        ("csv", "csv", None),
        ("tsv", "tsv", None),
        ("ttl", None, "ttl"),
        ("nt", None, "nt"),
        ("rdf", None, "rdf"),
        ("jsonld", None, "jsonld"),
        ("trig", None, "trig"),
        ("nq", None, "nq"),
        ("turtle", None, "ttl"),
        ("RDF+XML", None, "rdf"),
        ("application/sparql-results+json", "srj", None),
        ("text/turtle", None, "ttl"),
    ],
)
def test_shortcuts_win_over_accept(shortcut, results, graph):
    chosen = choose("text/csv;q=0.1", shortcut)
    assert (chosen.results and chosen.results.format.ending) == results
    assert (chosen.graph and chosen.graph.format.ending) == graph


def test_an_unknown_shortcut_says_what_there_is():
    with pytest.raises(NotAcceptable) as caught:
        choose("*/*", "xlsx")
    assert "xlsx" in caught.value.detail
    assert "text/turtle" in caught.value.extras["available"]
    with pytest.raises(NotAcceptable):
        choose_graph("*/*", "csv")
    with pytest.raises(NotAcceptable):
        choose_graph("text/csv", None)
    assert choose_graph("text/csv", "ttl").format is TURTLE


@pytest.mark.parametrize(
    ("accept", "expected"),
    [(BROWSER, True), ("text/html", True), ("*/*", False), ("", False), ("text/html;q=0.2, text/turtle", False)],
)
def test_pages_are_for_those_who_name_html(accept, expected):
    assert prefers_html(accept, TURTLE) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("*", True),
        ("x-gzip", True),
        ("gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, *", False),
        ("identity, *;q=0", False),
        ("identity;q=1, gzip;q=0.5", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_only_when_it_is_wanted(header, expected):
    assert accepts_gzip(header) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b" ,W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ("", False),
    ],
)
def test_if_none_match(header, expected):
    assert none_match(header, '"a"') is expected
