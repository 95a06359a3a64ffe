"""SPARQL 1.1 Query over HTTP: nothing is lost or changed between the engine and the client, in any format.

Each query is asked over HTTP and of the engine in this process, on the same data; the answers are compared as what
they say. The queries follow the sections of https://www.w3.org/TR/sparql11-query/.
"""

# ruff: noqa: E501 -- a corpus of queries

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpx
import pyoxigraph as ox
import pytest

from v4graph.rdf import GRAPH_FORMATS, rdf_format

from .conftest import Server

DATA = r"""
PREFIX : <http://example.org/>
PREFIX foaf: <http://xmlns.com/foaf/0.1/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
:anna a :Person ; :name "Anna" , "Aňa"@cs ; :age 31 ; :knows :béla , :cyril ; :born "1993-02-28"^^xsd:date .
:béla a :Person ; :name "Béla"@hu , "\uD55C\uAE00"@ko ; :age 42.50 ; :knows :cyril ; :height 1.8e0 .
:cyril a :Person , :Robot ; :name "Cyril" ; :age 42 ; :knows :cyril ; :seen "2024-02-29T23:59:59.5+01:00"^^xsd:dateTime .
:dora a :Robot ; :mail <mailto:dora@example.org> ; :on true .
:text :quotes "say \"yes\", it's" ; :lines "one\ntwo\r\nthree" ; :tabs "a\tb" ; :backslash "c:\\new\\table" ;
  :beyond "\U0001F600 \U0001D54F \U0002000B" ; :combining "e\u0301" ; :empty "" , ""@en ; :spaces "  two  " ;
  :markup "<b>&amp;</b> ]]>" ; :comma "1,2;3" ; :lang "colour"@en-GB , "color"@en-US , "farba"@sk ;
  :date "2024-01-31"^^xsd:date ; :typed "x"^^:own ; :wrong "abc"^^xsd:integer ; :number 1 , 1.0 , 1.0e0 , "01"^^xsd:integer .
:list :items ( 1 "two" :three ) .
:blank :has [ :part "p" ; :next [ :part "q" ] ] .
<http://example.org/%C3%A9?a=b&c=d#e> :name "an address" .
:g1 :label "the first" .
GRAPH :g1 { :anna :likes :béla ; :score 3 . :béla :likes :anna ; :score 5 . _:x :note "only here" }
GRAPH :g2 { :anna :likes :cyril ; :score 4 . :text :lines "in\ng2" }
GRAPH :g3 { }
"""

