"""Rows: the tables of ``data/rows/`` turned into the Turtle files of ``data/clusters/``, one per page they come from.

An editor corrects a row and runs ``python -m v4graph.rows``; nobody edits the files it writes. Every value goes into
the graph of the page that states it: the row's ``source``, or the page that ``more_sources`` gives for its column.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyoxigraph as ox

from v4graph import assets, turtle
from v4graph.errors import BadRequest
from v4graph.turtle import ADMS, DCTERMS, EU, IRIS, NUTS, ORG, RDF_TYPE, SCHEMA, SKOS

TABLES = assets.DATA / "rows"
"""The tables an editor may correct."""
TARGET = assets.DATA / "clusters"
"""The folder this module writes."""
READ_ON = "2026-11-21"
"""The day the pages of the tables were read."""
PLACES = {
    "seat": "seatPlace",
    "coordinator": "coordinatorPlace",
    "origin": "originPlace",
    "associated": "associatedPlace",
}
"""What the city of a row is, and the property that says so: only a stated seat is published as one."""
INDICATORS = {"members": "member-count", "founders": "founder-count"}
STATED_REGION = ("seat", "stated")
MADE = "Made by v4graph/rows.py from data/rows/: correct the rows."

Row = dict[str, str]


def read(name: str, tables: Path = TABLES) -> list[Row]:
    """The rows of one table."""
    with (tables / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(target: Path = TARGET, tables: Path = TABLES) -> list[Path]:
    """Write the files of all tables into a folder, remove those of rows that are gone, and return the paths."""
    target.mkdir(parents=True, exist_ok=True)
    texts = {f"{source}.ttl": graph.turtle() for source, graph in Tables(tables).graphs().items()}
    for path in target.glob("*.ttl"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    return [target / name for name in sorted(texts)]


class Tables:
    """The tables, and the graphs they make."""

    def __init__(self, tables: Path = TABLES) -> None:
        """Read all tables of a folder."""
        self.pages = {row["address"]: row for row in read("pages", tables)}
        self.places = {(row["country"], row["name"]): row for row in read("places", tables)}
        self.sectors = {row["sector"]: row["concept"] for row in read("sectors", tables)}
        self.labels = {row["label"]: row["concept"] for row in read("labels", tables)}
        self.clusters = read("clusters", tables)
        self.organisations = read("organisations", tables)
        self.awards = read("awards", tables)
        self.disagreements = read("disagreements", tables)
        self._country = {row["slug"]: row["country"] for row in self.clusters}
        self._graphs: dict[str, turtle.Graph] = {}

    def graphs(self) -> dict[str, turtle.Graph]:
        """The graphs by source, the manifest of their pages as ``sources``."""
        self._graphs = {}
        for row in self.clusters:
            self._cluster(row)
        for row in self.organisations:
            self._organisation(row)
        for row in self.awards:
            self._award(row["source"], row["slug"], row["label"], row["awarded"], row["until"])
        for row in self.disagreements:
            for side in ("a", "b"):
                self._side(row, side)
        self._towns()
        manifest = turtle.Graph(f"The pages of this folder: entries of the manifest of sources. {MADE}")
        for page in self.pages.values():
            if page["slug"] in self._graphs:
                _describe(manifest, page)
        return {**self._graphs, "sources": manifest}

    def source(self, address: str) -> str:
        """The slug of the source with this address: one of the hand-written ones, or one of the table of pages."""
        if address in (known := _handwritten_pages()):
            return known[address]
        if address in self.pages:
            return self.pages[address]["slug"]
        if address in _sources():
            return address
        raise BadRequest(f"data/rows/pages.csv has no line for {address}: add its title, language and rank.")

    def _at(self, address: str) -> turtle.Graph:
        source = self.source(address)
        title = self.pages[address]["title"] if address in self.pages else source
        return self._graphs.setdefault(source, turtle.Graph(f"{title.rstrip('.')}. {MADE}"))

    def _where(self, row: Row, column: str) -> list[str]:
        pairs = (pair.split("=", 1) for pair in row["more_sources"].split(" ; ") if pair)
        return [address for name, address in pairs if name == column] or [row["source"]]

    def _say(self, row: Row, column: str, prop: str, *values: str, kind: str = "") -> None:
        """Say something of the thing a row is about, in the graph of the page its column comes from."""
        subject = turtle.thing("organisation", row["slug"])
        for address in self._where(row, column) if any(values) else ():
            graph = self._at(address)
            graph.say(subject, "a", turtle.iri(ORG + "Organization"), kind)
            graph.say(subject, prop, *values)

    def _cluster(self, row: Row) -> None:
        kind = turtle.term("ClusterOrganisation")
        self._named(row, kind)
        self._say(row, "country", turtle.term("country"), _country(row["country"]), kind=kind)
        self._say(row, "sectors", turtle.term("inSector"), *self._sectors(row["sectors"]), kind=kind)
        self._located(row, kind)
        if row["region"] and row["region_qualifier"] in STATED_REGION:
            column = "city" if row["region_qualifier"] == "seat" else "region"
            self._say(row, column, turtle.term("seatRegion"), turtle.iri(f"{NUTS}code/{row['region']}"), kind=kind)
            self._say(row, column, turtle.term("regionVersion"), turtle.iri(f"{NUTS}scheme/2021"), kind=kind)
        if row["coordinator"]:
            self._say(
                row,
                "coordinator",
                turtle.term("coordinatedBy"),
                turtle.thing("organisation", row["coordinator"]),
                kind=kind,
            )
        if row["members"]:
            for address in self._where(row, "members"):
                about = (row["slug"], row["members_kind"], row["members"])
                self._observe(address, *about, row["members_qualifier"], row["members_date"])

    def _organisation(self, row: Row) -> None:
        source = self.source(row["source"])
        described = row["slug"] in _described(source)
        if described:  # The hand-written file says already what the page says of its name in English and its country.
            row = {**row, "name_en": "", "type": ""}
        self._named(row, "")
        if not described:
            self._say(row, "country", turtle.term("country"), _country(row["country"]))
        if row["type"]:
            self._say(row, "type", turtle.iri(ORG + "classification"), turtle.concept("organisation-type", row["type"]))
        self._located(row, "")

    def _named(self, row: Row, kind: str) -> None:
        label, other = turtle.iri(SKOS + "prefLabel"), turtle.iri(SKOS + "altLabel")
        given = (("name_native", row["name_native"], row["language"]), ("name_en", row["name_en"], "en"))
        for column, name, language in given:
            for address in self._where(row, column) if name else ():
                known = _labels(self.source(address)).get((row["slug"], language))
                if name != known:
                    graph, subject = self._at(address), turtle.thing("organisation", row["slug"])
                    graph.say(subject, "a", turtle.iri(ORG + "Organization"), kind)
                    graph.say(subject, other if known else label, turtle.text(name, language))
        language = row["language"] or "en"
        self._say(
            row, "alt_names", other, *(turtle.text(name, language) for name in _list(row["alt_names"])), kind=kind
        )
        self._say(
            row,
            "acronyms",
            turtle.term("acronym"),
            *(turtle.string(name) for name in _list(row["acronyms"])),
            kind=kind,
        )
        if row["website"]:
            self._say(row, "website", turtle.iri(SCHEMA + "url"), turtle.iri(row["website"]), kind=kind)
        self._say(row, "founded", turtle.term("foundedOn"), turtle.date(row["founded"]), kind=kind)
        if number := row["registration_number"]:
            identifier = turtle.thing("identifier", f"{row['registration_scheme']}-{number}")
            self._say(row, "registration_number", turtle.iri(ADMS + "identifier"), identifier, kind=kind)
            for address in self._where(row, "registration_number"):
                graph = self._at(address)
                graph.say(identifier, "a", turtle.iri(ADMS + "Identifier"))
                graph.say(identifier, turtle.iri(SKOS + "notation"), turtle.string(number))
                scheme = turtle.concept("identifier-scheme", row["registration_scheme"])
                graph.say(identifier, turtle.term("identifierScheme"), scheme)

    def _located(self, row: Row, kind: str) -> None:
        if row["city"]:
            prop = turtle.term(_chosen(PLACES, row["city_qualifier"], "city_qualifier"))
            self._say(row, "city", prop, self._place(row["country"], row["city"]), kind=kind)

    def _place(self, country: str, name: str) -> str:
        if (country, name) not in self.places:
            raise BadRequest(f"data/rows/places.csv has no line for {name} ({country}): add it.")
        return turtle.thing("place", self.places[country, name]["slug"])

    def _sectors(self, words: str) -> Iterator[str]:
        for word in (word.strip() for word in words.split(";") if word.strip()):
            if word not in self.sectors:
                raise BadRequest(f"data/rows/sectors.csv has no line for “{word}”: add it.")
            for concept in self.sectors[word].split():
                yield turtle.concept("sector", concept)

    def _observe(self, address: str, slug: str, kind: str, value: str, qualifier: str, date: str) -> None:
        node = turtle.thing("observation", "-".join(filter(None, (slug, kind, value, date))))
        graph = self._at(address)
        self._mention(graph, slug)
        graph.say(node, "a", turtle.term("IndicatorObservation"))
        graph.say(node, turtle.term("refOrganisation"), turtle.thing("organisation", slug))
        graph.say(
            node, turtle.term("indicator"), turtle.concept("indicator", _chosen(INDICATORS, kind, "members_kind"))
        )
        graph.say(node, turtle.term("value"), value)
        graph.say(node, turtle.term("valueQualifier"), turtle.concept("amount-qualifier", qualifier or "exact"))
        graph.say(node, turtle.term("refPeriod"), turtle.date(date))

    def _award(self, address: str, slug: str, label: str, awarded: str, until: str) -> None:
        if label not in self.labels:
            raise BadRequest(f"data/rows/labels.csv has no line for “{label}”: add it.")
        concept = self.labels[label]
        node = turtle.thing("award", "-".join(filter(None, (slug, concept, awarded or (until and f"until-{until}")))))
        graph = self._at(address)
        self._mention(graph, slug)
        graph.say(node, "a", turtle.term("LabelAward"))
        graph.say(node, turtle.term("awardedTo"), turtle.thing("organisation", slug))
        graph.say(node, turtle.term("awardedLabel"), turtle.concept("quality-label", concept))
        graph.say(node, turtle.term("awardedOn"), turtle.date(awarded))
        graph.say(node, turtle.term("validUntil"), turtle.date(until))

    def _mention(self, graph: turtle.Graph, slug: str) -> None:
        subject = turtle.thing("organisation", slug)
        graph.say(subject, "a", turtle.iri(ORG + "Organization"), turtle.term("ClusterOrganisation"))

    def _side(self, row: Row, side: str) -> None:
        """One of two values that differ, in the graph of its own page."""
        value, qualifier, date, address = (row[f"{c}_{side}"] for c in ("value", "qualifier", "date", "source"))
        slug, graph = row["slug"], self._at(row[f"source_{side}"])
        subject = turtle.thing("organisation", slug)
        self._mention(graph, slug)
        if row["field"] in INDICATORS:
            self._observe(address, slug, row["field"], value, qualifier, date)
        elif row["field"] == "label":
            self._award(address, slug, value, "", date if qualifier == "until" else "")
        elif row["field"] == "founded":
            if qualifier != "at-most":  # “2018 or earlier” is no date; what the page is dated by says the rest.
                graph.say(subject, turtle.term("foundedOn"), turtle.date(value))
        else:
            country = self._country[slug]
            place = self._place(country, value)
            graph.say(subject, turtle.term(_chosen(PLACES, qualifier, "city_qualifier")), place)
            if not self.places[country, value]["geonames_id"]:
                _name_place(graph, place, self.places[country, value])

    def _towns(self) -> None:
        graph = turtle.Graph(f"Towns named in the rows, from GeoNames (CC BY 4.0), and their NUTS regions. {MADE}")
        handwritten = _described("geonames", "place")
        for (_, _), row in sorted(self.places.items()):
            place = turtle.thing("place", row["slug"])
            if row["geonames_id"] and row["slug"] not in handwritten:
                _name_place(graph, place, row)
                graph.say(place, turtle.iri(SKOS + "prefLabel"), turtle.text(row["geonames_name"], "en"))
                graph.say(place, turtle.iri(SCHEMA + "latitude"), turtle.decimal(row["latitude"]))
                graph.say(place, turtle.iri(SCHEMA + "longitude"), turtle.decimal(row["longitude"]))
                graph.say(place, turtle.term("geonamesId"), turtle.string(row["geonames_id"]))
            if row["region"]:
                graph.say(place, "a", turtle.term("Place"))
                graph.say(place, turtle.term("seatRegion"), turtle.iri(f"{NUTS}code/{row['region']}"))
                graph.say(place, turtle.term("regionVersion"), turtle.iri(f"{NUTS}scheme/2021"))
        self._graphs["geonames"] = graph


def _describe(manifest: turtle.Graph, page: Row) -> None:
    subject = turtle.iri(IRIS.graph(page["slug"]))
    language = LANGUAGES.get(page["language"], "en")
    manifest.say(subject, "a", turtle.term("SourceDocument"))
    manifest.say(subject, turtle.iri(DCTERMS + "title"), turtle.text(page["title"], language))
    manifest.say(subject, turtle.term("publisherName"), turtle.string(page["publisher"]))
    manifest.say(subject, turtle.iri(DCTERMS + "source"), turtle.iri(page["address"]))
    manifest.say(subject, turtle.term("retrievedOn"), turtle.date(READ_ON))
    if page["language"]:
        manifest.say(subject, turtle.iri(DCTERMS + "language"), turtle.iri(f"{EU}language/{page['language']}"))
    manifest.say(subject, turtle.term("rank"), turtle.concept("source-rank", page["rank"]))
    manifest.say(subject, turtle.term("owner"), turtle.string("curator"))


def _name_place(graph: turtle.Graph, place: str, row: Row) -> None:
    graph.say(place, "a", turtle.term("Place"))
    graph.say(place, turtle.iri(SKOS + "prefLabel"), turtle.text(row["name"], NATIVE.get(row["country"], "en")))
    graph.say(place, turtle.term("country"), _country(row["country"]))


LANGUAGES = {"CES": "cs", "SLK": "sk", "POL": "pl", "HUN": "hu", "DEU": "de", "FRA": "fr", "POR": "pt"}
"""The tag of a page's title, by the code of its language; English for the others."""
NATIVE = {"CZ": "cs", "SK": "sk", "PL": "pl", "HU": "hu", "AT": "de", "DE": "de", "FR": "fr", "PT": "pt"}
"""The language in which a town is called what its row calls it."""


