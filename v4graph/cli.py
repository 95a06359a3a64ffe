"""The command line: the same words as the web, no logic of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from v4graph import __version__, checks, litter
from v4graph.commands import contributions, harvest, history, partners, releases, status
from v4graph.commands.terminal import ERR, OUT, settings, telling
from v4graph.errors import NotFound, NotWritable, StorageFull, UnknownParameter
from v4graph.iris import Iris
from v4graph.queries import LANGUAGES, bind_checked, find_in_library, list_library
from v4graph.store.embedded import current
from v4graph.workspace import Loaded, Workspace

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The knowledge graph of Central Europe's clusters, projects and partners.",
)
app.callback()(litter.leave)  # before every command

_SHOWN = 20
"""Faults of one check that are printed."""

Lang = Annotated[str, typer.Option("--lang", help="Language of messages: en cs sk pl hu de.")]


def _show(loaded: Loaded) -> None:
    new = [p for p in loaded.published if p.revision is not None]
    for p in new:
        line = f"{p.source}: revision {p.revision}, {p.triples} statements (+{p.added} −{p.removed})"
        OUT.print(line, markup=False, highlight=False)
    same = len(loaded.published) - len(new)
    unchanged = f", {same} unchanged" if same else ""
    OUT.print(f"{len(new)} published{unchanged}; snapshot {loaded.snapshot.number}", highlight=False)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(envvar="HOST", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(envvar="PORT", help="Port to listen on; 0 picks a free one.")] = None,
    scratch: Annotated[bool, typer.Option("--scratch", help="A temporary store with updates switched on.")] = False,
    files: Annotated[list[Path] | None, typer.Argument(help="With --scratch: files to load first.")] = None,
) -> None:
    """Serve the graph; on the first start the packaged data is loaded."""
    from v4graph.web import server

    chosen = settings(host=host, port=port)
    if files and not scratch:
        raise typer.BadParameter("files are loaded by “v4graph load”, or given to serve --scratch")
    with telling("serve"):
        if scratch:
            server.run(chosen, scratch_files=files or [])
            return
        workspace = Workspace(chosen)
        with ERR.status("opening the store") as status:
            try:
                first = workspace.heal(tell=status.update) is None
            except (NotWritable, StorageFull) as hindrance:
                if current(chosen.home) is None:
                    raise
                first = False
                OUT.print(f"serving what is there: {hindrance.detail}", highlight=False)
            if first:
                status.update("loading the packaged data")
                published = workspace.load(tell=status.update).published
                triples = sum(p.triples for p in published)
                OUT.print(f"loaded {triples} statements of {len(published)} sources", highlight=False)
        OUT.print(f"serving {chosen.home} on http://{chosen.host}:{chosen.port}/", highlight=False)
        server.run(chosen)


@app.command()
def load(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders; none: the packaged data.")] = None,
    source: Annotated[str | None, typer.Option(help="The source whose graph the file becomes.")] = None,
) -> None:
    """Publish files as the curator: each is the whole new content of the source named like it."""
    with telling("load") as workspace, ERR.status("loading") as status:
        _show(workspace.load(paths or [], source=source, tell=status.update))


@app.command()
def rebuild() -> None:
    """Build the store anew from the ledger."""
    with telling("rebuild") as workspace, ERR.status("rebuilding") as status:
        snapshot = workspace.rebuild(tell=status.update)
        status.update("hashing")
        OUT.print(f"snapshot {snapshot.number}, store {workspace.hash()}", highlight=False)


@app.command()
def query(
    file: Annotated[
        str | None,
        typer.Argument(help="topic/name of the library, a file with a query, or - for standard input; none: the list."),
    ] = None,
    param: Annotated[list[str] | None, typer.Option(help="name=value, for a query of the library.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of titles and names: en cs sk pl hu de.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json, tsv, xml, ttl, nt or jsonld.")] = "table",
) -> None:
    """Ask the published graph; SELECT and ASK print a table unless told otherwise."""
    from v4graph.answering import answer

    with telling("query") as workspace:
        iris = Iris(workspace.settings.base_iri)
        if lang is not None and lang not in LANGUAGES:
            raise UnknownParameter(f"--lang is one of {', '.join(LANGUAGES)}.", parameter="lang")
        if file is None:
            for found in list_library(iris):
                _, title, description = found.told_in([lang or "en"])
                OUT.print(f"{found.name}\n  {title}\n  {description}", markup=False, highlight=False)
            return
        text = _query_text(file, param or [], lang, iris)
        kind, body = asyncio.run(answer(workspace.settings, text, "json" if form == "table" else form))
        if form != "table" or kind == "graph":
            sys.stdout.buffer.write(body)
            return
        told = json.loads(body)
        if kind == "boolean":
            OUT.print("true" if told["boolean"] else "false")
            return
        table = Table(*told["head"]["vars"])
        for row in told["results"]["bindings"]:
            table.add_row(*(row.get(name, {}).get("value", "") for name in told["head"]["vars"]))
        OUT.print(table)
        OUT.print(f"{len(told['results']['bindings'])} rows", highlight=False)


def _query_text(file: str, given: list[str], lang: str | None, iris: Iris) -> str:
    """The query of a file, of standard input, or of the library with its parameters."""
    try:
        if file == "-" or Path(file).exists():
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        else:
            values = dict(pair.partition("=")[::2] for pair in given)
            found = find_in_library(file, iris)
            if lang is not None and any(parameter.name == "lang" for parameter in found.parameters):
                values.setdefault("lang", lang)
            return bind_checked(found, values, iris)
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{file} cannot be read as UTF-8 text ({error}).") from error
    if given:
        raise UnknownParameter("Only queries of the library take --param.")
    return text


@app.command()
def validate(
    file: Annotated[Path, typer.Argument(help="A file in Turtle, N-Triples, RDF/XML, JSON-LD, TriG or N-Quads.")],
    lang: Lang = "en",
    form: Annotated[str, typer.Option("--format", help="text, json, html or ttl (a SHACL report).")] = "text",
) -> None:
    """Say what the rules find in a file; nothing is changed. Exit code 1 when it could not be published."""
    from v4graph.rdf import TURTLE
    from v4graph.reporting import render_text, to_json, to_rdf

    if form not in ("text", "json", "html", "ttl"):
        raise typer.BadParameter("--format is text, json, html or ttl")
    with telling("validate") as workspace:
        report = workspace.validate(file)
        if form == "ttl":
            sys.stdout.buffer.write(to_rdf(report, TURTLE))
        elif form == "html":
            from v4graph.web.validation import report_page

            sys.stdout.buffer.write(report_page(report, lang, workspace.iris))
        else:
            text = json.dumps(to_json(report, lang), ensure_ascii=False, indent=2) if form == "json" else None
            OUT.print(text or render_text(report, lang), markup=False, highlight=False)
        if report.blocks:
            raise typer.Exit(1)


@app.command()
def dump(
    output: Annotated[Path | None, typer.Argument(help="File to write; none: standard output.")] = None,
) -> None:
    """Write the whole store as sorted N-Quads."""
    with telling("dump") as workspace:
        lines = (f"{line}\n".encode() for line in workspace.quads())
        if output is None:
            sys.stdout.buffer.writelines(lines)
        else:
            with open(output, "wb") as file:
                file.writelines(lines)


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="File to write (.tar.gz).")]) -> None:
    """Write one file from which restore makes this instance again; works while the server runs."""
    with telling("backup") as workspace:
        workspace.backup(target)
        OUT.print(f"{target}: {target.stat().st_size} bytes", highlight=False)


@app.command()
def restore(archive: Annotated[Path, typer.Argument(help="A file written by backup.")]) -> None:
    """Make an empty home from a backup."""
    with telling("restore") as workspace, ERR.status("restoring") as status:
        snapshot = workspace.restore(archive, tell=status.update)
        OUT.print(f"snapshot {snapshot.number}, store {workspace.hash()}", highlight=False)


@app.command()
def check() -> None:
    """Check ledger and store, vocabulary, schemes, terms, queries, catalogue and data. Exit code 1 when one fails."""
    failed = 0
    with telling("check") as workspace, ERR.status("checking"):
        for line in workspace.check():
            OUT.print(f"[green]ok[/]    {line}", highlight=False)
        for done in checks.all_checks(workspace.iris, workspace.home):
            failed += bool(done.faults)
            OUT.print(f"{'[red]fail[/]' if done.faults else '[green]ok[/]  '}  {done.name}", highlight=False)
            for fault in done.faults[:_SHOWN]:
                OUT.print(f"        {fault}", markup=False, highlight=False)
            if len(done.faults) > _SHOWN:
                OUT.print(f"        and {len(done.faults) - _SHOWN} more", highlight=False)
    if failed:
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    OUT.print(__version__, highlight=False)


app.command()(status.status)
app.command()(releases.release)
app.command()(harvest.harvest)
partners.source_app.command("harvest-from")(harvest.harvest_from)
app.add_typer(partners.partner_app, name="partner")
app.add_typer(partners.source_app, name="source")
app.add_typer(partners.token_app, name="token")
app.command()(contributions.contribute)
app.add_typer(contributions.app, name="contributions")
app.command("rollback")(contributions.roll_back)
app.command()(contributions.withdraw)
history.register(app)


if __name__ == "__main__":
    app()
