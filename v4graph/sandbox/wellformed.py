"""What is looked at before a parser of RDF sees a document: bytes, encoding, nesting, and RDF 1.1.

Everything here is linear in the size of the document, refuses with a line and a column (both from 1, columns counted
in characters), and lets through whatever it does not understand: the parser comes next.
"""

from __future__ import annotations

import json
import re

from v4graph.sandbox.tokens import tokens

JSON_DEPTH = 100
TURTLE_DEPTH = 512


class Malformed(Exception):
    """A document is not what it should be, at a place."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        """Where and what."""
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


def text_of(content: bytes) -> str:
    """The document as text; RDF is UTF-8 everywhere."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Malformed("The document is UTF-16. Save it as UTF-8.")
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        column = len(content[start : error.start].decode("utf-8")) + 1
        raise Malformed(
            f"The byte 0x{content[error.start]:02X} is not UTF-8. Save the document as UTF-8.",
            content.count(b"\n", 0, error.start) + 1,
            column,
        ) from None


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


# an unclosed string is taken to its end, so that no scan begins again within it
_JSON_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_TURTLE_STRUCTURE = re.compile(
    r"""\#[^\n\r]*|<[^<>"{}|^`\x00-\x20]*+>
      |\"\"\"[^"\\]*+(?:(?:\\.|\"(?!\"\"))[^"\\]*+)*(?:\"\"\")?|'''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*(?:''')?
      |"[^"\\\n\r]*+(?:\\.[^"\\\n\r]*+)*"?|'[^'\\\n\r]*+(?:\\.[^'\\\n\r]*+)*'?|[\[\](){}]""",
    re.VERBOSE | re.DOTALL,
)


def limit_depth(text: str, *, json_text: bool) -> None:
    """Refuse brackets nested deeper than parsers can bear."""
    limit = JSON_DEPTH if json_text else TURTLE_DEPTH
    if sum(map(text.count, "[{(")) <= limit:
        return
    depth = 0
    for found in (_JSON_STRUCTURE if json_text else _TURTLE_STRUCTURE).finditer(text):
        mark = found[0]
        if mark in ("[", "{", "("):
            depth += 1
            if depth > limit:
                raise Malformed(f"Brackets are nested more than {limit} deep.", *place(text, found.start()))
        elif mark in ("]", "}", ")"):
            depth -= 1


def check_json(text: str) -> None:
    """JSON as RFC 8259 has it, and a JSON-LD document at the top."""

    def refuse(constant: str) -> None:
        raise Malformed(f"{constant} is not JSON.", *place(text, max(0, text.find(constant))))

    limit_depth(text, json_text=True)
    try:
        # numbers stay text: nothing is computed from them, and very long ones cost more than linear time
        document = json.loads(text, parse_int=str, parse_float=str, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise Malformed(f"This is not JSON: {error.msg}.", error.lineno, error.colno) from None
    items = document if isinstance(document, list) else [document]
    if not all(isinstance(item, dict) for item in items):
        raise Malformed("A JSON-LD document is an object, or a list of objects.", *place(text, _first(text)))
    _check_values(text, document)


def _first(text: str) -> int:
    return len(text) - len(text.lstrip())


_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*\Z")
_NOT_IN_IRI = re.compile(r'[\x00-\x20<>"{}|^`\\]')


def _check_values(text: str, document: object) -> None:
    """Refuse what the engine would leave out without a word: an impossible IRI or language loses its statement."""
    stack = [document]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("@id", "@type") and "@value" not in node:
                    for iri in value if isinstance(value, list) else (value,):
                        if isinstance(iri, str) and _NOT_IN_IRI.search(iri):
                            raise Malformed(f"{iri[:80]!r} is not an IRI.", *find_json(text, iri))
                elif key == "@language" and isinstance(value, str) and not _LANGUAGE.match(value):
                    raise Malformed(f"{value[:80]!r} is not a language tag.", *find_json(text, value))
                elif key == "@nest" and isinstance(value, str) and value.startswith("@") and value != "@nest":
                    raise Malformed("A term nests under @nest or under an alias of it.", *find_json(text, value))
                if key != "@value":
                    stack.append(value)


def find_json(text: str, value: str) -> tuple[int, int]:
    """Where a string stands in a JSON text; the beginning when it is spelt in some other way."""
    for spelling in (json.dumps(value, ensure_ascii=False), json.dumps(value), f'"{value}"'):
        offset = text.find(spelling)
        if offset >= 0:
            return place(text, offset)
    return 1, 1


def find_rdf12(text: str) -> tuple[int, int]:
    """Where a text in the Turtle family first uses RDF 1.2; the beginning when it is not found."""
    last = None
    for token in tokens(text):
        if last is not None and token.start == last.end and last.text + token.text in ("<<", "{|"):
            return place(text, last.start)
        if token.text == "~" or (token.kind == "language" and text.startswith("--", token.end)):
            return place(text, token.start)
        last = token
    return 1, 1


def refuse_version(text: str) -> None:
    """Refuse the version directive of RDF 1.2, which announces what the store cannot hold."""
    if "version" not in text.lower():
        return
    last = ""
    for token in tokens(text):
        if token.kind == "string" and last in ("@VERSION", "VERSION"):
            raise Malformed(RDF12, *place(text, token.start))
        last = token.text.upper()


RDF12 = "This is RDF 1.2 (triple terms, annotations, base directions); the graph holds RDF 1.1."
