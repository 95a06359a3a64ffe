"""The change feed: the public entries of the ledger as a Linked Data Event Stream, page by page, and as Atom.

Page k holds what the ledger's entries (k-1)·100+1 … k·100 say in public, so a page is settled once the ledger is past
it. Every member carries what its entry says in public, the hash of the content and the hash of the whole public state
after it: a mirror can prove that it is equal. (LDES: https://w3id.org/ldes/specification; TREE:
https://w3id.org/tree/specification; Atom: RFC 4287.)
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pyoxigraph as ox

from v4graph.errors import BadRequest, NotFound
from v4graph.iris import Iris
from v4graph.ledger import PROJECTED, Entry, Ledger
from v4graph.provenance import PROV, revision_iri
from v4graph.statements import DCTERMS, RDF, SKOS, TYPE

SIZE = 100
"""Entries of the ledger on a page."""
LDES = "https://w3id.org/ldes#"
TREE = "https://w3id.org/tree#"
DCAT = "http://www.w3.org/ns/dcat#"
PREFIXES = {"dcat": DCAT, "dcterms": DCTERMS, "ldes": LDES, "prov": PROV, "rdf": RDF, "skos": SKOS, "tree": TREE}
_XSD = "http://www.w3.org/2001/XMLSchema#"
_ATOM = "http://www.w3.org/2005/Atom"
_LISTED = 10
"""The last pages that the entrance names one by one; from the first, each page leads to the next."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the feed; ``ends`` is the time of its last entry, public or not, once the page is full."""

    number: int
    entries: tuple[Entry, ...]
    ends: str | None

    @property
    def full(self) -> bool:
        """Whether nothing will ever be added to it."""
        return self.ends is not None


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where a reader of the feed starts: the first page and the last ones with their first times, and the state."""

    pages: tuple[tuple[int, str], ...]
    head: Entry
    state: str


def page_of(entry: int) -> int:
    """The number of the page an entry of the ledger is on."""
    return (entry - 1) // SIZE + 1


def read_page(ledger: Ledger, number: int) -> Page:
    """A page of the feed.

    Raises:
        NotFound: the ledger has not come that far.
    """
    last = ledger.entry(number * SIZE)
    head = ledger.head() if last is None else last
    if number < 1 or head is None or head.number < (number - 1) * SIZE:
        raise NotFound(f"The change feed has no page {number} yet.")
    entries = ledger.entries(after=(number - 1) * SIZE, until=number * SIZE, kind=PROJECTED)
    return Page(number, tuple(entries), last.time if last else None)


def read_entrance(ledger: Ledger) -> Entrance:
    """The entrance of the feed; raises NotFound while nothing was published."""
    head, public = ledger.head(), ledger.head(PROJECTED)
    if head is None or public is None:
        raise NotFound("Nothing was published yet.")
    newest = page_of(head.number)
    numbers = {1, *range(max(1, newest - _LISTED + 1), newest + 1)}
    firsts = ledger.entries_of([(n - 1) * SIZE + 1 for n in numbers])
    listed = tuple((page_of(number), firsts[number].time) for number in sorted(firsts))
    return Entrance(listed, public, public.detail.get("state") or ledger.state())


def newest(ledger: Ledger, limit: int) -> list[Entry]:
    """The last public entries, newest first."""
    return ledger.entries(kind=PROJECTED, limit=limit, backwards=True)


# --- what a member says -------------------------------------------------------------------------------------------


_TOLD = {
    "added": str, "checked_with": str, "contribution": int, "mode": str, "note": str, "owner": str, "rank": int,
    "removed": str, "reviewer": str, "state": str, "to": int,
}  # fmt: skip
"""What of an entry's detail is public, and of which type."""
_ACTORS = ("reviewer",)
_TEXTS = ("note", "owner")
_NAME = re.compile(r"[A-Za-z0-9._:/@+-]*")


