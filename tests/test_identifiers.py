"""Numbers of registers: real ones of the data are right, ones with a fault are not; and texts that hide something."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from v4graph import assets, identifiers, texts

RIGHT = {
    "ico-cz": "75074141",
    "ico-sk": "31333532",
    "nip": "5260250995",
    "regon": "000331501",
    "krs": "0000258660",
    "adoszam-hu": "10773381-2-44",
    "cegjegyzek-hu": "01-10-041585",
    "lei": "529900T8BM49AURSDO55",
    "vat": "SK2020273893",
    "pic": "999977172",
    "wikidata": "Q4",
    "ror": "05a28rw58",
    "euid": "CZOR.75074141",
}


@pytest.mark.parametrize(("register", "number"), RIGHT.items())
def test_number(register: str, number: str) -> None:
    assert identifiers.right(register, number)
    for wrong in (number[:-1], f"{number}x", f" {number}", "", number.lower() + "!"):
        if register != "euid":
            assert not identifiers.right(register, wrong), wrong


@pytest.mark.parametrize("register", ["ico-cz", "ico-sk", "nip", "regon", "adoszam-hu", "lei", "vat"])
def test_check_digit(register: str) -> None:
    """One digit changed."""
    number = RIGHT[register]
    place = 7 if register == "adoszam-hu" else len(number) - 1
    wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    assert not identifiers.right(register, wrong)


def test_a_register_that_is_not_known_has_no_form() -> None:
    assert identifiers.right("keep-eu", "anything")


def test_the_numbers_of_the_data() -> None:
    store = ox.Store()
    for path in assets.DATA.rglob("*.ttl"):
        if b"identifierScheme" in (content := path.read_bytes()):
            store.load(content, format=ox.RdfFormat.TURTLE)
    scheme = ox.NamedNode("https://w3id.org/v4graph/ontology#identifierScheme")
    notation = ox.NamedNode("http://www.w3.org/2004/02/skos/core#notation")
    seen = 0
    for quad in store.quads_for_pattern(None, scheme, None, None):
        [number] = store.quads_for_pattern(quad.subject, notation, None, None)
        assert identifiers.right(quad.object.value.rpartition("/")[2], number.object.value)
        seen += 1
    assert seen >= 6


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ('"Z@ict"@sk', None),
        ('"+"@en', None),
        ('"-5 %"@en', None),
        ('"AVIEM = Asociace"@cs', None),
        ('"Ã la carte"@fr', None),
        ('"Šroubárna Žatec, přes řeku"@cs', None),
        ('"Mail: a.b@case.example"@en', "personalData"),
        ('"=1+1"', "formula"),
        ('"@SUM(A1)"', "formula"),
        ('"-HYPERLINK(1)"', "formula"),
        ('"KlastrovÃ¡"@cs', "misreadText"),
        ('"Å½atec"@cs', "misreadText"),
        ('"Case"@cs-CZ', "languageTag"),
        ("<https://case.example/>", None),
    ],
)
def test_text(value: str, fault: str | None) -> None:
    assert texts.fault_of("http://www.w3.org/2004/02/skos/core#altLabel", value) == fault
