"""Pages: templates filled with what a ``Teller`` tells. Everything is escaped; nothing is loaded from elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from v4graph import portal
from v4graph.iris import Iris
from v4graph.rdf import Format
from v4graph.statements import DCTERMS, OWL, RDFS, SKOS, TYPE, Statement, Term
from v4graph.web import built, miniatures, terms
from v4graph.web.diagram import drawn
from v4graph.web.portraits import portrait
from v4graph.web.sectors import family_of, icon_of
from v4graph.web.sights import Surroundings
from v4graph.web.telling import (
    Links,
    Teller,
    Text,
    Value,
    dispute,
    groups,
    literal_value,
    local_name,
)
from v4graph.web.words import LANGUAGES, LOCALE, shown_date, shown_number, words

TEMPLATES = Path(__file__).parent / "templates"

_PLAIN = {
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), payment=(), usb=()",
}
_IN_TREE = frozenset({f"{SKOS}inScheme", f"{SKOS}topConceptOf", f"{SKOS}hasTopConcept"})
"""What the tree of a scheme tells already."""
_TOLD_TWICE = frozenset({*_IN_TREE, f"{DCTERMS}title"})
"""Of a scheme: its title is its name."""


def headers(*, nonce: str = "", framed_by: str = "'self'") -> dict[str, str]:
    """The headers of a page: nothing is loaded from elsewhere, no script and no style stands in the page.

    ``nonce`` is for a page whose editor writes style elements; ``framed_by`` are the origins that may embed the page.
    """
    styles = f" 'nonce-{nonce}'" if nonce else ""
    policy = (
        f"default-src 'none'; script-src 'self' {built.early_hash()}; "
        f"style-src 'self' {built.style_hash()}{styles}; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
        f"form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors {framed_by}"
    )
    return {"Content-Security-Policy": policy, **_PLAIN}


HEADERS = headers()


class _Compiled(BytecodeCache):
    """The templates, compiled once for all languages: the words are looked up when a page is made."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


