"""A temporary store that anybody may change: what conformance suites talk to, and a playground.

No ledger and no resolving, but the same readers on the same kind of snapshots: every change is made by a writer
process, ends in a checkpoint, and is visible to queries before the change is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pyoxigraph as ox

from v4graph.errors import (
    BadRequest,
    MalformedData,
    QueryTimeout,
    QueryTooBig,
    StoreError,
    TooLarge,
    UnknownGraph,
    UpdateRefused,
    V4GraphError,
)
from v4graph.rdf import Format
from v4graph.sandbox import frames
from v4graph.sandbox.child import Conversation, Gone
from v4graph.sandbox.complaints import query_error
from v4graph.sandbox.documents import Document, parse_documents
from v4graph.sandbox.pool import Sandbox, service_refused
from v4graph.sandbox.tokens import tokens, uses_service
from v4graph.sandbox.using import with_dataset, with_gentle_clear
from v4graph.settings import Settings
from v4graph.store.embedded import Snapshot, prune

_LARGEST = 1024 * 1024
_WRITE_SECONDS = 60.0


class ScratchStore:
    """A store of its own, in a temporary folder, with update and the writing half of the Graph Store Protocol."""

    def __init__(self, settings: Settings, *, prefixes: Mapping[str, str] | None = None) -> None:
        """Nothing is started yet."""
        self._settings = settings
        self._prefixes: Mapping[str, str] = prefixes or {}
        self._writing = asyncio.Lock()
        self._sandbox: Sandbox | None = None
        self._writer: Conversation | None = None
        self._folder = Path()
        self._snapshot: Snapshot | None = None
        self._number = 0

    async def start(self, sandbox: Sandbox) -> None:
        """Make the folder and an empty first snapshot, and open it for the readers."""
        self._sandbox = sandbox
        self._folder = Path(tempfile.mkdtemp(prefix="v4graph-"))
        (self._folder / "store" / "snapshots").mkdir(parents=True)
        self._begin()
        async with self._writing:
            await self._change({"do": "nothing"}, b"", _WRITE_SECONDS)

    async def close(self) -> None:
        """End the writer and remove the folder. The sandbox is closed by whoever made it."""
        async with self._writing:
            if self._writer is not None:
                self._writer.child.close()
                self._writer = None
            if self._folder != Path():
                await asyncio.to_thread(shutil.rmtree, self._folder, True)

    async def update(
        self,
        text: str,
        *,
        using_default: Sequence[str] = (),
        using_named: Sequence[str] = (),
        seconds: float | None = None,
        base_iri: str | None = None,
    ) -> None:
        """Do a SPARQL Update request, all of it or nothing.

        Raises:
            MalformedQuery: it is not SPARQL Update.
            BadRequest: it cannot be done, or names its dataset twice.
            UpdateRefused, ServiceRefused: it would read from another address.
            QueryTimeout, QueryTooBig: it was stopped; nothing was changed.
        """
        async with self._writing:
            rewritten = await asyncio.to_thread(self._accepted, text, using_default, using_named)
            job = {"do": "update", "base_iri": base_iri, "asked": text if rewritten != text else None}
            await self._change(job, rewritten.encode(), seconds or self._settings.query_seconds, text)

    def _accepted(self, text: str, using_default: Sequence[str], using_named: Sequence[str]) -> str:
        """An update as the engine gets it; refuses what would read from another address."""
        if uses_service(text):
            raise service_refused()
        if _loads(text, silent=not (self._writer is not None and self._writer.confinement["seccomp"])):
            raise UpdateRefused(
                "LOAD is not done here: this server fetches nothing from other addresses. Send the data with "
                "INSERT DATA or the Graph Store Protocol."
            )
        return with_gentle_clear(with_dataset(text, using_default, using_named))

    async def put(self, graph: str | None, content: bytes, fmt: Format, base_iri: str | None = None) -> bool:
        """Replace a graph (None: the default graph) by a document; whether the graph is new.

        Raises:
            MalformedData, TooLarge: the document cannot be read; nothing was changed.
        """
        return await self._load(graph, content, fmt, base_iri, replace=True)

    async def post(self, graph: str | None, content: bytes, fmt: Format, base_iri: str | None = None) -> bool:
        """Add a document to a graph (None: the default graph); whether the graph is new.

        Raises:
            MalformedData, TooLarge: the document cannot be read; nothing was changed.
        """
        return await self._load(graph, content, fmt, base_iri, replace=False)

    async def load(self, content: bytes, fmt: Format, base_iri: str | None = None, *, name: str = "") -> None:
        """Add a document that may have named graphs, each to its own graph.

        Raises:
            MalformedData, TooLarge: the document cannot be read; nothing was changed.
        """
        lines = await self._parse(Document(content, fmt, "", base_iri, name, dataset=True))
        async with self._writing:
            await self._change({"do": "load", "graph": None, "replace": False}, lines, _WRITE_SECONDS)

    async def delete(self, graph: str | None) -> None:
        """Remove a graph; the default graph is emptied.

        Raises:
            UnknownGraph: there is none of this name.
        """
        _check_iri(graph)
        async with self._writing:
            done = await self._change({"do": "delete", "graph": graph}, b"", _WRITE_SECONDS)
        if not done["existed"]:
            raise UnknownGraph(f"There is no graph <{graph}>.")

    async def _load(
        self, graph: str | None, content: bytes, fmt: Format, base_iri: str | None, *, replace: bool
    ) -> bool:
        _check_iri(graph)
        lines = await self._parse(Document(content, fmt, "", base_iri or graph))
        async with self._writing:
            done = await self._change({"do": "load", "graph": graph, "replace": replace}, lines, _WRITE_SECONDS)
        return bool(done["created"])

    async def _parse(self, document: Document) -> bytes:
        parsed = (await asyncio.to_thread(parse_documents, [document], self._settings))[0]
        if isinstance(parsed, MalformedData | TooLarge):
            raise parsed
        return "".join(f"{line}\n" for line in parsed.lines).encode()

    async def _change(
        self, job: Mapping[str, object], body: bytes, seconds: float, text: str = ""
    ) -> dict[str, object]:
        """Have the writer do a job, and open the snapshot that comes of it."""
        if self._sandbox is None:
            raise StoreError("The scratch store is not started.")
        if self._writer is None:
            self._begin()
        self._number += 1
        number = self._number
        path = self._folder / "store" / "snapshots" / str(number)
        told = {**job, "checkpoint": str(path)}
        # a change that is given to the writer is seen through, also when the client does not wait for it
        task = asyncio.ensure_future(self._finish(told, body, seconds, text, number, path))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _finish(
        self, told: dict[str, object], body: bytes, seconds: float, text: str, number: int, path: Path
    ) -> dict[str, object]:
        assert self._sandbox is not None
        done = await asyncio.to_thread(self._exchange, told, body, seconds, text)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        snapshot = Snapshot(number, path, f"scratch-{uuid.uuid4()}", created)
        snapshot.lock.touch()
        try:
            await self._sandbox.open(snapshot)
        except BaseException:
            self._forget(path)  # not visible, so not done
            raise
        self._snapshot = snapshot
        await asyncio.to_thread(prune, path.parent)
        return done

    def _exchange(self, told: dict[str, object], body: bytes, seconds: float, text: str) -> dict[str, object]:
        writer = self._writer
        assert writer is not None
        writer.limit(seconds)
        try:
            writer.send(frames.pack_json(frames.JOB, told))
            writer.send(frames.pack(frames.BODY, body))
            kind, payload = writer.receive()
        except Gone:
            error = verdict(writer.end(), writer.late, seconds, self._settings.reader_memory_mb)
            self._forget(Path(str(told["checkpoint"])))
            raise error from None
        if kind == frames.FAILED:
            name, message = json.loads(payload)
            if told["do"] != "update" or name == "OSError":  # an update that is refused has changed nothing
                self._forget(Path(str(told["checkpoint"])))
            raise self._complaint(str(name), str(message), text)
        done: dict[str, object] = json.loads(payload)
        return done

    def _forget(self, checkpoint: Path) -> None:
        """Undo what the writer did since the last snapshot: the next change begins there, with a new writer."""
        if self._writer is not None:
            self._writer.child.close()
            self._writer = None
        shutil.rmtree(checkpoint, ignore_errors=True)
        checkpoint.with_suffix(".lock").unlink(missing_ok=True)

    def _complaint(self, name: str, message: str, text: str) -> V4GraphError:
        if name == "SyntaxError":
            return query_error(text, message, self._prefixes, update=True)
        if name == "OSError":
            return StoreError(f"The update failed: {message}")
        return BadRequest(f"The update cannot be done: {message}")

    def _begin(self) -> None:
        """Start the writer on what the last snapshot holds.

        In the event loop's thread: a child that asks to die with its parent dies with the thread that started it.
        """
        primary = self._folder / "store" / "primary"
        shutil.rmtree(primary, ignore_errors=True)
        if self._snapshot is not None:
            shutil.copytree(self._snapshot.path, primary, copy_function=_share)
        told = {"path": str(primary), "memory": self._settings.reader_memory_mb * 2**20}
        try:
            self._writer = Conversation("writer", told, largest=_LARGEST)
        except Gone:
            raise StoreError("The process that writes the scratch store does not start.") from None


def _share(source: str, target: str) -> None:
    """Copy a file of the engine; tables never change, so they are linked."""
    if source.endswith(".sst"):
        os.link(source, target)
    else:
        shutil.copyfile(source, target)


def _check_iri(graph: str | None) -> None:
    if graph is not None:
        try:
            ox.NamedNode(graph)
        except ValueError:
            raise BadRequest(f"{graph!r} is not an absolute IRI; a graph is named by one.") from None


def _loads(text: str, *, silent: bool) -> bool:
    """Whether an update has a LOAD; with ``silent`` one that may fail (LOAD SILENT) counts too."""
    if "load" not in text.lower():
        return False
    words = [token.text.upper() if token.kind == "word" else "" for token in tokens(text)]
    return any(
        "LOAD" in word and (silent or (word != "LOADSILENT" and (word, following) != ("LOAD", "SILENT")))
        for word, following in pairwise([*words, ""])
    )


def verdict(returncode: int, late: bool, seconds: float, memory_mb: int) -> V4GraphError:
    """What the death of a process says about the update it was working on."""
    if late:
        return QueryTimeout(f"The update was stopped after {seconds:g} seconds; nothing was changed.")
    if returncode in (-signal.SIGABRT, -signal.SIGKILL):
        return QueryTooBig(f"The update needed more than {memory_mb} MB of memory; nothing was changed.")
    if returncode in (-signal.SIGSEGV, -signal.SIGBUS):
        return BadRequest("The update is nested too deeply; nothing was changed.")
    return StoreError("The process that writes ended unexpectedly; nothing was changed.")
