"""The page of a collection: a form of filters with counts, what is chosen, and a card or line for each member."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import pyoxigraph as ox

from v4graph.collections import COLLECTIONS, Collection, Member
from v4graph.listing import columns, local
from v4graph.rdf import Format
from v4graph.selections import Listed, name_in
from v4graph.web import pages
from v4graph.web.telling import Links, Text, Value, literal_value
from v4graph.web.words import shown_date, sort_key, words

_CHOICES = 60
"""Values of a filter that are offered, those with most members; one that is chosen always is."""


_FACTS = sorted({fact.name for collection in COLLECTIONS.values() for fact in collection.facts})


@dataclass(frozen=True, slots=True)
class Entry:
    """A member as the page shows it."""

    iri: str
    href: str | None
    name: Text
    facts: Mapping[str, list[tuple[str, Value]]]
    """Per fact its values, each with what it says as text (an IRI, a number, a date)."""
    period: str
    place: tuple[str, Value] | None
    """How a place is known, and which."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value one can narrow by."""

    value: str
    name: Text
    count: int
    chosen: bool


def whole(others: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters without the size of a page."""
    return [(n, v) for n, v in others if n != "limit"]


def address_of(stem: str, others: Iterable[tuple[str, str]], cursor: str | None = None) -> str:
    """The address of a page, relative to its neighbours."""
    query = urlencode([*others, *([("cursor", cursor)] if cursor else [])])
    return f"{stem}?{query}" if query else stem


def titles(language: str) -> dict[str, str]:
    """What the collections are called."""
    say = words(language).gettext
    return {
        "clusters": say("Clusters"), "projects": say("Projects"), "partners": say("Partners"),
        "partnerships": say("Partnerships"), "events": say("Events"), "outputs": say("Outputs"),
        "sectors": say("Sectors"), "sources": say("Sources"),
    }  # fmt: skip


def ledes(language: str) -> dict[str, str]:
    """What each collection is, in a sentence."""
    say = words(language).gettext
    return {
        "clusters": say("Organisations that bring companies, research and public bodies of a field together."),
        "projects": say("What clusters and their partners did together across borders, and with whose money."),
        "partners": say("Every organisation that took part in a project."),
        "partnerships": say("Clusters of clusters: strategic partnerships, meta-clusters and working groups."),
        "events": say("Conferences, meetings and matchmaking of the projects."),
        "outputs": say("Studies, plans, methods and recommendations that the projects left behind."),
        "sectors": say("The fields clusters work in, with how many clusters and projects each has."),
        "sources": say(
            "Every statement here comes from one of these. Where they differ, the better rank counts, and the page of "
            "the thing shows all of them."
        ),
    }


def fact_names(language: str) -> dict[str, str]:
    """What facts, filters and sorts are called."""
    say = words(language).gettext
    return {
        "id": say("Address"), "name": say("Name"), "language": say("Language"), "acronym": say("Acronym"),
        "country": say("Country"), "region": say("Region"), "seat": say("Seat"), "venue": say("Venue"),
        "sector": say("Sector"), "founded": say("Founded"), "members": say("Members"), "stage": say("Stage"),
        "label": say("Label"), "project": say("Project"), "url": say("Website"), "start": say("Start"),
        "end": say("End"), "earliest_start": say("Started no earlier than"), "latest_end": say("Ended no later than"),
        "status": say("Status"), "lead": say("Lead partner"), "partner": say("Partner"), "kind": say("Kind"),
        "programme": say("Programme"), "leads": say("Leads"), "class": say("Kind of thing"), "member": say("Member"),
        "host": say("Host"), "author": say("Prepared by"), "issued": say("Issued"), "covers": say("Covers"),
        "broader": say("Part of"), "clusters": say("Clusters"), "projects": say("Projects"), "rank": say("Rank"),
        "publisher": say("Publisher"), "statements": say("Statements"), "read": say("Read on"),
        "address": say("Address of the document"), "longitude": say("Longitude"), "latitude": say("Latitude"),
        "precision": say("How the place is known"),
    }  # fmt: skip


def labels(collection: Collection, language: str) -> list[str]:
    """The header of a table in a language; a column of IRIs says so."""
    named = fact_names(language)
    return [
        f"{named[name.removesuffix('_id')]} (IRI)" if name.endswith("_id") else named[name]
        for name, _ in columns(collection)
    ]


def orders(collection: Collection, language: str) -> list[tuple[str, str]]:
    """What can be sorted by, in words."""
    say, named = words(language).gettext, fact_names(language)
    numbers = {fact.name for fact in collection.facts if fact.kind in ("number", "date") or fact.many}
    made = []
    for name in collection.sorts:
        if name == "name":
            made += [("name", say("Name, A to Z")), ("-name", say("Name, Z to A"))]
        elif name not in numbers:
            made.append((name, named[name]))
        else:
            dated = collection.fact(name).kind == "date"
            down, up = (say("newest first"), say("oldest first")) if dated else (say("most first"), say("fewest first"))
            made += [(f"-{name}", f"{named[name]}, {down}"), (name, f"{named[name]}, {up}")]
    return made


def page(
    listed: Listed, links: Links, languages: tuple[str, ...], others: list[tuple[str, str]], formats: Sequence[Format]
) -> bytes:
    """The page."""
    collection, language = listed.collection, links.spoken
    named = fact_names(language)
    open_ = [(n, v) for n, v in others if n != "lang"]
    told = _Told(listed, links, languages)
    shown = [told.entry(member) for member in listed.members]
    spoken = [("lang", links.language)] if links.language else []
    turned = {
        relation: links.beside(address_of(collection.name, [*open_, *spoken], cursor))
        for relation, cursor in listed.turns().items()
    }
    return pages.render(
        "clusters.html",
        links,
        name=collection.name,
        title=titles(language)[collection.name],
        lede=ledes(language)[collection.name],
        entries=shown,
        total=listed.selection.total,
        size=listed.shelf.size,
        first=listed.offset + 1,
        last=min(listed.offset + listed.limit, listed.selection.total),
        turned=turned,
        facets=[(n, named[n], told.choices(n)) for n in collection.filters],
        chosen=told.chosen(open_, spoken, named),
        orders=orders(collection, language),
        sort=listed.asked.sort,
        years=listed.asked.years if collection.period else None,
        q=listed.asked.text,
        limit=dict(others).get("limit"),
        narrowed=bool(listed.asked.text or any(listed.asked.filters.values()) or listed.asked.years != (None, None)),
        start=links.to(collection.name),
        formats={address_of(f"{collection.name}.{f.ending}", [*whole(open_), *spoken]): f for f in formats},
        named=named,
    )


class _Told:
    """Members and values in the words of a page."""

    def __init__(self, listed: Listed, links: Links, languages: tuple[str, ...]) -> None:
        self.listed, self.links, self.languages = listed, links, languages
        self.content = listed.shelf.content
        self._values: dict[str, Value] = {}

    def name(self, iri: str) -> Text:
        return pages.name_of(iri, self.content.names.get(iri, {}), self.languages, self.links.iris)

    def value(self, iri: str) -> Value:
        found = self._values.get(iri)
        if found is None:
            found = self._values[iri] = Value(self.name(iri), self.links.of(iri), self.links.below(iri) is None)
        return found

    def entry(self, member: Member) -> Entry:
        facts: dict[str, list[tuple[str, Value]]] = {name: [] for name in _FACTS}
        for fact in self.content.collection.facts:
            values: list[tuple[str, Value]] = []
            for said in {s.value: s for s in member.said.get(fact.name, ())}.values():
                term = said.value
                if isinstance(term, ox.NamedNode):
                    values.append((term.value, self.value(term.value)))
                elif fact.kind == "link":
                    values.append((term.value, Value(Text(term.value), self.links.of(term.value), True)))
                else:
                    values.append((term.value, literal_value(term, self.links)))
            if fact.kind == "thing" and len(values) > 1:
                values.sort(key=lambda pair: sort_key(pair[1].text.text, self.links.spoken))
            elif fact.kind == "text" and len(values) > 1:
                values = self._preferred(values)
            facts[fact.name] = values
        place = self.content.place_of(member)
        return Entry(
            member.iri,
            self.links.of(member.iri),
            pages.name_of(member.iri, member.names, self.languages, self.links.iris),
            facts,
            self._period(member),
            (place[0], self.value(place[1])) if place else None,
        )

    def _preferred(self, values: list[tuple[str, Value]]) -> list[tuple[str, Value]]:
        by_language = {value.text.language: (said, value) for said, value in values}
        if set(by_language) == {None}:
            return values[:1]
        return [next((by_language[x] for x in self.languages if x in by_language), values[0])]

    def _period(self, member: Member) -> str:
        start, end = member.values("start"), member.values("end")
        begun = shown_date(start[0], self.links.spoken) if start else ""
        ended = shown_date(end[0], self.links.spoken) if end else ""
        if not ended or ended == begun:
            return begun
        return f"{begun} – {ended}"

    def choices(self, fact: str) -> list[Choice]:
        chosen = self.listed.asked.filters.get(fact, ())
        counts = self.listed.shelf.counts(self.listed.asked, fact)
        offered = list(counts)[:_CHOICES] + [v for v in list(counts)[_CHOICES:] if v in chosen]
        return [Choice(value, self.name(value), counts[value], value in chosen) for value in offered]

    def chosen(
        self, others: list[tuple[str, str]], spoken: list[tuple[str, str]], named: Mapping[str, str]
    ) -> list[tuple[str, Text, str]]:
        """What is narrowed: by what, the value, and the address without it."""
        say = words(self.links.spoken).gettext
        heads = {**named, "q": say("Text"), "from": say("From year"), "to": say("To year")}
        found = []
        for number, (parameter, value) in enumerate(others):
            if parameter in ("sort", "limit"):
                continue
            rest = [pair for n, pair in enumerate(others) if n != number]
            query = urlencode([*rest, *spoken])
            there = self.links.beside(f"?{query}") if query else self._start()
            found.append((heads[parameter], self._called(parameter, value), there))
        return found

    def _called(self, parameter: str, value: str) -> Text:
        if parameter not in self.content.collection.filters:
            return Text(value)
        iris: Iterable[str] = self.listed.asked.filters.get(parameter, ())
        given = list(iris)
        iri = next((x for x in given if x == value or local(x).lower() == value.lower()), None)
        if iri is None and len(given) == 1:
            iri = given[0]  # asked for by its notation
        iri = iri or value
        return self.name(iri) if name_in(self.content.names.get(iri, {}), self.links.spoken) else Text(local(iri))

    def _start(self) -> str:
        return self.links.to(self.content.collection.name)