class Said(NamedTuple):
    """One statement of a hand-written file."""

    source: str
    subject: str
    prop: str
    value: str
    language: str


@cache
def _handwritten() -> tuple[Said, ...]:
    """What the hand-written files say."""
    paths = [path for path in sorted(assets.DATA.rglob("*.ttl")) if TARGET not in path.parents]
    return tuple(
        Said(path.stem, t.subject.value, t.predicate.value, t.object.value, getattr(t.object, "language", None) or "")
        for path in paths
        for t in ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE)
        if isinstance(t.subject, ox.NamedNode) and isinstance(t.object, ox.NamedNode | ox.Literal)
    )


@cache
def _handwritten_pages() -> dict[str, str]:
    found = (said for said in _handwritten() if said.source == "sources" and said.prop == f"{DCTERMS}source")
    return {said.value: IRIS.source(said.subject) for said in found}


@cache
def _sources() -> frozenset[str]:
    return frozenset(said.source for said in _handwritten())


@cache
def _described(source: str, kind: str = "organisation") -> frozenset[str]:
    start = IRIS.thing(kind, "")
    found = (said.subject for said in _handwritten() if said.source == source and said.prop == RDF_TYPE)
    return frozenset(iri.removeprefix(start) for iri in found if iri.startswith(start))


