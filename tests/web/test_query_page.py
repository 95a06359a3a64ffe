"""``/sparql`` in a browser: the form, answers as a table, errors above the query; without JavaScript."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from .conftest import Server

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def browser(small: Server) -> httpx.Client:
    return httpx.Client(base_url=small.url, headers=BROWSER)


def ask(browser: httpx.Client, query: str) -> httpx.Response:
    with browser:
        return browser.get("/sparql", params={"query": query, "format": "html"})


def test_the_form_starts_with_a_query_that_works(browser: httpx.Client) -> None:
    with browser:
        page = browser.get("/sparql")
        assert page.headers["content-type"].startswith("text/html")
        [text] = re.findall(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)
        query = text.replace("&lt;", "<").replace("&gt;", ">").replace("&#39;", "'").replace("&amp;", "&")
        assert browser.get("/sparql", params={"query": query, "format": "csv"}).status_code == 200
        assert '<label for="query" id="query-label">' in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]


def test_rows_are_a_table(browser: httpx.Client) -> None:
    page = ask(browser, "SELECT ?city ?people { ?city <http://example.org/population> ?people } ORDER BY ?people")
    assert page.status_code == 200
    assert re.findall(r'<th scope="col">(\w+)</th>', page.text) == ["city", "people"]
    assert page.text.index("229040") < page.text.index("284765")
    assert '<a href="http://example.org/kosice" lang="sk">Košice</a>' in page.text
    assert "2 rows" in page.text


def test_a_long_table_says_that_it_is_cut(browser: httpx.Client) -> None:
    page = ask(browser, "SELECT ?s { GRAPH ?g { ?s <http://example.org/says> ?o } } LIMIT 600")
    assert page.text.count("<tr>") == 501
    assert "http://example.org/n17" in page.text
    assert "500 rows of 600" in page.text
    assert "the downloads have all" in page.text


def test_a_truth_value_and_a_graph(browser: httpx.Client) -> None:
    with browser:
        yes = browser.get("/sparql", params={"query": "ASK { ?s ?p 284765 }", "format": "html"})
        assert "Yes" in yes.text
        graph = browser.get("/sparql", params={"query": "DESCRIBE <http://example.org/kosice>", "format": "html"})
        assert "Košice" in graph.text


def test_an_error_stands_above_the_query(browser: httpx.Client) -> None:
    page = ask(browser, "SELECT * {\n ?s skos:prefLabel ?o }")
    assert page.status_code == 400
    assert "Line 2, column 5" in page.text
    assert "PREFIX skos: &lt;http://www.w3.org/2004/02/skos/core#&gt;" in page.text
    assert "?s skos:prefLabel ?o }</textarea>" in page.text


def test_hostile_text_stays_text(browser: httpx.Client) -> None:
    page = ask(
        browser, 'SELECT ("<script>alert(1)</script>" AS ?x) ("javascript:alert(1)" AS ?y) {} #</textarea><script>'
    )
    assert "<script>" not in page.text
    assert 'href="javascript' not in ask(
        httpx.Client(base_url=page.url.copy_with(path="/", query=None), headers=BROWSER),
        "SELECT (IRI('javascript:alert(1)') AS ?x) {}",
    ).text.replace("&#39;", "'")


def test_other_clients_get_the_description(small: Server) -> None:
    answer = httpx.get(f"{small.url}/sparql", headers={"Accept": "text/turtle"})
    assert answer.headers["content-type"].startswith("text/turtle")


def test_each_answer_has_a_nonce_of_its_own(browser: httpx.Client) -> None:
    with browser:
        pages = [browser.get("/sparql") for _ in range(2)]
    nonces = [re.search(r"style-src 'self'[^;]* 'nonce-([\w-]+)'", p.headers["content-security-policy"]) for p in pages]
    assert all(nonce and f'content="{nonce[1]}"' in page.text for nonce, page in zip(nonces, pages, strict=True))
    assert nonces[0] and nonces[1] and nonces[0][1] != nonces[1][1]


def test_the_answer_goes_along_for_scripts_and_cannot_end_its_block(browser: httpx.Client) -> None:
    page = ask(browser, 'SELECT ("</script><b>" AS ?x) {}')
    [block] = re.findall(r'<script type="application/json" id="solutions">(.*?)</script>', page.text, re.DOTALL)
    assert json.loads(block)["results"]["bindings"] == [{"x": {"type": "literal", "value": "</script><b>"}}]


def test_a_long_query_is_sent_by_post(browser: httpx.Client) -> None:
    with browser:
        form = browser.get("/sparql", params={"lang": "cs"})
        assert 'formmethod="post" formaction="sparql?lang=cs"' in form.text
        page = browser.post("/sparql?lang=cs", data={"query": "ASK {}", "format": "html", "lang": "cs"})
    assert '<p class="lede">Ano</p>' in page.text


def test_the_graphs_asked_for_go_along(browser: httpx.Client) -> None:
    graph = "https://w3id.org/v4graph/graph/first"
    with browser:
        page = browser.get(
            "/sparql", params={"query": "SELECT ?o { ?s ?p ?o }", "format": "html", "default-graph-uri": graph}
        )
    assert "1 row" in page.text and "by the first" in page.text
    assert f'<input type="hidden" name="default-graph-uri" value="{graph}">' in page.text


def test_the_library_stands_beside_in_the_language_of_the_page(browser: httpx.Client) -> None:
    with browser:
        page = browser.get("/sparql", params={"lang": "hu"})
    assert 'href="queries/clusters/count-clusters?lang=hu"' in page.text
    assert "Partnerkeresés" in page.text
