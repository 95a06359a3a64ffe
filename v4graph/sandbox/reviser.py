"""One reviser: evaluates SPARQL Update on a copy of one graph, in memory (``python -m v4graph.sandbox.reviser``).

The copy is all there is, so an update can neither see nor change another graph; what it does to the process, it does
to this process only. What comes back is the difference.
"""

from __future__ import annotations

import json
import os
import sys

import pyoxigraph as ox

from v4graph.rdf import parse_lines, skolemise
from v4graph.sandbox import confinement
from v4graph.sandbox.frames import BODY, CHUNK, DATA, END, FAILED, JOB, OPEN, READY, pack, pack_json, read_frames
from v4graph.sandbox.frames import write_all as write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DEFAULT = ox.DefaultGraph()


class Elsewhere(Exception):
    """The update wrote to another graph."""


def revise(content: bytes, update: str, told: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The statements an update adds to a graph and those it removes, as canonical N-Triples lines.

    The engine gives some literals back in another spelling; what an update does not touch keeps the spelling it has.
    """
    store = ox.Store()
    store.bulk_load(content, ox.RdfFormat.N_TRIPLES)
    before = _lines(store, "")
    options = {"base_iri": told["base_iri"]}
    try:
        store.update(update, **options)
    except SyntaxError:
        # the text was written into: complain with the places it has where the client reads it
        ox.Store().update(told["asked"], **options)
        raise
    if any(not isinstance(quad.graph_name, ox.DefaultGraph) for quad in store):
        raise Elsewhere
    after = _lines(store, told["genid_prefix"])
    given = set(content.decode().split("\n")) - {""}
    removed = given & before - after
    for line in given - before:  # respelt by the engine
        [triple] = parse_lines([line])
        alone = ox.Store()
        alone.add(ox.Quad(triple.subject, triple.predicate, triple.object))
        if not _lines(alone, "") <= after:
            removed.add(line)
    return sorted(after - before), sorted(removed)


def _lines(store: ox.Store, genid_prefix: str) -> set[str]:
    dumped = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=_DEFAULT)
    lines = set((dumped or b"").decode().split("\n")) - {""}
    blank = {line for line in lines if line.startswith("_:") or " _:" in line} if genid_prefix else set()
    return lines - blank | set(skolemise(parse_lines(blank), genid_prefix)) if blank else lines


def _answer(fd: int, added: list[str], removed: list[str]) -> None:
    for sign, lines in (("A", added), ("D", removed)):
        body = "\n".join(f"{sign} {line}" for line in lines).encode()
        for start in range(0, len(body), CHUNK):
            write(fd, pack(DATA, body[start : start + CHUNK]))
        write(fd, pack(DATA, b"\n") if body else b"")
    write(fd, pack(END))


def main() -> None:
    """Confine, then evaluate one update after the other until the parent closes its side."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    confinement.die_with_parent(parent)
    told: dict[str, Any] = {}
    bodies: list[bytes] = []
    for kind, payload in read_frames(fd):
        if kind == OPEN:
            confinement.no_core_dumps()
            sealed = confinement.no_network()
            memory = confinement.cap_memory(json.loads(payload)["memory"])
            files = confinement.no_new_files(None)
            write(fd, pack_json(READY, {"seccomp": sealed, "files": files, "memory": memory}))
        elif kind == JOB:
            told, bodies = json.loads(payload), []
        elif kind == BODY:
            bodies.append(payload)
            if len(bodies) < 2:
                continue
            try:
                _answer(fd, *revise(bodies[0], bodies[1].decode(), told))
            except MemoryError:
                os.abort()
            except Exception as error:  # whatever the engine raises is told to the parent
                write(fd, pack_json(FAILED, [type(error).__name__, str(error)[:4000]]))


if __name__ == "__main__":
    main()
