"""A release of the vocabulary is written once, whole, and nobody changes it unseen."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import running
from v4graph import __version__, assets, checks, portal, releases
from v4graph.errors import BadRequest
from v4graph.iris import Iris
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


def test_what_a_release_had_must_stay(tmp_path: Path) -> None:
    iris = Iris()
    files = checks.vocabulary_files(iris)
    vocabulary = [t for name, triples in files.items() if checks._is_vocabulary(name) for t in triples]
    assert list(releases.regressions(vocabulary, iris, tmp_path)) == [], "no release yet"
    folder = releases.freeze(tmp_path)
    assert list(releases.regressions(vocabulary, iris, tmp_path)) == []
    project, wood = iris.term("Project"), iris.concept("sector", "wood")
    gone = [t for t in vocabulary if t.subject.value != wood]
    assert list(releases.regressions(gone, iris, tmp_path)) == [
        f"{wood} was in release {folder.name}; take it back, with owl:deprecated true and dcterms:isReplacedBy"
    ]
    mute = [t for t in vocabulary if t.subject.value != project or getattr(t.object, "language", None) != "hu"]
    [fault] = releases.regressions(mute, iris, tmp_path)
    assert fault.startswith(f"{project} had a ") and "label@hu" in fault
    renumbered = [t for t in vocabulary if not (t.subject.value == wood and t.predicate.value.endswith("notation"))]
    assert len(list(releases.regressions(renumbered, iris, tmp_path))) == 1
    # The newest counts, by number and not by letter.
    (tmp_path / "0.9.0").mkdir()
    (tmp_path / "10.0.0").mkdir()
    for name in ("ontology.ttl", "schemes.ttl"):
        (tmp_path / "10.0.0" / name).write_text("<urn:x> <urn:y> <urn:z> .")
    assert [fault.split()[0] for fault in releases.regressions(vocabulary, iris, tmp_path)] == ["urn:x"]


def test_release_1_0_0_is_frozen_and_served(published_home: Path) -> None:
    """The address in ``owl:versionIRI`` gives the same statements today and later."""
    folder = releases.folder_of("1.0.0")
    assert folder is not None
    with (
        running(create_app(Settings(home=published_home, readers=1))) as server,
        httpx.Client(base_url=server.url) as web,
    ):
        for accept, ending in (
            ("text/turtle", "ttl"), ("application/ld+json", "jsonld"), ("application/rdf+xml", "rdf"),
            ("application/n-triples", "nt"),
        ):  # fmt: skip
            answer = web.get("/ontology/1.0.0", headers={"accept": accept})
            assert answer.status_code == 200
            assert answer.headers["content-type"].split(";")[0] == accept
            assert answer.headers["content-location"] == f"1.0.0.{ending}"
            assert answer.content == (folder / f"ontology.{ending}").read_bytes()
        page = web.get("/ontology/1.0.0", headers={"accept": "text/html"})
        assert "frozen" in page.text and 'href="1.0.0/SHA256SUMS"' in page.text
        assert 'href="ontology/1.0.0"' in web.get("/ontology", headers={"accept": "text/html"}).text
    said = {(t.predicate.value, t.object.value) for t in ox.parse(path=str(folder / "ontology.ttl"))}
    assert ("http://www.w3.org/2002/07/owl#versionIRI", "https://w3id.org/v4graph/ontology/1.0.0") in said


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
