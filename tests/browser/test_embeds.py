"""The map on a page of another origin with a strict policy: as an element and as a frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import FULL, Site, axe

ELEMENT = (
    '<script type="module" src="{home}/embed.js"></script><div style="height:1500px"></div>'
    '<v4-map country="SK CZ" lang="sk" theme="dark" height="420"><a href="{home}/map">Mapa</a></v4-map>'
)
FRAME = '<iframe src="{home}/embed/map?project=v4clusters" width="100%" height="420" title="v4graph"></iframe>'
CARD = (
    '<iframe src="{home}/embed/entity/organisation/automotive-cluster-slovakia" width="420" height="260" '
    'title="Card"></iframe>'
)


class Host(ThreadingHTTPServer):
    """The web site of somebody else."""

    pages: dict[str, tuple[str, str]]


class _Answers(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        """One of the pages, with its policy."""
        policy, body = self.server.pages.get(self.path, ("default-src 'none'", ""))
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        if body:
            head = '<!doctype html><html lang="sk"><head><title>Host</title></head><body><main><h1>Host</h1>'
            self.wfile.write(f"{head}{body}</main></body></html>".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host(site: Site) -> Iterator[str]:
    home = site.server.url
    with Host(("127.0.0.1", 0), _Answers) as server:
        strict = "default-src 'none'; "
        element = (
            f"script-src {home}; connect-src {home}; font-src {home}; worker-src blob: {home}; "
            "style-src 'unsafe-inline'; img-src data: blob:"
        )
        server.pages = {
            "/element": (strict + element, ELEMENT.format(home=home)),
            "/frame": (f"{strict}frame-src {home}", FRAME.format(home=home)),
            "/card": (f"{strict}frame-src {home}", CARD.format(home=home)),
            "/portal": (f"{strict}frame-src {home}", f'<iframe src="{home}/map" title="Framed"></iframe>'),
        }
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.fixture
def opened(site: Site, host: str) -> Iterator[Callable[[str], tuple[Page, list[str], list[str]]]]:
    context = site.browser.new_context(viewport={"width": 1280, "height": 900})  # here the map flies
    requests: list[str] = []
    errors: list[str] = []

    def go(path: str) -> tuple[Page, list[str], list[str]]:
        page = context.new_page()
        page.on("request", lambda r: requests.append(r.url))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on(
            "console",
            lambda m: errors.append(m.text) if m.type == "error" and "favicon" not in str(m.location) else None,
        )
        page.goto(host + path)
        return page, requests, errors

    yield go
    context.close()


Opened = Callable[[str], tuple[Page, list[str], list[str]]]


def test_the_element_on_another_origin(site: Site, host: str, opened: Opened) -> None:
    page, requests, errors = opened("/element")
    page.wait_for_load_state("networkidle")
    ours = [u for u in requests if u.startswith(site.server.url)]
    assert not [u for u in ours if "maplibre" in u or "geojson" in u], "nothing is loaded before it is scrolled to"
    expect(page.locator("v4-map a").first).to_have_text("Mapa")
    page.locator("v4-map").scroll_into_view_if_needed()
    page.locator("v4-map .map-frame.live").wait_for(timeout=60_000)
    assert (
        "nájdených" in page.locator("v4-map .strip").inner_text()
        or "Nájdené" in page.locator("v4-map .strip").inner_text()
    )
    shot = page.locator("v4-map .map-frame").screenshot()
    assert len(shot) > 20_000
    # what is drawn there can be clicked: somewhere on the map are cards or bunches of clusters
    total = page.evaluate("document.querySelector('v4-map').shadowRoot.querySelector('.strip p').textContent")
    assert any(c.isdigit() for c in total)
    page.evaluate("document.querySelector('v4-map').setAttribute('q', 'Automobilový klaster Slovensko')")
    page.wait_for_timeout(1500)
    box = page.locator("v4-map canvas").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    link = page.locator("v4-map .map-card h2 a")
    expect(link).to_have_text("Automobilový klaster Slovensko")
    assert link.get_attribute("href") == f"{site.server.url}/organisation/automotive-cluster-slovakia?lang=sk"
    assert axe(page) == []
    hosts = {urlsplit(u).netloc for u in requests if u.startswith("http")}
    assert hosts <= {site.host, urlsplit(host).netloc}
    assert [e for e in errors if "404" not in e] == []


def test_the_frame_on_another_origin(site: Site, host: str, opened: Opened) -> None:
    page, requests, errors = opened("/frame")
    frame = page.frame_locator("iframe")
    frame.locator("#map.live").wait_for(timeout=60_000)
    expect(frame.locator(".strip")).to_contain_text("6 found")
    inner = page.frames[1]
    assert inner.evaluate("document.querySelector('canvas.maplibregl-canvas').width") > 300
    assert len(page.locator("iframe").screenshot()) > 15_000
    assert {urlsplit(u).netloc for u in requests if u.startswith("http")} <= {site.host, urlsplit(host).netloc}
    assert [e for e in errors if "404" not in e] == []


def test_the_card_on_another_origin(opened: Opened) -> None:
    page, _, errors = opened("/card")
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("Automotive Cluster Slovakia")
    expect(frame.locator(".drawn-map circle")).to_have_count(1)
    assert axe(page) == []
    assert [e for e in errors if "404" not in e] == []


def test_the_portal_itself_is_not_framed(opened: Opened) -> None:
    page, _, errors = opened("/portal")
    page.wait_for_timeout(500)
    assert any("frame-ancestors" in e for e in errors)


LOOKS = [{"phone": True, "dark": True, "locale": "de"}, {"locale": "hu"}]


@pytest.mark.parametrize("look", LOOKS if FULL else LOOKS[:1])
def test_the_page_that_explains(site: Site, check: Callable[[Page], None], look: dict[str, object]) -> None:
    with site.page(path="/embed", **look) as page:
        page.locator("v4-map .map-frame.live").wait_for(timeout=60_000)
        check(page)
