"""The cookbook: every example on the page runs against a real server; OpenAPI tells every collection."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import Server, running
from tests.web.test_entities import PAGES, assert_sound
from v4graph.collections import COLLECTIONS
from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.web.api import TONGUES, recipes
from v4graph.web.app import create_app

BASE = Iris().base
EXPECTED = {
    "clusters": r"\S",
    "thing": "V4Clusters",
    "pages": r"282 of 282|rel=\"next\"|\d+ of \d+",
    "map": r"Point",
    "table": r"name",
    "library": r"\w",
    "unchanged": "304",
}
RUN = {
    "curl": lambda path: ["bash", "-euo", "pipefail", str(path)],
    "python": lambda path: [sys.executable, str(path)],
    "javascript": lambda path: ["node", str(path)],
    "r": lambda path: ["Rscript", str(path)],
}
ENDING = {"curl": "sh", "python": "py", "javascript": "mjs", "r": "R"}


@pytest.fixture(scope="module")
def atlas(published_home: Path) -> Iterator[Server]:
    with running(create_app(Settings(home=published_home, readers=2, client_queries=64))) as found:
        yield found


@pytest.fixture(scope="module")
def examples(atlas: Server) -> dict[tuple[str, str], str]:
    """The examples as they stand on the page."""
    text = httpx.get(f"{atlas.url}/api", headers=PAGES, timeout=30).text
    assert_sound(text)
    found = re.findall(r'<code id="[^"]+" data-recipe="([^"]+)" data-tongue="([^"]+)">(.*?)</code>', text, re.S)
    return {(recipe, tongue): html.unescape(code) for recipe, tongue, code in found}


@pytest.mark.parametrize("tongue", TONGUES)
@pytest.mark.parametrize("recipe", EXPECTED)
def test_an_example_runs(
    atlas: Server, examples: dict[tuple[str, str], str], tmp_path: Path, recipe: str, tongue: str
) -> None:
    code = examples[recipe, tongue]
    assert BASE in code
    program = RUN[tongue](tmp_path)[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: the example in {tongue} is not run")
    path = tmp_path / f"example.{ENDING[tongue]}"
    path.write_text(code.replace(BASE, f"{atlas.url}/"), encoding="utf-8")
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(RUN[tongue](path), capture_output=True, text=True, timeout=60, cwd=tmp_path, env=known)
    assert done.returncode == 0, done.stderr
    assert re.search(EXPECTED[recipe], done.stdout), done.stdout[:500]


def test_every_recipe_is_on_the_page(examples: dict[tuple[str, str], str]) -> None:
    told = recipes(BASE)
    assert set(told) == set(EXPECTED)
    assert set(examples) == {(recipe, tongue) for recipe in told for tongue in TONGUES}


def test_openapi_tells_every_collection(atlas: Server) -> None:
    schema = httpx.get(f"{atlas.url}/openapi.json", timeout=30).json()
    for name, collection in COLLECTIONS.items():
        told = schema["paths"][f"/{name}"]["get"]
        given = {parameter["name"]: parameter for parameter in told["parameters"]}
        assert {*collection.filters, "q", "sort", "limit", "cursor", "lang"} <= set(given)
        assert given["sort"]["schema"]["enum"][0] == collection.sorts[0]
        assert "application/ld+json" in told["responses"]["200"]["content"]
        assert told["responses"]["200"]["content"]["application/ld+json"]["example"]["hydra:member"]
        assert {"304", "400", "410"} <= set(told["responses"])
        for parameter, one in given.items():
            if "example" in one and parameter in ("country", "q", "from"):
                value = one["example"][0] if isinstance(one["example"], list) else one["example"]
                found = httpx.get(f"{atlas.url}/{name}.jsonld", params={parameter: value}, timeout=30)
                assert found.status_code == 200, found.text


NAMED = (
    "/{name}", "/organisation/{name}", "/country/{name}", "/region/{name}", "/queries/{name}", "/changes/{name}",
    "/graph/{name}", "/graph/{name}/history", "/graph/kdpk-cz-historie/revision/{name}", "/sitemap-{name}.xml",
    "/graph/kdpk-cz-historie/description/{name}", "/graph/kdpk-cz-historie/compare/1/{name}", "/contributions/{name}",
    "/static/{name}", "/static/land-{name}.svg", "/ontology/{name}", "/ontology/{name}/{name}", "/dumps/{name}",
    "/problems/{name}", "/timemap/{name}", "/timemap/graph/{name}", "/embed/entity/{name}/{name}",
    "/organisation/cluster?snapshot={name}", "/clusters?cursor={name}", "/clusters?limit={name}", "/map?at={name}",
)  # fmt: skip
"""Addresses with a name or a number in them."""


@pytest.mark.parametrize(
    "name", ["a" * 300, "1" * 300, "1" * 5000, f"{'1' * 300}.0.0", f"a/{'a' * 300}", f"clusters/{'a' * 300}"]
)
def test_a_name_too_long_for_a_file_is_not_there(atlas: Server, name: str) -> None:
    with httpx.Client(base_url=atlas.url, timeout=30) as client:
        for path in NAMED:
            for ending in ("", ".jsonld", ".rq", ".html"):
                found = client.get(path.replace("{name}", name) + ending)
                assert found.status_code < 500, (path, ending, found.text)


@pytest.mark.parametrize("language", ["cs", "sk", "pl", "hu", "de"])
def test_the_page_speaks(atlas: Server, language: str) -> None:
    found = httpx.get(f"{atlas.url}/api?lang={language}", headers=PAGES, timeout=30)
    assert_sound(found.text, language)
    assert "Take the data along" not in found.text
