"""Harvesting: sources whose partners publish on their own site, fetched politely and contributed like anybody else's.

The operator registers an address for a source: an RDF document, a page with JSON-LD in it, or a SPARQL endpoint with
a CONSTRUCT. What comes back goes through ``Workspace.submit`` as the partner's own actor ``{partner}/harvest``; it is
published only where that was registered, else it waits for a review. What cannot be fetched or read changes nothing:
the last good revision stays, and ``harvest/{source}.json`` tells how old it is and what went wrong.
"""

from __future__ import annotations

import asyncio
import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from SPARQLWrapper import SPARQLWrapper

from v4graph import portal, rdf
from v4graph.actors import Actor, find_partner
from v4graph.errors import BadRequest, FetchFailed, MalformedData, NotAllowed, NotFound, UnknownGraph, V4GraphError
from v4graph.fetch import AGENT, Fetched, fetch
from v4graph.iris import Iris
from v4graph.ledger import Append, Ledger
from v4graph.rdf import JSON_LD, RDF_FORMATS, Format
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.settings import Settings
from v4graph.sources import RESERVED, owner_of
from v4graph.store.embedded import write_atomically
from v4graph.workspace import Outcome, Workspace

SECONDS = 60.0
"""Within which a document must be here, redirects included."""
PAUSE = 1.0
"""Seconds between two documents of one host, unless its ``robots.txt`` wants more."""
LONGEST_PAUSE = 30.0
_ROBOTS_BYTES = 512 * 1024
_LONGEST_GET = 1500
"""A CONSTRUCT longer than this is sent by POST."""
_HTML = ("text/html", "application/xhtml+xml")
_VAGUE = ("text/plain", "application/octet-stream", "application/json", "application/xml", "text/xml", "")
"""Media types that say less than the ending of the address."""
_ACCEPT = ", ".join([f.media_type for f in RDF_FORMATS] + ["text/html;q=0.5", "*/*;q=0.1"])
_TIME = "%Y-%m-%dT%H:%M:%SZ"

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Registered:
    """Where a source is harvested from; ``construct`` makes the address that of a SPARQL endpoint."""

    source: str
    address: str
    construct: str = ""
    publish: bool = False
    private: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How harvesting a source went the last times; empty where it never happened. ``news``: the last time published."""

    tried: str = ""
    news: bool = False
    fetched: str = ""
    changed: str = ""
    error: str = ""
    failures: int = 0
    contribution: int | None = None
    state: str = ""
    etag: str = ""
    modified: str = ""
    body: str = ""


# --- what is registered -------------------------------------------------------------------------------------------


def register(workspace: Workspace, new: Registered, actor: str) -> Registered:
    """Register where a source is harvested from, or that it is no more.

    Raises:
        UnknownGraph: nobody described the source.
        BadRequest: the address or the query cannot be used.
    """
    parts = urlsplit(new.address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or len(new.address) > 2000:
        raise BadRequest("The address to harvest from starts with http:// or https:// and holds no password.")
    if new.construct and _endpoint(new).queryType != "CONSTRUCT":
        raise BadRequest("From an endpoint, statements are harvested by a CONSTRUCT query.")
    with workspace.writing() as ledger:
        if owner_of(ledger, new.source) is None or new.source in RESERVED:
            raise UnknownGraph(f"There is no source “{new.source}” that could be harvested.")
        detail = {name: value for name, value in asdict(new).items() if name != "source"}
        ledger.append([Append("harvest", new.source, actor, detail=detail)])
    return new


def registered(ledger: Ledger) -> list[Registered]:
    """The sources that are harvested."""
    found = [Registered(source, **entry.detail) for source, entry in sorted(ledger.latest("harvest").items())]
    return [one for one in found if not one.stopped]


def status_of(home: Path, source: str) -> Status:
    """How harvesting a source went."""
    try:
        return Status(**json.loads(_file(home, source).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Status()


def _keep(home: Path, source: str, status: Status) -> Status:
    file = _file(home, source)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(asdict(status), indent=1, ensure_ascii=False).encode())
    return status


def _file(home: Path, source: str) -> Path:
    return home / "harvest" / f"{source}.json"


# --- fetched and contributed --------------------------------------------------------------------------------------


def harvest(
    workspace: Workspace, source: str | None = None, *, anew: bool = False, tell: Tell = lambda _: None
) -> list[tuple[str, Status]]:
    """Harvest a source, or all; what goes wrong with one is in its status and stops no other.

    With ``anew``, also what has not changed since the last time is fetched and submitted.

    Raises:
        NotFound: the source is not harvested.
    """
    with workspace.ledger() as ledger:
        wanted = [one for one in registered(ledger) if source in (None, one.source)]
    if source is not None and not wanted:
        raise NotFound(f"“{source}” is not harvested. Register an address with “v4graph source harvest-from”.")
    hosts = _Hosts()
    return [(one.source, _harvested(workspace, one, hosts, anew, tell)) for one in wanted]


def _harvested(workspace: Workspace, one: Registered, hosts: _Hosts, anew: bool, tell: Tell) -> Status:
    home = workspace.home
    before = status_of(home, one.source)
    now = datetime.now(UTC).strftime(_TIME)
    try:
        tell(f"asking {one.address}")
        answer = asyncio.run(_fetched(one, Status() if anew else before, hosts, workspace.settings))
        status = replace(before, tried=now, fetched=now, news=False, error="", failures=0)
        body = _hash(one, answer)
        if answer.status == 304 or (body == before.body and not anew):
            return _keep(home, one.source, status)
        tell(f"reading {one.source}")
        outcome = _contributed(workspace, one, answer)
        record = outcome.contribution
        news = bool(outcome.published and outcome.published.revision)
        status = replace(
            status,
            news=news,
            changed=now if news else status.changed,
            contribution=record.number if record else status.contribution,
            state=record.state if record else status.state,
            etag=answer.headers.get("etag", ""),
            modified=answer.headers.get("last-modified", ""),
            body=body,
        )
        return _keep(home, one.source, status)
    except V4GraphError as error:
        return _keep(home, one.source, replace(before, tried=now, error=error.detail, failures=before.failures + 1))


def _hash(one: Registered, answer: Fetched) -> str:
    """What the outcome depends on: the same bytes read in another way are not the same."""
    told = f"{one.address}\n{one.construct}\n{one.publish}\n{answer.media_type}\n".encode()
    return hashlib.sha256(told + answer.body).hexdigest()


def _contributed(workspace: Workspace, one: Registered, answer: Fetched) -> Outcome:
    """Submit what was fetched; what cannot be read is submitted, too, so that its owner sees why."""
    with workspace.ledger() as ledger:
        owner = owner_of(ledger, one.source) or ""
        if find_partner(ledger, owner).disabled:
            raise NotAllowed(f"The partner “{owner}” is disabled.")
        current = ledger.current("revision", one.source)
        said = set(ledger.lines(current.content)) if current else set()
    scopes = frozenset({"submit", "publish"} if one.publish else {"submit"})
    actor = Actor(f"{owner}/harvest", owner, scopes)
    told: dict[str, Any] = {
        "name": answer.url,
        "media_type": answer.media_type,
        "payload": answer.body,
        "note": f"Harvested from {one.address}",
        "confirmed": one.publish,
        "more": {"address": answer.url},
    }
    try:
        lines = _read(answer, one.source, workspace.settings, workspace.iris)
    except MalformedData as error:
        outcome = workspace.submit(actor, one.source, None, problem=error.problem(workspace.iris.base), **told)
        number = outcome.contribution.number if outcome.contribution else 0
        raise MalformedData(f"{error.detail} (contribution {number})") from error
    if set(lines) == said:
        return Outcome(None, None, None, None)
    return workspace.submit(actor, one.source, lines, **told)


# --- over the wire ------------------------------------------------------------------------------------------------


class _Hosts:
    """What the hosts of one round want: their ``robots.txt``, and a pause between two documents."""

    def __init__(self) -> None:
        self._robots: dict[str, RobotFileParser] = {}
        self._asked: dict[str, float] = {}

    async def admit(self, url: str, *, private: bool) -> None:
        """Wait for the host's turn.

        Raises:
            NotAllowed: its ``robots.txt`` excludes the address.
        """
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        if root not in self._robots:
            self._robots[root] = await _robots(root, private=private)
        robots = self._robots[root]
        if not robots.can_fetch(AGENT, url):
            raise NotAllowed(f"{root}/robots.txt excludes {url} for {AGENT}.")
        loop = asyncio.get_running_loop()
        pause = min(float(robots.crawl_delay(AGENT) or PAUSE), LONGEST_PAUSE)
        if root in self._asked:
            await asyncio.sleep(max(0.0, self._asked[root] + pause - loop.time()))
        self._asked[root] = loop.time()


async def _robots(root: str, *, private: bool) -> RobotFileParser:
    """What a host allows (RFC 9309): everything when it says nothing, nothing when it cannot be asked."""
    answer = await fetch(f"{root}/robots.txt", private=private, largest=_ROBOTS_BYTES, seconds=SECONDS / 3)
    if answer.status >= 500:
        raise FetchFailed(f"{root}/robots.txt answers {answer.status}, so nothing is fetched from there now.")
    robots = RobotFileParser()
    robots.parse(answer.body.decode("utf-8", "replace").splitlines() if answer.status == 200 else [])
    return robots


async def _fetched(one: Registered, before: Status, hosts: _Hosts, settings: Settings) -> Fetched:
    conditions = {"If-None-Match": before.etag, "If-Modified-Since": before.modified}
    headers = {"Accept": _ACCEPT, **{name: value for name, value in conditions.items() if value}}
    url, content = one.address, None
    if one.construct:
        request = _endpoint(one)._createRequest()
        url, content = request.full_url, request.data
        headers |= {k: v for k, v in request.header_items() if k.lower() in ("accept", "content-type")}

    async def before_each(address: str) -> None:
        # An endpoint answers the partner's own query; robots.txt is about crawling pages.
        if not one.construct:
            await hosts.admit(address, private=one.private)

    answer = await fetch(
        url,
        private=one.private,
        headers=headers,
        content=content,
        before=before_each,
        largest=settings.upload_mb << 20,
        seconds=SECONDS,
    )
    if answer.status not in (200, 304):
        raise FetchFailed(f"{answer.url} answers {answer.status}.")
    return answer


def _endpoint(one: Registered) -> Any:
    """The request that SPARQLWrapper makes of the query; it is sent by ``fetch``, with its limits."""
    wrapper = SPARQLWrapper(one.address)
    wrapper.setQuery(one.construct)
    wrapper.setMethod("GET" if len(one.construct) < _LONGEST_GET else "POST")
    wrapper.setReturnFormat("turtle")
    return wrapper


# --- what it says -------------------------------------------------------------------------------------------------


def _read(answer: Fetched, source: str, settings: Settings, iris: Iris) -> tuple[str, ...]:
    """The statements of a document, or of the JSON-LD in a page.

    Raises:
        FetchFailed: there are none; an empty graph is a withdrawal, and nobody withdraws by accident.
        MalformedData: it cannot be read.
    """
    if answer.media_type in _HTML:
        text = answer.body.decode(_charset(answer), "replace")
        blocks = [(JSON_LD, block.encode()) for block in json_ld_blocks(text)]
        if not blocks:
            raise FetchFailed(f"{answer.url} is a page without JSON-LD (script type=application/ld+json).")
    else:
        blocks = [(_format_of(answer), answer.body)]
    documents = []
    for number, (fmt, body) in enumerate(blocks, start=1):
        name = answer.url if len(blocks) == 1 else f"{answer.url}, block {number}"
        known = with_known_context(body, iris) if fmt is JSON_LD else body
        documents.append(Document(known, fmt, iris.genid(source, ""), answer.url, name=name, one_graph=True))
    lines: set[str] = set()
    for parsed in parse_documents(documents, settings):
        if not isinstance(parsed, Parsed):
            raise parsed
        lines.update(parsed.lines)
    if not lines:
        raise FetchFailed(f"{answer.url} holds no statements.")
    return tuple(sorted(lines))


def _format_of(answer: Fetched) -> Format:
    fmt = rdf.format_of_media_type(answer.media_type)
    if fmt is None and answer.media_type in _VAGUE:
        fmt = rdf.format_of_ending(PurePosixPath(urlsplit(answer.url).path).suffix)
        fmt = fmt or (JSON_LD if answer.media_type == "application/json" else None)
    if fmt is None:
        raise FetchFailed(
            f"{answer.url} is {answer.media_type or 'of no media type'}, which is neither RDF nor a page."
        )
    return fmt


def _charset(answer: Fetched) -> str:
    found = re.search(r'charset="?([\w-]+)', answer.headers.get("content-type", ""), re.IGNORECASE)
    try:
        return codecs.lookup(found[1]).name if found else "utf-8"
    except LookupError:
        return "utf-8"


_OPENING = re.compile(r"<(?:!--|script\b)", re.IGNORECASE)
_CLOSING = re.compile(r"</script\b", re.IGNORECASE)
_TYPE = re.compile(r"""\btype\s*=\s*["']?application/ld\+json\b""", re.IGNORECASE)


def json_ld_blocks(html: str) -> Iterator[str]:
    """The JSON-LD in a page (JSON-LD 1.1 §7); comments are passed over. Takes linear time whatever the page is."""
    place = 0
    while (found := _OPENING.search(html, place)) is not None:
        if found[0] == "<!--":
            end = html.find("-->", found.end())
            if end < 0:
                return
            place = end + 3
            continue
        begin = html.find(">", found.end()) + 1
        closing = _CLOSING.search(html, begin) if begin else None
        if closing is None:
            return
        if _TYPE.search(html, found.end(), begin):
            yield html[begin : closing.start()]
        place = closing.end()


def with_known_context(body: bytes, iris: Iris) -> bytes:
    """JSON-LD with our own context put in where it is named; no other is known, and none is fetched."""
    named = re.compile(rb'("@context"\s*:\s*)"' + re.escape(iris.context.encode()) + rb'"')
    if not named.search(body):
        return body
    context = json.dumps(json.loads(portal.context_bytes(iris))["@context"]).encode()
    return named.sub(lambda found: found[1] + context, body)