def record(entry: Entry) -> str:
    """What an entry says in public, as one text; who acts for a partner is left out."""
    detail = {name: entry.detail[name] for name in _TOLD if entry.detail.get(name) is not None}
    detail |= {name: public_actor(detail[name]) for name in _ACTORS if name in detail}
    said = [entry.number, entry.time, entry.kind, entry.source, public_actor(entry.actor), entry.revision]
    return json.dumps([*said, entry.content, detail, entry.hash], ensure_ascii=False, sort_keys=True)


def record_hash(text: str) -> str:
    """The hash of a record, by which a reader sees that it came whole."""
    return hashlib.sha256(text.encode()).hexdigest()


def public_actor(actor: str) -> str:
    """The partner an actor acts for; which of its tokens was used is its own business."""
    return actor.partition("/")[0]


def read_record(text: str, digest: str) -> Entry:
    """The entry of a record, as far as it is public; nothing is known of what came before it.

    Raises:
        BadRequest: the text is no record, or not the one with this hash.
    """
    try:
        number, time, kind, source, actor, revision, content, detail, own = json.loads(text)
        # Source, actor and the like become parts of IRIs of the reader: nothing may break out of the angle brackets.
        names = [source, actor, *(value for name, value in detail.items() if name not in _TEXTS)]
        plain = all(_NAME.fullmatch(x) for x in (time, own, *names) if isinstance(x, str)) and "/" not in source
        typed = all(type(value) is _TOLD[name] for name, value in detail.items())
        typed = typed and all(isinstance(x, str) for x in (time, source, actor, content, own)) and type(number) is int
        of_kind = kind == "source" and revision is None and type(detail.get("rank", 1)) is int
        of_kind |= kind == "revision" and type(revision) is int and "contribution" in detail
        intact = bool(source) and plain and typed and of_kind and record_hash(text) == digest
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRequest(f"What should be an entry of a ledger is none ({error}).") from error
    if not intact:
        raise BadRequest(f"The entry {number} of the feed is not the one whose hash is given with it.")
    return Entry(number, time, kind, source, actor, revision, content, detail, "", own)


def member_iri(entry: Entry, iris: Iris) -> str:
    """The IRI of what an entry says: a revision of a graph, or a description of a source."""
    if entry.kind == "revision" and entry.revision is not None:
        return revision_iri(entry.source, entry.revision, iris)
    return f"{iris.graph(entry.source)}/description/{entry.number}"


def content_address(entry: Entry, iris: Iris) -> str:
    """Where the whole content of an entry is, as canonical N-Triples."""
    return f"{member_iri(entry, iris)}?format=nt"


def patch_address(entry: Entry, iris: Iris) -> str | None:
    """Where the difference of a revision to the one before it is, as RDF Patch."""
    if entry.kind != "revision" or entry.revision is None:
        return None
    return f"{iris.graph(entry.source)}/compare/{entry.revision - 1}/{entry.revision}?format=patch"


def stream_iri(iris: Iris) -> str:
    """The IRI of the event stream; its pages stand below ``{base}changes``."""
    return f"{iris.base}changes#stream"


def page_triples(page: Page, iris: Iris) -> list[ox.Triple]:
    """A page: the stream, its members here, and the way to the next page."""
    node, stream = f"{iris.base}changes/{page.number}", stream_iri(iris)
    triples = _stream(iris)
    triples += [_triple(node, TYPE, f"{TREE}Node"), _triple(stream, f"{TREE}view", f"{iris.base}changes")]
    if page.ends is not None:
        triples += _relation(f"{node}#next", node, page.ends, f"{iris.base}changes/{page.number + 1}")
    triples += [_triple(stream, f"{TREE}member", member_iri(entry, iris)) for entry in page.entries]
    for entry in page.entries:
        triples += member_triples(entry, iris)
    return triples


