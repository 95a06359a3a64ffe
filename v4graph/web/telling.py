"""A document as told to a reader: names in the reader's language, values in words, sources numbered.

The labels come from the graph; the words around them are in the templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import pyoxigraph as ox

from v4graph.iris import Iris
from v4graph.statements import ALT_LABEL, LABELS, RELATIONS, TYPE, Disagreement, Document, Statement, Term
from v4graph.web.words import FALLBACK, LANGUAGES, shown_date, shown_number, sort_key, words

_FIRST = (
    *LABELS, ALT_LABEL, "acronym", TYPE, "title", "description", "definition", "startDate", "endDate", "terminatedOn",
    "issuedOn", "statedStatus", "country", "seatPlace", "location", "classification", "partOfProgramme",
    "programmePeriod", "project", "participant", "participationRole", "organization", "member", "role",
    "fundedProject", "funder", "programme", "recipient", "amount", "currency", "amountKind", "amountQualifier",
    "atEvent", "attendee", "attendanceRole", "nameAsGiven", "task", "inSector", "coversArea", "targetGroup",
)  # fmt: skip
"""Properties in the order in which a reader wants them; others follow by their label."""
_XSD = "http://www.w3.org/2001/XMLSchema#"


@dataclass(frozen=True, slots=True)
class Text:
    """Words and the language they are in, None when they have none."""

    text: str
    language: str | None = None

    def __str__(self) -> str:
        return self.text


_AREAS = {
    "http://publications.europa.eu/resource/authority/country/": "country",
    "http://data.europa.eu/nuts/code/": "region",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """The past state a page shows: the parameter that asks for it, its snapshot, and when that was published.

    Who asked with a header and not with a parameter (``name`` is empty) will ask with a header again.
    """

    name: str
    value: str
    number: int
    published: str


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses relative to the page they stand on, so that the server may live under any host and path."""

    path: str
    iris: Iris
    language: str | None = None
    """The language asked for by ``?lang=``: it goes along with every link."""
    spoken: str = FALLBACK
    """The language of the page."""
    query: str = ""
    """What else the address of the page asks for, without the language."""
    moment: Moment | None = None

    def to(self, target: str) -> str:
        """The address of a path below the root; language and moment asked for go along."""
        up = "../" * self.path.count("/")
        path, hash_, fragment = target.partition("#")
        if not path.startswith("static/"):
            for parameter in (f"lang={self.language}" if self.language else "", self.kept):
                path += f"{'&' if '?' in path else '?'}{parameter}" if parameter else ""
        return (up + path or "./") + hash_ + fragment

    def root(self) -> str:
        """The address of the start page, of the present and in no language."""
        return "../" * self.path.count("/") or "./"

    def present(self) -> str:
        """The address of this very page, of the present."""
        return (self.path.rpartition("/")[2] or "./") + (f"?lang={self.language}" if self.language else "")

    def beside(self, address: str) -> str:
        """An address relative to the page itself, such as another format of it; the moment goes along."""
        return f"{address}{'&' if '?' in address else '?'}{self.kept}" if self.kept else address

    @property
    def kept(self) -> str:
        """The parameter that keeps a reader in the past, or nothing."""
        return f"{self.moment.name}={quote(self.moment.value)}" if self.moment and self.moment.name else ""

    def of(self, iri: str) -> str | None:
        """The address of a thing: its page here, or its own when it is a web address elsewhere."""
        below = self.below(iri)
        if below is not None:
            return self.to(page_path(below))
        return iri if re.match(r"https?://[^\s<>\"]+$", iri) else None

    def below(self, iri: str) -> str | None:
        """The path of a page here about an IRI; countries and regions have theirs, whoever named them."""
        for space, kind in _AREAS.items():
            if iri.startswith(space) and iri.removeprefix(space).isalnum():
                return f"{kind}/{iri.removeprefix(space).lower()}"
        return self.iris.path(iri)

    def here(self, language: str) -> str:
        """The address of this page in another language, of the same moment."""
        return "?" + "&".join(filter(None, (self.query, self.kept, f"lang={language}")))


def page_path(below: str) -> str:
    """The path of the page about an IRI below the base: ``id/project/x`` is told at ``project/x``."""
    return below.removeprefix("id/")


def preferred_languages(accept_language: str) -> tuple[str, ...]:
    """The project's languages in the order of an ``Accept-Language`` header (RFC 9110 §12.5.4), English last."""
    asked: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language.split(",")[:32]):
        tag, _, weight = part.partition(";q=")
        language = tag.strip().lower().split("-")[0]
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            quality = 0.0
        if language in LANGUAGES and quality > 0:
            asked.append((-quality, position, language))
    return tuple(dict.fromkeys([*(language for *_, language in sorted(asked)), "en"]))


@dataclass(frozen=True, slots=True)
class Value:
    """One value as a page shows it."""

    text: Text
    href: str | None = None
    external: bool = False
    datetime: str | None = None
    marks: tuple[int, ...] = ()
    derived: bool = False
    accepted: bool = False


