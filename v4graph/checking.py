"""Contributions from outside are checked in processes that can be killed; here they are started and asked."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from v4graph.derivation import derived_properties
from v4graph.errors import Overloaded, RulesBroken, StoreError, TooLarge
from v4graph.integrity import load_integrity
from v4graph.iris import Iris
from v4graph.proposals import Concern
from v4graph.report import Finding, Report, Rule
from v4graph.rules import load_rules
from v4graph.sandbox import frames
from v4graph.sandbox.child import Conversation, Gone
from v4graph.settings import Settings
from v4graph.store.embedded import Snapshot

_AT_A_TIME = 1
"""Checkers; each takes a processor while it works."""
_WAITING = 8
"""Contributions that may wait for a checker."""
_LARGEST = 64 * 1024 * 1024
_TURN_SECONDS = 10.0


class Checkers:
    """The checkers of a server. A child ends with the thread that started it, so each has a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is started yet: the first contribution starts the first checker."""
        self._settings = settings
        self._threads = ThreadPoolExecutor(_AT_A_TIME, "checker")
        self._mine = threading.local()
        self._under_way = 0
        self._begun: set[_Checker] = set()

    async def check(
        self,
        concern: Concern,
        snapshot: Snapshot | None,
        source: str | None = None,
        departed: Collection[str] = (),
    ) -> Report:
        """The report on a contribution, beside what a snapshot says of the things it mentions.

        ``departed`` are the things in it that other sources once described.

        Raises:
            TooLarge: it cannot be checked within the time or memory that the operator allows.
            Overloaded: too many contributions wait.
            RulesBroken, StoreError: the fault is here.
        """
        if self._under_way >= _AT_A_TIME + _WAITING:
            raise Overloaded(
                f"{self._under_way} contributions are being checked, which is the limit. Try again in a few seconds.",
                headers={"Retry-After": "5"},
            )
        self._under_way += 1
        begun = self._threads.submit(self._check, concern, snapshot, source, departed)
        asked = asyncio.wrap_future(begun)
        asked.add_done_callback(self._done)
        try:
            return await asked
        except asyncio.CancelledError:
            if begun.running():  # the client left: what works for it stops
                for checker in list(self._begun):
                    checker.kill()
            raise

    def follow(self, snapshot: Snapshot | None) -> None:
        """Have the checker open a snapshot before somebody waits for that; nothing to do where none was started."""
        if self._begun and not self._under_way:
            self._threads.submit(self._turned, snapshot)

    async def close(self) -> None:
        """End all checkers."""
        for checker in list(self._begun):
            checker.kill()
        await asyncio.to_thread(self._threads.shutdown, True, cancel_futures=True)
        for checker in list(self._begun):
            checker.close()

    @property
    def pids(self) -> list[int]:
        """The processes of the checkers."""
        return [checker.pid for checker in self._begun]

    def _done(self, asked: asyncio.Future[Report]) -> None:
        self._under_way -= 1
        if not asked.cancelled():
            asked.exception()  # looked at, so that asyncio does not complain when the client left

    def _check(
        self, concern: Concern, snapshot: Snapshot | None, source: str | None, departed: Collection[str]
    ) -> Report:
        checker = self._turned(snapshot)
        try:
            return checker.check(concern, source, departed)
        finally:
            if checker.dead:
                self._end(checker)

    def _turned(self, snapshot: Snapshot | None) -> _Checker:
        """The checker of this thread, beside a snapshot."""
        checker: _Checker | None = getattr(self._mine, "checker", None)
        if checker is not None and (checker.dead or not checker.turn(snapshot)):
            self._end(checker)
            checker = None
        if checker is None:
            checker = self._mine.checker = _Checker(self._settings, snapshot)
            self._begun.add(checker)
        return checker

    def _end(self, checker: _Checker) -> None:
        checker.close()
        self._begun.discard(checker)
        self._mine.checker = None


class _Checker:
    """A checker process."""

    def __init__(self, settings: Settings, snapshot: Snapshot | None) -> None:
        self._settings = settings
        self._iris = Iris(settings.base_iri)
        self._snapshot = snapshot
        self.dead = False
        told = {
            "base": settings.base_iri,
            "derived": sorted(derived_properties(self._iris)),
            "memory": settings.reader_memory_mb * 2**20,
            **_place(snapshot),
        }
        try:
            self._talk = Conversation("v4graph.checker", told, largest=_LARGEST)
        except Gone:
            raise StoreError("The process that checks contributions does not start.") from None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._talk.child.pid

    def turn(self, snapshot: Snapshot | None) -> bool:
        """Turn to another snapshot; whether the process is there. The rules stay read."""
        if snapshot == self._snapshot:
            return True
        self._talk.limit(_TURN_SECONDS)
        try:
            self._talk.send(frames.pack_json(frames.OPEN, _place(snapshot)))
            self._snapshot = snapshot
            return self._talk.receive()[0] == frames.READY
        except Gone:
            return False

    def check(self, concern: Concern, source: str | None, departed: Collection[str]) -> Report:
        """Check one contribution; afterwards the process may be ``dead``."""
        self._talk.limit(self._settings.upload_seconds)
        try:
            subjects = None if concern.subjects is None else sorted(concern.subjects)
            job = {"source": source, "subjects": subjects, "departed": sorted(departed)}
            self._talk.send(frames.pack_json(frames.JOB, job))
            self._talk.send(frames.pack(frames.BODY, "\n".join(concern.lines).encode()))
            return self._report()
        except Gone:
            self.dead = True
            raise self._verdict(self._talk.end()) from None

    def kill(self) -> None:
        """Stop the process, from any thread."""
        self._talk.child.kill()

    def close(self) -> None:
        """End the process."""
        self.dead = True
        self._talk.child.close()

    def _report(self) -> Report:
        parts: list[bytes] = []
        while True:
            kind, payload = self._talk.receive()
            if kind == frames.DATA:
                parts.append(payload)
            elif kind == frames.END:
                return _read(b"".join(parts), self._iris)
            elif kind == frames.FAILED:
                name, message = json.loads(payload)
                raise RulesBroken(f"The rules could not be applied ({name}: {message}).")

    def _verdict(self, returncode: int) -> TooLarge | StoreError:
        if self._talk.late:
            seconds = self._settings.upload_seconds
            return TooLarge(f"The document could not be checked within {seconds:g} seconds. Send it in parts.")
        if returncode in (-signal.SIGABRT, -signal.SIGKILL):
            memory = self._settings.reader_memory_mb
            return TooLarge(f"The document needs more than {memory} MB of memory to be checked. Send it in parts.")
        return StoreError("The process that checks contributions ended unexpectedly. Send the document again.")


def _place(snapshot: Snapshot | None) -> dict[str, str | None]:
    """Where a snapshot is, and what keeps it there."""
    return {"path": str(snapshot.path) if snapshot else None, "lock": str(snapshot.lock) if snapshot else None}


def _read(written: bytes, iris: Iris) -> Report:
    """A report as a checker wrote it: the words of the rules are known here."""
    rules: dict[str, Rule] = dict(load_rules(iris).rules)
    rules |= {integrity.rule.iri: integrity.rule for integrity in load_integrity(iris)}
    milder: dict[tuple[str, str], Rule] = {}
    found = []
    for shape, severity, focus, path, value, suggestion, component in json.loads(written):
        rule = milder.get((shape, severity))
        if rule is None:
            rule = milder[shape, severity] = replace(rules[shape], severity=severity)
        found.append(Finding(rule, focus, path, value, suggestion, component))
    return Report(tuple(found), iris.base)
