"""What every command needs: settings, where to print, errors told as a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from rich.console import Console

from v4graph.errors import InvalidContribution, V4GraphError
from v4graph.settings import Settings
from v4graph.workspace import Workspace

OUT = Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 240)
ERR = Console(stderr=True, soft_wrap=not sys.stderr.isatty())


def settings(**changes: object) -> Settings:
    """The settings; what is wrong with them ends the command with exit code 2."""
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        for problem in error.errors():
            name = "V4GRAPH_" + "_".join(str(part) for part in problem["loc"]).upper()
            ERR.print(f"[red]{name}[/]: {problem['msg']}", highlight=False)
        raise typer.Exit(2) from None


@contextmanager
def telling(what: str) -> Iterator[Workspace]:
    """Run a command: show what it is doing, and errors as a sentence."""
    workspace = Workspace(settings())
    try:
        yield workspace
    except InvalidContribution as error:
        from v4graph.reporting import render_text

        ERR.print(f"[red]{what}[/]: {error.detail}", highlight=False)
        ERR.print(render_text(error.extras["report"], "en"), markup=False, highlight=False)
        raise typer.Exit(1) from None
    except V4GraphError as error:
        ERR.print(f"[red]{error.title}[/]", highlight=False)
        ERR.print(error.detail, markup=False, highlight=False)
        raise typer.Exit(1) from None
