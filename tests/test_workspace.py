"""Publishing for real: the packaged data, corrections, refusals, rollback, backup."""

from __future__ import annotations

import io
import re
import sqlite3
import tarfile
from pathlib import Path

import pyoxigraph as ox
import pytest

from v4graph import assets
from v4graph.actors import COMMAND_LINE
from v4graph.errors import BadRequest, InvalidContribution, LedgerBroken, MalformedData, StoreError, UnknownGraph
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

PREFIXES = """
PREFIX v4: <https://w3id.org/v4graph/ontology#>
PREFIX project: <https://w3id.org/v4graph/id/project/>
PREFIX organisation: <https://w3id.org/v4graph/id/organisation/>
PREFIX status: <https://w3id.org/v4graph/scheme/project-status/>
PREFIX rule: <https://w3id.org/v4graph/scheme/resolution-rule/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""


def ask(workspace: Workspace, pattern: str) -> list[tuple[str, ...]]:
    snapshot = current(workspace.home)
    assert snapshot is not None
    solutions = ox.Store.read_only(str(snapshot.path)).query(PREFIXES + pattern)
    return sorted(tuple(term.value if term else "" for term in row) for row in solutions)  # type: ignore[union-attr]


def test_start_of_v4clusters(published: Workspace) -> None:
    assert ask(published, "SELECT ?d { project:v4clusters v4:startDate ?d }") == [("2013-10",)]
    said = dict(ask(published, "SELECT ?g ?d { GRAPH ?g { project:v4clusters v4:startDate ?d } }"))
    graph = published.iris.graph
    assert said[graph("gapr-v4clusters")] == "2013-11"
    assert said[graph("nca-projects")] == "2013-10"
    explained = ask(
        published,
        """SELECT ?value ?graph ?accepted ?rule { GRAPH <https://w3id.org/v4graph/graph/disagreements> {
        ?d v4:disputedSubject project:v4clusters ; v4:disputedProperty v4:startDate ;
          v4:accepted ?accepted ; v4:ruleApplied ?rule ; v4:claim [ v4:claimObject ?value ; v4:inGraph ?graph ] } }""",
    )
    assert ("2013-11", graph("gapr-v4clusters"), "2013-10", published.iris.concept("resolution-rule", "best-rank")) in (
        explained
    )
    assert any(row[:2] == ("2013-10", graph("nca-projects")) for row in explained)


def test_clusterscord_shows_both_partners_and_both_counts(published: Workspace) -> None:
    involved = {name for (name,) in ask(published, "SELECT ?o { project:clusterscord v4:involves ?o }")}
    assert {published.iris.thing("organisation", slug) for slug in ("bsc-kranj", "rda-celje")} <= involved
    assert len(involved) == 11
    counts = ask(published, "SELECT ?n ?g { GRAPH ?g { project:clusterscord v4:declaredMetaClusterCount ?n } }")
    assert {n for n, _ in counts if _ == published.iris.graph("dex-ic-clusterscord")} == {"4", "5"}
    assert ask(published, "SELECT ?n { project:clusterscord v4:declaredMetaClusterCount ?n }") == []
    assert ask(
        published,
        """SELECT ?n ?g { GRAPH <https://w3id.org/v4graph/graph/disagreements> {
        ?d v4:disputedSubject project:clusterscord ; v4:disputedProperty v4:declaredMetaClusterCount ;
           v4:ruleApplied rule:undecided ; v4:claim [ v4:claimObject ?n ; v4:inGraph ?g ] } }""",
    ) == [("4", published.iris.graph("dex-ic-clusterscord")), ("5", published.iris.graph("dex-ic-clusterscord"))]


def test_ketgate_is_closed_although_its_source_lists_it_as_current(published: Workspace) -> None:
    status = published.iris.concept
    assert ask(published, "SELECT ?s { project:ketgate v4:projectStatus ?s }") == [
        (status("project-status", "closed"),)
    ]
    said = ask(
        published,
        "SELECT ?s { GRAPH <https://w3id.org/v4graph/graph/nca-projects> { project:ketgate v4:statedStatus ?s } }",
    )
    assert said == [(status("project-status", "ongoing"),)]


def test_loading_again_makes_no_revision(workspace: Workspace) -> None:
    before = current(workspace.home)
    again = workspace.load()
    assert {p.revision for p in again.published} == {None}
    assert again.snapshot == before


def test_a_corrected_document_is_a_new_revision(workspace: Workspace, tmp_path: Path) -> None:
    document = tmp_path / "gapr-v4clusters.ttl"
    text = (assets.DATA / document.name).read_text(encoding="utf-8")
    document.write_text(text.replace('"2013-11"^^xsd:gYearMonth', '"2013-10"^^xsd:gYearMonth'), encoding="utf-8")
    [published] = workspace.load([document]).published
    assert (published.source, published.revision, published.added, published.removed) == ("gapr-v4clusters", 2, 1, 1)
    gone = "ASK { GRAPH ?g { ?d v4:disputedSubject project:v4clusters ; v4:disputedProperty v4:startDate } }"
    snapshot = current(workspace.home)
    assert snapshot is not None
    assert not bool(ox.Store.read_only(str(snapshot.path)).query(PREFIXES + gone))
    workspace.check()
    workspace.roll_back(COMMAND_LINE, "gapr-v4clusters", 1, "the page says otherwise")
    assert bool(ox.Store.read_only(str(current(workspace.home).path)).query(PREFIXES + gone))  # type: ignore[union-attr]
    workspace.check()


def test_rebuild_gives_the_same_store(workspace: Workspace) -> None:
    before = workspace.hash()
    workspace.rebuild()
    assert workspace.hash() == before


def test_backup_and_restore_give_the_same_store(workspace: Workspace, tmp_path: Path) -> None:
    archive = tmp_path / "v4graph.tar.gz"
    workspace.withdraw(COMMAND_LINE, "geonames", "no longer needed")
    workspace.backup(archive)
    other = Workspace(Settings(home=tmp_path / "empty"))
    other.restore(archive)
    assert other.hash() == workspace.hash()
    other.check()
    with pytest.raises(BadRequest, match="holds a ledger already"):
        other.restore(archive)


def _packed(path: Path, name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", link: str = "") -> None:
    with tarfile.open(path, "w:gz") as archive:
        told = tarfile.TarInfo(name)
        told.type, told.size, told.linkname = kind, len(content), link
        archive.addfile(told, io.BytesIO(content))


@pytest.mark.parametrize("what", ["nothing", "other", "cut", "damaged", "folder", "link", "no ledger"])
def test_restore_refuses_what_is_no_backup(workspace: Workspace, tmp_path: Path, what: str) -> None:
    """And leaves nothing behind."""
    archive, home = tmp_path / "x.tar.gz", tmp_path / "empty"
    if what in ("cut", "damaged"):
        workspace.backup(archive)
        whole = archive.read_bytes()
        half = len(whole) // 2
        archive.write_bytes(whole[:half] if what == "cut" else whole[:half] + bytes(2000) + whole[half + 2000 :])
    elif what == "nothing":
        archive.write_bytes(b"nothing")
    elif what == "folder":
        _packed(archive, "ledger.sqlite", tarfile.DIRTYPE)
    elif what == "link":
        _packed(archive, "ledger.sqlite", tarfile.SYMTYPE, link="/etc/passwd")
    else:
        _packed(archive, "ledger.sqlite" if what == "no ledger" else "other", content=b"text" * 2000)
    with pytest.raises(BadRequest, match=r"no backup|the ledger in it is not sound"):
        Workspace(Settings(home=home)).restore(archive)
    assert not [path for path in home.rglob("*") if path.is_file()]


def test_a_malformed_file_says_where_and_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    before = workspace.hash(), workspace.home.joinpath("ledger.sqlite").stat().st_mtime
    bad = tmp_path / "nca-projects.ttl"
    bad.write_text("@prefix v4: <https://w3id.org/v4graph/ontology#> .\nv4:x v4:y\n  [ .\n", encoding="utf-8")
    with pytest.raises(MalformedData, match=r"nca-projects\.ttl, line 3, column \d+"):
        workspace.load([bad])
    assert (workspace.hash(), workspace.home.joinpath("ledger.sqlite").stat().st_mtime) == before


def test_a_violation_is_refused_and_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    before = workspace.hash()
    bad = tmp_path / "nca-projects.ttl"
    bad.write_text(
        """@prefix v4: <https://w3id.org/v4graph/ontology#> .
        <https://w3id.org/v4graph/id/project/ketgate> a v4:Project ;
            v4:leadPartner <https://w3id.org/v4graph/id/organisation/nca> .""",
        encoding="utf-8",
    )
    with pytest.raises(InvalidContribution) as refused:
        workspace.load([bad])
    assert refused.value.extras["report"].blocks
    assert workspace.hash() == before


