"""Documents about things, from the packaged data through the real readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pyoxigraph as ox
import pytest

from v4graph import assets
from v4graph.entities import describe, select
from v4graph.errors import UnknownEntity
from v4graph.iris import Iris
from v4graph.sandbox.pool import Sandbox
from v4graph.settings import Settings
from v4graph.statements import PREF_LABEL, TYPE, Document
from v4graph.store.embedded import current
from v4graph.workspace import Workspace

IRIS = Iris()
SKOS = "http://www.w3.org/2004/02/skos/core#"


def reading(home: Path, work: Callable[[Sandbox], Coroutine[Any, Any, Any]]) -> Any:
    """What a piece of work finds in the current snapshot of a home."""

    async def run() -> Any:
        snapshot = current(home)
        assert snapshot is not None
        sandbox = Sandbox(Settings(home=home, readers=2))
        await sandbox.open(snapshot)
        try:
            return await work(sandbox)
        finally:
            await sandbox.close()

    return asyncio.run(run())


def documents(home: Path, *paths: str, **how: int) -> list[Document]:
    """The documents about things, by path below the base."""

    async def work(sandbox: Sandbox) -> list[Document]:
        return [await describe(sandbox, IRIS.base + path, IRIS, 20, **how) for path in paths]

    found: list[Document] = reading(home, work)
    return found


@pytest.fixture(scope="module")
def v4clusters(published_home: Path) -> Document:
    """The project whose start two sources date differently."""
    [found] = documents(published_home, "id/project/v4clusters")
    return found


def test_statements_name_their_sources(v4clusters: Document) -> None:
    [start] = [s for s in v4clusters.about if s.property == IRIS.term("startDate")]
    assert start.object.value == "2013-10"
    assert IRIS.graph("nca-projects") in start.sources
    assert IRIS.graph("gapr-v4clusters") not in start.sources
    assert not start.derived
    said_otherwise = [s for s in v4clusters.unresolved if s.property == start.property]
    [later] = [s for s in said_otherwise if s.object.value == "2013-11"]
    assert IRIS.graph("gapr-v4clusters") in later.sources


def test_derived_statements_are_marked(v4clusters: Document) -> None:
    lead = [s for s in v4clusters.about if s.property == IRIS.term("leadPartner")]
    assert [s.object.value for s in lead] == [IRIS.thing("organisation", "nca")]
    assert all(s.derived and s.sources == () for s in lead)


def test_disagreements_set_out_every_value_with_its_sources(v4clusters: Document) -> None:
    [start] = [d for d in v4clusters.disagreements if d.property == IRIS.term("startDate")]
    values = {c.value.value: set(c.sources) for c in start.claims}
    assert IRIS.graph("gapr-v4clusters") in values["2013-11"]
    assert IRIS.graph("nca-projects") in values["2013-10"]
    assert start.accepted is not None and start.accepted.value == "2013-10"
    assert start.rule.startswith(f"{IRIS.base}scheme/resolution-rule/")
    assert v4clusters.name(start.rule, ("cs",)) is not None


def test_participations_are_told_whole(v4clusters: Document) -> None:
    node = IRIS.thing("participation", "v4clusters-nca")
    told = {s.property: s.object.value for s in v4clusters.relations[node]}
    assert told[IRIS.term("participant")] == IRIS.thing("organisation", "nca")
    country = v4clusters.value_of(IRIS.thing("organisation", "nca"), IRIS.term("country"))
    assert country is not None and country.endswith("/CZE")
    name = v4clusters.name(country, ("cs", "en"))
    assert name is not None and (name.value, name.language) == ("Česko", "cs")


def test_names_fall_back_to_english_and_then_to_any(v4clusters: Document) -> None:
    for languages, expected in ((("hu",), "Befejezés"), (("xx", "en"), "End"), (("xx",), None)):
        found = v4clusters.name(IRIS.term("endDate"), languages)
        assert found is not None
        assert expected is None or found.value == expected


def test_other_names_keep_the_source_that_prefers_them(published_home: Path) -> None:
    [found] = documents(published_home, "id/project/clusterscord")
    others = [s for s in found.about if s.property == f"{SKOS}altLabel"]
    assert others
    assert all(s.sources for s in others), [s for s in others if not s.sources]


def test_triples_are_statements_of_the_resolved_view(published_home: Path, v4clusters: Document) -> None:
    snapshot = current(published_home)
    assert snapshot is not None
    store = ox.Store.read_only(str(snapshot.path))
    default = {q.triple for q in store.quads_for_pattern(None, None, None, ox.DefaultGraph())}
    described = ox.NamedNode(IRIS.disagreements)
    disputes = {q.triple for q in store.quads_for_pattern(None, None, None, described)}
    triples = v4clusters.triples(IRIS)
    assert set(triples) <= default | disputes
    assert len(triples) == len(set(triples))
    own = {q.triple for q in store.quads_for_pattern(ox.NamedNode(v4clusters.iri), None, None, ox.DefaultGraph())}
    assert own <= set(triples)
    incoming = {q.triple for q in store.quads_for_pattern(None, None, ox.NamedNode(v4clusters.iri), ox.DefaultGraph())}
    assert incoming <= set(triples)
    for quad in v4clusters.quads(IRIS):
        assert quad in store, quad


def test_the_document_of_the_vocabulary_holds_every_term(published_home: Path) -> None:
    [found] = documents(published_home, "ontology", size=1000)
    assert IRIS.term("Project") in found.relations
    assert IRIS.term("startDate") in found.relations
    assert not found.referring.more


def test_sources_revisions_and_disagreements_have_documents(published_home: Path, v4clusters: Document) -> None:
    dispute = v4clusters.disagreements[0].iri.removeprefix(IRIS.base)
    claim = v4clusters.disagreements[0].claims[0].iri.removeprefix(IRIS.base)
    source, revision, disagreement, told = documents(
        published_home, "graph/nca-projects", "graph/nca-projects/revision/1", dispute, claim
    )
    assert source.value_of(source.iri, IRIS.term("rank")) == IRIS.concept("source-rank", "b")
    assert revision.value_of(revision.iri, TYPE) == IRIS.term("Revision")
    assert disagreement.value_of(disagreement.iri, IRIS.term("disputedSubject")) == v4clusters.disagreements[0].subject
    assert told.values(told.iri, IRIS.term("claimObject"))


def test_unknown_things_and_what_is_no_iri(published_home: Path) -> None:
    async def work(sandbox: Sandbox) -> None:
        for path in ("id/project/nobody-said-so", "id/project/<x>", "id/project/a b", 'id/"', "id/{x}", "id/\\u0041|"):
            with pytest.raises(UnknownEntity):
                await describe(sandbox, IRIS.base + path, IRIS, 20)

    reading(published_home, work)


def test_referring_statements_come_in_pages(published_home: Path) -> None:
    path = "scheme/participation-role/partner"
    [whole] = documents(published_home, path, size=2000)
    assert whole.referring.total == len(whole.referring.statements) > 30
    seen: list[tuple[str, str]] = []
    page = 1
    while True:
        [part] = documents(published_home, path, page=page, size=20)
        assert part.referring.total == whole.referring.total
        seen += [(s.subject, s.property) for s in part.referring.statements]
        if not part.referring.more:
            break
        page += 1
    assert len(seen) == len(set(seen)) == whole.referring.total
    with pytest.raises(UnknownEntity):
        documents(published_home, path, page=page + 1, size=20)


def test_the_digest_is_of_the_content_alone(workspace: Workspace, tmp_path: Path) -> None:
    paths = ("id/project/v4clusters", "id/project/ketgate")
    before = documents(workspace.home, *paths)
    workspace.load([_with_another_acronym(tmp_path)])
    after = documents(workspace.home, *paths)
    assert before[0].token != after[0].token
    assert before[0].digest == after[0].digest
    assert before[1].digest != after[1].digest


def _with_another_acronym(folder: Path) -> Path:
    """The packaged data of one source, in which KETGATE has one more acronym."""
    text = (assets.DATA / "nca-projects.ttl").read_text(encoding="utf-8")
    changed = folder / "nca-projects.ttl"
    ketgate, acronym = IRIS.thing("project", "ketgate"), IRIS.term("acronym")
    changed.write_text(f'{text}\n<{ketgate}> <{acronym}> "KET gate" .\n', encoding="utf-8")
    return changed


def test_select_gives_terms(published_home: Path) -> None:
    async def work(sandbox: Sandbox) -> Any:
        return await select(sandbox, f"SELECT ?name ?none WHERE {{ <{IRIS.ontology}> ?p ?name }} LIMIT 1", 20)

    [row] = reading(published_home, work)
    assert set(row) == {"name"}
    assert PREF_LABEL.startswith(SKOS)
