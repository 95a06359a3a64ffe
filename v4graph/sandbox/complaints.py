"""The engine's complaints about a query, made readable: where, what, and how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from v4graph.errors import MalformedQuery
from v4graph.sandbox.tokens import LONG, Token, form_of, tokens

_PLACE = re.compile(r"\s*error at (\d+):(\d+): expected (?:one of )?(.*)", re.DOTALL)
_ITEM = re.compile(r"""\s*("(?:\\.|[^"\\])*"|\[(?:'(?:\\.|[^'\\])*'|[^\]'])*\]|[^,]+),?""", re.DOTALL)
_FUNCTION = re.compile(r"The custom (?:aggregate )?function <([^>]*)> is not supported")
_SHOWN = 8


def query_error(query: str, message: str, prefixes: Mapping[str, str], *, update: bool = False) -> MalformedQuery:
    """What to tell about a query (or ``update``) that is not accepted; ``prefixes`` are those a hint may propose."""
    place = _PLACE.match(message)
    if place is None:
        return _unplaced(query, message)
    line, column = int(place[1]), int(place[2])
    offset = _offset(query, line, column)
    marks, words, sentences = _expected(place[3])
    lexed = list(_around(query, offset))
    before = next((t for t in reversed(lexed) if t.start < offset), None)
    here = next((t for t in lexed if t.end > offset), None)
    form = form_of(query)
    if update and form not in ("update", None):
        detail = "This is a query; here updates are done."
        hint = "Send an INSERT, DELETE or graph management operation."
    elif not update and form == "update":
        detail = "This is an update; here queries are answered."
        hint = "Send a SELECT, ASK, CONSTRUCT or DESCRIBE query. Data is changed by contributions."
    elif not lexed:
        detail = "The query is empty."
        hint = "Send a SELECT, ASK, CONSTRUCT or DESCRIBE query."
    elif form is None and len(query) <= LONG:
        detail = f"{_first_word(lexed)} does not begin {'an update' if update else 'a query'}."
        hint = f"Begin with {'INSERT or DELETE' if update else 'SELECT, ASK, CONSTRUCT or DESCRIBE'}."
    elif "Prefix not found" in sentences:
        line, column, detail, hint = _missing_prefix(query, lexed, offset, (line, column), prefixes)
    elif "IRI parsing failed" in sentences:
        iri = next((t for t in reversed(lexed) if t.kind == "iri" and t.start < offset), None)
        if iri is not None:
            line, column = _line_column(query, iri.start)
        detail = f"{iri.text if iri else 'This'} is not an absolute IRI."
        hint = "Write the IRI in full, begin the query with BASE <...>, and percent-encode spaces."
    elif sentences:
        detail = f"{sentences[0].rstrip('.')}."
        hint = _hint_for(sentences[0])
    else:
        detail, hint = _unexpected(query, lexed, offset, before, here, [*marks, *words])
    return MalformedQuery(f"Line {line}, column {column}: {detail}", line=line, column=column, hint=hint)


