"""What pages share is worked out after the start, before anybody asks for it."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import running
from v4graph.settings import Settings
from v4graph.web import warming
from v4graph.web.app import create_app


def test_a_server_works_out_what_pages_share_by_itself(published_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "PATHS", ("/", "/clusters", "/network", "/?lang=cs"))
    monkeypatch.setattr(warming, "AFTER", 0.0)
    app = create_app(Settings(home=published_home, readers=2))
    app.state.warms = True
    with running(app) as server:
        until = time.monotonic() + 60
        while len(app.state.answers) < len(warming.PATHS) and time.monotonic() < until:
            time.sleep(0.05)
        assert len(app.state.answers) == len(warming.PATHS)
        kept = app.state.answers.hits
        for path in warming.PATHS:
            found = httpx.get(f"{server.url}{path}", headers={"Accept": "text/html"}, timeout=60)
            assert found.status_code == HTTPStatus.OK
        assert app.state.answers.hits == kept + len(warming.PATHS)
        told = httpx.get(f"{server.url}/metrics").text
        assert 'v4graph_requests_total{method="GET",route="/network",status="2xx"} 1.0' in told  # ours was no visit


def test_a_server_that_warms_up_ends_at_once(published_home: Path) -> None:
    app = create_app(Settings(home=published_home, readers=2))
    app.state.warms = True
    began = time.monotonic()
    with running(app):
        pass
    assert time.monotonic() - began < 15
    assert len(app.state.answers) == 0


def test_a_large_store_is_not_warmed_for_ever(published_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "PATHS", ("/clusters", "/projects", "/partners"))
    monkeypatch.setattr(warming, "AFTER", 0.0)
    monkeypatch.setattr(warming, "ENOUGH", 0.0)
    app = create_app(Settings(home=published_home, readers=2))

    async def warmed() -> int:
        async with app.router.lifespan_context(app):
            await warming.warm(app, app.front)
            return len(app.state.answers)

    assert asyncio.run(warmed()) == 1


def test_pages_exist(published_home: Path) -> None:
    """Each page that is made ready is one."""
    app = create_app(Settings(home=published_home, readers=2))

    async def statuses() -> list[int]:
        async with app.router.lifespan_context(app):
            return [await warming.ask(app.front, path) for path in ("/timeline", "/sectors", "/ontology", "/nothing")]

    assert asyncio.run(statuses()) == [200, 200, 200, 404]
    assert all(path.startswith("/") for path in warming.PATHS)
