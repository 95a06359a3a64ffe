"""The classifications of others, by their codes: regions (NUTS 2021) and economic activities (NACE Rev. 2.1)."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from tests.ontology.reading import (
    ALL,
    AUTHORITY,
    NACE,
    NATIVE,
    NUTS,
    NUTS_2021,
    REGION_CODES,
    SKOS,
    V4,
    list_of,
    six_languages,
)


def test_regions_form_a_tree_of_codes() -> None:
    """NUTS 2021: nine countries whole; a region lies in the region whose code is one character shorter."""
    levels = Counter((code[:2], len(code) - 2) for code in REGION_CODES)
    whole = {"CZ": 14, "SK": 8, "PL": 73, "HU": 20, "AT": 35, "DE": 401, "IT": 107, "SI": 12, "HR": 21}
    assert {country: levels[country, 3] for country in whole} == whole
    faults = []
    for code in REGION_CODES:
        node = NUTS + code
        if ALL.iris(node, f"{SKOS}inScheme") != {NUTS_2021} or ALL.iris(node, f"{SKOS}notation") != {code}:
            faults.append(f"{code}: give skos:inScheme <{NUTS_2021}> and skos:notation {code!r}")
        names = ALL.texts(node, f"{SKOS}prefLabel")
        if {tag: len(found) for tag, found in names.items()} != {NATIVE[code[:2]]: 1}:
            faults.append(f"{code}: give one name, tagged {NATIVE[code[:2]]}")
        above = {NUTS + code[:-1]} if len(code) > 2 else set()
        if ALL.iris(node, f"{SKOS}broader") != above or (above and code[:-1] not in REGION_CODES):
            faults.append(f"{code}: give skos:broader {sorted(above)}, and describe that region")
    tops = {NUTS + code for code in REGION_CODES if len(code) == 2}
    assert ALL.iris(NUTS_2021, f"{SKOS}hasTopConcept") == tops
    assert not faults, list_of(faults)


@pytest.mark.parametrize(
    ("code", "name", "country"),
    [
        ("CZ080", "Moravskoslezský kraj", "CZE"),
        ("PL229", "Gliwicki", "POL"),
        ("HU221", "Győr-Moson-Sopron", "HUN"),
        ("SK023", "Nitriansky kraj", "SVK"),
        ("AT312", "Linz-Wels", "AUT"),
        ("HU333", "Csongrád", "HUN"),
    ],
)
def test_regions_have_the_names_of_2021(code: str, name: str, country: str) -> None:
    assert ALL.iris(NUTS + code, f"{SKOS}prefLabel") == {name}
    assert ALL.iris(NUTS + code[:2], f"{SKOS}closeMatch") == {f"{AUTHORITY}country/{country}"}
    assert ALL.iris(f"{AUTHORITY}country/{country}", f"{V4}nutsPrefix") == {code[:2]}


def test_economic_activities_have_their_codes() -> None:
    """22 sections and 87 divisions; each division lies in its section (Delegated Regulation (EU) 2023/137)."""
    codes = {c.removeprefix(NACE) for c in ALL.typed(f"{SKOS}Concept") if c.startswith(NACE)}
    sections = {
        "A": "01-03", "B": "05-09", "C": "10-33", "D": "35", "E": "36-39", "F": "41-43", "G": "46-47", "H": "49-53",
        "I": "55-56", "J": "58-60", "K": "61-63", "L": "64-66", "M": "68", "N": "69-75", "O": "77-82", "P": "84",
        "Q": "85", "R": "86-88", "S": "90-93", "T": "94-96", "U": "97-98", "V": "99",
    }  # fmt: skip
    above = {}
    for letter, span in sections.items():
        first, _, last = span.partition("-")
        above |= {f"{number:02}": letter for number in range(int(first), int(last or first) + 1)}
    assert len(sections) == 22 and len(above) == 87
    assert codes == {*sections, *above}
    scheme = f"{NACE}nace2.1"
    assert ALL.iris(scheme, f"{SKOS}hasTopConcept") == {NACE + letter for letter in sections}
    faults = []
    for code in sorted(codes):
        node = NACE + code
        faults += six_languages(node, f"{SKOS}prefLabel", "skos:prefLabel")
        assert ALL.iris(node, f"{SKOS}notation") == {code}
        assert ALL.iris(node, f"{SKOS}inScheme") == {scheme}
        assert ALL.iris(node, f"{SKOS}broader") == ({NACE + above[code]} if code in above else set())
    assert not faults, list_of(faults)


def test_names_of_activities_are_shared_only_by_a_section_and_its_one_division() -> None:
    owners = defaultdict(set)
    for node in (c for c in ALL.typed(f"{SKOS}Concept") if c.startswith(NACE)):
        for language, names in ALL.texts(node, f"{SKOS}prefLabel").items():
            owners[language, names[0].casefold()].add(node.removeprefix(NACE))
    shared = {tuple(sorted(codes)) for codes in owners.values() if len(codes) > 1}
    assert shared == {("35", "D"), ("68", "M"), ("84", "P"), ("85", "Q"), ("99", "V")}
