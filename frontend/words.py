"""Collect the English words of templates and modules, and bring the catalogues of the other languages up to them.

``make messages``: each ``v4graph/web/locale/{language}/*.po`` is read, everything goes into ``messages.po``, words that
are not used any more leave it, and what still wants a translation is told. With names (``python frontend/words.py
map.html``) nothing is written: it only says which words of these files want a translation.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from v4graph.errors import V4GraphError

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "v4graph" / "web" / "locale"
LANGUAGES = ("cs", "sk", "pl", "hu", "de")
METHODS = [("web/templates/**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"web/templates/**.html": {"trimmed": "true", "silent": "false"}}
KEYWORDS = {
    "_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "say": None,
}  # fmt: skip


def used() -> Catalog:
    """The English words in use: of the templates, of the modules, and the titles of problems."""
    catalogue = Catalog(project="v4graph", charset="utf-8")
    for file, _, message, _, context in extract_from_dir(ROOT / "v4graph", METHODS, OPTIONS, KEYWORDS):  # type: ignore[arg-type]
        catalogue.add(message, locations=[(f"v4graph/{file}", 0)], context=context)
    for error in errors(V4GraphError):
        catalogue.add(error.title, locations=[("v4graph/errors.py", 0)])
    return catalogue


def errors(error: type[V4GraphError]) -> list[type[V4GraphError]]:
    """A class of errors and all below it."""
    return [error, *(deeper for below in error.__subclasses__() for deeper in errors(below))]


def known(language: str) -> dict[tuple[str | None, str], object]:
    """The words of a language that are translated, by context and English words."""
    found: dict[tuple[str | None, str], object] = {}
    for path in sorted((LOCALE / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id and all(message.string if isinstance(message.string, tuple) else (message.string,)):
                    found.setdefault((message.context, english(message)), message.string)
    return found


def english(message: Message) -> str:
    """The English words of a message, those for one thing where it has two forms."""
    return message.id[0] if isinstance(message.id, tuple) else str(message.id)


def missing(words: Catalog, only: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """The words without a translation by language; with ``only``, those of files whose names hold one of these."""
    wanted = [
        message
        for message in words
        if message.id and (not only or any(part in name for name, _ in message.locations for part in only))
    ]
    return {
        language: [english(m) for m in wanted if (m.context, english(m)) not in translated]
        for language in LANGUAGES
        for translated in [known(language)]
    }


def write(words: Catalog, language: str) -> None:
    """Write the one catalogue of a language, and remove the others it was made of."""
    translated = known(language)
    made = Catalog(locale=language, project="v4graph", charset="utf-8", fuzzy=False)
    for message in sorted((m for m in words if m.id), key=lambda m: (english(m), m.context or "")):
        files = sorted({(name, None) for name, _ in message.locations})
        string = translated.get((message.context, english(message)), "")
        made.add(message.id, string, locations=files, flags=message.flags, context=message.context)  # type: ignore[arg-type]
    written = BytesIO()
    write_po(written, made, width=0, omit_header=True, include_lineno=False)
    lines = (f"Language: {language}", "Content-Type: text/plain; charset=utf-8", f"Plural-Forms: {made.plural_forms}")
    header = "".join(f'"{line}\\n"\n' for line in lines)
    folder = LOCALE / language
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.po"):
        path.unlink()
    (folder / "messages.po").write_text(
        f'msgid ""\nmsgstr ""\n{header}\n{written.getvalue().decode()}', encoding="utf-8"
    )


def main(only: tuple[str, ...]) -> int:
    """Write the catalogues, or only look at the words of some files; whether every word is translated."""
    words = used()
    if not only:
        for language in LANGUAGES:
            write(words, language)
    wanting = missing(words, only)
    for language, found in wanting.items():
        print(f"{language}: {len(found)} of {len(words)} words want a translation", *found, sep="\n  ")
    return int(any(wanting.values()))


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
