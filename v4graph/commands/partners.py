"""``v4graph partner``, ``source`` and ``token``: who may bring in data, for which graphs, and how they prove it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from v4graph import actors, sources
from v4graph.actors import COMMAND_LINE, SCOPES
from v4graph.commands.terminal import ERR, OUT, telling
from v4graph.workspace import Workspace

partner_app = typer.Typer(no_args_is_help=True, help="Partners: who owns sources.")
source_app = typer.Typer(no_args_is_help=True, help="Sources: where statements come from, each with a graph.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens: how partners prove who they are.")

Rank = Annotated[str, typer.Option(help="A register … E copy: how far the source is believed where others differ.")]


@contextmanager
def ready(what: str) -> Iterator[Workspace]:
    """A workspace with the packaged data, which is loaded first where it is not there yet."""
    with telling(what) as workspace:
        with ERR.status("opening the store") as status:
            if workspace.heal(tell=status.update) is None:
                status.update("loading the packaged data")
                workspace.load(tell=status.update)
        yield workspace


@partner_app.command("add")
def add_partner(
    slug: Annotated[str, typer.Argument(help="Short name: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="The name of the organisation.")],
    rank: Rank = "C",
) -> None:
    """Register a partner, with a source of its own that has the same short name."""
    with ready("partner add") as workspace:
        partner = workspace.add_partner(COMMAND_LINE, slug, name, rank)
        graph = workspace.iris.graph(partner.slug)
        OUT.print(f"{partner.slug}: {partner.name}", markup=False, highlight=False)
        OUT.print(f"its graph is {graph}", markup=False, highlight=False)


@partner_app.command("list")
def list_partners() -> None:
    """List partners and their sources."""
    with telling("partner list") as workspace, workspace.ledger() as ledger:
        found = [(partner, sources.owned(ledger, partner.slug)) for partner in actors.partners(ledger)]
    if not found:
        OUT.print("There are no partners yet; “v4graph partner add” registers one.")
        return
    table = Table("partner", "name", "sources", "")
    for partner, owned in found:
        table.add_row(partner.slug, partner.name, " ".join(owned), "disabled" if partner.disabled else "")
    OUT.print(table)


@partner_app.command("disable")
def disable_partner(slug: Annotated[str, typer.Argument(help="The partner.")]) -> None:
    """Disable a partner: its tokens open nothing any more; what it published stays."""
    with telling("partner disable") as workspace, workspace.writing() as ledger:
        partner = actors.disable_partner(ledger, slug)
        OUT.print(f"{partner.slug} is disabled", markup=False, highlight=False)


@source_app.command("add")
def add_source(
    slug: Annotated[str, typer.Argument(help="Short name: small letters, digits, hyphens.")],
    partner: Annotated[str, typer.Option(help="The partner who owns it.")],
    title: Annotated[str, typer.Option(help="What it is called.")],
    rank: Rank = "C",
) -> None:
    """Register a further source of a partner's, or describe one of its own anew."""
    with ready("source add") as workspace:
        workspace.add_source(COMMAND_LINE, slug, title, partner, rank)
        OUT.print(f"{slug}: {workspace.iris.graph(slug)}", markup=False, highlight=False)


@source_app.command("list")
def list_sources(
    partner: Annotated[str | None, typer.Option(help="Only those of this partner.")] = None,
) -> None:
    """List sources: owner, rank, revision, size."""
    with telling("source list") as workspace, workspace.ledger() as ledger:
        described, revisions = ledger.latest("source"), ledger.latest("revision")
        sizes = ledger.triples(entry.content for entry in revisions.values() if entry.content)
    table = Table("source", "owner", "rank", "revision", "statements", "published")
    letters = {number: letter.upper() for letter, number in sources.RANKS.items()}
    for slug, entry in sorted(described.items()):
        owner, rank = str(entry.detail.get("owner", "")), letters.get(entry.detail.get("rank", 0), "")
        if partner in (None, owner):
            now = revisions.get(slug)
            told = (str(now.revision), str(sizes[now.content or ""]), now.time) if now else ("", "", "")
            table.add_row(slug, owner, rank, *told)
    OUT.print(table)


@token_app.command("add")
def add_token(
    partner: Annotated[str, typer.Argument(help="The partner whose token it is.")],
    scope: Annotated[
        list[str] | None, typer.Option(help=f"What it allows, repeatable: {', '.join(SCOPES)}; none: submit, publish.")
    ] = None,
    use: Annotated[str, typer.Option("--for", help="What it is for; never the name of a person.")] = "",
    days: Annotated[int | None, typer.Option(min=1, help="It expires after so many days; none: never.")] = None,
) -> None:
    """Make a token; its secret is shown this once."""
    expires = datetime.now(UTC) + timedelta(days=days) if days else None
    with telling("token add") as workspace, workspace.writing() as ledger:
        token, secret = actors.add_token(
            ledger, partner, tuple(scope or ("submit", "publish")), actor=use, expires=expires
        )
    until = f", until {token.expires}" if token.expires else ""
    ERR.print(
        f"token {token.token} of {token.partner}: {', '.join(token.scopes)}{until}. "
        "Keep the secret; it is not shown again.",
        markup=False,
        highlight=False,
    )
    OUT.print(secret, markup=False, highlight=False)


@token_app.command("list")
def list_tokens(partner: Annotated[str | None, typer.Argument(help="Only those of this partner.")] = None) -> None:
    """List tokens; secrets are nowhere kept."""
    with telling("token list") as workspace, workspace.ledger() as ledger:
        found = actors.tokens(ledger, partner)
    if not found:
        OUT.print("There are no tokens; “v4graph token add” makes one.")
        return
    table = Table("token", "partner", "scopes", "for", "expires", "")
    for token in found:
        state = "revoked" if token.revoked else ""
        table.add_row(token.token, token.partner, " ".join(token.scopes), token.actor, token.expires or "never", state)
    OUT.print(table)


@token_app.command("revoke")
def revoke_token(token: Annotated[str, typer.Argument(help="The token, as “token list” names it.")]) -> None:
    """Revoke a token for good."""
    with telling("token revoke") as workspace, workspace.writing() as ledger:
        revoked = actors.revoke_token(ledger, token)
        OUT.print(f"token {revoked.token} of {revoked.partner} is revoked", markup=False, highlight=False)
