"""The tables of data/rows/: their files are fresh, every value is in the graph of its page, nothing is added."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pytest

from v4graph import assets, rows
from v4graph.errors import BadRequest

BASE = "https://w3id.org/v4graph/"
V4 = f"{BASE}ontology#"
ID = f"{BASE}id/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
EU = "http://publications.europa.eu/resource/authority/country/"
SCHEMA = "https://schema.org/"
TABLES = rows.Tables()
# West, south, east, north of each country, generously rounded.
BOXES = {
    "BGR": (22.3, 41.2, 28.7, 44.3),
    "AUT": (9.4, 46.3, 17.2, 49.1),
    "CZE": (12.0, 48.5, 18.9, 51.1),
    "DEU": (5.8, 47.2, 15.1, 55.1),
    "FRA": (-5.2, 41.3, 9.6, 51.1),
    "HUN": (16.1, 45.7, 22.9, 48.6),
    "ITA": (6.6, 35.4, 18.6, 47.1),
    "POL": (14.1, 49.0, 24.2, 54.9),
    "PRT": (-9.6, 36.9, -6.1, 42.2),
    "ROU": (20.2, 43.6, 29.8, 48.3),
    "SVK": (16.8, 47.7, 22.6, 49.7),
    "SVN": (13.3, 45.4, 16.7, 46.9),
}
# Names that were known from memory alone when the tables were made: no page states them.
UNSOURCED = (
    "ENVICRACK",
    "Network Security Monitoring Cluster",
    "ENERGOKLASTR",
    "CzechBioGas",
    "Hradecký IT klastr",
    "BITERAP",
    "BALNEA CLUSTER",
    "Slovak Lighting Cluster",
    "Klaster Horné Považie",
    "Klaster Tatry",
    "SIDE-CLUSTER",
    "Evoluma",
    "BIM Klaster",
    "PANTERM",
    "Pannon Mechatronikai Klaszter",
    "NOHAC",
    "Biotechnológiai Innovációs Bázis Klaszter",
    "Építőipari Innovációs és Kompozit Klaszter",
)
HOMONYMS = (
    ("national-energy-cluster-czech-republic", "national-energy-cluster-slovakia"),
    ("omnipack-czech-republic", "omnipack-hungary"),
    ("it-cluster-czech-republic", "it-cluster-podkarpacie", "it-cluster-szczecin", "it-cluster-upper-austria"),
    ("plastr", "plastics-cluster-austria"),
    ("metal-processing-cluster", "eastern-metalworking-cluster"),
    ("hit-cluster", "hi-tech-innovation-cluster"),
    ("czechemp", "hemp-cluster"),
    ("bioeconomy-cluster", "polish-bioeconomy-cluster"),
    ("pharmagora", "pharmapolis-innovative-pharmaceutical-cluster"),
    ("electrotechnical-cluster-western-slovakia", "tourism-cluster-western-slovakia"),
)


@cache
def said() -> tuple[tuple[str, ox.Triple], ...]:
    """Everything data/ says, with the source that says it."""
    paths = [path for path in sorted(assets.DATA.rglob("*.ttl")) if path.name != "sources.ttl"]
    return tuple((path.stem, t) for path in paths for t in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE))


@cache
def about(subject: str) -> dict[str, dict[str, set[str]]]:
    """Property -> value -> the sources that say so."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for source, t in said():
        if t.subject.value == subject:
            found[t.predicate.value.removeprefix(V4)][t.object.value].add(source)
    return found


@cache
def subjects(kind: str) -> frozenset[str]:
    return frozenset(
        t.subject.value for _, t in said() if t.predicate.value.endswith("#type") and t.object.value == kind
    )


@cache
def nodes(kind: str, holder: str) -> dict[str, list[str]]:
    """The awards or observations of every organisation."""
    found: dict[str, list[str]] = defaultdict(list)
    for _, t in said():
        if t.predicate.value == V4 + holder and t.subject.value.startswith(ID + kind):
            found[t.object.value].append(t.subject.value)
    return found


def organisation(slug: str) -> str:
    return f"{ID}organisation/{slug}"


