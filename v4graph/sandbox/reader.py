"""One reader: a process that answers queries on one snapshot (``python -m v4graph.sandbox.reader``).

It opens the snapshot, gives up what it does not need, and then waits for jobs. An answer is serialised by the engine
straight into frames. Whatever goes wrong in a query ends in a frame, or in the death of the process; the parent
knows what either means.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import sys

import pyoxigraph as ox

from v4graph.sandbox import confinement
from v4graph.sandbox.frames import (
    CHUNK,
    DATA,
    END,
    FAILED,
    FORM,
    FORMS,
    HEAD,
    JOB,
    OPEN,
    READY,
    RETIRE,
    STAY,
    WHOLE,
    pack,
    pack_json,
    read_frames,
    write_all,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Output:
    """A file for the engine to write an answer to; sends it on in chunks."""

    __slots__ = ("_fd", "_form", "_parts", "_size", "_started")

    def __init__(self, fd: int, form: int) -> None:
        """For an answer of a form (its place in ``FORMS``)."""
        self._fd = fd
        self._form = bytes((form,))
        self._parts: list[bytes] = []
        self._size = 0
        self._started = False

    def write(self, data: bytes) -> int:
        """Take some bytes of the answer."""
        self._parts.append(data)
        self._size += len(data)
        if self._size >= CHUNK:
            self._send()
        return len(data)

    def flush(self) -> None:
        """Nothing: the engine flushes at the end, and ``finish`` follows."""

    def _send(self) -> None:
        chunk = b"".join(self._parts)
        frames = HEAD.pack(DATA, len(chunk)) + chunk
        if not self._started:
            frames = pack(FORM, self._form) + frames
            self._started = True
        self._parts.clear()
        self._size = 0
        write_all(self._fd, frames)

    def finish(self, retire: bytes) -> None:
        """Send the rest; a small answer goes out here as the only frame."""
        rest = b"".join(self._parts)
        if not self._started:
            write_all(self._fd, b"".join((HEAD.pack(WHOLE, len(rest) + 2), self._form, retire, rest)))
            return
        frames = HEAD.pack(DATA, len(rest)) + rest if rest else b""
        write_all(self._fd, frames + pack(END, retire))


class Reader:
    """The open snapshot and its answers."""

    def __init__(self, fd: int, told: dict[str, Any]) -> None:
        """Open what the parent told, give up what is not needed, and say so."""
        self._fd = fd
        confinement.many_files()
        confinement.no_core_dumps()
        sealed = confinement.no_network()
        self._lock = hold(told["lock"])
        self._store = ox.Store.read_only(told["path"])
        next(self._store.quads_for_pattern(None, None, None), None)  # what is done on first use is done
        self._resident = confinement.Resident()
        self._most = self._resident.now() + told["growth"]
        memory = confinement.cap_memory(told["memory"])
        files = confinement.no_new_files(told["path"])
        self._results = {f: getattr(ox.QueryResultsFormat, f) for f in ("JSON", "XML", "CSV", "TSV")}
        self._graphs = {
            f: getattr(ox.RdfFormat, f) for f in ("TURTLE", "N_TRIPLES", "RDF_XML", "JSON_LD", "TRIG", "N_QUADS")
        }
        self._terms = b""
        self._asked: tuple[Any, Any, dict[str, Any]] = (None, None, {})
        ready = {"seccomp": sealed, "files": files, "memory": memory}
        write_all(fd, pack_json(READY, ready))

    def answer(self, payload: bytes) -> None:
        """Evaluate one query and send its answer."""
        terms, _, query = payload.partition(b"\n")
        if terms != self._terms:
            self._terms, self._asked = terms, read_terms(terms)
        results, graph, options = self._asked
        found = self._store.query(query.decode(), **options)
        if isinstance(found, ox.QueryTriples):
            form, written = 2, self._graphs.get(graph)
        else:
            form, written = int(isinstance(found, ox.QueryBoolean)), self._results.get(results)
        if written is None:
            write_all(self._fd, pack_json(FAILED, ["NotAcceptable", FORMS[form]]))
            return
        output: Any = Output(self._fd, form)  # a file as far as the engine looks
        found.serialize(output, format=written)
        del found
        output.finish(self._retire())

    def _retire(self) -> bytes:
        # the peak is one cheap call; only a process that once grew has its present size looked up
        return RETIRE if self._resident.peak() > self._most and self._resident.now() > self._most else STAY


def read_terms(terms: bytes) -> tuple[Any, Any, dict[str, Any]]:
    """The formats a query is asked in, and what the engine is told beside its text."""
    results, graph, defaults, named, union, base = json.loads(terms)
    options: dict[str, Any] = {}
    if defaults is not None or named is not None:
        # SPARQL 1.1 Protocol §2.1.4: what the request says replaces the whole dataset
        options["default_graph"] = [ox.NamedNode(iri) for iri in defaults or ()]
        options["named_graphs"] = [ox.NamedNode(iri) for iri in named or ()]
    if union:
        options["use_default_graph_as_union"] = True
    if base is not None:
        options["base_iri"] = base
    return results, graph, options


def hold(path: str) -> int | None:
    """Take the shared lock that keeps a snapshot from being pruned, for the life of the process."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(fd, fcntl.LOCK_SH)
    except OSError:
        return None  # on a read-only file system nobody prunes
    return fd


def main() -> None:
    """Open, answer, end when the parent closes its side."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    confinement.die_with_parent(parent)
    reader: Reader | None = None
    gc.disable()  # nothing here makes cycles
    for kind, payload in read_frames(fd):
        try:
            if kind == JOB and reader is not None:
                reader.answer(payload)
            elif kind == OPEN:
                reader = Reader(fd, json.loads(payload))
        except MemoryError:
            os.abort()
        except Exception as error:  # whatever the engine raises is told to the parent
            write_all(fd, pack_json(FAILED, [type(error).__name__, str(error)[:4000]]))


if __name__ == "__main__":
    main()
