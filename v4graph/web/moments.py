"""As of then: ``?at=``, ``?snapshot=`` and ``Accept-Datetime`` ask for the graph as it was (Memento, RFC 7089).

A past state is answered by an application of its own, the same as that of the present, on a snapshot that is built
from the ledger when somebody asks for it. No page and no query knows of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from fastapi import FastAPI
from starlette.types import Scope, Send

from v4graph import past
from v4graph.errors import BadRequest, Overloaded, StoreError, UnknownParameter
from v4graph.iris import Iris
from v4graph.ledger import PROJECTED, Entry, Ledger
from v4graph.settings import Settings
from v4graph.store.embedded import Snapshot
from v4graph.web.actors import close_ledger
from v4graph.web.mementos import PARAMETERS, Asked, Turned, is_timeless
from v4graph.web.operations import one, read_fields

PATIENCE = 20.0
"""Seconds a request waits for a past state; building one may take longer, and the client is told to come again."""
MOST_OPEN = 4
"""Past states that are open at a time, each with readers of its own."""
MOST_AWAITED = 8
"""Past states that may be waited for at a time; one is built at a time."""
IDLE_SECONDS = 120.0
"""How long a past state stays open that nobody asks."""
_MOST_KNOWN = 1024


def asked(scope: Scope, accept_datetime: bytes | None = None) -> Asked | None:
    """The state a request asks for, None for the present.

    Raises:
        UnknownParameter, BadRequest: it asks for a moment that there is not, or would change the past.
    """
    if is_timeless(scope["path"].removeprefix(scope.get("root_path", ""))):
        return None
    fields = read_fields(scope["query_string"], "the address") if _mentions(scope["query_string"]) else {}
    found = asked_by(one(fields, "at"), one(fields, "snapshot"))
    if found is None and accept_datetime is not None and scope["method"] in ("GET", "HEAD", "POST"):
        return Asked("accept-datetime", _http_date(accept_datetime.decode("latin-1")))
    if found is not None and scope["method"] not in ("GET", "HEAD") and not scope["path"].endswith("/sparql"):
        raise BadRequest("The past is only read. Leave out at and snapshot.")
    return found


def asked_by(at: str | None, snapshot: str | None) -> Asked | None:
    """The state that two parameters ask for."""
    if at is not None and snapshot is not None:
        raise UnknownParameter("Give at or snapshot, not both.", parameter="snapshot")
    if at is not None:
        return Asked("at", at[:64])
    return Asked("snapshot", snapshot[:128]) if snapshot is not None else None


def _mentions(query_string: bytes) -> bool:
    return any(query_string.startswith(name) or b"&" + name in query_string for name in PARAMETERS)


def _http_date(text: str) -> str:
    """An ``Accept-Datetime`` (RFC 7089 §2.1.1) as times are written in the ledger."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        raise BadRequest(
            f"Accept-Datetime is a date like “Sat, 21 Nov 2026 12:00:00 GMT”, not “{text[:50]}”."
        ) from None


@dataclass(slots=True, eq=False)
class _State:
    """A past state that is open: its application, and who asks it now."""

    entry: Entry
    app: FastAPI
    users: int = 0
    used: float = 0.0


