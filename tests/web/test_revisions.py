"""The past over HTTP: revisions in every format, history, comparisons, blame, and things that are gone."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import Server, running
from v4graph import rdf
from v4graph.differences import read_patch
from v4graph.iris import Iris
from v4graph.ledger import Append
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.workspace import Workspace

IRIS = Iris()
SOURCE = "nca-projects"
GRAPH = IRIS.graph(SOURCE)
V4 = IRIS.thing("project", "v4clusters")
SKOS = "http://www.w3.org/2004/02/skos/core#"
OWL = "http://www.w3.org/2002/07/owl#"
DCTERMS = "http://purl.org/dc/terms/"
TYPE = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
END = f"<{IRIS.term('endDate')}>"
XSD = "http://www.w3.org/2001/XMLSchema#"
OLD, NEW, KEPT, ELSEWHERE = (IRIS.thing("project", x) for x in ("trial-old", "trial-new", "trial-kept", "trial-ended"))
FIRST = [
    f"<{OLD}> {TYPE} <{IRIS.term('Project')}> .",
    f'<{OLD}> <{SKOS}prefLabel> "The old one"@en .',
    f"<{KEPT}> {TYPE} <{IRIS.term('Project')}> .",
    f'<{KEPT}> <{SKOS}prefLabel> "Kept"@en .',
    f'<{KEPT}> {END} "2020-08"^^<{XSD}gYearMonth> .',
    f"<{NEW}> {TYPE} <{IRIS.term('Project')}> .",
    f'<{NEW}> <{SKOS}prefLabel> "The new one"@en .',
    f"<{ELSEWHERE}> {TYPE} <{IRIS.term('Project')}> .",
]
SECOND = [
    *FIRST[2:4],
    f'<{KEPT}> {END} "2020-08-31"^^<{XSD}date> .',
    f'<{OLD}> <{OWL}deprecated> "true"^^<{XSD}boolean> .',
    f"<{OLD}> <{DCTERMS}isReplacedBy> <{NEW}> .",
    *FIRST[5:7],
    f'<{ELSEWHERE}> <{SKOS}prefLabel> "Ended"@en .',
    f'<{ELSEWHERE}> <{OWL}deprecated> "true"^^<{XSD}boolean> .',
    f'<{ELSEWHERE}> <{SKOS}changeNote> "It was a duplicate."@en .',
    f'<{ELSEWHERE}> <{SKOS}changeNote> "Byla to zdvojenina."@cs .',
    f"<{ELSEWHERE}> <{DCTERMS}isReplacedBy> <http://example.org/elsewhere> .",
]
THIRD = SECOND[:5]
NOTE = "The register took it out."


def publish(workspace: Workspace, lines: list[str], actor: str, **detail: object) -> None:
    with workspace.writing() as ledger:
        current = ledger.current("revision", SOURCE)
        assert current is not None
        before = ledger.lines(current.content)
        [contribution] = ledger.append([Append("contribution", SOURCE, actor, lines)])
        told = {"contribution": contribution.number, "mode": "replacement", "checked_with": "f00d", **detail}
        kept = {"added": sorted(set(lines) - set(before)), "removed": sorted(set(before) - set(lines))}
        revision = (current.revision or 0) + 1
        ledger.append([Append("revision", SOURCE, actor, lines, revision, told, kept)])


@pytest.fixture(scope="module")
def server(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The packaged data, and three more revisions of a source."""
    home = tmp_path_factory.mktemp("revisions") / "home"
    shutil.copytree(published_home, home)
    workspace = Workspace(Settings(home=home))
    with workspace.ledger() as ledger:
        current = ledger.current("revision", SOURCE)
        assert current is not None
        lines = ledger.lines(current.content)
    publish(workspace, [*lines, *FIRST], "nca/7f3a")
    publish(workspace, [*lines, *SECOND], "nca/7f3a", note="The end was more exact.", reviewer="mesys/11")
    publish(workspace, [*lines, *THIRD], "nca/7f3a", note=NOTE)
    workspace.heal()
    with running(create_app(Settings(home=home, readers=2))) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as found:
        yield found


def lines_of(body: bytes, fmt: ox.RdfFormat) -> set[str]:
    return set(rdf.ntriples(ox.parse(body, fmt)))


