"""Children that are started before they are wanted: interpreter up, imports done, told nothing yet."""

from __future__ import annotations

import asyncio

from v4graph.sandbox.child import Child

_SOON = 0.1
"""Seconds after one was taken: what it was taken for comes first."""


class Standby:
    """Some children of a kind; who takes one has it replaced. Belongs to the event loop that fills it."""

    def __init__(self, module: str, most: int) -> None:
        """None at first: there may never be a use for them."""
        self._module, self._most = module, most
        self._children: list[Child] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Their process ids."""
        return [child.pid for child in self._children]

    def take(self) -> Child:
        """A child to talk to: one that waits, else a new one. Any thread may take."""
        while self._children:
            child = self._children.pop()
            if child.process.poll() is None:
                return child
            child.close()
        return Child(self._module)

    def fill_soon(self) -> None:
        """Have as many as there may be, in a moment."""
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(_SOON, self._fill)

    def _fill(self) -> None:
        self._timer = None
        while len(self._children) < self._most and not self._closed:
            self._children.append(Child(self._module))

    def close(self) -> None:
        """End those that wait."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._children:
            self._children.pop().close()
