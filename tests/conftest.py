"""What many tests use: settings with a home of their own, and the packaged data published once."""

from __future__ import annotations

import gc
import os
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

# every server of a test listens on this host: reading all authorities of the world anew is most of a client's start
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull


LONGEST = (
    "test_operating", "drills/test_disk", "web/test_entities", "test_benchmarks", "test_drills", "web/test_hostile",
    "web/test_graph_store", "web/test_owned_graphs", "web/test_protocol", "test_cli", "test_workspace", "test_mirror",
    "web/test_restart", "test_checks", "web/test_roles", "drills/test_kill", "test_sandbox", "web/test_dumps",
    "web/test_contributions", "test_projection", "test_portal", "test_partners", "test_lifecycle", "fuzz/test_openapi",
    "web/test_partner_story", "drills/test_soak", "fuzz/test_requests", "test_shapes", "test_twins", "web/test_pages",
    "drills/test_corruption", "test_effects", "web/test_validation", "browser/test_pages", "browser/test_map",
    "browser/test_query", "browser/test_hostile", "browser/test_embeds", "browser/test_collections",
    "browser/test_newcomer", "browser/test_weight",
)  # fmt: skip
"""Files that take longest, so that no process is left with one of them when the others have nothing to do any more."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the rest as they come."""
    folder = Path(__file__).parent
    places = {folder / f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


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
