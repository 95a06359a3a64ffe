"""The concept schemes: complete, in order, mapped to each other."""

from __future__ import annotations

import re
from collections import defaultdict

import pyoxigraph as ox
import pytest

from tests.ontology.reading import (
    ALL,
    AUTHORITY,
    AUTHORITY_FILES,
    CONCEPT_SCHEMES,
    CONCEPTS,
    DCTERMS,
    INDUSTRIES,
    LANGUAGES,
    ONTOLOGY,
    ORG,
    OWN_CONCEPTS,
    RDF,
    REGIONS,
    SCHEME,
    SCHEMES,
    SKOS,
    V4,
    list_of,
    short,
    six_languages,
)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_scheme_has_the_concepts_the_data_needs(scheme: str) -> None:
    have = {c.rpartition("/")[2] for c in OWN_CONCEPTS if c.startswith(f"{SCHEME}{scheme}/")}
    missing = set(SCHEMES[scheme].split()) - have
    assert not missing, f"schemes/{scheme}.ttl: add {sorted(missing)}; a notation is never removed or renamed"


@pytest.mark.parametrize("scheme", CONCEPT_SCHEMES)
def test_scheme_is_documented(scheme: str) -> None:
    faults = [
        fault
        for predicate, name in ((f"{DCTERMS}title", "dcterms:title"), (f"{SKOS}prefLabel", "skos:prefLabel"))
        for fault in six_languages(scheme, predicate, name)
    ]
    if scheme.startswith(SCHEME):
        tops = ALL.iris(scheme, f"{SKOS}hasTopConcept")
        stated = {c for c in OWN_CONCEPTS if scheme in ALL.iris(c, f"{SKOS}topConceptOf")}
        if not tops or tops != stated:
            faults.append(
                f"<{scheme}>: hasTopConcept and topConceptOf differ in {sorted(tops ^ stated) or 'having none'}"
            )
        if len(ALL.texts(scheme, f"{SKOS}definition").get("en", [])) != 1:
            faults.append(f"<{scheme}>: give one skos:definition@en")
    assert not faults, list_of(faults)


def test_concepts_are_complete() -> None:
    faults = [fault for concept in CONCEPTS for fault in faults_of(concept)]
    assert not faults, list_of(faults)


def faults_of(concept: str) -> list[str]:
    """What is wrong with a concept."""
    faults = list(six_languages(concept, f"{SKOS}prefLabel", "skos:prefLabel"))
    scheme, _, last = concept.rpartition("/")
    if ALL.iris(concept, f"{SKOS}inScheme") != {scheme} or scheme not in CONCEPT_SCHEMES:
        faults.append(f"<{concept}>: give skos:inScheme <{scheme}> and declare that scheme")
    notations = [n.value for n in ALL.values(concept, f"{SKOS}notation")]
    if len(notations) != 1:
        faults.append(f"<{concept}>: give exactly one skos:notation, found {notations}")
    if concept.startswith(SCHEME):
        if notations != [last] or not re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", last):
            faults.append(f"<{concept}>: skos:notation must be {last!r}, small letters, digits and hyphens")
        if len(ALL.texts(concept, f"{SKOS}definition").get("en", [])) != 1:
            faults.append(f"<{concept}>: give exactly one skos:definition@en")
        broader = ALL.iris(concept, f"{SKOS}broader")
        top = ALL.iris(concept, f"{SKOS}topConceptOf")
        if bool(broader) == bool(top):
            faults.append(f"<{concept}>: give either skos:broader or skos:topConceptOf <{scheme}>")
        if any(b.rpartition("/")[0] != scheme for b in broader) or not top <= {scheme}:
            faults.append(f"<{concept}>: skos:broader and skos:topConceptOf must stay inside <{scheme}>")
    return faults


def test_concepts_lie_in_the_file_of_their_scheme() -> None:
    faults = []
    for path in (ONTOLOGY / "schemes").glob("*.ttl"):
        if path in (REGIONS, INDUSTRIES):
            continue
        base = (AUTHORITY if path.stem in AUTHORITY_FILES else SCHEME) + path.stem
        strangers = {
            q.subject.value for q in ox.parse(path=str(path)) if not f"{q.subject.value}/".startswith(f"{base}/")
        }
        faults += [f"{path.name}: move <{s}> to the file of its scheme" for s in sorted(strangers)]
    assert not faults, list_of(faults)


def test_notations_and_labels_are_unique_in_a_scheme() -> None:
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for concept in CONCEPTS:
        scheme = concept.rpartition("/")[0]
        for notation in ALL.iris(concept, f"{SKOS}notation"):
            owners[scheme, "skos:notation", notation].append(concept)
        for language, texts in ALL.texts(concept, f"{SKOS}prefLabel").items():
            for text in texts:
                owners[scheme, f"skos:prefLabel@{language}", text.casefold()].append(concept)
    faults = [f"{' '.join(key)}: tell apart {c}" for key, c in owners.items() if len(c) > 1]
    assert not faults, list_of(faults)


@pytest.mark.parametrize(
    ("scheme", "kind"),
    [
        ("sector", V4 + "Sector"),
        ("technology", V4 + "Technology"),
        ("technology-2021", V4 + "Technology"),
        ("participation-role", ORG + "Role"),
        ("indicator", V4 + "Indicator"),
        ("life-cycle", V4 + "LifeCycleStage"),
    ],
)
def test_concepts_have_the_class_of_their_scheme(scheme: str, kind: str) -> None:
    faults = [
        f"<{c}>: add the type {short(kind)}"
        for c in OWN_CONCEPTS
        if c.startswith(f"{SCHEME}{scheme}/") and kind not in ALL.iris(c, f"{RDF}type")
    ]
    assert not faults, list_of(faults)


