"""No room, no leave to write: a clear error, nothing half done, reading goes on, and all is well once it is mended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.drills.serving import FULL, POINT, ROOT, TURTLE, partnered, serving
from tests.small import CLEAN, SOUTH, graphs, project_lines, small, token
from tests.web.partners import project
from v4graph.errors import NotWritable, StorageFull
from v4graph.ledger import Ledger
from v4graph.settings import Settings
from v4graph.workspace import Workspace

STEPS = 60
in_full = pytest.mark.skipif(not FULL, reason="only in the full drill")
PUBLISHING = """
import json, resource, sys
from pathlib import Path
from tests.small import CLEAN, SOUTH, project_lines, token
from v4graph.errors import V4GraphError
from v4graph.settings import Settings
from v4graph.workspace import Workspace

workspace = Workspace(Settings(home=Path(sys.argv[1])))
checked = {"report": CLEAN, "checked_token": token(workspace)}
lines = sorted(line for n in range(60) for line in project_lines(f"{sys.argv[2]}-{n}", name="x" * 60 + str(n)))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    outcome = workspace.submit(SOUTH, "south", lines, payload="".join(lines).encode(), **checked)
    print(json.dumps(["published", outcome.contribution.number, ""]))
except V4GraphError as error:
    print(json.dumps([error.slug, error.extras.get("contribution"), error.detail]))
