"""Collections: what lists of things there are, by which facts a thing is told in them, and how they are read.

A collection is read whole from one snapshot. Its edition is the hash of what was read, so a list stays the same list
through publications that do not touch it, and a cursor says which edition it belongs to.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

import pyoxigraph as ox

from v4graph.folding import fold, words_of
from v4graph.statements import Term

NUTS = "http://data.europa.eu/nuts/code/"


@dataclass(frozen=True, slots=True)
class Fact:
    """What is told of a thing under one name: a column of a table, an array or value of a JSON object.

    ``property`` leads from the thing to the value. With ``link`` the value is said of a node between them (an award, an
    observation, a partner) that the thing links to, or that links to the thing (``inverse``); without ``property``
    that node is the value. With neither it was counted and stands in no triple. ``extra`` is a second property of the
    node, ``fixed`` what else is true of every such node.
    """

    name: str
    kind: str
    """thing, date, number, text or link."""
    property: str = ""
    link: str = ""
    inverse: bool = False
    extra: str = ""
    fixed: tuple[tuple[str, str], ...] = ()
    many: bool = True
    in_tables: bool = True


@dataclass(frozen=True, slots=True)
class Collection:
    """A list of things: its address, its facts, by what it is narrowed and sorted.

    ``filters`` name facts whose values are things; ``period`` the facts that a span of years is compared with.
    """

    name: str
    facts: tuple[Fact, ...]
    filters: tuple[str, ...]
    sorts: tuple[str, ...]
    period: tuple[str, str] | None = None
    title: str = "skos:prefLabel"

    @property
    def query(self) -> str:
        """The query that reads it."""
        return f"platform/list-{self.name}"

    def fact(self, name: str) -> Fact:
        """The fact of a name."""
        return next(fact for fact in self.facts if fact.name == name)

    @property
    def has_places(self) -> bool:
        """Whether its things can be put on a map."""
        return any(fact.name in PLACES for fact in self.facts)


PLACES = ("seat", "venue", "coordinator", "origin", "associated")
"""Facts that say where something is, the best first."""
_ACRONYM = Fact("acronym", "text", "v4:acronym")
_URL = Fact("url", "link", "schema:url")
_COUNTRY = Fact("country", "thing", "v4:country", many=False)
_REGION = Fact("region", "thing", "v4:seatRegion", many=False)
_SECTOR = Fact("sector", "thing", "v4:inSector")
_FOUNDED = Fact("founded", "date", "v4:foundedOn", many=False)
_DESCRIPTION = Fact("description", "text", "dcterms:description", in_tables=False)
_LABEL = Fact("label", "thing", "v4:awardedLabel", "v4:awardedTo", True, "v4:awardedOn")
_MEMBERS = Fact(
    "members", "number", "v4:value", "v4:refOrganisation", True, "v4:refPeriod",
    (("v4:indicator", "scheme/indicator/member-count"),), False,
)  # fmt: skip
_SEATS = (
    Fact("seat", "thing", "v4:seatPlace", many=False),
    Fact("coordinator", "thing", "v4:coordinatorPlace", in_tables=False),
    Fact("origin", "thing", "v4:originPlace", in_tables=False),
    Fact("associated", "thing", "v4:associatedPlace", in_tables=False),
)
_START = Fact("start", "date", "v4:startDate", many=False)
_END = Fact("end", "date", "v4:endDate", many=False)
_BOUNDS = (
    Fact("earliest_start", "date", "v4:earliestStart", many=False),
    Fact("latest_end", "date", "v4:latestEnd", many=False),
)

COLLECTIONS: dict[str, Collection] = {
    found.name: found
    for found in (
        Collection(
            "clusters",
            (
                _ACRONYM, _COUNTRY, _REGION, *_SEATS, _SECTOR, _FOUNDED, _MEMBERS,
                Fact("stage", "thing", "v4:currentStage", many=False), _LABEL,
                Fact("project", "thing", "", "v4:involves", True), _URL,
            ),
            ("country", "region", "sector", "stage", "label", "project"),
            ("name", "founded", "members", "country"),
            ("founded", "founded"),
        ),
        Collection(
            "projects",
            (
                _ACRONYM, _START, _END, *_BOUNDS, Fact("status", "thing", "v4:projectStatus", many=False),
                Fact("lead", "thing", "v4:leadPartner"), Fact("partner", "thing", "v4:involves"),
                Fact("country", "thing", "v4:country", "v4:involves"), _SECTOR,
                Fact("programme", "thing", "v4:partOfProgramme"), _DESCRIPTION, _URL,
            ),
            ("country", "sector", "status", "programme", "partner"),
            ("name", "start", "end", "partner"),
            ("earliest_start", "latest_end"),
        ),
        Collection(
            "partners",
            (
                _ACRONYM, _COUNTRY, _REGION, *_SEATS, Fact("kind", "thing", "org:classification"), _SECTOR, _FOUNDED,
                Fact("project", "thing", "", "v4:involves", True), Fact("leads", "thing", "", "v4:leadPartner", True),
                _URL,
            ),
            ("country", "region", "kind", "sector", "project"),
            ("name", "project", "country", "founded"),
            ("founded", "founded"),
        ),
        Collection(
            "partnerships",
            (
                _ACRONYM, Fact("class", "thing", "rdf:type"), Fact("kind", "thing", "org:classification"),
                Fact("sector", "thing", "v4:theme"), Fact("member", "thing", "v4:groupsOrganisation"),
                Fact("country", "thing", "v4:country", "v4:groupsOrganisation"),
                Fact("project", "thing", "v4:emergedFrom"), _DESCRIPTION, _URL,
            ),
            ("class", "country", "sector", "project", "member"),
            ("name", "member"),
        ),
        Collection(
            "events",
            (
                _START, _END, *_BOUNDS, Fact("kind", "thing", "v4:eventKind"),
                Fact("venue", "thing", "schema:location"),
                Fact("country", "thing", "v4:country", "schema:location"),
                Fact("project", "thing", "v4:partOfProject"), Fact("host", "thing", "v4:hostedBy"), _SECTOR,
                _DESCRIPTION,
            ),
            ("country", "kind", "project", "sector"),
            ("start", "name"),
            ("earliest_start", "latest_end"),
        ),
        Collection(
            "outputs",
            (
                Fact("class", "thing", "rdf:type"), Fact("kind", "thing", "v4:outputKind"),
                Fact("project", "thing", "v4:producedBy"), Fact("author", "thing", "v4:preparedBy"),
                Fact("issued", "date", "v4:issuedOn", many=False), Fact("covers", "thing", "v4:covers"),
                _DESCRIPTION, _URL,
            ),
            ("kind", "project", "author"),
            ("name", "issued"),
            ("issued", "issued"),
        ),
        Collection(
            "sectors",
            (
                Fact("notation", "text", "skos:notation", in_tables=False), Fact("broader", "thing", "skos:broader"),
                Fact("definition", "text", "skos:definition", in_tables=False),
                Fact("clusters", "number", many=False), Fact("projects", "number", many=False),
            ),
            ("broader",),
            ("name", "clusters", "projects"),
        ),
        Collection(
            "sources",
            (
                Fact("rank", "thing", "v4:rank", many=False), Fact("publisher", "thing", "dcterms:publisher"),
                Fact("publisher_name", "text", "v4:publisherName", in_tables=False),
                Fact("statements", "number", "void:triples", many=False),
                Fact("read", "date", "v4:retrievedOn", many=False), Fact("address", "link", "dcterms:source"),
            ),
            ("rank", "publisher"),
            ("rank", "name", "statements", "read"),
            None,
            "dcterms:title",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A value, the node it is said of where there is one between, and what else that node says."""

    value: Term
    node: str = ""
    extra: Term | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A thing of a collection."""

    iri: str
    names: Mapping[str, str]
    types: tuple[str, ...]
    said: Mapping[str, tuple[Said, ...]]
    text: str
    """Its names, folded, for the search."""

    def values(self, fact: str) -> list[str]:
        """The values of a fact as text, each once."""
        return list(dict.fromkeys(said.value.value for said in self.said.get(fact, ())))


@dataclass(frozen=True, slots=True)
class Content:
    """What a collection holds: an edition of it."""

    collection: Collection
    edition: str
    snapshot: int
    members: tuple[Member, ...]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The names of what the members mention."""
    points: Mapping[str, tuple[Term, Term]] = field(default_factory=dict)
    """Longitude and latitude of places."""
    marks: Mapping[str, int] = field(default_factory=dict, repr=False)
    """Per member, and per thing that members mention, a number for what was read of it."""
    mentions: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    """Per member the things it mentions."""

    def place_of(self, member: Member) -> tuple[str, str, tuple[Term, Term] | None] | None:
        """The best place known: how it is known, which it is, and its coordinates if there are any."""
        found = [(fact, place) for fact in PLACES for place in member.values(fact)]
        placed = [(fact, place, self.points[place]) for fact, place in found if place in self.points]
        return placed[0] if placed else (*found[0], None) if found else None


