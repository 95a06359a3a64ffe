"""Search over the packaged data: any name, any language, with errors; exact counts; an index that follows the store."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from v4graph.folding import fold, words_of
from v4graph.indexing import index_path, make_index
from v4graph.iris import Iris
from v4graph.search import Index
from v4graph.store.embedded import current

IRIS = Iris()
SKOS = "http://www.w3.org/2004/02/skos/core#"


@pytest.fixture(scope="module")
def store(published_home: Path) -> ox.Store:
    snapshot = current(published_home)
    assert snapshot is not None
    found = ox.Store()
    found.bulk_extend(ox.Store.read_only(str(snapshot.path)).quads_for_pattern(None, None, None, ox.DefaultGraph()))
    return found


@pytest.fixture(scope="module")
def index(store: ox.Store, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index(make_index(tmp_path_factory.mktemp("search"), "first", store, IRIS))


def found(index: Index, text: str, n: int = 3) -> list[str]:
    return [hit.iri.removeprefix(IRIS.base) for hit in index.search(text).hits[:n]]


def test_folding() -> None:
    assert fold("ŁÓDŹ Straße Győr Żywiec") == "lodz strasse gyor zywiec"
    assert words_of("Košice IT-Valley (z.s.)") == ["kosice", "it", "valley", "z", "s"]


@pytest.mark.parametrize(
    "text",
    ["KETGATE", "ketgate", "KETGAT", "kegtate", "Ketgate "],
)
def test_case_beginnings_and_typing_errors(index: Index, text: str) -> None:
    assert "id/project/ketgate" in found(index, text, 1)


@pytest.mark.parametrize(
    "text", ["Košice IT Valley", "kosice it valley", "valley kosice it", "kosic vally", "KOŠICE valey"]
)
def test_accents_and_word_order(index: Index, text: str) -> None:
    assert found(index, text, 1) == ["id/organisation/kosice-it-valley"]


@pytest.mark.parametrize("text", ["Automobilový klaster", "automotive cluster slovakia", "AKS", "slovak automotive"])
def test_other_names_acronyms_countries_and_sectors(index: Index, text: str) -> None:
    assert "id/organisation/automotive-cluster-slovakia" in found(index, text)


def test_a_name_that_fits_whole_comes_first(index: Index) -> None:
    assert found(index, "V4Clusters", 1) == ["id/project/v4clusters"]
    [hit] = index.search("plastr").hits
    assert (hit.matched, hit.kind) == ("PLASTR", "cluster-organisation")


def test_what_stood_in_for_a_word_is_told(index: Index) -> None:
    results = index.search("hydo energy")
    assert results.instead == {"hydo": ("hydro",)} and results.total == 1
    nothing = index.search("qqqqqqqq")
    assert (nothing.total, nothing.hits, dict(nothing.instead)) == (0, (), {"qqqqqqqq": ()})


def test_counts_are_exact_and_a_facet_does_not_narrow_itself(index: Index, store: ox.Store) -> None:
    everything = index.search("")
    in_store = {
        q.subject
        for q in store.quads_for_pattern(
            None, ox.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"),
            ox.NamedNode(IRIS.term("ClusterOrganisation")), ox.DefaultGraph(),
        )
    }  # fmt: skip
    assert everything.facets["kind"]["cluster-organisation"] == len(in_store)
    for facet, counts in index.search("energy").facets.items():
        for value, count in counts.items():
            narrowed = index.search("energy", narrowed={facet: [value]})
            assert narrowed.total == count, (facet, value)
            assert narrowed.facets[facet] == counts
    two = dict(list(everything.facets["country"].items())[:2])
    both = index.search("", narrowed={"country": list(two)})
    assert max(two.values()) <= both.total <= sum(two.values())


def test_pages_hold_everything_once(index: Index) -> None:
    total = index.search("cluster").total
    seen = [hit.iri for start in range(0, total, 50) for hit in index.search("cluster", offset=start, limit=50).hits]
    assert len(seen) == len(set(seen)) == total


@pytest.mark.parametrize(
    "text", ['"', "* AND", "NEAR(", "a OR b)", "named:x", "\x00", "'; DROP TABLE thing; --", "-", "٣"]
)
def test_nothing_typed_is_taken_for_the_language_of_the_engine(index: Index, text: str) -> None:
    results = index.search(text)
    assert results.total >= 0 and index.search("KETGATE").total > 0


def test_a_name_of_ten_thousand_letters(index: Index) -> None:
    assert index.search("x" * 10_000).total == 0
    assert index.search("a " * 5_000).total > 0  # only the first words are looked at


def test_the_index_follows_the_store(store: ox.Store, tmp_path: Path) -> None:
    thing, label = ox.NamedNode(IRIS.thing("project", "brand-new")), ox.NamedNode(f"{SKOS}prefLabel")
    gone = ox.NamedNode(IRIS.thing("project", "ketgate"))
    Index(make_index(tmp_path, "1-a", store, IRIS)).close()
    new = ox.Store()
    new.bulk_extend(q for q in store if q.subject != gone)
    new.add(ox.Quad(thing, label, ox.Literal("Zcela nový projekt", language="cs")))
    step = Index(make_index(tmp_path, "2-b", new, IRIS))
    anew = Index(make_index(tmp_path / "elsewhere", "2-b", new, IRIS))
    for text in ("zcela novy", "ketgate", "", "cluster"):
        one, other = step.search(text, limit=2000), anew.search(text, limit=2000)
        assert {h.iri for h in one.hits} == {h.iri for h in other.hits}
        assert one.facets == other.facets
    assert found(step, "novy zcela", 1) == ["id/project/brand-new"]
    assert thing.value.removeprefix(IRIS.base) not in found(step, "ketgate")
    for token in ("3-c", "4-d", "5-e"):
        make_index(tmp_path, token, new, IRIS)
    assert not index_path(tmp_path, "1-a").exists() and index_path(tmp_path, "5-e").exists()
