"""Partners and actors: who may do what, and how they prove who they are.

Partners and tokens are entries of the ledger; the last entry about each counts. A token's secret is shown once, when
it is made; the ledger keeps its SHA-256, which is enough for 256 random bits. There is no default account: the
command line acts as the curator, because who can run it owns the folder.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from v4graph.errors import BadRequest, NotAllowed, NotAuthenticated, NotYourGraph, UnknownPartner, WrongState
from v4graph.ledger import Append, Entry, Ledger

SCOPES = ("submit", "publish", "review", "administer")
"""What a token may allow; each stands for itself alone."""
CURATOR = "curator"
"""The partner who owns the packaged data, and the actor of the command line."""
PREFIX = "v4g_"
"""What every secret begins with, so that one that was lost is recognised."""
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Partner:
    """Somebody who owns sources."""

    slug: str
    name: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a partner, without its secret; ``actor`` says what it is for."""

    token: str
    partner: str
    actor: str
    scopes: tuple[str, ...]
    expires: str | None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a token of a partner (``nca/7f3a09c1``), or the curator at the command line."""

    name: str
    partner: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the actor has a scope."""
        return scope in self.scopes

    def needs(self, scope: str) -> None:
        """Refuse an actor without a scope.

        Raises:
            NotAllowed: it has not.
        """
        if scope not in self.scopes:
            raise NotAllowed(f"This needs a token with the scope “{scope}”.", scope=scope)

    def needs_own(self, source: str, owner: str | None, *, administrators: bool = False) -> None:
        """Refuse an actor whose partner does not own a source; who may run the command line owns them all.

        Raises:
            NotYourGraph: the source is somebody else's. The words are the same when nobody has it.
        """
        if self.name != CURATOR and self.partner != owner and not (administrators and "administer" in self.scopes):
            raise NotYourGraph(f"The graph “{source}” is not one of yours.", source=source)


COMMAND_LINE = Actor(CURATOR, CURATOR, frozenset(SCOPES))
"""The actor of the command line."""


def partners(ledger: Ledger) -> list[Partner]:
    """All partners, by slug; the curator, who needs no entry, is not listed."""
    return [_partner(entry) for _, entry in sorted(ledger.latest("partner").items())]


def find_partner(ledger: Ledger, slug: str) -> Partner:
    """A partner by slug.

    Raises:
        UnknownPartner: there is none.
    """
    if slug == CURATOR:
        return Partner(CURATOR, "Curator")
    entry = ledger.current("partner", slug)
    if entry is None:
        raise UnknownPartner(f"There is no partner “{slug}”.")
    return _partner(entry)


def add_partner(
    ledger: Ledger, slug: str, name: str, *, by: Actor = COMMAND_LINE, besides: Iterable[Append] = ()
) -> Partner:
    """Register a partner, or enable one again; ``besides`` are entries of the same transaction.

    Raises:
        BadRequest: the slug or the name cannot be used.
        WrongState: there is such a partner.
    """
    by.needs("administer")
    if not _SLUG.fullmatch(slug) or len(slug) > 60 or slug == CURATOR:
        raise BadRequest(f"“{slug}” is no name for a partner: small letters, digits and hyphens, at most 60.")
    if not name.strip() or len(name) > 300 or not name.isprintable():
        raise BadRequest("A partner has a name: one line, at most 300 characters.")
    known = ledger.current("partner", slug)
    if known is not None and not known.detail["disabled"]:
        raise WrongState(f"There is a partner “{slug}” already: {known.detail['name']}.")
    return _write_partner(ledger, Partner(slug, name.strip()), by, besides)


def disable_partner(ledger: Ledger, slug: str, *, by: Actor = COMMAND_LINE) -> Partner:
    """Disable a partner: none of its tokens opens anything any more; what it published stays."""
    by.needs("administer")
    partner = find_partner(ledger, slug)
    if partner.slug == CURATOR:
        raise BadRequest("The curator cannot be disabled.")
    return partner if partner.disabled else _write_partner(ledger, Partner(slug, partner.name, True), by)


def tokens(ledger: Ledger, partner: str | None = None) -> list[Token]:
    """All tokens, or those of a partner, by partner and name."""
    found = [_token(entry) for entry in ledger.latest("token").values()]
    return sorted((t for t in found if partner in (None, t.partner)), key=lambda t: (t.partner, t.token))


