"""A mirror: a read-only copy of another instance, kept by following its change feed.

Everything is checked before it is taken: each entry by the hash of its record, each content by its hash, and after
each entry the hash of the whole public state (``Ledger.append`` refuses another one). What is fetched lies below the
address the operator gave, never where a page says. A mirror that was interrupted goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from v4graph import changes, differences, rdf
from v4graph.errors import BadRequest, FetchFailed, LedgerBroken, NotAllowed
from v4graph.fetch import client_for, fetch
from v4graph.iris import Iris
from v4graph.ledger import EMPTY, PROJECTED, Append, Entry, Ledger
from v4graph.rdf import N_TRIPLES
from v4graph.workspace import Workspace

_MB = 1 << 20
_AT_ONCE = 32 * _MB
"""Bytes of content that are held before they are written."""
_PAGE_MB = 16


@dataclass(frozen=True, slots=True)
class Followed:
    """What a mirror took, the last entry of the origin it has now, and the hash of the public state."""

    taken: int
    last: int
    state: str


@dataclass(slots=True)
class _Batch:
    """Entries that were checked and wait to be written, with the contents they leave behind."""

    appends: list[Append] = field(default_factory=list)
    contents: dict[str, list[str]] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    size: int = 0


async def follow(
    workspace: Workspace, address: str, *, private: bool = False, tell: Callable[[str], None] = lambda _: None
) -> Followed:
    """Take over what the instance at an address has published since the last time.

    Raises:
        FetchFailed: it cannot be reached, or what it sends is not what its hashes say; nothing of that is taken.
        NotAllowed: this home holds data of its own.
    """
    async with client_for(private=private) as client:
        return await _Follower(workspace, f"{address.rstrip('/')}/", client, tell).follow()


class _Follower:
    def __init__(
        self, workspace: Workspace, address: str, client: httpx.AsyncClient, tell: Callable[[str], None]
    ) -> None:
        self._workspace = workspace
        self._address = address
        self._client = client
        self._tell = tell
        self._iris: Iris = workspace.iris
        self._taken = 0

    async def follow(self) -> Followed:
        await self._entrance()
        with self._workspace.ledger() as ledger:
            last, digest = _origin(ledger, self._workspace)
            try:
                page = changes.page_of(last) if last else 1
                while True:
                    self._tell(f"reading page {page}")
                    last, digest, more = await self._page(ledger, page, last, digest)
                    if not more:
                        break
                    page += 1
            finally:
                if self._taken:  # also what was taken before something went wrong
                    self._tell("projecting the store")
                    self._workspace.heal()
            return Followed(self._taken, last, ledger.state())

    async def _entrance(self) -> None:
        path = "changes"
        node = f"<{changes.stream_iri(self._iris)}> "
        if not any(line.startswith(node) for line in await self._lines(path)):
            raise FetchFailed(
                f"{self._address}{path} is no change feed of {self._iris.base}. A mirror has the base IRI of its "
                "origin: set V4GRAPH_BASE_IRI to it."
            )

    async def _page(self, ledger: Ledger, page: int, last: int, digest: str) -> tuple[int, str, bool]:
        """Take one page; returns the last entry, its hash, and whether there are more pages."""
        where = f"changes/{page}"
        try:
            members = changes.read_members(rdf.parse_lines(await self._lines(where)), page, self._iris)
        except BadRequest as error:
            raise FetchFailed(f"{self._address}{where}: {error.detail}") from error
        known = next((entry for entry in members.entries if entry.number == last), None)
        if last and changes.page_of(last) == page and (known is None or known.hash != digest):
            raise FetchFailed(
                f"{self._address}{where} does not know entry {last} as it was taken before: the history there was "
                "changed, or this is another instance. Start a new mirror in an empty home."
            )
        batch = _Batch()
        for entry in members.entries:
            if entry.number <= last:
                continue
            lines = await self._content(ledger, batch, entry)
            _add(ledger, batch, entry, lines)
            last, digest = entry.number, entry.hash
            if batch.size > _AT_ONCE:
                self._write(batch, where)
                batch = _Batch()
        self._write(batch, where)
        return last, digest, members.next_page

    def _write(self, batch: _Batch, where: str) -> None:
        if not batch.appends:
            return
        with self._workspace.writing() as ledger:
            try:
                ledger.append(batch.appends)
            except LedgerBroken as error:
                raise FetchFailed(
                    f"{self._address}{where} does not lead to the state whose hash it names. {error.detail}"
                ) from error
        self._taken += len(batch.appends)

    async def _content(self, ledger: Ledger, batch: _Batch, entry: Entry) -> list[str]:
        """The content of an entry: known already, or by the difference to the one before, or whole."""
        assert entry.content is not None
        if entry.content == EMPTY:
            return []
        if entry.content in batch.contents:
            return batch.contents[entry.content]
        if ledger.triples([entry.content]):
            return ledger.lines(entry.content)
        before = _before(ledger, batch, entry)
        address = changes.patch_address(entry, self._iris) if before else None
        path = self._iris.path(address or changes.content_address(entry, self._iris)) or ""
        body = await self._get(path)
        if address is None:
            lines = _checked(body, f"{self._address}{path}")
        else:
            try:
                added, removed = differences.read_patch(body.decode(), self._iris.graph(entry.source))
            except ValueError as error:
                raise FetchFailed(f"{self._address}{path}: {error}.") from error
            lines = sorted((set(before) - set(removed)) | set(added))
        if rdf.sha256(lines) != entry.content:
            raise FetchFailed(f"{self._address}{path} is not the content whose hash the feed names.")
        return lines

    async def _lines(self, path: str) -> list[str]:
        return _checked(await self._get(path, largest=_PAGE_MB * _MB), f"{self._address}{path}")

    async def _get(self, path: str, *, largest: int | None = None) -> bytes:
        settings = self._workspace.settings
        accept = f"{N_TRIPLES.media_type}, application/rdf-patch"
        found = await fetch(
            f"{self._address}{path}",
            client=self._client,
            headers={"Accept": accept},
            largest=largest or settings.result_mb * _MB,
            seconds=settings.upload_seconds,
        )
        if found.status != 200:
            raise FetchFailed(f"{found.url} answers {found.status}.")
        return found.body


def _origin(ledger: Ledger, workspace: Workspace) -> tuple[int, str]:
    """The last entry of the origin that was taken, and its hash."""
    head = ledger.head(PROJECTED)
    if head is None:
        return 0, ""
    origin = head.detail.get("origin")
    if not isinstance(origin, dict):
        raise NotAllowed(f"{workspace.home} holds data of its own. A mirror needs a home of its own, empty at first.")
    return int(origin["entry"]), str(origin["hash"])


def _checked(body: bytes, where: str) -> list[str]:
    """The lines of canonical N-Triples; nothing else is let through to a parser or a store."""
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError as error:
        raise FetchFailed(f"{where} is not UTF-8.") from error
    if lines.pop() or not all(map(differences.is_statement, lines)):
        number = next(
            (n for n, line in enumerate(lines, start=1) if not differences.is_statement(line)), len(lines) + 1
        )
        raise FetchFailed(f"{where}, line {number}, is no statement in N-Triples.")
    return lines


def _before(ledger: Ledger, batch: _Batch, entry: Entry) -> list[str]:
    """What the source said before an entry, if it is the revision just before."""
    if entry.kind != "revision" or entry.revision == 1:
        return []
    if entry.source in batch.current:
        return batch.contents[batch.current[entry.source]]
    current = ledger.current("revision", entry.source)
    return ledger.lines(current.content) if current and current.revision == (entry.revision or 0) - 1 else []


def _add(ledger: Ledger, batch: _Batch, entry: Entry, lines: list[str]) -> None:
    """Put an entry among those that wait."""
    detail = {**entry.detail, "origin": {"entry": entry.number, "hash": entry.hash}}
    attached: dict[str, list[str]] = {}
    if entry.kind == "revision":
        found = differences.between(_before(ledger, batch, entry), lines)
        attached = {"added": list(found.added), "removed": list(found.removed)}
        batch.current[entry.source] = entry.content or EMPTY
        batch.contents[entry.content or EMPTY] = lines
    batch.appends.append(
        Append(entry.kind, entry.source, entry.actor, lines, entry.revision, detail, attached, time=entry.time)
    )
    batch.size += sum(map(len, lines))
