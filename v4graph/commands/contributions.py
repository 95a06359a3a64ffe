"""``v4graph contribute``, ``contributions``, ``rollback`` and ``withdraw``: the lifecycle at the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from v4graph import actors, packaged, records, sources
from v4graph.actors import COMMAND_LINE, Actor
from v4graph.commands.partners import ready
from v4graph.commands.terminal import OUT, telling
from v4graph.errors import BadRequest, StoreError
from v4graph.records import Record
from v4graph.report import Report
from v4graph.reporting import render_text
from v4graph.workspace import Outcome, Workspace

app = typer.Typer(invoke_without_command=True, help="Contributions: list them, look at one, decide.")

_SECONDS = 300.0

Number = Annotated[int, typer.Argument(help="The number of the contribution.")]
Note = Annotated[str, typer.Option(help="Why; it stays in the history.")]
Secret = Annotated[
    str | None, typer.Option(envvar="V4GRAPH_TOKEN", help="Act as the partner of this token.", show_envvar=True)
]
Lang = Annotated[str, typer.Option("--lang", help="Language of the report: en cs sk pl hu de.")]


def contribute(
    file: Annotated[Path, typer.Argument(help="Turtle, N-Triples, RDF/XML, JSON-LD, TriG or N-Quads.")],
    source: Annotated[str | None, typer.Option(help="Whose graph it becomes; none: the file's name.")] = None,
    patch: Annotated[bool, typer.Option("--patch", help="Replace only the things the file speaks of.")] = False,
    url: Annotated[str | None, typer.Option(help="Send it to an instance; none: into the home here.")] = None,
    token: Secret = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come of it; change nothing.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Stand by what the rules warn of; say why.")] = False,
    note: Note = "",
    lang: Lang = "en",
) -> None:
    """Contribute a file to a source's graph. Exit code 1 when it breaks the rules, 3 when it waits for something."""
    mode = "patch" if patch else "replacement"
    if confirm and not note.strip():
        raise typer.BadParameter("--confirm needs a --note: why it is right all the same")
    if url is not None:
        with telling("contribute"):
            sent = {"source": source, "mode": mode, "note": note, "lang": lang}
            sent |= {"confirmed": "true" if confirm else None, "dry-run": "true" if dry_run else None}
            state = _send(file, url, token or "", {name: said for name, said in sent.items() if said})
    else:
        with ready("contribute") as workspace:
            actor = _actor(workspace, token)
            whose = source or _only_source(workspace, actor) or file.stem
            payload, fmt = packaged.read_file(file)
            [lines] = packaged.read_files([(whose, file)], workspace.settings, workspace.iris, one_graph=True).values()
            outcome = workspace.submit(
                actor, whose, lines, mode=mode, payload=payload, media_type=fmt.media_type, name=file.name, note=note,
                confirmed=confirm, dry_run=dry_run,
            )  # fmt: skip
            state = _show(outcome, lang, dry_run)
    if state in ("invalid", "pending"):
        raise typer.Exit(1 if state == "invalid" else 3)


def roll_back(
    source: Annotated[str, typer.Argument(help="The source.")],
    revision: Annotated[int, typer.Argument(help="The revision whose content is to be the present one again.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.")],
    token: Secret = None,
) -> None:
    """Publish the content of an earlier revision again; history is never rewritten."""
    with telling("rollback") as workspace:
        _show(workspace.roll_back(_actor(workspace, token), source, revision, reason), "en")


def withdraw(
    source: Annotated[str, typer.Argument(help="The source.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the history.")],
    token: Secret = None,
) -> None:
    """Publish the empty graph for a source; what it said stays in the history."""
    with telling("withdraw") as workspace:
        _show(workspace.withdraw(_actor(workspace, token), source, reason), "en")


@app.callback()
def contributions(context: typer.Context) -> None:
    """List contributions, look at one, decide."""
    if context.invoked_subcommand is None:
        list_contributions()


