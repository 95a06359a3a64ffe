"""The writer of a scratch store: the only process that changes it (``python -m v4graph.sandbox.writer``).

Updates come from outside, so it is as killable and as cut off as a reader. Every change ends in a checkpoint, and what
has no checkpoint has not happened: after a crash the parent starts again from the last one.
"""

from __future__ import annotations

import json
import os
import sys

import pyoxigraph as ox

from v4graph.sandbox import confinement
from v4graph.sandbox.frames import BODY, END, FAILED, JOB, OPEN, READY, pack_json, read_frames, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Writer:
    """The open store."""

    def __init__(self, fd: int, told: dict[str, Any]) -> None:
        """Open the store, give up network and unbounded memory, and say so."""
        confinement.many_files()
        confinement.no_core_dumps()
        sealed = confinement.no_network()
        self._store = ox.Store(told["path"])
        memory = confinement.cap_memory(told["memory"])
        write_all(fd, pack_json(READY, {"seccomp": sealed, "files": False, "memory": memory}))

    def change(self, told: dict[str, Any], body: bytes) -> dict[str, Any]:
        """Do one thing and make the checkpoint."""
        done = {}
        if told["do"] == "update":
            options = {} if told["base_iri"] is None else {"base_iri": told["base_iri"]}
            self._update(body.decode(), told["asked"], options)
        elif told["do"] == "delete":
            done["existed"] = self._delete(told["graph"])
        elif told["do"] == "load":
            done["created"] = self._load(told["graph"], told["replace"], body)
        self._store.backup(told["checkpoint"])
        return done

    def _update(self, text: str, asked: str | None, options: dict[str, Any]) -> None:
        try:
            self._store.update(text, **options)
        except SyntaxError:
            if asked is not None:
                # the text was written into: complain with the places it has where the client reads it
                ox.Store().update(asked, **options)
            raise

    def _delete(self, iri: str | None) -> bool:
        graph = _graph(iri)
        existed = isinstance(graph, ox.DefaultGraph) or self._store.contains_named_graph(graph)
        self._store.remove_graph(graph)
        return existed

    def _load(self, iri: str | None, replace: bool, body: bytes) -> bool:
        graph = _graph(iri)
        if isinstance(graph, ox.NamedNode):
            created = not self._store.contains_named_graph(graph)
            self._store.add_graph(graph)  # a graph that is put empty exists
        else:
            # it is always there; what first comes into it makes it as far as a client can see
            created = next(self._store.quads_for_pattern(None, None, None, graph), None) is None
        if replace:
            self._store.clear_graph(graph)
        if isinstance(graph, ox.NamedNode):
            self._store.load(body, ox.RdfFormat.N_TRIPLES, to_graph=graph)
        else:
            self._store.load(body, ox.RdfFormat.N_QUADS)
        return created


def _graph(iri: str | None) -> ox.NamedNode | ox.DefaultGraph:
    return ox.DefaultGraph() if iri is None else ox.NamedNode(iri)


def main() -> None:
    """Open, change, end when the parent closes its side."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    confinement.die_with_parent(parent)
    writer: Writer | None = None
    told: dict[str, Any] = {}
    for kind, payload in read_frames(fd):
        try:
            if kind == OPEN:
                writer = Writer(fd, json.loads(payload))
            elif kind == JOB:
                told = json.loads(payload)
            elif kind == BODY and writer is not None:
                write_all(fd, pack_json(END, writer.change(told, payload)))
        except MemoryError:
            os.abort()
        except Exception as error:  # whatever the engine raises is told to the parent
            write_all(fd, pack_json(FAILED, [type(error).__name__, str(error)[:4000]]))


if __name__ == "__main__":
    main()
