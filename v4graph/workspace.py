"""The only place that connects: settings, IRIs, ledger, store and sandbox become what the commands and the web use."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from v4graph import contributions, derivation, packaged, projection, proposals, rdf, sources
from v4graph.actors import CURATOR
from v4graph.contributions import Contribution, Published
from v4graph.errors import BadRequest, LedgerBroken, StoreDamaged, StoreError
from v4graph.ledger import PROJECTED, Entry, Ledger
from v4graph.lifecycle import TRIES, Lifecycle, Outcome
from v4graph.neighbourhood import Neighbourhood
from v4graph.report import Report
from v4graph.shapes import validate
from v4graph.store import sqlite
from v4graph.store.embedded import Snapshot, current
from v4graph.store.faults import store_faults

__all__ = ["TRIES", "Loaded", "Outcome", "Tell", "Workspace"]

Tell = Callable[[str], None]


def _silent(_: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load published, source by source, and the snapshot readers see now."""

    published: list[Published]
    report: Report
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Workspace(Lifecycle):
    """One instance of v4graph: a home with a ledger and a store."""

    def load(self, paths: Sequence[Path] = (), *, source: str | None = None, tell: Tell = _silent) -> Loaded:
        """Publish files: the packaged data, a folder with a manifest, or single files, as the curator.

        A file is the whole new content of the source named like it (or ``source``). All or nothing.
        """
        files = [f for path in paths for f in packaged.files_of(path, source)] if paths else packaged.packaged_files()
        tell(f"reading {len(files)} files")
        graphs = packaged.read_files(files, self.settings, self.iris)
        manifest = graphs.pop(packaged.MANIFEST, ())
        with self.writing() as ledger:
            proposals.refuse_copy(ledger)
            schemes = graphs.get("schemes") or self._said(ledger, "schemes")
            orders = sources.rank_orders(schemes, self.iris)
            described = sources.descriptions(manifest, orders, self.iris)
            submitted = [Contribution(s, lines, _names(files, s)) for s, lines in sorted(graphs.items())]
            known = ledger.latest("revision")
            fresh = [c for c in submitted if _is_new(c, known)]
            report = Report(())
            data = [c for c in fresh if c.source not in projection.VOCABULARY]
            if data:
                tell(f"checking {len(data)} contributions")
                lines = {line for contribution in data for line in contribution.lines}
                report = validate(lines, context=self._context(data, graphs), iris=self.iris)
                contributions.refuse(report)
            published = contributions.record(ledger, submitted, described, checked_with=contributions.rules_version())
            snapshot = projection.project(ledger, self.home, self.iris, tell=tell)
        return Loaded(published, report, snapshot)

    def validate(self, path: Path) -> Report:
        """What the rules say of a file, beside what is published; nothing is changed."""
        [(source, lines)] = packaged.read_files([(path.stem, path)], self.settings, self.iris, one_graph=True).items()
        if current(self.home) is not None:
            with self.ledger() as ledger:
                found = self._verdict(ledger, CURATOR, source, proposals.Concern(lines)).report
            return found or Report((), self.iris.base)
        vocabulary = {line for said in self._vocabulary().values() for line in said}
        return validate(lines, context=vocabulary, iris=self.iris)

    def publish(self, submitted: Sequence[Contribution]) -> Loaded:
        """Publish what the curator read and checked; when this returns it is in the ledger for good."""
        with self.writing() as ledger:
            proposals.refuse_copy(ledger)
            published = contributions.record(ledger, submitted)
            return Loaded(published, Report(()), projection.project(ledger, self.home, self.iris))

    def rebuild(self, tell: Tell = _silent) -> Snapshot:
        """Build the store anew from the ledger."""
        with self.writing() as ledger:
            return projection.project(ledger, self.home, self.iris, anew=True, tell=tell)

    def heal(self, tell: Tell = _silent) -> Snapshot | None:
        """Bring the store up to the ledger after whatever happened; None when nothing was ever published."""
        with self.writing() as ledger:
            known = ledger.current("revision", projection.VOCABULARY[0])
            return projection.project(ledger, self.home, self.iris, tell=tell) if known else None

    def backup(self, target: Path) -> None:
        """Write one file from which ``restore`` makes this instance again; works while somebody publishes."""
        with tempfile.TemporaryDirectory() as folder, self.ledger() as ledger:
            copy = Path(folder) / "ledger.sqlite"
            ledger.backup_to(copy)
            with tarfile.open(target, "w:gz") as archive:
                archive.add(copy, arcname="ledger.sqlite")

    def restore(self, archive: Path, tell: Tell = _silent) -> Snapshot:
        """Make an empty home from a backup; the ledger is verified and the store built from it."""
        for name in ("ledger.sqlite", "ledger.sqlite-wal"):
            if (self.home / name).exists():
                raise BadRequest(f"{self.home} holds a ledger already ({name}); restore goes into an empty home.")
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with tarfile.open(archive, "r:gz") as packed, tempfile.TemporaryDirectory(dir=self.home) as folder:
                copy = Path(folder) / "ledger.sqlite"
                inside = packed.extractfile("ledger.sqlite")
                if inside is None:
                    raise KeyError("ledger.sqlite is no file")
                with inside, open(copy, "wb") as file:
                    shutil.copyfileobj(inside, file)
                restored = Ledger(f"sqlite:///{copy}")
                restored.verify()
                restored.close()
                shutil.move(copy, self.home / "ledger.sqlite")
        except LedgerBroken as error:
            raise BadRequest(f"{archive} is damaged: the ledger in it is not sound. Restore another backup.") from error
        except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError) as error:
            raise BadRequest(f"{archive} is no backup of v4graph ({error}).") from error
        return self.rebuild(tell)

    def quads(self) -> list[str]:
        """The store as sorted N-Quads lines: what its hash is made of."""
        snapshot = current(self.home)
        if snapshot is None:
            if (self.home / sqlite.FILE).exists():
                with self.ledger() as ledger:
                    if ledger.head(PROJECTED) is not None:
                        raise StoreDamaged("The note store/CURRENT is lost. Run “v4graph rebuild”: nothing else is.")
            return []
        with store_faults(self.home):
            dumped = ox.Store.read_only(str(snapshot.path)).dump(format=ox.RdfFormat.N_QUADS)
        assert dumped is not None  # it is, when no output is given
        return sorted(dumped.decode().split("\n")[:-1])

    def hash(self) -> str:
        """The canonical hash of the store: SHA-256 of its sorted, skolemised N-Quads."""
        return rdf.sha256(self.quads())

    def check(self) -> list[str]:
        """Check that the ledger's chain holds and the store is what the ledger says; returns what was seen."""
        self.refuse_lost()
        with self.ledger() as ledger:
            entries = ledger.verify()
            if not entries:
                return ["ledger: empty, nothing was published yet"]
            with tempfile.TemporaryDirectory() as folder:
                projection.project(ledger, Path(folder), self.iris)
                again = Workspace(self.settings.model_copy(update={"home": Path(folder)}))
                expected = again.hash()
        if expected != self.hash():
            raise StoreError("The store is not what the ledger says; run “v4graph rebuild”.")
        rules = len(derivation.load_rules(self.iris))
        return [f"ledger: {entries} entries, chain intact", f"store: {expected} = ledger, {rules} rules"]

    def _vocabulary(self) -> dict[str, tuple[str, ...]]:
        files = [pair for pair in packaged.packaged_files() if pair[0] in projection.VOCABULARY]
        return packaged.read_files(files, self.settings, self.iris)

    def _said(self, ledger: Ledger, source: str) -> list[str]:
        entry = ledger.latest("revision").get(source)
        return ledger.lines(entry.content) if entry else []

    def _context(self, data: Sequence[Contribution], submitted: dict[str, tuple[str, ...]]) -> set[str]:
        """What contributions are validated beside: what comes with them, and what is said about things they mention.

        Costs as much as the contributions mention, not as much as the graph holds.
        """
        besides = {contribution.source for contribution in data}
        lines = {line for source, said in submitted.items() if source not in besides for line in said}
        snapshot = current(self.home)
        if snapshot is not None:  # which holds the vocabulary, too
            store = ox.Store.read_only(str(snapshot.path))
            own = data[0].source if len(data) == 1 else None
            beside = Neighbourhood(store, self.iris, derivation.derived_properties(self.iris), own)
            lines |= beside.of(line for contribution in data for line in contribution.lines).lines
        return lines


def _is_new(contribution: Contribution, known: dict[str, Entry]) -> bool:
    before = known.get(contribution.source)
    return before is None or before.content != rdf.sha256(contribution.lines)


def _names(files: Sequence[tuple[str, Path]], source: str) -> str:
    return ", ".join(path.name for slug, path in files if slug == source)
