"""The packaged data: every file says what its document says, in declared terms; the README table about it is true."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyoxigraph as ox
import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"
BASE = "https://w3id.org/v4graph/"
V4 = BASE + "ontology#"
ID = BASE + "id/"
SKOS = "http://www.w3.org/2004/02/skos/core#"
ORG = "http://www.w3.org/ns/org#"
DCTERMS = "http://purl.org/dc/terms/"
SCHEMA = "https://schema.org/"
PROV = "http://www.w3.org/ns/prov#"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
PREFIXES = {"v4": V4, "skos": SKOS, "org": ORG, "dcterms": DCTERMS, "schema": SCHEMA, "prov": PROV}

LANGUAGES = {"en", "cs", "sk", "pl", "hu", "de", "fr", "bg", "da", "it", "pt"}
DATATYPES = {
    XSD + name
    for name in ("string", "date", "gYearMonth", "gYear", "integer", "decimal", "boolean", "anyURI", "dateTime")
} | {RDF + "langString"}
DATES = {XSD + "date": "%Y-%m-%d", XSD + "gYearMonth": "%Y-%m", XSD + "gYear": "%Y"}
# Sources of the manifest whose content is not in data/: the ontology and its schemes are loaded from ontology/.
ELSEWHERE = {"ontology", "schemes"}
# Things that are read through what they connect, and so need no name of their own.
NAMELESS = {
    "participation", "membership", "event-participation", "funding", "resolution", "award", "observation", "identifier"
}  # fmt: skip
NAMES = [SKOS + "prefLabel", SKOS + "altLabel", V4 + "nameAsGiven", V4 + "acronym"]
BEARERS = [V4 + "participant", V4 + "attendee", V4 + "recipient", ORG + "member"]
WAYS = {"disagreement", "resolution", "alternative name", "set", "change event", "defect not carried over"}


def slug(path: Path) -> str:
    return path.stem


FILES = sorted(path for path in DATA.rglob("*.ttl") if path.name != "sources.ttl")
# Resolutions speak about values, they are not claims of a source.
# Written by v4graph/rows.py; what their pages have in common with hand-written files is one graph.
MANIFESTS = [DATA / "sources.ttl", DATA / "clusters" / "sources.ttl"]
CLAIMS = [path for path in FILES if path.name != "resolutions.ttl"]


@cache
def triples(path: Path) -> tuple[ox.Triple, ...]:
    return tuple(q.triple for q in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE))


@cache
def ontology() -> tuple[ox.Triple, ...]:
    files = sorted((ROOT / "ontology").rglob("*.ttl"))
    assert files, "ontology/ has no Turtle files: the terms used in data/ cannot be checked"
    return tuple(t for path in files for t in triples(path))


@cache
def declared() -> frozenset[str]:
    return frozenset(t.subject.value for t in ontology() if isinstance(t.subject, ox.NamedNode))


@cache
def values(subject: str, prop: str) -> dict[ox.Term, set[str]]:
    """Each value that the sources give, with the slugs of the sources."""
    found: dict[ox.Term, set[str]] = defaultdict(set)
    backwards = prop.startswith("^")
    prop = prop.removeprefix("^")
    for path in CLAIMS:
        for t in triples(path):
            here, there = (t.object, t.subject) if backwards else (t.subject, t.object)
            if t.predicate.value == prop and isinstance(here, ox.NamedNode) and here.value == subject:
                found[there].add(slug(path))
    return dict(found)


@cache
def types() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in [*FILES, *MANIFESTS]:
        for t in triples(path):
            if t.predicate.value == RDF + "type" and isinstance(t.subject, ox.NamedNode):
                found[t.subject.value].add(t.object.value)
    return dict(found)


@cache
def names(subject: str) -> set[str]:
    """Every name a thing carries, also as printed on its participations."""
    bearers = {subject}
    for prop in BEARERS:
        bearers |= {node.value for node in values(subject, "^" + prop)}
    return {value.value for bearer in bearers for prop in NAMES for value in values(bearer, prop)}


def short(iri: str) -> str:
    return iri.removeprefix(BASE)


@pytest.mark.parametrize("path", [*FILES, *MANIFESTS], ids=lambda path: f"{path.parent.name}-{path.stem}")
class TestFile:
    def test_parses_to_something(self, path: Path) -> None:
        assert triples(path), f"{path.name} holds no statement: write some or remove the file and its manifest entry"

    def test_has_no_blank_nodes(self, path: Path) -> None:
        bad = [t for t in triples(path) if isinstance(t.subject, ox.BlankNode) or isinstance(t.object, ox.BlankNode)]
        assert not bad, f"{path.name}: give this node an address under {ID} instead of brackets: {bad[0]}"

    def test_speaks_only_about_our_things(self, path: Path) -> None:
        bad = {t.subject.value for t in triples(path) if not t.subject.value.startswith(BASE)}
        assert not bad, f"{path.name} makes statements about foreign addresses, remove them: {sorted(bad)}"

    def test_literals_survive_the_store(self, path: Path) -> None:
        for t in triples(path):
            if not isinstance(t.object, ox.Literal):
                continue
            literal = t.object
            where = f"{path.name}: {short(t.subject.value)} {short(t.predicate.value)} {literal}"
            assert literal.datatype.value in DATATYPES, f"{where}: use one of {sorted(DATATYPES)}"
            if literal.language is not None:
                assert literal.language in LANGUAGES, f"{where}: language tag must be one of {sorted(LANGUAGES)}"
            if literal.datatype.value == XSD + "decimal":
                assert re.fullmatch(r"-?\d+(\.\d*[1-9])?", literal.value), f"{where}: drop the zeros at the end"
            assert literal.value.strip(), f"{where}: empty value, remove it"

    def test_every_term_is_declared(self, path: Path) -> None:
        used = {
            n.value for t in triples(path) for n in (t.subject, t.predicate, t.object) if isinstance(n, ox.NamedNode)
        }
        used = {iri for iri in used if iri.startswith((V4, BASE + "scheme/"))}
        assert used <= declared(), (
            f"{path.name} uses terms that ontology/ does not declare; mend the spelling or declare them: "
            f"{sorted(map(short, used - declared()))}"
        )

    def test_no_derived_statement_is_typed_in(self, path: Path) -> None:
        derived = {t.subject.value for t in ontology() if t.predicate.value == V4 + "isDerived"}
        bad = {short(t.predicate.value) for t in triples(path) if t.predicate.value in derived}
        assert not bad, f"{path.name}: these are computed by the rules, state the participation instead: {sorted(bad)}"

    def test_has_no_persons(self, path: Path) -> None:
        for t in triples(path):
            text = t.object.value
            assert not re.search(r"[\w.+-]+@[\w-]+\.\w|mailto:", text), f"{path.name}: remove the address {text}"
            assert not re.search(r"/(foaf/0\.1/|schema\.org/|ns/person#)Person$", text), (
                f"{path.name}: {short(t.subject.value)} is a natural person, remove it"
            )

    def test_no_date_lies_in_the_future(self, path: Path) -> None:
        today = datetime.date.today()
        for t in triples(path):
            if isinstance(t.object, ox.Literal) and t.object.datatype.value in DATES:
                form = DATES[t.object.datatype.value]
                day = datetime.datetime.strptime(t.object.value, form).date()
                where = f"{path.name}: {short(t.subject.value)} {short(t.predicate.value)} {t.object.value}"
                assert day <= today, f"{where} has not happened yet: check the date in the document"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_participations_are_named_after_their_parts(path: Path) -> None:
    parts = {
        V4 + "ProjectParticipation": (V4 + "project", V4 + "participant"),
        V4 + "PartnershipMembership": (ORG + "organization", ORG + "member"),
        V4 + "EventParticipation": (V4 + "atEvent", V4 + "attendee"),
    }
    own: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for t in triples(path):
        own[t.subject.value][t.predicate.value].add(t.object.value)
    for subject, said in own.items():
        for kind in said[RDF + "type"] & parts.keys():
            ends = [said[prop] for prop in parts[kind]]
            assert all(len(end) == 1 for end in ends), f"{path.name}: {short(subject)} needs one of each end"
            expected = "-".join(end.copy().pop().rsplit("/", 1)[1] for end in ends)
            assert subject.rsplit("/", 1)[1] == expected, f"{path.name}: {short(subject)} must end in {expected}"


def test_manifest_and_files_agree() -> None:
    entries = [
        t.subject.value.removeprefix(BASE + "graph/")
        for path in MANIFESTS
        for t in triples(path)
        if t.predicate.value == RDF + "type"
    ]
    assert len(entries) == len(set(entries)), f"sources.ttl types an entry twice: {sorted(entries)}"
    files = [slug(path) for path in FILES if path.parent.name != "clusters"]
    assert len(files) == len(set(files)), "two files of data/ have the same name, so the same graph: rename one"
    files += [slug(path) for path in FILES if path.parent.name == "clusters"]
    missing, superfluous = set(files) - set(entries), set(entries) - set(files) - ELSEWHERE
    assert not missing, f"add to sources.ttl an entry for: {sorted(missing)}"
    assert not superfluous, f"sources.ttl has entries without a file: {sorted(superfluous)}"


def test_manifest_entries_are_complete() -> None:
    said: dict[str, dict[str, list[ox.Term]]] = defaultdict(lambda: defaultdict(list))
    for t in (t for path in MANIFESTS for t in triples(path)):
        said[t.subject.value][t.predicate.value].append(t.object)
    for subject, entry in said.items():
        for prop in (DCTERMS + "title", V4 + "rank", V4 + "owner"):
            assert len(entry[prop]) == 1, f"sources.ttl: {short(subject)} needs exactly one {short(prop)}"
        publishers = entry[DCTERMS + "publisher"] + entry[V4 + "publisherName"]
        assert len(publishers) == 1, f"sources.ttl: {short(subject)} needs one publisher or publisherName"
        if any(kind.value == V4 + "SourceDocument" for kind in entry[RDF + "type"]):
            assert entry[V4 + "retrievedOn"], f"sources.ttl: say when {short(subject)} was read (v4:retrievedOn)"


def test_every_thing_referred_to_is_described() -> None:
    for path in [*FILES, *MANIFESTS]:
        for t in triples(path):
            for node in (t.subject, t.object):
                if isinstance(node, ox.NamedNode) and node.value.startswith((ID, BASE + "graph/")):
                    assert node.value in types(), (
                        f"{path.name} names {short(node.value)}, and no file says what it is: "
                        "mend the address or give it a type"
                    )


def test_every_thing_has_a_name() -> None:
    for iri in types():
        kind = iri.removeprefix(ID).split("/")[0]
        if iri.startswith(ID) and kind not in NAMELESS:
            assert values(iri, SKOS + "prefLabel"), f"{short(iri)} has no skos:prefLabel in any file: name it"


def test_kinds_are_those_of_the_design() -> None:
    kinds = {
        "organisation",
        "cluster",
        "partnership",
        "project",
        "event",
        "output",
        "programme",
        "service",
        "policy",
        "participation",
        "membership",
        "funding",
        "event-participation",
        "change",
        "sector-list",
        "place",
        "resolution",
        "award",
        "identifier",
        "observation",
    }
    for iri in types():
        if iri.startswith(ID):
            kind, _, name = iri.removeprefix(ID).partition("/")
            assert kind in kinds, f"{short(iri)}: unknown kind {kind}"
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), f"{short(iri)}: slugs are lower case, ASCII, hyphens"


class Row(NamedTuple):
    number: int
    topic: str
    way: str
    where: str
    note: str


@cache
def rows() -> tuple[Row, ...]:
    found = []
    for line in (DATA / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and cells[0].isdigit():
            assert len(cells) == 5, f"README row {cells[0]} must have five cells: {line}"
            found.append(Row(int(cells[0]), cells[1], cells[2].strip("`"), cells[3].strip("`"), cells[4]))
    return tuple(found)


def expand(name: str) -> str:
    back, name = ("^", name[1:]) if name.startswith("^") else ("", name)
    prefix, _, local = name.partition(":")
    assert prefix in PREFIXES, f"README: unknown prefix in {name}; known: {sorted(PREFIXES)}"
    return back + PREFIXES[prefix] + local


def test_table_has_all_disagreements() -> None:
    assert [row.number for row in rows()] == list(range(1, 49)), "the README table must have rows 1 to 48, in order"
    unknown = {row.way for row in rows()} - WAYS
    assert not unknown, f"README: {sorted(unknown)} is not a way to represent a disagreement"


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.number}-{row.topic.replace(' ', '-')}")
def test_table_row_is_true(row: Row) -> None:
    said = f"README row {row.number} ({row.topic}) says {row.way} at {row.where}"
    subject, _, props = row.where.partition(" ")
    subject = BASE + subject
    given = {value for prop in props.split(", ") if prop for value in values(subject, expand(prop))}
    if row.way == "disagreement":
        assert len(given) >= 2, f"{said}, but the sources give {sorted(map(str, given))}: mend the data or the row"
        single = {
            t.subject.value
            for t in ontology()
            if t.predicate.value == V4 + "mergePolicy" and t.object.value in (V4 + "Single", V4 + "SinglePerLanguage")
        }
        assert expand(props) in single, f"{said}, but {props} may have several values: that is a set"
    elif row.way == "set":
        assert len(given) >= 2, f"{said}, but there is only {sorted(map(str, given))}: mend the data or the row"
    elif row.way == "resolution":
        facts = triples(DATA / "resolutions.ttl")
        about = {t.subject for t in facts if t.predicate.value == V4 + "resolvesSubject" and t.object.value == subject}
        about &= {
            t.subject for t in facts if t.predicate.value == V4 + "resolvesProperty" and t.object.value == expand(props)
        }
        assert about, f"{said}, but resolutions.ttl has no decision on it"
        for node in about:
            own = {t.predicate.value: t.object for t in facts if t.subject == node}
            assert V4 + "rationale" in own, f"{said}, but {short(node.value)} gives no reasons (v4:rationale)"
            assert own[V4 + "accepted"] in given, f"{said}, but no source states {own[V4 + 'accepted']}"
            for t in facts:
                if t.subject == node and t.predicate.value == V4 + "rejected":
                    assert t.object in given, f"{said}, but no source states the rejected value {t.object}"
    elif row.way == "alternative name":
        assert len(names(subject)) >= 2, f"{said}, but its only names are {sorted(names(subject))}"
    elif row.way == "change event":
        assert ORG + "ChangeEvent" in types().get(subject, set()), f"{said}, but that is no org:ChangeEvent"
        for prop in ("originalOrganization", "resultingOrganization"):
            assert values(subject, ORG + prop), f"{said}, but it has no org:{prop}"
    else:
        assert (BASE + "graph/" + row.where) in types(), f"{said}, but sources.ttl has no such document"
        quoted = re.match(r"`([^`]+)`", row.note)
        assert quoted, f"{said}: begin the note with the damaged piece in backticks"
        for path in FILES:
            for t in triples(path):
                assert not any(quoted[1] in node.value for node in (t.subject, t.object)), (
                    f"{said}, but {path.name} carries `{quoted[1]}` at {short(t.subject.value)}"
                )


class TestFoundingFacts:
    """What the project was founded to keep apart and bring together."""

    PARTICIPATION = ID + "participation/"

    def test_both_slovenian_partners_each_from_its_own_document(self) -> None:
        for partner, document in (("bsc-kranj", "dex-ic-clusterscord"), ("rda-celje", "arleg-clusterscord")):
            where = values(self.PARTICIPATION + "clusterscord-" + partner, V4 + "project")
            assert list(where) == [ox.NamedNode(ID + "project/clusterscord")]
            founding = {s for s in next(iter(where.values())) if (DATA / f"{s}.ttl").exists()}
            assert founding == {document}, f"{partner} is named by {document} alone among the founding documents"

    def test_partners_of_clusterscord_are_eleven(self) -> None:
        partners = sorted(short(node.value) for node in values(ID + "project/clusterscord", "^" + V4 + "project"))
        assert len(partners) == 11, f"ten of each founding list and one address each make eleven, not {partners}"

    def test_both_counts_of_meta_clusters_stand(self) -> None:
        counts = values(ID + "project/clusterscord", V4 + "declaredMetaClusterCount")
        assert {int(value.value): sources for value, sources in counts.items()} == {
            4: {"dex-ic-clusterscord"},
            5: {"dex-ic-clusterscord"},
        }

    def test_health_is_in_one_list_of_meta_clusters_only(self) -> None:
        health = ox.NamedNode(BASE + "scheme/sector/health")
        lists = ID + "sector-list/clusterscord-{}-meta-clusters"
        assert health in values(lists.format("five"), SKOS + "member"), "S1:40 names health among five"
        assert health not in values(lists.format("four"), SKOS + "member"), "S1:28 names four, health is not among them"

    def test_v4clusters_start_differs_and_rank_alone_decides(self) -> None:
        month = ox.NamedNode(XSD + "gYearMonth")
        starts = values(ID + "project/v4clusters", V4 + "startDate")
        for document, start in (("gapr-v4clusters", "2013-11"), ("nca-projects", "2013-10")):
            said = starts.get(ox.Literal(start, datatype=month), set())
            assert document in said, f"{document}.ttl must give v4:startDate {start} as a month, as its document does"
        ranks = {
            t.subject.value.rsplit("/", 1)[1]: t.object.value[-1]
            for t in triples(DATA / "sources.ttl")
            if t.predicate.value == V4 + "rank"
        }
        best = min(ranks[source] for sources in starts.values() for source in sources)
        chosen = [value.value for value, sources in starts.items() if best in {ranks[s] for s in sources}]
        assert chosen == ["2013-10"], f"the best ranked sources must agree on 2013-10, they say {chosen}"
        decided = {
            t.object.value for t in triples(DATA / "resolutions.ttl") if t.predicate.value == V4 + "resolvesSubject"
        }
        assert ID + "project/v4clusters" not in decided, "no decision may stand in for the rank here"

    def test_ketgate_is_called_ongoing_after_its_end(self) -> None:
        status = values(ID + "project/ketgate", V4 + "statedStatus")
        assert status[ox.NamedNode(BASE + "scheme/project-status/ongoing")] == {"nca-projects"}
        end = ox.Literal("2020-08-31", datatype=ox.NamedNode(XSD + "date"))
        assert "nca-projects" in values(ID + "project/ketgate", V4 + "endDate")[end]

    def test_nobody_is_made_a_partner_of_the_undated_projects_by_the_page_that_lists_them(self) -> None:
        undated = (
            "chemclust",
            "in2wood",
            "clusterscord",
            "cncb",
            "creaclust",
            "c-plus",
            "constructing-regional-advantage",
        )
        for project in undated:
            said = values(f"{ID}project/{project}", "^" + V4 + "project")
            bad = [short(node.value) for node, sources in said.items() if "nca-projects" in sources]
            assert not bad, f"nca-projects.ttl: the page does not say so, remove {bad}"

    def test_both_polish_names_stand_in_their_documents(self) -> None:
        partners = values(ID + "project/v4clusters", "^" + V4 + "project")
        by = {
            node.value.removeprefix(self.PARTICIPATION + "v4clusters-"): sources for node, sources in partners.items()
        }
        told = f"S0 names GAPR, S2 names its predecessor GAPP, each file keeps its own: {by}"
        assert "gapr-v4clusters" in by["gapr"] and "nca-projects" not in by["gapr"], told
        assert "nca-projects" in by["gapp"] and "gapr-v4clusters" not in by["gapp"], told

    def test_all_projects_of_the_founding_documents_are_there(self) -> None:
        slugs = (
            "v4clusters clusterscord ketgate danubiovalnet v4clusgo v4clusterpol clusters-trade-smes "
            "gender-in-innovation clustrat chemclust in2wood cncb creaclust c-plus "
            "constructing-regional-advantage"
        )
        for project in slugs.split():
            assert V4 + "Project" in types().get(f"{ID}project/{project}", set()), f"no file has project {project}"
        assert V4 + "ClusterPartnership" in types()[ID + "partnership/natureef"]
