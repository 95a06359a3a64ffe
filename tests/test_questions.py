"""The forty questions, answered from the packaged data as the study and the founding documents say."""

from __future__ import annotations

from typing import Any

from tests.library import CLUSTERS


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
