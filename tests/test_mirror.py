"""A mirror over a real server: equal after many publications, goes on where it stopped, and takes nothing forged."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.web.conftest import Server, running
from v4graph.actors import COMMAND_LINE
from v4graph.errors import AddressRefused, FetchFailed, NotAllowed
from v4graph.ledger import Append
from v4graph.mirror import Followed, follow
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.workspace import Workspace

MANY, AT_ONCE = (200, 30) if os.environ.get("V4GRAPH_DRILL") == "full" else (24, 12)
SOURCE = "nca-projects"
KEPT = ("ontology", "schemes", "resolutions", "arleg-clusterscord", "gapr-v4clusters", SOURCE)
LOCAL = ("ledgerEntry", "ledgerHash")
"""What a store says of its own ledger."""

Forge = Callable[[str, bytes], bytes]


@pytest.fixture(scope="session")
def small_home(published: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the vocabulary and a few sources."""
    small = Workspace(Settings(home=tmp_path_factory.mktemp("small") / "home"))
    with published.ledger() as whole, small.writing() as ledger:
        for kind in ("source", "revision"):
            for source, entry in sorted(whole.latest(kind).items()):
                if source in KEPT:
                    detail = {
                        name: entry.detail[name] for name in ("rank", "owner", "contribution") if name in entry.detail
                    }
                    lines = whole.lines(entry.content)
                    ledger.append([Append(kind, source, "curator", lines, entry.revision, detail)])
    small.heal()
    return small.home


@pytest.fixture
def origin(small_home: Path, tmp_path: Path) -> Iterator[tuple[Workspace, Server]]:
    shutil.copytree(small_home, tmp_path / "origin")
    settings = Settings(home=tmp_path / "origin", readers=1)
    with running(create_app(settings)) as server:
        yield Workspace(settings), server


@pytest.fixture
def copy(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path / "copy"))


def publish(workspace: Workspace, number: int) -> None:
    """Change a name in a source of the origin, withdraw it, or take it back to where it was."""
    with workspace.writing() as ledger:
        current = ledger.current("revision", SOURCE)
        assert current is not None
        old = ledger.lines(current.content)
        first = ledger.revision(SOURCE, 1)
        assert first is not None
        if number % 20 == 19:
            new, mode = [], "withdrawal"
        elif number % 20 == 0:
            new, mode = ledger.lines(first.content), "rollback"
        else:
            thing = workspace.iris.thing("project", "v4clusters")
            note = f'<{thing}> <http://www.w3.org/2004/02/skos/core#note> "note \\"{number}\\"\\n of many"@en .'
            new, mode = sorted({*old[number % 7 :], note}), "patch"
        detail = {"contribution": 1, "mode": mode, "note": f"publication {number} <&> “of many”"}
        kept = {"added": sorted(set(new) - set(old)), "removed": sorted(set(old) - set(new))}
        revision = (current.revision or 0) + 1
        ledger.append([Append("revision", SOURCE, f"nca/{number}", new, revision, detail, kept)])


def show(workspace: Workspace, server: Server) -> None:
    """Bring the store of the origin up to its ledger, and wait until the server has seen it."""
    snapshot = workspace.heal()
    assert snapshot is not None
    deadline = time.monotonic() + 20
    while server.app.state.sandbox.snapshot.token != snapshot.token:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def mirror(copy: Workspace, server: Server, **given: bool) -> Followed:
    return asyncio.run(follow(copy, server.url, **{"private": True, **given}))


def public(workspace: Workspace) -> list[str]:
    """The store without what it says of its own ledger."""
    own = tuple(f"> <{workspace.iris.term(name)}> " for name in LOCAL)
    return [quad for quad in workspace.quads() if not any(name in quad for name in own)]


def state(workspace: Workspace) -> str:
    with workspace.ledger() as ledger:
        return ledger.state()


def test_many_publications(origin: tuple[Workspace, Server], copy: Workspace) -> None:
    workspace, server = origin
    first = mirror(copy, server)
    assert first.state == state(workspace)
    assert public(copy) == public(workspace)
    for start in range(0, MANY, AT_ONCE):
        for number in range(start, min(MANY, start + AT_ONCE)):
            publish(workspace, number)
        show(workspace, server)
        followed = mirror(copy, server)
        assert followed.taken == min(MANY, start + AT_ONCE) - start
        assert followed.state == state(workspace) == state(copy)
    assert public(copy) == public(workspace)
    assert len(public(copy)) > 1000
    again = mirror(copy, server)
    assert (again.taken, again.state) == (0, followed.state)
    assert any("chain intact" in line for line in copy.check())
    with copy.ledger() as ledger:
        last = ledger.current("revision", SOURCE)
        assert last is not None
        assert last.actor == "nca", "which token was used is not told"
        assert last.detail["note"] == f"publication {MANY - 1} <&> “of many”"


def test_a_mirror_is_only_read(origin: tuple[Workspace, Server], copy: Workspace) -> None:
    _, server = origin
    mirror(copy, server)
    with pytest.raises(NotAllowed, match="copy"):
        copy.withdraw(COMMAND_LINE, SOURCE, "It is somebody else's to withdraw.")


