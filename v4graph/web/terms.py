"""Terms and concepts found by words, in whatever of the six languages and with or without diacritics."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

LONGEST = 200
"""So many characters of what is asked are looked at."""
_LETTERS = str.maketrans({"ł": "l", "đ": "d", "ø": "o", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart."""


def folded(text: str) -> str:
    """A text without case and diacritics; ``ß`` is ``ss``."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_LETTERS)


def found(asked: str, texts: Iterable[str]) -> bool:
    """Whether all words that are asked for are somewhere in the texts."""
    said = " ".join(map(folded, texts))
    return all(word in said for word in folded(asked[:LONGEST]).split())
