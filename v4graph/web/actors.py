"""Who asks: a token in the ``Authorization`` header, or the cookie of a session that a token began.

``Bearer`` is the way of programs (RFC 6750); ``Basic`` with the token as password is taken too, for clients that know
nothing else. A session is for browsers: its cookie names the token without holding it, is signed, and is worth
nothing to another site (SameSite, the origin of the request, and a token in every form).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from v4graph import actors
from v4graph.actors import Actor
from v4graph.errors import BadRequest, NotAllowed, NotAuthenticated, UpdateRefused, V4GraphError
from v4graph.ledger import Ledger
from v4graph.web import pages
from v4graph.web.limits import read_body
from v4graph.web.negotiation import prefers_html
from v4graph.web.operations import FORM, media_type_of, one, read_fields
from v4graph.web.replies import links_of

COOKIE = "v4graph-session"
FORM_TOKEN = "form_token"
FORM_HEADER = "v4graph-form-token"
PATH = "/sign-in"
_HOURS = 12
_LONGEST_FORM = 64 * 1024
_NEXT = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)*")
_SAFE = ("GET", "HEAD", "OPTIONS")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Visit:
    """What a cookie says: whose token began the session (none: nobody signed in yet), until when."""

    token: str
    expires: int
    nonce: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who proved who they are, by a cookie (``visit``), by Basic, or by Bearer."""

    actor: Actor
    visit: Visit | None = None
    basic: bool = False


class Sessions:
    """Makes and reads cookies and the tokens of forms; the key to both is in ``{home}/session.key``."""

    def __init__(self, home: Path) -> None:
        """The key is read, or made, when it is first needed."""
        self._file = home / "session.key"
        self._key = b""

    def cookie(self, visit: Visit) -> str:
        """The signed value of a cookie."""
        said = base64.urlsafe_b64encode(f"{visit.token}\n{visit.expires}\n{visit.nonce}".encode()).decode()
        return f"{said}.{self._signature('cookie', said)}"

    def visit(self, cookie: str | None) -> Visit | None:
        """What a cookie says, None when it is not ours or over."""
        said, _, signature = (cookie or "").partition(".")
        if not said or not hmac.compare_digest(self._signature("cookie", said).encode(), signature.encode()):
            return None
        token, expires, nonce = base64.urlsafe_b64decode(said).decode().split("\n")
        return Visit(token, int(expires), nonce) if int(expires) > time.time() else None

    def form_token(self, visit: Visit) -> str:
        """What every form of this visit carries, and no other site can know."""
        return self._signature("form", visit.nonce)

    def _signature(self, use: str, text: str) -> str:
        if not self._key:
            self._key = _read_key(self._file)
        return hmac.new(self._key, f"{use}\n{text}".encode(), "sha256").hexdigest()


