"""A newcomer's minute: from the start page to a cluster on the map, its partners, a disagreement, and a download."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site

CARS = "Automotive Cluster Slovakia"
ROBOTS = "Cluster AT+R"
Check = Callable[[Page], None]


def live(page: Page) -> None:
    """Wait until the map has taken the place of the drawing."""
    page.wait_for_selector("#map.live", timeout=60_000)


def choose(page: Page, facet: str, value: str | re.Pattern[str]) -> None:
    """Tick a value in one of the lists above the map."""
    page.locator("details.picker > summary", has_text=facet).click()
    page.get_by_role("checkbox", name=value).check()
    page.keyboard.press("Escape")


def test_a_newcomers_minute(site: Site, check: Check) -> None:
    with site.page(path="/", accept_downloads=True) as page:
        page.get_by_role("link", name="Open the map").last.click()
        live(page)
        choose(page, "Country", "Slovakia")
        choose(page, "Sector", re.compile(r"^Automotive \d+$"))
        expect(page).to_have_url(re.compile(r"/map\?country=svk&sector=automotive"))
        expect(page.locator("#count")).to_have_text("2 found")
        expect(page.locator(".spots a").first).to_have_text(CARS)

        # both are in Trnava, so a click on the one point of the map tells of both
        box = page.locator("#map canvas").bounding_box()
        assert box is not None
        card = page.locator(".map-card")
        page.wait_for_timeout(1000)  # the map flies there
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(card).to_contain_text(CARS)
        expect(card).to_contain_text("Industry Innovation Cluster")
        card.get_by_role("link", name=CARS).click()
        expect(page.locator("h1")).to_have_text(CARS)
        check(page)

        # it shares no project with anybody, and the page says so; whom it could work with is a click away
        worked = page.locator("section[aria-labelledby=partners]")
        expect(worked).to_contain_text("None of the sources here names a project of this cluster.")
        page.locator("section[aria-labelledby=similar]").get_by_role("link", name=re.compile("^Poland")).click()
        expect(page).to_have_url(re.compile(r"/clusters\?country=pol&sector=automotive$"))
        expect(page.get_by_role("link", name="Silesia Automotive & Advanced Manufacturing")).to_be_visible()
        page.go_back()

        # its country has a cluster of a neighbouring field that does share one with Polish partners
        page.locator(".facts").get_by_role("link", name="Slovakia").click()
        expect(page.locator("h1")).to_have_text("Slovakia")
        check(page)
        page.get_by_role("link", name=ROBOTS).click()
        expect(page.locator("h1")).to_have_text(ROBOTS)
        poland = page.locator(".company details", has_text="Poland")
        poland.locator("summary").click()
        expect(poland.locator("summary")).to_contain_text("3 partners")
        expect(poland.get_by_role("link", name="Polish Chamber of Commerce")).to_be_visible()
        expect(poland.get_by_role("link", name="CluStrat")).to_have_count(3)
        check(page)
        poland.get_by_role("link", name="Network with partners from this country").click()
        expect(page).to_have_url(re.compile(r"/network\?near=cluster-at-r&country=pol$"))
        expect(page.locator(".net-list tbody tr")).to_have_count(4)  # itself and the three
        expect(page.locator(".net-list")).to_contain_text("Polish Chamber of Commerce")
        page.go_back()

        # the project they share: sources differ about it; from the claim to who makes it, and to the page itself
        page.locator("section[aria-labelledby=when]").get_by_role("link", name="CluStrat").click()
        start = page.locator("section.dispute", has=page.get_by_role("heading", name=re.compile("^Start")))
        expect(start.locator(".claims li")).to_have_count(2)
        expect(start.locator(".claims .accepted")).to_contain_text("October 2011")
        who = start.locator(".claims .accepted .said a").first
        source = who.inner_text()
        who.click()
        expect(page.locator("h1")).to_have_text(source)
        expect(page.locator("main")).to_contain_text("Publisher")
        check(page)

        # the list, taken home
        page.goto(f"{site.server.url}/clusters?country=svk&sector=automotive")
        with page.expect_download() as begun:
            page.get_by_role("link", name="CSV", exact=True).click()
        rows = list(csv.DictReader(io.StringIO(begun.value.path().read_text(encoding="utf-8"))))
        assert [row["name"] for row in rows] == [CARS, "Industry Innovation Cluster"]
        with page.expect_download() as begun:
            page.get_by_role("link", name="XLSX", exact=True).click()
        sheet = load_workbook(io.BytesIO(begun.value.path().read_bytes())).active
        assert sheet is not None
        names = [row[1].value for row in sheet.iter_rows(min_row=2)]
        assert names == [CARS, "Industry Innovation Cluster"]


def reach(page: Page, selector: str, most: int = 120) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{most} times Tab do not reach {selector}")


def test_the_same_by_keyboard_alone(site: Site) -> None:
    with site.page(path="/", accept_downloads=True) as page:
        reach(page, "header a[href='map']")
        page.keyboard.press("Enter")
        live(page)
        for summary, value in (("Country", "country][value=svk"), ("Sector", "sector][value=automotive")):
            reach(page, f"summary:has(+ fieldset input[name={value.split(']')[0]}])")
            assert summary in page.evaluate("document.activeElement.textContent")
            page.keyboard.press("Enter")
            reach(page, f"input[name={value}]")
            page.keyboard.press("Space")
            page.keyboard.press("Escape")
        expect(page.locator("#count")).to_have_text("2 found")
        reach(page, ".spots a[href='organisation/automotive-cluster-slovakia']")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(CARS)
        reach(page, ".facts a[href='../country/svk']")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Slovakia")
        reach(page, "a[href='../organisation/cluster-at-r']", 200)
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text(ROBOTS)
        reach(page, ".timeline a[href='../project/clustrat']")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("CluStrat")
        reach(page, "section.dispute .said a")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/graph/"))
        page.goto(f"{site.server.url}/clusters?country=svk&sector=automotive")
        reach(page, ".formats a[href^='clusters.csv']")
        with page.expect_download() as begun:
            page.keyboard.press("Enter")
        assert CARS in begun.value.path().read_text(encoding="utf-8")
