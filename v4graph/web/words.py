"""Words, dates, numbers and alphabetical order in the six languages of the portal.

English words stand in the templates; ``locale/{language}/*.po`` (GNU gettext) hold the others and are read as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES = {"en": "English", "cs": "Čeština", "sk": "Slovenčina", "pl": "Polski", "hu": "Magyar", "de": "Deutsch"}
"""The languages of the project, by their own names; the first is what is fallen back to."""
FALLBACK = "en"
LOCALE = Path(__file__).parent / "locale"


# --- words --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; what it has not is said in English."""

    language: str
    said: Mapping[tuple[str | None, str], tuple[str, ...]]
    which: Callable[[int], int]
    """Which of its plural forms a number takes."""

    def gettext(self, text: str) -> str:
        """The words for these English ones."""
        return self.said.get((None, text), (text,))[0]

    def pgettext(self, context: str, text: str) -> str:
        """The words for these English ones in a context."""
        return self.said.get((context, text), (text,))[0]

    def ngettext(self, one: str, more: str, number: int) -> str:
        """The words for a number of things."""
        forms = self.said.get((None, one))
        if forms is None:
            return one if number == 1 else more
        return forms[min(self.which(number), len(forms) - 1)]


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Words:
    """The words of a language; English ones need no catalogue."""
    said: dict[tuple[str | None, str], tuple[str, ...]] = {}
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
        for message in catalogue:
            if not message.id or message.fuzzy:
                continue
            forms = message.string if isinstance(message.string, tuple) else (message.string,)
            key = str(message.id[0] if isinstance(message.id, tuple) else message.id)
            if all(forms):
                said.setdefault((message.context, key), tuple(str(form) for form in forms))
    return Words(language, said, _PLURALS[language])


def _slavic(n: int) -> int:
    return 0 if n == 1 else 1 if 2 <= n <= 4 else 2


def _polish(n: int) -> int:
    return 0 if n == 1 else 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2


def _germanic(n: int) -> int:
    return int(n != 1)


_PLURALS: dict[str, Callable[[int], int]] = {
    "en": _germanic, "cs": _slavic, "sk": _slavic, "pl": _polish, "hu": _germanic, "de": _germanic,
}  # fmt: skip


# --- dates and numbers --------------------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T.*|Z|[+-]\d\d:\d\d)?)?)?")
"""A year, month, day or moment of XML Schema (https://www.w3.org/TR/xmlschema11-2/#date)."""


@lru_cache(maxsize=len(LANGUAGES))
def _locale(language: str) -> Locale:
    return Locale.parse("en_GB" if language == "en" else language)


@lru_cache(maxsize=4096)
def shown_date(value: str, language: str = FALLBACK) -> str:
    """A date, month or year in words; what is none stays as it is."""
    found = _DATE.fullmatch(value)
    if found is None:
        return value
    year, month, day = found.groups()
    if month is None:
        return year
    try:
        first = date(int(year), int(month), int(day or 1))
    except ValueError:
        return value
    if day is None:
        return format_skeleton("yMMMM", first, locale=_locale(language))
    return format_date(first, "long", locale=_locale(language))


@lru_cache(maxsize=8192)
def shown_number(value: str | int, language: str = FALLBACK) -> str:
    """A number with its thousands set apart as the language does it; what is none stays as it is."""
    text = str(value)
    whole, dot, rest = text.partition(".")
    if not whole.lstrip("+-").isdigit() or (dot and not rest.isdigit()) or len(text) > 40:
        return text
    locale = _locale(language)
    shown = format_decimal(int(whole), locale=locale)
    if whole.startswith("-") and int(whole) == 0:
        shown = f"-{shown}"
    return shown + locale.number_symbols["latn"]["decimal"] + rest if rest else shown


# --- alphabetical order -------------------------------------------------------------------------------------------

_LATIN = " ".join("abcdefghijklmnopqrstuvwxyz")
_ALPHABETS = {
    "en": _LATIN,
    "de": _LATIN,
    "cs": "a b c č d e f g h ch i j k l m n o p q r ř s š t u v w x y z ž",
    "sk": "a ä b c č d e f g h ch i j k l m n o ô p q r s š t u v w x y z ž",
    "pl": "a ą b c ć d e ę f g h i j k l ł m n ń o ó p q r s ś t u v w x y z ź ż",
    "hu": "a b c cs d dz dzs e f g gy h i j k l ly m n ny o ö p q r s sz t ty u ü v w x y z zs",
}
"""The letters that stand at places of their own (CLDR root collation and its tailorings, primary level)."""
_SAME = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i"})
_HUNGARIAN = str.maketrans({"ő": "ö", "ű": "ü"})


