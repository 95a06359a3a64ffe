"""The structure of the package: arrows point down, files are small, names say what they are, SPARQL is data."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from v4graph import queries
from v4graph.iris import Iris

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "v4graph"
LAYERS = (
    {"__init__", "assets", "errors", "iris", "litter", "namespaces", "rdf", "settings", "turtle"},
    {"contents", "entries", "fetch", "ledger", "queries", "sandbox", "store"},
    {
        "actors", "atlas", "blame", "building", "catalogue", "changes", "checker", "checking", "checks", "collections",
        "contributions", "derivation", "differences", "dumps", "effects", "entities", "features", "folding",
        "identifiers", "indexing", "integrity", "listing", "neighbourhood", "network", "outlines", "packaged",
        "past", "pitfalls", "portal", "projection", "proposals", "provenance", "records", "releases", "report",
        "reporting", "resolution", "rows", "rules", "schemes", "scope", "search", "selections", "shacl", "shapes",
        "sieve", "sources", "state", "statements", "texts", "timeline", "touched", "twins", "vocabulary",
        "workbooks",
    },
    {"answering", "condition", "harvest", "lifecycle", "mirror", "publisher", "webhooks", "workspace"},
    {"__main__", "cli", "commands", "web"},
)  # fmt: skip
FORBIDDEN = {
    "utils",
    "helpers",
    "common",
    "misc",
    "manager",
    "handler",
    "handlers",
    "services",
    "models",
    "dependencies",
}
WRITES_SPARQL = {"derivation.py", "projection.py", "sandbox/using.py"}
"""Where SPARQL is put together: the update of a publication, and the dataset of an update in scratch mode."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "assets" not in path.parts)


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "v4graph":
            rest = node.module.split(".")[1:]
            found |= {rest[0]} if rest else {alias.name for alias in node.names}
    return {name for name in found if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, "over 400 lines: two ideas share a room; cut it"
    assert path.stem not in FORBIDDEN, "name it after what it is"
    tree = ast.parse(text)
    here = part(path)
    for other in imported(tree) - {here}:
        assert layer(other) <= layer(here), f"{here} imports {other}, which is above it"
    if path.relative_to(PACKAGE).as_posix() not in WRITES_SPARQL:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                sparql = re.search(
                    r"\b(SELECT\s+[?*(]|SELECT DISTINCT|CONSTRUCT\s*\{|INSERT\s*\{|DELETE\s*\{|WHERE\s*\{)", node.value
                )
                assert sparql is None, f"line {node.lineno}: SPARQL belongs into queries/"
    if path.name != "child.py":  # which hands a child the few variables it needs
        assert re.search(r"os\.environ|os\.getenv", text) is None, "settings are read in settings.py only"


def test_the_sandbox_children_start_quickly() -> None:
    """They import the standard library, the engine and light modules of ours, nothing else."""
    heavy = re.compile(r"^\s*(?:import|from) (pydantic|fastapi|starlette|rdflib|pyshacl|sqlalchemy|rich|typer)", re.M)
    for name in ("reader", "reviser", "writer", "parser", "confinement", "frames", "rdfxml", "wellformed", "tokens"):
        text = (PACKAGE / "sandbox" / f"{name}.py").read_text(encoding="utf-8")
        assert heavy.search(text) is None, name
        assert "v4graph.settings" not in text, name


QUERIES = sorted(
    path.relative_to(ROOT / "queries").with_suffix("").as_posix() for path in (ROOT / "queries").rglob("*.rq")
)


@pytest.mark.parametrize("name", QUERIES)
def test_query(name: str) -> None:
    import pyoxigraph as ox

    query = queries.find_query(name, Iris())
    assert query.header.get("title"), "the first lines are # title: and # description:"
    assert query.header.get("description")
    assert re.fullmatch(r"[a-z]+(/[a-z0-9]+(-[a-z0-9]+)*)+", name), "lower case, with hyphens"
    ox.Store().query(query.text)


def test_nothing_names_a_place_of_work() -> None:
    """The project speaks of itself alone."""
    words = re.compile(r"/home/\w", re.I)
    for path in [*ROOT.glob("*"), *(ROOT / ".ci").glob("*"), *MODULES, *(ROOT / "tests").rglob("*.py")]:
        if path.is_file() and path.name not in (Path(__file__).name, ".git"):
            text = path.read_text(encoding="utf-8", errors="replace")
            assert words.search(text) is None, f"{path}: {words.search(text)}"
