"""Collections without a server: what is read, selected, counted, ordered; cursors; tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date

import openpyxl
import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v4graph.collections import COLLECTIONS, Content, read
from v4graph.errors import UnknownParameter
from v4graph.iris import Iris
from v4graph.listing import Shaper, columns, day, row
from v4graph.queries import find_query
from v4graph.selections import Asked, Cursor, Listed, Shelf
from v4graph.statements import Term
from v4graph.workbooks import csv_bytes, xlsx_bytes

IRIS = Iris()
THING = f"{IRIS.base}id/organisation/"
COUNTRIES = ("SVK", "CZE", "POL")
NUTS = "http://data.europa.eu/nuts/code/"
SIZE = 300
CLUSTERS = COLLECTIONS["clusters"]


def lines() -> Iterator[list[Term | None]]:
    """Rows of clusters as the query answers them: every second founded, every fifth counted."""
    for n in range(SIZE):
        thing = ox.NamedNode(f"{THING}c{n:03}")
        yield [thing, ox.Literal("name"), ox.Literal(f"Čluster {n % 7} {n:03}", language="cs"), None, None]
        yield [thing, ox.Literal("country"), ox.NamedNode(f"http://c/{COUNTRIES[n % 3]}"), None, None]
        if n % 2:
            year = ox.Literal(str(1990 + n % 30), datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#gYear"))
            yield [thing, ox.Literal("founded"), year, None, None]
        if n % 5 == 0:
            for count, year_ in ((n, "2019"), (n + 1, "2021")):
                node = ox.NamedNode(f"{IRIS.base}id/observation/{n}-{year_}")
                yield [thing, ox.Literal("members"), ox.Literal(count), node, ox.Literal(year_)]
        if n == 9:
            yield [thing, ox.Literal("region"), ox.NamedNode(f"{NUTS}CZ080"), None, None]


def mentioned() -> list[dict[str, Term]]:
    return [
        {"thing": ox.NamedNode(f"http://c/{x}"), "what": ox.Literal("name"), "value": ox.Literal(y, language="en")}
        for x, y in (("SVK", "Slovakia"), ("CZE", "Czechia"), ("POL", "Poland"))
    ]


@pytest.fixture(scope="module")
def content() -> Content:
    return read(CLUSTERS, lines(), mentioned(), 1)


@pytest.fixture(scope="module")
def shelf(content: Content) -> Shelf:
    return Shelf(content)


def ordered(texts: Sequence[str], names: Sequence[str]) -> list[int]:
    return sorted(range(len(texts)), key=lambda n: (texts[n].casefold(), names[n]))


def numbers(shelf: Shelf, asked: Asked) -> list[int]:
    found = shelf.select(asked, "cs", ordered)
    return [int(shelf.content.members[n].iri[-3:]) for n in found.numbers]


def test_an_edition_is_what_was_read_in_any_order(content: Content) -> None:
    assert read(CLUSTERS, iter(reversed(list(lines()))), reversed(mentioned()), 2).edition == content.edition
    assert read(CLUSTERS, iter(list(lines())[:-1]), mentioned(), 1).edition != content.edition
    assert len(content.members) == SIZE


def test_the_latest_count_is_told(content: Content) -> None:
    assert content.members[10].values("members") == ["11"]


def test_filters_and_counts_agree(shelf: Shelf) -> None:
    for country in COUNTRIES:
        asked = Asked({"country": (f"http://c/{country}",)}, (2000, 2005), "cluster 3")
        expected = {
            n for n in range(SIZE)
            if COUNTRIES[n % 3] == country and n % 2 and 2000 <= 1990 + n % 30 <= 2005
            and ("3" in f"{n % 7} {n:03}" or "3" in f"c{n:03}")
        }  # fmt: skip
        assert set(numbers(shelf, asked)) == expected
        counts = shelf.counts(asked, "country")
        assert counts[f"http://c/{country}"] == len(expected)
        assert sum(counts.values()) == len(numbers(shelf, Asked({}, (2000, 2005), "cluster 3")))
    assert numbers(shelf, Asked({"region": (f"{NUTS}CZ08",)})) == [9], "a region is found by the one around it"
    assert numbers(shelf, Asked({"country": ("http://c/NONE",)})) == []


@pytest.mark.parametrize("sort", [f"{sign}{name}" for name in CLUSTERS.sorts for sign in ("", "-")])
def test_every_order_holds_everything_and_what_has_no_value_comes_last(shelf: Shelf, sort: str) -> None:
    order = numbers(shelf, Asked(sort=sort))
    assert sorted(order) == list(range(SIZE))
    if "founded" in sort:
        assert all(n % 2 for n in order[: SIZE // 2]) and not any(n % 2 for n in order[SIZE // 2 :])
    if sort == "-members":
        assert order[0] == 295


def test_pages_of_any_size_hold_everything_once(shelf: Shelf) -> None:
    asked = Asked({"country": ("http://c/SVK",)}, sort="-founded")
    selection = shelf.select(asked, "cs", ordered)
    for limit in (1, 7, 100, 1000):
        seen, offset = [], 0
        while True:
            listed = Listed(shelf, asked, selection, offset, limit, "cs")
            seen += [member.iri for member in listed.members]
            following = listed.turns().get("next")
            if following is None:
                break
            offset = Cursor.parse(following).offset
        assert len(seen) == len(set(seen)) == 100


@given(st.text(max_size=200))
def test_only_our_cursors_are_read(text: str) -> None:
    try:
        assert str(Cursor.parse(text)).rstrip("=") == text.rstrip("=") or text
    except UnknownParameter as error:
        assert error.extras["parameter"] == "cursor"


@given(st.text("abcdef0123456789", min_size=1, max_size=16), st.integers(0, 10**9))
def test_a_cursor_comes_back(text: str, offset: int) -> None:
    cursor = Cursor(text, text[::-1], offset)
    assert Cursor.parse(str(cursor)) == cursor


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_no_cell_is_a_formula(cells: list[str]) -> None:
    [found] = list(csv.reader(io.StringIO(csv_bytes(cells, []).decode(), newline="")))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in found)
    book = openpyxl.load_workbook(io.BytesIO(xlsx_bytes("x", ["n"] * len(cells), [cells])))
    assert all(cell.data_type != "f" for line in book.active.iter_rows() for cell in line)


def test_dates_are_as_exact_as_they_are() -> None:
    assert [day(x) for x in ("2013", "2013-10", "2013-10-05", "soon")] == [2013, "2013-10", date(2013, 10, 5), "soon"]


def test_a_row_has_a_cell_for_each_column(content: Content) -> None:
    names = [name for name, _ in columns(CLUSTERS)]
    told = dict(zip(names, row(content.members[5], content, "en"), strict=True))
    assert (told["name"], told["language"], told["country"], told["members"]) == ("Čluster 5 005", "cs", "Poland", 6)
    assert told["founded"] == 1995
    made = Shaper(content, IRIS).node(content.members[5])
    assert made["country"] == {"id": "http://c/POL", "prefLabel": {"en": "Poland"}}
    assert made["isRefOrganisationOf"][0]["value"] == 6


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_fact_is_in_its_query(name: str) -> None:
    collection = COLLECTIONS[name]
    text = find_query(collection.query, IRIS).text
    for fact in collection.facts:
        assert f'"{fact.name}"' in text, fact.name
    assert {*collection.filters, *(s for s in collection.sorts if s != "name")} <= {f.name for f in collection.facts}
