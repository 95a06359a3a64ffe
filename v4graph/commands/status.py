"""``v4graph status``: the condition of an instance at a glance."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from v4graph.commands.harvest import age
from v4graph.commands.terminal import OUT, telling
from v4graph.condition import Condition, condition

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def status(
    machine: Annotated[bool, typer.Option("--json", help="For programs: one JSON object.")] = False,
) -> None:
    """Tell the condition of this instance at a glance, whether it is served or not. Exit code 1 when it needs you."""
    with telling("status") as workspace:
        found = condition(workspace)
    if machine:
        OUT.print(json.dumps(asdict(found) | {"healthy": found.healthy}), markup=False, highlight=False, soft_wrap=True)
    else:
        table = Table.grid(padding=(0, 2))
        for name, told in rows(found):
            table.add_row(f"[bold]{name}[/]", told)
        OUT.print(table)
    if not found.healthy:
        raise typer.Exit(1)


def rows(found: Condition) -> list[tuple[str, str]]:
    """What is told to people."""
    store = "nothing was published yet"
    if found.snapshot is not None:
        lag = "equal to the ledger" if not found.behind else f"{found.behind} entries behind: run “v4graph rebuild”"
        store = f"snapshot {found.snapshot}, {lag}, {'being read' if found.read else 'read by nobody'}"
    last = f"{found.published} ({age(found.published)} ago)" if found.published else "never"
    failing = f"; failing: {', '.join(found.harvest_failures)}" if found.harvest_failures else ""
    return [
        ("home", found.home),
        ("base", found.base),
        ("version", found.version),
        ("ledger", f"{found.ledger_entries} entries, {size(found.ledger_bytes)}"),
        ("store", store),
        ("last publication", last),
        ("kept", f"{found.snapshots_kept} snapshots, {found.past_states} past states, {size(found.store_bytes)}"),
        ("disk", f"{size(found.free_bytes)} free"),
        ("sources", str(found.sources)),
        ("contributions", f"{found.contributions_waiting} waiting"),
        ("harvested", f"{found.harvested} sources{failing}"),
    ]


def size(amount: float) -> str:
    """A number of bytes as people read it."""
    for unit in _UNITS[:-1]:
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} {_UNITS[-1]}"
