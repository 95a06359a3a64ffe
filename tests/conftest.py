"""What many tests use: settings with a home of their own, and the packaged data published once."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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
