"""One server for all that is thrown at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.partners import Instance, instance


@pytest.fixture(scope="package")
def target(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A server with the published data, partners and tokens."""
    home = tmp_path_factory.mktemp("target") / "home"
    with instance(published_home, home, query_seconds=5, upload_seconds=10) as found:
        yield found
        assert found.client().get("/health").status_code == 200
        found.workspace.check()
