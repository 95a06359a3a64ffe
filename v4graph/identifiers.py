"""Numbers of registers: what each register's numbers look like, and their check digits (python-stdnum)."""

from __future__ import annotations

import re
from collections.abc import Callable

_SHAPES = {
    "ico-cz": r"\d{8}",
    "ico-sk": r"\d{8}",
    "krs": r"\d{10}",
    "nip": r"\d{10}",
    "regon": r"\d{9}|\d{14}",
    "cegjegyzek-hu": r"\d{2}-\d{2}-\d{6}",
    "adoszam-hu": r"\d{8}-[1-5]-\d{2}",
    "vat": r"[A-Z]{2}[0-9A-Z]{2,13}",
    "euid": r"[A-Z]{2}[0-9A-Z]*\.[0-9A-Z./_-]+",
    "lei": r"[0-9A-Z]{18}\d{2}",
    "pic": r"\d{9}",
    "wikidata": r"Q[1-9]\d*",
    "ror": r"0[a-hj-km-np-tv-z0-9]{6}\d{2}",
}
"""By the notation of the register in the scheme of registers; a register that is not here has no known form."""


def right(register: str, number: str) -> bool:
    """Whether a number is one of this register: its form, and its check digits where the register has them."""
    form = _SHAPES.get(register)
    if form is None:
        return True
    if re.fullmatch(form, number, re.ASCII) is None:
        return False
    checked = _check(register)
    return checked is None or checked(number)


def _check(register: str) -> Callable[[str], bool] | None:
    """The check digits of a register; imported here because most contributions have no such number."""
    if register in ("ico-cz", "ico-sk"):  # one rule: both are of the former common register
        return _of_ico
    if register == "adoszam-hu":
        from stdnum.hu import anum

        return lambda number: bool(anum.is_valid(number[:8]))
    if register == "nip":
        from stdnum.pl import nip

        return _truth(nip.is_valid)
    if register == "regon":
        from stdnum.pl import regon

        return _truth(regon.is_valid)
    if register == "lei":
        from stdnum import lei

        return _truth(lei.is_valid)
    if register == "vat":
        from stdnum.eu import vat

        return _truth(vat.is_valid)
    return None


def _of_ico(number: str) -> bool:
    total = sum(weight * int(digit) for weight, digit in zip(range(8, 1, -1), number, strict=False))
    return (11 - total % 11) % 10 == int(number[-1])


def _truth(check: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda number: bool(check(number))