def test_a_home_with_data_of_its_own_is_no_mirror(origin: tuple[Workspace, Server]) -> None:
    workspace, server = origin
    before = workspace.hash()
    with pytest.raises(NotAllowed, match="data of its own"):
        mirror(workspace, server)
    assert workspace.hash() == before


def test_an_instance_with_another_base_is_refused(origin: tuple[Workspace, Server], tmp_path: Path) -> None:
    _, server = origin
    other = Workspace(Settings(home=tmp_path / "other", base_iri="http://127.0.0.1/"))
    with pytest.raises(FetchFailed, match="V4GRAPH_BASE_IRI"):
        mirror(other, server)


def test_private_addresses_only_when_allowed(origin: tuple[Workspace, Server], copy: Workspace) -> None:
    _, server = origin
    with pytest.raises(AddressRefused):
        mirror(copy, server, private=False)


@pytest.fixture
def between(origin: tuple[Workspace, Server]) -> Iterator[tuple[Server, list[Forge]]]:
    """Somebody between origin and mirror, who changes what passes."""
    import httpx

    forges: list[Forge] = []

    async def passed(request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        async with httpx.AsyncClient(timeout=20) as client:
            answer = await client.get(
                f"{origin[1].url}{request.url.path}{query}", headers={"Accept": request.headers["accept"]}
            )
        body = answer.content
        for forge in forges:
            body = forge(request.url.path, body)
        return Response(body, answer.status_code, media_type=answer.headers["content-type"])

    with running(Starlette(routes=[Route("/{path:path}", passed)])) as server:  # type: ignore[arg-type]
        yield server, forges


def pages(path: str) -> bool:
    return path.startswith("/changes/")


FORGERIES: dict[str, tuple[Forge, str]] = {
    "who": (lambda p, b: b.replace(b'\\"curator\\"', b'\\"nobody\\"') if pages(p) else b, "hash"),
    "a content": (lambda p, b: b.replace(b"2013", b"2031") if "/revision/" in p else b, "hash"),
    "a statement more": (
        lambda p, b: b + b"<http://x/s> <http://x/p> <http://x/o> .\n" if "/revision/" in p else b,
        "hash",
    ),
    "an injection": (
        lambda p, b: (
            b + b"<http://x/s> <http://x/p> <http://x/o> } ; DROP ALL ; INSERT DATA { .\n" if "/rev" in p else b
        ),
        "no statement",
    ),
    "a member is left out": (
        lambda p, b: b"\n".join(x for x in b.split(b"\n") if b"graph/arleg" not in x) if pages(p) else b,
        "state",
    ),
    "nonsense": (lambda p, b: b"<html>" if pages(p) else b, "no statement"),
    "nothing": (lambda p, b: b"" if pages(p) else b, "no page 1"),
    "broken off": (lambda p, b: b[:-20] if pages(p) else b, "no statement"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_was_forged_is_not_taken(between: tuple[Server, list[Forge]], copy: Workspace, forgery: str) -> None:
    server, forges = between
    forge, complaint = FORGERIES[forgery]
    forges.append(forge)
    with pytest.raises(FetchFailed, match=complaint):
        mirror(copy, server)
    with copy.ledger() as ledger:
        assert ledger.head() is None, "nothing was taken"
    forges.clear()
    assert mirror(copy, server).taken == 2 * len(KEPT), "and the true feed is taken afterwards"


def test_a_forged_difference_is_not_taken(
    origin: tuple[Workspace, Server], between: tuple[Server, list[Forge]], copy: Workspace
) -> None:
    server, forges = between
    mirror(copy, server)
    before = copy.hash()
    publish(origin[0], 1)
    show(*origin)
    forges.append(lambda p, b: b.replace(b"of many", b"of none") if "/compare/" in p else b)
    with pytest.raises(FetchFailed, match="hash the feed names"):
        mirror(copy, server)
    assert copy.hash() == before
    forges.clear()
    assert mirror(copy, server).state == state(origin[0])


def test_a_history_that_was_rewritten_is_noticed(
    origin: tuple[Workspace, Server], copy: Workspace, small_home: Path
) -> None:
    workspace, server = origin
    publish(workspace, 1)
    show(workspace, server)
    mirror(copy, server)
    server.app.state.ledger.close()
    shutil.copy(small_home / "ledger.sqlite", workspace.home / "ledger.sqlite")
    for leftover in ("ledger.sqlite-wal", "ledger.sqlite-shm"):
        (workspace.home / leftover).unlink(missing_ok=True)
    publish(workspace, 2)
    show(workspace, server)
    with pytest.raises(FetchFailed, match="history there was changed"):
        mirror(copy, server)


def test_the_store_of_a_mirror_answers(origin: tuple[Workspace, Server], copy: Workspace) -> None:
    mirror(copy, origin[1])
    from v4graph.store.embedded import current

    found = current(copy.home)
    assert found is not None
    graph = ox.NamedNode(copy.iris.graph(SOURCE))
    store = ox.Store.read_only(str(found.path))
    assert sum(1 for _ in store.quads_for_pattern(None, None, None, graph)) > 100
