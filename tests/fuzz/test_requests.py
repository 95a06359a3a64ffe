"""Requests made of parts that are right on their own, and of parts that are not: every route, parameter and header.

No answer may be a mistake of the server, show its inside, or be told in another shape than RFC 9457.
"""

from __future__ import annotations

import json
import socket
import string
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from tests.fuzz import budget
from tests.web.partners import PROJECT, Instance, project
from v4graph import rdf
from v4graph.settings import Settings
from v4graph.web.app import create_app

BASE = "https://w3id.org/v4graph/"
DOCUMENTED = {503, 507}
"""What a server may answer that is well: it is busy, or its disk is full. Both say how to go on."""
SEGMENTS = (
    "project", "organisation", "v4clusters", "v4clusters.ttl", "nca", "river", "river-cluster", "ketgate.jsonld",
    "1", "2", "0", "1740",
    "-1", "99999999999999999999", "٣", "clusters", "list-clusters", "list-clusters.csv", "ontology", "ontology.ttl",
    "1.0.0", "sector",
    "provenance", "x" * 300, "..", ".", "%00", "%2e%2e", "%ff", "a b", "é", "a/b", "😀", "'", '"', "<x>", "{x}", "$",
    "*", "%",
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(SEGMENTS),
    st.text(max_size=20),
    st.sampled_from(
        (
            "", "0", "-1", "1", "1e9", "NaN", "true", "en", "cs", "xx", "json", "ttl", "csv", "html", "geojson",
            "xlsx", "name", "-name",
            "2026-11-21", "2026-11-21T12:00:00Z", "0001-01-01", "9999-12-31", "2026-02-30", "today", "1736", PROJECT,
            f"{BASE}id/project/v4clusters", f"{BASE}graph/river", "http://[", "urn:x", "relative", "auto", "%",
            "\x00", "\ufffe", "\ud800",
            "a" * 5000, "*", "((((", "SELECT * { ?s ?p ?o } LIMIT 3", "ASK {}", "DROP ALL", "eyJ4IjoxfQ==", "2010",
            "SVK", "ict",
        )
    ),
)  # fmt: skip
NAMES = st.sampled_from(
    (
        "query", "update", "default-graph-uri", "named-graph-uri", "graph", "default", "format", "timeout", "at",
        "snapshot", "lang",
        "page", "size", "limit", "cursor", "sort", "q", "iri", "property", "value", "former", "country", "sector",
        "kind", "partner",
        "region", "stage", "from", "to", "project", "year", "url", "maxwidth", "source", "mode", "note", "confirmed",
        "dry-run", "base",
        "token", "access_token", "state", "before", "after", "depth", "center", "bbox", "zoom", "width", "facet",
        "nonsense", "year", "role",
    )
)  # fmt: skip
MEDIA = [fmt.media_type for fmt in (*rdf.RDF_FORMATS, *rdf.RESULT_FORMATS)]
TYPES = st.one_of(
    st.sampled_from(
        [
            *MEDIA, "text/html", "*/*", "application/json", "image/png", "text/*", "", "a", "/", ";", ",",
            "text/html;q=2", "*/*;q=0",
            "text/turtle;q=0.5, application/ld+json;profile=x, */*;q=0.1", "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=x", "application/sparql-query", "application/sparql-update",
            "text/csv; charset=utf-16",
            "application/problem+json", "application/geo+json", "application/atom+xml", "text/turtle; charset=latin-1",
        ]
    ),
    st.text(string.printable, max_size=30),
)  # fmt: skip
HEADERS = {
    "Accept": TYPES,
    "Accept-Language": st.one_of(
        st.sampled_from(("cs", "hu;q=x", "*", "en-GB,en;q=0.5", "-", "x" * 300)),
        st.text(string.printable, max_size=12),
    ),
    "Accept-Encoding": st.sampled_from(("gzip", "gzip;q=0", "br", "identity;q=0", "*;q=0", "*", "", "gzip;q=x")),
    "Accept-Datetime": st.sampled_from(
        ("Sat, 21 Nov 2026 12:00:00 GMT",
         "Thu, 01 Jan 0001 00:00:00 GMT", "now", "", "Sat, 31 Feb 2026 00:00:00 GMT",
         "Fri, 31 Dec 9999 23:59:59 -2359")),
    "If-None-Match": st.sampled_from(('"x"', "*", 'W/"x"', "x", "", '"', ",,,")),
    "If-Match": st.sampled_from(('"0"', '"river-1"', "*", 'W/"1"', '"x", "y"', "", "0", '"999999999999999999999"')),
    "If-Modified-Since": st.sampled_from(("Sat, 21 Nov 2026 12:00:00 GMT", "yesterday", "", "0")),
    "Range": st.sampled_from(("bytes=0-10", "bytes=-5", "bytes=5-1", "bytes=0-0,5-6", "rows=1", "bytes=99999999999-")),
    "Content-Encoding": st.sampled_from(("gzip", "br", "identity", "x")),
    "Idempotency-Key": st.sampled_from(("a", "", "x" * 300, '"k"', "\x7f")),
    "Slug": st.text(string.printable, max_size=8),
    "Origin": st.sampled_from(("https://e.example", "null", "")),
    "Host": st.sampled_from(("w3id.org", "x", "[::1]", "a:b:c", "")),
    "Cookie": st.sampled_from(("session=x", "a=b; c", "=", "\x7f")),
    "Content-Length": st.sampled_from(("0", "5")),
    "Transfer-Encoding": st.just("chunked"),
    "Prefer": st.just("return=minimal"),
    "Authorization": st.sampled_from(("Bearer", "Bearer x", "Basic eDp5", "bearer v4g_x", "Bearer \x7f", "Digest")),
}  # fmt: skip
BODIES = st.one_of(
    st.just(b""),
    st.sampled_from(
        (
            project().encode(), b"<a> <b> <c> .", b"{}", b"[]", b'{"@id": 1}', b"query=ASK%7B%7D",
            b"update=CLEAR+ALL", b"x,y\n1,2\n",
            b"ASK {}", b"INSERT DATA { <urn:a> <urn:b> 1 }", b"DELETE WHERE { ?s ?p ?o }", b"\xff\xfe\x00",
            b"--x\r\n\r\n--x--", b"--x\r\n",
            b"note=x&reason=", b"PK\x03\x04nothing", b"\x1f\x8bnothing", b"<?xml version='1.0'?><x/>", b"null",
            b'{"iris": [1, null]}',
            b'{"iris": ["x"], "languages": 1}', b'"' + b"x" * 3000,
        )
    ),
    st.binary(max_size=40),
)  # fmt: skip


