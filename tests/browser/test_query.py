"""The query page in a browser: typed with completion, run, looked at, shared; by keyboard, and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FULL, Site

V4 = "https://w3id.org/v4graph/ontology#"
COUNTRIES = f"""PREFIX v4: <{V4}>
SELECT ?country (COUNT(?cluster) AS ?clusters) {{ ?cluster a v4:ClusterOrganisation ; v4:country ?country }}
GROUP BY ?country ORDER BY DESC(?clusters)"""
PLACES = """PREFIX schema: <https://schema.org/>
SELECT ?place ?lat ?long { ?place schema:latitude ?lat ; schema:longitude ?long }"""
LEADS = f"SELECT ?project ?lead {{ ?project <{V4}leadPartner> ?lead }}"
SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i FILTER(?a != ?g) }"


def asked(query: str) -> str:
    return f"/sparql?format=html&query={quote(query)}"


def ready(page: Page) -> None:
    page.locator(".cm-content").wait_for()


def write(page: Page, query: str) -> None:
    """Put a query into the editor, as by pasting."""
    ready(page)
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(query)


def choose(page: Page, view: str) -> None:
    page.locator(f"#view-{view}").click()


def test_a_query_is_typed_with_completion_by_keyboard(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path="/sparql?lang=cs") as page:
        ready(page)
        page.locator(".cm-content").focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.type("SELECT ?x { ?x a klastrova")  # by its Czech label
        option = page.locator(".cm-tooltip-autocomplete [aria-selected]")
        expect(option).to_contain_text("v4:ClusterOrganisation")
        expect(page.locator(".cm-completionInfo")).to_contain_text("Klastrová organizace")
        check(page)
        page.wait_for_timeout(100)  # the editor takes no choice in the first moment, lest a line end chooses
        page.keyboard.press("Enter")
        page.keyboard.type(" } LIMIT 3")
        page.keyboard.press("Escape")
        expect(page.locator(".cm-content")).to_contain_text(
            f"PREFIX v4: <{V4}>SELECT ?x {{ ?x a v4:ClusterOrganisation }}"
        )
        page.keyboard.press("Control+Enter")
        expect(page.locator("#results tbody tr")).to_have_count(3)
        expect(page.locator("#status")).to_contain_text("Počet řádků: 3")


def test_tab_leaves_the_editor(site: Site) -> None:
    with site.page(path="/sparql") as page:
        ready(page)
        page.locator(".cm-content").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "run"
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.className").startswith("cm-content")


def test_the_table_is_sorted_filtered_and_turned(site: Site) -> None:
    query = 'SELECT ?x ?name { ?x <http://www.w3.org/2004/02/skos/core#prefLabel> ?name FILTER(LANG(?name) = "cs") }'
    with site.page(path="/sparql?lang=cs") as page:
        write(page, f"{query} LIMIT 400")
        page.keyboard.press("Control+Enter")
        rows = page.locator("#results tbody tr")
        expect(rows).to_have_count(50)
        page.locator("#results .pages button").last.click()
        expect(page.locator("#results .pages")).to_contain_text("51–100")
        head = page.locator("#results .sort").last
        head.click()
        expect(page.locator("th[aria-sort=ascending]")).to_have_text("name")
        names = page.locator("#results td:nth-child(2) > span").all_inner_texts()
        initials = [name[0].casefold() for name in names if name[0].isascii() and name[0].isalpha()]
        assert initials == sorted(initials) and len(names) == 50
        head.click()
        expect(page.locator("th[aria-sort=descending]")).to_have_text("name")
        page.locator("#results input[type=search]").fill("ostrava")
        expect(rows.first).to_contain_text("Ostrava")
        expect(page.locator("#results .narrow [role=status]")).to_contain_text("400")
        # things stand by their names, words say their language
        expect(rows.first.locator("a")).not_to_contain_text("http")
        expect(rows.first.locator(".tag")).to_have_text("cs")


@pytest.mark.parametrize("dark", [False, True])
def test_a_chart_is_drawn(site: Site, check: Callable[[Page], None], dark: bool) -> None:
    with site.page(path=asked(COUNTRIES), dark=dark) as page:
        choose(page, "chart")
        chart = page.locator("svg.plot")
        chart.wait_for()
        assert chart.locator("rect").count() > 5
        assert "Chart of clusters by country" in (chart.get_attribute("aria-label") or "")
        expect(chart).to_contain_text("Czechia")
        check(page)


def test_places_are_points_on_a_map(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path=asked(PLACES), dark=True) as page:
        choose(page, "map")
        page.locator(".mapped canvas").wait_for()
        expect(page.locator("#view")).to_contain_text("points")
        check(page)


def test_two_columns_of_things_are_a_network(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path=asked(LEADS)) as page:
        choose(page, "network")
        nodes = page.locator("svg.network a")
        nodes.first.wait_for()
        assert nodes.count() > 10
        check(page)
        nodes.first.focus()
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.getAttribute('href')").startswith("http")
        assert page.locator("svg.network a[tabindex='0']").count() == 1


def test_only_views_that_fit_are_offered(site: Site) -> None:
    with site.page(path=asked("SELECT ?x { BIND('one' AS ?x) }")) as page:
        expect(page.locator("[role=tab]")).to_have_text(["Table", "Raw"])
        page.locator("#view-table").press("ArrowRight")
        expect(page.locator("#view pre")).to_contain_text('"value": "one"')
        expect(page.locator("#view-raw")).to_be_focused()


def test_an_error_is_marked_at_its_place_and_mended(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path="/sparql?lang=de") as page:
        write(page, "SELECT ?x {\n  ?x skos:prefLabel ?y }")
        page.locator("#run").click()
        expect(page.locator(".cm-lintRange-error")).to_have_text("skos:prefLabel")
        told = page.get_by_role("alert")
        expect(told).to_contain_text("Line 2, column 6")
        check(page)
        told.get_by_role("button", name="Beheben: PREFIX skos:").click()
        expect(page.locator("#results tbody tr").first).to_be_visible()
        expect(page.locator(".cm-lintRange-error")).to_have_count(0)
        expect(told).to_have_count(0)


def test_a_query_of_the_library_is_found_and_filled_in(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path="/sparql") as page:
        ready(page)
        page.locator("#find").fill("how many cluster organisations per country")
        expect(page.locator("#library li:visible")).to_have_count(1)
        page.locator("#library li:visible a").click()
        expect(page.locator("#results tbody tr").first).to_be_visible()
        page.get_by_label("country").select_option("country:SVK")
        page.get_by_role("button", name="Fill in").click()
        expect(page.locator(".cm-content")).to_contain_text("authority/country/SVK")
        expect(page.locator("#results td:first-child").first).to_have_text("Slovakia")
        cells = set(page.locator("#results td:first-child").all_inner_texts())
        assert cells == {"Slovakia"}
        check(page)


def test_a_link_brings_the_query_and_its_answer_back(site: Site) -> None:
    with site.page(path="/sparql") as page:
        write(page, "SELECT (1 + 1 AS ?two) {}")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#results td")).to_have_text("2")
        page.get_by_text("Share and cite").click()
        link = page.get_by_role("textbox", name="Link to this query").input_value()
        assert link == page.url and "query=" in link
        snapshot = site.server.app.state.sandbox.snapshot.number
        cited = page.get_by_role("textbox", name="Citation").input_value()
        assert f"snapshot {snapshot} of " in cited and f"?snapshot={snapshot}&query=" in cited
    with site.page(path=link.removeprefix(site.server.url)) as page:
        expect(page.locator("#results td")).to_have_text("2")
        expect(page.locator(".cm-content")).to_contain_text("1 + 1")
    with site.page(path=link.removeprefix(site.server.url), java_script_enabled=False) as page:
        assert page.locator("#results td").inner_text() == "2"


def test_a_long_query_stands_behind_the_hash(site: Site) -> None:
    query = f"SELECT ?x {{ VALUES ?x {{ {' '.join(map(str, range(900)))} }} }}"
    with site.page(path=f"/sparql#query={quote(query)}") as page:
        expect(page.locator("#status")).to_contain_text("900 rows")
        assert "#query=" in page.url and "?" not in page.url
        ready(page)


def test_a_running_query_is_stopped(site: Site) -> None:
    with site.page(path="/sparql") as page:
        write(page, SLOW)
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(300)
        before = site.server.pids()
        page.locator("#stop").click()
        expect(page.locator("#status")).to_contain_text("Stopped")
        expect(page.locator("#stop")).to_be_hidden()
        for _ in range(40):
            if site.server.pids() != before:
                break
            page.wait_for_timeout(50)
        assert site.server.pids() != before, "the reader that worked on it was killed"


def test_what_was_asked_stays_in_the_browser(site: Site) -> None:
    with site.page(path="/sparql") as page:
        write(page, "ASK { ?mine ?p ?o }")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#results")).to_contain_text("Yes, that is so.")
        page.reload()
        ready(page)
        page.goto(f"{site.server.url}/sparql")
        ready(page)
        page.locator("#history li button").click()
        expect(page.locator(".cm-content")).to_contain_text("?mine")
        page.get_by_role("button", name="Forget all").click()
        expect(page.locator("#history")).to_be_hidden()
        assert page.evaluate("localStorage.getItem('v4graph.queries')") is None


def test_a_graph_is_told_in_turtle(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path=asked("DESCRIBE <https://w3id.org/v4graph/id/project/ketgate>"), dark=True) as page:
        ready(page)
        expect(page.locator("#results a.tok-url").first).to_be_visible()
        expect(page.locator(".downloads")).to_contain_text("N-Triples")
        check(page)


def test_programs_are_written_for_the_query(site: Site) -> None:
    with site.page(path=asked('ASK { ?s ?p "it\'s" }')) as page:
        page.get_by_text("Use it in a program").click()
        code = page.locator(".sharing pre code")
        expect(code).to_contain_text("'\\''s")
        for language, piece in (
            ("Python (SPARQLWrapper)", "setQuery("),
            ("R", "req_body_form"),
            ("JavaScript", "await fetch("),
        ):
            page.get_by_label("Language of the program").select_option(language)
            expect(code).to_contain_text(piece)


def test_the_form_works_without_scripts(site: Site, check: Callable[[Page], None]) -> None:
    with site.page(path="/sparql?lang=pl", phone=True, java_script_enabled=False) as page:
        page.locator("#query").fill(COUNTRIES)
        page.locator("#run").click()
        page.wait_for_selector("#results td")
        assert page.locator("#results td a").first.inner_text() == "Polska"
        assert page.locator("#stop").is_hidden() and page.locator("#history").is_hidden()


VIEWS = [("sk", "light"), ("de", "phone"), ("pl", "dark"), ("cs", "phone")]


@pytest.mark.parametrize(("language", "view"), VIEWS if FULL else VIEWS[:2])
def test_axe_finds_nothing_once_everything_is_there(
    site: Site, check: Callable[[Page], None], language: str, view: str
) -> None:
    path = f"{asked(COUNTRIES)}&lang={language}"
    with site.page(path=path, dark=view == "dark", phone=view == "phone") as page:
        ready(page)
        page.locator("#results tbody tr").first.wait_for()
        for fold in page.locator(".sharing summary").all():
            fold.click()
        check(page)


def test_the_page_is_light_before_the_editor(site: Site) -> None:
    """At most 100 kB compressed, fonts included; the editor comes after it in pieces of its own."""
    with site.page(path="/sparql") as page:
        ready(page)
        sizes = page.evaluate(
            "() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".map(r => [r.name, r.encodedBodySize])"
        )
        assert sum(size for _, size in sizes) > 100_000, "the editor is there"
        first = [size for name, size in sizes if "/chunk-" not in name]
        assert 10_000 < sum(first) < 100_000, sizes