def _read_key(file: Path) -> bytes:
    """The key in a file; made where there is none, whole at once, so that two servers have the same."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(new, file)
        new.unlink()
    return file.read_bytes()


def add_routes(app: FastAPI) -> None:
    """Put sign-in and sign-out into an application."""
    app.state.sessions = Sessions(app.state.settings.home)
    app.router.routes.append(Route(PATH, _sign_in, methods=["GET", "HEAD", "POST"]))
    app.router.routes.append(Route("/sign-out", _sign_out, methods=["POST"]))


# --- who asks -----------------------------------------------------------------------------------------------------


async def in_ledger(state: State, work: Callable[[Ledger], T]) -> T:
    """What a function finds in the ledger, off the event loop."""
    if not hasattr(state, "ledger") or state.ledger.outdated:
        close_ledger(state)
        state.ledger = Ledger.in_home(state.settings.home)
    return await asyncio.to_thread(work, state.ledger)


def close_ledger(state: State) -> None:
    """Let go of the ledger, if it was ever asked."""
    if hasattr(state, "ledger"):
        state.ledger.close()


async def caller_of(request: Request) -> Caller | None:
    """Who asks; None when nobody says so.

    Raises:
        NotAuthenticated: the token is none, or no longer one.
        TooManyRequests: this client came with too many of those.
    """
    state: State = request.app.state
    given = request.headers.get("authorization")
    if given is not None:
        secret, basic = _secret(given)
        return Caller(await _authenticate(request, secret), basic=basic)
    visit = state.sessions.visit(request.cookies.get(COOKIE))
    if visit is None or not visit.token:
        return None
    try:
        now = datetime.now(UTC)
        return Caller(await in_ledger(state, lambda ledger: actors.actor_of(ledger, visit.token, now)), visit)
    except NotAuthenticated:  # the token was revoked, or is over: so is the session
        return None


async def require_caller(request: Request, what: str) -> Caller:
    """Who asks, who has to be somebody; ``what`` is what this is needed for, as the beginning of a sentence."""
    refuse_in_scratch(request.app.state)
    if "access_token" in request.query_params or "token" in request.query_params:
        raise BadRequest(
            "A token belongs into the Authorization header, never into an address: addresses are kept in logs on the "
            "way. Revoke this one and make another."
        )
    caller = await caller_of(request)
    if caller is None:
        raise NotAuthenticated(
            f"{what}. Send your token as “Authorization: Bearer v4g_…”, or sign in at "
            f"{request.app.state.settings.base_iri}sign-in.",
            headers={"WWW-Authenticate": 'Bearer realm="v4graph"'},
        )
    return caller


def refuse_in_scratch(state: State) -> None:
    """There are no partners in a playground: everybody writes."""
    if state.past is not None:
        raise UpdateRefused("The past is read only.")
    if state.scratch is not None:
        raise UpdateRefused("This is a temporary store, without contributions: write to /graph or /sparql directly.")


async def _authenticate(request: Request, secret: str) -> Actor:
    """The actor of a token; whoever guesses waits longer each time, and then has to wait for long."""
    state: State = request.app.state
    client = request.client.host if request.client else ""
    state.limits.attempts.admit(client)
    now = datetime.now(UTC)
    try:
        return await in_ledger(state, lambda ledger: actors.authenticate(ledger, secret, now))
    except NotAuthenticated as error:
        await asyncio.sleep(state.limits.attempts.failed(client))
        error.headers = {**error.headers, "WWW-Authenticate": 'Bearer realm="v4graph", error="invalid_token"'}
        raise


def _secret(given: str) -> tuple[str, bool]:
    """The token in an ``Authorization`` header (RFC 6750 §2.1, RFC 7617 §2), and whether it came by Basic."""
    scheme, _, value = given.strip().partition(" ")
    if scheme.lower() != "basic":
        return (value.strip() if scheme.lower() == "bearer" else ""), False
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", True
    return password or user, True


# --- forms --------------------------------------------------------------------------------------------------------


def check_form(request: Request, caller: Caller, fields: Mapping[str, str]) -> None:
    """Whether a request that changes something was meant by the one whose browser sent it.

    Raises:
        NotAllowed: another site sent it, or the form is of another visit.
    """
    if caller.visit is None and not caller.basic:
        return  # a browser never sends a Bearer token by itself
    _check_origin(request)
    if caller.visit is not None:
        _check_token(request, caller.visit, fields)


def _check_origin(request: Request) -> None:
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(request.app.state.settings.base_iri).netloc}
    if origin is not None and (urlsplit(origin).netloc or "null") not in ours:
        raise NotAllowed("The form was sent from another site. Open the page here and send it again.")
    if origin is None and request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("The form was sent from another site. Open the page here and send it again.")


def _check_token(request: Request, visit: Visit, fields: Mapping[str, str]) -> None:
    given = fields.get(FORM_TOKEN) or request.headers.get(FORM_HEADER) or ""
    if not hmac.compare_digest(request.app.state.sessions.form_token(visit).encode(), given.encode()):
        raise NotAllowed("The form is older than your session. Open the page again and send it from there.")


def form_token(request: Request, caller: Caller | None) -> str:
    """The token for the forms of a page; empty for who is not signed in by a browser."""
    if caller is None or caller.visit is None:
        return ""
    token: str = request.app.state.sessions.form_token(caller.visit)
    return token


# --- the pages ----------------------------------------------------------------------------------------------------


async def _sign_in(request: Request) -> Response:
    refuse_in_scratch(request.app.state)
    if request.method == "POST":
        return await _begin(request)
    caller = await caller_of(request)
    return _page(request, caller, _next(request.query_params.get("next")))


async def _begin(request: Request) -> Response:
    """A token becomes a session."""
    state: State = request.app.state
    fields = await _fields(request)
    visit = state.sessions.visit(request.cookies.get(COOKIE))
    following = _next(fields.get("next"))
    try:
        _check_origin(request)
        if visit is None:
            raise NotAllowed("Your browser sent no cookie with the form. Allow cookies of this site and try again.")
        _check_token(request, visit, fields)
        actor = await _authenticate(request, fields.get("token", "").strip())
    except V4GraphError as error:
        if not prefers_html(request.headers.get("accept", "")):
            raise
        return _page(request, None, following, error)
    begun = Visit(actor.name.rpartition("/")[2], int(time.time()) + _HOURS * 3600, secrets.token_urlsafe(16))
    response = Response(status_code=303, headers={"Location": following or "./", "Cache-Control": "no-store"})
    _set_cookie(request, response, begun)
    return response


async def _sign_out(request: Request) -> Response:
    refuse_in_scratch(request.app.state)
    caller = await caller_of(request)
    if caller is not None:
        check_form(request, caller, await _fields(request))
    response = Response(status_code=303, headers={"Location": "sign-in", "Cache-Control": "no-store"})
    response.delete_cookie(COOKIE, path=_root(request), httponly=True, samesite="strict", secure=_is_secure(request))
    return response


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a small form."""
    if media_type_of(request.headers.get("content-type"))[0] != FORM:
        raise BadRequest(f"Send the form as {FORM}.")
    body = await read_body(request.scope, request.receive, _LONGEST_FORM, "A form")
    read = read_fields(body, "the form")
    return {name: one(read, name) or "" for name in read}