def entrance_triples(entrance: Entrance, iris: Iris) -> list[ox.Triple]:
    """The root of the view: which pages there are, and the state a reader ends with."""
    node, stream = f"{iris.base}changes", stream_iri(iris)
    triples = _stream(iris)
    triples += [
        _triple(stream, f"{TREE}view", node),
        _triple(stream, iris.term("ledgerEntry"), _integer(entrance.head.number)),
        _triple(stream, iris.term("stateHash"), ox.Literal(entrance.state)),
        _triple(node, TYPE, f"{TREE}Node"),
    ]
    for number, starts in entrance.pages:
        triples += _relation(f"{node}#page-{number}", node, starts, f"{iris.base}changes/{number}")
    return triples


def member_triples(entry: Entry, iris: Iris) -> list[ox.Triple]:
    """What the feed says of an entry."""
    member, detail, text = member_iri(entry, iris), entry.detail, record(entry)
    said: list[tuple[str, str | ox.Literal]] = [
        (TYPE, iris.term("Revision" if entry.kind == "revision" else "SourceDescription")),
        (f"{DCTERMS}isVersionOf", iris.graph(entry.source)),
        (f"{PROV}generatedAtTime", _time(entry.time)),
        (f"{PROV}wasAttributedTo", iris.thing("actor", public_actor(entry.actor))),
        (f"{DCAT}downloadURL", content_address(entry, iris)),
        (iris.term("ledgerEntry"), _integer(entry.number)),
        (iris.term("ledgerHash"), ox.Literal(entry.hash)),
        (iris.term("ledgerRecord"), ox.Literal(text, datatype=ox.NamedNode(f"{RDF}JSON"))),
        (iris.term("recordHash"), ox.Literal(record_hash(text))),
    ]
    patch = patch_address(entry, iris)
    for name, value in (("contentHash", entry.content), ("stateHash", detail.get("state"))):
        said += [(iris.term(name), ox.Literal(value))] if value else []
    said += [(iris.term("revisionNumber"), _integer(entry.revision))] if entry.revision is not None else []
    said += [(iris.term("patch"), patch)] if patch else []
    said += [(f"{SKOS}changeNote", ox.Literal(detail["note"]))] if detail.get("note") else []
    return [_triple(member, property_, value) for property_, value in said]


def _stream(iris: Iris) -> list[ox.Triple]:
    stream = stream_iri(iris)
    return [
        _triple(stream, TYPE, f"{LDES}EventStream"),
        _triple(stream, f"{DCTERMS}title", ox.Literal("What changed in v4graph", language="en")),
        _triple(stream, f"{LDES}timestampPath", f"{PROV}generatedAtTime"),
        _triple(stream, f"{LDES}versionOfPath", f"{DCTERMS}isVersionOf"),
    ]


def _relation(relation: str, node: str, value: str, target: str) -> list[ox.Triple]:
    return [
        _triple(node, f"{TREE}relation", relation),
        _triple(relation, TYPE, f"{TREE}GreaterThanOrEqualToRelation"),
        _triple(relation, f"{TREE}path", f"{PROV}generatedAtTime"),
        _triple(relation, f"{TREE}value", _time(value)),
        _triple(relation, f"{TREE}node", target),
    ]


def _triple(subject: str, property_: str, value: str | ox.Literal) -> ox.Triple:
    return ox.Triple(_node(subject), _node(property_), _node(value) if isinstance(value, str) else value)


@lru_cache(maxsize=4096)
def _node(iri: str) -> ox.NamedNode:
    return ox.NamedNode(iri)


def _integer(value: int) -> ox.Literal:
    return ox.Literal(str(value), datatype=ox.NamedNode(f"{_XSD}integer"))


def _time(value: str) -> ox.Literal:
    return ox.Literal(value, datatype=ox.NamedNode(f"{_XSD}dateTime"))


# --- Atom ---------------------------------------------------------------------------------------------------------


