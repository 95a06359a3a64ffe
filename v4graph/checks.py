"""Checks that need nothing but this checkout and its store: vocabulary, schemes, terms, queries, catalogue, data.

SKOS conditions S9, S13, S14, S27, S37, S46 (https://www.w3.org/TR/skos-reference/), pitfalls of OOPS! and metadata of
FOOPS! (``pitfalls.py``; P40 here), DCAT-AP 3.0.1, and VoID against a recount. Each is a pure function that returns
faults: sentences that say what to mend.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import pyoxigraph as ox

from v4graph import assets, catalogue, releases
from v4graph.catalogue import VOID
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.pitfalls import vocabulary_faults
from v4graph.queries import bind, load_query
from v4graph.schemes import Said, skos_faults
from v4graph.statements import TYPE
from v4graph.store.embedded import current

VENDORED = assets.ONTOLOGY / "vendored"
_SH = "http://www.w3.org/ns/shacl#"
_EVER = "2000-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, and what is wrong with it."""

    name: str
    faults: tuple[str, ...]


def all_checks(iris: Iris, home: Path) -> Iterator[Check]:
    """Every check, one after another: of this checkout, and of the data where the home has a store."""
    files = vocabulary_files(iris)
    vocabulary = [t for name, triples in files.items() if _is_vocabulary(name) for t in triples]
    queries = {path.relative_to(assets.ROOT).as_posix(): path.read_text("utf-8") for path in _queries()}
    yield Check(
        "ontology: header, names, texts, places, no cycles (OOPS!, FOOPS!)", (*vocabulary_faults(vocabulary, iris),)
    )
    yield Check("schemes: SKOS S9 S13 S14 S27 S37 S46, cycles, orphans, notations", (*skos_faults(vocabulary, iris),))
    yield Check(
        "terms of ontology, shapes, data and queries exist (P34 P35 P40)", (*term_faults(files, queries, iris),)
    )
    yield Check("queries: titled, and SPARQL 1.1", (*query_faults(queries),))
    yield Check(
        "releases: frozen files are as they were, nothing they had is lost",
        (*releases.all_faults(), *releases.regressions(vocabulary, iris)),
    )
    told = catalogue.description(iris, _EVER, "0")
    yield Check("catalogue: DCAT-AP 3.0.1", (*dcat_faults(told),))
    if snapshot := current(home):
        store = ox.Store.read_only(str(snapshot.path))
        figures = count(store, iris)
        yield Check(
            "figures: VoID equals a recount", (*void_faults(catalogue.statistics(iris, figures, _EVER), store, iris),)
        )
        yield Check("data: IRIs are normal, nothing is a blank node", (*data_faults(store),))


def vocabulary_files(iris: Iris) -> dict[str, list[ox.Triple]]:
    """The Turtle files of the project by their path: ontology, schemes, shapes, data."""
    own = sorted(assets.ONTOLOGY.glob("*.ttl"))
    folders = (assets.ONTOLOGY / "schemes", assets.ONTOLOGY / "examples", assets.SHAPES, assets.DATA)
    paths = [*own, *(path for folder in folders for path in _turtle(folder))]
    found = {}
    for path in paths:
        name = path.relative_to(assets.ROOT).as_posix()
        found[name] = [q.triple for q in ox.parse(iris.rebase(path.read_bytes()), ox.RdfFormat.TURTLE)]
    return found


def _is_vocabulary(name: str) -> bool:
    """Whether a file declares terms or concepts; examples and the catalogue only use them."""
    return name.startswith("ontology/") and "examples/" not in name and not name.endswith("catalogue.ttl")