def literal_value(term: ox.Literal, links: Links) -> Value:
    """A literal in words."""
    datatype = term.datatype.value.removeprefix(_XSD)
    if datatype in ("date", "gYearMonth", "gYear", "dateTime"):
        return Value(Text(shown_date(term.value, links.spoken)), datetime=term.value)
    if datatype in ("integer", "decimal"):
        return Value(Text(shown_number(term.value, links.spoken)))
    if datatype == "boolean":
        say = words(links.spoken).gettext
        return Value(Text({"true": say("yes"), "false": say("no")}.get(term.value, term.value)))
    href = links.of(term.value) if datatype == "anyURI" else None
    return Value(Text(term.value, term.language), href, href is not None)


@dataclass(frozen=True, slots=True)
class Fact:
    """A property with its values."""

    label: Text
    values: tuple[Value, ...]
    href: str | None = None
    count: int = 0


class Teller:
    """Tells a document in a reader's language; numbers the sources in the order in which they are cited."""

    def __init__(self, document: Document, links: Links, languages: Sequence[str]) -> None:
        """Tell this document on a page with these links, names in the first of the languages there is."""
        self.document = document
        self.links = links
        self.languages = languages
        self.iris = links.iris
        self.cited: dict[str, int] = {}
        self.derived = False
        self._said: dict[str, Text | None] = {}

    def _name(self, iri: str) -> Text | None:
        """The name that the document gives a thing; the same things are named again and again."""
        if iri not in self._said:
            found = self.document.name(iri, self.languages)
            self._said[iri] = Text(found.value, found.language) if found is not None else None
        return self._said[iri]

    def name(self, iri: str) -> Text:
        """The name of a thing; one that has none is called after what it relates, or after its IRI."""
        found = self._name(iri)
        if found is not None:
            return found
        below = self.iris.path(iri) or ""
        if below.startswith("id/") and below.split("/")[1] in RELATIONS:
            related = [s.object.value for s in self.document.statements(iri) if isinstance(s.object, ox.NamedNode)]
            things = [x for x in related if (self.iris.path(x) or "").startswith("id/")]
            names = [self._name(x) for x in things]
            if names and all(names):
                return Text(" – ".join(n.text for n in names if n), names[0].language if names[0] else None)
        return Text(local_name(iri, self.iris))

    def marks(self, sources: Iterable[str]) -> tuple[int, ...]:
        """The numbers of sources in the list at the end."""
        return tuple(sorted(self.cited.setdefault(source, len(self.cited) + 1) for source in sources))

    def value(self, term: Term, sources: Iterable[str] = (), *, derived: bool = False, accepted: bool = False) -> Value:
        """A term as it is shown."""
        self.derived |= derived
        marks = self.marks(sources)
        if isinstance(term, ox.NamedNode):
            external = self.links.below(term.value) is None
            text = self.name(term.value)
            if external and self._name(term.value) is None:
                text = Text(re.sub(r"^https?://(www\.)?", "", term.value).rstrip("/"))
            return Value(text, self.links.of(term.value), external, None, marks, derived, accepted)
        made = literal_value(term, self.links)
        return replace(made, marks=marks, derived=derived, accepted=accepted) if marks or derived or accepted else made

    def facts(self, statements: Iterable[Statement], *, leave_out: frozenset[str] = frozenset()) -> list[Fact]:
        """Statements grouped by property, in reading order."""
        groups: dict[str, list[Statement]] = {}
        for statement in statements:
            if statement.property not in leave_out:
                groups.setdefault(statement.property, []).append(statement)
        return [
            Fact(
                self.name(property_),
                tuple(self.value(s.object, s.sources, derived=s.derived) for s in self._in_order(groups[property_])),
                self.links.of(property_) if self.iris.path(property_) else None,
            )
            for property_ in sorted(groups, key=self.order)
        ]

    def order(self, property_: str) -> tuple[int, str]:
        """Where a property stands among others."""
        local = local_name(property_, self.iris)
        wanted = property_ if property_ in _FIRST else local
        return (_FIRST.index(wanted) if wanted in _FIRST else len(_FIRST), self.name(property_).text.casefold())

    def _in_order(self, statements: list[Statement]) -> list[Statement]:
        def key(statement: Statement) -> tuple[int, tuple[str, str]]:
            language = getattr(statement.object, "language", None)
            first = self.languages.index(language) if language in self.languages else len(self.languages)
            named = isinstance(statement.object, ox.NamedNode)
            text = self.name(statement.object.value).text if named else statement.object.value
            return first, sort_key(text, self.links.spoken)

        return sorted(statements, key=key) if len(statements) > 1 else statements

    def inverse(self, property_: str) -> Text:
        """The name of a property seen from its value."""
        found = [v for v in self.document.values(property_, self.iris.term("inverseLabel")) if hasattr(v, "language")]
        by_language = {getattr(v, "language", None): v.value for v in found}
        for language in self.languages:
            if language in by_language:
                return Text(by_language[language], language)
        name = self.name(property_)
        return Text(f"{name} of", name.language)