_QUOTES = " „“”\"'«»()"


@lru_cache(maxsize=len(LANGUAGES))
def _alphabet(language: str) -> tuple[dict[str, int], re.Pattern[str]]:
    """The places of the letters, and what takes a text apart into them and other characters."""
    letters = _ALPHABETS[language].split()
    longest_first = sorted(letters, key=len, reverse=True)
    return {letter: place for place, letter in enumerate(letters, 40)}, re.compile("|".join(longest_first) + "|(?s:.)")


def _letters(text: str, language: str) -> list[tuple[int, str]]:
    """The letters of a text as the alphabet of a language counts them, each with its place; 0 for what is no letter."""
    places, piece = _alphabet(language)
    folded = unicodedata.normalize("NFC", text.casefold())
    if language == "hu":
        folded = folded.translate(_HUNGARIAN)
    found: list[tuple[int, str]] = []
    for letter in piece.findall(folded):
        if letter in places:
            found.append((places[letter], letter))
        else:
            found += _plain(letter, language)
    return found


@lru_cache(maxsize=4096)
def _plain(character: str, language: str) -> list[tuple[int, str]]:
    """What a character that is no letter of the alphabet is put with: its letter without the diacritics."""
    places, _ = _alphabet(language)
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    bare = bare.translate(_SAME)
    made: list[tuple[int, str]] = []
    for c in bare:
        if c in places:
            made.append((places[c], c))
        elif c.isdigit():
            made.append((10 + unicodedata.digit(c, 9), c))
        elif c.isalpha():
            made.append((200 + ord(c), c))
        elif not made or made[-1][0] != 0:
            made.append((0, " "))
    return made


_SEVERAL = 0xF0000
"""From here on stand letters of several characters while a text is put into order: a plane for private use."""


class _Places(dict[int, str]):
    """For ``str.translate``: a character as the places of its letters, each a character; found once, then known."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language
        places, _ = _alphabet(language)
        self.several = {letter: chr(_SEVERAL + place) for letter, place in places.items() if len(letter) > 1}
        for letter, mark in self.several.items():
            self[ord(mark)] = chr(places[letter])

    def __missing__(self, character: int) -> str:
        found = _letters(chr(character), self._language)
        self[character] = made = "".join(chr(min(place, 0x10FFFF)) for place, _ in found)
        return made


@lru_cache(maxsize=len(LANGUAGES))
def _order(language: str) -> tuple[_Places, re.Pattern[str] | None]:
    places = _Places(language)
    longest_first = sorted(places.several, key=len, reverse=True)
    return places, re.compile("|".join(longest_first)) if longest_first else None


def sort_key(text: str, language: str = FALLBACK) -> tuple[str, str]:
    """The key that puts texts into the alphabetical order of a language; takes a few microseconds, for long lists."""
    whole = text.casefold()
    folded = unicodedata.normalize("NFC", text.strip(_QUOTES).casefold())
    places, several = _order(language)
    if several is not None:
        folded = several.sub(lambda found: places.several[found[0]], folded)
    return folded.translate(places), whole


def ordered(texts: Sequence[str], names: Sequence[str], language: str = FALLBACK) -> list[int]:
    """The numbers of many texts in the alphabetical order of a language; of equal ones, the names decide.

    As sorting by ``sort_key`` and name, in half of the time: texts that are alike to the alphabet are looked at again.
    """
    places, several = _order(language)
    joined = "\n".join([text.strip(_QUOTES).replace("\n", " ") for text in texts])  # as one it is gone through quicker
    folded = unicodedata.normalize("NFC", joined.casefold())
    if several is not None:
        folded = several.sub(lambda found: places.several[found[0]], folded)
    keys = [piece.translate(places) for piece in folded.split("\n")] if texts else []
    found = sorted(range(len(keys)), key=keys.__getitem__)
    start = 0
    for end in range(1, len(found) + 1):
        if end == len(found) or keys[found[end]] != keys[found[start]]:
            if end - start > 1:
                found[start:end] = sorted(found[start:end], key=lambda n: (texts[n].casefold(), names[n]))
            start = end
    return found


def initial(text: str, language: str = FALLBACK) -> str:
    """The letter of the alphabet a text is listed under, ``#`` when it starts with none."""
    found = next(iter(_letters(text.strip(_QUOTES), language)), (0, ""))
    return (found[1].capitalize() if found[0] > 20 else "#") or "#"