@cache
def _labels(source: str) -> dict[tuple[str, str], str]:
    start = IRIS.thing("organisation", "")
    found = (said for said in _handwritten() if said.source == source and said.prop == f"{SKOS}prefLabel")
    return {(said.subject.removeprefix(start), said.language): said.value for said in found}


@cache
def _countries() -> dict[str, str]:
    """The countries of the scheme by their two letters."""
    triples = ox.parse((assets.ONTOLOGY / "schemes" / "country.ttl").read_bytes(), ox.RdfFormat.TURTLE)
    return {
        t.object.value: turtle.iri(t.subject.value)
        for t in triples
        if isinstance(t.subject, ox.NamedNode)
        and isinstance(t.object, ox.Literal)
        and t.predicate.value == f"{SKOS}notation"
    }


def _country(code: str) -> str:
    return _chosen(_countries(), code, "country") if code else ""


def _chosen(known: Mapping[str, str], word: str, column: str) -> str:
    """What a word of a column stands for."""
    if word not in known:
        raise BadRequest(f"data/rows: “{word}” is no {column}: choose one of {', '.join(sorted(known))}.")
    return known[word]


def _list(text: str) -> list[str]:
    return [word.strip() for word in text.split(" ; ") if word.strip()]


if __name__ == "__main__":
    made = write(*(Path(folder) for folder in sys.argv[1:2]))
    sys.stdout.write(f"{len(made)} files written to {made[0].parent}\n")