MAPPINGS = [f"{SKOS}{name}Match" for name in ("exact", "close", "broad", "narrow", "related")]


def test_mappings_lead_to_other_schemes_and_say_one_thing() -> None:
    """SKOS S46: what matches exactly is neither broader nor related; two lists are compared, not one with itself."""
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for quad in ALL.quads:
        if quad.predicate.value in MAPPINGS:
            said[quad.subject.value, quad.object.value].append(quad.predicate.value)
    own = {pair: names for pair, names in said.items() if pair[0].startswith(SCHEME)}
    assert len(own) > 40
    faults = [f"{a} and {b}: choose one of {n}" for (a, b), n in said.items() if len(n) > 1 or (b, a) in said]
    same = [
        (a, b)
        for a, b in own
        if a.rpartition("/")[0] == b.rpartition("/")[0]
        and ALL.iris(a, f"{V4}stageModel") == ALL.iris(b, f"{V4}stageModel")
    ]
    faults += [f"{a} and {b}: use skos:broader or skos:related inside a scheme" for a, b in same]
    assert not faults, list_of(faults)


def test_the_mapping_table_says_what_the_schemes_say() -> None:
    """SSSOM is the form in which mapping tools read what the schemes state (https://mapping-commons.github.io/sssom/)."""
    lines = (ONTOLOGY / "mappings" / "sectors.sssom.tsv").read_text(encoding="utf-8").splitlines()
    table = [line.split("\t") for line in lines if not line.startswith("#")]
    names = "subject_id subject_label predicate_id object_id object_label mapping_justification"
    assert table[0] == names.split()
    rows = {tuple(row) for row in table[1:]}
    assert len(rows) == len(table) - 1 and list(table[1:]) == sorted(table[1:])
    mapped = [f"{SCHEME}{name}/" for name in ("industrial-ecosystem", "emerging-industry", "technology-2021")]
    english = {c: ALL.texts(c, f"{SKOS}prefLabel")["en"][0] for c in OWN_CONCEPTS}

    def short_of(iri: str) -> str:
        return iri.replace(SCHEME, "scheme:").replace(SKOS, "skos:")

    assert rows == {
        (*(short_of(a), english[a], short_of(m), short_of(b), english[b]), "semapv:ManualMappingCuration")
        for m in MAPPINGS
        for a in ALL.subjects(m)
        if a.startswith(tuple(mapped))
        for b in ALL.iris(a, m)
    }


@pytest.mark.parametrize("scheme", ["industrial-ecosystem", "emerging-industry"])
def test_industries_of_others_are_mapped_to_our_sectors(scheme: str) -> None:
    unmapped = {c.rpartition("/")[2] for c in OWN_CONCEPTS if c.startswith(f"{SCHEME}{scheme}/")} - {
        a.rpartition("/")[2] for m in MAPPINGS for a in ALL.subjects(m) if ALL.iris(a, m) & set(OWN_CONCEPTS)
    }
    # Trade with consumers has no sector of ours: no cluster organisation we know of works in it.
    assert unmapped <= {"retail"}


def test_stages_name_their_model() -> None:
    stages = ALL.typed(f"{V4}LifeCycleStage")
    models = {model for stage in stages for model in ALL.iris(stage, f"{V4}stageModel")}
    assert all(len(ALL.iris(stage, f"{V4}stageModel")) == 1 for stage in stages)
    assert models == {f"{SCHEME}life-cycle-model/{name}" for name in SCHEMES["life-cycle-model"].split()}


def test_a_coordinator_is_a_lead_partner() -> None:
    assert ALL.iris(f"{SCHEME}participation-role/coordinator", f"{SKOS}broader") == {
        f"{SCHEME}participation-role/lead-partner"
    }


def test_ranks_are_ordered() -> None:
    order = {n: [int(v.value) for v in ALL.values(f"{SCHEME}source-rank/{n}", f"{V4}rankOrder")] for n in "abcde"}
    assert order == {"a": [1], "b": [2], "c": [3], "d": [4], "e": [5]}, "v4:rankOrder runs from 1 (a) to 5 (e)"


@pytest.mark.parametrize(
    ("scheme", "codes", "pattern"),
    [
        (
            "country",
            "CZE SVK POL HUN AUT DEU ITA SVN HRV SRB UKR ROU BGR MNE ESP NLD GBR NOR BEL FRA DNK PRT CHE SWE FIN",
            "[A-Z]{2}",
        ),
        ("language", "ENG CES SLK POL HUN DEU", "[a-z]{2}"),
        ("currency", "EUR CZK", "[A-Z]{3}"),
    ],
)
def test_authority_lists(scheme: str, codes: str, pattern: str) -> None:
    have = {c.rpartition("/")[2]: c for c in CONCEPTS if c.startswith(f"{AUTHORITY}{scheme}/")}
    assert set(codes.split()) <= set(have), f"schemes/{scheme}.ttl: add {sorted(set(codes.split()) - set(have))}"
    faults = [
        f"<{c}>: skos:notation {n!r} is not of the form {pattern}"
        for c in have.values()
        for n in ALL.iris(c, f"{SKOS}notation")
        if not re.fullmatch(pattern, n)
    ]
    assert not faults, list_of(faults)


def test_language_notations_are_the_tags_in_use() -> None:
    tags = {n for c in CONCEPTS if c.startswith(f"{AUTHORITY}language/") for n in ALL.iris(c, f"{SKOS}notation")}
    assert set(LANGUAGES) <= tags, f"schemes/language.ttl: add {sorted(set(LANGUAGES) - tags)}"
