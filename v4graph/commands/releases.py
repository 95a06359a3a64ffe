"""``v4graph release``: names for states of the whole graph, given for good."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from v4graph import past
from v4graph.commands.terminal import ERR, OUT, telling
from v4graph.store.primary import publishing


def release(
    name: Annotated[str | None, typer.Argument(help="The name: a-z, 0-9, dot, hyphen; such as 2026-autumn.")] = None,
    snapshot: Annotated[
        int | None, typer.Option(help="The snapshot that gets the name; none: the present one.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the releases.")] = False,
) -> None:
    """Give the state of the graph a name under which it can be cited for good."""
    if (name is None) != listed:
        raise typer.BadParameter("give a name, or --list")
    with telling("release") as workspace, workspace.ledger() as ledger:
        if name is not None:
            with publishing(workspace.home):
                made = past.release(ledger, name, "curator", snapshot)
            with ERR.status("keeping the state") as status:
                past.keep(workspace.home, workspace.iris, made.entry, status.update)
            OUT.print(f"{made.name} is snapshot {made.entry} of {made.published}", markup=False, highlight=False)
            return
        found = past.releases(ledger)
    if not found:
        OUT.print("No release was named yet.")
        return
    table = Table("name", "snapshot", "state of", "named on")
    for one in found:
        table.add_row(one.name, str(one.entry), one.published, one.named)
    OUT.print(table)
