"""A site, and a home with a partner who is harvested."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from v4graph.actors import COMMAND_LINE
from v4graph.settings import Settings
from v4graph.workspace import Workspace

from .sites import Site, serving


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def base_home(tmp_path_factory: pytest.TempPathFactory, published_home: Path) -> Path:
    """A home with a partner and its source."""
    home = tmp_path_factory.mktemp("harvest") / "home"
    shutil.copytree(published_home, home)
    Workspace(Settings(home=home)).add_partner(COMMAND_LINE, "example-cluster", "Example Cluster")
    return home


@pytest.fixture
def work(base_home: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(base_home, tmp_path / "home")
    return Workspace(Settings(home=tmp_path / "home", upload_mb=1))
