"""The map in a browser: with scripts, without, by keyboard, on a phone, in both themes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FULL, Site

CARS = "organisation/automotive-cluster-slovakia"
Check = Callable[[Page], None]


def live(page: Page) -> None:
    """Wait until the map has taken the place of the drawing."""
    page.wait_for_selector("#map.live", timeout=60_000)
    expect(page.locator(".fallback")).to_have_count(0)


def test_find_the_slovak_automotive_cluster(site: Site, check: Check) -> None:
    with site.page(path="/map") as page:
        live(page)
        check(page)
        whole = page.locator("#count").inner_text()
        page.locator("summary", has_text="Country").click()
        page.locator('input[name="country"][value="svk"]').check()
        expect(page.locator("#count")).not_to_have_text(whole)
        page.keyboard.press("Escape")
        page.locator("summary", has_text="Sector").click()
        page.locator('input[name="sector"][value="automotive"]').check()
        expect(page.locator(f'li[data-page="{CARS}"]')).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile(r"/map\?country=svk&sector=automotive"))
        page.locator(f'li[data-page="{CARS}"] button.show').click()
        card = page.locator(".map-card")
        expect(card).to_contain_text("Trnava")
        expect(card).to_contain_text("Slovakia")
        check(page)
        card.get_by_role("link", name="Open the page").click()
        expect(page.locator("h1")).to_contain_text("Automotive Cluster Slovakia")


def test_a_click_on_the_map_opens_the_card(site: Site) -> None:
    with site.page(path="/map?q=Automotive+Cluster+Slovakia&country=sk") as page:
        live(page)
        [name] = page.locator("li[data-at] > a").all_inner_texts()
        box = page.locator("#map canvas").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # one thing alone is in the middle
        expect(page.locator(".map-card h2")).to_have_text(name)
        expect(page.locator("li.marked > a")).to_have_text(name)
        page.locator(".map-card .shut").click()
        expect(page.locator(".map-card")).to_have_count(0)


def test_without_scripts(site: Site, check: Check) -> None:
    with site.page(path="/map", java_script_enabled=False) as page:
        expect(page.locator(".drawn-map circle").nth(100)).to_be_attached()
        page.locator("summary", has_text="Country").click()
        page.locator('input[name="country"][value="svk"]').check()
        page.locator("summary", has_text="Sector").click()
        page.locator('input[name="sector"][value="automotive"]').check()
        page.get_by_role("button", name="Show", exact=True).click()
        page.wait_for_url(re.compile("country=svk"))
        link = page.locator(f'li[data-page="{CARS}"] a')
        expect(link).to_be_visible()
        expect(page.locator(f'.drawn-map a[href="{CARS}"]')).to_have_count(1)
        link.click()
        expect(page.locator("h1")).to_contain_text("Automotive Cluster Slovakia")


def test_by_keyboard_alone(site: Site) -> None:
    with site.page(path="/map?country=sk&sector=automotive") as page:
        live(page)
        page.locator("summary", has_text="Label").focus()
        page.keyboard.press("Enter")
        expect(page.locator("details.picker[open]")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator("details.picker[open]")).to_have_count(0)
        expect(page.locator("summary", has_text="Label")).to_be_focused()
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.closest('.spots li') !== null"):
                break
        entry = page.locator(f'li[data-page="{CARS}"]')
        for _ in range(10):
            if page.evaluate(f"document.activeElement === document.querySelector('li[data-page=\"{CARS}\"] button')"):
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".map-card h2")).to_have_text(entry.locator("a").inner_text())
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('.map-card h2 a')"):
                break
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Automotive Cluster Slovakia")


LOOKS = [(True, False, "cs"), (False, True, "hu"), (True, True, "en")]


@pytest.mark.parametrize(("dark", "phone", "locale"), LOOKS if FULL else LOOKS[:2])
def test_looks(site: Site, check: Check, dark: bool, phone: bool, locale: str) -> None:
    with site.page(path="/map?shade=region", dark=dark, phone=phone, locale=locale) as page:
        live(page)
        check(page)


def test_what_is_shown_is_downloaded(site: Site) -> None:
    with site.page(path="/map?country=hu", accept_downloads=True) as page:
        live(page)
        page.locator("summary", has_text="Download").click()
        with page.expect_download() as begun:
            page.get_by_role("button", name="PNG").click()
        picture = begun.value.path().read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) > 20_000
        with page.expect_download() as begun:
            page.get_by_role("link", name="GeoJSON").click()
        assert begun.value.path().read_text(encoding="utf-8").count('"Hungary"') > 10


def test_only_what_is_in_view_is_listed(site: Site) -> None:
    with site.page(path="/map#at=9/48.15/17.1") as page:
        live(page)
        page.locator("#only-in-view").check()
        expect(page.locator("#count")).to_contain_text("in this part of the map")
        seen = page.locator(".spots li:not([hidden])").count()
        assert 0 < seen < 40


def test_without_webgl_the_drawing_stays(site: Site) -> None:
    with site.page() as page:
        page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        page.goto(f"{site.server.url}/map", wait_until="networkidle")
        page.wait_for_timeout(500)
        expect(page.locator("#map .fallback circle").nth(100)).to_be_attached()
        expect(page.locator("#map.live")).to_have_count(0)
        expect(page.locator("#map .canvas")).to_have_count(0)


def test_the_start_page_leads_to_the_map(site: Site, check: Check) -> None:
    with site.page(path="/") as page:
        check(page)
        page.get_by_role("link", name="Open the map").last.click()
        live(page)


MOVES = 60
GEOJSON = "application/geo+json"


def dense(count: int) -> str:
    """So many clusters all over Central Europe, as /map.geojson tells of them."""
    features = [
        {
            "type": "Feature",
            "id": f"https://w3id.org/v4graph/id/organisation/made-{n}",
            "geometry": {"type": "Point", "coordinates": [8 + (n * 0.618034 % 1) * 18, 45 + (n * 0.754878 % 1) * 10]},
            "properties": {
                "name": f"Cluster {n}", "page": f"organisation/made-{n}", "kind": "cluster", "family": "digital",
                "countries": ["Czechia"], "sectors": ["ICT"], "regions": ["CZ01"], "projects": [], "leads": [],
            },
        }
        for n in range(count)
    ]  # fmt: skip
    return json.dumps({"type": "FeatureCollection", "total": count, "withoutPlace": 0, "features": features})


def test_ten_thousand_points_move_without_our_help(site: Site) -> None:
    """While the map is moved its library works alone: nothing of ours runs at each step, however many points there are.

    How long a frame takes without a graphics card says little; that our share of it is next to nothing says much.
    """
    with site.page() as page:
        page.route("**/map.geojson*", lambda route: route.fulfill(body=dense(10_000), content_type=GEOJSON))
        page.goto(f"{site.server.url}/map")
        live(page)
        box = page.locator("#map canvas").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        client = page.context.new_cdp_session(page)
        client.send("Profiler.enable")
        client.send("Profiler.setSamplingInterval", {"interval": 250})
        page.mouse.move(x, y)
        page.mouse.down()
        client.send("Profiler.start")
        for step in range(1, MOVES + 1):
            page.mouse.move(x + 3 * step, y + step)
        profile = client.send("Profiler.stop")["profile"]
        page.mouse.up()
        spent = shares(profile)
        told = {name: f"{1000 * seconds / MOVES:.2f} ms" for name, seconds in spent.items()}
        print(f"10,000 points, {MOVES} moves, of each in scripts: {told}")
        assert spent["library"] > 0  # it did move
        assert spent["ours"] < 0.004 * MOVES


def shares(profile: dict[str, Any]) -> dict[str, float]:
    """The seconds of a profile by whose function was the innermost: the library's, or one of ours."""
    nodes = {node["id"]: node for node in profile["nodes"]}
    above = {child: node["id"] for node in profile["nodes"] for child in node.get("children", ())}
    spent = {"library": 0.0, "ours": 0.0}
    for sample, micros in zip(profile["samples"], profile["timeDeltas"], strict=True):
        at: int | None = sample
        while at is not None and not nodes[at]["callFrame"]["url"].startswith("http"):
            at = above.get(at)
        if at is not None:
            address = nodes[at]["callFrame"]["url"]
            spent["library" if "maplibre" in address else "ours"] += micros / 1e6
    return spent