def _routes() -> list[tuple[str, str]]:
    found = []
    for route in create_app(Settings()).router.routes:
        if isinstance(route, Route):
            found += [(method, route.path) for method in sorted(route.methods or {"GET", "POST", "PUT", "DELETE"})]
    return sorted(set(found))


ROUTES = _routes()
WRITES = [(method, path) for method, path in ROUTES if method not in ("GET", "HEAD")]
ROLES = st.sampled_from((None, None, "submitter", "publisher", "reviewer", "administrator", "disabled", "expired"))
ANY = st.sampled_from(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"))


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, list[tuple[bytes, bytes]], bytes, str | None]:
    """A method, a target, headers, a body, and who comes with it."""
    method, path = draw(st.sampled_from(WRITES if draw(st.integers(0, 2)) == 0 else ROUTES))
    if draw(st.integers(0, 9)) == 0:
        method = draw(ANY)
    parts = []
    for part in path.split("/"):
        if "{" in part:
            text = (
                draw(st.one_of(st.sampled_from(SEGMENTS), TEXTS))
                if draw(st.booleans())
                else draw(st.sampled_from(SEGMENTS[:9]))
            )
            before, _, rest = part.partition("{")
            part = before + quote(text, safe="%/.", errors="surrogatepass") + rest.partition("}")[2]
        parts.append(part)
    pairs = draw(st.lists(st.tuples(NAMES, TEXTS), max_size=draw(st.sampled_from((0, 1, 3)))))
    if pairs and draw(st.integers(0, 9)) == 0:
        pairs.append(pairs[0])
    target = "/".join(parts) or "/"
    if pairs:
        target += "?" + "&".join(f"{n}={quote(v, safe='', errors='surrogatepass')}" for n, v in pairs)
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=4))
    headers = [(name.encode(), draw(HEADERS[name]).encode("latin-1", "replace")) for name in names]
    body = b""
    if method not in ("GET", "HEAD"):
        body = draw(BODIES)
        headers.append((b"Content-Type", draw(TYPES).encode("latin-1", "replace")))
    return method, target, headers, body, draw(ROLES)


def send(
    target: Instance, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes, role: str | None
) -> Any:
    """Send it as it is, byte for byte, whatever a client library would say."""
    address = urlsplit(target.server.url)
    given = {name.lower() for name, _ in headers}
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1", "replace")]
    if b"host" not in given:
        lines.append(f"Host: {address.netloc}".encode())
    if role is not None:
        lines.append(f"Authorization: Bearer {target.secrets[role]}".encode())
    if body and not given & {b"content-length", b"transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}".encode())
    lines += [name + b": " + value.replace(b"\r", b"").replace(b"\n", b"") for name, value in headers]
    lines.append(b"Connection: close")
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        short = given & {b"content-length", b"transfer-encoding"}  # the server may wait for the rest
        connection.settimeout(0.5 if short else 60)
        received = b""
        with suppress(TimeoutError, ConnectionResetError):
            while data := connection.recv(65536):
                received += data
    return received


def assert_harmless(received: bytes, shown: Any) -> None:
    if not received:
        assert any(name in (b"Content-Length", b"Transfer-Encoding") for name, _ in shown[2]), shown
        return
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    assert status < 500 or status in DOCUMENTED, (shown, lines[0], body[:400])
    assert b"Traceback" not in body and b"site-packages" not in body, (shown, body[:400])
    fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
    if fields.get("content-type", "").startswith("application/problem+json") and body:
        text = body if "content-length" in fields else b"".join(_chunks(body))
        problem = json.loads(text)
        assert problem["status"] == status and problem["title"] and problem["type"].startswith("http"), shown
    elif status >= 400 and body and status != 400:  # 400 may be the words of the HTTP layer itself
        assert fields.get("content-type", "").startswith(("text/html", "application/", "text/")), (shown, fields)


def _chunks(body: bytes) -> list[bytes]:
    found = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        found.append(body[:length])
        body = body[length + 2 :]
    return found


@pytest.mark.timeout(3600)
def test_no_request_makes_the_server_fail(target: Instance) -> None:
    seen: dict[int, int] = {}

    @budget(200, 20_000)
    @given(requests())
    def throw(request: tuple[str, str, list[tuple[bytes, bytes]], bytes, str | None]) -> None:
        received = send(target, *request)
        assert_harmless(received, request)
        status = int(received.split(b" ", 2)[1]) if received else 0
        seen[status] = seen.get(status, 0) + 1

    throw()
    print(f"\n{sum(seen.values())} requests: {dict(sorted(seen.items()))}")
    assert {200, 400, 401, 404} <= seen.keys(), "they reach what they are meant to reach"
