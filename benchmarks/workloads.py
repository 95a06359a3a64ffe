"""The workloads: what is measured, in this order. A new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import questions, reading, resilience, writing
from benchmarks.load import Measured
from benchmarks.reading import Bench


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload: its name, what it is called, and what is run once all servers are up."""

    name: str
    title: str
    run: Callable[[Bench], Measured]
    alone: bool = False
    """No peer has anything like it."""

    @property
    def says(self) -> str:
        """What it does, in a sentence or two."""
        return " ".join((self.run.__doc__ or "").split())


AT_EACH_SIZE = (
    Workload("restart", "Start on loaded data", resilience.restart),
    Workload("point", "Point query, never asked before", reading.point),
    Workload("repeated", "Point query, asked before", reading.repeated),
    Workload("conditional", "Conditional requests (304)", reading.conditional),
    Workload("entity", "Entity as JSON-LD, warm", reading.entity),
    Workload("collections", "Collections: filters and deep pages", reading.collections, alone=True),
    Workload("library", "Query library, never asked before", questions.library),
    Workload("library-repeated", "Query library, asked before", questions.library_repeated),
    Workload("aggregations", "Aggregations over everything", questions.aggregations),
    Workload("memory", "Memory after reading", resilience.memory),
    Workload("runaway", "Queries without end", resilience.runaway, alone=True),
    Workload("publication", "Publication of 100 records", writing.publication, alone=True),
    Workload("readers-beside", "Readers while contributions are published", writing.readers_beside, alone=True),
)
"""Run at each size, on servers that are all up and asked in turns."""
BULK_LOAD = ("bulk-load", "Bulk load with resolving", " ".join((writing.bulk_load.__doc__ or "").split()))
ONCE = {
    "start": ("First start", " ".join((resilience.start.__doc__ or "").split())),
    "validation": ("Validation", " ".join((writing.validation.__doc__ or "").split())),
}
"""Run once, on the packaged data."""
TITLES = {
    BULK_LOAD[0]: BULK_LOAD[1],
    **{workload.name: workload.title for workload in AT_EACH_SIZE},
    **{name: title for name, (title, _) in ONCE.items()},
}
SAYINGS = {
    BULK_LOAD[0]: BULK_LOAD[2],
    **{workload.name: workload.says for workload in AT_EACH_SIZE},
    **{name: says for name, (_, says) in ONCE.items()},
}
NAMES = tuple(TITLES)
