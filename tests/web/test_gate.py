"""What stands before every request: ids, lines in the log, health, and turning away at the end."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from v4graph.errors import NotFound
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.logs import REQUEST, JsonLines, RequestLines, Words, log_config, masked

from .conftest import SMALL, Server, publish, running

SECRET = "v4g_abcdef_Zm9vYmFyLXNlY3JldA"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    publish(tmp_path / "home", SMALL)
    with running(create_app(Settings(home=tmp_path / "home", readers=1))) as found:
        yield found


# ids


def test_every_answer_has_an_id(client: httpx.Client) -> None:
    ids = [client.get("/sparql", params={"query": "ASK {}"}).headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[0-9a-f]{16}", name) for name in ids)


@pytest.mark.parametrize("given", ["0123-abcd:4.5_6", "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_the_id_of_a_proxy_is_kept(client: httpx.Client, given: str) -> None:
    answer = client.get("/nothing/there", headers={"X-Request-Id": given})
    assert answer.headers.get_list("x-request-id") == [given]
    assert answer.json()["request"] == given


@pytest.mark.parametrize("given", ["a", "x" * 200, 'a"b{}cdef', "two words", "-abcdef", "tab\there"])
def test_an_odd_id_is_not(client: httpx.Client, given: str) -> None:
    assert client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"] != given


def test_a_mistake_tells_the_id_under_which_the_log_tells_more(fresh: Server, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("told to nobody")

    fresh.app.front._endpoints["/sparql"] = broken  # type: ignore[attr-defined]
    answer = httpx.get(f"{fresh.url}/sparql", headers={"X-Request-Id": "request-7"})
    assert answer.status_code == 500
    assert (answer.headers["x-request-id"], answer.json()["request"]) == ("request-7", "request-7")
    assert "request-7" in answer.json()["detail"]
    assert "ZeroDivisionError" not in answer.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


# lines


def lines(fresh: Server, level: str, *asked: str) -> list[dict[str, Any]]:
    """What is written down about some requests."""
    written = io.StringIO()
    noted = fresh.app.gate.lines = RequestLines(written, level, terminal=False)  # type: ignore[attr-defined]
    headers = {"Cookie": "v4graph=secret", "Authorization": f"Bearer {SECRET}"}
    for path in (*asked, "/health/live"):  # what comes before the last is written down when that is answered
        httpx.get(f"{fresh.url}{path}", headers=headers)
    noted.flush()
    assert "secret" not in written.getvalue()
    assert SECRET not in written.getvalue()
    told = [json.loads(line) for line in written.getvalue().splitlines()]
    return [line for line in told if line["route"] != "/health/live"]


def test_a_line_of_json_per_request(fresh: Server) -> None:
    query = "/sparql?query=SELECT+*+%7B+%3Fs+%3Fp+%22private%22+%7D"
    health, asked, missing = "/health", query, f"/project/{SECRET}"
    first, second = lines(fresh, "info", health, asked, missing)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first.pop("time"))
    assert re.fullmatch(r"[0-9a-f]{16}", first.pop("request"))
    assert 0 < first.pop("ms") < 60_000
    assert first.pop("bytes") > 10
    assert first == {
        "level": "info", "logger": "requests", "message": "request",
        "method": "GET", "route": "/sparql", "status": 200, "snapshot": 1,
    }  # fmt: skip
    assert (second["route"], second["status"]) == ("/{path:path}", 404)
    assert "private" not in json.dumps(first) and "search" not in first


def test_debug_tells_more_and_still_no_secret(fresh: Server) -> None:
    health, asked = lines(fresh, "debug", "/health", f"/project/x?token={SECRET}")
    assert health["route"] == "/health"
    assert (asked["path"], asked["search"]) == ("/project/x", "token=v4g_…")


def test_warning_tells_what_failed(fresh: Server) -> None:
    fresh.app.gate.refusing = True  # type: ignore[attr-defined]
    assert lines(fresh, "error", "/sparql?query=ASK%7B%7D") == []
    [line] = lines(fresh, "warning", "/sparql?query=ASK%7B%7D", "/health")
    assert (line["level"], line["status"]) == ("warning", 503)


def record(level: int = logging.ERROR, **told: Any) -> logging.LogRecord:
    found = logging.LogRecord("v4graph.x", level, __file__, 1, "it failed for %s", (SECRET,), None)
    found.told = told
    return found


def test_what_else_is_logged() -> None:
    token = REQUEST.set("request-9")
    try:
        line = json.loads(JsonLines().format(record(seconds=3)))
        words = Words().format(record(seconds=3))
    finally:
        REQUEST.reset(token)
    assert line["message"] == "it failed for v4g_…"
    assert (line["request"], line["seconds"], line["level"], line["logger"]) == ("request-9", 3, "error", "v4graph.x")
    assert words.endswith("error   it failed for v4g_… request=request-9 seconds=3")
    failed = record()
    try:
        raise NotFound(f"not {SECRET}")
    except NotFound as error:
        failed.exc_info = (NotFound, error, error.__traceback__)
    assert "Traceback" in json.loads(JsonLines().format(failed))["traceback"]
    assert SECRET not in JsonLines().format(failed) + Words().format(failed)
    assert masked("nothing to hide") == "nothing to hide"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_configuration_is_one_of_logging(terminal: bool) -> None:
    config = log_config("debug", terminal=terminal)
    made = logging.config.DictConfigurator(config).configure_formatter(dict(config["formatters"]["line"]))
    assert isinstance(made, Words if terminal else JsonLines)


def test_a_line_for_a_terminal() -> None:
    async def noted() -> str:
        written = io.StringIO()
        found = RequestLines(written, "info", terminal=True)
        scope = {"path": f"/project/{SECRET}\x1b[2J", "method": "GET", "query_string": b""}
        found.add(scope, "request-1", "/{path:path}", 200, 0.0123, 45, b"1", cut=True)
        await asyncio.sleep(0.5)  # it writes by itself
        return written.getvalue()

    assert re.fullmatch(
        r"\d\d:\d\d:\d\d GET /project/v4g_…%1B%5B2J 200 12\.3 ms 45 B request-1 cut\n", asyncio.run(noted())
    )


# health


def test_health(client: httpx.Client) -> None:
    told = client.get("/health").json()
    assert (told["live"], told["ready"], told["snapshot"]) == (True, True, 1)
    assert 0 <= told["age"] < 3600
    assert "reason" not in told
    assert client.get("/health/live").json() == {"live": True}
    for path in ("/health", "/health/live", "/health/ready"):
        assert (client.head(path).status_code, client.head(path).content) == (200, b"")
        assert client.get(path).headers["cache-control"] == "no-store"


def test_an_empty_home_lives_but_is_not_ready(tmp_path: Path) -> None:
    with running(create_app(Settings(home=tmp_path / "home", readers=1))) as server:
        assert httpx.get(f"{server.url}/health/live").status_code == 200
        ready = httpx.get(f"{server.url}/health/ready")
        assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
        assert "nothing was published yet" in ready.json()["reason"]


def test_a_server_whose_readers_do_not_answer_is_not_ready(fresh: Server) -> None:
    [reader] = fresh.pids()
    os.kill(reader, signal.SIGSTOP)
    told = httpx.get(f"{fresh.url}/health/ready", timeout=20)
    assert (told.status_code, told.json()["reason"]) == (503, "no reader answers")
    for _ in range(200):
        if httpx.get(f"{fresh.url}/health/ready", timeout=20).status_code == 200:
            break
        time.sleep(0.02)
    assert httpx.get(f"{fresh.url}/health/ready").json()["ready"] is True
    assert fresh.pids() != [reader], "the one that hung was replaced"


# the end


def test_new_requests_are_turned_away_at_the_end(fresh: Server) -> None:
    with httpx.Client(base_url=fresh.url) as web:
        _turned_away(fresh, web)


def _turned_away(fresh: Server, web: httpx.Client) -> None:
    assert web.get("/sparql", params={"query": "ASK {}"}).status_code == 200
    fresh.app.gate.draining = True  # type: ignore[attr-defined]
    assert web.get("/sparql", params={"query": "ASK {}"}).headers["connection"] == "close"
    fresh.app.gate.refusing = True  # type: ignore[attr-defined]
    for request in (web.build_request("GET", "/sparql?query=ASK%7B%7D"), web.build_request("PUT", "/graph/x")):
        refused = web.send(request)
        assert refused.status_code == 503
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("2", "close")
        assert refused.headers["access-control-allow-origin"] == "*"
        assert refused.json()["type"].endswith("/problems/overloaded")
    ready = web.get("/health/ready")
    assert (ready.status_code, ready.json()["reason"]) == (503, "the server is ending")
    assert web.get("/health/live").status_code == 200
    assert "v4graph_draining 1.0" in web.get("/metrics").text
