"""One parser: a process that turns documents from outside into canonical lines (``python -m v4graph.sandbox.parser``).

Checks that know positions come first, then the engine parses; where the engine refuses without saying where, the
document is read once more in small pieces and the piece it stumbled at is the place.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterable

import pyoxigraph as ox

from v4graph.rdf import parse_lines, skolemise
from v4graph.sandbox import confinement
from v4graph.sandbox.frames import BODY, DATA, END, FAILED, JOB, OPEN, READY, pack, pack_json, read_frames, write_all
from v4graph.sandbox.rdfxml import check_rdf_xml
from v4graph.sandbox.wellformed import (
    RDF12,
    Malformed,
    check_json,
    find_json,
    find_rdf12,
    limit_depth,
    place,
    refuse_version,
    text_of,
)

CHUNK = 1024 * 1024
_BATCH = 10_000
"""Statements held as objects of the engine; as text they take a fraction of the memory."""
_BLANK = re.compile(r"_:|\S+ \S+ _:")
_POSITION = re.compile(r"^Parser error at line \d+ (?:between columns \d+ and \d+|column \d+|.*?\d): ")
_PIECES = {"RDF_XML": (b"<", b">"), "TRIG": (b"{", b"}"), "N_QUADS": (b"\n", b"\n")}
"""How a piece of a document begins and ends, for each format whose errors may come without a position."""
_JSON_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*)"', re.DOTALL)
_KEYWORD = re.compile(r"@[a-zA-Z]+|'([^']+)'")


def read_document(
    content: bytes, fmt: str, genid_prefix: str, base_iri: str | None, dataset: bool, one_graph: bool = False
) -> list[str]:
    """Canonical N-Triples (N-Quads with ``dataset``) lines of a document.

    Blank nodes become IRIs below ``genid_prefix``; without one they stay blank, with new labels. With ``one_graph``
    the document may name a graph, as long as all its statements are in the same.

    Raises:
        Malformed: with line and column.
    """
    text = text_of(content)
    content = text.encode()
    if fmt == "RDF_XML":
        check_rdf_xml(content)
    elif fmt == "JSON_LD":
        check_json(text)
    else:
        limit_depth(text, json_text=False)
        refuse_version(text)
    lines = _parse(content, text, fmt, base_iri, dataset, one_graph)
    if genid_prefix:
        # only the statements about blank nodes bear on their names
        blank = {line for line in lines if _BLANK.match(line)}
        if blank:
            lines -= blank
            lines.update(skolemise(parse_lines(blank), genid_prefix))
    return sorted(lines)


def _parse(
    content: bytes, text: str, fmt: str, base_iri: str | None, dataset: bool, one_graph: bool = False
) -> set[str]:
    base, foreign = base_iri, ""
    if fmt == "JSON_LD" and base is None:
        # without a base the engine drops relative IRIs in silence: give it one that is recognised afterwards
        foreign = f"http://{secrets.token_hex(16)}.invalid/"
        base = foreign
    lines: set[str] = set()
    quads: list[ox.Quad] = []
    graph: object = None
    try:
        for quad in _engine(content, fmt, base, dataset or one_graph):
            if one_graph and graph is not None and quad.graph_name != graph:
                raise Malformed(*_second_graph(quad.graph_name, graph, text))
            graph = quad.graph_name
            if type(quad.object) is ox.Triple or getattr(quad.object, "direction", None) is not None:
                raise Malformed(RDF12, *(find_json(text, "@direction") if fmt == "JSON_LD" else find_rdf12(text)))
            if foreign:
                _refuse_relative(quad, foreign, text)
            quads.append(quad)
            if len(quads) == _BATCH:
                lines.update(_lines(quads, dataset))
                quads.clear()
    except SyntaxError as error:
        raise _located(error, content, text, fmt, base, dataset) from None
    except ValueError as error:  # the base IRI
        raise Malformed(f"{error}.") from None
    lines.update(_lines(quads, dataset))
    return lines


def _second_graph(graph: object, other: object, text: str) -> tuple[str, int, int]:
    """What to say of a document with statements in two graphs, and where the second is named."""
    named = graph if isinstance(graph, ox.NamedNode) else other
    value = named.value if isinstance(named, ox.NamedNode) else ""
    message = f"The statements are in several graphs ({graph} and {other}). Send each graph as a document of its own."
    return (message.replace("DEFAULT", "the default graph"), *place(text, max(0, text.find(value))))


def _lines(quads: list[ox.Quad], dataset: bool) -> list[str]:
    if dataset:
        written = ox.serialize(quads, format=ox.RdfFormat.N_QUADS)
    else:
        written = ox.serialize((quad.triple for quad in quads), format=ox.RdfFormat.N_TRIPLES)
    return (written or b"").decode().split("\n")[:-1]


def _engine(source: object, fmt: str, base: str | None, dataset: bool) -> Iterable[ox.Quad]:
    parsed: Iterable[ox.Quad] = ox.parse(
        source,  # type: ignore[arg-type]
        getattr(ox.RdfFormat, fmt),
        base_iri=base,
        without_named_graphs=not dataset,
        rename_blank_nodes=True,
    )
    return parsed


def _refuse_relative(quad: ox.Quad, foreign: str, text: str) -> None:
    for term in (quad.subject, quad.predicate, quad.object, quad.graph_name):
        if isinstance(term, ox.NamedNode) and term.value.startswith(foreign):
            relative = term.value.removeprefix(foreign)
            message = f"{relative!r} is a relative IRI. Write it in full or set @base."
            raise Malformed(message, *find_json(text, relative))


class _Pieces:
    """A file that gives a document away piece by piece, so that ``given`` tells how far the engine has come."""

    def __init__(self, content: bytes, end: bytes) -> None:
        self.content, self.end, self.given = content, end, 0

    def read(self, size: int = -1) -> bytes:
        start = self.given
        stop = self.content.find(self.end, start) + 1 or len(self.content)
        self.given = min(stop, start + size) if size > 0 else stop
        return self.content[start : self.given]


def _located(error: SyntaxError, content: bytes, text: str, fmt: str, base: str | None, dataset: bool) -> Malformed:
    message = _readable(str(error.args[0] if error.args else error))
    if error.lineno is not None:
        return Malformed(message, error.lineno, error.offset or 1)
    if fmt in _PIECES:
        begin, end = _PIECES[fmt]
        pieces = _Pieces(content, end)
        try:
            for _ in _engine(pieces, fmt, base, dataset):
                pass
        except SyntaxError:
            start = content.rfind(begin, 0, pieces.given - 1) + (begin == b"\n")
            return Malformed(message, *place(text, len(content[: max(start, 0)].decode())))
        return Malformed(message)
    if "named graphs" in message:
        return Malformed(message, *find_json(text, "@graph"))
    return Malformed(message, *_place_in_json(message, text))


def _place_in_json(message: str, text: str) -> tuple[int, int]:
    """Where the string stands that a message without a position is about: the longest one that it names."""
    words = message.rstrip(".").split()
    named = {" ".join(words[i : i + n]) for n in range(1, 5) for i in range(len(words) - n + 1)}
    named |= {found[1] or found[0] for found in _KEYWORD.finditer(message)}
    offset, longest = -1, 0
    for found in _JSON_STRING.finditer(text):
        if found[1] in named and len(found[1]) > longest:
            offset, longest = found.start(), len(found[1])
    if offset < 0:
        offset = max(text.find('"@reverse"') if "reverse" in message else -1, text.find('"@context"'))
    return place(text, max(0, offset))


def _readable(message: str) -> str:
    message = _POSITION.sub("", message)
    if "No LoadDocumentCallback" in message:
        return "A @context from another address is not fetched here. Put the context into the document."
    if "No scheme found in an absolute IRI" in message:
        return "A relative IRI has nothing to be relative to. Write it in full, or declare a base."
    if "named graph" in message.lower():
        return "The document has named graphs; here it may hold the statements of one graph only."
    return message if message.endswith((".", "!", "?")) else f"{message}."


def _answer(fd: int, told: dict[str, object], body: bytes) -> None:
    base = told["base_iri"]
    lines = read_document(
        body, str(told["format"]), str(told["genid_prefix"]), None if base is None else str(base),
        bool(told["dataset"]), bool(told.get("one_graph")),
    )  # fmt: skip
    warnings = [] if lines else ["The document holds no statements."]
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size > CHUNK:
            write_all(fd, pack(DATA, "\n".join(chunk).encode()))
            chunk, size = [], 0
    write_all(fd, pack(DATA, "\n".join(chunk).encode()) if chunk else b"")
    write_all(fd, pack_json(END, warnings))


def main() -> None:
    """Confine, then read documents one by one until the parent closes its side."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    confinement.die_with_parent(parent)
    os.nice(5)  # who reads comes first
    told: dict[str, object] = {}
    for kind, payload in read_frames(fd):
        if kind == OPEN:
            confinement.no_core_dumps()
            sealed = confinement.no_network()
            memory = confinement.cap_memory(json.loads(payload)["memory"])
            files = confinement.no_new_files(None)
            write_all(fd, pack_json(READY, {"seccomp": sealed, "files": files, "memory": memory}))
        elif kind == JOB:
            told = json.loads(payload)
        elif kind == BODY:
            try:
                _answer(fd, told, payload)
            except Malformed as error:
                write_all(fd, pack_json(FAILED, ["Malformed", error.message, error.line, error.column]))
            except MemoryError:
                os.abort()


if __name__ == "__main__":
    main()