def _turtle(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.ttl"))


def _queries() -> list[Path]:
    return sorted([*assets.QUERIES.rglob("*.rq"), *assets.SHAPES.rglob("*.rq")])


# --- terms --------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def foreign_terms() -> Mapping[str, frozenset[str]]:
    """The terms of the vocabularies in use, by namespace: ``ontology/vendored/terms.txt``."""
    found: dict[str, set[str]] = {}
    namespace = ""
    for line in (VENDORED / "terms.txt").read_text("utf-8").splitlines():
        if line.startswith("http"):
            namespace = line.strip()
        elif line.startswith(" "):
            found.setdefault(namespace, set()).update(line.split())
    return {space: frozenset(names) for space, names in found.items()}


def term_faults(files: Mapping[str, Sequence[ox.Triple]], queries: Mapping[str, str], iris: Iris) -> Iterator[str]:
    """Terms that nobody declares: a misspelling, or the hijacking of somebody else's namespace."""
    own = _below({t.subject for t in files["ontology/v4graph.ttl"]}, iris.term(""))
    for name, triples in files.items():
        used = {node.value for t in triples for node in t if isinstance(node, ox.NamedNode)}
        used |= {t.object.datatype.value for t in triples if isinstance(t.object, ox.Literal)}
        predicates = {t.predicate.value for t in triples}
        predicates |= {
            t.object.value for t in triples if t.predicate.value == TYPE and isinstance(t.object, ox.NamedNode)
        }
        for term in sorted(used):
            yield from _unknown(term, own, name, iris, must=term in predicates)
    for name, text in queries.items():
        bare = re.sub(r'"(?:[^"\\\n]|\\.)*"|^\s*#.*$', "", text, flags=re.M)
        spaces = dict(re.findall(r"PREFIX\s+([\w-]*):\s*<([^>]*)>", bare, re.I))
        body = re.sub(r"PREFIX\s+[\w-]*:\s*<[^>]*>", "", bare, flags=re.I)
        used = set(re.findall(r"<([^<>\s]+)>", body))
        body = re.sub(r"<[^<>\s]+>", "", body)
        used |= {
            spaces[p] + local for p, local in re.findall(r"(?<![\w?$:])([\w-]+):([A-Za-z_][\w-]*)", body) if p in spaces
        }
        for term in sorted(used):
            yield from _unknown(term.replace(PUBLIC_BASE, iris.base), own, name, iris, must=False)


def _unknown(term: str, own: set[str], name: str, iris: Iris, *, must: bool) -> Iterator[str]:
    if term.startswith(iris.term("")):
        if term not in own and term != iris.term(""):
            yield f"P34/P35: {name} uses {term}; declare it in ontology/v4graph.ttl or correct the spelling"
        return
    if iris.path(term) is not None:
        return
    space = next((s for s in foreign_terms() if term.startswith(s)), None)
    if space is None:
        if must:
            yield f"P40: {name} uses {term}, whose namespace ontology/vendored/terms.txt does not know; add its terms"
    elif term != space and term.removeprefix(space) not in foreign_terms()[space]:
        yield f"P40: {name} uses {term}, which its owner does not define; correct the spelling"


def query_faults(queries: Mapping[str, str]) -> Iterator[str]:
    """Queries without a title or with an error."""
    for name, text in queries.items():
        for key in ("title", "description"):
            if not re.search(rf"^# {key}(@\w+)?:\s*\S", text, re.M):
                yield f"{name}: begin with “# {key}: …”"
        try:
            ox.Store().query(text)
        except SyntaxError as error:
            yield f"{name} is not SPARQL: {error}"


# --- the catalogue ------------------------------------------------------------------------------------------------


def dcat_faults(triples: Iterable[ox.Triple]) -> Iterator[str]:
    """What the official shapes of DCAT-AP 3.0.1 find."""
    import pyshacl
    import rdflib

    shapes = rdflib.Graph().parse(VENDORED / "dcat-ap-3.0.1.turtle", format="turtle")
    path, part = rdflib.URIRef(f"{_SH}path"), rdflib.URIRef(f"{_SH}property")
    for shape, _, property_ in list(shapes.triples((None, part, None))):
        if (property_, path, None) not in shapes:  # two names in the released file stand for nothing
            shapes.remove((shape, part, property_))
    text = ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES)
    data = rdflib.Graph().parse(data=text, format="nt")
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, advanced=False)
    sh = partial(rdflib.URIRef.__add__, rdflib.URIRef(_SH))
    for result in sorted(report.subjects(rdflib.RDF.type, sh("ValidationResult"))):
        where, which = report.value(result, sh("focusNode")), report.value(result, sh("resultPath"))
        what = report.value(result, sh("resultMessage"))
        yield f"{where}: {which}: {what}; mend ontology/catalogue.ttl"


