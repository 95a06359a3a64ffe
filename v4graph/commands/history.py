"""``v4graph history``, ``compare``, ``blame``, ``mirror`` and ``webhook``: what was said before, and who is told."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Annotated

import pyoxigraph as ox
import typer
from rich.table import Table

from v4graph import differences, rdf, webhooks
from v4graph import mirror as mirroring
from v4graph.blame import Departures, publication
from v4graph.blame import blame as blame_of
from v4graph.commands.terminal import ERR, OUT, telling
from v4graph.differences import Change, Difference, Names
from v4graph.errors import UnknownEntity, UnknownGraph, UnknownRevision, V4GraphError
from v4graph.ledger import Ledger
from v4graph.provenance import revision_iri
from v4graph.statements import LABELS
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

Lang = Annotated[str, typer.Option("--lang", help="Language of names: en cs sk pl hu de.")]
Private = Annotated[bool, typer.Option("--allow-private", help="Also to an address that is not public.")]
Every = Annotated[float | None, typer.Option(help="Do it again every so many seconds, until stopped.", min=0.1)]

webhook = typer.Typer(no_args_is_help=True, help="Tell portals what changed: signed messages to addresses you allow.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (history, compare, blame, mirror):
        app.command()(command)
    app.add_typer(webhook, name="webhook")


def history(source: Annotated[str, typer.Argument(help="The name of a source.")]) -> None:
    """List the revisions of a source, the newest first: when, by whom, how and why."""
    with telling("history") as workspace, workspace.ledger() as ledger:
        entries = ledger.entries(kind="revision", source=source, backwards=True)
        if not entries:
            raise UnknownGraph(f"There is no source “{source}” with a graph.")
        sizes = ledger.triples()
        for entry in entries:
            told = publication(ledger, entry)
            added, removed = (sizes.get(entry.detail.get(key, "")) for key in ("added", "removed"))
            counts = f" (+{added} −{removed})" if added is not None and removed is not None else ""
            what = f"{told.revision}  {told.time}  {told.actor}  {told.mode}, {sizes.get(entry.content or '', 0)}"
            note = f": {told.note}" if told.note else ""
            OUT.print(f"{what} statements{counts}{note}", markup=False, highlight=False)


def compare(
    source: Annotated[str, typer.Argument(help="The name of a source.")],
    a: Annotated[int, typer.Argument(help="A revision; 0 is the empty graph.", min=0)],
    b: Annotated[int, typer.Argument(help="Another revision.", min=0)],
    form: Annotated[str, typer.Option("--format", help="text, json or patch (RDF Patch).")] = "text",
    lang: Lang = "en",
) -> None:
    """Say what makes one revision of a source of another one."""
    if form not in ("text", "json", "patch"):
        raise typer.BadParameter("--format is text, json or patch")
    with telling("compare") as workspace, workspace.ledger() as ledger:
        old, new = (_content(ledger, source, wanted) for wanted in (a, b))
        found = differences.between(old, new)
        graph = workspace.iris.graph(source)
        if form == "patch":
            name = revision_iri(source, b, workspace.iris)
            sys.stdout.buffer.write(differences.as_patch(found, graph, name, revision_iri(source, a, workspace.iris)))
            return
        changed = differences.changes(found)
        names = _names(workspace, changed, (*new, *old), lang)
        if form == "json":
            told = json.dumps(differences.as_json(found, names, found=changed), ensure_ascii=False, indent=2)
            OUT.print(told, markup=False, highlight=False)
            return
        for line in differences.sentences(found, names, found=changed):
            OUT.print(line, markup=False, highlight=False)
        plural = "" if len(found.added) == 1 else "s"
        OUT.print(f"{len(found.added)} statement{plural} added, {len(found.removed)} removed", highlight=False)


def blame(
    iri: Annotated[str, typer.Argument(help="The IRI of a thing, or what follows {base}id/, as project/ketgate.")],
    property_: Annotated[str | None, typer.Option("--property", help="Only this property (its IRI).")] = None,
    value: Annotated[str | None, typer.Option(help="Only this value: an IRI, or the text of a literal.")] = None,
    former: Annotated[bool, typer.Option("--former", help="Also what is not said any more.")] = False,
    lang: Lang = "en",
) -> None:
    """Say of every statement about a thing who made it, when, in which contribution, checked by which rules."""
    with telling("blame") as workspace, workspace.ledger() as ledger:
        iri = iri if ":" in iri else f"{workspace.iris.base}id/{iri}"
        try:
            rdf.iri_text(iri)
        except ValueError:
            raise UnknownEntity(f"{iri} is not an IRI.") from None
        sources = _sources(workspace, iri)
        sources += Departures(workspace.iris).sources(ledger, iri) if former else []
        found = blame_of(ledger, sources, iri, property=property_, value=value, former=former)
        if not found:
            raise UnknownEntity(f"No source says this of {iri}.")
        lines = sorted({said.line for said in found})
        changed = differences.changes(Difference(tuple(lines), ()))
        names = _names(workspace, changed, lines, lang)
        for said in found:
            [one] = differences.changes(Difference((said.line,), ()))
            OUT.print(differences.sentence(one, names).replace(" + ", " ", 1), markup=False, highlight=False)
            by = said.by
            told = [f"{by.source}, revision {by.revision}", by.time, f"by {by.actor}"]
            told += [f"contribution {by.contribution}"] if by.contribution else []
            told += [f"accepted by {by.reviewer}"] if by.reviewer else []
            told += [f"rules {by.checked_with[:12]}"] if by.checked_with else []
            told += [by.note] if by.note else []
            gone = said.removed
            told += [f"until revision {gone.revision}, {gone.time}, by {gone.actor} {gone.note}"] if gone else []
            OUT.print(f"    {'; '.join(told)}", markup=False, highlight=False)


def mirror(
    address: Annotated[str, typer.Argument(help="Where another instance answers, as https://example.org/v4graph/.")],
    every: Every = None,
    private: Private = False,
) -> None:
    """Keep a read-only copy of another instance: follow its change feed, and check every hash."""
    with telling("mirror") as workspace:
        while True:
            try:
                with ERR.status("following") as status:
                    taken = asyncio.run(mirroring.follow(workspace, address, private=private, tell=status.update))
                OUT.print(f"{taken.taken} entries taken, up to {taken.last}; state {taken.state}", highlight=False)
            except V4GraphError as error:
                if every is None:
                    raise
                ERR.print(error.detail, markup=False, highlight=False)
            if every is None:
                return
            time.sleep(every)


@webhook.command("add")
def add_webhook(
    address: Annotated[str, typer.Argument(help="The address that is told.")], private: Private = False
) -> None:
    """Allow an address; prints the secret its messages are signed with, once."""
    with telling("webhook") as workspace:
        added = asyncio.run(webhooks.add(workspace, address, private=private))
        OUT.print(f"{added.name}  {added.address}", markup=False, highlight=False)
        OUT.print(f"secret {added.secret}", markup=False, highlight=False)


@webhook.command("list")
def list_webhooks() -> None:
    """List the addresses that are told, and how it goes."""
    with telling("webhook") as workspace, workspace.ledger() as ledger:
        known, progress = webhooks.webhooks(ledger), webhooks.progress(workspace.home)
        if not known:
            OUT.print("There is no webhook.")
            return
        table = Table("webhook", "address", "told up to entry", "failures", "problem")
        for name, hook in known.items():
            about = progress.get(name, webhooks.Progress(hook.since))
            ended = " It is gone and not told any more." if about.ended else ""
            table.add_row(name, hook.address, str(about.entry), str(about.failures), about.problem + ended)
        OUT.print(table)


@webhook.command("remove")
def remove_webhook(name: Annotated[str, typer.Argument(help="The webhook, as listed.")]) -> None:
    """Tell an address nothing more."""
    with telling("webhook") as workspace:
        webhooks.remove(workspace, name)
        OUT.print(f"{name} is not told any more", markup=False, highlight=False)


@webhook.command("deliver")
def deliver_webhooks(every: Every = None) -> None:
    """Tell every address what it was not told yet. Exit code 1 when one could not be told."""
    with telling("webhook") as workspace:
        while True:
            done = asyncio.run(webhooks.deliver(workspace, time.time()))
            for one in done:
                what = one.problem or f"told {one.changes} changes"
                OUT.print(f"{one.webhook}: {what}", markup=False, highlight=False)
            if every is None:
                if any(one.problem for one in done):
                    raise typer.Exit(1)
                return
            time.sleep(every)


def _content(ledger: Ledger, source: str, wanted: int) -> list[str]:
    last = ledger.current("revision", source)
    if last is None:
        raise UnknownGraph(f"There is no source “{source}” with a graph.")
    entry = ledger.revision(source, wanted) if wanted else None
    if wanted and entry is None:
        raise UnknownRevision(f"The source “{source}” has the revisions 1 to {last.revision}, not {wanted}.")
    return ledger.lines(entry.content) if entry else []


def _store(workspace: Workspace) -> ox.Store | None:
    snapshot = current(workspace.home)
    return ox.Store.read_only(str(snapshot.path)) if snapshot else None


def _sources(workspace: Workspace, iri: str) -> list[str]:
    store, iris = _store(workspace), workspace.iris
    if store is None:
        return []
    own = {iris.provenance, iris.disagreements, iris.derived}
    quads = store.quads_for_pattern(ox.NamedNode(iri), None, None, None)
    graphs = {quad.graph_name.value for quad in quads if isinstance(quad.graph_name, ox.NamedNode)}
    return [iris.source(graph) for graph in graphs - own]


def _names(workspace: Workspace, changed: Sequence[Change], lines: Sequence[str], lang: str) -> Names:
    """The names of what is mentioned: of the published graph, and of the lines themselves."""
    store, iris = _store(workspace), workspace.iris
    labels = differences.labels_in(lines)
    related = differences.related_in(lines, iris)
    wanted = differences.mentioned(changed) | {iri for others in related.values() for iri in others}
    for iri in sorted(wanted) if store is not None else ():
        assert store is not None
        for property_ in LABELS:
            for quad in store.quads_for_pattern(ox.NamedNode(iri), ox.NamedNode(property_), None, ox.DefaultGraph()):
                if isinstance(quad.object, ox.Literal):
                    labels.setdefault(iri, {}).setdefault(quad.object.language or "", quad.object.value)
    return Names(labels, (lang, "en"), iris, related)
