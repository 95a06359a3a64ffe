"""The query library: every file is complete, runs as it is, narrows by its parameters, and answers what was asked."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.plugins.sparql.parser import parseQuery

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
        found: Any = stores[fixture or query.fixture].query(text)
        names = [variable.value for variable in found.variables]
        return [{n: short(row[n].value) if row[n] is not None else None for n in names} for row in found]

    return rows


def answers(found: Any) -> list[Any]:
    """The rows or triples of an answer."""
    return list(found)


def short(value: str) -> str:
    return value.removeprefix(BASE).removeprefix("http://publications.europa.eu/resource/authority/")


@pytest.mark.parametrize("name", LIBRARY)
def test_header(name: str) -> None:
    query = LIBRARY[name]
    assert tuple(query.titles) == queries.LANGUAGES
    assert all(query.titles.values())
    assert len(set(query.titles.values())) == 6, "every language has words of its own"
    assert tuple(query.descriptions) == queries.LANGUAGES
    assert all(text.endswith(".") for text in query.descriptions.values())
    assert len(set(query.descriptions.values())) == 6
    assert query.keywords
    assert re.fullmatch(r"\d+(, \d+)*|extra", query.header["question"])
    assert query.header["answered on"] == (f"fixture {query.fixture}" if query.fixture else "packaged data")
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
    parseQuery(text)  # the other engine reads it, too
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


ON_FIXTURES = {"13", "17", "18", "30", "36"}
"""Questions that no source read so far answers."""


def test_it_says_where_the_data_cannot_answer(stores: dict[str | None, ox.Store]) -> None:
    invented = {
        number for query in LIBRARY.values() if query.fixture for number in query.header["question"].split(", ")
    }
    assert invented == ON_FIXTURES
    for query in LIBRARY.values():
        assert query.fixture is None or (FIXTURES / f"{query.fixture}.ttl").is_file()


@pytest.mark.parametrize("name", LIBRARY)
def test_it_answers_within_its_time(name: str, stores: dict[str | None, ox.Store]) -> None:
    query = LIBRARY[name]
    took = []
    for _ in range(5):
        started = time.process_time()  # of this process alone: others may keep the machine busy
        found = answers(stores[query.fixture].query(query.text))
        took.append(time.process_time() - started)
        if took[-1] < 0.1:
            break
    assert min(took) < 0.1
    assert found
    assert len(found) == len({str(row) for row in found}), "no row comes twice"


CLUSTERS = "clusters"
"""The fixture with organisations, for parameters of which the packaged data have one value only."""
NARROWING: list[tuple[str, str | None, dict[str, str]]] = [
    ("projects/list-partners", None, {"project": "id/project/v4clusters"}),
    ("projects/list-projects", None, {"from": "2016-12-01"}),
    ("projects/list-projects", None, {"until": "2010-12-31"}),
    ("projects/list-projects", None, {"programme": "id/programme/interreg-central-europe-2014-2020"}),
    ("projects/sum-funding", None, {"programme": "id/programme/interreg-ivc"}),
    ("projects/sum-funding", None, {"country": "country:CZE"}),
    ("projects/sum-funding", None, {"sector": "scheme/sector/emerging"}),
    ("projects/find-gaps", None, {"project": "id/project/cncb"}),
    ("projects/find-gaps", None, {"lacking": "funder"}),
    ("projects/trace-family", None, {"funder": "id/organisation/visegrad-fund"}),
    ("projects/find-by-topic", None, {"topic": "women"}),
    ("projects/count-by-funder", None, {"funder": "id/organisation/visegrad-fund"}),
    ("projects/list-missing-countries", None, {"source": "graph/nca-projects"}),
    ("projects/list-missing-countries", None, {"project": "id/project/ketgate"}),
    ("cooperation/list-cooperations", None, {"organisation": "id/organisation/uks"}),
    ("cooperation/find-repeated-pairs", None, {"organisation": "id/organisation/nca"}),
    ("cooperation/find-brokers", None, {"atLeast": "8"}),
    ("cooperation/find-brokers", None, {"country": "country:CZE"}),
    ("cooperation/find-continuous-partners", None, {"earlier": "id/project/clustrat"}),
    ("cooperation/find-continuous-partners", None, {"later": "id/project/v4clusters"}),
    ("cooperation/find-continuous-partners", None, {"earlierFunder": "id/organisation/visegrad-fund"}),
    ("cooperation/find-continuous-partners", None, {"laterFunder": "id/organisation/visegrad-fund"}),
    ("cooperation/find-outliving-links", None, {"organisation": "id/organisation/test-maker"}),
    ("cooperation/find-unlinked-clusters", None, {"country": "country:HUN"}),
    ("cooperation/export-network", None, {"project": "id/project/ketgate"}),
    ("cooperation/count-country-pairs", None, {"sector": "scheme/sector/wood"}),
    ("cooperation/count-country-pairs", None, {"country": "country:HUN"}),
    ("clusters/list-clusters", None, {"country": "country:HUN"}),
    ("clusters/list-clusters", None, {"region": "http://data.europa.eu/nuts/code/CZ08"}),
    ("clusters/list-clusters", None, {"sector": "scheme/sector/ict"}),
    ("clusters/list-clusters", None, {"day": "1999-12-31"}),
    ("clusters/find-across-border", None, {"place": "id/place/ostrava"}),
    ("clusters/find-across-border", None, {"region": "http://data.europa.eu/nuts/code/CZ08"}),
    ("clusters/find-across-border", None, {"sector": "scheme/sector/ict"}),
    ("clusters/find-across-border", None, {"kilometres": "50"}),
    ("clusters/find-white-spots", None, {"prefix": "PL"}),
    ("clusters/find-white-spots", None, {"country": "country:SVK"}),
    ("clusters/find-common-sectors", None, {"sector": "scheme/sector/ict"}),
    ("clusters/count-clusters", None, {"country": "country:CZE"}),
    ("clusters/count-clusters", None, {"sector": "scheme/sector/ict"}),
    ("clusters/count-clusters", CLUSTERS, {"stage": "scheme/life-cycle/growing"}),
    ("clusters/list-associations", None, {"country": "country:SVK"}),
    ("clusters/trace-changes", None, {"fromYear": "2010"}),
    ("clusters/trace-changes", None, {"untilYear": "2005"}),
    ("clusters/trace-changes", None, {"country": "country:CZE"}),
    ("matchmaking/find-similar", None, {"organisation": "id/organisation/autoklastr"}),
    ("matchmaking/find-similar", None, {"organisation": "id/organisation/autoklastr", "country": "country:HUN"}),
    ("matchmaking/find-complements", None, {"organisation": "id/organisation/autoklastr"}),
    ("matchmaking/find-complements", "cooperation", {"kind": "scheme/relation-kind/test-supplies"}),
    ("matchmaking/find-complements", None, {"organisation": "id/organisation/autoklastr", "country": "country:AUT"}),
    ("matchmaking/find-event-guests", None, {"place": "id/place/ostrava"}),
    ("matchmaking/find-event-guests", None, {"sector": "scheme/sector/ict"}),
    ("matchmaking/find-event-guests", None, {"kilometres": "10"}),
    ("matchmaking/find-event-guests", None, {"hours": "0"}),
    ("matchmaking/find-event-guests", None, {"country": "country:SVK"}),
    ("matchmaking/find-consortium", None, {"sector": "scheme/sector/food", "country": "country:SVK"}),
    ("matchmaking/find-market-interest", None, {"market": "scheme/country-group/asean"}),
    ("matchmaking/find-market-interest", None, {"organisation": "id/organisation/test-user"}),
    ("matchmaking/find-market-interest", None, {"country": "country:POL"}),
    ("partnerships/find-visegrad-members", None, {"country": "country:CZE"}),
    ("policy/list-strategies", None, {"covers": "country:HUN"}),
    ("policy/list-policies", None, {"year": "2010"}),
    ("policy/list-policies", None, {"area": "http://data.europa.eu/nuts/code/CZ080"}),
    ("policy/list-policies", None, {"level": "scheme/policy-level/regional"}),
    ("policy/list-recommendations", None, {"project": "id/project/clustrat"}),
    ("benchmarking/compare-indicator", None, {"organisation": "id/organisation/autoklastr"}),
    ("benchmarking/compare-indicator", CLUSTERS, {"indicator": "scheme/indicator/member-count"}),
    ("benchmarking/compare-indicator", None, {"group": "country:CZE"}),
    ("benchmarking/compare-indicator", None, {"year": "2016"}),
    ("benchmarking/list-labels", None, {"day": "2015-06-01"}),
    ("benchmarking/list-labels", None, {"label": "scheme/quality-label/esca-gold"}),
    ("benchmarking/list-labels", None, {"country": "country:SVK"}),
    ("benchmarking/list-labels", None, {"day": "2019-06-01", "only": "expires"}),
    ("benchmarking/check-criteria", None, {"country": "country:HUN"}),
    ("benchmarking/check-criteria", None, {"organisation": "id/organisation/autoklastr"}),
    ("benchmarking/check-criteria", None, {"only": "recognised"}),
    ("benchmarking/find-services", None, {"technology": "scheme/technology/photonics"}),
    ("benchmarking/find-services", None, {"levelFrom": "8"}),
    ("benchmarking/find-services", None, {"levelTo": "5"}),
    ("benchmarking/find-services", None, {"sector": "scheme/sector/food"}),
    ("benchmarking/find-services", None, {"region": "http://data.europa.eu/nuts/code/AT221"}),
    ("benchmarking/find-services", None, {"inLanguage": "language:DEU"}),
    ("provenance/explain-disagreements", None, {"thing": "id/project/v4clusters"}),
    ("provenance/find-weak-statements", None, {"ofRank": "scheme/source-rank/e"}),
    ("provenance/find-weak-statements", None, {"thing": "id/project/clusterscord"}),
    ("provenance/list-revisions", None, {"source": "graph/nca-projects"}),
    ("provenance/measure-completeness", None, {"kind": "v4:Project"}),
    ("provenance/measure-completeness", None, {"country": "country:SVK"}),
    ("provenance/find-shared-organisations", None, {"organisation": "id/organisation/nca"}),
]
EMPTYING: list[tuple[str, dict[str, str]]] = [
    ("partnerships/find-visegrad-members", {"theme": "scheme/sector/wood"}),
    ("partnerships/list-meta-clusters", {"project": "id/project/v4clusters"}),
    ("partnerships/count-meta-clusters", {"project": "id/project/v4clusters"}),
    ("partnerships/list-working-groups", {"project": "id/project/v4clusters"}),
    ("matchmaking/match-offers", {"day": "2021-01-01"}),
    ("provenance/list-revisions", {"contributor": "id/actor/nobody"}),
    ("provenance/list-revisions", {"from": "2100-01-01"}),
    ("provenance/list-revisions", {"until": "2000-01-01"}),
    ("provenance/find-weak-statements", {"before": "2000-01-01"}),
]
"""Where all that is there has one value of the parameter."""
CHANGING: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("clusters/find-white-spots", {}, {"sector": "scheme/sector/ict"}),
    ("clusters/find-white-spots", {}, {"ecosystem": "scheme/industrial-ecosystem/textiles"}),
    ("clusters/find-common-sectors", {}, {"atLeast": "3"}),
    ("matchmaking/find-consortium", {}, {"technology": "scheme/technology/photonics"}),
    ("matchmaking/find-consortium", {}, {"programme": "id/programme/interreg-central-europe-2014-2020"}),
    ("benchmarking/list-labels", {"day": "2019-06-01"}, {"months": "36"}),
    ("benchmarking/check-criteria", {}, {"atLeast": "50"}),
    ("provenance/rank-gaps", {}, {"kind": "v4:Event"}),
    ("provenance/rank-gaps", {}, {"country": "country:CZE"}),
    ("provenance/rank-gaps", {}, {"lacking": "identifier"}),
]
"""Parameters that do not make the answer shorter, but another one."""


@pytest.mark.parametrize(("name", "fixture", "values"), NARROWING)
def test_parameters_narrow_the_answer(
    name: str, fixture: str | None, values: dict[str, str], stores: dict[str | None, ox.Store]
) -> None:
    query = LIBRARY[name]
    store = stores[fixture or query.fixture]
    *wider, _ = values.items()
    everything: Any = answers(store.query(queries.bind_checked(query, dict(wider), IRIS)))
    some: Any = answers(store.query(queries.bind_checked(query, values, IRIS)))
    assert 0 < len(some) < len(everything)


@pytest.mark.parametrize(("name", "values"), EMPTYING)
def test_parameters_leave_nothing_where_nothing_fits(name: str, values: dict[str, str], ask: Any) -> None:
    assert ask(name)
    assert ask(name, **values) == []


@pytest.mark.parametrize(("name", "given", "values"), CHANGING)
def test_parameters_change_the_answer(name: str, given: dict[str, str], values: dict[str, str], ask: Any) -> None:
    assert ask(name, **given, **values)
    assert ask(name, **given, **values) != ask(name, **given)


def test_every_parameter_is_tried() -> None:
    tried = {(name, parameter) for name, _, values in NARROWING for parameter in values}
    tried |= {(name, parameter) for name, values in EMPTYING for parameter in values}
    tried |= {(name, parameter) for name, _, values in CHANGING for parameter in values}
    given = {(query.name, p.name) for query in LIBRARY.values() for p in query.parameters if p.name != "lang"}
    assert given == tried


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
        {r["ofSector"]: r["ofSectorName"] for r in ask("clusters/count-clusters", lang=x)} for x in ("en", "cs")
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
    to = {row["organisation"]: row["distance"] for row in near}
    assert to["id/organisation/test-two"] == "59"  # 58.7 km on the sphere
    assert "id/organisation/test-three" not in to


def test_partial_dates_of_labels(ask: Any) -> None:
    holders = ask("benchmarking/list-labels", "clusters", day="2016-12-31", label="scheme/quality-label/test-gold")
    assert [row["organisation"] for row in holders] == ["id/organisation/test-one"]
    assert ask("benchmarking/list-labels", "clusters", day="2014-02-28", label="scheme/quality-label/test-gold") == []


def test_matches_and_complements(ask: Any) -> None:
    [match] = ask("matchmaking/match-offers", day="2020-06-01")
    assert (match["offering"], match["seeking"]) == ("id/organisation/test-maker", "id/organisation/test-user")
    assert ask("matchmaking/match-offers", day="2021-01-01") == []
    maker = ask("matchmaking/find-complements", "cooperation", organisation="id/organisation/test-maker")
    assert [(row["kind"], row["strength"], row["other"]) for row in maker] == [
        ("scheme/relation-kind/test-supplies", "0.8", "id/organisation/test-user")
    ]
    assert ask("matchmaking/find-complements", "cooperation", organisation="id/organisation/test-user") == []
    wishes = {
        (r["organisation"], r["what"]): r["evidence"]
        for r in ask("matchmaking/find-market-interest", market="scheme/country-group/asean")
    }
    assert wishes == {
        ("id/organisation/test-maker", "wants"): "id/intent/test-offer",
        ("id/organisation/test-user", "wants"): "id/intent/test-need",
        ("id/organisation/test-maker", "is active"): "id/cooperation/test-lasting",
        ("id/organisation/test-user", "is active"): "id/cooperation/test-short",
    }
    assert {row["link"] for row in ask("cooperation/find-outliving-links")} == {"id/cooperation/test-lasting"}


def test_common_sectors(ask: Any) -> None:
    everywhere = ask("clusters/find-common-sectors")
    assert {"scheme/sector/ict"} <= {row["ofSector"] for row in everywhere}
    assert {row["countries"] for row in everywhere} == {"4"}
    assert len(ask("clusters/find-common-sectors", atLeast="1")) > len(everywhere)


def test_white_spots_are_regions_without_a_cluster(ask: Any) -> None:
    white = {
        row["code"]
        for row in ask("clusters/find-white-spots", "clusters", prefix="CZ", sector="scheme/sector/automotive")
    }
    assert "CZ080" not in white
    assert "CZ010" in white


def test_the_median(ask: Any) -> None:
    compared = ask("benchmarking/compare-indicator", "clusters", indicator="scheme/indicator/test", group="country:CZE")
    assert {row["organisation"].rpartition("-")[2]: (row["median"], row["position"]) for row in compared} == {
        "one": ("30", "above"), "six": ("30", "at the median"), "five": ("30", "below"),
    }  # fmt: skip
    staged = ask("benchmarking/compare-indicator", "clusters", indicator="scheme/indicator/test")
    assert {row["by"] for row in staged} == {"country"}, "two organisations of a stage are too few"
    [auto] = ask(
        "benchmarking/compare-indicator", organisation="id/organisation/autoklastr", group="scheme/sector/automotive"
    )
    assert (auto["value"], auto["by"], auto["position"]) == ("89", "sector", "above")


def test_labels_that_expire(ask: Any) -> None:
    soon = ask("benchmarking/list-labels", CLUSTERS, day="2019-10-01", label="scheme/quality-label/test-gold")
    assert [(row["validUntil"], row["state"]) for row in soon] == [("2020-01-14", "expires")]
    later = ask("benchmarking/list-labels", CLUSTERS, day="2019-10-01", months="3", only="valid")
    assert "id/organisation/test-two" in {row["organisation"] for row in later}


def test_criteria(ask: Any) -> None:
    found = {row["organisation"]: row for row in ask("benchmarking/check-criteria")}
    assert found["id/organisation/autoklastr"]["members"] == "89"
    assert found["id/organisation/cluster-smolenice"]["verdict"] == "does not meet"
    assert {row["verdict"] for row in found.values()} >= {"recognised", "does not meet", "lacks data"}
    assert all(row["recognisedBy"] for row in found.values() if row["verdict"] == "recognised")
    assert all(row["lacking"] for row in found.values() if row["verdict"] == "lacks data")


def test_a_consortium_of_three_countries(ask: Any) -> None:
    found = ask("matchmaking/find-consortium", technology="scheme/technology/photonics", sector="scheme/sector/food")
    assert {"id/organisation/joanneum-research", "id/organisation/bay-zoltan"} >= {row["research"] for row in found} - {
        "id/organisation/jozef-stefan-institute"
    }
    for row in found:
        assert len({row["leadCountry"], row["researchCountry"], row["thirdCountry"]}) == 3
        assert int(row["led"]) >= 1
        assert row["technologies"] == "photonics"


def test_joint_projects_per_sector(ask: Any) -> None:
    found = ask("cooperation/count-country-pairs")
    overall = {(row["first"], row["second"]): int(row["projects"]) for row in found if row["ofSector"] is None}
    assert len(overall) == 6
    for row in found:
        assert int(row["projects"]) <= overall[row["first"], row["second"]]
    assert len({row["ofSector"] for row in found}) * 6 == len(found)


def test_policies_and_what_changed_after(ask: Any) -> None:
    found = ask("policy/list-policies", area="http://data.europa.eu/nuts/code/CZ080", year="2010")
    assert {(r["policy"], r["next"], r["instrument"].rpartition("/")[2], r["change"]) for r in found} == {
        ("id/policy/test-early", "id/policy/test-next", "accreditation", "kept"),
        ("id/policy/test-early", "id/policy/test-next", "management-grant", "dropped"),
        ("id/policy/test-early", "id/policy/test-next", "project-grant", "added"),
    }


def test_services_within_reach(ask: Any) -> None:
    [lab] = ask(
        "benchmarking/find-services",
        technology="scheme/technology/photonics",
        levelFrom="5",
        levelTo="6",
        sector="scheme/sector/food",
        region="http://data.europa.eu/nuts/code/AT221",
        inLanguage="language:DEU",
    )
    assert (lab["service"], lab["served"], lab["language"]) == (
        "id/service/test-lab", "http://data.europa.eu/nuts/code/AT22", "language/DEU",
    )  # fmt: skip
    assert ask("benchmarking/find-services", levelFrom="8", technology="scheme/technology/photonics") == []


def test_who_could_host(ask: Any) -> None:
    found = ask("matchmaking/find-event-guests", place="id/place/gliwice", hours="1")
    roles = {row["organisation"]: (row["role"], row["hosted"]) for row in found}
    assert roles["id/organisation/gapr"] == ("host or guest", "1")
    assert ("guest", "0") in roles.values()
    assert max(int(row["distance"]) for row in found) <= 70


def test_sectors_that_projects_name_together(ask: Any) -> None:
    found = ask("matchmaking/find-complements", organisation="id/organisation/autoklastr")
    assert {row["otherSector"].rpartition("/")[2] for row in found} <= {"bio-based", "packaging", "construction"}
    assert {row["evidence"] for row in found} == {"id/project/danubiovalnet"}


def test_continuity_of_partners(ask: Any) -> None:
    found = ask(
        "cooperation/find-continuous-partners",
        earlier="id/project/clustrat",
        laterFunder="id/organisation/visegrad-fund",
    )
    assert {"id/project/v4clusters", "id/project/v4clusgo"} <= {
        row["later"] for row in found if row["organisation"] == "id/organisation/nca"
    }
    assert all(row["earlierStart"] < row["laterStart"] for row in found)


def test_the_most_valuable_gaps(ask: Any) -> None:
    gaps = ask("provenance/rank-gaps")
    assert len(gaps) == 10
    mentions = [int(row["mentions"]) for row in gaps]
    assert mentions == sorted(mentions, reverse=True)
    assert ("id/project/cncb", "end") in {(row["thing"], row["missing"]) for row in gaps}


def test_completeness_per_country(ask: Any) -> None:
    rows = {r["ofCountry"]: r for r in ask("provenance/measure-completeness", kind="v4:ClusterOrganisation")}
    czech = rows["country/CZE"]
    assert int(czech["czech"]) > int(czech["polish"])
    assert 0 < int(czech["twoSources"]) < int(czech["things"])


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
    assert len(answers(ox.Store().query(text))) == 0
    with pytest.raises(UnknownParameter, match="whole number"):
        queries.bind_checked(LIBRARY["cooperation/find-brokers"], {"atLeast": "five"}, IRIS)


def test_unknown_queries() -> None:
    with pytest.raises(NotFound, match="projects/list-partners"):
        queries.find_in_library("projects/list-partner", IRIS)
    for name in ("platform/describe", "rules/partner", "../x", "projects/../platform/describe", "projects"):
        with pytest.raises(NotFound):
            queries.find_in_library(name, IRIS)
