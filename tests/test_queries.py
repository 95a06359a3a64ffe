"""A query is a file that runs as it is; its parameters are VALUES lines."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from v4graph import queries
from v4graph.iris import Iris

QUERY = """SELECT ?s ?n { VALUES ?s { UNDEF } VALUES (?a ?b) { (UNDEF UNDEF) } ?s <http://e/n> ?n }"""


@pytest.fixture
def store() -> ox.Store:
    store = ox.Store()
    store.update(
        "INSERT DATA { <http://e/1> <http://e/n> 1 . <http://e/2> <http://e/n> 2 . <http://e/3> <http://e/n> 3 }"
    )
    return store


def rows(store: ox.Store, query: str) -> int:
    return len(list(store.query(query)))  # type: ignore[arg-type]


def test_unbound_it_runs_as_it_is(store: ox.Store) -> None:
    assert queries.parameters(QUERY) == ["s", "a", "b"]
    assert queries.bind(QUERY) == QUERY
    assert rows(store, QUERY) == 3


def test_parameters_narrow_it(store: ox.Store) -> None:
    assert rows(store, queries.bind(QUERY, s="<http://e/2>")) == 1
    assert rows(store, queries.bind(QUERY, s=["<http://e/2>", "<http://e/3>"])) == 2
    assert rows(store, queries.bind(QUERY, a_b='"x" "y"')) == 3
    assert rows(store, queries.bind(QUERY, s=[])) == 0


def test_a_file_is_found_by_name_and_rebased() -> None:
    found = queries.find_query("rules/lead-partner", Iris("http://other.example/"))
    assert found.header["makes"] == "leadPartner"
    assert "http://other.example/ontology#" in found.text
    assert "w3id.org" not in found.text
