"""Objects that only know each other, which Python looks for from time to time, and at the end of a process."""

from __future__ import annotations

import atexit
import gc


def keep() -> None:
    """What is there now stays and is never looked through again; only what comes later is.

    Python looks through everything when a quarter of what was there the last time has come. So it is told after the
    freezing how little there is: otherwise it waits for a quarter of what is frozen.
    """
    gc.collect()
    gc.freeze()
    gc.collect()


def leave() -> None:
    """At the end of this process nothing is looked through, as everything goes: that is a tenth of a second."""
    atexit.register(gc.freeze)
