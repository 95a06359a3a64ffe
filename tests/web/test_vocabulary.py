"""The vocabulary as pages: terms in six languages and as a drawing, schemes as trees, and a search in both."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import running
from v4graph import assets
from v4graph.folding import fold
from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.web import built
from v4graph.web.app import create_app
from v4graph.web.concepts import grown, matching
from v4graph.web.telling import Links
from v4graph.web.terms import found

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


def test_every_scheme_is_listed_and_has_a_page(web: httpx.Client) -> None:
    page = web.get("/ontology").text
    part = page[page.index('<h2 id="schemes">') :]
    listed = set(re.findall(r'href="scheme/([a-z0-9-]+)"', part[: part.index("</section>")]))
    files = {path.stem for path in (assets.ONTOLOGY / "schemes").glob("*.ttl")}
    assert listed == files - {"country", "currency", "language", "nuts", "nace"}, "the others have addresses of the EU"
    for name in sorted(listed):
        answer = web.get(f"/scheme/{name}")
        assert answer.status_code == 200
        assert '<ul class="tree">' in answer.text and 'class="find"' in answer.text, name


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


# --- the search ---------------------------------------------------------------------------------------------------


def terms_on(page: str) -> list[str]:
    return re.findall(r'<div class="term" id="([^"]+)">', page)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("klastrova organizace", "ClusterOrganisation"),
        ("KLASZTERSZERVEZET", "ClusterOrganisation"),
        ("organizacja klastrowa", "ClusterOrganisation"),
        ("współpracuje", "cooperatesWith"),
        ("wspolpracuje", "cooperatesWith"),
        ("clusterpartnerschaft", "ClusterPartnership"),
        ("economic phenomenon", "Cluster"),
        ("coParticipatedWith", "coParticipatedWith"),
    ],
)
def test_a_term_is_found_in_any_language_with_or_without_diacritics(web: httpx.Client, asked: str, first: str) -> None:
    page = web.get("/ontology", params={"q": asked}).text
    shown = terms_on(page)
    assert first in shown and len(shown) < 10, shown
    assert f'value="{asked}"' in page
    assert f"{len(shown)} term" in re.search(r'<p class="found".*', page)[0]  # type: ignore[index]
    assert "<svg viewBox" not in page[page.index("<main") :], "the drawing would hide what was found"


def test_what_is_not_there_is_not_found_and_markup_stays_text(web: httpx.Client) -> None:
    page = web.get("/ontology", params={"q": '<script>alert("1")</script>'})
    assert page.status_code == 200
    assert terms_on(page.text) == []
    assert "No term has “&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert len(terms_on(web.get("/ontology", params={"q": "  "}).text)) > 200, "no words: everything"


def test_the_search_is_a_form_that_needs_no_script(web: httpx.Client) -> None:
    for path in ("/ontology?lang=cs", "/scheme/sector?lang=cs"):
        page = web.get(path).text
        form = re.search(r'<form class="find".*?</form>', page, re.S)
        assert form is not None
        assert 'method="get"' in form[0] and 'role="search"' in form[0] and '<label for="q">' in form[0]
        assert '<input type="hidden" name="lang" value="cs">' in form[0]
    assert 'class="find"' not in web.get("/project/v4clusters").text


def test_a_search_is_of_the_page_only(web: httpx.Client) -> None:
    """Data are the same whatever is looked for, and each search has a tag of its own."""
    data = [web.get("/scheme/sector.ttl", params=p) for p in ({}, {"q": "wood"})]
    assert data[0].content == data[1].content and data[0].status_code == 200
    tags = {web.get("/scheme/sector", params={"q": q}).headers["etag"] for q in ("", "wood", "food")}
    assert len(tags) == 3


@pytest.mark.parametrize(
    ("scheme", "asked", "shown", "hidden"),
    [
        ("sector", "strojirenstvi", "machinery", "tourism"),
        ("sector", "Holz", "wood", "health"),
        ("contribution-state", "gives a reason", None, None),
        ("contribution-state", "gave a reason", "declined", "pending"),
        ("participation-role", "coordinator", "coordinator", "partner"),
    ],
)
def test_concepts_are_found_with_what_they_lie_below(
    web: httpx.Client, scheme: str, asked: str, shown: str | None, hidden: str | None
) -> None:
    page = web.get(f"/scheme/{scheme}", params={"q": asked}).text
    there = set(re.findall(rf'href="\.\./scheme/{scheme}/([a-z-]+)"', page))
    if shown is None:
        assert not there and "No concept of this scheme has" in page
        return
    assert shown in there and hidden not in there
    if shown in ("machinery", "coordinator"):
        assert {"machinery": "production-technologies", "coordinator": "lead-partner"}[shown] in there


def test_rows_of_concepts_are_matched() -> None:
    def row(concept: str, **more: str) -> dict[str, ox.NamedNode | ox.Literal]:
        terms = {n: ox.NamedNode(v) if n == "broader" else ox.Literal(v) for n, v in more.items()}
        return {"concept": ox.NamedNode(concept), **terms}

    rows = [row("urn:a", label="Wood"), row("urn:b", label="Pulp", broader="urn:a"), row("urn:c", label="Food")]
    told = [row("urn:c", text="What people eat."), row("urn:b", text="Fibres of trees.")]
    assert [r["concept"].value for r in matching(rows, told, "trees")] == ["urn:a", "urn:b"]
    assert [r["concept"].value for r in matching(rows, told, "EAT people")] == ["urn:c"]
    assert matching(rows, told, "stone") == []


def test_texts_are_folded() -> None:
    assert fold("Łódź, Győr, Žilina, Straße, Plzeň") == "lodz, gyor, zilina, strasse, plzen"
    assert found("lodz zilina", ["Žilina", "Łódź"])
    assert not found("lodz praha", ["Žilina", "Łódź"])
    assert found("", ["x"])


# --- the drawing --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawing(web: httpx.Client) -> ET.Element:
    page = web.get("/ontology").text
    start = page.index("<svg", page.index("<figure"))
    return ET.fromstring(page[start : page.index("</svg>", start) + len("</svg>")])


def test_every_class_stands_in_the_drawing_once(web: httpx.Client, drawing: ET.Element) -> None:
    page = web.get("/ontology").text
    classes = page[page.index('id="classes-list"') : page.index('id="properties-list"')]
    links = [a.get("href", "") for g in drawing.iter("g") for a in g.iter("a")]
    heads = [links_.get("href", "") for g in drawing.iter("g") for links_ in list(g.iter("a"))[:1]]
    assert len(heads) == len(set(heads)) > 25
    concepts = {"MergePolicy"}  # of the vocabulary itself, not of things
    assert {name for name in terms_on(classes) if f"#{name}" not in links} <= concepts
    assert all(link[1:] in terms_on(page) for link in links)


def test_every_relation_is_drawn_or_written_in_a_box_and_told_in_words(web: httpx.Client, drawing: ET.Element) -> None:
    """The words have all that the vocabulary says; the picture leaves out nothing that fits no box."""
    page = web.get("/ontology").text
    words = page[page.index("<summary>The same in words") : page.index("</details>")]
    told = {tuple(re.sub(r"<[^>]+>", "", item).split(" → ")) for item in re.findall(r"<li>(.*?)</li>", words)}
    assert ("Project participation participant", "Organisation") in told
    assert ("Project participation project", "Project") in told
    labels = " ".join(text.text or "" for text in drawing.iter("text"))
    properties = set(re.findall(r'<a href="#([a-z]\w+)"><code>', words))
    facets = {"Sector", "Key technology", "Place", "Life-cycle stage", "Benchmark indicator"}
    lines = {tuple(re.findall(r'href="#([a-z]\w+)"', i)) for i in re.findall(r"<li>(.*?)</li>", words)
             if i.rpartition(" → ")[2] not in facets}  # fmt: skip
    missing = {name for line in lines for name in line if not re.search(rf"\b{name}\b", labels)}
    assert missing == set(), "move these classes in ontology/diagram.tsv so that lines can be drawn between them"
    assert {"leadPartner", "partOfProgramme", "manages", "inSector"} <= properties


def test_the_drawing_is_legible(drawing: ET.Element) -> None:
    """Boxes do not overlap, lines are inside, nothing is written over the edge of its box."""
    width, height = map(float, drawing.get("viewBox", "").split()[2:])
    boxes = []
    for g in drawing.iter("g"):
        x, y = map(float, re.findall(r"[\d.]+", g.get("transform", "")))
        rect = next(g.iter("rect"))
        boxes.append((x, y, x + float(rect.get("width", 0)), y + float(rect.get("height", 0))))
        for text in g.iter("text"):
            assert float(text.get("y", 0)) <= float(rect.get("height", 0)) - 6
            room = float(rect.get("width", 0)) - 24
            letter = 6.7 if "name" not in text.get("class", "") else 7.3 if "small" in text.get("class", "") else 8.7
            assert text.get("textLength") == str(int(room)) or len(text.text or "") * letter <= room + letter
    assert all(0 <= a <= c <= width and 0 <= b <= d <= height for a, b, c, d in boxes)
    apart = [p[2] <= q[0] or q[2] <= p[0] or p[3] <= q[1] or q[3] <= p[1] for p, q in combinations(boxes, 2)]
    assert all(apart)
    assert len(list(drawing.iter("path"))) > 30


def test_the_drawing_says_what_it_is_and_takes_the_colours_of_the_page(web: httpx.Client, drawing: ET.Element) -> None:
    ids = (drawing.get("aria-labelledby") or "").split()
    assert [next(e for e in drawing.iter() if e.get("id") == i).tag for i in ids] == ["title", "desc"]
    style = (built.STATIC.parent / built.path_of("vocabulary.css")).read_text("utf-8")
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(", style), "colours come from the variables of the page: dark mode"
    assert not [e for e in drawing.iter() if e.get("fill") or e.get("style")]
    assert built.path_of("vocabulary.css") in web.get("/ontology").text


def test_the_drawing_speaks_the_language_of_the_reader(web: httpx.Client) -> None:
    page = web.get("/ontology?lang=hu").text
    assert '<text class="name"' in page
    assert "Szervezet" in page[page.index("<svg", page.index("<figure")) : page.index("</figure>")]
