"""What many tests use: settings with a home of their own, and the packaged data published once."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from tests.library import FIXTURES, IRIS, LIBRARY, Row, short
from v4graph import queries
from v4graph.settings import Settings
from v4graph.workspace import Workspace


@pytest.fixture(scope="module", autouse=True)
def _tidy() -> Iterator[None]:
    """What the engine gave to a test is let go of in the thread that asked for it: elsewhere it complains."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the packaged data; nobody may write to it."""
    home = tmp_path_factory.mktemp("published") / "home"
    Workspace(Settings(home=home)).load()
    return home


@pytest.fixture(scope="session")
def published(published_home: Path) -> Workspace:
    """The packaged data, published; for reading only."""
    return Workspace(Settings(home=published_home))


@pytest.fixture
def workspace(published_home: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the published packaged data that a test may change."""
    home = tmp_path / "home"
    shutil.copytree(published_home, home)
    yield Workspace(Settings(home=home))


@pytest.fixture(scope="session")
def packaged(published: Workspace) -> bytes:
    return "\n".join(published.quads()).encode()


@pytest.fixture(scope="session")
def stores(packaged: bytes) -> dict[str | None, ox.Store]:
    """The packaged data alone, and with each fixture."""
    found: dict[str | None, ox.Store] = {}
    for name in (None, *(path.stem for path in FIXTURES.glob("*.ttl"))):
        found[name] = store = ox.Store()
        store.bulk_load(packaged, ox.RdfFormat.N_QUADS)
        if name is not None:
            store.load((FIXTURES / f"{name}.ttl").read_bytes(), ox.RdfFormat.TURTLE)
    return found


@pytest.fixture
def ask(stores: dict[str | None, ox.Store]) -> Any:
    def rows(name: str, fixture: str | None = None, **values: str) -> list[Row]:
        query = LIBRARY[name]
        text = queries.bind_checked(query, values, IRIS)
        found: Any = stores[fixture or query.fixture].query(text)
        names = [variable.value for variable in found.variables]
        return [{n: short(row[n].value) if row[n] is not None else None for n in names} for row in found]

    return rows
