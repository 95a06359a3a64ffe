"""Names as they are compared: without case, accents and punctuation, so that ``Kosice`` finds ``Košice``."""

from __future__ import annotations

import re
import unicodedata

_ALONE = str.maketrans(
    {"ł": "l", "đ": "d", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d", "&": " ", "’": "'"}
)
"""Letters that Unicode does not take apart."""
_WORD = re.compile(r"[^\W_]+")
LONGEST = 300
"""Characters of a name that are looked at."""


def fold(text: str) -> str:
    """A text in small letters, without combining marks."""
    small = text.casefold()
    if not small.isascii():
        small = "".join([c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c)])
    return small.translate(_ALONE)


def words_of(text: str) -> list[str]:
    """The words of a text, folded."""
    return _WORD.findall(fold(text[:LONGEST]))


_SAME_WORDS = (("cluster", "klastr", "klaster", "klaszter"),)
"""Words of the project's languages that mean the same and stand in most names of this field."""
SAME = {word: tuple(other for other in words if other != word) for words in _SAME_WORDS for word in words}
"""For such a word, the others."""