@lru_cache(maxsize=len(LANGUAGES))
def environment(language: str) -> Environment:
    """The templates in a language: everything escaped, an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"], bytecode_cache=_COMPILED,
    )  # fmt: skip
    say = words(language)
    made.install_gettext_callables(  # type: ignore[attr-defined]  # what the extension adds
        say.gettext, say.ngettext, newstyle=True, pgettext=say.pgettext
    )
    made.filters["number"] = partial(shown_number, language=language)
    made.filters["date"] = partial(shown_date, language=language)
    made.globals.update(
        languages=LANGUAGES,
        language=language,
        icon=built.icon,
        built=built.path_of,
        early_script=built.early_script,
        start_style=built.start_style,
        family_of=family_of,
        icon_of=icon_of,
        spot=miniatures.spot,
        has=frozenset(made.list_templates()).__contains__,
    )
    return made


@lru_cache(maxsize=1)
def edition() -> str:
    """The hash of templates, words and built files: part of every page's entity tag."""
    digest = hashlib.sha256()
    for path in sorted([*TEMPLATES.glob("*.html"), *LOCALE.glob("*/*.po"), built.STATIC / "manifest.json"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def render(template: str, links: Links, *, nonce: str = "", **values: Any) -> bytes:
    """A page of a template, in the language of its links."""
    page = environment(links.spoken).get_template(template).render(links=links, nonce=nonce, **values)
    return page.encode()


def script_json(value: Any) -> Markup:
    """JSON for a data block in a page: nothing in it can end the block or start markup."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # escaped just above


_TOLD_APART = ("refOrganisation", "awardedTo")
"""What refers to a thing and stands in sections of its own."""


def entity_page(
    around: Surroundings,
    links: Links,
    languages: tuple[str, ...],
    formats: Mapping[str, Format],
    *,
    said: tuple[list[Value], bool] | None = None,
    tree: Sequence[object] = (),
    asked: str | None = None,
    schemes: Sequence[Value] = (),
) -> bytes:
    """The page of one thing.

    Args:
        around: what is told, and what stands around it.
        links: the links of the page.
        languages: the languages to tell it in, the best first.
        formats: the addresses of the other formats.
        said: what a source describes, and is there more.
        tree: the concepts of a scheme.
        asked: the words that terms or concepts are looked for with; None on a page that has none.
        schemes: the concept schemes, on the page of the vocabulary.
    """
    iris, document = links.iris, around.document
    teller = Teller(document, links, languages)
    own = [s for s in document.about if not s.derived]
    worked_out = {s.property for s in document.about if s.derived}
    parts = _parts(teller)
    told_twice = _TOLD_TWICE if asked is not None and not parts else frozenset[str]()
    told = _lede(own, languages)
    lede = teller.value(told.object, told.sources) if told else None
    apart = {iris.term(name) for name in _TOLD_APART}
    values: dict[str, Any] = {
        "title": teller.name(document.iri),
        "iri": document.iri,
        "kinds": _kinds(teller),
        "lede": lede,
        "facts": teller.facts((s for s in own if s is not told), leave_out=frozenset({TYPE, *told_twice})),
        "portrait": portrait(teller, around),
        "derived_facts": teller.facts(s for s in document.about if s.derived),
        "groups": [
            g
            for g in groups(teller)
            if not (asked is not None and g.property in _IN_TREE)
            and g.property not in apart
            and not (g.derived and g.property in worked_out)
        ],
        "tree": tree,
        "disputes": [dispute(teller, found) for found in document.disagreements],
        "referring": document.referring,
        "formats": formats,
        "said": said,
        "parts": parts,
        "asked": asked,
        "schemes": schemes,
        "schema_org": script_json(portal.schema_org(document, iris)),
        "kind": (iris.path(document.iri) or "").removeprefix("id/").split("/")[0],
        "has_history": bool(document.values(document.iri, iris.term("currentRevision"))),
        "is_thing": document.iri.startswith(f"{iris.base}id/"),
    }
    values["sources"] = [_source(teller, graph, number) for graph, number in teller.cited.items()]
    values["has_derived"] = teller.derived
    values["diagram"] = drawn(teller) if parts and not asked else None
    if parts and asked:
        values["parts"] = [part for part in parts if terms.found(asked, part["texts"])]
    return render("ontology.html" if parts else "entity.html", links, **values)


def _kinds(teller: Teller) -> list[Text]:
    """What the thing is; the most telling of its classes first, and none that another one implies."""
    found = [v.value for v in teller.document.values(teller.document.iri, TYPE) if isinstance(v, ox.NamedNode)]
    if len(found) > 1:
        found = [x for x in found if x not in _IMPLIED] or found
    return [teller.name(iri) for iri in found]


_IMPLIED = frozenset({"http://www.w3.org/ns/org#Organization", f"{SKOS}Concept", f"{OWL}Thing"})
"""Classes that are not worth a word beside another one."""


def _lede(statements: list[Statement], languages: tuple[str, ...]) -> Statement | None:
    """The statement that says in a sentence what the thing is."""
    for property_ in (f"{DCTERMS}description", f"{SKOS}definition"):
        texts = [s for s in statements if s.property == property_]
        said = {s.object.language: s for s in texts if isinstance(s.object, ox.Literal)}
        if said:
            return next((said[x] for x in languages if x in said), next(iter(said.values())))
    return None


def _preferred(terms: list[Any], languages: Sequence[str]) -> Text | None:
    texts = {term.language: term.value for term in terms if isinstance(term, ox.Literal)}
    language = next((x for x in (*languages, *texts) if x in texts), None)
    return Text(texts[language], language) if texts else None


def _source(teller: Teller, graph: str, number: int) -> dict[str, Any]:
    """A source as the list at the end of a page names it."""
    document, iris = teller.document, teller.iris
    rank = document.value_of(graph, iris.term("rank"))
    publisher = document.value_of(graph, f"{DCTERMS}publisher")
    return {
        "number": number,
        "name": teller.name(graph),
        "href": teller.links.of(graph),
        "publisher": teller.name(publisher) if publisher else document.value_of(graph, iris.term("publisherName")),
        "rank": rank and (rank.rpartition("/")[2].upper(), teller.name(rank)),
        "address": (address := document.value_of(graph, f"{DCTERMS}source")) and teller.links.of(address) and address,
        "retrieved": document.value_of(graph, iris.term("retrievedOn")),
    }


def _parts(teller: Teller) -> list[dict[str, Any]]:
    """The terms of an ontology document: what the document names with a fragment of its own IRI."""
    document = teller.document
    prefix = f"{document.iri}#"
    made = []
    for iri, statements in document.relations.items():
        if not iri.startswith(prefix):
            continue
        types = {s.object.value for s in statements if s.property == TYPE}
        section = "classes" if f"{OWL}Class" in types else "properties" if _is_property(types) else "individuals"
        leave_out = frozenset({TYPE, f"{OWL}disjointWith", f"{RDFS}isDefinedBy"})
        labels = {
            getattr(s.object, "language", None): s.object.value for s in statements if s.property == f"{RDFS}label"
        }
        definition = [s.object for s in statements if s.property.endswith("core#definition")]
        shown = frozenset({f"{SKOS}definition", f"{RDFS}label"})
        made.append(
            {
                "id": iri.removeprefix(prefix),
                "section": section,
                "name": teller.name(iri),
                "labels": [Text(labels[x], x) for x in LANGUAGES if x in labels],
                "definition": _preferred(definition, teller.languages),
                "texts": [iri.removeprefix(prefix), *(s.object.value for s in statements if _is_text(s.object))],
                "facts": teller.facts((replace(s, sources=()) for s in statements), leave_out=leave_out | shown),
            }
        )
    return sorted(made, key=lambda part: str(part["id"]).casefold())


def _is_text(term: Term) -> bool:
    return isinstance(term, ox.Literal) and term.language is not None


def _is_property(types: set[str]) -> bool:
    return any(x.endswith("Property") for x in types)


def problem_page(problem: Mapping[str, Any], links: Links) -> bytes:
    """An error as a page for a browser."""
    return render("problem.html", links, problem=problem)


def name_of(iri: str, names: Mapping[str, str], languages: tuple[str, ...], iris: Iris) -> Text:
    """The name of a thing out of its names by language."""
    for language in languages:
        if language in names:
            return Text(names[language], language)
    for language, name in names.items():
        return Text(name, language or None)
    return Text(local_name(iri, iris))


def plain_value(term: Term, links: Links, name: Callable[[str], Text]) -> Value:
    """A term as it is shown outside a document."""
    if isinstance(term, ox.NamedNode):
        return Value(name(term.value), links.of(term.value))
    return literal_value(term, links)