def test_an_unknown_source_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    new = tmp_path / "nobody.ttl"
    new.write_text(
        "<https://w3id.org/v4graph/id/place/x> a <https://w3id.org/v4graph/ontology#Place> ; "
        '<http://www.w3.org/2004/02/skos/core#prefLabel> "X"@en .',
        encoding="utf-8",
    )
    with pytest.raises(UnknownGraph, match="nobody"):
        workspace.load([new])


def test_check_notices_a_changed_ledger(workspace: Workspace) -> None:
    with sqlite3.connect(workspace.home / "ledger.sqlite") as db:
        db.execute("UPDATE entry SET actor = 'somebody' WHERE number = 5")
    db.close()
    with pytest.raises(LedgerBroken, match="Entry 5"):
        workspace.check()


def test_check_notices_a_changed_store(workspace: Workspace) -> None:
    snapshot = current(workspace.home)
    assert snapshot is not None
    store = ox.Store(str(snapshot.path))
    store.update("INSERT DATA { <http://example.org/a> <http://example.org/b> 1 }")
    store.flush()
    del store
    with pytest.raises(StoreError, match="not what the ledger says"):
        workspace.check()


def test_every_statement_of_the_resolved_view_is_said_by_a_source_or_derived(published: Workspace) -> None:
    unsaid = ask(
        published,
        """SELECT ?s ?p ?o { ?s ?p ?o
        FILTER NOT EXISTS { GRAPH ?g { ?s ?p ?o } }
        FILTER NOT EXISTS { GRAPH ?h { ?s skos:prefLabel ?o } FILTER(?p = skos:altLabel) }
        FILTER NOT EXISTS { GRAPH <https://w3id.org/v4graph/graph/disagreements> {
            ?d v4:disputedSubject ?s ; v4:disputedProperty ?p ; v4:accepted ?o } } }""",
    )
    assert unsaid == []


def test_another_base_gives_the_same_graph_elsewhere(tmp_path: Path, published: Workspace) -> None:
    base = "http://graph.example/"
    moved = Workspace(Settings(home=tmp_path / "home", base_iri=base))
    moved.load()
    assert _placeless(moved) == _placeless(published)


def _placeless(workspace: Workspace) -> list[str]:
    """The quads without what depends on the moment, on the base, and on hashes of it."""
    dated = re.compile("generatedAtTime|endedAtTime|ledgerHash|rulesHash")
    hashed = re.compile(r"id/(disagreement|claim)/[0-9a-f]+")
    lines = (line for line in workspace.quads() if not dated.search(line))
    return sorted(hashed.sub("id/", line.replace(workspace.iris.base, "http://base/")) for line in lines)
