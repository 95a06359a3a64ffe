"""Faults within texts: data of persons, texts read in a wrong encoding, and formulas of spreadsheets."""

from __future__ import annotations

import re
from functools import lru_cache

_PERSONAL = re.compile(
    r"[#/](birthDate|birthPlace|birthday|dateOfBirth|gender|givenName|familyName|firstName|lastName|surname|email|mbox"
    r"|mbox_sha1sum|telephone|phone|mobile|faxNumber|nationality|homeLocation|person|hasEmail|hasTelephone|bday)$"
)
"""Ends of the names of properties that hold data of persons, in whatever vocabulary."""
_MAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,5}\.[a-z]{2,24}\b", re.I | re.ASCII
)
_FORMULA = re.compile(r"=|[@+-]\s*[A-Za-z]+\s*\(|\t|@[A-Z]+\b")
_MISREAD = re.compile("[ÂÃÄÅ][\\u0080-\\u00bf\\u0152-\\u0192\\u02c6\\u02dc\\u2013-\\u2122]|â€|\ufffd")
"""Letters beyond ASCII that were written as UTF-8 and read as something else: every one of them begins so."""
_REGIONAL = re.compile(r'"@[A-Za-z]+-[A-Za-z0-9-]+$')
_SEEN = 4000
"""So much of a text is looked at."""


def fault_of(predicate: str, value: str) -> str | None:
    """What is wrong with a value (N-Triples text), as the end of the name of a shape; None when nothing is."""
    if _is_personal(predicate):
        return "personalData"
    if not value.startswith('"'):
        return None
    end = value.rindex('"')
    if _REGIONAL.match(value, end):
        return "languageTag"
    text = value[1:end][:_SEEN]
    if "@" in text and _MAIL.search(text):
        return "personalData"
    if _FORMULA.match(text):
        return "formula"
    return "misreadText" if not text.isascii() and _MISREAD.search(text) else None


@lru_cache(maxsize=256)
def _is_personal(predicate: str) -> bool:
    return _PERSONAL.search(predicate) is not None