def test_files_are_fresh(tmp_path: Path) -> None:
    made = {path.name: path.read_text(encoding="utf-8") for path in rows.write(tmp_path)}
    kept = {path.name: path.read_text(encoding="utf-8") for path in rows.TARGET.glob("*.ttl")}
    assert sorted(made) == sorted(kept), "run: python -m v4graph.rows"
    stale = [name for name in made if made[name] != kept[name]]
    assert not stale, f"run: python -m v4graph.rows ({stale[:5]} differ from the rows)"


def test_a_corrected_row_changes_the_file_of_its_page_only(tmp_path: Path) -> None:
    tables = tmp_path / "rows"
    shutil.copytree(rows.TABLES, tables)
    path = tables / "clusters.csv"
    text = path.read_text(encoding="utf-8")
    assert text.count("2009-06-29") == 1
    path.write_text(text.replace("2009-06-29", "2009-06-30"), encoding="utf-8")
    rows.write(tmp_path / "out", tables)
    changed = [
        made.stem
        for made in sorted((tmp_path / "out").glob("*.ttl"))
        if made.read_text(encoding="utf-8") != (rows.TARGET / made.name).read_text(encoding="utf-8")
    ]
    assert changed == ["wschodniklaster-pl-powolanie-wschodniego-klastra-obrobki"]


@pytest.mark.parametrize(
    ("table", "before", "after", "told"),
    [
        ("clusters", ",automotive,", ",moon mining,", "sectors.csv has no line for “moon mining”"),
        ("awards", "ESCA Gold", "Gold of the Moon", "labels.csv has no line for “Gold of the Moon”"),
        ("clusters", ",Liberec,", ",Lhota,", "places.csv has no line for Lhota"),
        (
            "pages",
            "https://chpk.cz/klastr/",
            "https://chpk.cz/moon/",
            "pages.csv has no line for https://chpk.cz/klastr",
        ),
    ],
)
def test_unknown_words_are_told_with_the_table_to_mend(
    table: str, before: str, after: str, told: str, tmp_path: Path
) -> None:
    tables = tmp_path / "rows"
    shutil.copytree(rows.TABLES, tables)
    path = tables / f"{table}.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    with pytest.raises(BadRequest) as caught:
        rows.write(tmp_path / "out", tables)
    assert told in str(caught.value.detail)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (",2011-06-30,", ",June 2011,", "“June 2011” is no date"),
        (",CZ,Brno,seat,", ",CZ,Brno,home,", "“home” is no city_qualifier: choose one of associated, coordinator"),
        (",PL,Knurów,", ",PX,Knurów,", "“PX” is no country"),
    ],
)
def test_wrong_cells_are_told(before: str, after: str, told: str, tmp_path: Path) -> None:
    tables = tmp_path / "rows"
    shutil.copytree(rows.TABLES, tables)
    path = tables / "clusters.csv"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(BadRequest) as caught:
        rows.write(tmp_path / "out", tables)
    assert told in str(caught.value.detail)


def test_all_cluster_organisations_are_in_the_graph() -> None:
    slugs = [row["slug"] for row in TABLES.clusters]
    assert len(slugs) == len(set(slugs)) == 280
    missing = [slug for slug in slugs if organisation(slug) not in subjects(V4 + "ClusterOrganisation")]
    assert not missing
    for slug in slugs:
        known = about(organisation(slug))
        assert known[SKOS + "prefLabel"], f"{slug} has no name"
        assert len(known["country"]) == 1, f"{slug}: {dict(known['country'])}"


def test_all_organisations_of_the_study_are_in_the_graph() -> None:
    slugs = {row["slug"] for row in TABLES.organisations}
    assert len(slugs) == 94, "92 of the study, and two coordinators whose register numbers are known"
    missing = [slug for slug in slugs if organisation(slug) not in subjects("http://www.w3.org/ns/org#Organization")]
    assert not missing
    assert all(about(organisation(slug))[SKOS + "prefLabel"] for slug in slugs)


