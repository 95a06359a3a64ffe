"""Sites that mean harm, or do some: slow, endless, elsewhere, forged."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from v4graph import fetch as fetching
from v4graph import harvest as harvesting
from v4graph.errors import AddressRefused, FetchFailed
from v4graph.fetch import fetch, is_public
from v4graph.workspace import Workspace

from .sites import Site, once, register, revisions, serving, turtle


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
