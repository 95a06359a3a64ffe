"""Lists after a publication: only what it touched is read again, and a server that reads everything shows the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import running
from tests.web.partners import TURTLE, Instance, cluster, instance, project
from v4graph.collections import Collection
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.shelves import Shelves

LISTS = ("clusters", "projects", "partners")
MEMBER = """
<https://w3id.org/v4graph/id/award/river-bronze> a v4:LabelAward ;
  v4:awardedTo <https://w3id.org/v4graph/id/organisation/river-cluster> ; v4:awardedOn "2024"^^xsd:gYear ;
  v4:awardedLabel <https://w3id.org/v4graph/scheme/quality-label/esca-bronze> .
"""
PREFIXED = "xsd: <http://www.w3.org/2001/XMLSchema#> ."
STEPS = {
    "a new cluster": cluster(),
    "another name": cluster("River Valley Cluster"),
    "an award": cluster() + MEMBER,
    "a project of an organisation that is known": cluster() + project().partition(PREFIXED)[2],
    "another start": cluster() + project(start="2024-06").partition(PREFIXED)[2],
    "the cluster is gone": project(),
}


@pytest.fixture(scope="module")
def read() -> list[tuple[Shelves, str]]:
    """Which shelves read all of which list."""
    return []


@pytest.fixture(scope="module")
def river(
    published_home: Path, tmp_path_factory: pytest.TempPathFactory, read: list[tuple[Shelves, str]]
) -> Iterator[Instance]:
    with pytest.MonkeyPatch.context() as patch:
        plain = Shelves._whole

        async def counting(self: Shelves, state: object, collection: Collection) -> object:
            read.append((self, collection.name))
            return await plain(self, state, collection)  # type: ignore[arg-type]

        patch.setattr(Shelves, "_whole", counting)
        with instance(published_home, tmp_path_factory.mktemp("carried") / "home") as found:
            lists(found.server.url)
            yield found


def lists(url: str) -> dict[str, str]:
    found = {}
    for name in LISTS:
        answer = httpx.get(f"{url}/{name}.csv", timeout=60)
        assert answer.status_code == 200, answer.text
        found[name] = answer.text
    return found


@pytest.mark.parametrize("step", STEPS)
def test_what_is_carried_over_is_what_a_new_server_reads(
    river: Instance, read: list[tuple[Shelves, str]], step: str
) -> None:
    before = lists(river.server.url)
    with river.client("publisher") as client:
        answer = client.post(
            "/contributions",
            params={"source": "river", "confirmed": "1", "note": "It is so."},
            content=STEPS[step],
            headers={"Content-Type": TURTLE},
        )
    assert answer.status_code == 201, answer.text
    with running(create_app(Settings(home=river.workspace.home, readers=1))) as fresh:
        expected = lists(fresh.url)
    assert expected != before
    deadline = time.monotonic() + 10
    while (found := lists(river.server.url)) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected
    own = river.server.app.state.shelves
    assert sorted(name for shelves, name in read if shelves is own) == sorted(LISTS)
