"""Dumps are the store, byte for byte; whoever fetches them can go on after a break and see that all arrived."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import SMALL, Server, publish, running
from v4graph import dumps
from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.web import catalogue
from v4graph.web.app import create_app
from v4graph.workspace import Workspace

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


@pytest.fixture(scope="module")
def home(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged data, with a folder of its own for dumps."""
    home = tmp_path_factory.mktemp("dumps") / "home"
    home.mkdir()
    (home / "store").symlink_to(published_home / "store")
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with running(create_app(Settings(home=home, readers=1))) as server:
        yield server


def listed(web: httpx.Client) -> dict[str, dict[str, str]]:
    answer = web.get("/dumps/", headers={"accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return {file["name"]: file for file in answer.json()["files"]}


def lines(body: bytes) -> list[str]:
    return gzip.decompress(body).decode().splitlines()


def test_the_whole_dump_is_the_store(web: httpx.Client, published: Workspace) -> None:
    quads = published.quads()
    assert lines(web.get("/dumps/v4graph.nq.gz").content) == quads
    trig = gzip.decompress(web.get("/dumps/v4graph.trig.gz").content)
    assert sorted(str(q) + " ." for q in ox.parse(trig, ox.RdfFormat.TRIG)) == sorted(
        str(q) + " ." for q in ox.parse("\n".join(quads).encode(), ox.RdfFormat.N_QUADS)
    )
    assert listed(web)["v4graph.nq.gz"]["statements"] == len(quads)


def test_each_source_has_its_file(web: httpx.Client, published: Workspace) -> None:
    files = listed(web)
    graphs = {line.rsplit("> <", 1)[-1].rstrip("> .") for line in published.quads() if "/graph/" in line[-80:]}
    assert {f"{graph.rpartition('/')[2]}.nt.gz" for graph in graphs} <= set(files)
    found = lines(web.get("/dumps/gapr-v4clusters.nt.gz").content)
    store = ox.Store.read_only(str(current(published.home).path))  # type: ignore[union-attr]
    graph = ox.NamedNode(Iris().graph("gapr-v4clusters"))
    assert len(found) == sum(1 for _ in store.quads_for_pattern(None, None, None, graph)) > 10
    assert found == sorted(found)


def test_checksums_are_right(web: httpx.Client, home: Path) -> None:
    sums = web.get("/dumps/SHA256SUMS").text
    files = listed(web)
    for name, file in sorted(files.items())[::40]:
        body = web.get(f"/dumps/{name}").content
        assert hashlib.sha256(body).hexdigest() == file["sha256"], name
        assert len(body) == file["bytes"]
        assert f"{file['sha256']}  {name}\n" in sums
    assert sums.count("\n") == len(files)
    folder = dumps.folder_of(home, current(home).token)  # type: ignore[union-attr]
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


def test_a_broken_download_goes_on(web: httpx.Client) -> None:
    whole = web.get("/dumps/v4graph.nq.gz")
    assert whole.headers["content-type"] == "application/gzip"
    assert whole.headers["content-length"] == str(len(whole.content))
    assert "content-encoding" not in whole.headers
    tag = whole.headers["etag"]
    rest = web.get("/dumps/v4graph.nq.gz", headers={"range": "bytes=1000-", "if-range": tag})
    assert rest.status_code == 206
    assert rest.headers["content-range"].startswith("bytes 1000-")
    assert whole.content[:1000] + rest.content == whole.content
    assert web.get("/dumps/v4graph.nq.gz", headers={"if-none-match": tag}).status_code == 304
    assert web.head("/dumps/v4graph.nq.gz").headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize("name", ["no-such.nt.gz", "index.json", "..%2f..%2fledger.sqlite", "%2fetc%2fpasswd"])
def test_nothing_else_is_handed_out(web: httpx.Client, name: str) -> None:
    assert web.get(f"/dumps/{name}").status_code == 404


def test_the_page_lists_them(web: httpx.Client) -> None:
    page = web.get("/dumps/", headers={"accept": "text/html"}).text
    assert 'href="v4graph.trig.gz"' in page
    assert listed(web)["v4graph.nq.gz"]["sha256"][:16] in page


def test_two_instances_of_the_same_data_give_the_same_bytes(published: Workspace, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar.gz"
    published.backup(archive)
    other = Workspace(Settings(home=tmp_path / "other"))
    other.restore(archive)
    first, second = current(published.home), current(other.home)
    assert first is not None
    assert second is not None
    made = [dumps.make(first, tmp_path / "a", Iris()), dumps.make(second, tmp_path / "b", Iris())]
    names = sorted(path.name for path in made[0].iterdir() if path.name != dumps.INDEX)
    assert names == sorted(path.name for path in made[1].iterdir() if path.name != dumps.INDEX)
    for name in names:
        assert (made[0] / name).read_bytes() == (made[1] / name).read_bytes(), name


def test_sorting_needs_little_memory_and_drops_what_is_said_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumps, "RUN", 3)
    lines = (b"%d\n" % (n * 7 % 10) for n in range(25))
    assert list(dumps._sorted(lines, tmp_path)) == [b"%d\n" % n for n in range(10)]


@pytest.mark.parametrize(
    "value",
    ["<urn:o>", "_:b0", '"a"', '"say \\"<x> <y> .\\" "', '"a b"@en', '"1"^^<urn:integer>', '""', '"a <b> ."@cs'],
)
def test_a_quad_is_taken_apart_at_its_graph(value: str) -> None:
    assert dumps._graph_first(f"<urn:s> <urn:p> {value} .\n".encode()) == f"\0<urn:s> <urn:p> {value} .\n".encode()
    quad = f"<urn:s> <urn:p> {value} <urn:g> .\n".encode()
    assert dumps._graph_first(quad) == f"<urn:g>\0<urn:s> <urn:p> {value} .\n".encode()


def test_a_new_snapshot_replaces_the_files_and_nothing_is_left_half_written(tmp_path: Path) -> None:
    publish(tmp_path, SMALL)
    half = tmp_path / "dumps" / ".new-interrupted"
    half.mkdir(parents=True)
    with running(create_app(Settings(home=tmp_path, readers=1))) as server, httpx.Client(base_url=server.url) as web:
        before = web.get("/dumps/v4graph.nq.gz", timeout=60)
        assert len(lines(before.content)) == 7
        publish(tmp_path, SMALL + "<urn:a> <urn:b> <urn:c> .", token="second")
        while server.app.state.sandbox.snapshot.token != "second":
            web.get("/health")
        after = web.get("/dumps/v4graph.nq.gz", timeout=60)
        assert len(lines(after.content)) == 8
        assert after.headers["etag"] != before.headers["etag"]
        folders = [path.name for path in (tmp_path / "dumps").iterdir() if not path.name.startswith(".")]
        assert folders == [dumps.folder_of(tmp_path, "second").name]


def test_scratch_has_none(scratch: Server) -> None:
    assert httpx.get(f"{scratch.url}/dumps/").status_code == 404


# --- the map of the site ------------------------------------------------------------------------------------------


def test_robots_find_every_page(web: httpx.Client, server: Server) -> None:
    robots = web.get("/robots.txt").text
    assert f"Sitemap: {server.url}/sitemap.xml" in robots
    tree = ET.fromstring(web.get("/sitemap.xml").content)
    addresses = [loc.text or "" for loc in tree.iter(f"{SITEMAP}loc")]
    assert len(addresses) == len(set(addresses)) > 200
    paths = {address.removeprefix(f"{server.url}/") for address in addresses}
    assert {"", "sources", "project/ketgate", "scheme/sector", "scheme/sector/ict", "graph/nca-projects"} <= paths
    assert {"clusters", "map", "country", "country/svk", "region/sk021"} <= paths
    areas = sorted(path for path in paths if path.startswith(("country/", "region/")))
    assert len(areas) == len({path.lower() for path in areas}) > 30
    for path in areas[::25]:
        assert web.get(f"/{path}", headers={"accept": "text/html"}).status_code == 200, path
    for path in sorted(paths)[::40]:
        assert web.get(f"/{path}", headers={"accept": "text/html"}).status_code == 200, path


def test_a_large_site_has_several_maps(web: httpx.Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {loc.text for loc in ET.fromstring(web.get("/sitemap.xml").content).iter(f"{SITEMAP}loc")}
    monkeypatch.setattr(catalogue, "SITEMAP_SIZE", 100)
    tree = ET.fromstring(web.get("/sitemap.xml").content)
    assert tree.tag == f"{SITEMAP}sitemapindex"
    found: set[str | None] = set()
    for part in tree.iter(f"{SITEMAP}loc"):
        some = [loc.text for loc in ET.fromstring(httpx.get(part.text or "").content).iter(f"{SITEMAP}loc")]
        assert len(some) <= 100
        found.update(some)
    assert found == whole
    assert web.get("/sitemap-9999.xml").status_code == 404