def local_name(iri: str, iris: Iris) -> str:
    """The end of an IRI, which is the best name there is for what has none."""
    below = iris.path(iri)
    if below is None and "#" not in iri and "://" in iri and iri.count("/") < 4:
        return iri
    return (iri if below is None else below).rstrip("/#").replace("#", "/").rpartition("/")[2] or iri


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table of relations."""

    label: Text
    property: str


@dataclass(frozen=True, slots=True)
class Group:
    """What refers to the thing by one property: a table of relations, or a list."""

    label: Text
    property: str
    count: int
    items: tuple[Value, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Value, tuple[tuple[Value, ...], ...]], ...] = ()
    derived: bool = False


def groups(teller: Teller) -> list[Group]:
    """What refers to the thing, grouped by property."""
    document, made = teller.document, []
    by_property: dict[str, list[str]] = {}
    for statement in document.referring.statements:
        by_property.setdefault(statement.property, []).append(statement.subject)
    left_out = {teller.iris.term("disputedSubject")}  # told in full under the disagreements
    for property_ in sorted(by_property, key=lambda p: (teller.order(p), p)):
        if property_ in left_out:
            continue
        subjects = sorted(by_property[property_], key=lambda s: sort_key(teller.name(s).text, teller.links.spoken))
        whole = [s for s in subjects if document.relations.get(s)]
        count = document.referring.counts.get(property_, len(subjects))
        if whole and len(whole) == len(subjects) and not subjects[0].startswith(f"{document.iri}#"):
            made.append(_table(teller, property_, whole, count))
        else:
            items = tuple(teller.value(ox.NamedNode(s)) for s in subjects)
            derived = document.value_of(property_, teller.iris.term("isDerived")) == "true"
            made.append(Group(teller.inverse(property_), property_, count, items, derived=derived))
    return sorted(made, key=lambda group: not group.rows)


def _table(teller: Teller, link: str, subjects: list[str], count: int) -> Group:
    document = teller.document
    statements = {s: [x for x in document.relations[s] if x.property not in (link, TYPE)] for s in subjects}
    used = {x.property for group in statements.values() for x in group}
    columns = sorted(used, key=lambda p: (teller.order(p), p))
    country = teller.iris.term("country")
    parties = [
        column
        for column in columns
        if any(
            document.values(x.object.value, country) for s in subjects for x in statements[s] if x.property == column
        )
    ][:1]
    shown: list[Column] = []
    for column in columns:
        shown.append(Column(teller.name(column), column))
        if column in parties:
            shown.append(Column(teller.name(country), country))
    rows = []
    for subject in subjects:
        cells: list[tuple[Value, ...]] = []
        for head in shown:
            if head.property == country and head.property not in used:
                whose = [x.object.value for x in statements[subject] if x.property in parties]
                cells.append(tuple(teller.value(v) for iri in whose for v in document.values(iri, country)))
            else:
                said = [x for x in statements[subject] if x.property == head.property]
                cells.append(tuple(teller.value(x.object, x.sources, derived=x.derived) for x in said))
        rows.append((teller.value(ox.NamedNode(subject)), tuple(cells)))
    rows.sort(key=lambda row: [sort_key(v.text.text, teller.links.spoken) for v in row[1][0]] if row[1] else [])
    return Group(teller.inverse(link), link, count, (), tuple(shown), tuple(rows))


@dataclass(frozen=True, slots=True)
class Dispute:
    """A disagreement as a page sets it out: every value with who says it, then what was chosen and why."""

    iri: str
    href: str | None
    about: Value | None
    label: Text
    values: tuple[Value, ...]
    accepted: Value | None
    rule: Text
    explanation: Text | None
    rationale: Text | None


def dispute(teller: Teller, found: Disagreement) -> Dispute:
    """Set a disagreement out for a reader."""
    document = teller.document

    def said(iri: str, property_: str) -> Text | None:
        texts = {getattr(v, "language", None): v.value for v in document.values(iri, property_)}
        language = next((x for x in (*teller.languages, *texts) if x in texts), None)
        return Text(texts[language], language) if texts else None

    return Dispute(
        found.iri,
        teller.links.of(found.iri),
        teller.value(ox.NamedNode(found.subject)) if found.subject != document.iri else None,
        teller.name(found.property),
        tuple(teller.value(c.value, c.sources, accepted=c.value == found.accepted) for c in found.claims),
        teller.value(found.accepted) if found.accepted is not None else None,
        teller.name(found.rule),
        said(found.rule, "http://www.w3.org/2004/02/skos/core#definition"),
        said(found.resolution, teller.iris.term("rationale")) if found.resolution else None,
    )
