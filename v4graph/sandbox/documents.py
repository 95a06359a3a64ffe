"""Documents from outside become lines, in a process that may die of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from v4graph.errors import MalformedData, StoreError, TooLarge
from v4graph.rdf import Format
from v4graph.sandbox import frames
from v4graph.sandbox.child import Child, Conversation, Gone
from v4graph.sandbox.standby import Standby
from v4graph.settings import Settings


@dataclass(frozen=True, slots=True)
class Document:
    """A document and how to read it.

    Blank nodes become IRIs below ``genid_prefix``; with an empty one they stay blank. Without ``dataset`` the
    document must not name graphs. Relative IRIs need a ``base_iri`` or a base in the document.
    """

    content: bytes
    format: Format
    genid_prefix: str
    base_iri: str | None = None
    name: str = ""
    dataset: bool = False
    one_graph: bool = False


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a document says: canonical N-Triples lines (N-Quads of a dataset), sorted, each once."""

    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def parse_documents(
    documents: Sequence[Document], settings: Settings, standby: Standby | None = None
) -> list[Parsed | MalformedData | TooLarge]:
    """Read documents, each on its own: what is wrong with one is its own result, in its place.

    ``standby`` has parsers that were started before.
    """
    results: list[Parsed | MalformedData | TooLarge] = []
    parser: _Parser | None = None
    try:
        for document in documents:
            if len(document.content) > settings.upload_mb * 2**20:
                limit = f"is larger than {settings.upload_mb} MB. Send it in parts."
                results.append(TooLarge(f"{_named(document)} {limit}"))
                continue
            if parser is None:
                parser = _Parser(settings, standby.take() if standby is not None else None)
            result = parser.parse(document)
            results.append(result)
            if parser.dead:
                parser = None
    finally:
        if parser is not None:
            parser.close()
    return results


def _named(document: Document) -> str:
    return document.name or "The document"


class _Parser:
    """A parser process."""

    def __init__(self, settings: Settings, child: Child | None = None) -> None:
        self._settings = settings
        self.dead = False
        told = {"memory": settings.reader_memory_mb * 2**20}
        try:
            largest = settings.result_mb * 2**20 + frames.CHUNK
            self._talk = Conversation("parser", told, largest=largest, child=child)
        except Gone:
            raise StoreError("The process that reads documents does not start.") from None

    def parse(self, document: Document) -> Parsed | MalformedData | TooLarge:
        """Read one document; afterwards the process may be ``dead``."""
        self._talk.limit(self._settings.upload_seconds)
        job = {
            "format": document.format.engine,
            "genid_prefix": document.genid_prefix,
            "base_iri": document.base_iri,
            "dataset": document.dataset,
            "one_graph": document.one_graph,
        }
        try:
            self._talk.send(frames.pack_json(frames.JOB, job))
            self._talk.send(frames.pack(frames.BODY, document.content))
            return self._result(document)
        except Gone:
            self.dead = True
            return self._verdict(document, self._talk.end())

    def close(self) -> None:
        """End the process."""
        self.dead = True
        self._talk.child.close()

    def _result(self, document: Document) -> Parsed | MalformedData | TooLarge:
        lines: list[str] = []
        size = 0
        while True:
            kind, payload = self._talk.receive()
            if kind == frames.DATA:
                size += len(payload)
                if size > self._settings.result_mb * 2**20:
                    self.close()
                    return TooLarge(
                        f"{_named(document)} holds more than {self._settings.result_mb} MB of statements. "
                        "Send it in parts."
                    )
                lines += payload.decode().split("\n")
            elif kind == frames.END:
                return Parsed(tuple(lines), tuple(json.loads(payload)))
            elif kind == frames.FAILED:
                _, message, line, column = json.loads(payload)
                return _malformed(document, str(message), int(line), int(column))

    def _verdict(self, document: Document, returncode: int) -> MalformedData | TooLarge:
        if self._talk.late:
            return TooLarge(
                f"{_named(document)} could not be read within {self._settings.upload_seconds:g} seconds. "
                "Send it in parts."
            )
        if returncode in (-signal.SIGABRT, -signal.SIGKILL):
            return TooLarge(
                f"{_named(document)} needs more than {self._settings.reader_memory_mb} MB of memory to be read. "
                "Send it in parts."
            )
        if returncode in (-signal.SIGSEGV, -signal.SIGBUS):
            return _malformed(document, "It is nested too deeply.", 1, 1)
        return _malformed(document, "The parser fails on it.", 1, 1)


def _malformed(document: Document, message: str, line: int, column: int) -> MalformedData:
    where = f"{document.name}, line {line}" if document.name else f"Line {line}"
    return MalformedData(f"{where}, column {column}: {message}", line=line, column=column)
