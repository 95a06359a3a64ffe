"""Harvesting from real servers on loopback, friendly and hostile ones."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from v4graph import fetch as fetching
from v4graph import harvest as harvesting
from v4graph.actors import COMMAND_LINE
from v4graph.cli import app
from v4graph.commands import harvest as commands
from v4graph.errors import AddressRefused, BadRequest, FetchFailed, NotFound, UnknownGraph
from v4graph.fetch import Fetched, fetch, is_public
from v4graph.harvest import Registered, Status
from v4graph.settings import Settings
from v4graph.workspace import Workspace

BASE = "https://w3id.org/v4graph/"
PREFIXES = f"""
@prefix v4: <{BASE}ontology#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
"""


def turtle(name: str) -> bytes:
    return f"""{PREFIXES}
<{BASE}id/organisation/example-cluster> a <http://www.w3.org/ns/org#Organization> ; skos:prefLabel "{name}"@en .
""".encode()


@dataclass
class Site:
    """What a server answers at each path, and what it was asked."""

    url: str
    pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, body: bytes, media_type: str = "text/turtle", status: int = 200, **headers: str) -> None:
        """Answer with a document; conditional requests by its ETag."""

        def page(request: BaseHTTPRequestHandler) -> None:
            tag = headers.get("ETag")
            same = tag is not None and request.headers.get("If-None-Match") == tag
            request.send_response(304 if same else status)
            for name, value in headers.items():
                request.send_header(name.replace("_", "-"), value)
            request.send_header("Content-Type", media_type)
            request.send_header("Content-Length", "0" if same else str(len(body)))
            request.end_headers()
            if not same:
                request.wfile.write(body)

        self.pages[path] = page

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@contextmanager
def serving(host: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            site.asked.append((self.path, {name.title(): value for name, value in self.headers.items()}))
            page = site.pages.get(path)
            try:
                if page is None:
                    self.send_error(404)
                else:
                    page(self)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.path += "?" + body.decode()
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    site = Site(f"http://{host}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def base_home(tmp_path_factory: pytest.TempPathFactory, published_home: Path) -> Path:
    """A home with a partner and its source."""
    home = tmp_path_factory.mktemp("harvest") / "home"
    shutil.copytree(published_home, home)
    Workspace(Settings(home=home)).add_partner(COMMAND_LINE, "example-cluster", "Example Cluster")
    return home


@pytest.fixture
def work(base_home: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(base_home, tmp_path / "home")
    return Workspace(Settings(home=tmp_path / "home", upload_mb=1))


def register(work: Workspace, address: str, *, publish: bool = True, private: bool = True, construct: str = "") -> None:
    harvesting.register(work, Registered("example-cluster", address, construct, publish, private), "curator")


def once(work: Workspace, *, anew: bool = False) -> Status:
    [(source, went)] = harvesting.harvest(work, "example-cluster", anew=anew)
    assert source == "example-cluster"
    return went


def revisions(work: Workspace) -> list[list[str]]:
    with work.ledger() as ledger:
        return [ledger.lines(e.content) for e in ledger.entries(kind="revision", source="example-cluster")]


# --- friendly -----------------------------------------------------------------------------------------------------


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


# --- hostile ------------------------------------------------------------------------------------------------------


def endless(chunk: bytes, pause: float, headers: bytes = b"Content-Type: text/turtle\r\n") -> Callable[..., None]:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            request.wfile.write(chunk)
            request.wfile.flush()
            time.sleep(pause)

    return page


def dripping_headers(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        request.wfile.write(b"X: y\r\n")
        time.sleep(0.05)


BOMB = gzip.compress(bytes(50_000_000))


def bomb(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/turtle\r\nContent-Encoding: gzip\r\n\r\n" + BOMB)


HOSTILE = {
    "huge": (endless(b"# filler\n" * 10_000, 0), "is larger than 1 MB"),
    "drip": (endless(b"#", 0.05), "did not answer whole within 1 seconds"),
    "dripping headers": (dripping_headers, "did not answer whole within 1 seconds"),
    "bomb": (bomb, "is larger than 1 MB"),
    "packed otherwise": (endless(b"", 0.5, b"Content-Encoding: br\r\n"), "is packed as br"),
    "not packed": (endless(b"# plain", 0.1, b"Content-Encoding: gzip\r\n"), "is not packed as it says"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_costs_little(work: Workspace, site: Site, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harvesting, "SECONDS", 1.0)
    page, words = HOSTILE[name]
    site.pages["/data.ttl"] = page
    register(work, f"{site.url}/data.ttl")
    began = time.monotonic()
    went = once(work)
    assert words in went.error
    assert time.monotonic() - began < 8
    assert revisions(work) == []


def test_wrong_types_and_nothing_in_it(work: Workspace, site: Site) -> None:
    for body, media_type, words in (
        (b"%PDF-1.7", "application/pdf", "is application/pdf, which is neither RDF nor a page"),
        (
            b"<html><script type='text/javascript'>x</script><script type=application/ld+json>",
            "text/html",
            "a page without",
        ),
        (b"# nothing", "text/turtle", "holds no statements"),
        (b'{"@context": "https://schema.org", "@type": "Thing"}', "application/ld+json", "is not fetched here"),
        (b'{"@context": "file:///etc/passwd", "@type": "Thing"}', "application/json", "is not fetched here"),
    ):
        site.put("/data", body, media_type)
        register(work, f"{site.url}/data")
        assert words in once(work).error
    site.put("/data.ttl", turtle("One"), "text/plain")
    register(work, f"{site.url}/data.ttl")
    assert once(work).error == "", "text/plain says nothing, the ending does"
    assert len(revisions(work)) == 1


def test_private_addresses_are_refused_also_after_a_redirect(work: Workspace, site: Site) -> None:
    site.put("/data.ttl", turtle("One"))
    for address in (f"{site.url}/data.ttl", site.url.replace("127.0.0.1", "localhost") + "/data.ttl"):
        register(work, address, private=False)
        assert "is not a public address" in once(work).error
    assert site.asked == [], "not a byte was sent"

    async def redirected() -> None:
        """A server that may be asked redirects to one that may not."""

        class Once(fetching.Guarded):
            async def handle_async_request(self, request):  # type: ignore[no-untyped-def]
                self._private = request.url.path == "/away"
                return await super().handle_async_request(request)

        site.put("/away", b"", status=302, Location="/data.ttl")
        guarded, fetching.Guarded = fetching.Guarded, Once  # type: ignore[misc]
        try:
            await fetch(f"{site.url}/away")
        finally:
            fetching.Guarded = guarded  # type: ignore[misc]

    with pytest.raises(AddressRefused, match="is not a public address"):
        asyncio.run(redirected())
    assert site.paths == ["/away"]


def test_a_name_that_leads_elsewhere_a_moment_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked; the name is asked for once (DNS rebinding)."""
    asked: list[str] = []

    async def resolve(host: str, port: int, *, private: bool = False) -> list[fetching.Address]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.2")]

    monkeypatch.setattr(fetching, "resolve", resolve)
    site.put("/data.ttl", turtle("One"))
    port = site.url.rpartition(":")[2]
    answer = asyncio.run(fetch(f"http://partner.example:{port}/data.ttl"))
    assert answer.body == turtle("One")
    assert asked == ["partner.example"]
    assert site.asked[0][1]["Host"] == f"partner.example:{port}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of the test")
