"""``/metrics`` counts what really happened, names it by the rules, and tells it to the operator alone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.metrics import memory_of

from .conftest import SMALL, Server, publish, running, wide

ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server that was asked nothing yet."""
    publish(tmp_path / "home", SMALL + _some())
    with running(create_app(Settings(home=tmp_path / "home", readers=1, query_seconds=5))) as found:
        yield found


def _some() -> str:
    return "\n".join(f"<http://example.org/n{i}> <http://example.org/says> {i} ." for i in range(300))


def measured(server: Server) -> dict[str, float]:
    """Every sample by its name and labels, as in ``name{a="b"}``."""
    answer = httpx.get(f"{server.url}/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_requests_are_counted_by_route_and_not_by_path(fresh: Server) -> None:
    for slug in ("a", "b", "c"):
        assert httpx.get(f"{fresh.url}/project/{slug}").status_code == 404
    assert httpx.get(f"{fresh.url}/sparql", params={"query": "ASK {}"}).status_code == 200
    assert httpx.request("BREW", f"{fresh.url}/sparql").status_code >= 400
    found = measured(fresh)
    assert found['v4graph_requests_total{method="GET",route="/{path:path}",status="4xx"}'] == 3
    assert found['v4graph_requests_total{method="GET",route="/sparql",status="2xx"}'] == 1
    assert found['v4graph_request_duration_seconds_count{route="/{path:path}"}'] == 3
    assert found['v4graph_request_duration_seconds_bucket{le="+Inf",route="/sparql"}'] >= 1
    assert found['v4graph_problems_total{problem="unknown-entity"}'] == 3
    assert found["v4graph_response_bytes_total"] > 0
    assert not [name for name in found if "BREW" in name or "project/a" in name]


def test_answers_from_memory_and_unchanged_ones_are_told_apart(fresh: Server) -> None:
    first = httpx.get(f"{fresh.url}/sparql", params={"query": "SELECT * { ?s ?p ?o }"})
    before = measured(fresh)
    assert (before["v4graph_cache_hits_total"], before["v4graph_cache_misses_total"]) == (0, 1)
    httpx.get(f"{fresh.url}/sparql", params={"query": "SELECT * { ?s ?p ?o }"})
    headers = {"If-None-Match": first.headers["etag"]}
    again = httpx.get(f"{fresh.url}/sparql", params={"query": "SELECT * { ?s ?p ?o }"}, headers=headers)
    assert again.status_code == 304
    found = measured(fresh)
    assert (found["v4graph_cache_hits_total"], found["v4graph_cache_misses_total"]) == (2, 1)
    assert found["v4graph_not_modified_total"] == 1
    assert found["v4graph_cache_answers"] == 1
    assert found["v4graph_cache_bytes"] > int(first.headers["content-length"])


def test_killed_queries_tell_why(fresh: Server) -> None:
    late = httpx.get(f"{fresh.url}/sparql", params={"query": ENDLESS, "timeout": "0.3"}, timeout=30)
    assert late.status_code == 503
    deep = httpx.post(f"{fresh.url}/sparql", data={"query": "ASK " + "{" * 4000 + "}" * 4000}, timeout=30)
    assert deep.status_code == 400
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{fresh.url}/sparql", params={"query": ENDLESS}, timeout=0.4)
    settled = threading.Event()
    for _ in range(200):  # the server sees that the client left a moment later
        found = measured(fresh)
        if found['v4graph_queries_killed_total{reason="client"}']:
            break
        settled.wait(0.05)
    killed = {name: times for name, times in found.items() if name.startswith("v4graph_queries_killed")}
    assert {re.findall(r'"(.*)"', name)[0]: times for name, times in killed.items() if times} == {
        "client": 1, "deadline": 1, "nesting": 1,
    }  # fmt: skip
    assert found['v4graph_requests_total{method="GET",route="/sparql",status="4xx"}'] == 1  # who did not wait: 499


def test_an_answer_that_breaks_off_is_counted(tmp_path: Path) -> None:
    publish(tmp_path / "home", SMALL + wide())
    with running(create_app(Settings(home=tmp_path / "home", readers=1, result_mb=2))) as server:
        everything = {"query": "SELECT * { GRAPH ?g { ?s ?p ?o } }"}
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{server.url}/sparql", params=everything, headers={"Accept-Encoding": "identity"}, timeout=30)
        killed = 'v4graph_queries_killed_total{reason="size"}'
        until = time.monotonic() + 5
        while (found := measured(server))[killed] == 0 and time.monotonic() < until:
            time.sleep(0.05)  # the process ends a moment after its answer
        assert found["v4graph_answers_cut_total"] == 1
        assert found[killed] == 1


def test_a_slow_query_is_written_down_without_its_text(fresh: Server, caplog: pytest.LogCaptureFixture) -> None:
    httpx.get(f"{fresh.url}/sparql", params={"query": ENDLESS, "timeout": "0.7"}, timeout=30)
    [record] = [record for record in caplog.records if "slow query" in record.getMessage()]
    told = record.told  # type: ignore[attr-defined]
    assert 0.6 < told["seconds"] < 5
    assert told["outcome"] == "query-timeout"
    assert told["characters"] == len(ENDLESS)
    assert "query" not in told
    with caplog.at_level("DEBUG", logger="v4graph.sandbox.pool"):
        httpx.get(f"{fresh.url}/sparql", params={"query": ENDLESS, "timeout": "0.7"}, timeout=30)
    assert caplog.records[-1].told["query"] == ENDLESS  # type: ignore[attr-defined]
    assert measured(fresh)["v4graph_queries_slow_total"] == 2


def test_what_is_looked_up(fresh: Server) -> None:
    found = measured(fresh)
    assert found["v4graph_snapshot_number"] == 1
    assert 0 <= found["v4graph_snapshot_age_seconds"] < 300
    assert found["v4graph_snapshot_behind"] == 0
    assert (found['v4graph_readers{state="idle"}'], found['v4graph_readers{state="busy"}']) == (1, 0)
    assert found["v4graph_queries_waiting"] == 0
    assert found["v4graph_draining"] == 0
    assert found['v4graph_memory_bytes{process="reader"}'] > 2**20
    assert found["v4graph_process_resident_memory_bytes"] > 2**20
    assert memory_of(fresh.pids()[0]) > 2**20
    assert memory_of(2**22 + 1) == 0


def test_names_follow_the_rules(fresh: Server) -> None:
    httpx.get(f"{fresh.url}/sparql", params={"query": "ASK {}"})
    for family in text_string_to_metric_families(httpx.get(f"{fresh.url}/metrics").text):
        assert family.name.startswith("v4graph_"), family.name
        assert family.documentation, family.name
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter"), sample.name


def test_two_applications_count_apart(fresh: Server, tmp_path: Path) -> None:
    publish(tmp_path / "other", SMALL)
    with running(create_app(Settings(home=tmp_path / "other", readers=1))) as other:
        httpx.get(f"{other.url}/sparql", params={"query": "ASK {}"})
        key = 'v4graph_requests_total{method="GET",route="/sparql",status="2xx"}'
        assert measured(other)[key] == 1
        assert key not in measured(fresh)


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "10.0.0.7"}, {"Forwarded": "for=10.0.0.7"}, {"Via": "1.1 proxy"}, {"X-Real-IP": "::1"}],
)
def test_they_are_not_told_through_a_proxy(client: httpx.Client, headers: dict[str, str]) -> None:
    refused = client.get("/metrics", headers=headers)
    assert refused.status_code == 403
    assert "v4graph_requests" not in refused.text
    assert refused.json()["type"].endswith("problems/not-allowed")


def test_they_are_not_told_from_afar(small: Server) -> None:
    import asyncio

    for address, expected in (
        ("10.1.2.3", 200),
        ("192.168.0.9", 200),
        ("127.0.0.1", 200),
        ("8.8.8.8", 403),
        ("x", 403),
    ):
        transport = httpx.ASGITransport(small.app, client=(address, 1))

        async def ask(transport: httpx.ASGITransport = transport) -> int:
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as web:
                return (await web.get("/metrics")).status_code

        assert asyncio.run(ask()) == expected, address
