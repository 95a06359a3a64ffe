"""The collections of the present snapshot in memory, and those of the one before for who is still paging in them.

A collection is read when it is first asked for. After a publication what that touched is read again in the background,
or everything where that is not known; who asks waits a moment for it, then gets the edition before.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic

import pyoxigraph as ox
from starlette.datastructures import State

from v4graph import collections, touched
from v4graph.collections import Collection, Content
from v4graph.errors import Overloaded, StoreError
from v4graph.listing import local
from v4graph.queries import bind, load_query, parameters
from v4graph.rdf import TSV, iri_text
from v4graph.sandbox.pool import Job
from v4graph.selections import Shelf
from v4graph.statements import Term
from v4graph.web.delivery import present_snapshot
from v4graph.web.latest import LONGEST, READING, patience

_EDITIONS = 3
"""Editions of a collection that stay in memory."""
_LARGE = 20_000
"""Members above which only one edition beside the present one stays."""
_AT_ONCE = 2000
"""Names asked for in one query."""
_MOST_AGAIN = 10_000
"""Things from which on it is as well to read everything again."""
_EVERYTHING = re.compile(r"VALUES \?thing \{ UNDEF \}")
_NOTHING = b"?thing\t?what\t?value\t?node\t?extra\n"

Choices = dict[str, dict[str, str]]
"""Fact -> short name in small letters -> IRI."""


class Shelves:
    """Every collection that was asked for."""

    def __init__(self) -> None:
        """Start with none."""
        self._tokens: dict[str, str] = {}
        self._editions: dict[str, list[Shelf]] = {}
        self._making: dict[str, asyncio.Task[None]] = {}
        self._took: dict[str, float] = {}
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
            seconds = patience(self._took.get(name, 0.0)) if name in self._editions else LONGEST
            done, _ = await asyncio.wait({task}, timeout=seconds)
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
        began = monotonic()
        for _ in range(3):
            snapshot = present_snapshot(state)
            read = await self._carried(state, collection) or await self._whole(state, collection)
            if read.tokens == {snapshot.token}:
                break
        else:
            raise StoreError("The graph is being changed faster than it can be read. Try again.")
        content = await asyncio.to_thread(_content, collection, read, snapshot.number)
        shelf = self.edition(collection, content.edition)
        if shelf is None:
            shelf = await asyncio.to_thread(Shelf, content)
        held = self._editions.setdefault(collection.name, [])
        held[:] = [other for other in held if other is not shelf] + [shelf]
        del held[: -(2 if shelf.size > _LARGE else _EDITIONS)]
        self._tokens[collection.name] = snapshot.token
        self._took[collection.name] = monotonic() - began

    async def _whole(self, state: State, collection: Collection) -> _Read:
        """Everything that a collection tells."""
        body, token = await _answer(state, _EVERYTHING.sub("", load_query(collection.query, state.iris)))
        read = _Read(body, {token})
        await read.name(state, await asyncio.to_thread(_mentioned, body))
        return read

    async def _carried(self, state: State, collection: Collection) -> _Read | None:
        """What the publications since the last edition touched; None where it is not known, or much."""
        query, last = load_query(collection.query, state.iris), self._tokens.get(collection.name)
        if last is None or "thing" not in parameters(query):
            return None
        token = present_snapshot(state).token
        subjects = await asyncio.to_thread(touched.between, state.settings.home, last, token)
        if subjects is None or len(subjects) > _AT_ONCE:
            return None
        before = self._editions[collection.name][-1].content
        pointing = bind(load_query("platform/list-objects", state.iris), subject=_terms(subjects))
        body, other = await _answer(state, pointing) if subjects else (b"?object\n", token)
        objects = {row[0].value for row in _rows(body) if row[0] is not None}
        again = await asyncio.to_thread(collections.reached, before, subjects, objects)
        if len(again) > _MOST_AGAIN:
            return None
        body, third = await _answer(state, bind(query, thing=_terms(again))) if again else (_NOTHING, token)
        read = _Read(body, {token, other, third}, before, frozenset(again))
        mentioned = {iri for others in before.mentions.values() for iri in others if iri in again}
        await read.name(state, sorted(mentioned.union(_mentioned(body))))
        return read


@dataclass(slots=True)
class _Read:
    """What was read for an edition: answers, the tokens they are from, and what is carried over."""

    body: bytes
    tokens: set[str]
    before: Content | None = None
    again: frozenset[str] = frozenset()
    names: list[bytes] = field(default_factory=list)

    async def name(self, state: State, things: Sequence[str]) -> None:
        """Read the names of things that are mentioned."""
        for start in range(0, len(things), _AT_ONCE):
            terms = _terms(things[start : start + _AT_ONCE])
            found, token = await _answer(state, bind(load_query("platform/list-named", state.iris), thing=terms))
            self.names.append(found)
            self.tokens.add(token)


def _terms(things: Iterable[str]) -> list[str]:
    return [iri_text(iri) for iri in sorted(things)]


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
    """The things that rows mention as values or between: from the lines, as making terms of them takes much longer."""
    cells = {cell for line in body.split(b"\n")[1:] for cell in line.split(b"\t")[2:4] if cell[:1] == b"<"}
    return collections.mentioned_in(cell[1:-1].decode() for cell in cells)


def _content(collection: Collection, read: _Read, number: int) -> Content:
    rows = ({"thing": t, "what": w, "value": v} for answer in read.names for t, w, v in _rows(answer) if t and w and v)
    return collections.read(collection, _rows(read.body), rows, number, before=read.before, again=read.again)
