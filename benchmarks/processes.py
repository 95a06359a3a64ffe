"""What processes need, memory and processor time, and what others take of the machine: read in /proc."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that came of it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            for child in task.read_text().split():
                found += family(int(child))
    return found


def memory_mb(pid: int) -> float:
    """Proportional memory (PSS) of a process and all that came of it."""
    return sum(map(_pss, family(pid))) / 1024


def _pss(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return 0


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all that came of it, of those that have ended, too."""
    return sum(map(_cpu_ticks, family(pid))) / _TICKS


def _cpu_ticks(pid: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, told[11:15]))  # of its own in user and system mode, and of children it has waited for
    return 0


class Others:
    """What others took of the machine since this was made: the host of a virtual one, and processes not of this run."""

    def __init__(self) -> None:
        self._seconds = _seconds()

    def share(self) -> float:
        """Their share of all processors, from 0 to 1."""
        stolen, busy, mine, everything = (now - then for now, then in zip(_seconds(), self._seconds, strict=True))
        return (stolen + max(0, busy - mine)) / everything if everything else 0


def _seconds() -> tuple[float, float, float, float]:
    """Seconds of all processors so far: given away by the host, busy, busy with this run, and all."""
    ticks = [int(value) for value in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return ticks[7] / _TICKS, sum(ticks[:3]) / _TICKS, cpu_seconds(os.getpid()), sum(ticks) / _TICKS