def count(store: ox.Store, iris: Iris) -> catalogue.Figures:
    """The figures that the queries of the catalogue give, asked of a store in this process."""
    answers = {}
    for name in catalogue.QUERIES:
        solutions = store.query(bind(load_query(f"platform/{name}", iris), **catalogue.values(iris)))
        assert isinstance(solutions, ox.QuerySolutions)
        names = [variable.value for variable in solutions.variables]
        answers[name] = [
            {key: term for key, term in zip(names, row, strict=True) if isinstance(term, ox.NamedNode | ox.Literal)}
            for row in solutions
        ]
    return catalogue.figures(answers)


def void_faults(told: Iterable[ox.Triple], store: ox.Store, iris: Iris) -> Iterator[str]:
    """Figures that differ from a recount, statement by statement."""
    said = Said(told)
    subjects, objects, classes = set(), set(), set()
    properties: Counter[str] = Counter()
    graphs: Counter[str] = Counter()
    for quad in store:
        if isinstance(quad.graph_name, ox.NamedNode):
            graphs[quad.graph_name.value] += 1
            continue
        subjects.add(quad.subject)
        objects.add(quad.object)
        properties[quad.predicate.value] += 1
        if quad.predicate.value == TYPE:
            classes.add((quad.subject, quad.object))
    view = catalogue.resolved(iris)
    expected: dict[tuple[str, str], int] = {
        (catalogue.dataset(iris), "triples"): len(store),
        (view, "triples"): properties.total(),
        (view, "distinctSubjects"): len(subjects),
        (view, "distinctObjects"): len(objects),
        (view, "properties"): len(properties),
        (view, "entities"): len(_below(subjects, f"{iris.base}id/")),
        **{(graph, "triples"): number for graph, number in graphs.items()},
    }
    for kind, counted, found in (
        ("class", "entities", Counter(c.value for _, c in classes if isinstance(c, ox.NamedNode))),
        ("property", "triples", properties),
    ):
        parts = {next(iter(said.iris(p, VOID + kind)), ""): p for p in said.iris(view, f"{VOID}{kind}Partition")}
        expected |= {(parts.get(iri, iri), counted): number for iri, number in found.items()}
        for iri in sorted(parts.keys() - found.keys()):
            yield f"VoID tells of the {kind} {iri}, which the store does not have; see queries/platform/void-*.rq"
    for (subject, name), number in sorted(expected.items()):
        figures = [value.value for value in said.texts(subject, VOID + name)]
        if figures != [str(number)]:
            told_of = f"VoID says void:{name} {figures or 'nothing'} of {subject}"
            yield f"{told_of}, the store has {number}; see queries/platform/void-*.rq"


def data_faults(store: ox.Store) -> Iterator[str]:
    """IRIs that are not in normal form, lead to a placeholder, or have no name at all."""
    seen: set[str] = set()
    for quad in store:
        for node in (quad.subject, quad.object):
            if isinstance(node, ox.BlankNode):
                yield f"{quad} has a blank node; give it an IRI"
            elif isinstance(node, ox.NamedNode) and node.value not in seen:
                seen.add(node.value)
                if not unicodedata.is_normalized("NFC", node.value):
                    yield f"{node} is not in Unicode form NFC; write it so and load again"
                if re.match(r"https?://(localhost|127\.0\.0\.1|(www\.)?example\.(org|com))\b", node.value):
                    yield f"{node} is a placeholder; correct it where it is stated and load again"


def _below(nodes: Iterable[object], space: str) -> set[str]:
    found = {node.value for node in nodes if isinstance(node, ox.NamedNode)}
    return {iri for iri in found if iri.startswith(space) and iri != space}
