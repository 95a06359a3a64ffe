"""A release of the vocabulary is written once, whole, and nobody changes it unseen."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import running
from v4graph import __version__, assets, portal, releases
from v4graph.errors import BadRequest
from v4graph.settings import Settings
from v4graph.web.app import create_app

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return releases.freeze(tmp_path_factory.mktemp("releases"))


def statements(path: Path, fmt: ox.RdfFormat) -> set[str]:
    return {str(quad) for quad in ox.parse(path.read_bytes(), fmt)}


def test_all_syntaxes_say_the_same(frozen: Path) -> None:
    assert frozen.name == releases.version()
    turtle = statements(frozen / "ontology.ttl", ox.RdfFormat.TURTLE)
    assert turtle == statements(assets.ONTOLOGY / "v4graph.ttl", ox.RdfFormat.TURTLE)
    assert turtle == statements(frozen / "ontology.rdf", ox.RdfFormat.RDF_XML)
    assert turtle == statements(frozen / "ontology.jsonld", ox.RdfFormat.JSON_LD)
    assert turtle == statements(frozen / "ontology.nt", ox.RdfFormat.N_TRIPLES)
    assert (frozen / "context.jsonld").read_bytes() == portal.CONTEXT.read_bytes()
    assert "scheme/sector/ict" in (frozen / "schemes.ttl").read_text("utf-8")
    assert "NodeShape" in (frozen / "shapes.ttl").read_text("utf-8")
    names = {line.split("  ")[1] for line in (frozen / "SHA256SUMS").read_text("utf-8").splitlines()}
    assert names == {path.name for path in frozen.iterdir()} - {"SHA256SUMS"}


def test_freezing_again_changes_nothing(frozen: Path) -> None:
    before = {path: path.read_bytes() for path in frozen.iterdir()}
    assert releases.freeze(frozen.parent) == frozen
    assert {path: path.read_bytes() for path in frozen.iterdir()} == before


def test_a_changed_release_is_noticed_and_never_overwritten(tmp_path: Path) -> None:
    folder = releases.freeze(tmp_path)
    assert releases.all_faults(tmp_path) == []
    with open(folder / "ontology.ttl", "a", encoding="utf-8") as file:
        file.write("# one more line\n")
    (folder / "extra.ttl").write_text("")
    (folder / "shapes.ttl").unlink()
    assert [re.split(r"[/ ]", fault)[1] for fault in releases.all_faults(tmp_path)] == [
        "extra.ttl", "ontology.ttl", "shapes.ttl",
    ]  # fmt: skip
    with pytest.raises(BadRequest, match="Raise owl:versionInfo"):
        releases.freeze(tmp_path)
    assert (folder / "ontology.ttl").read_text("utf-8").endswith("# one more line\n")


@pytest.mark.parametrize("name", ["..", "1.0", "../1.0.0", "9.9.9", ""])
def test_other_names_are_no_releases(frozen: Path, name: str) -> None:
    assert releases.folder_of(name, frozen.parent) is None
    assert releases.folder_of(frozen.name, frozen.parent) == frozen


def test_a_release_is_served_as_it_was_frozen(
    published_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "RELEASES", tmp_path)
    folder = releases.freeze(tmp_path)
    old = folder.rename(tmp_path / "0.0.1")
    with (
        running(create_app(Settings(home=published_home, readers=1))) as server,
        httpx.Client(base_url=server.url) as web,
    ):
        turtle = web.get("/ontology/0.0.1", headers={"accept": "text/turtle"})
        assert turtle.status_code == 200
        assert turtle.content == (old / "ontology.ttl").read_bytes()
        assert turtle.headers["content-location"] == "0.0.1.ttl"
        assert "immutable" in turtle.headers["cache-control"]
        for ending in ("ttl", "jsonld", "rdf", "nt"):
            answer = web.get(f"/ontology/0.0.1.{ending}")
            assert answer.content == (old / f"ontology.{ending}").read_bytes(), ending
        assert web.get("/ontology/0.0.1/shapes.ttl").content == (old / "shapes.ttl").read_bytes()
        assert web.get("/ontology/0.0.1/SHA256SUMS").text.count("\n") == len(list(old.iterdir())) - 1
        page = web.get("/ontology/0.0.1", headers={"accept": "text/html"})
        assert 'href="0.0.1/context.jsonld"' in page.text
        assert web.get("/ontology/0.0.1/..%2f..%2fv4graph.ttl").status_code == 404
        assert web.get("/ontology/0.0.1/no.ttl").status_code == 404
        assert web.get("/ontology/7.7.7").status_code == 404
        again = web.get(
            "/ontology/0.0.1.ttl", headers={"if-none-match": web.get("/ontology/0.0.1.ttl").headers["etag"]}
        )
        assert again.status_code == 304
        current = web.get(f"/ontology/{releases.version()}", headers={"accept": "text/turtle"})
        assert current.status_code == 200, "the version that is not frozen yet is the vocabulary itself"


def test_the_releases_of_this_checkout_are_as_they_were_frozen() -> None:
    assert releases.all_faults() == []


# --- how to cite --------------------------------------------------------------------------------------------------


def test_citation_file() -> None:
    """CFF 1.2.0: the required keys, no unknown ones, and the version is that of the package."""
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    keys = dict(re.findall(r"^([a-z-]+):[ ]*(.*)$", text, re.M))
    known = {
        "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
        "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
        "repository-code", "title", "type", "url", "version",
    }  # fmt: skip
    assert {"cff-version", "message", "title", "authors"} <= keys.keys() <= known
    assert keys["cff-version"] == "1.2.0"
    assert keys["type"] in ("software", "dataset")
    assert keys["version"] == __version__
    assert re.search(r"^authors:\n  - name: \S", text, re.M)
    assert keys["license"] == "Apache-2.0"
