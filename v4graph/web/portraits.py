"""The page of a thing designed for what it is: key figures, figures over time, a timeline, who is around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation

import pyoxigraph as ox
from babel.numbers import format_currency
from markupsafe import Markup

from v4graph.statements import PREF_LABEL
from v4graph.timeline import span_of
from v4graph.web.miniatures import Step, course
from v4graph.web.sights import Sight, Surroundings
from v4graph.web.telling import Teller, Text, Value
from v4graph.web.whereabouts import coordinates, place_of
from v4graph.web.words import LANGUAGES, shown_date, shown_number, sort_key


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time among others, in hundredths of the whole."""

    value: Value
    period: str
    start: float
    width: float
    what: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """Stretches of time below each other, with the years they lie between."""

    first: int
    last: int
    bars: tuple[Bar, ...]

    @property
    def years(self) -> range:
        """Years for the scale, not more than there is room for."""
        step = max(1, -(-(self.last - self.first) // 8))
        return range(self.first, self.last + 1, step)

    def place(self, year: int) -> float:
        """Where a year begins, in hundredths."""
        return round(100 * (year - self.first) / (self.last + 1 - self.first), 2)


@dataclass(frozen=True, slots=True)
class Observed:
    """A figure about a thing at a time."""

    indicator: Text
    period: str
    value: Value
    qualifier: Text | None
    share: float


@dataclass(frozen=True, slots=True)
class Award:
    """A label that was given."""

    label: Value
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure: what a reader wants to see first. ``word`` names it in the words of the template."""

    word: str
    text: str
    note: Text | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Company:
    """Who of a country took part in the same projects, each with those projects; ``code`` is that of the country."""

    country: Text | None
    code: str
    partners: tuple[tuple[Value, tuple[Value, ...]], ...]
    projects: int


@dataclass(frozen=True, slots=True)
class Portrait:
    """What the page of a thing shows besides its statements."""

    kind: str
    other_names: tuple[Text, ...]
    chips: tuple[tuple[str, Value], ...]
    figures: tuple[Figure, ...]
    observed: tuple[Observed, ...]
    courses: tuple[tuple[Text, Markup], ...]
    """Figures with values of several times: what it is, and a drawing of how it went."""
    awards: tuple[Award, ...]
    timeline: Timeline | None
    family: Timeline | None
    partners: tuple[Company, ...]
    similar: tuple[tuple[Value, Text | None], ...]
    fields: tuple[tuple[Value, str, int], ...]
    """Other countries with clusters of the same sectors: the country, its code, how many."""
    place: Value | None
    latitude: float | None
    longitude: float | None
    coordinates: str
    """Latitude and longitude in degrees and minutes, as an atlas writes them."""


def portrait(teller: Teller, around: Surroundings) -> Portrait:
    """Draw the thing a document is about."""
    document, iris = teller.document, teller.iris
    kind = (iris.path(document.iri) or "").removeprefix("id/").split("/")[0]
    timeline = _timeline(
        teller, around.of("event") if kind == "project" else around.of("project"), own=kind == "project"
    )
    related = [s for s in around.of("related", "before", "after") if s.start]
    seen: dict[str, Sight] = {s.iri: s for s in related if s.what == "related"}
    seen |= {s.iri: s for s in related if s.what != "related"}
    observed, courses = _observed(teller)
    place = place_of(document, iris)
    return Portrait(
        kind,
        _other_names(teller),
        tuple(_chips(teller, kind)),
        tuple(_figures(teller, around, observed, kind)),
        observed,
        courses,
        _awards(teller),
        timeline,
        _timeline(teller, list(seen.values()), own=True) if seen else None,
        _company(teller, around.of("partner")),
        tuple((_named(teller, s.iri), _country(teller, s.iri)) for s in around.of("similar")),
        tuple((_named(teller, s.iri), _code(s.iri), s.count) for s in around.of("field")),
        _named(teller, place) if place else None,
        *coordinates(document, place or document.iri),
    )


def _named(teller: Teller, iri: str) -> Value:
    return Value(teller.name(iri), teller.links.of(iri))


def _country(teller: Teller, iri: str) -> Text | None:
    country = teller.document.value_of(iri, teller.iris.term("country"))
    return teller.name(country) if country else None


def _code(iri: str) -> str:
    return iri.rpartition("/")[2].lower()


def _company(teller: Teller, partners: Sequence[Sight]) -> tuple[Company, ...]:
    """Partners by country, the country with most of them first, those of no known country last."""
    found: dict[str, list[Sight]] = {}
    for sight in partners:
        found.setdefault(teller.document.value_of(sight.iri, teller.iris.term("country")) or "", []).append(sight)
    order = sorted(found, key=lambda country: (country == "", -len(found[country]), country))
    return tuple(
        Company(
            teller.name(country) if country else None,
            _code(country),
            tuple((_named(teller, s.iri), tuple(_named(teller, p) for p in s.others)) for s in found[country]),
            len({p for s in found[country] for p in s.others}),
        )
        for country in order
    )


def _other_names(teller: Teller) -> tuple[Text, ...]:
    shown = teller.name(teller.document.iri)
    names = {
        v.language: v.value
        for v in teller.document.values(teller.document.iri, PREF_LABEL)
        if isinstance(v, ox.Literal) and v.language and v.value != shown.text
    }
    in_order = [*(x for x in LANGUAGES if x in names), *(x for x in names if x not in LANGUAGES)]
    made: dict[str, Text] = {}
    for language in in_order:
        made.setdefault(names[language], Text(names[language], language))
    return tuple(made.values())


def _chips(teller: Teller, kind: str) -> list[tuple[str, Value]]:
    """Sectors, by their IRI so that the page can colour them."""
    if kind not in ("organisation", "project", "partnership", "event", "cluster"):
        return []
    found = [
        (v.value, _named(teller, v.value))
        for property_ in ("inSector", "theme")
        for v in teller.document.values(teller.document.iri, teller.iris.term(property_))
        if isinstance(v, ox.NamedNode)
    ]
    return sorted(dict(found).items(), key=lambda pair: sort_key(pair[1].text.text, teller.links.spoken))


# --- key figures --------------------------------------------------------------------------------------------------


def _figures(teller: Teller, around: Surroundings, observed: Sequence[Observed], kind: str) -> list[Figure]:
    document, iris, language = teller.document, teller.iris, teller.links.spoken
    made: list[Figure] = []

    def dated(property_: str) -> str | None:
        value = document.value_of(document.iri, iris.term(property_))
        return shown_date(value, language) if value else None

    if kind in ("organisation", "partnership"):
        if founded := dated("foundedOn"):
            made.append(Figure("founded", founded))
        members = [o for o in observed if o.value.text.text]
        if members:
            made.append(
                Figure(
                    "members", members[-1].value.text.text, Text(members[-1].period) if members[-1].period else None, 2
                )
            )
        groups = document.values(document.iri, iris.term("groupsOrganisation"))
        if groups:
            made.append(Figure("grouped", shown_number(len(groups), language), None, len(groups)))
        if projects := around.of("project"):
            made.append(Figure("projects", shown_number(len(projects), language), None, len(projects)))
        if partners := around.of("partner"):
            made.append(Figure("partners", shown_number(len(partners), language), None, len(partners)))
    elif kind == "project":
        start, end = dated("startDate"), dated("endDate")
        if start or end:
            made.append(Figure("period", f"{start or '?'} – {end or '?'}"))
        partners_ = {v.value for v in document.values(document.iri, iris.term("involves"))}
        if partners_:
            made.append(Figure("participants", shown_number(len(partners_), language), None, len(partners_)))
            countries = {c for p in partners_ if (c := document.value_of(p, iris.term("country")))}
            if countries:
                made.append(Figure("countries", shown_number(len(countries), language), None, len(countries)))
        made += _money(teller)
    return made


def _money(teller: Teller) -> list[Figure]:
    """The whole budget, or else the grant, with how exactly it is known."""
    document, iris = teller.document, teller.iris
    found: dict[str, Figure] = {}
    for subject in document.relations:
        if (iris.path(subject) or "").split("/")[1:2] != ["funding"]:
            continue
        amount, kind = (
            document.value_of(subject, iris.term("amount")),
            document.value_of(subject, iris.term("amountKind")),
        )
        currency = (document.value_of(subject, iris.term("currency")) or "").rpartition("/")[2]
        if not amount or not kind or len(currency) != 3:
            continue
        try:
            shown = format_currency(Decimal(amount), currency, "¤ #,##0", locale=_babel(teller), currency_digits=False)
        except (InvalidOperation, ValueError):
            continue
        qualifier = document.value_of(subject, iris.term("amountQualifier"))
        about = qualifier is not None and not qualifier.endswith("/exact")
        note = teller.name(kind)
        key = kind.rpartition("/")[2]
        found.setdefault(key, Figure("money", f"≈ {shown}" if about else shown, note))
    for key in ("total-cost", "grant"):
        if key in found:
            return [found[key]]
    return list(found.values())[:1]


def _babel(teller: Teller) -> str:
    return "en_GB" if teller.links.spoken == "en" else teller.links.spoken


# --- over time ----------------------------------------------------------------------------------------------------


def _observed(teller: Teller) -> tuple[tuple[Observed, ...], tuple[tuple[Text, Markup], ...]]:
    """Figures in a table, and those that have values of several times drawn."""
    document, iris = teller.document, teller.iris
    rows: list[tuple[str, str, Decimal | None, Observed]] = []
    for subject, statements in document.relations.items():
        if (iris.path(subject) or "").split("/")[1:2] != ["observation"]:
            continue
        said = next((s for s in statements if s.property == iris.term("value")), None)
        indicator = document.value_of(subject, iris.term("indicator"))
        if said is None or indicator is None:
            continue
        period = document.value_of(subject, iris.term("refPeriod")) or ""
        qualifier = document.value_of(subject, iris.term("valueQualifier"))
        try:
            amount = Decimal(said.object.value)
        except InvalidOperation:
            amount = None
        shown = Observed(
            teller.name(indicator),
            shown_date(period, teller.links.spoken) if period else "",
            teller.value(said.object, said.sources),
            teller.name(qualifier) if qualifier and not qualifier.endswith("/exact") else None,
            0.0,
        )
        rows.append((indicator, period or "9999", amount, shown))
    largest = max((amount for *_, amount, _ in rows if amount is not None), default=Decimal(0))
    rows.sort(key=lambda row: row[:2])
    scale = 100 / (largest or Decimal(1))
    shown_rows = tuple(replace(o, share=float(round((amount or Decimal(0)) * scale, 1))) for _, _, amount, o in rows)
    steps: dict[str, list[Step]] = {}
    for indicator, period, amount, o in rows:
        day = span_of(period)
        if day is not None and amount is not None and amount >= 0:
            steps.setdefault(indicator, []).append(Step(day.first, amount, o.period, o.value.text.text))
    courses = tuple(
        (teller.name(indicator), course(found))
        for indicator, found in steps.items()
        if len({step.day for step in found}) > 1
    )
    return shown_rows, courses


def _awards(teller: Teller) -> tuple[Award, ...]:
    document, iris, language = teller.document, teller.iris, teller.links.spoken
    made: list[tuple[str, Award]] = []
    for subject, statements in document.relations.items():
        if (iris.path(subject) or "").split("/")[1:2] != ["award"]:
            continue
        said = next((s for s in statements if s.property == iris.term("awardedLabel")), None)
        if said is None:
            continue
        since = document.value_of(subject, iris.term("awardedOn")) or ""
        until = document.value_of(subject, iris.term("validUntil")) or ""
        label = teller.value(said.object, said.sources)
        made.append((since, Award(label, shown_date(since, language), shown_date(until, language))))
    return tuple(award for _, award in sorted(made, key=lambda pair: pair[0], reverse=True))


def _timeline(teller: Teller, sights: Sequence[Sight], *, own: bool) -> Timeline | None:
    """Stretches of time; ``own``: with that of the thing itself."""
    document, iris, language = teller.document, teller.iris, teller.links.spoken
    spans: list[tuple[date, date, str, Sight]] = []
    if own:
        start = document.value_of(document.iri, iris.term("earliestStart"))
        end = document.value_of(document.iri, iris.term("latestEnd"))
        sights = [Sight("self", document.iri, 0, start or "", end or ""), *sights]
    for sight in sights:
        start_day, end_day = _day(sight.start), _day(sight.end) or _day(sight.start)
        if start_day is None or end_day is None or end_day < start_day:
            continue
        spans.append((start_day, end_day, _period(sight, language), sight))
    if len(spans) < (2 if own else 1):
        return None
    first, last = min(s[0] for s in spans).year, max(s[1] for s in spans).year
    whole = (date(min(last + 1, 9999), 1, 1) - date(first, 1, 1)).days
    spans.sort(key=lambda s: (s[3].what != "self", s[0], s[1]))
    bars = []
    for start_day, end_day, period, sight in spans:
        begin = 100 * (start_day - date(first, 1, 1)).days / whole
        length = 100 * ((end_day - start_day).days + 1) / whole
        bars.append(
            Bar(_named(teller, sight.iri), period, round(begin, 2), round(max(length, 0.8), 2), sight.what, sight.count)
        )
    return Timeline(first, last, tuple(bars))


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if value else None
    except ValueError:
        return None


def _period(sight: Sight, language: str) -> str:
    start, end = sight.start[:7], sight.end[:7]
    if not end or start == end:
        return shown_date(start, language)
    return f"{shown_date(start, language)} – {shown_date(end, language)}"
