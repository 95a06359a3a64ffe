"""The query library, and how a test asks it."""

from __future__ import annotations

from pathlib import Path

from v4graph import queries
from v4graph.iris import Iris

IRIS = Iris()
LIBRARY = {query.name: query for query in queries.list_library(IRIS)}
FIXTURES = Path(__file__).parent / "fixtures"
BASE = IRIS.base
CLUSTERS = "clusters"
Row = dict[str, str | None]


def short(value: str) -> str:
    return value.removeprefix(BASE).removeprefix("http://publications.europa.eu/resource/authority/")
