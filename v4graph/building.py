"""The store built anew from the ledger: everything is written into two files, which the engine loads at once.

It loads what sources say while that is resolved and derived from. The rules run in memory, on the statements of the
properties that they read: there they take a fifth of the time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import pyoxigraph as ox

from v4graph import derivation, provenance, rdf
from v4graph.iris import Iris
from v4graph.ledger import EMPTY, Entry, Ledger
from v4graph.resolution import resolve_subject
from v4graph.state import State, state_of

Progress = Callable[[str], None]
Statement = tuple[str, str, str]
"""The subject of a line, the source that says it, and the line."""


def build(
    store: ox.Store,
    ledger: Ledger,
    head: Entry,
    rules: tuple[derivation.Rule, ...],
    fingerprint: str,
    iris: Iris,
    home: Path,
    tell: Progress,
) -> None:
    """Fill an empty store with the state of the ledger as of an entry; files in between lie in the home."""
    state = state_of(ledger, iris, head.number)
    with tempfile.TemporaryDirectory(dir=home, prefix="rebuild-") as folder, ThreadPoolExecutor(1) as beside:
        said, seen, read = (Path(folder) / name for name in ("said.nq", "seen.nq", "read.nt"))
        statements = _write_said(said, ledger, state, iris, tell)
        loading = beside.submit(store.bulk_load, path=str(said), format=ox.RdfFormat.N_QUADS)
        tell("resolving")
        _write(seen, read, derivation.reads(rules), _parts(ledger, head, state, statements, iris))
        del statements  # of ten million quads, these are two gigabytes
        tell("deriving")
        with open(seen, "ab") as file:
            file.writelines(_derived(read, rules, head.time[:10], iris))
        tell("loading the store")
        try:
            loading.result()
        finally:
            del loading  # its error would know this frame, and this frame the error: the store would stay open
        store.bulk_load(path=str(seen), format=ox.RdfFormat.N_QUADS)
    store.optimize()  # a large store is loaded in parts, in files of their own: together, they are read faster
    # The marker comes last: a build that was interrupted has none, and is built again.
    graph = ox.NamedNode(iris.provenance)
    marker = rdf.parse_lines(provenance.marker(head, fingerprint, iris))
    store.extend([ox.Quad(t.subject, t.predicate, t.object, graph) for t in marker])
    store.flush()


def _write_said(quads: Path, ledger: Ledger, state: State, iris: Iris, tell: Progress) -> list[Statement]:
    """Write what sources say, each into its graph. Returns it."""
    said: list[Statement] = []
    with open(quads, "w", encoding="utf-8", newline="\n") as file:
        for source, content in _said(ledger, state.revisions):
            tell(f"reading {source}")
            lines = rdf.normalise(content)
            graph = iris.graph(source)
            file.writelines(f"{line[:-1]}<{graph}> .\n" for line in lines)
            said += ((line.split(" ", 1)[0], source, line) for line in lines)
    return said


def _write(quads: Path, read: Path, properties: frozenset[str], parts: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Write quads, and apart those of the default graph with properties that rules read."""
    with (
        open(quads, "w", encoding="utf-8", newline="\n") as file,
        open(read, "w", encoding="utf-8", newline="\n") as facts,
    ):
        for graph, lines in parts:
            if graph:
                file.writelines(f"{line[:-1]}{graph} .\n" for line in lines)
            else:
                told = [f"{line}\n" for line in lines]
                file.writelines(told)
                facts.writelines(line for line in told if line.split(" ", 2)[1] in properties)


def _derived(read: Path, rules: tuple[derivation.Rule, ...], date: str, iris: Iris) -> Iterator[bytes]:
    """What the rules derive, as lines of N-Quads: in the default graph, and in a graph of its own."""
    store = ox.Store()
    store.bulk_load(path=str(read), format=ox.RdfFormat.N_TRIPLES)
    derivation.derive_all(store, rules, date, iris)
    graph = ox.NamedNode(iris.derived)
    lines = (store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph) or b"").splitlines(keepends=True)
    yield from lines
    name = f" {graph} .\n".encode()
    yield from (line[:-3] + name for line in lines)


def _parts(
    ledger: Ledger, head: Entry, state: State, statements: list[Statement], iris: Iris
) -> Iterator[tuple[str, Iterable[str]]]:
    """Lines by the graph they are in (IRI in angle brackets; "" is the default graph): what follows from what is said,
    but for what is derived.
    """
    disagreements = f"<{iris.disagreements}>"
    statements.sort(key=itemgetter(0))
    for subject, group in groupby(statements, key=itemgetter(0)):
        by_source: dict[str, list[str]] = {}
        for _, source, line in group:
            by_source.setdefault(source, []).append(line)
        resolved = resolve_subject(subject, by_source, state.rules, iris)
        yield "", resolved.lines
        yield disagreements, resolved.disagreements
    revisions = ledger.entries(kind="revision", until=head.number)
    yield f"<{iris.provenance}>", _provenance(ledger, state, revisions, iris)


def _said(ledger: Ledger, entries: Mapping[str, Entry]) -> Iterator[tuple[str, list[str]]]:
    """Sources with the lines of their entries; one content may be that of several."""
    sources: dict[str, list[str]] = {}
    for source, entry in entries.items():
        sources.setdefault(entry.content or EMPTY, []).append(source)
    for content, lines in ledger.lines_of(sources):
        yield from ((source, lines) for source in sources[content])


def _provenance(ledger: Ledger, state: State, revisions: Iterable[Entry], iris: Iris) -> set[str]:
    sizes = ledger.triples()
    lines: set[str] = set()
    for entry in revisions:
        lines |= provenance.of_revision(entry, sizes.get(entry.content or "", 0), iris)
    lines.update(rdf.normalise(line for _, said in _said(ledger, state.descriptions) for line in said))
    for source in state.descriptions:
        lines |= provenance.of_source((), state.revisions.get(source), sizes, iris)
    return lines
