"""Frozen releases of the vocabulary: ``ontology/releases/{version}/``, written once and never changed.

``python -m v4graph.releases`` freezes the version that ``owl:versionInfo`` names: the vocabulary in all syntaxes, the
schemes, the JSON-LD context and the shapes, with a list of hashes that ``v4graph check`` compares.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox

from v4graph import assets, portal
from v4graph.errors import BadRequest
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.namespaces import prefixes
from v4graph.rdf import GRAPH_FORMATS, TURTLE, rdf_format
from v4graph.statements import OWL, RDFS, SKOS

RELEASES = assets.ONTOLOGY / "releases"
SUMS = "SHA256SUMS"
_TEXTS = {f"{RDFS}label", f"{SKOS}prefLabel", f"{SKOS}definition", f"{SKOS}notation"}


def version() -> str:
    """The version of the vocabulary in this checkout."""
    versions = {
        quad.object.value
        for quad in ox.parse(path=str(assets.ONTOLOGY / "v4graph.ttl"))
        if quad.predicate.value == f"{OWL}versionInfo" and isinstance(quad.object, ox.Literal)
    }
    if len(versions) != 1:
        raise BadRequest(f"ontology/v4graph.ttl must have one owl:versionInfo, it has {sorted(versions) or 'none'}.")
    return versions.pop()


def folder_of(name: str, releases: Path = RELEASES) -> Path | None:
    """Where a release lies, or None when there is none of this name."""
    folder = releases / name
    return folder if re.fullmatch(r"\d{1,4}\.\d{1,4}\.\d{1,4}", name) and folder.is_dir() else None


def freeze(releases: Path = RELEASES) -> Path:
    """Write the release of this checkout's version.

    Raises:
        BadRequest: that version was released already, with other content.
    """
    target = releases / version()
    files = dict(_files())
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(files.items()))
    if target.exists():
        if faults(target) or (target / SUMS).read_text("utf-8") != sums:
            raise BadRequest(
                f"{target} is frozen, and what is here differs from it. Raise owl:versionInfo and owl:versionIRI in "
                "ontology/v4graph.ttl, then freeze again."
            )
        return target
    new = releases / f".{target.name}.{os.getpid()}"
    try:
        new.mkdir(parents=True)
        for name, body in files.items():
            (new / name).write_bytes(body)
        (new / SUMS).write_text(sums, encoding="utf-8")
        new.rename(target)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return target


def faults(folder: Path) -> list[str]:
    """What was changed in a release since it was frozen."""
    expected = {}
    for line in (folder / SUMS).read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        expected[name] = digest
    present = {path.name: path for path in folder.iterdir() if path.name != SUMS}
    found = [f"{folder.name}/{name} was added to a frozen release; take it out" for name in present.keys() - expected]
    for name, digest in expected.items():
        if name not in present:
            found.append(f"{folder.name}/{name} is missing; take it back from the history")
        elif hashlib.sha256(present[name].read_bytes()).hexdigest() != digest:
            found.append(
                f"{folder.name}/{name} was changed; take it back from the history and raise the version instead"
            )
    return sorted(found)


def all_faults(releases: Path = RELEASES) -> list[str]:
    """What was changed in any release."""
    folders = sorted(path for path in releases.glob("[0-9]*") if path.is_dir())
    return [fault for folder in folders for fault in faults(folder)]


def regressions(triples: Iterable[ox.Triple], iris: Iris, releases: Path = RELEASES) -> Iterator[str]:
    """What the newest release had and the vocabulary has no longer: terms, concepts, texts in a language."""
    folders = [path for path in releases.glob("[0-9]*") if path.is_dir()]
    if not folders:
        return
    newest = max(folders, key=lambda path: [int(part) for part in path.name.split(".")])
    here = _told(triples)
    there = _told(
        quad.triple
        for name in ("ontology.ttl", "schemes.ttl")
        for quad in ox.parse(iris.rebase((newest / name).read_bytes()), ox.RdfFormat.TURTLE)
    )
    for subject in sorted(there.keys() - here.keys()):
        yield (
            f"{subject} was in release {newest.name}; take it back, with owl:deprecated true and dcterms:isReplacedBy"
        )
    for subject in sorted(there.keys() & here.keys()):
        for property_, language in sorted(there[subject] - here[subject]):
            yield f"{subject} had a {property_}@{language} in release {newest.name}; give it one again"


def _told(triples: Iterable[ox.Triple]) -> dict[str, set[tuple[str, str]]]:
    """The texts of each term and concept, by property and language."""
    found: dict[str, set[tuple[str, str]]] = {}
    for triple in triples:
        if isinstance(triple.subject, ox.NamedNode):
            texts = found.setdefault(triple.subject.value, set())
            if triple.predicate.value in _TEXTS and isinstance(triple.object, ox.Literal):
                texts.add((triple.predicate.value, triple.object.language or ""))
    return found


def _files() -> Iterator[tuple[str, bytes]]:
    iris = Iris(PUBLIC_BASE)
    names = prefixes(iris)
    vocabulary = (assets.ONTOLOGY / "v4graph.ttl").read_bytes()
    yield "ontology.ttl", vocabulary
    triples = _read([assets.ONTOLOGY / "v4graph.ttl"])
    for fmt in GRAPH_FORMATS:
        if fmt is not TURTLE:
            yield f"ontology.{fmt.ending}", ox.serialize(triples, format=rdf_format(fmt), prefixes=names) or b""
    for name, folder in (("schemes", assets.ONTOLOGY / "schemes"), ("shapes", assets.SHAPES)):
        found = _read(sorted(folder.rglob("*.ttl")))
        yield f"{name}.ttl", ox.serialize(found, format=ox.RdfFormat.TURTLE, prefixes=names) or b""
    yield "context.jsonld", portal.CONTEXT.read_bytes()


def _read(paths: list[Path]) -> list[ox.Triple]:
    """The statements of files, in an order that does not depend on how they are written; lists keep their nodes."""
    dataset = ox.Dataset(ox.Quad(*quad.triple) for path in paths for quad in ox.parse(path=str(path)))
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return sorted((quad.triple for quad in dataset), key=str)


def main() -> None:
    """Freeze, and say where."""
    try:
        sys.stdout.write(f"{freeze()}\n")
    except BadRequest as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