@pytest.mark.parametrize("fmt", rdf.RDF_FORMATS, ids=lambda f: f.ending)
def test_a_revision_in_every_format_for_ever(client: httpx.Client, fmt: rdf.Format) -> None:
    plain = client.get(f"/graph/{SOURCE}/revision/2", headers={"Accept": "application/n-triples"})
    assert set(FIRST) <= set(plain.text.split("\n"))
    answer = client.get(f"/graph/{SOURCE}/revision/2", headers={"Accept": fmt.media_type})
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == fmt.media_type
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert lines_of(answer.content, rdf.rdf_format(fmt)) == set(plain.text.split("\n")) - {""}
    again = client.get(
        f"/graph/{SOURCE}/revision/2", headers={"Accept": fmt.media_type, "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304
    assert client.get(f"/graph/{SOURCE}/revision/2?format={fmt.ending}").content == answer.content
    if fmt in rdf.DATASET_FORMATS:
        graphs = {quad.graph_name.value for quad in ox.parse(answer.content, rdf.rdf_format(fmt))}
        assert graphs == {f"{GRAPH}/revision/2"}


def test_the_present_revision_is_the_graph(client: httpx.Client) -> None:
    accept = {"Accept": "application/n-triples"}
    now, revision = (client.get(f"/graph/{SOURCE}{end}", headers=accept) for end in ("", "/revision/4"))
    assert set(now.text.split("\n")) == set(revision.text.split("\n"))
    links = revision.headers["link"]
    assert '<3>; rel="predecessor-version"' in links
    assert '<4>; rel="latest-version"' in links
    assert "successor-version" not in links


def test_the_page_of_a_revision_says_who_when_why_and_what(client: httpx.Client) -> None:
    page = client.get(f"/graph/{SOURCE}/revision/3", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-cache"
    for words in ("The end was more exact.", "accepted by mesys", "revision 4", "<del>2020-08</del>", "Kept"):
        assert words in page.text
    assert "<ins>2020-08-31</ins>" in page.text
    assert "7f3a" not in page.text, "which token was used is nobody's business"


def test_what_is_not_there_is_404(client: httpx.Client) -> None:
    for path in ("/graph/nobody/revision/1", "/graph/nobody/history", "/graph/nobody/compare/0/1"):
        assert client.get(path).json()["type"].endswith("/unknown-graph"), path
    for path in (f"/graph/{SOURCE}/revision/99", f"/graph/{SOURCE}/compare/1/99", f"/graph/{SOURCE}/history?page=9"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (404, "unknown-revision"), path
    assert client.get(f"/graph/{SOURCE}/description/1").status_code in (200, 404)
    assert client.get(f"/graph/{SOURCE}/revision/1?format=nonsense").status_code == 406


def test_history(client: httpx.Client) -> None:
    told = client.get(f"/graph/{SOURCE}/history").json()
    assert told["revisions"] == 4
    assert [row["revision"] for row in told["history"]] == [4, 3, 2, 1]
    third = told["history"][1]
    assert (third["note"], third["actor"], third["reviewer"]) == ("The end was more exact.", "nca", "mesys")
    assert (third["added"], third["removed"], third["checkedWith"]) == (8, 4, "f00d")
    assert third["iri"] == f"{GRAPH}/revision/3"
    page = client.get(f"/graph/{SOURCE}/history", headers={"Accept": "text/html"}).text
    assert "compare/2/3" in page
    assert NOTE in page


def test_compare_in_words(client: httpx.Client) -> None:
    told = client.get(f"/graph/{SOURCE}/compare/2/3").json()
    assert "Kept: end 2020-08 → 2020-08-31" in told["words"]
    assert (told["added"], told["removed"]) == (8, 4)
    czech = client.get(f"/graph/{SOURCE}/compare/2/3?lang=cs").json()
    assert czech["words"] != told["words"]
    page = client.get(f"/graph/{SOURCE}/compare/2/3", headers={"Accept": "text/html"}).text
    assert "<del>2020-08</del> → <ins>2020-08-31</ins>" in page


def test_compare_as_patch_makes_the_one_of_the_other(client: httpx.Client) -> None:
    patch = client.get(f"/graph/{SOURCE}/compare/1/4", headers={"Accept": "application/rdf-patch"})
    assert patch.headers["content-type"] == "application/rdf-patch"
    assert "immutable" in patch.headers["cache-control"]
    added, removed = read_patch(patch.text, GRAPH)
    one, four = (set(client.get(f"/graph/{SOURCE}/revision/{n}?format=nt").text.split("\n")) - {""} for n in (1, 4))
    assert (one - set(removed)) | set(added) == four
    same = client.get(f"/graph/{SOURCE}/compare/4/4?format=patch").text
    assert read_patch(same, GRAPH) == ([], [])


def test_blame(client: httpx.Client) -> None:
    told = client.get("/blame", params={"iri": KEPT}).json()
    by_property = {s["property"]: s for s in told["statements"]}
    end = by_property[IRIS.term("endDate")]
    assert end["value"] == {"value": "2020-08-31", "datatype": f"{XSD}date"}
    said = end["said"]
    assert (said["source"], said["revision"], said["actor"]) == (GRAPH, f"{GRAPH}/revision/3", "nca")
    assert (said["note"], said["checkedWith"]) == ("The end was more exact.", "f00d")
    assert by_property[f"{SKOS}prefLabel"]["said"]["revision"] == f"{GRAPH}/revision/2"
    [one] = client.get("/blame", params={"iri": KEPT, "property": IRIS.term("endDate")}).json()["statements"]
    assert one == end
    former = client.get("/blame", params={"iri": KEPT, "property": IRIS.term("endDate"), "former": "1"}).json()
    [gone] = [s for s in former["statements"] if s["removed"]]
    assert (gone["value"]["value"], gone["removed"]["revision"]) == ("2020-08", f"{GRAPH}/revision/3")
    page = client.get("/blame", params={"iri": KEPT}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "2020-08-31" in page.text
    assert client.get("/blame", params={"iri": IRIS.thing("project", "nothing")}).status_code == 404
    assert client.get("/blame").status_code == 400
    assert client.get("/blame", params={"iri": "no iri"}).status_code == 400


@pytest.mark.parametrize("ending", ["", ".ttl", ".jsonld", ".nq", ".csv"])
def test_a_merged_thing_redirects(client: httpx.Client, ending: str) -> None:
    answer = client.get(f"/project/trial-old{ending}")
    assert answer.status_code == 301
    assert answer.headers["location"].endswith(f"project/trial-new{ending}")
    assert client.get("/id/project/trial-old").status_code == 301


@pytest.mark.parametrize("path", ["/project/trial-ended", "/id/project/trial-ended"])
def test_a_thing_that_was_taken_out_is_gone_with_who_and_why(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 410
    problem = answer.json()
    assert problem["reason"] == NOTE
    assert problem["source"] == GRAPH
    assert problem["revision"] == f"{GRAPH}/revision/4"
    assert problem["withdrawnBy"] == "nca"
    assert NOTE in problem["detail"]
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 410
    assert NOTE in page.text


@pytest.mark.parametrize("fmt", rdf.RDF_FORMATS, ids=lambda f: f.ending)
def test_a_thing_that_is_gone_says_so_in_every_format(client: httpx.Client, fmt: rdf.Format) -> None:
    by_accept = client.get("/project/trial-ended", headers={"Accept": fmt.media_type})
    by_ending = client.get(f"/project/trial-ended.{fmt.ending}")
    for answer in (by_accept, by_ending):
        assert answer.status_code == 410
        assert answer.headers["content-type"].split(";")[0] == fmt.media_type
        said = lines_of(answer.content, rdf.rdf_format(fmt))
        assert f'<{ELSEWHERE}> <{OWL}deprecated> "true"^^<{XSD}boolean> .' in said
        assert f'<{ELSEWHERE}> <{SKOS}changeNote> "{NOTE}" .' in said


def test_a_thing_that_never_was_is_404(client: httpx.Client) -> None:
    for accept in ("text/turtle", "application/json", "text/html"):
        assert client.get("/project/never-was", headers={"Accept": accept}).status_code == 404


def test_a_deprecated_thing_tells_reason_and_replacement(published_home: Path, tmp_path: Path) -> None:
    shutil.copytree(published_home, tmp_path / "home")
    workspace = Workspace(Settings(home=tmp_path / "home"))
    with workspace.ledger() as ledger:
        current = ledger.current("revision", SOURCE)
        lines = ledger.lines(current.content if current else None)
    publish(workspace, [*lines, *SECOND], "nca/7f3a")
    workspace.heal()
    app = create_app(Settings(home=tmp_path / "home", readers=1))
    with running(app) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        answer = client.get("/project/trial-ended", headers={"Accept-Language": "cs"})
        problem = answer.json()
        assert (answer.status_code, problem["reason"]) == (410, "Byla to zdvojenina.")
        assert problem["replacedBy"] == "http://example.org/elsewhere"
        assert (problem["revision"], problem["withdrawnBy"]) == (f"{GRAPH}/revision/2", "nca")
        turtle = client.get("/project/trial-ended.nt").text
        assert f"<{ELSEWHERE}> <{DCTERMS}isReplacedBy> <http://example.org/elsewhere> ." in turtle


def test_a_large_revision_is_quick(server: Server, client: httpx.Client) -> None:
    started = time.perf_counter()
    for path in (f"/graph/{SOURCE}/revision/1?format=ttl", f"/graph/{SOURCE}/compare/0/4", f"/blame?iri={V4}"):
        assert client.get(path).status_code == 200
    assert time.perf_counter() - started < 5
    assert json.loads(client.get(f"/graph/{SOURCE}/compare/0/4").content)["removed"] == 0