Rows = Iterable[Mapping[str, Term]]
_OWN = {"name", "alias", "type", "longitude", "latitude"}


def read(
    collection: Collection,
    rows: Iterator[list[Term | None]],
    mentioned: Rows,
    snapshot: int,
    *,
    before: Content | None = None,
    again: Set[str] = frozenset(),
) -> Content:
    """The content of a collection out of rows of thing, what, value, node and extra, and the names of the rest.

    With the content ``before``, the rows are only about the things that were looked at ``again``, as members or as
    things that are mentioned; of all others that content tells.
    """
    told: dict[str, dict[str, set[tuple[Term, Term | None, Term | None]]]] = {}
    marks: dict[str, int] = {}
    said: dict[str, dict[str, None]] = {}
    for thing, what, value, node, extra in rows:
        if thing is None or what is None or value is None:
            continue
        iri = thing.value
        marks[iri] = marks.get(iri, 0) ^ _mark(thing, what, value, node, extra)
        told.setdefault(iri, {}).setdefault(what.value, set()).add((value, node, extra))
        others = said.setdefault(iri, {})
        for term in (value, node):
            if isinstance(term, ox.NamedNode):
                others[term.value] = None
    members = {iri: _member(iri, about) for iri, about in told.items()}
    mentions = {iri: tuple(map(sys.intern, mentioned_in(others))) for iri, others in said.items()}
    names: dict[str, dict[str, str]] = {}
    points: dict[str, dict[str, Term]] = {}
    for row in mentioned:
        iri, value = row["thing"].value, row["value"]
        marks[f"^{iri}"] = marks.get(f"^{iri}", 0) ^ _mark(row["thing"], row["what"], value)
        if row["what"].value in ("longitude", "latitude"):
            points.setdefault(iri, {})[row["what"].value] = value
        else:
            names.setdefault(iri, {})[getattr(value, "language", None) or ""] = value.value
    placed = {place: (p["longitude"], p["latitude"]) for place, p in points.items() if len(p) == 2}
    named: dict[str, Mapping[str, str]] = {iri: dict(sorted(found.items())) for iri, found in names.items()}
    if before is not None:
        members = {m.iri: m for m in before.members if m.iri not in again} | members
        mentions = {iri: others for iri, others in before.mentions.items() if iri not in again} | mentions
        still = {other for others in mentions.values() for other in others}
        known = still - again
        named = {iri: found for iri, found in named.items() if iri in still}
        placed = {iri: point for iri, point in placed.items() if iri in still}
        marks = {iri: mark for iri, mark in marks.items() if iri[0] != "^" or iri[1:] in still}
        named |= {iri: found for iri, found in before.names.items() if iri in known}
        placed |= {iri: point for iri, point in before.points.items() if iri in known}
        for iri, mark in before.marks.items():
            if (iri[1:] in known) if iri[0] == "^" else (iri in members and iri not in again):
                marks[iri] = mark
    digest = 0
    for mark in marks.values():
        digest ^= mark
    edition = hashlib.sha256(f"{collection.name} {digest:x}".encode()).hexdigest()[:16]
    ordered = tuple(members[iri] for iri in sorted(members))
    return Content(collection, edition, snapshot, ordered, named, placed, marks, mentions)


