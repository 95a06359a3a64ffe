"""The vocabulary as pages: terms with their names in six languages, schemes with the tree of their concepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import running
from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.concepts import grown
from v4graph.web.telling import Links

PAGES = {"accept": "text/html"}


@pytest.fixture(scope="module")
def web(published_home: Path) -> Iterator[httpx.Client]:
    with (
        running(create_app(Settings(home=published_home, readers=1))) as server,
        httpx.Client(base_url=server.url, timeout=30, headers=PAGES) as client,
    ):
        yield client


def test_each_term_stands_in_six_languages(web: httpx.Client) -> None:
    page = web.get("/ontology").text
    term = page[page.index('<div class="term" id="ClusterOrganisation">') :]
    term = term[: term.index("</div>")]
    for language, label in (
        ("en", "Cluster organisation"), ("cs", "Klastrová organizace"), ("sk", "Klastrová organizácia"),
        ("pl", "Organizacja klastrowa"), ("hu", "Klaszterszervezet"), ("de", "Clusterorganisation"),
    ):  # fmt: skip
        assert f'<span lang="{language}">{label}</span>' in term
    assert re.search(r"<h3>.*Klastrová organizace", web.get("/ontology?lang=cs").text)


def test_a_scheme_shows_its_concepts_as_a_tree(web: httpx.Client) -> None:
    page = web.get("/scheme/participation-role").text
    assert '<h2 id="concepts">Concepts</h2>' in page
    lead = page.index('href="../scheme/participation-role/lead-partner"')
    coordinator = page.index('href="../scheme/participation-role/coordinator"')
    assert "</li>" not in page[lead:coordinator], "the coordinator stands within the lead partner"
    assert page.count('href="../scheme/participation-role/coordinator"') == 1, "told once, in the tree"
    czech = web.get("/scheme/sector?lang=cs").text
    assert "ict" in czech
    assert '<span lang="de">' in czech


def test_a_tree_of_a_broken_scheme_ends() -> None:
    def row(concept: str, broader: str | None, name: str) -> dict[str, ox.NamedNode | ox.Literal]:
        above = {"broader": ox.NamedNode(f"urn:{broader}")} if broader else {}
        label, notation = ox.Literal(name, language="en"), ox.Literal(concept)
        return {"concept": ox.NamedNode(f"urn:{concept}"), "label": label, "notation": notation, **above}

    rows = [row("top", None, "Top"), row("a", "top", "A"), row("a", "b", "A"), row("b", "a", "B"), row("c", "no", "C")]
    found = grown(rows, Links("", Iris()), ("en",))
    assert [(b.notation, b.concept.text.text) for b in found] == [("c", "C"), ("top", "Top")]
    [a] = found[1].below
    assert [b.notation for b in a.below] == ["b"]
    assert a.below[0].below == ()
