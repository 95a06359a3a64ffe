"""The properties: how their values merge, where they belong, how they read from both sides."""

from __future__ import annotations

import pytest

from tests.ontology.reading import (
    ABOUT_TERMS,
    ALL,
    ANNOTATIONS,
    DATATYPES,
    DCTERMS,
    DERIVED,
    OBJECT_PROPERTIES,
    ORG,
    OWL,
    POLICIES,
    PROPERTIES,
    RDF,
    RDFS,
    RELATION_CLASSES,
    REUSED_PROPERTIES,
    SCHEMA,
    SKOS,
    V4,
    list_of,
    short,
    six_languages,
)


def test_the_four_merge_policies() -> None:
    assert [p.removeprefix(V4) for p in POLICIES] == ["Series", "Set", "Single", "SinglePerLanguage"]


@pytest.mark.parametrize("term", sorted({*PROPERTIES, *ANNOTATIONS, *REUSED_PROPERTIES} - ABOUT_TERMS), ids=short)
def test_property_has_one_merge_policy_or_is_derived(term: str) -> None:
    policies = [v.value for v in ALL.values(term, f"{V4}mergePolicy")]
    derived = [v.value for v in ALL.values(term, f"{V4}isDerived")]
    assert set(policies) <= set(POLICIES), (
        f"{short(term)}: v4:mergePolicy must be one of {[short(p) for p in POLICIES]}"
    )
    assert derived in ([], ["true"]), f"{short(term)}: write v4:isDerived true, or leave it out"
    assert len(policies) <= 1, f"{short(term)}: give one v4:mergePolicy; found {policies}"
    assert policies or derived, f"{short(term)}: give a v4:mergePolicy, or v4:isDerived true"
    # A derived property may say that it has one value: its JSON is then no array.
    assert not derived or policies in ([], [f"{V4}Single"]), f"{short(term)}: derived, so v4:Single or no policy"


def test_derived_properties_are_those_of_the_design() -> None:
    derived = {s.removeprefix(V4) for s in ALL.subjects(f"{V4}isDerived") if s.startswith(V4)}
    assert derived == DERIVED, (
        f"no longer derived: {sorted(DERIVED - derived)}; newly derived: {sorted(derived - DERIVED)}"
    )


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        (SKOS + "prefLabel", "SinglePerLanguage"),
        (SKOS + "altLabel", "Set"),
        (SKOS + "member", "Set"),
        (DCTERMS + "title", "SinglePerLanguage"),
        (DCTERMS + "description", "SinglePerLanguage"),
        (ORG + "member", "Single"),
        (ORG + "organization", "Single"),
        (ORG + "role", "Set"),
        (ORG + "classification", "Set"),
        (SCHEMA + "url", "Set"),
        (SCHEMA + "location", "Set"),
        (SCHEMA + "latitude", "Single"),
        (V4 + "startDate", "Single"),
        (V4 + "acronym", "Set"),
        (V4 + "funder", "Set"),
        (V4 + "statedStatus", "Single"),
        (V4 + "accepted", "Single"),
    ],
)
def test_policies_the_resolver_relies_on(name: str, policy: str) -> None:
    assert ALL.iris(name, f"{V4}mergePolicy") == {V4 + policy}


def test_names_that_lose_become_other_names() -> None:
    assert ALL.iris(f"{SKOS}prefLabel", f"{V4}otherValuesAs") == {f"{SKOS}altLabel"}


@pytest.mark.parametrize("term", OBJECT_PROPERTIES, ids=short)
def test_object_property_reads_well_from_both_sides(term: str) -> None:
    symmetric = f"{OWL}SymmetricProperty" in ALL.iris(term, f"{RDF}type")
    if symmetric:
        assert not ALL.values(term, f"{V4}inverseLabel"), f"{short(term)} is symmetric: its label serves both sides"
        return
    faults = list(six_languages(term, f"{V4}inverseLabel", "v4:inverseLabel"))
    there, back = ALL.texts(term, f"{RDFS}label"), ALL.texts(term, f"{V4}inverseLabel")
    faults += [
        f"{short(term)}: label and inverse label are the same in {lang}" for lang in there if there[lang] == back[lang]
    ]
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", ALL.subjects(f"{V4}inverseLabel"), ids=short)
def test_inverse_labels_are_complete(term: str) -> None:
    faults = list(six_languages(term, f"{V4}inverseLabel", "v4:inverseLabel"))
    assert not faults, list_of(faults)


@pytest.mark.parametrize("term", [*PROPERTIES, *ANNOTATIONS], ids=short)
def test_property_says_where_it_belongs(term: str) -> None:
    domain = ALL.iris(term, f"{RDFS}domain")
    included = ALL.iris(term, f"{SCHEMA}domainIncludes")
    assert not ALL.values(term, f"{RDFS}range"), (
        f"{short(term)}: use schema:rangeIncludes, rdfs:range would type the value"
    )
    assert bool(domain) != bool(included), f"{short(term)}: give either rdfs:domain or schema:domainIncludes"
    assert domain <= {V4 + c for c in RELATION_CLASSES}, (
        f"{short(term)}: use schema:domainIncludes instead of rdfs:domain"
    )
    ranges = ALL.iris(term, f"{SCHEMA}rangeIncludes")
    assert ranges, f"{short(term)}: add schema:rangeIncludes"
    literal = {r for r in ranges if r in DATATYPES}
    if term in OBJECT_PROPERTIES:
        assert not literal, f"{short(term)}: an object property cannot have the datatype {literal}"
    elif term in PROPERTIES:
        assert literal == ranges, f"{short(term)}: use a datatype that the store keeps, not {ranges - literal}"
