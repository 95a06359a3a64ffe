"""Names made to hurt: nothing in them runs, loads, leaves its place or breaks the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import FULL, Site
from tests.web.conftest import BASE, publish, running
from v4graph.settings import Settings
from v4graph.web.app import create_app

SCRIPT = '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=2"><svg onload="window.pwned=3">'
LONG = "W" * 10_000
MARKS = "e" + "\u0301" * 40 + "x" + "\u0323" * 40
TURNED = "safe \u202egnol si siht\u202e\u2067"
NAMES = {"script": SCRIPT, "long": LONG, "marks": MARKS, "turned": TURNED, "braces": "{{ 7*7 }}{% raw %}%(x)s"}


WIDEST = """() => [...document.querySelectorAll('body *')].filter(e => e.scrollWidth > innerWidth + 5)
    .map(e => `${e.tagName}.${e.className}#${e.id} ${e.innerHTML.slice(0, 150)}`).slice(-5)"""


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _data() -> str:
    lines = [
        f"@prefix id: <{BASE}id/> .",
        f"@prefix v4: <{BASE}ontology#> .",
        "@prefix org: <http://www.w3.org/ns/org#> .",
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .",
        "@prefix dcterms: <http://purl.org/dc/terms/> .",
        "@prefix schema: <https://schema.org/> .",
        "@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .",
    ]
    for slug, name in NAMES.items():
        text = _text(name)
        lines.append(
            f"id:organisation\\/{slug} a org:Organization, v4:ClusterOrganisation ; skos:prefLabel {text}@en ;"
            f" skos:prefLabel {text}@cs ; dcterms:description {text}@en ; v4:acronym {text} ;"
            f" v4:inSector <{BASE}scheme/sector/{slug}> ;"
            f" v4:seatPlace id:place\\/{slug} ; v4:foundedOn {text} .\n"
            f"<{BASE}scheme/sector/{slug}> a skos:Concept ; skos:prefLabel {text}@en .\n"
            f"id:place\\/{slug} a v4:Place ; skos:prefLabel {text}@en ; schema:latitude 49.8 ;"
            f" schema:longitude 18.2 .\n"
            f"id:project\\/{slug} a v4:Project ; skos:prefLabel {text}@en ; v4:involves id:organisation\\/{slug} ;"
            f' v4:earliestStart "2012-01-01"^^xsd:date ; v4:latestEnd "2013-05-01"^^xsd:date .\n'
            f"id:observation\\/{slug} a v4:IndicatorObservation ; v4:refOrganisation id:organisation\\/{slug} ;"
            f" v4:indicator <{BASE}scheme/sector/{slug}> ; v4:value {text} .\n"
            f"id:award\\/{slug} a v4:LabelAward ; v4:awardedTo id:organisation\\/{slug} ;"
            f" v4:awardedLabel <{BASE}scheme/sector/{slug}> ; v4:awardedOn {text} .\n"
            f"<{BASE}graph/{slug}> {{ id:organisation\\/{slug} skos:prefLabel {text}@en . }}\n"
            f"<{BASE}graph/provenance> {{ <{BASE}graph/{slug}> a v4:Source ; dcterms:title {text}@en ;"
            f" v4:publisherName {text} ; v4:retrievedOn {text} ; dcterms:source <javascript:alert(1)> . }}"
        )
    return "\n".join(lines)


@pytest.fixture(scope="module")
def hurt(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("hurt")
    publish(home, _data())
    with running(create_app(Settings(home=home, readers=1))) as server:
        yield Site(server, browser)


PATHS = (
    "/", "/organisation", "/project", "/sources", "/organisation/{}", "/project/{}", "/place/{}",
    "/scheme/sector/{}", "/graph/{}", "/search?q=safe+{}", "/nothing/{}",
)  # fmt: skip


def names(path: str) -> list[str]:
    """The names a page is looked at with: what would run, what would not fit, and the others in turns."""
    if "{}" not in path:
        return [""]
    others = [slug for slug in NAMES if slug not in ("script", "long")]
    return [*NAMES] if FULL else ["script", "long", others[PATHS.index(path) % len(others)]]


@pytest.mark.parametrize("path", PATHS)
def test_hostile_names_stay_names(hurt: Site, path: str) -> None:
    for slug in names(path):
        # Chromium needs ten seconds to break a word of 10,000 letters in a font that was loaded; the rules allow 300
        with hurt.page(path=path.format(slug), phone=slug == "long", fonts=slug != "long") as page:
            assert page.evaluate("window.pwned") is None
            assert page.locator("main script:not([type]), main img, main iframe, [onerror], [onload]").count() == 0
            assert page.locator("a[href^=javascript]").count() == 0
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, (path, slug, wide, page.evaluate(WIDEST))
            assert page.locator("footer").is_visible()
            if slug and path.startswith("/organisation"):
                assert page.locator("h1").text_content() == NAMES[slug]