@app.command("list")
def list_contributions(
    state: Annotated[str | None, typer.Option(help="pending, published, invalid, declined …")] = None,
    source: Annotated[str | None, typer.Option(help="Only those for this source.")] = None,
    partner: Annotated[str | None, typer.Option(help="Only those of this partner.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 20,
) -> None:
    """List the last contributions, newest first."""
    with telling("contributions") as workspace, workspace.ledger() as ledger:
        found = records.read_all(ledger, source=source, partner=partner, state=state, before=2**31 - 1, limit=limit)
    table = Table("number", "source", "actor", "state", "mode", "submitted", "note")
    for record in found:
        said = f"{record.state}: needs {record.needs}" if record.needs else record.state
        table.add_row(str(record.number), record.source, record.actor, said, record.mode, record.submitted, record.note)
    OUT.print(table)
    OUT.print(f"{len(found)} contributions", highlight=False)


@app.command("show")
def show(number: Number, lang: Lang = "en") -> None:
    """What became of a contribution, with its report."""
    with telling("contributions show") as workspace, workspace.ledger() as ledger:
        record = records.visible(ledger, COMMAND_LINE, number)
        _tell(record, records.report_of(ledger, record), lang)
        problem = records.problem_of(ledger, record)
        if problem:
            OUT.print(str(problem.get("detail", "")), markup=False, highlight=False)
        for entry in records.history(ledger, record):
            said = entry.detail["state"] if entry.kind == "state" else f"revision {entry.revision}"
            note = entry.detail.get("note", "")
            OUT.print(f"  {entry.time}  {said}  {entry.actor}  {note}".rstrip(), markup=False, highlight=False)


@app.command("accept")
def accept(number: Number, note: Note = "", token: Secret = None) -> None:
    """Accept a contribution that waits for review: it is published."""
    with telling("contributions accept") as workspace:
        _show(workspace.accept(_actor(workspace, token), number, note), "en")


@app.command("decline")
def decline(number: Number, note: Note, token: Secret = None) -> None:
    """Decline a contribution, and say why."""
    with telling("contributions decline") as workspace:
        _show(workspace.decline(_actor(workspace, token), number, note), "en")


@app.command("withdraw")
def withdraw_contribution(number: Number, note: Note = "", token: Secret = None) -> None:
    """Take back a contribution that was not published yet."""
    with telling("contributions withdraw") as workspace:
        _show(workspace.withdraw_contribution(_actor(workspace, token), number, note), "en")


@app.command("confirm")
def confirm_contribution(number: Number, note: Note, token: Secret = None) -> None:
    """Stand by what the rules warn of."""
    with telling("contributions confirm") as workspace:
        _show(workspace.confirm(_actor(workspace, token), number, note), "en")


def _actor(workspace: Workspace, token: str | None) -> Actor:
    if token is None:
        return COMMAND_LINE
    with workspace.ledger() as ledger:
        return actors.authenticate(ledger, token, datetime.now(UTC))


def _only_source(workspace: Workspace, actor: Actor) -> str | None:
    """The source of a partner who owns exactly one."""
    if actor == COMMAND_LINE:
        return None
    with workspace.ledger() as ledger:
        owned = sources.owned(ledger, actor.partner)
    return owned[0] if len(owned) == 1 else None


def _show(outcome: Outcome, lang: str, dry_run: bool = False) -> str:
    """Print what came of something; returns the state."""
    record, published = outcome.contribution, outcome.published
    if record is not None:
        _tell(record, outcome.report, lang)
    elif outcome.report is not None and outcome.report.findings:
        OUT.print(render_text(outcome.report, lang), markup=False, highlight=False)
    if published is not None:
        said = "would be new" if dry_run else f"revision {published.revision}" if published.revision else "nothing new"
        line = f"{published.source}: {said}, {published.triples} statements (+{published.added} −{published.removed})"
        OUT.print(line, markup=False, highlight=False)
    if record is not None and published is not None and outcome.snapshot is not None:
        OUT.print(f"snapshot {outcome.snapshot.number}", highlight=False)
    blocked = outcome.report is not None and outcome.report.blocks
    return record.state if record is not None else "invalid" if blocked else "checked"


def _tell(record: Record, report: Report | None, lang: str) -> None:
    waits = f", waits for {record.needs}" if record.needs else ""
    line = f"contribution {record.number} to {record.source}: {record.state}{waits}"
    OUT.print(line, markup=False, highlight=False)
    if report is not None and report.findings:
        OUT.print(render_text(report, lang), markup=False, highlight=False)


def _send(file: Path, url: str, token: str, asked: dict[str, str]) -> str:
    """Send a file to an instance, and print what it answers; returns the state."""
    payload, fmt = packaged.read_file(file)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": fmt.media_type, "Accept": "application/json"}
    headers["Accept-Language"] = asked.pop("lang", "en")
    try:
        address = httpx.URL(f"{url.rstrip('/')}/contributions")
        answer = httpx.post(address, params=asked, content=payload, headers=headers, timeout=_SECONDS)
        told: dict[str, Any] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise StoreError(f"{url} does not answer as an instance of v4graph does ({error}).") from error
    if answer.status_code >= 400 and "state" not in told:
        raise BadRequest(str(told.get("detail") or told))
    waits = f", waits for {told['needs']}" if told.get("needs") else ""
    number = f"contribution {told['contribution']}" if told.get("contribution") else "dry run"
    line = f"{number} to {told.get('source') or asked.get('source') or 'your source'}: {told['state']}{waits}"
    OUT.print(line, markup=False, highlight=False)
    for group in told.get("report", {}).get("groups", ()):
        OUT.print(f"[{group['severity']}] {group['label']}: {group['count']}", markup=False, highlight=False)
        OUT.print(f"  {group['message']}", markup=False, highlight=False)
        for finding in group["findings"][:10]:
            value = f"  {finding['value']}" if finding.get("value") else ""
            OUT.print(f"  - <{finding['record']}>{value}", markup=False, highlight=False)
    if told.get("revision"):
        OUT.print(f"revision {told['revision']}; {told.get('address', '')}", markup=False, highlight=False)
    return str(told["state"])
