"""Which format, and which compression, a client gets (RFC 9110 §12.5).

A format is offered with its own media type first and with the general ones some clients know it by
(``application/json`` for JSON-LD); the answer is labelled with the one the client named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from v4graph.errors import NotAcceptable
from v4graph.rdf import (
    CSV,
    JSON,
    JSON_LD,
    N_QUADS,
    N_TRIPLES,
    RDF_FORMATS,
    RDF_XML,
    RESULT_FORMATS,
    TRIG,
    TSV,
    TURTLE,
    XML,
    Format,
)

HTML = Format("html", ("text/html", "application/xhtml+xml"), "", "HTML")
PROBLEM = Format("problem", ("application/problem+json", "application/json"), "", "problem details")

_GENERAL_TYPES = {
    "jsonld": ("application/json",),
    "rdf": ("application/xml", "text/xml"),
    "nt": ("text/plain",),
}

_SHORTCUTS: dict[str, tuple[Format | None, Format | None]] = {
    "json": (JSON, JSON_LD),
    "srj": (JSON, None),
    "xml": (XML, RDF_XML),
    "srx": (XML, None),
    "csv": (CSV, None),
    "tsv": (TSV, None),
    "ttl": (None, TURTLE),
    "turtle": (None, TURTLE),
    "n3": (None, TURTLE),
    "nt": (None, N_TRIPLES),
    "ntriples": (None, N_TRIPLES),
    "n-triples": (None, N_TRIPLES),
    "rdf": (None, RDF_XML),
    "rdfxml": (None, RDF_XML),
    "rdf-xml": (None, RDF_XML),
    "rdf+xml": (None, RDF_XML),
    "jsonld": (None, JSON_LD),
    "json-ld": (None, JSON_LD),
    "trig": (None, TRIG),
    "nq": (None, N_QUADS),
    "nquads": (None, N_QUADS),
    "n-quads": (None, N_QUADS),
}
"""What ``?format=`` may say: the format of solutions, and of graphs."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A format and the media type the answer is labelled with."""

    format: Format
    media_type: str

    @property
    def content_type(self) -> bytes:
        """The ``Content-Type``; a charset only where the type has that parameter (RFC 6657)."""
        charset = "; charset=utf-8" if self.media_type.startswith("text/") else ""
        return f"{self.media_type}{charset}".encode()


@dataclass(frozen=True, slots=True)
class Choices:
    """What a client gets, should its query give solutions or a graph; None is 406."""

    results: Choice | None
    graph: Choice | None

    def label(self, kind: str) -> Choice:
        """The choice for a kind of answer; the sandbox has refused the kind that has none."""
        chosen = self.graph if kind == "graph" else self.results
        if chosen is None:
            raise not_acceptable(RDF_FORMATS if kind == "graph" else RESULT_FORMATS)
        return chosen


@lru_cache(maxsize=1024)
def _weights(header: str) -> tuple[tuple[str, str, float], ...]:
    """The ranges of an ``Accept`` or ``Accept-Encoding`` header: type, subtype (or coding and ""), weight."""
    ranges = []
    for part in header.split(","):
        name, *parameters = (p.strip() for p in part.split(";"))
        if not name:
            continue
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip().lower() == "q":
                try:
                    weight = min(1.0, max(0.0, float(value)))
                except ValueError:
                    weight = 0.0
                break
        kind, _, subtype = name.lower().partition("/")
        ranges.append((kind.strip(), subtype.strip(), weight))
    return tuple(ranges)


def _preference(media_type: str, header: str) -> tuple[float, int, int]:
    """Weight of a media type, how exactly it was named (0 ``*/*``, 1 ``text/*``, 2), and how early."""
    kind, _, subtype = media_type.partition("/")
    best = (-1, 0.0, 0)
    for position, (range_kind, range_subtype, weight) in enumerate(_weights(header)):
        if (range_kind, range_subtype) == (kind, subtype):
            exactness = 2
        elif range_kind == kind and range_subtype == "*":
            exactness = 1
        elif range_kind == "*" and range_subtype in ("*", ""):
            exactness = 0
        else:
            continue
        if exactness > best[0]:
            best = (exactness, weight, -position)
    return best[1], best[0], best[2]


