"""Everything as files: N-Quads, TriG and one N-Triples file per named graph, sorted, gzip, with their hashes.

``python -m v4graph.dumps`` is the child that makes them, so that a large graph is sorted outside the server. Sorting
is external: memory does not grow with the graph. A folder is written whole and then renamed, so nobody sees half.
The same dataset gives the same bytes.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import heapq
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any

import pyoxigraph as ox

from v4graph.catalogue import dump_name
from v4graph.iris import Iris
from v4graph.store.embedded import Snapshot

RUN = 200_000
"""Lines sorted at a time in memory."""
INDEX = "index.json"
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Dump:
    """One file: what it holds and how to know that it arrived whole."""

    name: str
    media_type: str
    bytes: int
    sha256: str
    statements: int
    graph: str | None = None


def folder_of(home: Path, token: str) -> Path:
    """Where the files of a snapshot are, once they are made."""
    return home / "dumps" / hashlib.sha256(token.encode()).hexdigest()[:32]


def read_index(home: Path, token: str) -> dict[str, Any] | None:
    """What was made of a snapshot, or None when nothing was yet."""
    try:
        told: dict[str, Any] = json.loads((folder_of(home, token) / INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return told


def make(snapshot: Snapshot, home: Path, iris: Iris) -> Path:
    """Make the files of a snapshot, and remove those of others."""
    target = folder_of(home, snapshot.token)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as made, open(snapshot.lock, "a+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            folder = Path(made) / "files"
            folder.mkdir()
            found = _write(ox.Store.read_only(str(snapshot.path)), folder, Path(made), iris)
            told = {"snapshot": snapshot.number, "created": snapshot.created, "files": [asdict(dump) for dump in found]}
            (folder / INDEX).write_text(json.dumps(told, indent=2), encoding="utf-8")
            (folder / SUMS).write_text("".join(f"{d.sha256}  {d.name}\n" for d in found), encoding="utf-8")
            _place(folder, target)
    for other in target.parent.iterdir():
        if other != target and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)
    return target


def _place(folder: Path, target: Path) -> None:
    for path in folder.iterdir():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    try:
        os.rename(folder, target)
    except OSError:
        if not target.exists():  # else another process was quicker, with the same bytes
            raise


def _write(store: ox.Store, folder: Path, work: Path, iris: Iris) -> list[Dump]:
    raw = work / "dumped"
    store.dump(raw, format=ox.RdfFormat.N_QUADS)
    with _Gzip(folder / "v4graph.nq.gz", "application/n-quads") as quads, open(raw, "rb") as file:
        quads.write_all(_sorted(file, work))
    made: list[Dump] = []
    with _Gzip(folder / "v4graph.trig.gz", "application/trig") as trig, open(raw, "rb") as file:
        by_graph = (line.split(b"\0", 1) for line in _sorted((_graph_first(line) for line in file), work))
        for graph, pairs in groupby(by_graph, key=lambda pair: pair[0].decode()):
            lines = (line for _, line in pairs)
            if not graph:
                trig.write_all(lines)
                continue
            trig.write(f"{graph} {{\n".encode())
            name = dump_name(graph[1:-1], iris)
            if name is None:
                trig.write_all(lines)
            else:
                with _Gzip(folder / name, "application/n-triples", graph[1:-1]) as triples:
                    trig.write_all(triples.passing(lines))
                made.append(triples.dump)
            trig.write(b"}\n")
    return [quads.dump, trig.dump, *made]


def _graph_first(line: bytes) -> bytes:
    """An N-Quads line as its graph (nothing for the default graph), a NUL, and the N-Triples line."""
    quote = line.rfind(b'"')  # only a text has them, and spaces; after its last one, spaces are between terms
    parts = line[max(quote, 0) :].split(b" ")
    named = len(parts) == (5 if quote < 0 else 3)
    if not named:
        return b"\0" + line
    graph = parts[-2]
    return graph + b"\0" + line[: -len(graph) - 3] + b".\n"


def _sorted(unsorted: Iterable[bytes], work: Path) -> Iterator[bytes]:
    """The distinct lines in the order of their bytes; sorted runs on disk, then merged."""
    lines = iter(unsorted)
    with ExitStack() as stack:
        runs: list[Iterable[bytes]] = []
        while some := list(islice(lines, RUN)):
            run: IO[bytes] = stack.enter_context(tempfile.TemporaryFile(dir=work))
            run.writelines(sorted(some))
            run.seek(0)
            runs.append(run)
        before = b""
        for line in heapq.merge(*runs):
            if line != before:
                yield line
            before = line


class _Gzip:
    """A compressed file that counts its lines and its hash while it is written."""

    def __init__(self, path: Path, media_type: str, graph: str | None = None) -> None:
        self._path, self._media_type, self._graph = path, media_type, graph
        self._lines = 0

    def __enter__(self) -> _Gzip:
        self._raw = open(self._path, "wb")
        # No name and no time in the header: they would make the bytes differ.
        packed = gzip.GzipFile(filename="", fileobj=self._raw, mode="wb", compresslevel=6, mtime=0)
        self._file = io.BufferedWriter(packed, 1 << 18)
        return self

    def write(self, text: bytes) -> None:
        self._file.write(text)

    def write_all(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._file.write(line)
            self._lines += 1

    def passing(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Write lines and hand them on."""
        for line in lines:
            self.write_all((line,))
            yield line

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._raw.close()

    @property
    def dump(self) -> Dump:
        """The finished file."""
        with open(self._path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = self._path.stat().st_size
        return Dump(self._path.name, self._media_type, size, digest, self._lines, self._graph)


def main(home: str, base: str, number: str, path: str, token: str, created: str) -> None:
    """Make the files of one snapshot."""
    make(Snapshot(int(number), Path(path), token, created), Path(home), Iris(base))


if __name__ == "__main__":
    main(*sys.argv[1:])
