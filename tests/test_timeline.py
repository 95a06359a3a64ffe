"""The timeline: dates as precise as they are said, families by funder, and what followed what."""

from __future__ import annotations

from datetime import date

import pyoxigraph as ox
import pytest

from v4graph.statements import Term
from v4graph.timeline import Asked, Timeline, span_of

Row = dict[str, Term]


def rows(thing: str, **said: str) -> list[Row]:
    found = []
    for what, values in said.items():
        for value in values.split():
            thing_like = what in ("funder", "partner", "event", "output", "programme", "country")
            term: Term = ox.NamedNode(f"x:{value}") if thing_like else ox.Literal(value)
            found.append({"thing": ox.NamedNode(f"x:{thing}"), "what": ox.Literal(what), "value": term})
    return found


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2008", date(2008, 1, 1), date(2008, 12, 31)),
        ("2012-02", date(2012, 2, 1), date(2012, 2, 29)),
        ("2017-07-01", date(2017, 7, 1), date(2017, 7, 1)),
        ("2017-07-01Z", date(2017, 7, 1), date(2017, 7, 1)),
    ],
)
def test_dates_are_spans(text: str, first: date, last: date) -> None:
    span = span_of(text)
    assert span is not None and (span.first, span.last) == (first, last)


@pytest.mark.parametrize("text", ["", "soon", "2017-13", "2017-02-30"])
def test_what_is_no_date(text: str) -> None:
    assert span_of(text) is None


def timeline() -> Timeline:
    projects = rows("one", funder="fund", partner="a b c", start="2010", end="2011-06", programme="p")
    projects += rows("two", funder="fund other", partner="a b", start="2012-01-01", end="2013-12-31")
    projects += rows("three", funder="fund", partner="c", start="2014", end="2015", country="CZE")
    projects += rows("four", partner="a", acronym="FOUR")
    marks = rows("talk", event="four", date="2016-05-04") + rows("book", output="one", date="2011")
    return Timeline(projects, marks)


def test_families_and_what_followed_what() -> None:
    fund, unknown = timeline().look(Asked())
    assert (fund.iri, [p.iri for p in fund.projects]) == ("x:fund", ["x:one", "x:two", "x:three"])
    assert [(f.earlier, f.later, f.common) for f in fund.followings] == [
        ("x:one", "x:two", ("x:a", "x:b")),
        ("x:one", "x:three", ("x:c",)),
    ]
    assert (unknown.iri, [p.acronym for p in unknown.projects]) == ("", ["FOUR"])
    assert unknown.projects[0].first == date(2016, 5, 4) and unknown.projects[0].start is None
    assert [(m.kind, m.iri) for m in fund.projects[0].marks] == [("output", "x:book")]


def test_filters() -> None:
    found = timeline()
    assert [p.iri for f in found.look(Asked({"country": ("x:CZE",)})) for p in f.projects] == ["x:three"]
    [family] = found.look(Asked({"family": ("x:other",)}))
    assert (family.iri, [p.iri for p in family.projects]) == ("x:other", ["x:two"])
    assert found.look(Asked({"programme": ("x:p",), "partner": ("x:z",)})) == ()
    assert found.values("family") == {"x:fund": 3, "x:other": 1}


def test_bounds_of_the_graph_win() -> None:
    told = rows("one", start="2010", earliestStart="2010-03-01", latestStart="2010-10-31")
    [family] = Timeline(told, ()).look(Asked())
    start = family.projects[0].start
    assert start is not None and (start.text, start.first, start.last) == ("2010", date(2010, 3, 1), date(2010, 10, 31))
