"""What is written into a SPARQL Update request before the engine does it.

The engine's update takes no dataset, so ``using-graph-uri`` and ``using-named-graph-uri`` become USING clauses before
the WHERE of every operation that has one. https://www.w3.org/TR/sparql11-protocol/#update-dataset
"""

from __future__ import annotations

from collections.abc import Sequence

import pyoxigraph as ox

from v4graph.errors import BadRequest
from v4graph.sandbox.tokens import Token, tokens


def with_dataset(update: str, default: Sequence[str], named: Sequence[str]) -> str:
    """The update, evaluated over these graphs.

    Raises:
        BadRequest: the update has a dataset of its own, or an IRI is none.
    """
    if not default and not named:
        return update
    clause = "".join(f"USING {_iri(iri)} " for iri in default) + "".join(f"USING NAMED {_iri(iri)} " for iri in named)
    lexed = list(tokens(update))
    insertions: list[tuple[int, str]] = []
    depth = 0
    operation = ""
    for index, token in enumerate(lexed):
        if token.kind == "mark":
            depth += {"{": 1, "}": -1}.get(token.text, 0)
        if depth or token.kind != "word":
            continue
        word = token.text.upper()
        if word in ("USING", "WITH"):
            raise BadRequest(
                f"The update has a {word} clause and the request names graphs for it; only one of both is allowed."
            )
        if word in ("INSERT", "DELETE"):
            operation = word
        elif word == "WHERE":
            if operation == "DELETE" and index and lexed[index - 1].text.upper() == "DELETE":
                # DELETE WHERE takes no USING: its pattern is written out as the template too
                insertions.append((token.start, f"{_block(update, lexed, index + 1)} "))
            insertions.append((token.start, clause))
    for offset, text in reversed(insertions):
        update = f"{update[:offset]}{text}{update[offset:]}"
    return update


def with_gentle_clear(update: str) -> str:
    """The update, in which CLEAR leaves empty graphs behind and does nothing to a graph that is not there.

    The engine removes all graphs at CLEAR ALL when its store is on disk, and at no other CLEAR; the standard keeps
    them (SPARQL 1.1 Update §3.1.3). It lets CLEAR fail for want of a graph, but clients clear before they first fill.
    """
    if "clear" not in update.lower():
        return update
    depth = 0
    words = ["", ""]
    changes: list[tuple[int, int, str]] = []
    for token in tokens(update):
        word = token.text.upper() if token.kind == "word" else ""
        if token.kind == "mark":
            depth += {"{": 1, "}": -1}.get(token.text, 0)
        elif depth == 0 and word == "GRAPH" and words[1] == "CLEAR":
            changes.append((token.start, token.start, "SILENT "))
        elif depth == 0 and word == "ALL" and (words[1] == "CLEAR" or words == ["CLEAR", "SILENT"]):
            changes.append((token.start, token.end, "DEFAULT ; CLEAR NAMED"))
        words = [words[1], word]
    for start, end, text in reversed(changes):
        update = f"{update[:start]}{text}{update[end:]}"
    return update


def _block(update: str, lexed: list[Token], index: int) -> str:
    depth = 0
    for token in lexed[index:]:
        if token.kind == "mark":
            depth += {"{": 1, "}": -1}.get(token.text, 0)
        if depth == 0:
            return update[lexed[index].start : token.end]
    return ""  # unbalanced: the engine will say where


def _iri(iri: str) -> str:
    try:
        return str(ox.NamedNode(iri))
    except ValueError:
        raise BadRequest(f"{iri!r} is not an absolute IRI; a graph is named by one.") from None
