"""Which web pages of other origins may read answers (Fetch §3.2); none of them reads with the cookie of a session."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALLOWED = b"access-control-allow-origin"
_EXPOSED = (
    b"access-control-expose-headers",
    b"Content-Location, ETag, Link, Location, Memento-Datetime, Retry-After, V4graph-Result, V4graph-Snapshot, "
    b"X-Request-Id",
)
_METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"


def open_headers(origins: str) -> list[tuple[bytes, bytes]]:
    """What can be put on every answer beforehand: everything when everyone may read, else nothing."""
    return [(_ALLOWED, b"*"), _EXPOSED] if "*" in origins.split() else []


class CrossOrigin:
    """ASGI middleware: the ``Access-Control-*`` headers and the answer to a preflight."""

    def __init__(self, app: ASGIApp, origins: str) -> None:
        """Stand before an application; ``origins`` are separated by spaces, ``*`` is everyone."""
        self._app = app
        self._origins = frozenset(origins.split())
        self._everyone = "*" in self._origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and mark its answer."""
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
        allowed = b"*" if self._everyone else origin if origin and origin.decode("latin-1") in self._origins else None
        if scope["method"] == "OPTIONS" and origin is not None:
            asked = Headers(scope=scope)
            if "access-control-request-method" in asked:
                await self._preflight(asked, allowed, send)
                return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                if not self._everyone:
                    MutableHeaders(raw=headers).add_vary_header("Origin")
                if allowed is not None and not any(name == _ALLOWED for name, _ in headers):
                    headers += [(_ALLOWED, allowed), _EXPOSED]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_marked)

    async def _preflight(self, asked: Headers, allowed: bytes | None, send: Send) -> None:
        answer = {"Vary": "Origin, Access-Control-Request-Headers"}
        if allowed is not None:
            answer |= {
                "Access-Control-Allow-Origin": allowed.decode("latin-1"),
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": asked.get("access-control-request-headers", "*"),
                "Access-Control-Max-Age": "86400",
            }
        start = {"type": "http.response.start", "status": 204, "headers": Headers(answer).raw}
        await send(start)
        await send({"type": "http.response.body", "body": b""})
