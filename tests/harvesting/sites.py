"""Sites on loopback that answer what a test tells them to, and a partner who is harvested from them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from v4graph import harvest as harvesting
from v4graph.harvest import Registered, Status
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


def register(work: Workspace, address: str, *, publish: bool = True, private: bool = True, construct: str = "") -> None:
    harvesting.register(work, Registered("example-cluster", address, construct, publish, private), "curator")


def once(work: Workspace, *, anew: bool = False) -> Status:
    [(source, went)] = harvesting.harvest(work, "example-cluster", anew=anew)
    assert source == "example-cluster"
    return went


def revisions(work: Workspace) -> list[list[str]]:
    with work.ledger() as ledger:
        return [ledger.lines(e.content) for e in ledger.entries(kind="revision", source="example-cluster")]


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
