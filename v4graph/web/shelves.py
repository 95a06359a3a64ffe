"""The collections of the present snapshot in memory, and those of the one before for who is still paging in them.

A collection is read when it is first asked for. After a publication it is read anew in the background; who asks waits
a moment for it, then gets the edition before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph import collections
from v4graph.collections import Collection
from v4graph.errors import Overloaded, StoreError
from v4graph.listing import local
from v4graph.queries import bind, load_query
from v4graph.rdf import TSV, iri_text
from v4graph.sandbox.pool import Job
from v4graph.selections import Shelf
from v4graph.statements import Term
from v4graph.web.delivery import present_snapshot
from v4graph.web.latest import LONGEST, PATIENCE, READING

_EDITIONS = 3
"""Editions of a collection that stay in memory."""
_LARGE = 20_000
"""Members above which only one edition beside the present one stays."""
_AT_ONCE = 2000
"""Names asked for in one query."""

Choices = dict[str, dict[str, str]]
"""Fact -> short name in small letters -> IRI."""


class Shelves:
    """Every collection that was asked for."""

    def __init__(self) -> None:
        """Start with none."""
        self._tokens: dict[str, str] = {}
        self._editions: dict[str, list[Shelf]] = {}
        self._making: dict[str, asyncio.Task[None]] = {}
        self._choices: tuple[str, Choices] = ("", {})

    async def choices(self, state: State) -> Choices:
        """The countries, regions and sectors there are, by the end of their IRIs and by their notations."""
        token = present_snapshot(state).token
        if self._choices[0] != token:
            found: Choices = {}
            for row in await state.overviews.rows(state, "list-choices"):
                iri = row["value"].value
                shorts = {local(iri).lower()} | ({row["notation"].value.lower()} if "notation" in row else set())
                for short in shorts:
                    found.setdefault(row["fact"].value, {}).setdefault(short, iri)
            self._choices = (token, found)
        return self._choices[1]

    async def of(self, state: State, collection: Collection) -> Shelf:
        """The present edition of a collection, or the one before while it is being read."""
        name = collection.name
        token = present_snapshot(state).token
        if self._tokens.get(name) != token:
            task = self._making.get(name)
            if task is None or task.done():
                task = self._making[name] = asyncio.create_task(self._read(state, collection))
            patience = PATIENCE if name in self._editions else LONGEST
            done, _ = await asyncio.wait({task}, timeout=patience)
            if done and name not in self._editions:
                task.result()  # tells what went wrong
        if name not in self._editions:
            raise Overloaded("The collection is being read. Try again.", headers={"Retry-After": "5"})
        return self._editions[name][-1]

    def is_present(self, state: State, collection: Collection) -> bool:
        """Whether a collection was read from the snapshot that is read now."""
        return self._tokens.get(collection.name) == present_snapshot(state).token

    def edition(self, collection: Collection, edition: str) -> Shelf | None:
        """An edition that is still here."""
        held = self._editions.get(collection.name, [])
        return next((shelf for shelf in held if shelf.content.edition == edition), None)

    async def close(self) -> None:
        """Stop what is being read."""
        for task in self._making.values():
            task.cancel()
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    async def _read(self, state: State, collection: Collection) -> None:
        for _ in range(3):
            query = load_query(collection.query, state.iris)
            body, token = await _answer(state, query)
            mentioned = await asyncio.to_thread(_mentioned, body)
            names: list[bytes] = []
            tokens = {token}
            for start in range(0, len(mentioned), _AT_ONCE):
                terms = [iri_text(iri) for iri in mentioned[start : start + _AT_ONCE]]
                found, other = await _answer(state, bind(load_query("platform/list-named", state.iris), thing=terms))
                names.append(found)
                tokens.add(other)
            if len(tokens) == 1:
                break
        else:
            raise StoreError("The graph is being changed faster than it can be read. Try again.")
        number = present_snapshot(state).number
        shelf = await asyncio.to_thread(_shelf, collection, body, names, number)
        held = self._editions.setdefault(collection.name, [])
        held[:] = [other for other in held if other.content.edition != shelf.content.edition] + [shelf]
        del held[: -(2 if shelf.size > _LARGE else _EDITIONS)]
        self._tokens[collection.name] = token


async def _answer(state: State, query: str) -> tuple[bytes, str]:
    """The answer to a query as TSV, and the token of the snapshot it is from."""
    answer = await state.sandbox.query(Job(query, TSV, None, None, None, max(READING, state.settings.query_seconds)))
    body = answer.complete
    if body is None:
        body = b"".join([piece async for piece in answer.chunks()])
    return body, answer.snapshot.token


def _rows(body: bytes) -> Iterator[list[Term | None]]:
    solutions = ox.parse_query_results(body, format=ox.QueryResultsFormat.TSV)
    assert isinstance(solutions, ox.QuerySolutions)
    for solution in solutions:
        yield [term if isinstance(term, (ox.NamedNode, ox.Literal)) else None for term in solution]


def _mentioned(body: bytes) -> list[str]:
    return collections.mentioned_in(_rows(body))


def _shelf(collection: Collection, body: bytes, names: list[bytes], number: int) -> Shelf:
    rows = ({"thing": t, "what": w, "value": v} for answer in names for t, w, v in _rows(answer) if t and w and v)
    return Shelf(collections.read(collection, _rows(body), rows, number))
