"""A real browser on a real server: pages are opened, looked at with axe-core, and no request leaves the host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.web.conftest import Server, running
from v4graph.settings import Settings
from v4graph.web.app import create_app

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
"""The one without windows comes first: a page takes it a quarter of the time."""
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FULL = os.environ.get("V4GRAPH_DRILL") == "full"
"""Whether every combination is looked at, or each page, theme, size and language in turns."""
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(slots=True)
class Seen:
    """What a browser did besides showing the page."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def elsewhere(self, host: str) -> list[str]:
        """The requests that left the host."""
        return [
            url for url in self.requests if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != host
        ]


@dataclass(frozen=True, slots=True)
class Site:
    """The portal in a browser."""

    server: Server
    browser: Browser

    @property
    def host(self) -> str:
        """Where it listens."""
        return urlsplit(self.server.url).netloc

    @contextmanager
    def page(self, *, dark: bool = False, phone: bool = False, **options: Any) -> Iterator[Page]:
        """A page of a browser of its own; afterwards nothing may have gone wrong or gone elsewhere.

        ``options`` are those of Playwright's ``new_context``; ``path`` is opened at once, without ``fonts`` if need be.
        Nothing flies or fades unless ``reduced_motion`` is asked to be ``no-preference``.
        """
        path, fonts, seen = options.pop("path", None), options.pop("fonts", True), Seen()
        context: BrowserContext = self.browser.new_context(
            viewport=PHONE if phone else DESK,
            color_scheme="dark" if dark else "light",
            **{"locale": "en", "reduced_motion": "reduce", **options},
        )
        try:
            page = context.new_page()
            page.on("request", lambda request: seen.requests.append(request.url))
            page.on("pageerror", lambda error: seen.errors.append(str(error)))
            page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" and _told(m.text) else None)
            if not fonts:
                page.route("**/*.woff2", lambda route: route.abort())
            if path is not None:
                page.goto(f"{self.server.url}{path}")
            yield page
        finally:
            context.close()
        assert seen.elsewhere(self.host) == []
        assert seen.errors == []


def _told(text: str) -> bool:
    return "Failed to load resource" not in text  # a page about an error is answered with that error's status


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong with a page: rule and element, a line each."""
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags, resultTypes: ['violations']})", TAGS)
    return [f"{v['id']}: {node['target']} {node['html'][:200]}" for v in found["violations"] for node in v["nodes"]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; in CI it must be there."""
    if CHROMIUM is None:
        reason = "chromium is not installed (apt-get install chromium)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield found
        found.close()


@pytest.fixture(scope="session")
def site(browser: Browser, published_home: Path) -> Iterator[Site]:
    """The portal with the packaged data."""
    with running(create_app(Settings(home=published_home, readers=2))) as server:
        yield Site(server, browser)


@pytest.fixture(scope="session")
def check() -> Callable[[Page], None]:
    """Fail when axe-core finds something."""

    def fail_on_findings(page: Page) -> None:
        assert axe(page) == []
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"the page is {wide} px wider than its window"

    return fail_on_findings