def test_nothing_is_from_memory() -> None:
    names = {
        t.object.value for _, t in said() if t.predicate.value.startswith(SKOS) and isinstance(t.object, ox.Literal)
    }
    for unsourced in UNSOURCED:
        assert not [name for name in names if unsourced.casefold() in name.casefold()], unsourced


def test_every_value_is_in_the_graph_of_its_page() -> None:
    props = {"founded": "foundedOn", "website": SCHEMA + "url", "name_en": SKOS + "prefLabel"}
    for row in TABLES.clusters:
        known = about(organisation(row["slug"]))
        addresses = dict(pair.split("=", 1) for pair in row["more_sources"].split(" ; ") if pair)
        for column, prop in props.items():
            if row[column]:
                source = TABLES.source(addresses.get(column, row["source"]))
                values = known[prop] | (known[SKOS + "altLabel"] if column == "name_en" else {})
                same = {
                    s
                    for value, sources in values.items()
                    if value.casefold() == row[column].casefold()
                    for s in sources
                }
                assert source in same, f"{row['slug']}: {source} does not give {column} {row[column]}"


def test_every_page_is_in_the_manifest_once_and_used() -> None:
    slugs = [page["slug"] for page in TABLES.pages.values()]
    assert len(slugs) == len(set(slugs))
    assert all(len(slug) <= 60 for slug in slugs)
    manifest = {
        t.subject.value.removeprefix(f"{BASE}graph/")
        for path in assets.DATA.rglob("sources.ttl")
        for t in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)
    }
    assert set(slugs) <= manifest, "a page of pages.csv is used by no row: remove its line"
    assert {path.stem for path in rows.TARGET.glob("*.ttl")} - {"sources"} <= manifest
    assert {page["rank"] for page in TABLES.pages.values()} == set("abcde")


def test_only_a_stated_seat_is_a_seat() -> None:
    kinds: dict[str, int] = defaultdict(int)
    for row in TABLES.clusters:
        if not row["city"]:
            continue
        kinds[row["city_qualifier"]] += 1
        known = about(organisation(row["slug"]))
        place = f"{ID}place/{TABLES.places[row['country'], row['city']]['slug']}"
        assert place in known[rows.PLACES[row["city_qualifier"]]], row["slug"]
        if row["city_qualifier"] != "seat":
            assert place not in known["seatPlace"], row["slug"]
            assert not known["seatRegion"], row["slug"]
    assert sum(kinds.values()) == 143
    assert set(kinds) == set(rows.PLACES)


def test_all_coordinates_lie_in_their_country() -> None:
    seen = 0
    for place in subjects(V4 + "Place"):
        known = about(place)
        if not known[SCHEMA + "latitude"]:
            continue
        [latitude], [longitude], [country] = known[SCHEMA + "latitude"], known[SCHEMA + "longitude"], known["country"]
        west, south, east, north = BOXES[country.removeprefix(EU)]
        assert south <= float(latitude) <= north and west <= float(longitude) <= east, place
        seen += 1
    assert seen >= len([row for row in TABLES.places.values() if row["geonames_id"]])


def test_regions_lie_in_the_country_and_carry_their_version() -> None:
    regions = {row["slug"]: about(organisation(row["slug"])) for row in TABLES.clusters}
    for slug, known in regions.items():
        for region in known["seatRegion"]:
            code = region.removeprefix("http://data.europa.eu/nuts/code/")
            [country] = known["country"]
            assert code[:2] == {v: k for k, v in countries().items()}[country], slug
            assert set(known["regionVersion"]) == {"http://data.europa.eu/nuts/scheme/2021"}, slug


def countries() -> dict[str, str]:
    path = assets.ONTOLOGY / "schemes" / "country.ttl"
    triples = ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)
    return {t.object.value: t.subject.value for t in triples if t.predicate.value == SKOS + "notation"}


