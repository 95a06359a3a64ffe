"""SPARQL Update on a copy of one graph: its difference is what a partner contributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from v4graph.errors import BadRequest, StoreError, TooLarge, UpdateRefused, V4GraphError
from v4graph.sandbox import frames
from v4graph.sandbox.alone import alone
from v4graph.sandbox.child import Conversation, Gone
from v4graph.sandbox.complaints import query_error
from v4graph.sandbox.scratch import verdict
from v4graph.settings import Settings


@dataclass(frozen=True, slots=True)
class Revised:
    """What an update did to a graph: canonical N-Triples lines, each sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def revise(
    lines: Iterable[str],
    update: str,
    graph: str,
    genid_prefix: str,
    settings: Settings,
    *,
    seconds: float,
    prefixes: Mapping[str, str] | None = None,
) -> Revised:
    """Evaluate an update on a copy of the graph that has these lines; blocks until it is done.

    Raises:
        MalformedQuery: it is not SPARQL Update; with line, column and a hint.
        UpdateRefused, ServiceRefused: it names another graph or another address.
        BadRequest: it cannot be done.
        QueryTimeout, QueryTooBig, TooLarge: it was stopped.
    """
    rewritten = alone(update, graph)
    job = {"base_iri": graph, "asked": update, "genid_prefix": genid_prefix}
    try:
        talk = Conversation("reviser", {"memory": settings.reader_memory_mb * 2**20}, largest=frames.CHUNK * 2)
    except Gone:
        raise StoreError("The process that evaluates updates does not start.") from None
    try:
        talk.limit(seconds)
        talk.send(frames.pack_json(frames.JOB, job))
        talk.send(frames.pack(frames.BODY, "".join(f"{line}\n" for line in lines).encode()))
        talk.send(frames.pack(frames.BODY, rewritten.encode()))
        return _revised(talk, update, graph, settings, prefixes or {})
    except Gone:
        raise verdict(talk.end(), talk.late, seconds, settings.reader_memory_mb) from None
    finally:
        talk.child.close()


def _revised(talk: Conversation, update: str, graph: str, settings: Settings, prefixes: Mapping[str, str]) -> Revised:
    parts: list[bytes] = []
    size = 0
    while True:
        kind, payload = talk.receive()
        if kind == frames.DATA:
            parts.append(payload)
            size += len(payload)
            if size > settings.result_mb * 2**20:
                raise TooLarge(f"The update changes more than {settings.result_mb} MB of statements. Send it in parts.")
        elif kind == frames.END:
            said = [line for line in b"".join(parts).decode().split("\n") if line]
            by_sign = {sign: tuple(line[2:] for line in said if line.startswith(sign)) for sign in ("A ", "D ")}
            return Revised(by_sign["A "], by_sign["D "])
        elif kind == frames.FAILED:
            name, message = json.loads(payload)
            raise _complaint(str(name), str(message), update, graph, prefixes)


def _complaint(name: str, message: str, update: str, graph: str, prefixes: Mapping[str, str]) -> V4GraphError:
    if name == "SyntaxError":
        return query_error(update, message, prefixes, update=True)
    if name == "Elsewhere":
        return UpdateRefused(f"The update writes to another graph than <{graph}>, to which it is held.")
    if name == "OSError":
        return UpdateRefused("The update reads from another address; this server fetches nothing.")
    return BadRequest(f"The update cannot be done: {message}")
