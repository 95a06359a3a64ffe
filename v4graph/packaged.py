"""Reading files: the packaged data, a folder with a manifest of its sources, or single files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from v4graph import assets, rdf
from v4graph.errors import BadRequest, MalformedData
from v4graph.iris import Iris
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.settings import Settings

MANIFEST = "sources"
"""The stem of the file that describes the sources."""


def packaged_files() -> list[tuple[str, Path]]:
    """The files of the packaged vocabulary and data, as pairs of source slug and path."""
    ontology = [("ontology", assets.ONTOLOGY / "v4graph.ttl"), ("ontology", assets.ONTOLOGY / "prefixes.ttl")]
    schemes = [("schemes", path) for path in sorted((assets.ONTOLOGY / "schemes").glob("*.ttl"))]
    return [*ontology, *schemes, *files_of(assets.DATA, None)]


def files_of(path: Path, source: str | None) -> list[tuple[str, Path]]:
    """The files of a folder, or one file, each with the source it is named like (or ``source``)."""
    if path.is_dir():
        return [(file.stem, file) for file in sorted(path.rglob("*.ttl"))]
    return [(source or path.stem, path)]


def read_files(
    files: Sequence[tuple[str, Path]], settings: Settings, iris: Iris, *, one_graph: bool = False
) -> dict[str, tuple[str, ...]]:
    """Parse RDF files in the sandbox, by source; several files of one source are read as one graph.

    Args:
        files: pairs of source slug and path; the file ending tells the syntax.
        settings: time and memory that the sandbox allows.
        iris: the base of this instance.
        one_graph: a file may name a graph, as long as all its statements are in it.

    Raises:
        MalformedData: with every file that cannot be read, and where.
    """
    documents = []
    for source, path in files:
        content, fmt = read_file(path)
        documents.append(
            Document(iris.rebase(content), fmt, iris.genid(source, ""), name=str(path), one_graph=one_graph)
        )
    graphs: dict[str, set[str]] = {}
    problems: list[str] = []
    for (source, _), parsed in zip(files, parse_documents(documents, settings), strict=True):
        if isinstance(parsed, Parsed):
            graphs.setdefault(source, set()).update(parsed.lines)
        else:
            problems.append(parsed.detail)
    if problems:
        raise MalformedData("\n".join(problems))
    return {source: tuple(sorted(lines)) for source, lines in graphs.items()}


def read_file(path: Path) -> tuple[bytes, rdf.Format]:
    """The bytes of a file and the syntax its ending tells.

    Raises:
        BadRequest: there is no such file, or no such syntax.
    """
    fmt = rdf.format_of_ending(path.suffix)
    if fmt is None:
        endings = ", ".join(f".{f.ending}" for f in rdf.RDF_FORMATS)
        raise BadRequest(f"{path}: the file ending tells the syntax and must be one of {endings}.")
    try:
        return path.read_bytes(), fmt
    except OSError as error:
        raise BadRequest(f"{path}: cannot be read ({error.strerror}).") from error
