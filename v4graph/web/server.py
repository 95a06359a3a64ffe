"""Run the web application with uvicorn."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from v4graph.errors import BadRequest
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.packaged import read_file
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.sandbox.scratch import ScratchStore
from v4graph.settings import Settings
from v4graph.web.app import create_app


def run(settings: Settings, *, scratch_files: Sequence[Path] | None = None) -> None:
    """Serve until interrupted. With ``scratch_files`` (also an empty list) a temporary, writable store is served.

    Raises:
        BadRequest: scratch mode beyond loopback, or a file of no known syntax.
        MalformedData: a file of scratch mode cannot be read; nothing was started.
    """
    scratch = None
    quads: list[bytes] = []
    if scratch_files is not None:
        if not _is_loopback(settings.host):
            raise BadRequest("Scratch mode lets everybody write, so it serves on loopback only (HOST=127.0.0.1).")
        scratch = ScratchStore(settings, prefixes=prefixes(Iris(settings.base_iri)))
        quads = [_quads(path, settings) for path in scratch_files]
    uvicorn.run(
        create_app(settings, scratch=scratch, quads=quads),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        date_header=True,
        h11_max_incomplete_event_size=None,
        timeout_keep_alive=30,
        backlog=1024,
    )


def _quads(path: Path, settings: Settings) -> bytes:
    """A file as N-Quads."""
    document = Document(*read_file(path), genid_prefix="", name=str(path), dataset=True)
    [parsed] = parse_documents([document], settings)
    if not isinstance(parsed, Parsed):
        raise parsed
    return "\n".join(parsed.lines).encode()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
