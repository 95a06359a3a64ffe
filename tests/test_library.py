"""The query library: every file is complete, runs as it is, narrows by its parameters, and answers what was asked."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.plugins.sparql import prepareQuery

from v4graph import assets, queries
from v4graph.errors import NotFound, UnknownParameter
from v4graph.iris import Iris
from v4graph.workspace import Workspace

IRIS = Iris()
LIBRARY = {query.name: query for query in queries.list_library(IRIS)}
FIXTURES = Path(__file__).parent / "fixtures"
BASE = IRIS.base
Row = dict[str, str | None]


@pytest.fixture(scope="module")
def packaged(published: Workspace) -> bytes:
    return "\n".join(published.quads()).encode()


@pytest.fixture(scope="module")
def stores(packaged: bytes) -> dict[str | None, ox.Store]:
    """The packaged data alone, and with each fixture."""
    found: dict[str | None, ox.Store] = {}
    for name in (None, *(path.stem for path in FIXTURES.glob("*.ttl"))):
        found[name] = store = ox.Store()
        store.bulk_load(packaged, ox.RdfFormat.N_QUADS)
        if name is not None:
            store.load((FIXTURES / f"{name}.ttl").read_bytes(), ox.RdfFormat.TURTLE)
    return found


@pytest.fixture
def ask(stores: dict[str | None, ox.Store]) -> Any:
    def rows(name: str, fixture: str | None = None, **values: str) -> list[Row]:
        query = LIBRARY[name]
        text = queries.bind_checked(query, values, IRIS)
        found: Any = stores[fixture or query.header.get("fixture")].query(text)
        names = [variable.value for variable in found.variables]
        return [{n: short(row[n].value) if row[n] is not None else None for n in names} for row in found]

    return rows


def short(value: str) -> str:
    return value.removeprefix(BASE).removeprefix("http://publications.europa.eu/resource/authority/")


@pytest.mark.parametrize("name", LIBRARY)
def test_header(name: str) -> None:
    query = LIBRARY[name]
    assert tuple(query.titles) == queries.LANGUAGES
    assert all(query.titles.values())
    assert len(set(query.titles.values())) == 6, "every language has words of its own"
    assert query.description.endswith(".")
    assert query.keywords
    assert re.fullmatch(r"\d+(, \d+)*|extra", query.header["question"])
    assert query.header["expects"] == "rows"
    told = [parameter.name for parameter in query.parameters]
    assert sorted(set(queries.parameters(query.text))) == sorted(told), "header and VALUES lines name the same"
    for parameter in query.parameters:
        assert parameter.kind in {"iri", "string", "integer", "date", "lang"}
        assert parameter.says


@pytest.mark.parametrize("name", LIBRARY)
def test_text(name: str) -> None:
    text = LIBRARY[name].text
    declared = dict(re.findall(r"^PREFIX (\w+): <([^>]+)>$", text, re.M))
    body = re.sub(r"^(#|PREFIX).*\n", "", text, flags=re.M)
    bare = re.sub(r"<[^>\s]*>|\"[^\"]*\"", "", body)
    assert set(re.findall(r"(?<![\w?:])(\w+):(?=\w)", bare)) == set(declared), "declared and used prefixes differ"
    prepareQuery(text)  # the other engine reads it, too
    ox.Store().query(text)
    assert not re.search(r"SELECT\s+(DISTINCT\s+)?\*", text)
    assert "SERVICE" not in text
    assert "startDate >" not in text and "startDate <" not in text
    if "SELECT" in body:
        assert re.search(r"\nORDER BY [^\n]+\n?\Z", body), "the last line orders the rows"


def own_terms() -> set[str]:
    graph = rdflib.Graph()
    for path in sorted(assets.ONTOLOGY.glob("*.ttl")):
        graph.parse(path)
    return {str(term).partition("#")[2] for term in set(graph.subjects()) if str(term).startswith(f"{BASE}ontology#")}


PROVENANCE_TERMS = {"currentRevision"}
"""Terms that the program writes into the graph of provenance."""


def test_own_terms_exist() -> None:
    known = own_terms() | PROVENANCE_TERMS
    for name, query in LIBRARY.items():
        used = set(re.findall(r"\bv4:(\w+)", query.text.split("PREFIX", 1)[1]))
        assert used <= known, name


@pytest.mark.parametrize("name", LIBRARY)
def test_it_answers_within_its_time(name: str, stores: dict[str | None, ox.Store]) -> None:
    query = LIBRARY[name]
    store = stores[query.header.get("fixture")]
    started = time.perf_counter()
    found = list(store.query(query.text))  # type: ignore[call-overload]
    assert time.perf_counter() - started < 1.0
    assert found
    assert len(found) == len({str(row) for row in found}), "no row comes twice"


NARROWING = {
    "projects/list-partners": {"project": "id/project/v4clusters"},
    "projects/list-projects": {"from": "2013-01-01", "until": "2013-12-31"},
    "projects/sum-funding": {"programme": "id/programme/interreg-ivc"},
    "projects/find-gaps": {"project": "id/project/cncb"},
    "projects/trace-family": {"funder": "id/organisation/visegrad-fund"},
    "projects/find-by-topic": {"topic": "women"},
    "projects/count-by-funder": {"funder": "id/organisation/visegrad-fund"},
    "projects/list-missing-countries": {"source": "graph/nca-projects"},
    "cooperation/list-cooperations": {"organisation": "id/organisation/uks"},
    "cooperation/find-repeated-pairs": {"organisation": "id/organisation/nca"},
    "cooperation/find-brokers": {"atLeast": "8"},
    "cooperation/find-continuous-partners": {"later": "id/project/v4clusters"},
    "cooperation/find-outliving-links": {"organisation": "id/organisation/test-maker"},
    "cooperation/find-unlinked-clusters": {"country": "country:HUN"},
    "cooperation/export-network": {"project": "id/project/ketgate"},
    "clusters/list-clusters": {"country": "country:HUN"},
    "clusters/find-across-border": {"place": "id/place/ostrava"},
    "clusters/find-white-spots": {"prefix": "PL", "sector": "scheme/sector/ict"},
    "clusters/count-clusters": {"country": "country:CZE"},
    "clusters/list-associations": {"country": "country:SVK"},
    "matchmaking/find-similar": {"organisation": "id/organisation/autoklastr"},
    "matchmaking/find-event-guests": {"place": "id/place/ostrava", "sector": "scheme/sector/ict"},
    "matchmaking/find-consortium": {"sector": "scheme/sector/bio-based"},
    "partnerships/find-visegrad-members": {"country": "country:CZE"},
    "policy/list-strategies": {"covers": "country:HUN"},
    "policy/list-policies": {"year": "2010", "area": "country:CZE"},
    "policy/list-recommendations": {"project": "id/project/clustrat"},
    "benchmarking/compare-indicator": {"indicator": "scheme/indicator/member-count"},
    "benchmarking/list-labels": {"day": "2015-06-01"},
    "benchmarking/check-criteria": {"country": "country:HUN"},
    "benchmarking/find-services": {"technology": "scheme/technology/photonics", "level": "5"},
    "provenance/explain-disagreements": {"thing": "id/project/v4clusters"},
    "provenance/find-weak-statements": {"ofRank": "scheme/source-rank/e"},
    "provenance/list-revisions": {"source": "graph/nca-projects"},
    "provenance/measure-completeness": {"kind": "v4:Project"},
    "provenance/find-shared-organisations": {"organisation": "id/organisation/nca"},
}


@pytest.mark.parametrize("name", NARROWING)
def test_parameters_narrow_the_answer(name: str, stores: dict[str | None, ox.Store]) -> None:
    query = LIBRARY[name]
    store = stores[query.header.get("fixture")]
    everything: Any = list(store.query(query.text))  # type: ignore[call-overload]
    some: Any = list(store.query(queries.bind_checked(query, NARROWING[name], IRIS)))  # type: ignore[call-overload]
    assert 0 < len(some) < len(everything)


@pytest.fixture(scope="module")
def part(packaged: bytes) -> bytes:
    """The projects and partnerships only: the other engine is slow."""
    kinds = "project|participation|partnership|membership|funding|programme|disagreement|claim"
    wanted = re.compile(rf"/id/({kinds})/|/scheme/(sector|participation-role)/".encode())
    return b"\n".join(line for line in packaged.split(b"\n") if wanted.search(line))


@pytest.fixture(scope="module")
def engines(part: bytes) -> tuple[ox.Store, rdflib.Dataset]:
    store = ox.Store()
    store.bulk_load(part, ox.RdfFormat.N_QUADS)
    dataset = rdflib.Dataset()
    dataset.parse(data=part.decode(), format="nquads")
    return store, dataset


@pytest.mark.filterwarnings("ignore:Dataset:DeprecationWarning")  # rdflib's own use of what it deprecates
@pytest.mark.parametrize(
    "name",
    [
        "cooperation/find-continuous-partners",
        "partnerships/count-meta-clusters",
        "partnerships/list-meta-clusters",
        "partnerships/list-working-groups",
        "projects/count-by-funder",
        "projects/find-gaps",
        "projects/list-projects",
        "projects/sum-funding",
        "provenance/explain-disagreements",
    ],
)
def test_the_engines_agree(name: str, engines: tuple[ox.Store, rdflib.Dataset]) -> None:
    store, dataset = engines
    text = LIBRARY[name].text
    ours: Any = store.query(text)
    theirs: Any = dataset.query(text)
    found = sorted(tuple(term.value if term is not None else "" for term in row) for row in ours)
    assert found
    assert found == sorted(tuple(str(term) if term is not None else "" for term in row) for row in theirs)


def test_every_question_has_a_query() -> None:
    answered = {number for query in LIBRARY.values() for number in query.header["question"].split(", ")}
    assert answered == {str(number) for number in range(1, 41)} | {"extra"}


def test_partners_of_v4clusters(ask: Any) -> None:
    found = ask("projects/list-partners", project="id/project/v4clusters")
    partners = {row["organisation"].rpartition("/")[2] for row in found}
    assert {"nca", "czech-knowledge-cluster", "pannon-business-network", "gapr", "uks"} <= partners
    leading = {
        row["organisation"] for row in found if row["role"] and row["role"].endswith(("/coordinator", "/lead-partner"))
    }
    assert leading == {"id/organisation/nca"}
    printed = {(row["printed"], row["source"]) for row in found if row["organisation"].endswith("/nca")}
    assert ("National Cluster Association (Czech Republic)", "graph/gapr-v4clusters") in printed


def test_four_or_five_meta_clusters(ask: Any) -> None:
    found = ask("partnerships/count-meta-clusters", project="id/project/clusterscord")
    established = {(row["declared"], row["source"]) for row in found if row["what"] == "established"}
    assert established == {("4", "graph/dex-ic-clusterscord"), ("5", "graph/dex-ic-clusterscord")}
    named = ask("partnerships/list-meta-clusters", project="id/project/clusterscord")
    assert len({row["metaCluster"] for row in named}) == 5
    assert all(row["plan"] for row in named)


def test_natureef_and_its_members(ask: Any) -> None:
    found = ask("partnerships/find-visegrad-members", country="country:CZE")
    assert ("id/partnership/natureef", "CREA Hydro&Energy") in {(r["partnership"], r["memberName"]) for r in found}
    assert ("id/partnership/adpack", "id/organisation/nanoprogres") in {(r["partnership"], r["member"]) for r in found}


def test_start_of_v4clusters(ask: Any) -> None:
    found = ask("provenance/explain-disagreements", thing="id/project/v4clusters")
    starts = {(r["value"], r["accepted"], r["rule"]) for r in found if r["property"] == "ontology#startDate"}
    assert {value for value, _, _ in starts} >= {"2013-10", "2013-11"}
    assert {(accepted, rule) for _, accepted, rule in starts} == {("2013-10", "scheme/resolution-rule/best-rank")}


def test_checks_from_the_founding_documents(ask: Any) -> None:
    [fund] = ask("projects/count-by-funder", funder="id/organisation/visegrad-fund")
    assert {"v4clusters", "v4clusterpol", "v4clusgo"} <= set(fund["which"].split())
    missing = ask("projects/list-missing-countries", project="id/project/ketgate", source="graph/nca-projects")
    assert [row["organisation"].rpartition("/")[2] for row in missing] == [
        "bay-zoltan",
        "gapr",
        "jozef-stefan-institute",
    ]
    shared = {row["organisation"]: row["documents"] for row in ask("provenance/find-shared-organisations")}
    assert shared["id/organisation/nca"] == "3"


def test_approximate_amounts_stay_apart(ask: Any) -> None:
    found = ask("projects/sum-funding", programme="id/programme/central-europe-2007-2013")
    grants = {(r["qualifier"].rpartition("/")[2], r["total"]) for r in found if r["kind"].endswith("/grant")}
    assert grants == {("approximate", "2900000"), ("exact", "1112940.82")}


def test_projects_of_a_period(ask: Any) -> None:
    found = ask("projects/list-projects", **{"from": "2016-12-01", "until": "2016-12-31"})
    assert {"id/project/v4clusterpol", "id/project/v4clusgo"} <= {row["project"] for row in found}
    assert "id/project/clusters-trade-smes" not in {row["project"] for row in found}


def test_names_in_the_language_asked_for(ask: Any) -> None:
    english, czech = (
        {r["sector"]: r["sectorName"] for r in ask("clusters/count-clusters", lang=x)} for x in ("en", "cs")
    )
    assert english["scheme/sector/wood"] == "Wood industry"
    assert czech["scheme/sector/wood"] not in (None, "Wood industry")
    native = ask("clusters/list-clusters")
    assert all(row["organisationName"] for row in native)


def test_distances(ask: Any) -> None:
    near = ask(
        "clusters/find-across-border",
        "clusters",
        place="id/place/test-ostrava",
        sector="scheme/sector/ict",
        kilometres="70",
    )
    to = {row["organisation"]: int(row["squaredKilometres"] or 0) ** 0.5 for row in near}
    assert 55 < to["id/organisation/test-two"] < 62  # 58.7 km on the sphere
    assert "id/organisation/test-three" not in to


def test_partial_dates_of_labels(ask: Any) -> None:
    holders = ask("benchmarking/list-labels", "clusters", day="2016-12-31", label="scheme/quality-label/test-gold")
    assert [row["organisation"] for row in holders] == ["id/organisation/test-one"]
    assert ask("benchmarking/list-labels", "clusters", day="2014-02-28", label="scheme/quality-label/test-gold") == []


def test_matches_and_complements(ask: Any) -> None:
    [match] = ask("matchmaking/match-offers", day="2020-06-01")
    assert (match["offering"], match["seeking"]) == ("id/organisation/test-maker", "id/organisation/test-user")
    assert ask("matchmaking/match-offers", day="2021-01-01") == []
    complements = ask("matchmaking/find-complements")
    assert {row["kind"] for row in complements if row["organisation"] == "id/organisation/test-maker"} == {
        "scheme/relation-kind/test-supplies"
    }
    wishes = {
        r["organisation"]: r["link"]
        for r in ask("matchmaking/find-market-interest", market="scheme/country-group/asean")
    }
    assert wishes["id/organisation/test-maker"] == "id/cooperation/test-lasting"
    assert {row["link"] for row in ask("cooperation/find-outliving-links")} == {"id/cooperation/test-lasting"}


def test_common_sectors(ask: Any) -> None:
    everywhere = ask("clusters/find-common-sectors")
    assert {"scheme/sector/ict"} <= {row["sector"] for row in everywhere}
    assert {row["countries"] for row in everywhere} == {"4"}
    assert len(ask("clusters/find-common-sectors", atLeast="1")) > len(everywhere)


def test_white_spots_are_regions_without_a_cluster(ask: Any) -> None:
    white = {
        row["code"]
        for row in ask("clusters/find-white-spots", "clusters", prefix="CZ", sector="scheme/sector/automotive")
    }
    assert "CZ080" not in white
    assert "CZ010" in white


def test_a_place_in_the_middle(ask: Any) -> None:
    compared = ask("benchmarking/compare-indicator", "clusters", indicator="scheme/indicator/test")
    assert {row["organisation"].rpartition("-")[2]: (row["below"], row["above"]) for row in compared} == {
        "one": ("2", "0"), "six": ("1", "1"), "five": ("0", "2"),
    }  # fmt: skip


def test_values_are_checked() -> None:
    query = LIBRARY["projects/list-projects"]
    for name, value, says in [
        ("from", "2014", "day such as"),
        ("from", "2014-02-30", "day such as"),
        ("until", '2014-01-01" }', "day such as"),
        ("programme", "x> } #", "IRI"),
        ("lang", "xx", "one of en, cs"),
        ("nothing", "1", "no parameter nothing"),
    ]:
        with pytest.raises(UnknownParameter, match=says):
            queries.bind_checked(query, {name: value}, IRIS)
    assert queries.bind_checked(query, {"from": " "}, IRIS) == query.text
    text = queries.bind_checked(LIBRARY["projects/find-by-topic"], {"topic": 'a" } #\n\\'}, IRIS)
    assert 'VALUES ?topic { "a\\" } #\\n\\\\" }' in text
    assert len(list(ox.Store().query(text))) == 0  # type: ignore[call-overload]
    with pytest.raises(UnknownParameter, match="whole number"):
        queries.bind_checked(LIBRARY["cooperation/find-brokers"], {"atLeast": "five"}, IRIS)


def test_unknown_queries() -> None:
    with pytest.raises(NotFound, match="projects/list-partners"):
        queries.find_in_library("projects/list-partner", IRIS)
    for name in ("platform/describe", "rules/partner", "../x", "projects/../platform/describe", "projects"):
        with pytest.raises(NotFound):
            queries.find_in_library(name, IRIS)
