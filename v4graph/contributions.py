"""Contributions: what somebody submits for one source's graph, and how it becomes a revision.

Many contributions can be published together: many revisions, one transaction of the ledger, one snapshot. Content
that says nothing new makes no revision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from v4graph import rdf
from v4graph.errors import BadRequest, InvalidContribution, MalformedData, UnknownGraph
from v4graph.iris import Iris
from v4graph.ledger import Append, Ledger
from v4graph.report import Report
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.settings import Settings
from v4graph.shapes import validate

CURATOR = "curator"
"""The actor who owns and publishes the packaged data."""
MANIFEST = "sources"
"""The stem of the file that describes the sources."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """The whole new content of one source's graph, as canonical N-Triples lines."""

    source: str
    lines: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """A source as the manifest describes it: rank 1 (best) … 5, owner, and all statements about it."""

    source: str
    lines: tuple[str, ...]
    rank: int
    owner: str


@dataclass(frozen=True, slots=True)
class Published:
    """What became of one contribution; ``revision`` is None when nothing was new."""

    source: str
    revision: int | None
    triples: int
    added: int
    removed: int


def read_files(
    files: Sequence[tuple[str, Path]], settings: Settings, iris: Iris, *, one_graph: bool = False
) -> dict[str, tuple[str, ...]]:
    """Parse RDF files in the sandbox, by source; several files of one source are read as one graph.

    Args:
        files: pairs of source slug and path; the file ending tells the syntax.
        one_graph: a file may name a graph, as long as all its statements are in it.

    Raises:
        InvalidContribution: with every file that cannot be read, and where.
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


def descriptions(manifest: Iterable[str], rank_orders: dict[str, int], iris: Iris) -> list[Description]:
    """The sources a manifest describes; ``rank_orders`` gives the order of each rank concept (IRI)."""
    about: dict[str, list[str]] = {}
    for line in manifest:
        about.setdefault(line.split(" ", 1)[0], []).append(line)
    rank, owner = f"<{iris.term('rank')}>", f"<{iris.term('owner')}>"
    found = []
    for subject, lines in sorted(about.items()):
        said = {p: o for _, p, o in map(rdf.split_line, lines)}
        if not subject.startswith(f"<{iris.graph('')}") or said.get(rank, "")[1:-1] not in rank_orders:
            raise BadRequest(f"The manifest describes {subject} without a rank of the scheme source-rank.")
        source = iris.source(subject[1:-1])
        found.append(Description(source, tuple(sorted(lines)), rank_orders[said[rank][1:-1]], said[owner].strip('"')))
    return found


def rank_orders(schemes: Iterable[str], iris: Iris) -> dict[str, int]:
    """The order of every source rank, from the schemes' statements."""
    order = f"<{iris.term('rankOrder')}>"
    triples = (rdf.split_line(line) for line in schemes)
    return {s[1:-1]: int(o.split('"')[1]) for s, p, o in triples if p == order}


def check(contributions: Sequence[Contribution], context: Iterable[str], iris: Iris) -> Report:
    """Validate contributions in context: together, beside what they refer to."""
    lines = {line for contribution in contributions for line in contribution.lines}
    return validate(lines, context=context, iris=iris)


def record(
    ledger: Ledger,
    contributions: Sequence[Contribution],
    described: Sequence[Description] = (),
    *,
    actor: str = CURATOR,
) -> list[Published]:
    """Write sources, contributions and their revisions into the ledger, in one transaction: the commit point.

    To be called within ``publishing``; the store follows by ``projection.project``.

    Raises:
        UnknownGraph: a contribution names a source that nobody registered.
    """
    sources, revisions = ledger.latest("source"), ledger.latest("revision")
    appends: list[Append] = []
    for about in described:
        known = sources.get(about.source)
        if known is None or known.content != rdf.sha256(about.lines):
            detail = {"rank": about.rank, "owner": about.owner}
            appends.append(Append("source", about.source, actor, about.lines, detail=detail))
    registered = sources.keys() | {about.source for about in described}
    head = ledger.head()
    number = (head.number if head else 0) + len(appends)
    published: list[Published] = []
    for contribution in contributions:
        if contribution.source not in registered:
            raise UnknownGraph(f"There is no source “{contribution.source}”; describe it in the manifest of sources.")
        before = revisions.get(contribution.source)
        if before is not None and before.content == rdf.sha256(contribution.lines):
            published.append(Published(contribution.source, None, len(contribution.lines), 0, 0))
            continue
        old = set(ledger.lines(before.content)) if before else set()
        new = set(contribution.lines)
        revision = (before.revision or 0) + 1 if before else 1
        detail = {"name": contribution.name}
        appends.append(Append("contribution", contribution.source, actor, contribution.lines, detail=detail))
        number += 1
        because = {"contribution": number}
        appends.append(Append("revision", contribution.source, actor, contribution.lines, revision, because))
        number += 1
        published.append(Published(contribution.source, revision, len(new), len(new - old), len(old - new)))
    if appends:
        ledger.append(appends)
    return published


def refuse(report: Report) -> None:
    """Raise when a report blocks publication."""
    if report.blocks:
        raise InvalidContribution("The contribution breaks the rules; nothing was published.", report=report)
