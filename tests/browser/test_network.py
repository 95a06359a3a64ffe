"""The network and the timeline in a browser: by keyboard, without JavaScript, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Site

Check = Callable[[Page], None]


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/network", {}),
        ("/network?colour=sector", {"dark": True, "locale": "hu"}),
        ("/network?near=nca", {"phone": True, "locale": "cs"}),
        ("/timeline", {"locale": "de"}),
        ("/timeline", {"dark": True, "phone": True, "locale": "pl"}),
    ],
)
def test_nothing_is_found_wrong(site: Site, check: Check, path: str, options: dict[str, object]) -> None:
    with site.page(path=path, **options) as page:
        check(page)


def test_the_network_by_keyboard(site: Site) -> None:
    with site.page(path="/network?near=nca") as page:
        points = page.locator(".net .points a")
        assert page.locator('.net .points a[tabindex="0"]').count() == 1
        points.last.focus()
        assert page.locator(".net-frame.choosing-one").count() == 1
        assert page.locator(".net a.lit").count() == points.count()
        first = page.evaluate("document.activeElement.dataset.n")
        for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"):
            page.keyboard.press(key)
            if page.evaluate("document.activeElement.dataset.n") != first:
                break
        assert page.evaluate("document.activeElement.dataset.n") != first
        page.keyboard.press("Enter")
        page.wait_for_url("**/organisation/**")


def test_filters_answer_in_place(site: Site) -> None:
    with site.page(path="/network", reduced_motion="reduce") as page:
        page.get_by_label("Shared projects, at least").fill("2")
        page.locator("select[name=country]").focus()
        page.wait_for_url("**least=2**")
        assert page.locator(".net line").count() == page.locator(".net line:not(.w1)").count() > 0
        before = page.locator(".net .points a").first.get_attribute("transform")
        page.get_by_role("button", name="Zoom in").click()
        page.locator('.net .all[transform*="scale(1"]').wait_for(state="attached")
        assert page.locator(".net .points a").first.get_attribute("transform") == before


def test_without_javascript(site: Site) -> None:
    with site.page(path="/network", java_script_enabled=False) as page:
        page.locator("select[name=country]").select_option("hun")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**country=hun**")
        assert page.locator(".net circle").count() == page.locator(".net-scroll tbody tr").count() > 2
    with site.page(path="/timeline", java_script_enabled=False, phone=True) as page:
        page.locator(".time a").first.wait_for(state="attached")
        table, drawing = page.locator(".time-list").bounding_box(), page.locator(".time-frame").bounding_box()
        assert table is not None and drawing is not None and table["y"] < drawing["y"] and drawing["width"] <= 390
