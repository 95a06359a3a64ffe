"""One checker: a process that applies the rules to contributions (``python -m v4graph.checker``).

It reads the rules and opens the snapshot that contributions are seen beside, then gives up network and unbounded
memory; what a contribution does to it, it does to this process only.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection
from typing import Any

import pyoxigraph as ox

from v4graph import litter
from v4graph.iris import Iris
from v4graph.neighbourhood import Neighbourhood
from v4graph.report import Finding, Report
from v4graph.sandbox import confinement
from v4graph.sandbox.frames import BODY, CHUNK, END, FAILED, JOB, OPEN, READY, pack, pack_json, read_frames, write_all
from v4graph.sandbox.frames import DATA as PART
from v4graph.sandbox.reader import hold
from v4graph.shapes import validate

_FIRST = (
    '<{b}id/project/first> <{t}type> <{b}ontology#Project> .',
    '<{b}id/project/first> <{b}ontology#startDate> "soon"^^<http://www.w3.org/2001/XMLSchema#date> .',
    '<{b}id/project/first> <http://www.w3.org/2004/02/skos/core#prefLabel> "<b>"@en .',
    '<{b}id/project/first> <https://schema.org/url> <mailto:nobody> .',
)  # fmt: skip
"""A contribution with faults: what is done on first use is done before the process is confined."""


class Checker:
    """The rules and the snapshot."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Open what the parent told."""
        self._iris = Iris(told["base"])
        self._derived = told["derived"]
        self._lock: int | None = None
        self.turn(told)
        rdf_ns = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        self.check([line.format(b=self._iris.base, t=rdf_ns) for line in _FIRST], None)

    def turn(self, told: dict[str, Any]) -> None:
        """Open another snapshot in place of the one before, which may then be pruned."""
        lock = hold(told["lock"]) if told["path"] else None
        self._store = ox.Store.read_only(told["path"]) if told["path"] else ox.Store()
        if self._lock is not None:
            os.close(self._lock)
        self._lock = lock

    def check(
        self,
        lines: list[str],
        source: str | None,
        subjects: Collection[str] | None = None,
        departed: Collection[str] = (),
    ) -> Report:
        """The report on a contribution, beside what the snapshot says of the things it mentions."""
        around = Neighbourhood(self._store, self._iris, self._derived, source, subjects).of(lines)
        return validate(lines, context=around.lines, own=around.own, iris=self._iris, outside=True, departed=departed)


def _told(finding: Finding) -> list[str | None]:
    return [
        finding.shape, finding.severity, finding.focus, finding.path, finding.value, finding.suggestion,
        finding.component,
    ]  # fmt: skip


def _answer(fd: int, report: Report) -> None:
    written = json.dumps([_told(finding) for finding in report.findings], ensure_ascii=False).encode()
    for start in range(0, len(written), CHUNK):
        write_all(fd, pack(PART, written[start : start + CHUNK]))
    write_all(fd, pack(END))


def main() -> None:
    """Open, confine, then check contributions one by one until the parent closes its side."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    confinement.die_with_parent(parent)
    os.nice(5)  # who reads comes first
    checker: Checker | None = None
    job: dict[str, Any] = {}
    for kind, payload in read_frames(fd):
        try:
            if kind == OPEN:
                told = json.loads(payload)
                if checker is not None:  # confined, it may still read files
                    checker.turn(told)
                    write_all(fd, pack_json(READY, {}))
                    continue
                confinement.many_files()
                confinement.no_core_dumps()
                checker = Checker(told)
                litter.keep()
                sealed = confinement.no_network()
                memory = confinement.cap_memory(told["memory"])
                write_all(fd, pack_json(READY, {"seccomp": sealed, "memory": memory}))
            elif kind == JOB:
                job = json.loads(payload)
            elif kind == BODY and checker is not None:
                lines = payload.decode().split("\n") if payload else []
                _answer(fd, checker.check(lines, job["source"], job["subjects"], job["departed"]))
        except MemoryError:
            os.abort()
        except Exception as error:  # whatever the validator raises is told to the parent
            write_all(fd, pack_json(FAILED, [type(error).__name__, str(error)[:4000]]))


if __name__ == "__main__":
    main()
