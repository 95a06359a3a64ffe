r"""The tokens of SPARQL: enough to tell what kind of text came, not to parse it.

The engine is the parser. This only answers what it cannot be asked: is it a query or an update, does it call
another server, may its answer be kept. A text is looked at as it is and, when it has any, with its codepoint escapes
(``\u0053``) replaced, because the standard says so and the engine does not (it knows them in strings and IRIs only).

https://www.w3.org/TR/sparql11-query/#codepointEscape https://www.w3.org/TR/sparql11-query/#sparqlGrammar
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Form = Literal["select", "ask", "construct", "describe", "update"]

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | \#[^\n\r]* )
    | (?P<iri> <[^<>"{}|^`\\\x00-\x20]*+(?:(?:\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})[^<>"{}|^`\\\x00-\x20]*+)*> )
    | (?P<string> \"\"\"[^"\\]*+(?:(?:\\.|\"(?!\"\"))[^"\\]*+)*\"\"\" | '''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*'''
                | "[^"\\\n\r]*+(?:\\.[^"\\\n\r]*+)*" | '[^'\\\n\r]*+(?:\\.[^'\\\n\r]*+)*' )
    | (?P<open> \"\"\".*+ | '''.*+ | "[^\n\r]*+ | '[^\n\r]*+ )
    | (?P<variable> [?$]\w+ )
    | (?P<name> (?:[^\W\d_][\w\-·.]{0,99}+(?<!\.))?:[\w:\-·]*+
                (?:(?:%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?\#@%]|\.(?=[\w:\-·.%\\]))[\w:\-·]*+)* )
    | (?P<blank> _:\w(?:[\w\-·.]*[\w\-·])? )
    | (?P<language> @[A-Za-z]+(?:-[A-Za-z0-9]+)* )
    | (?P<word> [^\W\d]\w* )
    | (?P<number> (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? )
    | (?P<mark> \^\^ | && | \|\| | != | <= | >= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
"""Linear: a run of characters gives nothing back, a prefix has an end, an unclosed string (``open``) is taken whole.

Only classes of characters repeat possessively: of a group Python 3.11.2 then takes half a piece for a whole one.
"""
LONG = 16 * 1024
"""Characters beyond which looking through a text takes so long that others would wait for it."""
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_UNREPEATABLE = frozenset({"NOW", "RAND", "UUID", "STRUUID", "BNODE"})
_MAY_BE_UNREPEATABLE = ("now", "rand", "uuid", "bnode")
_FORMS: dict[str, Form] = {"SELECT": "select", "ASK": "ask", "CONSTRUCT": "construct", "DESCRIBE": "describe"}
_UPDATES = frozenset({"INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"})
_IN_NAME = re.compile(r"(?:[?$]\w*|:[\w:.\-%]*)\Z")
_OPERANDS = frozenset({"variable", "number", "string", "iri", "name", "language"})


class Token(NamedTuple):
    """One token: its kind, its text and where it starts."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


def tokens(text: str, *, comparing: bool = False) -> Iterator[Token]:
    """The tokens of a text without spaces and comments.

    ``<`` after a value within parentheses may open an IRI or compare (``(?a<?b#>``). The grammar takes the longest
    token, the engine what fits. With ``comparing`` it compares.
    """
    match = _TOKEN.match
    at, size, depth = 0, len(text), 0
    operand = False
    while at < size:
        found = match(text, at)
        if found is None:  # cannot be: the last alternative takes anything
            return
        kind = found.lastgroup or "mark"
        if kind == "space":
            at = found.end()
            continue
        if comparing and kind == "iri" and operand and depth:
            yield Token("mark", "<", at)
            at += 1
            operand = False
            continue
        word = found.group()
        yield Token(kind, word, at)
        at = found.end()
        if word == "(":
            depth += 1
        elif word == ")":
            depth = max(0, depth - 1)
        operand = kind in _OPERANDS or word == ")"


def decode_escapes(text: str) -> str:
    r"""The text with ``\uXXXX`` and ``\UXXXXXXXX`` replaced by what they stand for."""

    def character(found: re.Match[str]) -> str:
        code = int(found[1] or found[2], 16)
        return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else found[0]

    return _ESCAPE.sub(character, text) if "\\" in text else text


def form_of(text: str) -> Form | None:
    """The form of a query, ``update`` for an update, None when it is neither (or begins too late to be seen)."""
    text = text[:LONG]
    stream = tokens(text if "\\" not in text else decode_escapes(text))
    for token in stream:
        word = token.text.upper()
        if token.kind != "word":
            return None
        if word in ("BASE", "VERSION"):
            next(stream, None)
        elif word == "PREFIX":
            next(stream, None)
            next(stream, None)
        elif word in _UPDATES:
            return "update"
        else:
            return _FORMS.get(word)
    return None


def mentions_service(text: str) -> bool:
    """Whether the word occurs at all, in a name or a string too; the quick first look."""
    return "service" in text.lower() or ("\\" in text and "service" in decode_escapes(text).lower())


def uses_service(text: str) -> bool:
    """Whether a SERVICE clause is in the text (SPARQL 1.1 Federated Query §2)."""
    if _may_use_service(text) and _uses_service(text):
        return True
    if "\\" not in text:
        return False
    decoded = decode_escapes(text)
    return decoded != text and _may_use_service(decoded) and _uses_service(decoded)


def _may_use_service(text: str) -> bool:
    """Whether the word occurs other than as the end of a name (``v4:TechnologyService``) or within a path of an IRI."""
    lower = text.lower()
    at = lower.find("service")
    while at >= 0:
        if (at == 0 or lower[at - 1] != "/") and not _IN_NAME.search(lower[max(0, at - 64) : at]):
            return True
        at = lower.find("service", at + 7)
    return False


def _uses_service(text: str) -> bool:
    return any(_has_service(reading) for reading in _readings(text))


def _has_service(lexed: Iterator[Token]) -> bool:
    # the engine needs no space between a keyword and what follows: SERVICE:x{} and SERVICEe:x{} are clauses to it
    before = name = ""
    for token in lexed:
        if token.kind == "word" and "SERVICE" in token.text.upper():
            return True
        if token.text == "{" and "SERVICE" in name:
            return True
        prefix = token.text.partition(":")[0].upper() if token.kind == "name" else ""
        name = "" if before == "GRAPH" else prefix
        before = token.text.upper() if token.kind == "word" else ""
    return False


def _has_word(text: str, words: frozenset[str]) -> bool:
    return any(token.kind == "word" and token.text.upper() in words for reading in _readings(text) for token in reading)


def _readings(text: str) -> Iterator[Iterator[Token]]:
    """The ways in which a text may have to be read; see ``tokens``."""
    yield tokens(text)
    if "<" in text and "(" in text:
        yield tokens(text, comparing=True)


def is_repeatable(text: str) -> bool:
    """Whether the same text gives the same answer on the same snapshot."""
    lower = text.lower()
    if "\\" not in text and not any(word in lower for word in _MAY_BE_UNREPEATABLE):
        return True
    if _has_word(text, _UNREPEATABLE):
        return False
    decoded = decode_escapes(text)
    return decoded == text or not _has_word(decoded, _UNREPEATABLE)