def _page(request: Request, caller: Caller | None, following: str, error: V4GraphError | None = None) -> Response:
    links, _ = links_of(request)
    sessions: Sessions = request.app.state.sessions
    visit = sessions.visit(request.cookies.get(COOKIE))
    fresh = visit is None
    if visit is None:
        visit = Visit("", int(time.time()) + 3600, secrets.token_urlsafe(16))
    body = pages.render(
        "sign-in.html",
        links,
        actor=caller.actor if caller else None,
        form_token=sessions.form_token(visit),
        following=following,
        problem=error.problem(links.iris.base) if error else None,
    )
    headers = {**pages.HEADERS, **PERSONAL, **(error.headers if error else {})}
    response = Response(b"" if request.method == "HEAD" else body, error.status if error else 200, headers, "text/html")
    if fresh:
        _set_cookie(request, response, visit)
    return response


PERSONAL = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language, Authorization, Cookie"}
"""Headers of what depends on who asks."""


def _next(path: str | None) -> str:
    """Where to go after signing in: a path of ours, or nowhere in particular."""
    return path if path and _NEXT.fullmatch(path) else ""


def _set_cookie(request: Request, response: Response, visit: Visit) -> None:
    response.set_cookie(
        COOKIE,
        request.app.state.sessions.cookie(visit),
        max_age=visit.expires - int(time.time()),
        path=_root(request),
        httponly=True,
        samesite="strict",
        secure=_is_secure(request),
    )


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root or "/"


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https" and request.app.state.settings.base_iri.startswith("https:")