PREFIXES = """PREFIX : <http://example.org/>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""

SOLUTIONS = {
    "everything": "SELECT * { ?s ?p ?o }",
    "awkward literals": "SELECT ?p ?o { :text ?p ?o }",
    "optional": "SELECT ?s ?h { ?s a :Person OPTIONAL { ?s :height ?h } }",
    "optional within optional": "SELECT * { ?s a :Person OPTIONAL { ?s :knows ?k OPTIONAL { ?k :height ?h } } }",
    "optional with a filter": "SELECT * { ?s :age ?a OPTIONAL { ?s :knows ?k FILTER(?a > 40) } }",
    "minus": "SELECT ?s { ?s a ?c MINUS { ?s a :Robot } }",
    "minus that shares nothing": "SELECT ?s { ?s a :Person MINUS { ?x :on ?y } }",
    "union": "SELECT * { { ?s :on ?on } UNION { ?s :height ?h } UNION { ?s :mail ?mail } }",
    "filter exists": "SELECT ?s { ?s a :Person FILTER EXISTS { ?s :height ?h } }",
    "filter not exists": "SELECT ?s { ?s a :Person FILTER NOT EXISTS { ?s :knows ?s } }",
    "filter on what is unbound": "SELECT ?s { ?s a :Person OPTIONAL { ?s :height ?h } FILTER(!BOUND(?h)) }",
    "an error in a filter": "SELECT ?s { ?s :name ?n FILTER(?n + 1 > 2 || ?n = 'Anna') }",
    "path sequence": "SELECT * { ?s :knows/:knows ?o }",
    "path alternative": "SELECT * { :anna :knows|:likes|:age ?o }",
    "path inverse": "SELECT * { ?s ^:knows :anna }",
    "path one or more": "SELECT * { ?s :knows+ ?o }",
    "path zero or more": "SELECT * { :anna :knows* ?o }",
    "path zero or one": "SELECT * { :béla :knows? ?o }",
    "path of what is not": "SELECT * { :béla !(rdf:type|:name|^:knows) ?o }",
    "path into a list": "SELECT ?item { :list :items/rdf:rest*/rdf:first ?item }",
    "path in a named graph": "SELECT * { GRAPH ?g { ?s :likes+ ?o } }",
    "group": "SELECT ?c (COUNT(?s) AS ?n) { ?s a ?c } GROUP BY ?c",
    "group by an expression": "SELECT ?l (COUNT(*) AS ?n) { ?s :name ?x } GROUP BY (LANG(?x) AS ?l)",
    "having": "SELECT ?c { ?s a ?c } GROUP BY ?c HAVING (COUNT(?s) > 2)",
    "sum avg min max": "SELECT (SUM(?a) AS ?sum) (AVG(?a) AS ?avg) (MIN(?a) AS ?min) (MAX(?a) AS ?max) { ?s :age ?a }",
    "count distinct": "SELECT (COUNT(DISTINCT ?o) AS ?n) (COUNT(*) AS ?all) { ?s :knows ?o }",
    "group_concat of one": "SELECT ?s (GROUP_CONCAT(?n; SEPARATOR='\\n\"') AS ?all) { ?s :mail|:label ?n } GROUP BY ?s",
    "sample": "SELECT (SAMPLE(?a) AS ?any) { :anna :age ?a }",
    "aggregate of nothing": "SELECT (COUNT(*) AS ?n) (SUM(?x) AS ?sum) (MAX(?x) AS ?max) { ?s :nothing ?x }",
    "aggregate with an error": "SELECT ?s (SUM(?n) AS ?sum) { ?s :name ?n } GROUP BY ?s",
    "subquery": "SELECT ?s ?max { { SELECT (MAX(?a) AS ?max) { ?x :age ?a } } ?s :age ?max }",
    "subquery with a limit": "SELECT ?s ?n { { SELECT ?s { ?s a :Person } ORDER BY ?s LIMIT 2 } ?s :name ?n }",
    "values": "SELECT * { VALUES (?s ?x) { (:anna 1) (:béla UNDEF) (UNDEF 'x'@en) } ?s :age ?a }",
    "values at the end": "SELECT * { ?s :age ?a } VALUES ?a { 31 42 }",
    "bind": "SELECT * { ?s :age ?a BIND(?a * 2 AS ?double) BIND(?double / 0 AS ?none) }",
    "select expressions": "SELECT ?s (?a + 1 AS ?next) (STR(?next) AS ?text) { ?s :age ?a }",
    "all named graphs": "SELECT * { GRAPH ?g { ?s ?p ?o } }",
    "one named graph": "SELECT * { GRAPH :g1 { ?s :score ?n } }",
    "an empty graph": "SELECT ?g { GRAPH ?g {} }",
    "a graph that is not there": "SELECT * { GRAPH :nowhere { ?s ?p ?o } }",
    "a graph and the default": "SELECT * { ?g :label ?l GRAPH ?g { ?s :score ?n } }",
    "from": "SELECT * FROM :g1 FROM :g2 { ?s :score ?n }",
    "from named": "SELECT * FROM NAMED :g1 { { GRAPH ?g { ?s :likes ?o } } UNION { ?s ?p ?o } }",
    "from and from named": "SELECT * FROM :g1 FROM NAMED :g2 { ?s :score ?n GRAPH ?g { ?s :score ?m } }",
    "distinct": "SELECT DISTINCT ?o { ?s :knows ?o }",
    "reduced": "SELECT REDUCED ?s { ?s :mail ?o }",
    "order": "SELECT ?s ?a { ?s :age ?a } ORDER BY DESC(?a) ?s",
    "order of everything": "SELECT ?o { :text ?p ?o FILTER(isLiteral(?o)) } ORDER BY STR(?o) LANG(?o) STR(DATATYPE(?o))",
    "limit and offset": "SELECT ?s { ?s a :Person } ORDER BY ?s LIMIT 1 OFFSET 1",
    "limit of none": "SELECT * { ?s ?p ?o } LIMIT 0",
    "no solution": "SELECT ?a ?b { ?a :nothing ?b }",
    "one empty solution": "SELECT * {}",
    "no variables but solutions": "SELECT ?never { ?s a :Person }",
    "tests of terms": "SELECT ?o (isIRI(?o) AS ?i) (isBlank(?o) AS ?b) (isLiteral(?o) AS ?l) (isNumeric(?o) AS ?n) { ?s ?p ?o }",
    "parts of literals": "SELECT ?o (STR(?o) AS ?s) (LANG(?o) AS ?l) (DATATYPE(?o) AS ?d) { :text ?p ?o }",
    "language ranges": "SELECT ?o { :text :lang ?o FILTER(LANGMATCHES(LANG(?o), 'en')) }",
    "strings": "SELECT (STRLEN(?o) AS ?n) (UCASE(?o) AS ?u) (LCASE(?o) AS ?l) (SUBSTR(?o, 2, 3) AS ?s) { :text ?p ?o }",
    "more of strings": "SELECT ?o (CONCAT(?o, '!') AS ?c) (STRBEFORE(?o, 'e') AS ?b) (STRAFTER(?o, 'e') AS ?a) (CONTAINS(?o, 'o') AS ?x) (STRSTARTS(?o, 'o') AS ?y) (STRENDS(?o, 'e') AS ?z) { :text ?p ?o }",
    "percent encoding": "SELECT ?o (ENCODE_FOR_URI(?o) AS ?e) { :text ?p ?o }",
    "regex and replace": "SELECT ?o (REPLACE(?o, '([aeo])\\\\s*', '[$1]', 'i') AS ?r) { :text ?p ?o FILTER(REGEX(STR(?o), '^\\\\S+.', 's')) }",
    "making terms": "SELECT (IRI('rel') AS ?i) (STRDT('1', xsd:byte) AS ?t) (STRLANG('a', 'de-AT') AS ?l) (xsd:integer('7') AS ?n) {}",
    "numbers": "SELECT ?a (ABS(-?a) AS ?b) (ROUND(?a) AS ?r) (CEIL(?a) AS ?c) (FLOOR(?a) AS ?f) (?a / 3 AS ?d) { ?s :age|:height ?a }",
    "numbers that are equal": "SELECT ?a ?b { :text :number ?a , ?b FILTER(?a = ?b && !sameTerm(?a, ?b)) }",
    "dates": "SELECT (YEAR(?d) AS ?y) (MONTH(?d) AS ?m) (DAY(?d) AS ?t) (HOURS(?d) AS ?h) (MINUTES(?d) AS ?i) (SECONDS(?d) AS ?s) (TIMEZONE(?d) AS ?z) (TZ(?d) AS ?tz) { ?x :seen ?d }",
    "dates compared": "SELECT ?d { ?s :born|:date ?d FILTER(?d < '2000-01-01'^^xsd:date) }",
    "hashes": "SELECT ?o (MD5(?o) AS ?a) (SHA1(?o) AS ?b) (SHA256(?o) AS ?c) (SHA384(?o) AS ?d) (SHA512(?o) AS ?e) { :text :beyond|:empty|:lines ?o }",
    "choices": "SELECT ?s (IF(BOUND(?h), 'tall', 'unknown') AS ?x) (COALESCE(?h, ?a, 0) AS ?y) { ?s a :Person ; :age ?a OPTIONAL { ?s :height ?h } }",
    "in and not in": "SELECT ?a { ?s :age ?a FILTER(?a IN (31, 42) && ?a NOT IN (31.0)) }",
    "casts": "SELECT ?a (xsd:string(?a) AS ?s) (xsd:double(?a) AS ?d) (xsd:boolean(?a) AS ?b) (xsd:decimal('1.50') AS ?e) { ?x :age ?a }",
    "the same time within one query": "SELECT (NOW() = NOW() AS ?same) (STRLEN(STRUUID()) AS ?n) (isBlank(BNODE()) AS ?b) (RAND() < 1 AS ?r) {}",
    "a name within the text": "SELECT ?s { ?s :name 'Aňa'@cs ; :knows <http://example.org/b\\u00E9la> }",
    "blank nodes": "SELECT ?b ?p ?o { :blank (:has|:next)+ ?b . ?b ?p ?o }",
    "many columns": f"SELECT {' '.join(f'(?a + {n} AS ?c{n})' for n in range(40))} {{ ?s :age ?a }}",
}  # fmt: skip

GRAPHS = {
    "construct": "CONSTRUCT { ?o :knownBy ?s } { ?s :knows ?o }",
    "construct where": "CONSTRUCT WHERE { ?s a :Person ; :name ?n }",
    "construct with blank nodes": "CONSTRUCT { [] :about ?s ; :age ?a } { ?s :age ?a }",
    "construct of awkward literals": "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o FILTER(?s = :text) }",
    "construct of nothing": "CONSTRUCT { ?s :p ?none } { ?s a :Person }",
    "construct everything": "CONSTRUCT { ?s ?p ?o } { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }",
    "construct from": "CONSTRUCT { ?s :likes ?o } FROM :g1 FROM :g2 { ?s :likes ?o }",
    "describe": "DESCRIBE :text :nobody",
    "describe what is found": "DESCRIBE ?s { ?s a :Robot }",
    "describe with blank nodes": "DESCRIBE :blank",
}

YES_OR_NO = {
    "ask yes": "ASK { :text :beyond '😀 𝕏 𠀋' }",
    "ask no": "ASK { :text :combining 'é' }",
    "ask of nothing": "ASK {}",
    "ask with a path": "ASK { :anna :knows+/:knows :anna }",
}

Solutions = tuple[tuple[str, ...], Counter[tuple[str, ...]], list[str]]


@dataclass(frozen=True, slots=True)
class Both:
    """The server and the engine, with the same data."""

    client: httpx.Client
    store: ox.Store

    def over_http(self, query: str, media_type: str) -> bytes:
        answer = self.client.post("/sparql", data={"query": PREFIXES + query}, headers={"Accept": media_type})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].split(";")[0] == media_type
        return answer.content

    def here(self, query: str) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        return self.store.query(PREFIXES + query, base_iri=str(self.client.base_url.join("/sparql")))


@pytest.fixture(scope="module")
def both(scratch: Server) -> Iterator[Both]:
    store = ox.Store()
    store.load(DATA.encode(), ox.RdfFormat.TRIG)
    with httpx.Client(base_url=scratch.url, timeout=20) as client:
        assert client.post("/sparql", data={"update": "DROP ALL"}).status_code == 204
        for graph in (None, *store.named_graphs()):
            triples = (quad.triple for quad in store.quads_for_pattern(None, None, None, graph or ox.DefaultGraph()))
            answer = client.put(
                "/graph",
                params={"default": ""} if graph is None else {"graph": str(graph.value)},
                content=ox.serialize(triples, format=ox.RdfFormat.TURTLE),
                headers={"Content-Type": "text/turtle"},
            )
            assert answer.status_code == 201, answer.text
        yield Both(client, store)


def rows(solutions: ox.QuerySolutions) -> Solutions:
    """What solutions say: columns, rows, and the rows with blank nodes as a graph whose nodes got standard names."""
    names = tuple(variable.value for variable in solutions.variables)
    plain: Counter[tuple[str, ...]] = Counter()
    blank = ox.Dataset()
    for number, solution in enumerate(solutions):
        terms = [solution[name] for name in names]
        if not any(isinstance(term, ox.BlankNode) for term in terms):
            plain[tuple("" if term is None else str(term) for term in terms)] += 1
            continue
        row = ox.BlankNode(f"row{number}")
        for name, term in zip(names, terms, strict=True):
            if term is not None:
                blank.add(ox.Quad(row, ox.NamedNode(f"x:{name}"), term))
    return names, plain, canonical(blank)


def canonical(dataset: ox.Dataset) -> list[str]:
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return sorted(str(quad) for quad in dataset)


def graph(triples: Iterable[ox.Triple | ox.Quad]) -> list[str]:
    return canonical(ox.Dataset(ox.Quad(*t) if isinstance(t, ox.Triple) else t for t in triples))


@pytest.mark.parametrize("name", SOLUTIONS)
def test_solutions(both, name):
    query = SOLUTIONS[name]
    expected = rows(both.here(query))
    for media_type, syntax in (
        ("application/sparql-results+json", ox.QueryResultsFormat.JSON),
        ("application/sparql-results+xml", ox.QueryResultsFormat.XML),
        ("text/tab-separated-values", ox.QueryResultsFormat.TSV),
    ):
        found = ox.parse_query_results(both.over_http(query, media_type), syntax)
        assert rows(found) == expected, media_type
    # CSV says no kinds of terms: it is compared as text, without the names of blank nodes
    written = both.here(query).serialize(format=ox.QueryResultsFormat.CSV)
    assert sorted_lines(both.over_http(query, "text/csv")) == sorted_lines(written)


def sorted_lines(csv: bytes) -> list[str]:
    head, *lines = csv.decode().split("\r\n")
    return [head, *sorted(",".join("_:" if cell.startswith("_:") else cell for cell in s.split(",")) for s in lines)]


@pytest.mark.parametrize("name", ["order", "order of everything", "limit and offset"])
def test_the_order_is_kept(both, name):
    query = SOLUTIONS[name]
    for media_type, syntax in (
        ("application/sparql-results+json", ox.QueryResultsFormat.JSON),
        ("application/sparql-results+xml", ox.QueryResultsFormat.XML),
        ("text/tab-separated-values", ox.QueryResultsFormat.TSV),
        ("text/csv", ox.QueryResultsFormat.CSV),
    ):
        assert both.over_http(query, media_type) == both.here(query).serialize(format=syntax)


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs(both, name):
    expected = graph(both.here(GRAPHS[name]))
    for fmt in GRAPH_FORMATS:
        found = ox.parse(both.over_http(GRAPHS[name], fmt.media_type), rdf_format(fmt))
        assert graph(found) == expected, fmt.label


@pytest.mark.parametrize("name", YES_OR_NO)
def test_yes_or_no(both, name):
    query = YES_OR_NO[name]
    for media_type, syntax in (
        ("application/sparql-results+json", ox.QueryResultsFormat.JSON),
        ("application/sparql-results+xml", ox.QueryResultsFormat.XML),
        ("text/csv", ox.QueryResultsFormat.CSV),
        ("text/tab-separated-values", ox.QueryResultsFormat.TSV),
    ):
        assert both.over_http(query, media_type) == both.here(query).serialize(format=syntax)
    assert bool(both.here("ASK {}")) is True


def test_the_dataset_of_the_request(both):
    named, default = "http://example.org/g2", "http://example.org/g1"
    query = f"{PREFIXES} SELECT * {{ ?s :score ?n GRAPH ?g {{ ?s :score ?m }} }}"
    answer = both.client.get(
        "/sparql", params={"query": query, "default-graph-uri": default, "named-graph-uri": named, "format": "json"}
    )
    here = both.store.query(query, default_graph=[ox.NamedNode(default)], named_graphs=[ox.NamedNode(named)])
    found = ox.parse_query_results(answer.content, ox.QueryResultsFormat.JSON)
    expected = rows(here)
    assert rows(found) == expected
    assert expected[1].total() == 1


def test_what_was_put_is_what_is_there(both):
    for name in (None, *both.store.named_graphs()):
        params = {"default": ""} if name is None else {"graph": name.value}
        expected = graph(q.triple for q in both.store.quads_for_pattern(None, None, None, name or ox.DefaultGraph()))
        for fmt in GRAPH_FORMATS:
            answer = both.client.get("/graph", params=params, headers={"Accept": fmt.media_type})
            assert graph(ox.parse(answer.content, rdf_format(fmt))) == expected, (name, fmt.label)