@dataclass(slots=True, eq=False)
class Moments:
    """The past states of one instance, and the way of a request to the right one.

    ``make`` gives the application of a snapshot, not yet begun.
    """

    settings: Settings
    make: Callable[[Snapshot], FastAPI]
    _known: OrderedDict[Asked, Entry] = field(default_factory=OrderedDict)
    _open: OrderedDict[int, _State] = field(default_factory=OrderedDict)
    _opening: dict[int, asyncio.Task[_State]] = field(default_factory=dict)
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)
    _progress: dict[int, str] = field(default_factory=dict)
    _sweeper: asyncio.Task[None] | None = None

    @property
    def open(self) -> list[int]:
        """The entries whose states are open."""
        return list(self._open)

    @contextlib.asynccontextmanager
    async def turn(self, scope: Scope, send: Send, wanted: Asked) -> AsyncIterator[tuple[Scope, Send]]:
        """A request as the application of the past gets it, and the way its answer takes.

        Raises:
            UnknownParameter: there is no such state.
            Overloaded: it is being built, or too many are.
        """
        state = await self._state(await self._entry(wanted))
        state.users += 1
        try:
            turned = Turned(scope, send, wanted, state.entry)
            yield {**turned.scope(), "app": state.app}, turned.send
        finally:
            state.users -= 1
            state.used = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Close all past states and stop what is being built."""
        tasks = [*self._opening.values(), *([self._sweeper] if self._sweeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for state in list(self._open.values()):
            await self._close(state)

    # --- which entry

    async def _entry(self, wanted: Asked) -> Entry:
        if wanted in self._known:
            return self._known[wanted]
        found, for_good = await asyncio.to_thread(_find_entry, self.settings, wanted, datetime.now(UTC))
        if for_good:
            self._known[wanted] = found
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return found

    # --- its application

    async def _state(self, entry: Entry) -> _State:
        state = self._open.get(entry.number)
        if state is not None:
            self._open.move_to_end(entry.number)
            return state
        task = self._opening.get(entry.number)
        if task is None:
            if len(self._opening) >= MOST_AWAITED:
                raise Overloaded("Too many past states are being made ready. Try again.", headers={"Retry-After": "30"})
            task = self._opening[entry.number] = asyncio.create_task(self._begin(entry))
            task.add_done_callback(lambda done: self._opened(entry.number, done))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            step = self._progress.get(entry.number, "waiting for another one")
            raise Overloaded(
                f"The graph as of {entry.time} is being built ({step}). Try again: it will be there.",
                headers={"Retry-After": "10"},
                progress=step,
            )
        return task.result()

    def _opened(self, number: int, task: asyncio.Task[_State]) -> None:
        self._opening.pop(number, None)
        self._progress.pop(number, None)
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not complain when nobody waits

    async def _begin(self, entry: Entry) -> _State:
        home, iris = self.settings.home, Iris(self.settings.base_iri)
        for _ in range(2):
            snapshot = await asyncio.to_thread(past.find, home, entry, iris)
            if snapshot is None:
                async with self._building:
                    await self._build(entry.number)
                snapshot = await asyncio.to_thread(past.find, home, entry, iris)
            if snapshot is not None:
                await self._make_room()
                app = self.make(Snapshot(entry.number, snapshot.path, snapshot.token, entry.time))
                try:
                    await app.state.sandbox.open(app.state.past)
                except StoreError:  # it was removed a moment ago
                    await _end(app)
                    continue
                state = self._open[entry.number] = _State(entry, app, 0, asyncio.get_running_loop().time())
                if self._sweeper is None or self._sweeper.done():
                    self._sweeper = asyncio.create_task(self._sweep())
                return state
        raise StoreError(f"The graph as of {entry.time} does not open.")

    async def _build(self, number: int) -> None:
        """Build a past state in a child, which says what it is doing."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "v4graph.past", str(self.settings.home), self.settings.base_iri, str(number),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdout is not None and child.stderr is not None
        complaint = asyncio.create_task(child.stderr.read())
        try:
            async for line in child.stdout:
                self._progress[number] = line.decode(errors="replace").strip()
            await child.wait()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
            said = await complaint
        if child.returncode:
            raise StoreError(
                f"The graph as of entry {number} cannot be built: {said.decode(errors='replace').strip()[-300:]}"
            )

    async def _make_room(self) -> None:
        for state in list(self._open.values()):
            if len(self._open) < MOST_OPEN:
                return
            if not state.users:
                await self._close(state)
        if len(self._open) >= MOST_OPEN:
            raise Overloaded("Too many past states are being read. Try again.", headers={"Retry-After": "5"})

    async def _close(self, state: _State) -> None:
        self._open.pop(state.entry.number, None)
        await _end(state.app)

    async def _sweep(self) -> None:
        """Close what nobody asks any more."""
        while self._open:
            await asyncio.sleep(IDLE_SECONDS / 4)
            oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
            for state in list(self._open.values()):
                if not state.users and state.used < oldest:
                    await self._close(state)


async def _end(app: FastAPI) -> None:
    close_ledger(app.state)
    await app.state.checkers.close()
    await app.state.sandbox.close()


def _find_entry(settings: Settings, wanted: Asked, now: datetime) -> tuple[Entry, bool]:
    """The entry that is asked for, and whether it always will be."""
    present = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    ledger = Ledger.in_home(settings.home)
    try:
        if wanted.way == "snapshot":
            return past.entry_named(ledger, wanted.text), True
        moment = past.read_moment(wanted.text, now) if wanted.way == "at" else wanted.text
        if wanted.way == "accept-datetime":  # the nearest there is (RFC 7089 §4.5.3)
            first = ledger.entries(kind=PROJECTED, limit=1)
            moment = max([moment, *(entry.time for entry in first)])
        return past.entry_at(ledger, moment), moment < present
    finally:
        ledger.close()
