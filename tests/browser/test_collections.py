"""Lists in a browser: filters live and without scripts, paging, and the newcomer's last step, the download."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Site
from v4graph.collections import COLLECTIONS

VIEWS = [("en", "light"), ("cs", "dark"), ("hu", "phone"), ("pl", "phone"), ("sk", "dark"), ("de", "light")]


@pytest.mark.parametrize("place", range(len(COLLECTIONS) + 2))
def test_axe_finds_nothing(site: Site, check: Callable[[Page], None], place: int) -> None:
    path = [*COLLECTIONS, "clusters?country=SVK&sector=machinery&from=2000&q=a", "api"][place]
    language, view = VIEWS[place % len(VIEWS)]
    asked = f"/{path}{'&' if '?' in path else '?'}lang={language}"
    with site.page(path=asked, dark=view == "dark", phone=view == "phone") as page:
        assert page.locator("html").get_attribute("lang") == language
        check(page)


def test_a_list_is_narrowed_live(site: Site) -> None:
    with site.page(path="/clusters") as page:
        before = page.locator("#found").inner_text()
        page.get_by_role("checkbox", name="Slovakia").check()
        expect(page.locator("#found")).not_to_have_text(before)
        assert "country=" in page.url
        page.get_by_label("Words in a name").fill("automotiv")
        expect(page.locator(".entries h2")).to_have_count(1)
        assert page.locator(".entries h2").inner_text().startswith("Automotive Cluster Slovakia")
        page.get_by_role("link", name="Remove: Text automotiv").click()
        page.wait_for_url(lambda url: "automotiv" not in url)
        assert page.get_by_role("checkbox", name="Slovakia").is_checked()


def test_a_list_is_narrowed_without_scripts(site: Site) -> None:
    with site.page(path="/projects", java_script_enabled=False) as page:
        page.get_by_role("checkbox", name="Hungary").check()
        page.get_by_label("from").fill("2012")
        page.get_by_role("button", name="Apply").click()
        page.wait_for_selector(".chosen")
        assert "country=" in page.url and "from=2012" in page.url
        assert page.locator(".chosen .chip").count() == 3
        assert page.locator(".entries h2").count() > 1


def test_pages_are_turned_by_keyboard(site: Site) -> None:
    with site.page(path="/clusters?limit=100") as page:
        first = page.locator(".entries h2").all_inner_texts()
        page.get_by_role("link", name="Next").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**cursor=**")
        second = page.locator(".entries h2").all_inner_texts()
        assert len(second) == 100 and not set(first) & set(second)
        assert page.locator("ol.entries").get_attribute("start") == "101"


def test_the_newcomer_takes_the_list_along(site: Site, tmp_path: Path) -> None:
    """The last step of the newcomer's minute: the Slovak automotive clusters, as a spreadsheet and as CSV."""
    with site.page(path="/", accept_downloads=True) as page:
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Clusters").click()
        page.get_by_role("checkbox", name="Slovakia").check()
        expect(page.locator(".chosen .chip")).to_have_count(2)
        page.get_by_label("Words in a name").fill("automotive")
        expect(page.locator(".entries h2")).to_have_count(1)
        shown = page.locator(".entries h2 a").all_inner_texts()
        with page.expect_download() as coming:
            page.get_by_role("link", name="XLSX").click()
        book = tmp_path / coming.value.suggested_filename
        coming.value.save_as(book)
        assert book.name == "clusters.xlsx"
        rows = list(openpyxl.load_workbook(book).active.values)
        assert [row[rows[0].index("Name")] for row in rows[1:]] == shown
        with page.expect_download() as coming:
            page.get_by_role("link", name="CSV").click()
        table = tmp_path / coming.value.suggested_filename
        coming.value.save_as(table)
        assert [row["name"] for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())] == shown
