"""Terms and concepts found by words, in whatever of the six languages and with or without diacritics."""

from __future__ import annotations

from collections.abc import Iterable

from v4graph.folding import fold

LONGEST = 200
"""So many characters of what is asked are looked at."""


def found(asked: str, texts: Iterable[str]) -> bool:
    """Whether all words that are asked for are somewhere in the texts."""
    said = " ".join(map(fold, texts))
    return all(word in said for word in fold(asked[:LONGEST]).split())
