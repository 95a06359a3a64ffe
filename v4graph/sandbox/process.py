"""One reader process as the event loop sees it: jobs go in, frames come out, and it can be ended at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Mapping

from v4graph.errors import QueryTimeout, StoreError, V4GraphError
from v4graph.sandbox import frames
from v4graph.sandbox.call import Call, Job
from v4graph.sandbox.child import Child, verdict
from v4graph.store.embedded import Snapshot

_LANDING = memoryview(bytearray(frames.CHUNK + 1024))
"""Where what a reader says arrives: to make room for the longest each time costs more than to receive the usual."""
_REAP_SECONDS = 0.002
SHORT = 0.1
"""Seconds after which the others go first: a query that takes longer is worked on with a lower priority."""
_NICER = 5
"""So much lower: a third of what an ordinary process gets, while one wants the same core."""
GROWTH = 128 * 1024 * 1024
"""Memory a reader may keep after a job; allocators do not give everything back, so then it is replaced."""


class ReaderProcess:
    """A reader and the call it works on.

    ``freed`` is called when it can take the next job, ``lost`` once when it has ended (with the call to be made again,
    if any), ``explain`` to say what its complaint about a job means.
    """

    __slots__ = (
        "_began", "_buffer", "_explain", "_fd", "_freed", "_listening", "_loop", "_lost", "_memory_mb", "_splitter",
        "call", "child", "confinement", "dead", "ended", "left", "long", "opened", "retired", "snapshot",
    )  # fmt: skip

    def __init__(
        self,
        snapshot: Snapshot,
        memory_mb: int,
        *,
        freed: Callable[[ReaderProcess], None],
        lost: Callable[[ReaderProcess, Call | None], None],
        explain: Callable[[Job, str, str], V4GraphError],
        child: Child | None = None,
    ) -> None:
        """Start it, or go on with a child that was told nothing yet; ``opened`` is done when it can be used."""
        self._loop = asyncio.get_running_loop()
        self._memory_mb = memory_mb
        self._freed, self._lost, self._explain = freed, lost, explain
        self._splitter = frames.Splitter(8 * frames.CHUNK)
        self._buffer = b""
        self.snapshot = snapshot
        self.call: Call | None = None
        self.left: Call | None = None  # the call it ended with, for good
        self.retired = False
        self.dead = False
        self.long = False  # what it works on is no short query, or was none and it could not be hurried again
        self._began = 0.0
        self.confinement: Mapping[str, object] = {}
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self.child = child or Child("reader")
        self.child.socket.setblocking(False)
        self._fd = self.child.socket.fileno()
        self._listening = False
        self._listen()
        told = {"path": str(snapshot.path), "lock": str(snapshot.lock), "memory": memory_mb * 2**20, "growth": GROWTH}
        self._send(frames.pack_json(frames.OPEN, told))

    @property
    def pid(self) -> int:
        """The process id."""
        return self.child.pid

    def start(self, call: Call) -> bool:
        """Give it a job and the job's deadline; False when the process turns out to be dead."""
        if self.dead:
            return False
        if not self._send(call.job.encode()):
            self.kill()
            return False
        self.call = call
        call.worker = self
        self._began = self._loop.time()
        call.until = self._began + call.job.seconds
        return True

    def look(self, now: float) -> None:
        """Stop what is beyond its deadline, and let others go before what takes long."""
        if self.call is None or self.dead:
            return
        if now >= self.call.until:
            self.kill(
                QueryTimeout(
                    f"The query was stopped after {self.call.job.seconds:g} seconds. "
                    "Ask for less: name a subject or a class, put required patterns before OPTIONAL, add a LIMIT."
                )
            )
        elif not self.long and now >= self._began + SHORT:
            self.long = True
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICER)

    def pause(self) -> None:
        """Read no more for now: the socket fills and the engine waits."""
        if self._listening:
            self._loop.remove_reader(self._fd)
            self._listening = False

    def resume(self) -> None:
        """Read on."""
        self._listen()

    def kill(self, reason: V4GraphError | None = None) -> None:
        """Stop the process now, and its call for this reason; ``ended`` is done when it is gone."""
        if reason is not None and self.call is not None:
            self.call.fail(reason)
        if not self.dead:
            self.dead = True
            self.child.kill()
            self._reap()

    def _listen(self) -> None:
        if not self._listening and not self.dead:
            self._loop.add_reader(self._fd, self._readable)
            self._listening = True

    def _send(self, data: bytes) -> bool:
        try:
            sent = self.child.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        if sent < len(data):
            self._buffer = data[sent:]
            self._loop.add_writer(self._fd, self._writable)
        return True

    def _writable(self) -> None:
        data, self._buffer = self._buffer, b""
        self._loop.remove_writer(self._fd)
        if not self._send(data):
            self._died()

    def _readable(self) -> None:
        try:
            data = bytes(_LANDING[: self.child.socket.recv_into(_LANDING)])
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._died()
            return
        try:
            for kind, payload in self._splitter.feed(data):
                self._take(kind, payload)
        except (frames.BrokenFrame, ValueError, IndexError, TypeError):
            self.kill(StoreError("The process that evaluated the query answered nonsense."))

    def _take(self, kind: bytes, payload: bytes) -> None:
        call = self.call
        if self.dead:
            return
        if call is None:
            self._take_start(kind, payload)
        elif kind == frames.WHOLE:
            call.form = payload[0]
            call.whole(payload[2:], self.snapshot)
            self._free(payload[1:2])
        elif kind == frames.DATA:
            call.take(payload, self.snapshot)
        elif kind == frames.FORM:
            call.form = payload[0]
        elif kind == frames.END:
            call.end(self.snapshot)
            self._free(payload)
        elif kind == frames.FAILED:
            name, message = json.loads(payload)
            call.fail(self._explain(call.job, str(name), str(message)))
            self._free(frames.STAY)

    def _take_start(self, kind: bytes, payload: bytes) -> None:
        if self.opened.done():
            return
        if kind == frames.READY:
            self.confinement = json.loads(payload)
            self.opened.set_result(None)
        elif kind == frames.FAILED:
            message = json.loads(payload)[1]
            self.opened.set_exception(StoreError(f"Snapshot {self.snapshot.number} cannot be opened: {message}"))

    def _free(self, retire: bytes) -> None:
        call, self.call = self.call, None
        if call is not None:
            call.worker = None
        self.retired = self.retired or retire == frames.RETIRE or not self._hurried()
        self._freed(self)

    def _hurried(self) -> bool:
        """Take back a lower priority; whether it has none. Most systems allow that to root, and to LimitNICE= users."""
        if self.long:
            try:
                os.setpriority(os.PRIO_PROCESS, self.pid, os.getpriority(os.PRIO_PROCESS, 0))
            except OSError:
                return False
            self.long = False
        return True

    def _died(self) -> None:
        if not self.dead:
            self.dead = True
            self._reap()

    def _reap(self) -> None:
        """Take the exit status; the kernel closes the socket a moment before it is there."""
        self.pause()
        if self._buffer:
            self._loop.remove_writer(self._fd)
            self._buffer = b""
        returncode = self.child.process.poll()
        if returncode is None:
            self._loop.call_later(_REAP_SECONDS, self._reap)
            return
        self.child.socket.close()
        if not self.opened.done():
            self.opened.set_exception(StoreError(f"A reader of snapshot {self.snapshot.number} ended at its start."))
        self.opened.exception()  # looked at, so that asyncio does not complain when nobody waits
        call, self.call = self.call, None
        again = None
        if call is not None:
            call.worker = None
            if returncode == -signal.SIGKILL and call.again():
                again = call  # somebody else killed it, perhaps while it was idle
            else:
                call.fail(verdict(returncode, self._memory_mb))
                self.left = call
        self.ended.set_result(None)
        self._lost(self, again)
