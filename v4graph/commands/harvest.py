"""``v4graph harvest``: fetch what partners publish on their own sites, once or every few hours."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Annotated

import typer
from rich.table import Table

from v4graph import harvest as harvesting
from v4graph.actors import CURATOR
from v4graph.commands.terminal import ERR, OUT, telling
from v4graph.errors import BadRequest, NotFound
from v4graph.harvest import Registered, Status

_UNITS = {"m": 60, "h": 3600, "d": 86400}
SHORTEST = 600
"""Seconds between two rounds at least: nobody's server is asked more often."""


def harvest_from(
    source: Annotated[str, typer.Argument(help="The source whose graph it becomes.")],
    address: Annotated[
        str | None, typer.Argument(help="An RDF document, a page with JSON-LD, or (with --construct) an endpoint.")
    ] = None,
    construct: Annotated[Path | None, typer.Option(help="File with the CONSTRUCT to send to the endpoint.")] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Publish without a review, and also what the rules only warn of.")
    ] = False,
    private: Annotated[bool, typer.Option("--allow-private", help="The address may be in a private network.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Harvest it no more; what was published stays.")] = False,
) -> None:
    """Register where a source is harvested from."""
    if (address is None) != stop:
        raise typer.BadParameter("give an address, or --stop")
    with telling("harvest-from") as workspace:
        if stop:
            with workspace.ledger() as ledger:
                known = next((one for one in harvesting.registered(ledger) if one.source == source), None)
            if known is None:
                raise NotFound(f"“{source}” is not harvested.")
            harvesting.register(workspace, Registered(source, known.address, stopped=True), CURATOR)
            OUT.print(f"{source} is harvested no more", highlight=False)
            return
        query = _text(construct) if construct else ""
        made = harvesting.register(
            workspace, Registered(source, address or "", query, publish=publish, private=private), CURATOR
        )
        then = "published at once" if publish else "kept for a review"
        OUT.print(f"{made.source} is harvested from {made.address}; what comes is {then}", highlight=False)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{path} cannot be read as UTF-8 text ({error}).") from error


def harvest(
    source: Annotated[str | None, typer.Argument(help="The source; none: all that are registered.")] = None,
    every: Annotated[str | None, typer.Option(help="Again and again, such as 6h, 30m or 1d.")] = None,
    status: Annotated[bool, typer.Option("--status", help="Only tell how it went the last time.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Also what has not changed since the last time.")] = False,
) -> None:
    """Fetch what partners publish on their own sites, and contribute it."""
    with telling("harvest") as workspace:
        if status:
            with workspace.ledger() as ledger:
                found = [one for one in harvesting.registered(ledger) if source in (None, one.source)]
            _table([(one, harvesting.status_of(workspace.home, one.source)) for one in found])
            return
        pause = seconds(every) if every else None
        while True:
            failed = 0
            with ERR.status("harvesting") as shown:
                for name, went in harvesting.harvest(workspace, source, anew=anew, tell=shown.update):
                    failed += bool(went.error)
                    OUT.print(f"{name}: {told(went)}", markup=False, highlight=False)
            if pause is None:
                break
            sleep(pause)
    if failed:
        raise typer.Exit(1)


def seconds(text: str) -> int:
    """A time between two rounds.

    Raises:
        BadRequest: it is none, or too short.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    if found is None or int(found[1]) * _UNITS[found[2]] < SHORTEST:
        raise BadRequest(f"“{text}” is no time between two rounds. Say 30m, 6h or 1d; at least {SHORTEST // 60}m.")
    return int(found[1]) * _UNITS[found[2]]


def told(went: Status) -> str:
    """How harvesting a source went, in a line."""
    if went.error:
        since = f"; the content of {went.fetched} stays" if went.fetched else ""
        return f"failed ({went.failures} times): {went.error}{since}"
    if went.contribution is None:
        return "nothing new"
    told = went.news or went.state != "published"
    return f"contribution {went.contribution} is {went.state}" if told else "nothing new"


def _table(rows: list[tuple[Registered, Status]]) -> None:
    if not rows:
        OUT.print("Nothing is harvested. Register an address with “v4graph source harvest-from”.")
        return
    table = Table("source", "from", "last tried", "last fetched", "age", "last published", "how it went")
    for one, went in rows:
        how = went.error or (f"contribution {went.contribution}: {went.state}" if went.contribution else "")
        table.add_row(one.source, one.address, went.tried, went.fetched, age(went.fetched), went.changed, how)
    OUT.print(table)


def age(time_: str) -> str:
    """How long ago a time was, in days or hours."""
    if not time_:
        return "never"
    hours = (datetime.now(UTC) - datetime.fromisoformat(time_)).total_seconds() / 3600
    return f"{hours / 24:.0f} d" if hours >= 48 else f"{hours:.1f} h"
