"""A SPARQL Update request held to one graph, for a copy that holds nothing else.

The graph is the default graph of the copy. What names it (GRAPH, WITH, USING, CLEAR GRAPH …) is rewritten to mean the
default graph; what names another one, or another address, is refused with words. The copy is what keeps others safe:
what slips through here finds nothing there. https://www.w3.org/TR/sparql11-update/#sparqlUpdate
"""

from __future__ import annotations

import re
from urllib.parse import urljoin

from v4graph.errors import UpdateRefused
from v4graph.sandbox.pool import service_refused
from v4graph.sandbox.tokens import Token, decode_escapes, tokens, uses_service

_BETWEEN_GRAPHS = frozenset({"ADD", "MOVE", "COPY"})
_WHOLE_GRAPH = frozenset({"CLEAR", "DROP", "CREATE"})
_BACKSLASH = re.compile(r"\\(.)")
_NOTHING = Token("mark", "", 0)


def alone(update: str, graph: str) -> str:
    """The update for a store whose default graph is the copy of ``graph``; relative IRIs are relative to it.

    Raises:
        UpdateRefused: it names another graph, or would read from another address.
        ServiceRefused: it asks another server.
    """
    if uses_service(update):
        raise service_refused()
    return _Rewriting(update, graph).text()


class _Rewriting:
    """One pass over the tokens of an update."""

    def __init__(self, update: str, graph: str) -> None:
        self._update = update
        self._graph = graph
        self._base = graph
        self._prefixes: dict[str, str] = {}
        self._lexed = [*tokens(update), _NOTHING, _NOTHING, _NOTHING]
        self._changes: list[tuple[int, int, str]] = []
        self._blocks: list[str] = []
        self._last = _NOTHING
        """The last token that stays."""
        self._is_template = False
        """Whether the next outermost block holds quads, and not a pattern."""

    def text(self) -> str:
        at = 0
        while at < len(self._lexed) - 3:
            at += self._step(at)
        text = self._update
        for start, end, instead in reversed(self._changes):
            text = f"{text[:start]}{instead}{text[end:]}"
        return text

    def _step(self, at: int) -> int:
        """Look at the token at a place; how many tokens were dealt with."""
        token = self._lexed[at]
        word = token.text.upper() if token.kind == "word" else ""
        taken = 1
        if token.text == "{":
            self._blocks.append("template" if self._in_template or (not self._blocks and self._is_template) else "")
        elif token.text == "}" and self._blocks:
            if self._blocks.pop() == "graph":
                return self._close(at)
        elif word == "GRAPH" and self._blocks:
            return self._graph_block(at)
        elif word and not self._blocks:
            taken = self._operation(at, word)
        self._last = self._lexed[at + taken - 1]
        return taken

    @property
    def _in_template(self) -> bool:
        return bool(self._blocks) and self._blocks[-1] in ("template", "graph")

    def _operation(self, at: int, word: str) -> int:
        following = self._lexed[at + 1]
        if word == "PREFIX":
            self._prefixes[following.text.removesuffix(":")] = self._resolved(self._lexed[at + 2])
            return 3
        if word == "BASE":
            self._base = self._resolved(following)
            return 2
        if word in ("INSERT", "DELETE"):
            self._is_template = True
        elif word == "WHERE":
            self._is_template = self._last.text.upper() == "DELETE"
        elif word in ("WITH", "USING"):
            named = 2 if following.text.upper() == "NAMED" else 1
            self._require(self._lexed[at + named], word)
            self._change(at, at + named, "")
            return named + 1
        elif word in _WHOLE_GRAPH:
            return self._whole_graph(at, word)
        elif word in _BETWEEN_GRAPHS:
            raise UpdateRefused(f"{word} works on two graphs, and here there is one: <{self._graph}>.")
        elif word.startswith("LOAD"):
            raise UpdateRefused(
                "LOAD is not done here: this server fetches nothing from other addresses. Send the data with "
                "INSERT DATA, or by POST to the graph."
            )
        return 1

    def _whole_graph(self, at: int, word: str) -> int:
        silent = 1 if self._lexed[at + 1].text.upper() == "SILENT" else 0
        target = self._lexed[at + 1 + silent]
        size = 2 + silent
        if target.text.upper() == "GRAPH":
            self._require(self._lexed[at + size], word)
            size += 1
        elif target.text.upper() not in ("DEFAULT", "NAMED", "ALL"):
            return 1  # no grammar has it: the engine says where
        # an operation must stay one: between two semicolons there may not be nothing
        self._change(at, at + size - 1, "INSERT DATA {}" if word == "CREATE" else "CLEAR DEFAULT")
        return size

    def _graph_block(self, at: int) -> int:
        """``GRAPH <own> {``: in a pattern a group remains, among quads the bare triples."""
        self._require(self._lexed[at + 1], "GRAPH")
        if not self._in_template:
            self._change(at, at + 1, "")
            return 2
        if self._lexed[at + 2].text != "{":
            return 2  # the engine says where
        self._blocks.append("graph")
        self._change(at, at + 2, "" if self._ended("{") else " . ")
        return 3

    def _close(self, at: int) -> int:
        """The end of a block whose braces go: exactly one dot between its triples and those that follow."""
        following = self._lexed[at + 1].text
        if self._ended("{"):
            doubled = following == "."
            self._change(at, at + doubled, "")
            return 1 + doubled
        self._change(at, at, "" if following in (".", "}") else " . ")
        self._last = Token("mark", ".", 0) if following not in (".", "}") else self._last
        return 1

    def _ended(self, opened: str) -> bool:
        """Whether no triple is left without its end before this place."""
        return self._last.text.endswith((".", opened)) and self._last.kind in ("mark", "number")

    def _require(self, token: Token, word: str) -> None:
        if token.kind == "variable":
            raise UpdateRefused(
                f"{word} {token.text}: an update here is held to one graph, <{self._graph}>. Leave {word} out."
            )
        if token.kind in ("iri", "name") and self._resolved(token) != self._graph:
            raise UpdateRefused(
                f"{word} {token.text}: an update here is held to one graph, <{self._graph}>; it reads and changes "
                "no other."
            )

    def _resolved(self, token: Token) -> str:
        """The IRI a token means, as far as it can be told."""
        if token.kind == "name":
            prefix, _, local = token.text.partition(":")
            return self._prefixes.get(prefix, f"{prefix}:") + _BACKSLASH.sub(r"\1", local)
        iri = decode_escapes(token.text[1:-1])
        return iri if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri) else urljoin(self._base, iri) if iri else self._base

    def _change(self, first: int, last: int, instead: str) -> None:
        self._changes.append((self._lexed[first].start, self._lexed[last].end, instead))