def test_certificates_are_checked_for_the_name_not_the_address(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=partner.example", "-addext", "subjectAltName=DNS:partner.example"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *names]
    subprocess.run(made, check=True, capture_output=True)

    async def resolve(host: str, port: int, *, private: bool = False) -> list[fetching.Address]:
        return [ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(fetching, "resolve", resolve)
    site.put("/data.ttl", turtle("One"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(context=context) as safe:
        safe.put("/data.ttl", turtle("One"))
        port = safe.url.rpartition(":")[2]
        with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
            asyncio.run(fetch(f"https://partner.example:{port}/data.ttl"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert asyncio.run(fetch(f"https://partner.example:{port}/data.ttl")).body == turtle("One")
        with pytest.raises(FetchFailed, match="Hostname mismatch"):
            asyncio.run(fetch(f"https://other.example:{port}/data.ttl"))
        safe.put("/moved", b"", status=302, Location=f"{site.url}/data.ttl")
        with pytest.raises(FetchFailed, match="is not encrypted"):
            asyncio.run(fetch(f"https://partner.example:{port}/moved"))
    assert site.asked == []


def test_which_addresses_are_public() -> None:
    for text in (
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "192.0.0.1", "198.18.0.1",
    ):  # fmt: skip
        assert not is_public(ipaddress.ip_address(text)), text
    for text in ("93.184.216.34", "8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"):
        assert is_public(ipaddress.ip_address(text)), text


@pytest.mark.parametrize("url", ["ftp://example.org/x", "file:///etc/passwd", "http:///x", "http://a:b@127.0.0.1/"])
def test_only_plain_web_addresses(url: str) -> None:
    with pytest.raises((AddressRefused, FetchFailed)):
        asyncio.run(fetch(url, private=True))


def test_redirects_end(site: Site) -> None:
    site.put("/round", b"", status=302, Location="/round")
    with pytest.raises(FetchFailed, match="More than 5 redirects"):
        asyncio.run(fetch(f"{site.url}/round", private=True))
    assert len(site.asked) == 6
    with pytest.raises(FetchFailed, match=r"is not known|does not answer"):
        asyncio.run(fetch("http://nowhere.invalid/", private=True))
    with pytest.raises(FetchFailed, match="does not answer"):
        asyncio.run(fetch("http://127.0.0.1:1/", private=True))


def test_scripts_are_found_in_linear_time() -> None:
    for html in ("<script" * 200_000, "<!--" * 300_000, "<script type=application/ld+json>" * 50_000, "</script" * 99):
        began = time.monotonic()
        assert list(harvesting.json_ld_blocks(html)) == []
        assert time.monotonic() - began < 2


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
