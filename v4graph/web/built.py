"""What the front end's build has made: the addresses of files, drawings, and how files are served.

Names of files carry a hash or a version, so they may be kept for ever; compressed twins lie beside them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup, escape
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from v4graph.web.negotiation import accepts_coding

STATIC = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
_FOR_AN_HOUR = "public, max-age=3600"
_LASTING = re.compile(r"-(?:[0-9a-f]{10}|[0-9A-Z]{8})\.\w+$|^[\w-]+-\d+\.\d+\.\d+/")
"""Paths that carry the hash of their content, or a version."""
_TYPES = {
    ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json",
    ".geojson": "application/geo+json", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".md": "text/markdown",
}  # fmt: skip
_CODINGS = (("br", ".br"), ("gzip", ".gz"))


@lru_cache(maxsize=1)
def manifest() -> dict[str, str]:
    """The files by the names they are asked for by: ``style.css`` to ``style-3f2….css``."""
    found: dict[str, str] = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8"))
    return found


def path_of(name: str) -> str:
    """The path below the root of a file of the build, by its name; files with lasting names are their own."""
    return f"static/{manifest().get(name, name)}"


@lru_cache(maxsize=1)
def _drawings() -> dict[str, str]:
    found: dict[str, str] = json.loads((STATIC / "icons.json").read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=256)
def icon(name: str, classes: str = "") -> Markup:
    """A drawing that says nothing the words beside it do not say."""
    css = escape(f"icon {classes}".strip())
    return Markup('<svg class="{}" viewBox="0 0 24 24" aria-hidden="true">{}</svg>').format(
        css, Markup(_drawings()[name])
    )


@lru_cache(maxsize=1)
def early_script() -> Markup:
    """The script that stands in the head of every page: it puts a chosen theme on before anything is painted."""
    return Markup((STATIC / "theme.js").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def early_hash() -> str:
    """What a Content-Security-Policy calls that script."""
    return _source_of(early_script())


@lru_cache(maxsize=1)
def start_style() -> Markup:
    """What of the styles the start page needs, for it carries them: who comes first waits for one answer, not two."""
    text = (STATIC / manifest()["start.css"]).read_text(encoding="utf-8")
    return Markup(text.replace('url("fonts/', 'url("static/fonts/'))


@lru_cache(maxsize=1)
def style_hash() -> str:
    """What a Content-Security-Policy calls it there."""
    return _source_of(start_style())


def _source_of(text: str) -> str:
    """A hash-source (CSP 3 §2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class Built(StaticFiles):
    """Serves the files of the build: compressed once and for all, and kept by browsers for as long as they like."""

    def __init__(self) -> None:
        """Serve the folder of the build."""
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or its compressed twin where the client takes it."""
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        try:
            full, found = self.lookup_path(path)
        except OSError:  # no file can have such a name
            raise HTTPException(404) from None
        if found is None or not Path(full).is_file() or path.endswith((".br", ".gz")):
            raise HTTPException(404)
        headers = {
            "Cache-Control": FOREVER if _LASTING.search(path) else _FOR_AN_HOUR,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        media_type = _TYPES.get(Path(path).suffix, "application/octet-stream")
        accepted = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"accept-encoding"), "")
        for coding, ending in _CODINGS:
            twin = Path(full + ending)
            if accepts_coding(accepted, coding) and twin.is_file():
                headers["Content-Encoding"] = coding
                return self._file(twin, scope, headers, media_type)
        return self._file(Path(full), scope, headers, media_type)

    def _file(self, path: Path, scope: Scope, headers: dict[str, str], media_type: str) -> Response:
        made = FileResponse(path, headers=headers, media_type=media_type, stat_result=path.stat())
        asked = next((v.decode("latin-1") for n, v in scope["headers"] if n == b"if-none-match"), None)
        if asked is not None and made.headers["etag"] in asked:
            kept = {n: v for n, v in made.headers.items() if n in ("cache-control", "etag", "vary")}
            return Response(status_code=304, headers=kept)
        return made