def test_every_sector_word_and_label_has_a_concept() -> None:
    assert all(TABLES.sectors.values()) and all(TABLES.labels.values())
    declared = {
        t.subject.value
        for name in ("sector", "quality-label")
        for t in ox.parse(path=str(assets.ONTOLOGY / "schemes" / f"{name}.ttl"), format=ox.RdfFormat.TURTLE)
    }
    for concept in {c for words in TABLES.sectors.values() for c in words.split()}:
        assert f"{BASE}scheme/sector/{concept}" in declared, concept
    for concept in TABLES.labels.values():
        assert f"{BASE}scheme/quality-label/{concept}" in declared, concept
    without = {row["slug"] for row in TABLES.clusters if not about(organisation(row["slug"]))["inSector"]}
    assert without == {"klaster-info", "seva", "ai3pa-smart-cluster"}, "no page states a sector for these three"


def test_awards_and_counts_are_there() -> None:
    awards, counts = nodes("award", "awardedTo"), nodes("observation", "refOrganisation")
    labelled = {row["slug"] for row in TABLES.awards}
    assert len(labelled) == 73
    assert {organisation(slug) for slug in labelled} == set(awards)
    counted = {row["slug"] for row in TABLES.clusters if row["members"]}
    assert len(counted) == 83
    for slug in counted:
        values = {value for node in counts[organisation(slug)] for value in about(node)["value"]}
        [row] = [row for row in TABLES.clusters if row["slug"] == slug]
        assert row["members"] in values
    for node in (node for found in counts.values() for node in found):
        assert len(about(node)["valueQualifier"]) == 1, node


@pytest.mark.parametrize("row", TABLES.disagreements, ids=lambda row: f"{row['slug']}-{row['field']}")
def test_both_sides_of_a_pair_stand_in_the_graphs_of_their_pages(row: dict[str, str]) -> None:
    subject = organisation(row["slug"])
    sides = [(row[f"value_{s}"], row[f"qualifier_{s}"], TABLES.source(row[f"source_{s}"])) for s in "ab"]
    assert sides[0] != sides[1]
    for value, qualifier, source in sides:
        if row["field"] in rows.INDICATORS:
            found = [
                n
                for n in nodes("observation", "refOrganisation")[subject]
                if source in about(n)["value"].get(value, ())
            ]
            assert found, f"{source} does not count {value}"
        elif row["field"] == "label":
            concept = f"{BASE}scheme/quality-label/{TABLES.labels[value]}"
            awards = nodes("award", "awardedTo")[subject]
            assert [n for n in awards if source in about(n)["awardedLabel"].get(concept, ())], f"{source}: {value}"
        elif row["field"] == "city":
            assert source in about(subject)["associatedPlace"][f"{ID}place/{value.replace('ó', 'o').lower()}"]
        elif qualifier == "at-most":  # “2017 or earlier” is what an award of 2017 on that page shows.
            awards = nodes("award", "awardedTo")[subject]
            assert [n for n in awards if source in about(n)["awardedOn"].get(value, ())]
        else:
            assert source in about(subject)["foundedOn"][value]


def test_all_pairs_of_the_study_are_there() -> None:
    assert len(TABLES.disagreements) == 22, "21 of the study, and CLUTEX"
    disputed = {row["slug"] for row in TABLES.disagreements if row["field"] == "founded" and not row["qualifier_b"]}
    assert all(len(about(organisation(slug))["foundedOn"]) == 2 for slug in disputed)


@pytest.mark.parametrize("slugs", HOMONYMS, ids=lambda slugs: slugs[0])
def test_homonyms_stay_apart(slugs: tuple[str, ...]) -> None:
    known = {row["slug"]: row for row in TABLES.clusters}
    sources = [(known[slug]["country"], known[slug]["name_native"], known[slug]["source"]) for slug in slugs]
    assert len(set(sources)) == len(slugs)


@pytest.mark.parametrize("path", sorted(rows.TABLES.glob("*.csv")), ids=lambda path: path.stem)
def test_tables_hold_facts_only(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        head = next(reader)
        assert "notes" not in head
        for line in reader:
            assert len(line) == len(head), f"{path.name}: {line}"
            assert "FROM MEMORY" not in " ".join(line)
            assert [cell for cell in line if cell != cell.strip()] == [], f"{path.name}: {line}"