def _mark(*terms: Term | None) -> int:
    """A number for a row, to be combined in any order."""
    told = "\t".join([str(term) for term in terms])
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=16).digest(), "big")


def _member(iri: str, told: Mapping[str, set[tuple[Term, Term | None, Term | None]]]) -> Member:
    named = sorted((getattr(v, "language", None) or "", v.value) for v, _, _ in told.get("name", ()))
    aliases = sorted(v.value for what in ("alias", "acronym") for v, _, _ in told.get(what, ()))
    said = {}
    for what, values in told.items():
        if what not in _OWN:
            order = sorted(values, key=lambda row: (str(row[2] or ""), row[0].value, str(row[1] or "")))
            said[what] = tuple(Said(v, n.value if n is not None else "", e) for v, n, e in order)
    if "members" in said:
        said["members"] = said["members"][-1:]  # the latest count
    texts = [*(name for _, name in named), *aliases, iri.rpartition("/")[2]]
    return Member(
        iri,
        dict(sorted(dict(reversed(named)).items())),
        tuple(sorted(v.value for v, _, _ in told.get("type", ()))),
        said,
        "\n".join(" ".join(words_of(x)) or fold(x) for x in texts),
    )


def mentioned_in(things: Iterable[str]) -> list[str]:
    """These things, by their IRIs, and the regions around those of them that are regions."""
    found = set(things)
    for iri in list(found):
        if iri.startswith(NUTS):
            found.update(iri[:end] for end in range(len(NUTS) + 4, len(iri)))
    return sorted(found)


def reached(content: Content, touched: Set[str], objects: Iterable[str]) -> set[str]:
    """What a publication may have changed in a collection: members that may be told of otherwise, and things mentioned.

    A statement that came or went is about a touched thing. The rows of a member begin at it or lead to it by way of a
    thing that they mention: before, the content tells which; now, what touched things point at.
    """
    found = {iri for iri, others in content.mentions.items() if not touched.isdisjoint(others)}
    return found | touched | set(objects)
