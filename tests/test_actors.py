"""Partners, tokens, scopes: who may do what, how it is proved, and what is never told or kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from v4graph import actors
from v4graph.actors import COMMAND_LINE, SCOPES, Actor
from v4graph.errors import (
    BadRequest,
    LedgerBroken,
    NotAllowed,
    NotAuthenticated,
    NotYourGraph,
    UnknownPartner,
    WrongState,
)
from v4graph.ledger import Ledger

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.in_home(tmp_path)
    actors.add_partner(ledger, "nca", "National Cluster Association")
    yield ledger
    ledger.close()


def test_nobody_is_there_at_the_beginning(tmp_path: Path) -> None:
    ledger = Ledger.in_home(tmp_path)
    assert actors.partners(ledger) == []
    assert actors.tokens(ledger) == []
    for guess in ("", "admin", "v4g_", "v4g__", "v4g_admin_admin", "curator"):
        with pytest.raises(NotAuthenticated):
            actors.authenticate(ledger, guess, NOW)
    ledger.close()


def test_a_secret_opens_what_its_scopes_say(ledger: Ledger) -> None:
    token, secret = actors.add_token(ledger, "nca", ("publish", "submit"), actor="nightly export")
    actor = actors.authenticate(ledger, secret, NOW)
    assert actor == Actor(f"nca/{token.token}", "nca", frozenset({"submit", "publish"}))
    assert actors.actor_of(ledger, token.token, NOW) == actor
    assert (token.scopes, token.actor, token.expires) == (("submit", "publish"), "nightly export", None)
    assert actor.may("publish")
    with pytest.raises(NotAllowed, match="administer"):
        actor.needs("administer")
    assert actors.tokens(ledger, "nca") == [token]


def test_the_secret_is_nowhere(ledger: Ledger, tmp_path: Path) -> None:
    token, secret = actors.add_token(ledger, "nca", ("submit",))
    assert secret.startswith(f"v4g_{token.token}_")
    assert len(secret.rsplit("_", 1)[1]) == 64, "256 random bits"
    ledger.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert token.token.encode() in kept
    assert secret.encode() not in kept
    assert secret.rsplit("_", 1)[1].encode() not in kept


def test_wrong_expired_revoked_and_disabled_sound_the_same(ledger: Ledger) -> None:
    _, expiring = actors.add_token(ledger, "nca", ("submit",), expires=NOW)
    revoked, taken = actors.add_token(ledger, "nca", ("submit",))
    actors.revoke_token(ledger, revoked.token)
    actors.add_partner(ledger, "gone", "Gone")
    _, of_nobody = actors.add_token(ledger, "gone", SCOPES)
    actors.disable_partner(ledger, "gone")
    good, secret = actors.add_token(ledger, "nca", ("submit",))
    wrong = [secret[:-1] + ("0" if secret[-1] != "0" else "1"), secret.upper(), secret[4:], secret + "x", "ž" * 500]
    said = set()
    for guess in (expiring, taken, of_nobody, *wrong):
        with pytest.raises(NotAuthenticated) as refused:
            actors.authenticate(ledger, guess, NOW)
        said.add((refused.value.detail, refused.value.headers["WWW-Authenticate"]))
    assert len(said) == 1
    assert actors.authenticate(ledger, expiring, NOW - timedelta(seconds=1)).partner == "nca"
    assert actors.authenticate(ledger, secret, NOW).name == f"nca/{good.token}"
    with pytest.raises(NotAuthenticated):
        actors.actor_of(ledger, revoked.token, NOW)
    with pytest.raises(NotAuthenticated):
        actors.actor_of(ledger, "nobody", NOW)


def test_a_disabled_partner_comes_back_with_its_tokens(ledger: Ledger) -> None:
    _, secret = actors.add_token(ledger, "nca", ("submit",))
    assert actors.disable_partner(ledger, "nca").disabled
    with pytest.raises(WrongState, match="disabled"):
        actors.add_token(ledger, "nca", ("submit",))
    actors.add_partner(ledger, "nca", "NCA again")
    assert [(p.slug, p.name, p.disabled) for p in actors.partners(ledger)] == [("nca", "NCA again", False)]
    assert actors.authenticate(ledger, secret, NOW).partner == "nca"
    with pytest.raises(WrongState, match="NCA again"):
        actors.add_partner(ledger, "nca", "A third time")


@pytest.mark.parametrize("slug", ["", "NCA", "n c a", "ná", "-a", "a--b", "../x", "curator", "a" * 61])
def test_a_partner_has_a_usable_slug(ledger: Ledger, slug: str) -> None:
    with pytest.raises(BadRequest):
        actors.add_partner(ledger, slug, "Somebody")
    assert [partner.slug for partner in actors.partners(ledger)] == ["nca"]


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 301])
def test_a_partner_has_a_name(ledger: Ledger, name: str) -> None:
    with pytest.raises(BadRequest):
        actors.add_partner(ledger, "new", name)


def test_tokens_need_a_partner_and_scopes(ledger: Ledger) -> None:
    with pytest.raises(UnknownPartner):
        actors.add_token(ledger, "nobody", ("submit",))
    for scopes in ((), ("rule",), ("submit", "rule")):
        with pytest.raises(BadRequest, match="submit, publish, review, administer"):
            actors.add_token(ledger, "nca", scopes)
    with pytest.raises(UnknownPartner):
        actors.revoke_token(ledger, "nothing")


def test_only_administrators_administer(ledger: Ledger) -> None:
    actor = Actor("nca/1", "nca", frozenset({"submit", "publish", "review"}))
    token, _ = actors.add_token(ledger, "nca", ("submit",))
    before = ledger.head()
    for attempt in (
        lambda: actors.add_partner(ledger, "mine", "Mine", by=actor),
        lambda: actors.disable_partner(ledger, "nca", by=actor),
        lambda: actors.add_token(ledger, "nca", ("administer",), by=actor),
        lambda: actors.revoke_token(ledger, token.token, by=actor),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert ledger.head() == before


def test_a_graph_is_its_owners(ledger: Ledger) -> None:
    nca = Actor("nca/1", "nca", frozenset(SCOPES))
    nca.needs_own("nca", "nca")
    COMMAND_LINE.needs_own("nca", "nca")
    for owner in ("gapr", None):
        with pytest.raises(NotYourGraph) as refused:
            nca.needs_own("gapr", owner)
        assert refused.value.detail == "The graph “gapr” is not one of yours."
    nca.needs_own("gapr", "gapr", administrators=True)
    with pytest.raises(NotYourGraph):
        Actor("curator/1", "curator", frozenset({"submit"})).needs_own("nca", "nca")


def test_a_changed_token_is_noticed(ledger: Ledger, tmp_path: Path) -> None:
    actors.add_token(ledger, "nca", ("submit",))
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("UPDATE entry SET detail = replace(detail, 'submit', 'administer') WHERE kind = 'token'")
    db.close()
    with pytest.raises(LedgerBroken):
        ledger.verify()
