"""A list as data: its members as JSON-LD in the shape of the context, as triples, as features, as rows of a table.

The shape of a member follows from the context alone (as framing would make it, but without the cost), so every list
and every edition has the same one; a test sends it back through JSON-LD and compares the triples.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import pyoxigraph as ox

from v4graph.collections import Collection, Content, Fact, Member, Said
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.portal import context_bytes
from v4graph.selections import name_in
from v4graph.statements import TYPE, Term

XSD = "http://www.w3.org/2001/XMLSchema#"
HYDRA = {
    "hydra": "http://www.w3.org/ns/hydra/core#",
    "hydra:first": {"@type": "@id"},
    "hydra:previous": {"@type": "@id"},
    "hydra:next": {"@type": "@id"},
    "hydra:member": {"@container": "@set"},
}
"""What the context of a list adds to that of things: the paging words of Hydra."""
Json = dict[str, Any]


@lru_cache(maxsize=8)
def _terms(iris: Iris) -> dict[str, tuple[str, Any]]:
    """Property IRI, with ``^`` before it for the other direction -> its term and definition."""
    terms: Mapping[str, Any] = json.loads(context_bytes(iris))["@context"]
    spaces = prefixes(iris)

    def whole(compact: str) -> str:
        prefix, _, local = compact.partition(":")
        return spaces[prefix] + local if prefix in spaces else compact

    found = {}
    for term, definition in terms.items():
        if isinstance(definition, dict) and "@reverse" in definition:
            found["^" + whole(definition["@reverse"])] = (term, definition)
        elif isinstance(definition, dict) and "@id" in definition:
            found[whole(definition["@id"])] = (term, definition)
        elif isinstance(definition, str) and ":" in definition and not definition.startswith(("http", "@")):
            found[whole(definition)] = (term, {})
    return found


class Shaper:
    """Makes JSON-LD and triples of the members of one edition."""

    def __init__(self, content: Content, iris: Iris) -> None:
        """For this content, under the base of these IRIs."""
        self.content = content
        self.iris = iris
        self.spaces = prefixes(iris)
        self._terms = _terms(iris)

    def property(self, compact: str) -> str:
        """The IRI of a property that is written with a prefix."""
        prefix, _, local = compact.partition(":")
        return self.spaces[prefix] + local

    # --- JSON-LD ----------------------------------------------------------------------------------------------------

    def node(self, member: Member) -> Json:
        """A member as an object, as its frame would shape it."""
        made: Json = {"id": member.iri}
        if member.types:
            made["type"] = [self._term(t)[0] for t in member.types]
        for tag, name in member.names.items():
            self._put(made, self.property(self.content.collection.title), ox.Literal(name, language=tag or None))
        nodes: dict[tuple[str, str], Json] = {}
        for fact in self.content.collection.facts:
            if fact.name == "class":
                continue
            for said in member.said.get(fact.name, ()):
                if fact.link:
                    self._put_linked(made, fact, said, nodes)
                elif fact.property:
                    self._put(made, self.property(fact.property), said.value)
        return made

    def _put_linked(self, made: Json, fact: Fact, said: Said, nodes: dict[tuple[str, str], Json]) -> None:
        link = ("^" if fact.inverse else "") + self.property(fact.link)
        between = said.node or said.value.value
        node = nodes.get((link, between))
        if node is None:
            held = made.get(self._term(link)[0], [])
            node = next((x for x in (held if isinstance(held, list) else [held]) if x.get("id") == between), None)
        if node is None:
            node = self._mentioned(between)
            self._add(made, link, node)
        nodes[link, between] = node
        if fact.property:
            self._put(node, self.property(fact.property), said.value)
            if said.extra is not None:
                self._put(node, self.property(fact.extra), said.extra)
            for property_, value in fact.fixed:
                self._put(node, self.property(property_), ox.NamedNode(self.iris.base + value))

    def _mentioned(self, iri: str) -> Json:
        node: Json = {"id": iri}
        for tag, name in self.content.names.get(iri, {}).items():
            self._put(node, self.property("skos:prefLabel"), ox.Literal(name, language=tag or None))
        if iri in self.content.points:
            for place, value in zip(("longitude", "latitude"), self.content.points[iri], strict=True):
                self._put(node, self.property(f"schema:{place}"), value)
        return node

    def _put(self, made: Json, property_: str, value: Term) -> None:
        term, definition = self._term(property_)
        container = definition.get("@container", ())
        if isinstance(value, ox.Literal) and "@language" in container:
            texts = made.setdefault(term, {})
            tag = value.language or "@none"
            if "@set" in container:
                texts.setdefault(tag, []).append(value.value)
            else:
                texts[tag] = value.value
            return
        self._add(made, property_, self._value(value, definition))

    def _add(self, made: Json, property_: str, value: Any) -> None:
        term, definition = self._term(property_)
        if "@set" in definition.get("@container", ()):
            held = made.setdefault(term, [])
            if value not in held:
                held.append(value)
        elif term not in made:
            made[term] = value
        elif made[term] != value:
            made[term] = [*(made[term] if isinstance(made[term], list) else [made[term]]), value]

    def _value(self, value: Term, definition: Mapping[str, Any]) -> Any:
        if isinstance(value, ox.NamedNode):
            return self._mentioned(value.value)
        datatype = value.datatype.value
        if value.language:
            return {"@value": value.value, "@language": value.language}
        if definition.get("@type") == datatype.replace(XSD, "xsd:") or datatype == f"{XSD}string":
            return value.value
        if datatype == f"{XSD}integer" and value.value.lstrip("-").isdigit() and len(value.value) < 16:
            return int(value.value)
        return {"@value": value.value, "@type": datatype.replace(XSD, "xsd:")}

    def _term(self, property_: str) -> tuple[str, Mapping[str, Any]]:
        if property_ in self._terms:
            return self._terms[property_]
        for prefix, space in self.spaces.items():
            if space and property_.startswith(space):
                return f"{prefix}:{property_[len(space) :]}", {}
        return property_, {}

    # --- triples ----------------------------------------------------------------------------------------------------

    def triples(self, members: Iterable[Member]) -> list[ox.Triple]:
        """The members as triples: what JSON-LD says, no more and no less."""
        made: dict[ox.Triple, None] = {}
        told: set[str] = set()

        def say(subject: str, property_: str, value: Term) -> None:
            made[ox.Triple(ox.NamedNode(subject), ox.NamedNode(property_), value)] = None
            if isinstance(value, ox.NamedNode) and property_ != TYPE:
                mention(value.value)

        def mention(iri: str) -> None:
            if iri in told:
                return
            told.add(iri)
            for tag, name in self.content.names.get(iri, {}).items():
                say(iri, self.property("skos:prefLabel"), ox.Literal(name, language=tag or None))
            for place, value in zip(("longitude", "latitude"), self.content.points.get(iri, ()), strict=False):
                say(iri, self.property(f"schema:{place}"), value)

        for member in members:
            for type_ in member.types:
                say(member.iri, TYPE, ox.NamedNode(type_))
            for tag, name in member.names.items():
                say(member.iri, self.property(self.content.collection.title), ox.Literal(name, language=tag or None))
            for fact in self.content.collection.facts:
                for said in member.said.get(fact.name, ()) if fact.name != "class" else ():
                    if not fact.link:
                        if fact.property:
                            say(member.iri, self.property(fact.property), said.value)
                        continue
                    between = said.node or said.value.value
                    ends = (between, member.iri) if fact.inverse else (member.iri, between)
                    say(ends[0], self.property(fact.link), ox.NamedNode(ends[1]))
                    mention(between)
                    if fact.property:
                        say(between, self.property(fact.property), said.value)
                        if said.extra is not None:
                            say(between, self.property(fact.extra), said.extra)
                        for property_, value in fact.fixed:
                            say(between, self.property(property_), ox.NamedNode(self.iris.base + value))
        return list(made)

    # --- features ---------------------------------------------------------------------------------------------------

    def feature(self, member: Member) -> Json:
        """A member for a map; its geometry is null when no place of it is known (RFC 7946 §3.2)."""
        place = self.content.place_of(member)
        point = place[2] if place else None
        properties: Json = {"id": member.iri, "name": {tag or "und": name for tag, name in member.names.items()}}
        if place:
            properties |= {"place": place[1], "precision": place[0]}
        for fact in self.content.collection.facts:
            values = [_plain(said.value) for said in member.said.get(fact.name, ())]
            values = list(dict.fromkeys(values))
            if values and fact.in_tables:
                properties[fact.name] = values if fact.many else values[0]
        where = {"type": "Point", "coordinates": [float(x.value) for x in point]} if point else None
        return {"type": "Feature", "id": member.iri, "geometry": where, "properties": properties}


def _plain(value: Term) -> str | int | float:
    if isinstance(value, ox.Literal) and value.datatype.value == f"{XSD}integer" and value.value.isdigit():
        return int(value.value)
    return value.value


# --- tables -------------------------------------------------------------------------------------------------------


def columns(collection: Collection) -> list[tuple[str, Fact | None]]:
    """The columns of a table: what they are called, and the fact they show; things have their IRIs beside them."""
    made: list[tuple[str, Fact | None]] = [("id", None), ("name", None), ("language", None)]
    for fact in collection.facts:
        if fact.in_tables:
            made.append((fact.name, fact))
            if fact.kind == "thing":
                made.append((f"{fact.name}_id", fact))
    if collection.has_places:
        made += [("longitude", None), ("latitude", None), ("precision", None)]
    return made


def row(member: Member, content: Content, language: str) -> list[str | int | float | date | None]:
    """A member as a row of the table, names in a language."""
    tag = next((x for x in (language, "en", *member.names) if x in member.names), "")
    made: list[str | int | float | date | None] = [member.iri, member.names.get(tag, ""), tag]
    for fact in content.collection.facts:
        if not fact.in_tables:
            continue
        values = member.values(fact.name)
        if fact.kind == "thing":
            names = [name_in(content.names.get(v, {}), language) or local(v) for v in values]
            made += ["; ".join(names), " ".join(values)]
        elif fact.kind == "number":
            made.append(_number(values))
        elif fact.kind == "date":
            made.append(day(values[0]) if values else None)
        else:
            made.append("; ".join(values))
    if content.collection.has_places:
        place = content.place_of(member)
        point = place[2] if place else None
        made += [float(point[0].value), float(point[1].value), place[0] if place else ""] if point else [None, None, ""]
    return made


def _number(values: Sequence[str]) -> int | float | None:
    if not values:
        return None
    return int(values[0]) if values[0].lstrip("-").isdigit() else float(values[0])


def day(value: str) -> date | int | str:
    """A date as a date, a year as a number; a month, or what is none of them, stays text."""
    if value.isdigit() and len(value) == 4:
        return int(value)
    try:
        return date.fromisoformat(value[:10]) if len(value) >= 10 else value
    except ValueError:
        return value


def local(iri: str) -> str:
    """The end of an IRI."""
    return iri.rstrip("/#").replace("#", "/").rpartition("/")[2]