@lru_cache(maxsize=4096)
def negotiate(accept: str, formats: Sequence[Format]) -> Choice | None:
    """The best of the formats for an ``Accept`` header; None when the client accepts none of them.

    The highest weight wins, then what was named exactly over what a wildcard covers, then the client's order,
    then ours. No header, or an empty one, accepts everything.
    """
    if not accept.strip():
        return Choice(formats[0], formats[0].media_type)
    found: tuple[tuple[float, int, int, int], Choice] | None = None
    for place, fmt in enumerate(formats):
        for number, media_type in enumerate(fmt.media_types + _GENERAL_TYPES.get(fmt.ending, ())):
            weight, exactness, order = _preference(media_type, accept)
            if weight <= 0 or (number and exactness < 2):
                continue
            rank = (weight, exactness, order, -place)
            if found is None or rank > found[0]:
                found = (rank, Choice(fmt, media_type))
    return found[1] if found else None


@lru_cache(maxsize=4096)
def choose(accept: str, shortcut: str | None = None) -> Choices:
    """What a query may be answered in: by ``?format=`` when given, else by ``Accept``."""
    if shortcut is None:
        return Choices(
            negotiate(accept, RESULT_FORMATS),
            negotiate(accept, RDF_FORMATS),
        )
    name = shortcut.strip().lower()
    results, graph = _SHORTCUTS.get(name) or (
        next((f for f in RESULT_FORMATS if name in f.media_types), None),
        next((f for f in RDF_FORMATS if name in f.media_types), None),
    )
    if results is None and graph is None:
        raise not_acceptable(RESULT_FORMATS + RDF_FORMATS, f'There is no format "{shortcut}".')
    return Choices(_plainly(results), _plainly(graph))


def _plainly(fmt: Format | None) -> Choice | None:
    return None if fmt is None else Choice(fmt, fmt.media_type)


def choose_graph(accept: str, shortcut: str | None, formats: tuple[Format, ...] = RDF_FORMATS) -> Choice:
    """The format of a graph; raises NotAcceptable."""
    chosen = choose(accept, shortcut).graph if shortcut is not None else negotiate(accept, formats)
    if chosen is None or chosen.format not in formats:
        raise not_acceptable(formats)
    return chosen


def not_acceptable(formats: Sequence[Format], reason: str = "") -> NotAcceptable:
    """The 406 that lists what can be had."""
    available = [f.media_type for f in formats]
    sentence = f"{reason or 'None of the accepted media types can be served.'} Ask for one of: {', '.join(available)}."
    return NotAcceptable(sentence, available=available)


def prefers_html(accept: str, other: Format = PROBLEM) -> bool:
    """Whether the client is a person's browser: it names HTML and does not want the other format more."""
    if "html" not in accept.lower():
        return False
    chosen = negotiate(accept, (HTML, other))
    return chosen is not None and chosen.format is HTML


@lru_cache(maxsize=1024)
def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the client takes gzip (RFC 9110 §12.5.3); no header means no."""
    return accepts_coding(accept_encoding, "gzip", "x-gzip")


def accepts_coding(accept_encoding: str, *names: str) -> bool:
    """Whether the client takes a coding, by any of its names (RFC 9110 §12.5.3); no header means no."""
    weights = {coding: weight for coding, _, weight in _weights(accept_encoding)}
    for coding in (*names, "*"):
        if coding in weights:
            return weights[coding] > 0 and weights[coding] >= weights.get("identity", 0.0)
    return False


def none_match(if_none_match: str, tag: str) -> bool:
    """Whether ``If-None-Match`` names this entity tag, by weak comparison (RFC 9110 §13.1.2)."""
    if if_none_match.strip() == "*":
        return True
    return any(candidate.strip().removeprefix("W/") == tag for candidate in if_none_match.split(","))
