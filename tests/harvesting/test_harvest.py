"""Harvesting from real servers on loopback."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from v4graph import harvest as harvesting
from v4graph.actors import COMMAND_LINE
from v4graph.cli import app
from v4graph.commands import harvest as commands
from v4graph.errors import BadRequest, NotFound, UnknownGraph
from v4graph.fetch import Fetched
from v4graph.harvest import Registered
from v4graph.workspace import Workspace

from .sites import BASE, PREFIXES, Site, once, register, revisions, turtle


def test_a_document_is_fetched_politely_and_published_once(work: Workspace, site: Site) -> None:
    site.put("/data.ttl", turtle("One"), ETag='"1"')
    register(work, f"{site.url}/data.ttl")
    first = once(work)
    assert (first.error, first.state, first.etag) == ("", "published", '"1"')
    assert site.paths == ["/robots.txt", "/data.ttl"]
    assert all(headers["User-Agent"].startswith("v4graph/") for _, headers in site.asked)
    assert "If-None-Match" not in site.asked[1][1]
    [lines] = revisions(work)
    assert any('"One"@en' in line for line in lines)

    second = once(work)
    assert site.asked[-1][1]["If-None-Match"] == '"1"'
    assert (second.error, second.changed) == ("", first.changed)
    site.put("/data.ttl", turtle("One"), ETag='"2"')  # the same bytes under another tag
    assert once(work).contribution == first.contribution
    site.put("/data.ttl", turtle("One") + b"# a comment more", ETag='"3"')  # other bytes, the same statements
    assert once(work).contribution == first.contribution
    assert len(revisions(work)) == 1

    site.put("/data.ttl", turtle("Two"), ETag='"4"')
    third = once(work)
    assert third.contribution is not None and first.contribution is not None
    assert third.contribution > first.contribution
    assert any('"Two"@en' in line for line in revisions(work)[-1])
    with work.ledger() as ledger:
        entry = ledger.entries(kind="revision", source="example-cluster")[-1]
        assert entry.actor == "example-cluster/harvest"
        assert ledger.verify() > 0


def test_without_leave_to_publish_it_waits_for_a_review(work: Workspace, site: Site) -> None:
    site.put("/data.ttl", turtle("One"))
    register(work, f"{site.url}/data.ttl", publish=False)
    went = once(work)
    assert (went.state, went.changed) == ("pending", "")
    assert revisions(work) == []
    assert once(work).contribution == went.contribution, "it is not submitted twice"
    assert went.contribution is not None
    record = work.contribution(COMMAND_LINE, went.contribution)
    assert (record.state, record.needs, record.partner) == ("pending", "review", "example-cluster")
    assert record.detail["address"] == f"{site.url}/data.ttl"


def test_json_ld_in_a_page_with_our_context(work: Workspace, site: Site) -> None:
    block = {
        "@context": f"{BASE}context/v1.jsonld",
        "@id": f"{BASE}id/organisation/example-cluster",
        "@type": "http://www.w3.org/ns/org#Organization",
        "http://www.w3.org/2004/02/skos/core#prefLabel": {"@value": "Klaster Příklad", "@language": "cs"},
    }
    html = f"""<!doctype html><title>Example</title>
    <!-- <script type="application/ld+json">{{"@id": "http://example.org/commented-out"}}</script> -->
    <script>var x = "</scr" + "ipt>";</script>
    <script nonce="a" type="application/ld+json">{json.dumps(block, ensure_ascii=False)}</script>
    <SCRIPT TYPE='application/ld+json'>{{"@id": "{BASE}id/organisation/example-cluster",
    "http://www.w3.org/2004/02/skos/core#altLabel": {{"@value": "second block", "@language": "en"}}}}</SCRIPT>"""
    site.put("/about", html.encode("iso-8859-2"), "text/html; charset=iso-8859-2")
    register(work, f"{site.url}/about")
    went = once(work)
    assert (went.error, went.state) == ("", "published")
    [lines] = revisions(work)
    assert any('"Klaster Příklad"@cs' in line for line in lines)
    assert any('"second block"@en' in line for line in lines)
    assert not any("commented" in line for line in lines)


def test_an_endpoint_with_a_construct(work: Workspace, site: Site) -> None:
    site.put("/sparql", turtle("From the endpoint"))
    query = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"
    register(work, f"{site.url}/sparql", construct=query)
    assert once(work).state == "published"
    assert len(site.asked) == 1, "robots.txt is about pages"
    assert "query=CONSTRUCT" in site.asked[0][0] and "turtle" in site.asked[0][1]["Accept"]
    register(work, f"{site.url}/sparql", construct=query + "#" + "long " * 400)
    assert once(work).error == ""
    assert "query=CONSTRUCT" in site.asked[-1][0] and site.asked[-1][1]["Content-Type"].startswith("application/x-www")


def test_what_cannot_be_read_or_breaks_the_rules_is_kept_for_its_owner(work: Workspace, site: Site) -> None:
    site.put("/data.ttl", turtle("One"))
    register(work, f"{site.url}/data.ttl")
    once(work)
    before = revisions(work)
    site.put("/data.ttl", b"<http://example.org/a> <http://example.org/b> .")
    went = once(work)
    assert "line 1" in went.error and "contribution" in went.error
    foreign = PREFIXES + f'<{BASE}ontology#Project> skos:prefLabel "mine"@en .\n<{BASE}id/project/p> a v4:Project .'
    site.put("/data.ttl", foreign.encode())
    assert once(work).state in ("invalid", "pending")
    assert revisions(work) == before, "the last good revision stays"
    with work.ledger() as ledger:
        states = [r.state for r in harvesting_records(ledger)]
    assert states[0] == "published" and states[1] == "invalid"


def harvesting_records(ledger):  # type: ignore[no-untyped-def]
    from v4graph import records

    return records.read_all(ledger, source="example-cluster")


def test_robots_are_heeded(work: Workspace, site: Site) -> None:
    site.put("/robots.txt", b"User-agent: v4graph\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n", "text/plain")
    site.put("/data.ttl", turtle("One"))
    register(work, f"{site.url}/data.ttl")
    assert once(work).error == ""
    site.put("/private/data.ttl", turtle("Two"))
    register(work, f"{site.url}/private/data.ttl")
    assert "robots.txt excludes" in once(work).error
    site.put("/moved.ttl", b"", status=302, Location="/private/data.ttl")
    register(work, f"{site.url}/moved.ttl")
    assert "robots.txt excludes" in once(work).error
    assert "/private/data.ttl" not in site.paths
    site.put("/robots.txt", b"", status=503)
    register(work, f"{site.url}/data.ttl")
    assert "nothing is fetched from there now" in once(work).error


def test_an_unreachable_source_keeps_its_revision_and_tells_its_age(work: Workspace, site: Site) -> None:
    site.put("/data.ttl", turtle("One"), ETag='"1"')
    register(work, f"{site.url}/data.ttl")
    good = once(work)
    del site.pages["/data.ttl"]
    assert "answers 404" in once(work).error
    bad = once(work)
    assert (bad.failures, bad.fetched, bad.etag) == (2, good.fetched, '"1"')
    assert len(revisions(work)) == 1
    site.put("/data.ttl", turtle("One"), ETag='"1"')
    again = once(work)
    assert (again.error, again.failures) == ("", 0)
    assert site.asked[-1][1]["If-None-Match"] == '"1"'
    once(work, anew=True)
    assert "If-None-Match" not in site.asked[-1][1]
    assert len(revisions(work)) == 1, "the same statements make nothing, however they came"


# --- what is registered -------------------------------------------------------------------------------------------


def test_what_cannot_be_registered(work: Workspace) -> None:
    for address in ("ftp://example.org/", "example.org", "http://", "http://user:pass@example.org/"):
        with pytest.raises(BadRequest, match="starts with http"):
            register(work, address)
    with pytest.raises(BadRequest, match="by a CONSTRUCT"):
        register(work, "http://example.org/sparql", construct="SELECT * { ?s ?p ?o }")
    for source in ("nobody", "ontology"):
        with pytest.raises(UnknownGraph, match="no source"):
            harvesting.register(work, Registered(source, "http://example.org/"), "curator")
    with pytest.raises(NotFound, match="is not harvested"):
        harvesting.harvest(work, "example-cluster")
    assert harvesting.harvest(work) == []


def test_from_the_command_line(work: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V4GRAPH_HOME", str(work.home))
    site.put("/data.ttl", turtle("One"))
    run = CliRunner().invoke
    assert "Nothing is harvested" in run(app, ["harvest", "--status"]).output
    made = run(
        app,
        ["source", "harvest-from", "example-cluster", f"{site.url}/data.ttl", "--publish", "--allow-private"],
    )
    assert made.exit_code == 0 and "published at once" in made.output
    assert "is published" in run(app, ["harvest"]).output
    assert "nothing new" in run(app, ["harvest", "example-cluster"]).output
    del site.pages["/data.ttl"]
    failed = run(app, ["harvest"])
    assert failed.exit_code == 1 and "answers 404" in failed.output and "stays" in failed.output
    status = run(app, ["harvest", "--status"], env={"COLUMNS": "240"}).output
    assert "0.0 h" in status and "answers 404" in status
    assert run(app, ["source", "harvest-from", "example-cluster", "--stop"]).exit_code == 0
    assert "Nothing is harvested" in run(app, ["harvest", "--status"]).output
    assert run(app, ["harvest", "--every", "1m"]).exit_code == 1


def test_again_and_again(work: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V4GRAPH_HOME", str(work.home))
    register(work, f"{site.url}/data.ttl")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        site.put("/data.ttl", turtle("One"))
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands, "sleep", pause)
    output = CliRunner().invoke(app, ["harvest", "--every", "6h"]).output
    assert pauses == [21600, 21600]
    assert "answers 404" in output and "is published" in output, "a round that failed does not end it"


def test_times_between_rounds() -> None:
    assert [commands.seconds(text) for text in ("10m", "6h", "1d")] == [600, 21600, 86400]
    for wrong in ("9m", "6", "h", "-1h", "1w", "0h", ""):
        with pytest.raises(BadRequest, match="at least 10m"):
            commands.seconds(wrong)
    from datetime import UTC, datetime

    past = (datetime.now(UTC) - timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (commands.age(past), commands.age("")) == ("5 d", "never")


def test_media_types_are_read_leniently() -> None:
    answer = Fetched("http://example.org/", 200, {"content-type": "Text/Turtle; charset=UTF-8"}, b"")
    assert answer.media_type == "text/turtle"
