"""Every type of page: no finding of axe-core in light, dark and on a phone, in each language; keyboard, no scripts."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import FULL, Site

PAGES = {
    "home": "/",
    "cluster": "/organisation/automotive-cluster-slovakia",
    "organisation": "/organisation/nca",
    "project": "/project/v4clusters",
    "project-with-much": "/project/clusterscord",
    "partnership": "/partnership/natureef",
    "event": "/event/v4clusters-gyor",
    "output": "/output",
    "place": "/place/ostrava",
    "participation": "/participation",
    "sector": "/scheme/sector/ict",
    "scheme": "/scheme/sector",
    "source": "/graph/nca-projects",
    "sources": "/sources",
    "map": "/map?shade=region",
    "embed": "/embed",
    "embed-map": "/embed/map?country=sk",
    "embed-card": "/embed/entity/project/v4clusters",
    "catalogue": "/catalogue",
    "dumps": "/dumps/",
    "vocabulary": "/ontology",
    "query": "/sparql",
    "query-answered": "/sparql?format=html&query=SELECT+%3Fs+%3Fp+%3Fo+%7B+%3Fs+%3Fp+%3Fo+%7D+LIMIT+5",
    "queries": "/queries",
    "validate": "/contributions/validate",
    "problem": "/nothing-here",
    "contributions": "/contributions",
    "sign-in": "/sign-in",
    "history": "/graph/nca-projects/history",
    "revision": "/graph/nca-projects/revision/1",
    "compare": "/graph/nca-projects/compare/0/1",
    "blame": "/blame?iri=https://w3id.org/v4graph/id/project/v4clusters",
    "changes": "/changes",
    "releases": "/releases",
    "country": "/country/svk",
    "region": "/region/cz080",
    "countries": "/country",
    "search": "/search?q=klastr",
}
"""One address for each type of page."""
VIEWS = [("en", "light"), ("cs", "dark"), ("sk", "phone"), ("pl", "light"), ("hu", "dark"), ("de", "phone")]
"""Each language once, each theme and the phone twice."""
PLANNED = [(name, *VIEWS[place % len(VIEWS)]) for place, name in enumerate(PAGES)]
SIXTEENTH = "document.querySelectorAll('.term').forEach((term, n) => n % 16 && term.remove())"
"""Leaves every sixteenth term of the vocabulary."""
FOLDER = os.environ.get("V4GRAPH_SCREENSHOTS")
"""Where screenshots go: each type of page in light, dark and on a phone, in languages that take turns."""
SEEN_ELSEWHERE = {
    "clusters": "/clusters", "projects": "/projects?country=CZE", "network": "/network?near=nca",
    "timeline": "/timeline", "api": "/api",
    "query-of-the-library": "/queries/clusters/list-clusters?country=country:HUN",
}  # fmt: skip
"""Types of pages that tests beside this one look at."""


@pytest.mark.parametrize(("name", "language", "view"), PLANNED)
def test_axe_finds_nothing(site: Site, check: Callable[[Page], None], name: str, language: str, view: str) -> None:
    path = PAGES[name]
    asked = f"{path}{'&' if '?' in path else '?'}lang={language}"
    with site.page(path=asked, dark=view == "dark", phone=view == "phone") as page:
        assert page.locator("html").get_attribute("lang") == language
        if not FULL:  # hundreds of terms look alike: axe takes half a minute for all of them
            page.evaluate(SIXTEENTH)
        check(page)


@pytest.mark.skipif(FOLDER is None, reason="make screenshots")
@pytest.mark.parametrize("number", range(3), ids=["light", "dark", "phone"])
def test_screenshots(site: Site, number: int) -> None:
    view = ("light", "dark", "phone")[number]
    folder = Path(FOLDER or "")
    folder.mkdir(parents=True, exist_ok=True)
    with site.page(dark=view == "dark", phone=view == "phone") as page:
        for place, (name, path) in enumerate({**PAGES, **SEEN_ELSEWHERE}.items()):
            language = VIEWS[(place + number) % len(VIEWS)][0]
            page.goto(f"{site.server.url}{path}{'&' if '?' in path else '?'}lang={language}")
            if page.locator("#map").count():
                page.wait_for_selector("#map.live", timeout=60_000)
            page.screenshot(path=folder / f"{name}-{view}-{language}.png", full_page=True)
            assert (folder / f"{name}-{view}-{language}.png").stat().st_size > 5000


def test_fonts_are_ours_and_nothing_comes_from_elsewhere(site: Site) -> None:
    with site.page(path="/project/v4clusters?lang=cs", bypass_csp=False) as page:
        page.evaluate("() => document.fonts.ready.then(() => true)")
        loaded = set(page.evaluate("() => [...document.fonts].filter(f => f.status == 'loaded').map(f => f.family)"))
        assert {'"Source Sans"', '"Source Serif"'} <= {f'"{name.strip(chr(34))}"' for name in loaded}
        sources = page.evaluate("() => performance.getEntriesByType('resource').map(r => r.name)")
        assert sources and {urlsplit(source).netloc for source in sources} == {site.host}


def test_the_theme_is_chosen_and_kept(site: Site) -> None:
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    with site.page(path="/") as page:
        light = page.evaluate(paper)
        button = page.locator("#page-theme")
        button.click()
        assert page.evaluate(paper) == light
        button.click()
        dark = page.evaluate(paper)
        assert dark != light
        page.goto(f"{site.server.url}/sources")
        assert page.evaluate(paper) == dark
        assert button.get_attribute("aria-label") == "Colours: dark"
        button.click()
        assert page.evaluate(paper) == light
    with site.page(path="/", dark=True, java_script_enabled=False) as page:
        page.emulate_media(color_scheme="dark")
        assert page.locator("#page-theme").is_hidden()


def test_who_says_so_is_one_click_away_without_scripts(site: Site) -> None:
    with site.page(path="/project/v4clusters", java_script_enabled=False) as page:
        mark = page.locator(".facts .mark").first
        told = page.locator(f"#{mark.get_attribute('popovertarget')}")
        assert told.is_hidden()
        mark.click()
        assert told.is_visible() and "Publisher" in told.inner_text()
        page.keyboard.press("Escape")
        assert told.is_hidden()


def test_menu_and_languages_work_without_scripts(site: Site) -> None:
    with site.page(path="/sources?lang=de", phone=True, java_script_enabled=False) as page:
        menu = page.locator("#page-menu")
        assert menu.is_hidden()
        page.get_by_role("button", name="Menü").click()
        assert menu.is_visible()
        menu.get_by_role("link", name="Projekte").click()
        page.wait_for_selector("h1")
        assert page.url.endswith("project?lang=de") or page.url.endswith("projects?lang=de")
        page.locator("[popovertarget=page-languages]").click()
        page.locator("#page-languages").get_by_role("link", name="Polski").click()
        page.wait_for_selector("html[lang=pl]")


def test_the_page_is_used_by_keyboard_alone(site: Site) -> None:
    with site.page(path="/organisation/nca") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        reached = []
        for _ in range(12):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.matches(':focus-visible')"))
        assert all(reached)
        page.locator(".mark").first.focus()
        page.keyboard.press("Enter")
        assert page.locator(".who:popover-open").count() == 1


def test_copying_the_address(site: Site) -> None:
    with site.page(path="/project/v4clusters", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_role("button", name="Copy: The address to cite").click()
        told = page.locator("[data-copy=iri] + [role=status]")
        told.get_by_text("Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").endswith("/id/project/v4clusters")


def test_twice_as_large_letters_fit(site: Site) -> None:
    for path in ("/", "/project/v4clusters", "/sources"):
        with site.page(path=path, device_scale_factor=2) as page:
            page.set_viewport_size({"width": 640, "height": 450})
            assert page.evaluate("document.documentElement.scrollWidth") <= 640, path


def test_the_start_page_is_light(site: Site) -> None:
    """At most 100 kB compressed, before any map; as measured by the browser."""
    with site.page(path="/") as page:
        page.evaluate("() => document.fonts.ready.then(() => true)")
        sizes = page.evaluate(
            "() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
            ".filter(r => !r.name.includes('maplibre')).map(r => r.encodedBodySize)"
        )
        drawn = page.locator("svg").evaluate_all(
            "found => found.map(s => s.outerHTML).sort((a, b) => b.length - a.length)"
        )
        plan = len(gzip.compress(drawn[0].encode()))  # the server's map is a map, too
        assert 10_000 < sum(sizes) - plan < 100_000, (sizes, plan)