def headline(entry: Entry, names: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """What happened, in a line: ``KETGATE partners: revision 3 (+5 −2)``."""
    name = names.get(entry.source, entry.source)
    if entry.kind != "revision":
        return f"{name}: described"
    added, removed = (sizes.get(entry.detail.get(key, "")) for key in ("added", "removed"))
    counts = f" (+{added} −{removed})" if added is not None and removed is not None else ""
    mode = entry.detail.get("mode")
    what = f", {mode}" if mode in ("rollback", "withdrawal") else ""
    return f"{name}: revision {entry.revision}{what}{counts}"


def atom(entries: Iterable[Entry], iris: Iris, names: Mapping[str, str], sizes: Mapping[str, int]) -> bytes:
    """The newest entries as an Atom feed; ``names``: of sources, ``sizes``: of contents."""
    entries = list(entries)
    feed = ElementTree.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _text(feed, "id", f"{iris.base}changes")
    _text(feed, "title", "What changed in v4graph")
    _text(feed, "updated", max((entry.time for entry in entries), default="1970-01-01T00:00:00Z"))
    _link(feed, "self", f"{iris.base}changes.atom", "application/atom+xml")
    _link(feed, "alternate", f"{iris.base}changes", "text/html")
    for entry in entries:
        element = ElementTree.SubElement(feed, "entry")
        iri = member_iri(entry, iris)
        _text(element, "id", iri)
        _text(element, "title", headline(entry, names, sizes))
        _text(element, "updated", entry.time)
        _text(ElementTree.SubElement(element, "author"), "name", public_actor(entry.actor))
        _link(element, "alternate", iri, "text/html")
        patch = patch_address(entry, iris)
        if patch:
            _link(element, "related", patch, "application/rdf-patch")
        _text(element, "summary", str(entry.detail.get("note") or headline(entry, names, sizes)))
    body: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return body


_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = _NOT_XML.sub("\ufffd", text)


def _link(parent: ElementTree.Element, relation: str, address: str, media_type: str) -> None:
    ElementTree.SubElement(parent, "link", {"rel": relation, "href": address, "type": media_type})


# --- read back ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Members:
    """What a page of somebody's feed says: its entries in order, and whether there is a next page."""

    entries: tuple[Entry, ...]
    next_page: bool


def read_members(triples: Iterable[ox.Triple], number: int, iris: Iris) -> Members:
    """The members of a page of another instance's feed.

    Raises:
        BadRequest: it is no such page, or a member is not the one whose hash it carries.
    """
    said: dict[str, dict[str, Any]] = {}
    for triple in triples:
        about = said.setdefault(getattr(triple.subject, "value", ""), {})
        about.setdefault(triple.predicate.value, []).append(getattr(triple.object, "value", ""))
    node = f"{iris.base}changes/{number}"
    stream = said.get(stream_iri(iris), {})
    if f"{TREE}Node" not in said.get(node, {}).get(TYPE, ()) or f"{TREE}view" not in stream:
        raise BadRequest(f"This is no page {number} of a change feed under {iris.base}.")
    entries = []
    for member in stream.get(f"{TREE}member", ()):
        about = said.get(member, {})
        texts, hashes = about.get(iris.term("ledgerRecord"), ()), about.get(iris.term("recordHash"), ())
        if len(texts) != 1 or len(hashes) != 1:
            raise BadRequest(f"{member} does not say which entry of the ledger it is.")
        entry = read_record(texts[0], hashes[0])
        if member_iri(entry, iris) != member or page_of(entry.number) != number:
            raise BadRequest(f"{member} is not what its entry is about.")
        entries.append(entry)
    entries.sort(key=lambda entry: entry.number)
    for before, after in pairwise(entries):
        if after.number == before.number or after.time < before.time:
            raise BadRequest(f"Entry {after.number} of the feed does not follow entry {before.number}.")
    return Members(tuple(entries), f"{TREE}relation" in said[node])
