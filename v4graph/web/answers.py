"""Answers that were given before in this snapshot: kept whole, found by the request as it came or by entity tag.

A snapshot never changes, so an answer is a function of snapshot, query, dataset, format and compression; the
strong entity tag is the hash of exactly that. (Not of a query with NOW or RAND in it: its answer
is never kept.) With the next snapshot everything kept is forgotten.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Send

from v4graph.web.negotiation import none_match

LARGEST = 1 << 20
"""The largest body that is kept."""
_ENTRY_BYTES = 1200
"""What an entry costs beside its body, roughly: messages, headers, keys."""
_TAGS = 50_000
_REQUESTS_PER_ANSWER = 8

RequestKey = tuple[str, bytes, bytes, bytes]
"""Path, query string, ``Accept`` and ``Accept-Encoding`` as they came."""
Headers = list[tuple[bytes, bytes]]

_NOT_IN_304 = (b"content-length", b"content-type", b"content-encoding", b"v4graph-result")


def entity_tag(*parts: object) -> str:
    """A strong entity tag: the hash of everything the bytes of an answer depend on."""
    return f'"{hashlib.blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()}"'


def graph_tag(content: str, media_type: str, zipped: bool) -> str:
    """The entity tag of a source's graph, which changes with its own revisions only; ``content`` is their hash."""
    digest = hashlib.sha256(f"{content} {media_type}".encode()).hexdigest()
    return f'"{digest[:32]}{_ZIPPED if zipped else ""}"'


def same_graph(tag: str) -> str:
    """A tag of a graph as it is without compression, which changes nothing of the graph."""
    return tag.strip().removesuffix(f'{_ZIPPED}"').removesuffix('"') + '"'


_ZIPPED = "-gzip"


@dataclass(slots=True)
class Kept:
    """One answer, as the messages that send it."""

    tag: str
    start: dict[str, Any]
    body: dict[str, Any]
    size: int
    requests: list[RequestKey] = field(default_factory=list)
    _heads: dict[int, bytes] = field(default_factory=dict)

    async def send(self, send: Send, if_none_match: str | None, *, head: bool = False) -> None:
        """Send the answer, or 304 when the client has it."""
        start, body = self.messages(if_none_match)
        await send(start)
        await send(_NO_BODY if head else body)

    def messages(self, if_none_match: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is sent: the answer, or 304."""
        if self._is_had(if_none_match):
            return unchanged(self.start["headers"]), _NO_BODY
        return self.start, self.body

    def written(self, if_none_match: str | None) -> tuple[int, bytes, bytes]:
        """Status, headers and body as HTTP/1.1 writes them, without what a server adds to every answer."""
        same = self._is_had(if_none_match)
        status = 304 if same else 200
        head = self._heads.get(status)
        if head is None:
            headers = (unchanged(self.start["headers"]) if same else self.start)["headers"]
            head = self._heads[status] = b"".join(b"%b: %b\r\n" % (name.lower(), value) for name, value in headers)
        return status, head, b"" if same else self.body["body"]

    def _is_had(self, if_none_match: str | None) -> bool:
        """Whether the client has it."""
        return if_none_match is not None and (if_none_match == self.tag or none_match(if_none_match, self.tag))


_NO_BODY = {"type": "http.response.body", "body": b"", "more_body": False}


def unchanged(headers: Headers) -> dict[str, Any]:
    """The start of a 304 for an answer with these headers (RFC 9110 §15.4.5)."""
    return {
        "type": "http.response.start",
        "status": 304,
        "headers": [(name, value) for name, value in headers if name not in _NOT_IN_304],
    }


class Answers:
    """Bounded memory of answers, the least recently used leaving first."""

    def __init__(self, megabytes: int) -> None:
        """Start empty; ``megabytes`` bounds bodies, keys and their administration together."""
        self._limit = megabytes << 20
        self.size = 0
        self.hits = self.misses = 0
        self._token = ""
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._by_request: dict[RequestKey, Kept] = {}
        self._good_tags: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def turn(self, token: str) -> None:
        """Forget everything when the snapshot is another one."""
        if token != self._token:
            self._token = token
            self.size = 0
            self._kept.clear()
            self._by_request.clear()
            self._good_tags.clear()

    def repeated(self, request: RequestKey, token: str) -> Kept | None:
        """The answer to exactly this request."""
        if token != self._token:
            return None
        kept = self._by_request.get(request)
        if kept is not None:
            self.hits += 1
            self._kept.move_to_end(kept.tag)
        return kept

    def find(self, tag: str, request: RequestKey | None = None) -> Kept | None:
        """The answer with this tag; the request is remembered as another way to ask for it."""
        kept = self._kept.get(tag)
        if kept is None:
            self.misses += 1
        else:
            self.hits += 1
            self._kept.move_to_end(tag)
            self._remember(kept, request)
        return kept

    def is_good(self, tag: str) -> bool:
        """Whether a valid answer was given under this tag."""
        return tag in self._good_tags

    def vouch(self, tag: str, token: str) -> None:
        """Remember that a complete and valid answer was given under this tag."""
        if token == self._token:
            self._good_tags[tag] = None
            if len(self._good_tags) > _TAGS:
                self._good_tags.popitem(last=False)

    def keep(self, tag: str, token: str, headers: Headers, body: bytes, request: RequestKey | None) -> None:
        """Keep a complete answer, unless it is too large or of a snapshot that is gone."""
        size = len(body) + _ENTRY_BYTES
        if token != self._token or len(body) > LARGEST or size > self._limit or tag in self._kept:
            return
        kept = Kept(
            tag,
            {"type": "http.response.start", "status": 200, "headers": headers},
            {"type": "http.response.body", "body": body, "more_body": False},
            size,
        )
        self._kept[tag] = kept
        self.size += size
        self._remember(kept, request)
        while self.size > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self.size -= oldest.size
            for known in oldest.requests:
                self._by_request.pop(known, None)

    def _remember(self, kept: Kept, request: RequestKey | None) -> None:
        if request is None or request in self._by_request or len(kept.requests) >= _REQUESTS_PER_ANSWER:
            return
        kept.requests.append(request)
        self._by_request[request] = kept
        size = sum(map(len, request))
        kept.size += size
        self.size += size
