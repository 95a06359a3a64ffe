"""Starting and ending child processes, as the parent sees it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from v4graph.errors import MalformedQuery, QueryTooBig, StoreError, V4GraphError
from v4graph.sandbox import frames

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR", "TZ")
"""Of the environment only this is passed on: settings and their passwords stay with the parent."""
_ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(16 << 20), "MALLOC_TOP_PAD_": str(1 << 20)}
"""The C library keeps so much of what was freed: to give it back after a query and ask again takes a third longer."""


class Child:
    """A process and the socket to it."""

    __slots__ = ("process", "socket")

    def __init__(self, module: str) -> None:
        """Start ``v4graph.sandbox.{module}``, or a module by its full name.

        It is killed when the thread that starts it ends, however it ends.
        """
        name = module if "." in module else f"v4graph.sandbox.{module}"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket = ours
        with theirs:
            # -P: the current directory is not searched for modules
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", name, str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_environment(),
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def kill(self) -> None:
        """Stop it at once; SIGKILL cannot be caught or delayed."""
        self.process.kill()

    def close(self) -> None:
        """Stop it, wait for its end and let go of the socket."""
        self.kill()
        self.process.wait()
        self.socket.close()


class Gone(Exception):
    """The child ended, did not answer in time, or answered nonsense."""


class Conversation:
    """Talking to a child in the thread that waits for it, with a deadline for each exchange."""

    def __init__(self, module: str, told: Mapping[str, object], *, largest: int, child: Child | None = None) -> None:
        """Start the child, unless there is one, and open it; frames of the child have at most ``largest`` bytes.

        Raises:
            Gone: it does not start.
        """
        self.child = child or Child(module)
        self._splitter = frames.Splitter(largest)
        self._frames: Iterator[tuple[bytes, bytes]] = iter(())
        self.limit(30.0)
        try:
            self.send(frames.pack_json(frames.OPEN, told))
            kind, payload = self.receive()
            if kind != frames.READY:
                raise Gone
            self.confinement: Mapping[str, object] = json.loads(payload)
        except BaseException:
            self.child.close()
            raise

    def limit(self, seconds: float) -> None:
        """Set the deadline of the exchange that begins."""
        self._deadline = time.monotonic() + seconds

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._deadline

    def send(self, data: bytes) -> None:
        """Say something.

        Raises:
            Gone: nobody listens.
        """
        try:
            self.child.socket.settimeout(self._left())
            self.child.socket.sendall(data)
        except OSError:
            raise Gone from None

    def receive(self) -> tuple[bytes, bytes]:
        """The next frame.

        Raises:
            Gone: there is none.
        """
        while (frame := next(self._frames, None)) is None:
            try:
                self.child.socket.settimeout(self._left())
                data = self.child.socket.recv(frames.CHUNK)
                self._frames = iter(self._splitter.feed(data))
            except (OSError, frames.BrokenFrame):
                raise Gone from None
            if not data:
                raise Gone
        return frame

    def end(self) -> int:
        """The exit status of a child that is dying, or is ended here because it is late."""
        self.child.socket.close()
        if not self.late:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.process.wait(1.0)
        self.child.close()
        return self.child.process.returncode

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Gone
        return left


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    searched = [_PACKAGE_PARENT, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    ours = {"PYTHONPATH": os.pathsep.join(dict.fromkeys(searched)), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **_ALLOCATOR, **ours}


def verdict(returncode: int | None, memory_mb: int) -> V4GraphError:
    """What the death of a reader says about the query it was working on."""
    if returncode in (-signal.SIGSEGV, -signal.SIGBUS):
        return MalformedQuery(
            "The query is nested too deeply. Use fewer brackets, groups or path steps within each other.",
            hint="Write long alternatives as VALUES, and long chains as separate triple patterns.",
        )
    if returncode in (-signal.SIGABRT, -signal.SIGKILL):
        return QueryTooBig(
            f"The query needed more than {memory_mb} MB of memory and was stopped. "
            "Ask for less at once: fewer rows to sort, group or join, or a LIMIT on an inner SELECT."
        )
    return StoreError("The process that evaluated the query ended unexpectedly. The query can be sent again.")
