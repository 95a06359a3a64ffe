"""Requests of the SPARQL 1.1 Protocol, read and checked (https://www.w3.org/TR/sparql11-protocol/#protocol).

Every rule of §2.1 and §2.2 that a client can break is a 4xx with a sentence; nothing is decoded twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

import pyoxigraph as ox

from v4graph.errors import BadRequest, UnknownParameter, UnsupportedMediaType

FORM = "application/x-www-form-urlencoded"
DIRECT_QUERY = "application/sparql-query"
DIRECT_UPDATE = "application/sparql-update"
_MOST_FIELDS = 1000

Fields = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for; ``description`` when it has neither query nor update."""

    kind: Literal["query", "update", "description"]
    text: str = ""
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    timeout: str | None = None
    format: str | None = None
    at: str | None = None
    snapshot: str | None = None


def read_operation(method: str, query_string: bytes, content_type: str | None, body: bytes) -> Operation:
    """The operation of a GET or POST request."""
    fields = read_fields(query_string, "the address")
    if method == "POST":
        media_type, charset = media_type_of(content_type)
        if charset not in ("utf-8", "utf8", "us-ascii", ""):
            raise BadRequest(f'The body is in the charset "{charset}". Send it as UTF-8.')
        if media_type == FORM:
            for name, values in read_fields(body, "the form").items():
                fields.setdefault(name, []).extend(values)
        elif media_type in (DIRECT_QUERY, DIRECT_UPDATE):
            name = "query" if media_type == DIRECT_QUERY else "update"
            fields.setdefault(name, []).append(utf8(body, "The body"))
        else:
            said = f"is {media_type}" if media_type else "has no Content-Type"
            raise UnsupportedMediaType(
                f"The body {said}. Send a form as {FORM}, a query as {DIRECT_QUERY}, an update as {DIRECT_UPDATE}."
            )
    return _operation(method, fields)


def _operation(method: str, fields: Fields) -> Operation:
    query, update = one(fields, "query"), one(fields, "update")
    if query is not None and update is not None:
        raise BadRequest("A request has either a query or an update, not both.")
    timeout, shortcut = one(fields, "timeout"), one(fields, "format") or one(fields, "output")
    if update is not None:
        if method != "POST":
            raise BadRequest("An update is sent by POST (SPARQL 1.1 Protocol §2.2).")
        default_graphs, named_graphs = _dataset(fields, "using-graph-uri", "using-named-graph-uri")
        return Operation("update", update, default_graphs, named_graphs, timeout, shortcut)
    if query is not None:
        default_graphs, named_graphs = _dataset(fields, "default-graph-uri", "named-graph-uri")
        at, snapshot = one(fields, "at"), one(fields, "snapshot")
        return Operation("query", query, default_graphs, named_graphs, timeout, shortcut, at, snapshot)
    if method == "POST":
        raise BadRequest("The form has neither a query nor an update.")
    return Operation("description", format=shortcut)


def _dataset(fields: Fields, default: str, named: str) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """The dataset a request asks for: once any graph is named, exactly those (§2.1.4)."""
    if default not in fields and named not in fields:
        return None, None
    default_graphs, named_graphs = (
        tuple(dict.fromkeys(absolute_iri(iri, name) for iri in fields.get(name, ()) if iri))
        for name in (default, named)
    )
    return (default_graphs, named_graphs) if default_graphs or named_graphs else (None, None)


def read_fields(encoded: bytes, where: str) -> Fields:
    """The fields of a query string or a form, percent-decoded once, strictly as UTF-8."""
    fields: Fields = {}
    if not encoded:
        return fields
    pairs = encoded.split(b"&")
    if len(pairs) > _MOST_FIELDS:
        raise BadRequest(f"There are more than {_MOST_FIELDS} fields in {where}.")
    try:
        for pair in pairs:
            name, _, value = pair.partition(b"=")
            fields.setdefault(_decoded(name), []).append(_decoded(value))
    except UnicodeDecodeError:
        raise BadRequest(f"The text in {where} is not UTF-8.") from None
    fields.pop("", None)
    return fields


def _decoded(text: bytes) -> str:
    """Percent-decoded once: by a codec in one pass, for a query has an escape for every space and bracket in it."""
    if b"+" in text:
        text = text.replace(b"+", b" ")
    if b"%" in text:
        escaped = text.replace(b"\\", rb"\x5c").replace(b"%", rb"\x")
        try:
            text = escaped.decode("unicode_escape").encode("latin-1")
        except UnicodeDecodeError:  # what is no escape stays as it is
            text = unquote_to_bytes(text)
    return text.decode("utf-8")


def one(fields: Fields, name: str) -> str | None:
    """The value of a field that may come once."""
    values = fields.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise UnknownParameter(f'"{name}" is given {len(values)} times; give it once.', parameter=name)
    return values[0]


def utf8(body: bytes, what: str) -> str:
    """Text of a body; a byte order mark is dropped."""
    try:
        return body.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{what} is not UTF-8: byte {error.start + 1} is wrong.") from None


def absolute_iri(iri: str, parameter: str) -> str:
    """An absolute IRI, checked by the engine's own rules."""
    try:
        return ox.NamedNode(iri).value
    except ValueError:
        raise UnknownParameter(f'"{parameter}" is not an absolute IRI: {iri[:200]}', parameter=parameter) from None


def media_type_of(content_type: str | None) -> tuple[str, str]:
    """Media type and charset of a ``Content-Type``, lower case, empty when not said."""
    if not content_type:
        return "", ""
    media_type, *parameters = content_type.split(";")
    charset = ""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return media_type.strip().lower(), charset
