"""Sources: where statements come from, as the manifest or the operator describes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from v4graph import rdf
from v4graph.actors import Actor, Partner, find_partner
from v4graph.errors import BadRequest, WrongState
from v4graph.iris import Iris
from v4graph.ledger import Append, Ledger
from v4graph.resolution import RDF_TYPE

RANKS = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
"""The ranks of the scheme source-rank, and what each counts."""
RESERVED = frozenset({"derived", "disagreements", "ontology", "provenance", "resolutions", "schemes", "sources"})
"""Graphs that are nobody's own."""
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TITLE = "http://purl.org/dc/terms/title"


@dataclass(frozen=True, slots=True)
class Description:
    """A source as it is described: rank 1 (best) … 5, owner, and all statements about it."""

    source: str
    lines: tuple[str, ...]
    rank: int
    owner: str

    def entry(self, actor: str) -> Append:
        """The entry that registers the source."""
        return Append("source", self.source, actor, self.lines, detail={"rank": self.rank, "owner": self.owner})


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


def describe(slug: str, title: str, rank: str, owner: Partner, iris: Iris) -> Description:
    """A source of a partner's, as this program describes it.

    Raises:
        BadRequest: the slug, the title or the rank cannot be used.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > 100 or slug in RESERVED:
        raise BadRequest(f"“{slug}” is no name for a source: small letters, digits and hyphens, and none of ours.")
    if not title.strip() or len(title) > 300 or not title.isprintable():
        raise BadRequest("A source has a title: one line, at most 300 characters.")
    if rank.lower() not in RANKS:
        raise BadRequest(f"The rank of a source is one of {', '.join(RANKS).upper()}.")
    graph = f"<{iris.graph(slug)}>"
    lines = (
        f"{graph} {RDF_TYPE} <{iris.term('Source')}> .",
        f"{graph} <{_TITLE}> {rdf.literal_text(title.strip(), language='en')} .",
        f"{graph} <{iris.term('publisherName')}> {rdf.literal_text(owner.name)} .",
        f"{graph} <{iris.term('owner')}> {rdf.literal_text(owner.slug)} .",
        f"{graph} <{iris.term('rank')}> <{iris.concept('source-rank', rank.lower())}> .",
    )
    return Description(slug, tuple(sorted(lines)), RANKS[rank.lower()], owner.slug)


def add_source(
    ledger: Ledger, slug: str, title: str, *, owner: str, rank: str = "c", by: Actor, iris: Iris
) -> Description:
    """Register a source of a partner's, or describe one of its own anew.

    Raises:
        BadRequest: the slug, the title or the rank cannot be used.
        UnknownPartner: there is no such partner.
        WrongState: the source is somebody else's.
    """
    by.needs("administer")
    described = describe(slug, title, rank, find_partner(ledger, owner), iris)
    refuse_foreign(ledger, slug, owner)
    ledger.append([described.entry(by.name)])
    return described


def refuse_foreign(ledger: Ledger, slug: str, owner: str) -> None:
    """Refuse a slug that is another partner's source.

    Raises:
        WrongState: it is.
    """
    known = owner_of(ledger, slug)
    if known not in (None, owner):
        raise WrongState(f"The source “{slug}” belongs to “{known}”.")


def owner_of(ledger: Ledger, source: str) -> str | None:
    """The slug of the partner who owns a source, or None when nobody registered it."""
    entry = ledger.current("source", source)
    return str(entry.detail["owner"]) if entry else None


def owned(ledger: Ledger, partner: str) -> list[str]:
    """The sources of a partner, by slug."""
    return sorted(slug for slug, entry in ledger.latest("source").items() if entry.detail.get("owner") == partner)
