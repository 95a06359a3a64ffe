"""The data of a run, in the home of an instance and as files for its peers.

    python -m benchmarks.dataset HOME SOURCES

publishes a folder of N-Triples files, one per source, into a home that holds the packaged data, and prints the
seconds and the peak of memory: everything from reading the files to the snapshot that readers open, without the rules.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from benchmarks import generate
from v4graph import actors, litter
from v4graph.actors import COMMAND_LINE
from v4graph.contributions import Contribution, record
from v4graph.ledger import Append
from v4graph.settings import Settings
from v4graph.sources import describe
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

PARTNER, PAGE = "bench", "bench-page"
"""The partner who publishes while it is measured, and its source: empty at first, rank C."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What all servers hold: its size, and where its files are. Those of the peers are there after ``export``."""

    folder: Path
    asked: int
    blocks: int

    @property
    def organisations(self) -> int:
        """How many organisations there are, numbered from 0."""
        return self.blocks * generate.ORGANISATIONS_PER_BLOCK

    @property
    def sources(self) -> Path:
        """One N-Triples file per source: what is loaded."""
        return self.folder / "sources"

    @property
    def nquads(self) -> Path:
        """The whole store of an instance as N-Quads: what other quad stores load."""
        return self.folder / "store.nq"

    @property
    def default_graph(self) -> Path:
        """Its default graph as N-Triples: for who has no place for graphs."""
        return self.folder / "default.nt"

    @property
    def named_graphs(self) -> Path:
        """Its named graphs as N-Quads: for who has no default graph."""
        return self.folder / "named.nq"


def write_sources(folder: Path, quads: int, *, blocks: int | None = None) -> Dataset:
    """Generate what the sources say, for a store of about so many quads."""
    made = Dataset(folder, quads, blocks or generate.blocks_for(quads))
    made.sources.mkdir(parents=True)
    with ExitStack() as stack:
        files = {
            generate.source(number): stack.enter_context(
                open(made.sources / f"{generate.source(number)}.nt", "w", encoding="utf-8")
            )
            for number in range(generate.SOURCES)
        }
        for source, line in generate.statements(made.blocks):
            files[source].write(f"{line}\n")
    return made


def packaged_home(home: Path) -> None:
    """A home with the packaged data, and the sources that generated data will come from."""
    Workspace(Settings(home=home)).load()
    register_sources(home)


def register_sources(home: Path) -> None:
    """Make the sources of generated data known, and the partner who owns them."""
    workspace = Workspace(Settings(home=home))
    described: list[Append] = []
    with workspace.writing() as ledger:
        partner = actors.add_partner(ledger, PARTNER, "Benchmark")
        slugs = [generate.source(number) for number in range(generate.SOURCES)]
        for number, slug in enumerate([*slugs, PAGE]):
            rank = "c" if slug == PAGE else generate.RANKS[number % len(generate.RANKS)]
            described.append(describe(slug, f"Source {slug}", rank, partner, workspace.iris).entry(COMMAND_LINE.name))
        ledger.append(described)
    workspace.heal()


def new_token(home: Path) -> str:
    """A token that may publish."""
    with Workspace(Settings(home=home)).writing() as ledger:
        return actors.add_token(ledger, PARTNER, ("submit", "publish"))[1]


def publish(home: Path, folder: Path) -> float:
    """Publish a folder of sources: ledger, resolving, store, snapshot. Returns the seconds."""
    workspace = Workspace(Settings(home=home))
    began = time.perf_counter()
    with workspace.writing() as ledger:
        for path in sorted(folder.glob("*.nt")):
            lines = path.read_text(encoding="utf-8").splitlines()
            record(ledger, [Contribution(path.stem, tuple(sorted(set(lines))))])
    workspace.rebuild()
    return time.perf_counter() - began


def export(made: Dataset, home: Path, *, wanted: bool = True) -> int:
    """Write the store of a home into the files that peers load, where there are any; returns its quads."""
    snapshot = current(home)
    assert snapshot is not None
    store = ox.Store.read_only(str(snapshot.path))
    if not wanted:
        return len(store)
    store.dump(str(made.nquads), format=ox.RdfFormat.N_QUADS)
    store.dump(str(made.default_graph), format=ox.RdfFormat.N_TRIPLES, from_graph=ox.DefaultGraph())
    with open(made.named_graphs, "wb") as file:
        for graph in store.named_graphs():
            triples = store.dump(format=ox.RdfFormat.N_TRIPLES, from_graph=graph)
            assert triples is not None
            name = f" {graph} .\n".encode()
            file.writelines(line[:-3] + name for line in triples.splitlines(keepends=True))
    return len(store)


if __name__ == "__main__":
    litter.leave()  # as the command line does
    seconds = publish(Path(sys.argv[1]), Path(sys.argv[2]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mb": peak}) + "\n")