"""


def publish_within(home: Path, name: str, limit: int) -> list[Any]:
    """What a publication is told in a process whose files may have so many bytes."""
    words = [sys.executable, "-c", PUBLISHING, str(home), name, str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


def whole(workspace: Workspace) -> set[str]:
    """The names of the projects of the source, after a look that all of each publication is there or nothing."""
    lines = graphs(workspace).get("south", set())
    assert len(lines) % 180 == 0, "half of a publication is there"
    return {line.split(" ")[0] for line in lines}


@pytest.mark.timeout(1800)
def test_no_room_at_any_stage(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stops each file where it is: the ledger, its log, the engine's log, tables, notes."""
    home = tmp_path / "home"
    workspace = small(home)
    workspace.submit(SOUTH, "south", project_lines("first"), report=CLEAN, checked_token=token(workspace))
    sizes = [8 << 10, 60 << 10, 100 << 10, 150 << 10]
    if FULL:
        sizes = [(number + 1) * 4 << 10 for number in range(STEPS)]
    told: dict[str, int] = {}
    recorded: dict[int, str] = {}
    for number, limit in enumerate(sizes):
        slug, contribution, detail = publish_within(home, f"step{number}", limit)
        told[slug] = told.get(slug, 0) + 1
        if slug != "published":
            assert slug == "storage-full", (slug, detail)
            assert "room" in detail
        if contribution:
            recorded[contribution] = f"step{number}"
        with workspace.ledger() as ledger:
            ledger.verify()
        workspace.heal()  # now there is room again
        whole_now = whole(workspace) if recorded else set()
        if recorded:
            last = recorded[max(recorded)]
            assert all(f"/{last}-" in subject for subject in whole_now), "what was recorded is what is shown"
    workspace.check()
    print(f"\n{len(sizes)} places to stop at: {told}, {len(recorded)} of them after the ledger had it")
    assert told.get("storage-full", 0) >= len(sizes) // 3
    assert publish_within(home, "last", 1 << 30)[0] == "published"
    assert all("/last-" in subject for subject in whole(workspace))


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    place = tmp_path / "volume"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", place]).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    """Take all the room there is."""
    heap = place / "heap"
    with open(heap, "wb", buffering=0) as file, suppress(OSError):
        while True:
            if file.write(bytes(4096)) < 4096:
                break
    return heap


def test_a_server_on_a_full_disk(volume: Path, published_home: Path) -> None:
    """Who asks is answered; who publishes is told 507 and how it goes on; with room again all is as it should be."""
    home = volume / "home"
    headers = {**TURTLE, "Authorization": f"Bearer {partnered(published_home, home)}"}
    with serving(home) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.put("/graph/river", content=project("Before"), headers=headers).status_code == 201
        heap = fill(volume)
        for number in range(3):
            answer = client.put("/graph/river", content=project(f"Full {number}"), headers=headers)
            assert answer.status_code == 507, answer.text
            problem = answer.json()
            assert problem["type"].endswith("problems/storage-full")
            assert "no room" in problem["detail"] and "operator" in problem["detail"]
            assert client.get("/sparql", params={"query": f"{POINT}{number}"}).status_code == 200
            assert client.get("/project/v4clusters.ttl").status_code == 200
        heap.unlink()
        answer = client.put("/graph/river", content=project("After"), headers=headers)
        assert answer.status_code == 204, answer.text
        assert '"After"' in client.get("/graph/river", headers={"Accept": "text/turtle"}).text
    Workspace(Settings(home=home)).check()


@in_full
def test_a_server_on_a_disk_that_was_full_at_its_start(volume: Path, published_home: Path, tmp_path: Path) -> None:
    home = volume / "home"
    headers = {**TURTLE, "Authorization": f"Bearer {partnered(published_home, home)}"}
    shutil.rmtree(home / "store" / "primary")  # there is something to mend, and no room for it
    heap = fill(volume)
    with serving(home, log_folder=tmp_path) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert "serving what is there" in server.log.read_text()
        assert client.get("/project/v4clusters.ttl").status_code == 200
        heap.unlink()
        answer = client.put("/graph/river", content=project("After"), headers=headers)
        assert answer.status_code == 201, answer.text
    Workspace(Settings(home=home)).check()


def test_a_server_on_a_read_only_disk(volume: Path, published_home: Path, tmp_path: Path) -> None:
    """A home on a medium that cannot be written is served; publishing is refused with a reason."""
    home = volume / "home"
    secret = partnered(published_home, home)
    headers = {**TURTLE, "Authorization": f"Bearer {secret}"}
    subprocess.run(["mount", "-o", "remount,ro", volume], check=True)
    with serving(home, log_folder=tmp_path) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert "read-only" in server.log.read_text()
        assert client.get("/project/v4clusters.ttl").status_code == 200
        assert client.get("/changes", headers={"Accept": "text/turtle"}).status_code == 200
        assert client.get("/graph/ketgate-site/history", headers={"Accept": "application/json"}).status_code in (
            200,
            404,
        )
        answer = client.put("/graph/river", content=project("Refused"), headers=headers)
        assert answer.status_code == 503, answer.text
        assert answer.json()["type"].endswith("problems/not-writable")
        subprocess.run(["mount", "-o", "remount,rw", volume], check=True)
        answer = client.put("/graph/river", content=project("After"), headers=headers)
        assert answer.status_code == 201, answer.text
    Workspace(Settings(home=home)).check()


def test_a_home_that_belongs_to_somebody_else(volume: Path, published_home: Path) -> None:
    home = volume / "home"
    shutil.copytree(published_home, home)
    workspace = Workspace(Settings(home=home))
    before = workspace.hash()
    subprocess.run(["mount", "-o", "remount,ro", volume], check=True)
    with pytest.raises(NotWritable, match="cannot be written"):
        workspace.heal()
    with pytest.raises(NotWritable):
        Workspace(Settings(home=volume / "new")).load()
    assert workspace.hash() == before
    with workspace.ledger() as ledger:
        assert ledger.verify() > 0


def test_a_ledger_that_somebody_else_writes(volume: Path, tmp_path: Path) -> None:
    """Where one may not write the file is read as it is; what the owner adds is seen when it is opened anew."""
    workspace = small(volume / "home")
    seen = tmp_path / "seen"
    seen.mkdir()
    subprocess.run(["mount", "--bind", volume, seen], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", seen], check=True)
        ledger = Ledger.in_home(seen / "home")
        before = ledger.verify()
        assert not ledger.outdated
        workspace.submit(SOUTH, "south", project_lines("more"), report=CLEAN, checked_token=token(workspace))
        assert ledger.outdated
        ledger.close()
        ledger = Ledger.in_home(seen / "home")
        assert not ledger.outdated and ledger.verify() > before
        subprocess.run(["mount", "-o", "remount,bind,rw", seen], check=True)
        assert ledger.outdated
        ledger.close()
    finally:
        subprocess.run(["umount", "-l", seen], check=True)


@in_full
def test_no_room_for_the_first_load(volume: Path) -> None:
    heap = fill(volume)
    workspace = Workspace(Settings(home=volume / "home"))
    with pytest.raises(StorageFull, match="no room"):
        workspace.load()
    heap.unlink()
    workspace.load()
    workspace.check()