def _around(query: str, offset: int) -> Iterator[Token]:
    """The tokens; of a long query those around a place only, so that the work has a bound."""
    begin, end = (0, len(query)) if len(query) <= LONG else (max(0, offset - LONG // 2), offset + LONG // 2)
    if begin:  # a line is a better place to begin than the middle of a string
        begin = query.find("\n", begin, offset) + 1 or begin
    for token in tokens(query[begin:end]):
        yield token._replace(start=token.start + begin)


def _unplaced(query: str, message: str) -> MalformedQuery:
    function = _FUNCTION.search(message)
    if function is None:
        return MalformedQuery(f"{message.rstrip('.')}.", line=1, column=1, hint="Check the query and its parameters.")
    iri = function[1]
    local = re.split(r"[#/]", iri)[-1]
    near = _around(query, max(0, query.find(local)))
    at = next((t.start for t in near if t.text == f"<{iri}>" or t.text.endswith(f":{local}")), 0)
    line, column = _line_column(query, at)
    return MalformedQuery(
        f"Line {line}, column {column}: there is no function <{iri}> here.",
        line=line,
        column=column,
        hint="Use the functions of SPARQL 1.1, the XPath casts (xsd:integer ...) or GeoSPARQL's geof: functions.",
    )


def _expected(text: str) -> tuple[list[str], list[str], list[str]]:
    """Marks, keywords and sentences of the engine's list; its character classes help nobody."""
    marks, words, sentences = [], [], []
    for item in (found.strip() for found in _ITEM.findall(text)):
        if item.startswith('"'):
            marks.append(item[1:-1].replace('\\"', '"').replace("\\\\", "\\"))
        elif item.startswith("[") or item == "<unreported>" or not item:
            continue
        elif " " in item:
            sentences.append(item)
        else:
            words.append(item)
    return marks, words, sentences


def _first_word(lexed: list[Token]) -> str:
    """The first word that is not of the prologue; a prologue alone ends with its last token."""
    words = iter(lexed)
    for token in words:
        if token.text.upper() not in ("BASE", "PREFIX", "VERSION"):
            return token.text[:40]
        for _ in range(2 if token.text.upper() == "PREFIX" else 1):
            next(words, None)
    return "A prologue alone"


def _missing_prefix(
    query: str, lexed: list[Token], offset: int, place: tuple[int, int], prefixes: Mapping[str, str]
) -> tuple[int, int, str, str]:
    named = next((t for t in reversed(lexed) if t.kind == "name" and t.start < offset), None)
    if named is None:
        return *place, "A prefix is not declared.", "Declare it: PREFIX name: <IRI>"
    prefix = named.text.partition(":")[0]
    line, column = _line_column(query, named.start)
    known = prefixes.get(prefix)
    if known is None:
        return line, column, f"The prefix {prefix}: is not declared.", f"Declare it: PREFIX {prefix}: <IRI>"
    return line, column, f"The prefix {prefix}: is not declared.", f"Add the line PREFIX {prefix}: <{known}>"


def _hint_for(sentence: str) -> str:
    if "unbound" in sentence:
        return "With GROUP BY or an aggregate, every selected variable is grouped or aggregated."
    if "overrides an existing variable" in sentence:
        return "Give the expression a variable name that the pattern does not use."
    return "See https://www.w3.org/TR/sparql11-query/ for the syntax."


def _unexpected(
    query: str, lexed: list[Token], offset: int, before: Token | None, here: Token | None, expected: list[str]
) -> tuple[str, str]:
    shown = sorted(dict.fromkeys(expected))
    listed = f" Expected: {' '.join(shown)}" if 0 < len(shown) <= _SHOWN else ""
    quotes = next((t for t in lexed if t.kind == "open"), None)
    if quotes is not None:
        line, column = _line_column(query, quotes.start)
        return f"a string is not closed.{listed}", f"The quotation mark at line {line}, column {column} has no partner."
    if before is not None and before.kind == "word" and offset >= before.end and "(" in [here.text if here else ""]:
        return f"{before.text} is not a function of SPARQL.{listed}", "Check the spelling of the function."
    if here is None:
        missing = _unclosed(lexed)
        hint = f"Close the brackets: {missing}" if missing else "Something is missing at the end."
        return f"the query ends too early.{listed}", hint
    if before is not None and before.start < offset < before.end:
        here = before
    return f"{here.text[:40]} was not expected here.{listed}", "Check the line, and the end of the line before it."


def _unclosed(lexed: list[Token]) -> str:
    partner = {"{": "}", "(": ")", "[": "]"}
    open_: list[str] = []
    for token in lexed:
        if token.kind != "mark":
            continue
        if token.text in partner:
            open_.append(partner[token.text])
        elif open_ and token.text == open_[-1]:
            open_.pop()
    return " ".join(reversed(open_[-_SHOWN:]))


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
        if not start:
            return len(text)
    return min(len(text), start + column - 1)


def _line_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