def add_token(
    ledger: Ledger,
    partner: str,
    scopes: tuple[str, ...],
    *,
    actor: str = "",
    expires: datetime | None = None,
    by: Actor = COMMAND_LINE,
) -> tuple[Token, str]:
    """Make a token; the secret is returned this once and nowhere kept.

    Raises:
        UnknownPartner: there is no such partner.
        WrongState: the partner is disabled.
        BadRequest: a scope is none, or there is none.
    """
    by.needs("administer")
    if find_partner(ledger, partner).disabled:
        raise WrongState(f"The partner “{partner}” is disabled.")
    if not scopes or set(scopes) - set(SCOPES):
        raise BadRequest(f"The scopes of a token are some of {', '.join(SCOPES)}.")
    if len(actor) > 100 or not actor.isprintable():
        raise BadRequest("What a token is for is said in one line, at most 100 characters.")
    name = secrets.token_hex(4)
    while ledger.current("token", name) is not None:
        name = secrets.token_hex(4)
    secret = f"{PREFIX}{name}_{secrets.token_hex(32)}"
    ordered = tuple(scope for scope in SCOPES if scope in scopes)
    token = Token(name, partner, actor, ordered, expires.strftime(_TIME) if expires else None)
    _write_token(ledger, token, _hash(secret), by)
    return token, secret


def revoke_token(ledger: Ledger, name: str, *, by: Actor = COMMAND_LINE) -> Token:
    """Revoke a token for good.

    Raises:
        UnknownPartner: there is no such token.
    """
    by.needs("administer")
    entry = ledger.current("token", name)
    if entry is None:
        raise UnknownPartner(f"There is no token “{name}”.")
    token = _token(entry)
    revoked = Token(token.token, token.partner, token.actor, token.scopes, token.expires, True)
    return token if token.revoked else _write_token(ledger, revoked, entry.detail["hash"], by)


def authenticate(ledger: Ledger, secret: str, now: datetime) -> Actor:
    """The actor whose secret this is.

    Raises:
        NotAuthenticated: nobody's; or it expired or was revoked, or its partner is disabled. Which, is not said.
    """
    name = secret.removeprefix(PREFIX).partition("_")[0] if len(secret) < 200 else ""
    entry = ledger.current("token", name)
    right = hmac.compare_digest(_hash(secret), entry.detail["hash"] if entry else "0" * 64)
    if entry is None or not right or not secret.startswith(PREFIX):
        raise _refused()
    return _valid(ledger, _token(entry), now)


def actor_of(ledger: Ledger, token: str, now: datetime) -> Actor:
    """The actor of a token by its name, for who proved before that the secret is theirs (a session).

    Raises:
        NotAuthenticated: it expired or was revoked since, or its partner was disabled.
    """
    entry = ledger.current("token", token)
    if entry is None:
        raise _refused()
    return _valid(ledger, _token(entry), now)


def _valid(ledger: Ledger, token: Token, now: datetime) -> Actor:
    over = token.expires is not None and now.strftime(_TIME) >= token.expires
    if token.revoked or over or find_partner(ledger, token.partner).disabled:
        raise _refused()
    return Actor(f"{token.partner}/{token.token}", token.partner, frozenset(token.scopes))


def _refused() -> NotAuthenticated:
    return NotAuthenticated(
        "The token is missing, wrong or no longer valid. Ask whoever runs this instance for one.",
        headers={"WWW-Authenticate": 'Bearer realm="v4graph"'},
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _partner(entry: Entry) -> Partner:
    return Partner(entry.detail["partner"], entry.detail["name"], entry.detail["disabled"])


def _token(entry: Entry) -> Token:
    told = entry.detail
    return Token(told["token"], told["partner"], told["actor"], tuple(told["scopes"]), told["expires"], told["revoked"])


def _write_partner(ledger: Ledger, partner: Partner, by: Actor, besides: Iterable[Append] = ()) -> Partner:
    detail = {"partner": partner.slug, "name": partner.name, "disabled": partner.disabled}
    ledger.append([Append("partner", partner.slug, by.name, detail=detail), *besides])
    return partner


def _write_token(ledger: Ledger, token: Token, digest: str, by: Actor) -> Token:
    detail = {
        "token": token.token, "partner": token.partner, "actor": token.actor, "scopes": list(token.scopes),
        "expires": token.expires, "hash": digest, "revoked": token.revoked,
    }  # fmt: skip
    ledger.append([Append("token", token.token, by.name, detail=detail)])
    return token
