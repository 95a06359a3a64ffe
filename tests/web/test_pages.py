"""Words in six languages, the built files and how they are served, and the headers of pages."""

from __future__ import annotations

import base64
import filecmp
import gzip
import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from v4graph.web import built, pages
from v4graph.web.sectors import FAMILIES, family_of, icon_of
from v4graph.web.words import LANGUAGES, initial, ordered, shown_date, shown_number, sort_key, words

ROOT = Path(__file__).parent.parent.parent
FRONTEND = ROOT / "frontend"
PAGES = {"accept": "text/html"}

sys.path.insert(0, str(FRONTEND))
import words as catalogues  # noqa: E402  # the tool that writes the catalogues

# --- words --------------------------------------------------------------------------------------------------------


def test_every_word_is_in_every_language() -> None:
    wanting = catalogues.missing(catalogues.used())
    assert wanting == {language: [] for language in ("cs", "sk", "pl", "hu", "de")}, wanting


def test_translations_keep_what_is_filled_in_and_the_markup() -> None:
    hole = re.compile(r"%\(\w+\)s|</?\w+>|%%")
    for message in catalogues.used():
        if not message.id:
            continue
        english = catalogues.english(message)
        for language in LANGUAGES:
            for form in words(language).said.get((message.context, english), ()):
                assert sorted(hole.findall(form)) == sorted(hole.findall(english)), (language, english, form)
                assert form.strip() == form and "  " not in form, (language, form)
                ends = {".", ":", "?"} if english[-1] in ".:?" else set()
                assert not ends or form[-1] in ends or language == "hu", (language, form)


def test_numbers_of_things() -> None:
    def told(language: str, *numbers: int) -> list[str]:
        say = words(language).ngettext
        return [say("country", "countries", n) for n in numbers]

    assert told("en", 1, 2) == ["country", "countries"]
    assert told("cs", 1, 3, 5) == ["země", "země", "zemí"]
    assert told("sk", 1, 4, 13) == ["krajina", "krajiny", "krajín"]
    assert told("pl", 1, 2, 5, 12, 22) == ["kraj", "kraje", "krajów", "krajów", "kraje"]
    assert told("hu", 1, 9) == ["ország", "ország"]
    assert told("de", 1, 2) == ["Land", "Länder"]


def test_dates_and_numbers() -> None:
    assert [shown_date("2013-10-05", x) for x in LANGUAGES] == [
        "5 October 2013", "5. října 2013", "5. októbra 2013", "5 października 2013", "2013. október 5.",
        "5. Oktober 2013",
    ]  # fmt: skip
    assert shown_date("2013-10", "cs") == "říjen 2013" and shown_date("2013", "cs") == "2013"
    assert shown_date("2013-10-05T12:00:00Z", "de") == "5. Oktober 2013"
    for odd in ("2013-13", "2013-02-30", "soon", "", "-0044-03-15"):
        assert shown_date(odd, "sk") == odd
    assert shown_number("1234567.50", "en") == "1,234,567.50"
    assert shown_number(1087, "cs") == "1\u00a0087" and shown_number("1087.5", "de") == "1.087,5"
    assert shown_number("-0", "en") == "-0" and shown_number("1e3", "en") == "1e3"
    assert shown_number("9" * 50, "en") == "9" * 50


@pytest.mark.parametrize(
    ("language", "in_order"),
    [
        ("cs", ["cihla", "čáp", "dům", "hora", "chata", "idol", "rak", "řeka", "sova", "šíp", "zebra", "žába"]),
        ("sk", ["auto", "ähm", "cena", "čaj", "hora", "chata", "oko", "ôsmy", "rak", "zima", "žaba"]),
        ("pl", ["cena", "ćma", "luty", "łata", "noc", "oko", "ósma", "śnieg", "zebra", "źródło", "żaba"]),
        ("hu", ["cica", "cukor", "csiga", "gumi", "gyár", "orr", "ő", "őr", "öröm", "sár", "szó", "zab", "zsák"]),
        ("de", ["Apfel", "Äpfel", "Ofen", "Österreich", "Straße", "Zebra"]),
        ("en", ["1st", "2nd", "apple", "Čapek", "daisy"]),
    ],
)
def test_alphabetical_order(language: str, in_order: list[str]) -> None:
    assert sorted(reversed(in_order), key=lambda text: sort_key(text, language)) == in_order


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text('aAbcčchdzsžőßøæ 19„"\n\u0301漢', max_size=4), max_size=30), st.sampled_from(list(LANGUAGES)))
def test_many_names_are_put_in_order_as_each_is(texts: list[str], language: str) -> None:
    names = [str(number % 7) for number in range(len(texts))]
    each = sorted(range(len(texts)), key=lambda n: (sort_key(texts[n], language), names[n]))
    assert ordered(texts, names, language) == each


def test_the_letter_a_name_is_listed_under() -> None:
    assert initial("Chata", "cs") == "Ch" and initial("Chata", "en") == "C"
    assert initial("řeka", "cs") == "Ř" and initial("řeka", "de") == "R"
    assert initial("Łódź", "pl") == "Ł" and initial("Łódź", "en") == "L"
    assert initial("Őrség", "hu") == "Ö" and initial("„Zsák”", "hu") == "Zs"
    assert initial("3D", "cs") == initial("", "cs") == initial("…", "cs") == "#"


def test_pages_speak_the_language(web: httpx.Client) -> None:
    for language, word in (
        ("cs", "Kdo s kým"),
        ("sk", "Kto s kým"),
        ("pl", "Kto z kim"),
        ("hu", "Ki kivel"),
        ("de", "Wer in"),
    ):
        by_header = web.get("/", headers=PAGES | {"accept-language": f"{language}-XX,en;q=0.4"})
        assert f'<html lang="{language}">' in by_header.text and word in by_header.text
        assert "accept-language" in by_header.headers["vary"].lower()
        assert f'<a href="?lang={language}" lang="{language}"' in by_header.text
        lost = web.get(f"/nothing?lang={language}", headers=PAGES)
        assert lost.status_code == 404 and f'<html lang="{language}">' in lost.text
    with_query = web.get("/project/v4clusters?page=1&size=50&lang=cs", headers=PAGES).text
    assert 'href="?page=1&amp;size=50&amp;lang=de"' in with_query


def test_no_page_says_a_language_it_does_not_mean(web: httpx.Client) -> None:
    text = web.get("/organisation/nca?lang=cs", headers=PAGES).text
    assert "<h1>Národní klastrová asociace</h1>" in text
    assert '<span lang="en">National Cluster Association</span>' in text
    assert 'lang="cs">Národní' not in text.split("<main")[1]


# --- built files --------------------------------------------------------------------------------------------------


def test_built_files_are_what_the_sources_make(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (FRONTEND / "node_modules").is_dir():
        pytest.skip("node and frontend/node_modules are needed (cd frontend && npm ci --ignore-scripts)")
    subprocess.run(["node", "build.mjs", str(tmp_path / "static")], cwd=FRONTEND, check=True, timeout=200)
    made = {p.relative_to(tmp_path / "static") for p in (tmp_path / "static").rglob("*") if p.is_file()}
    kept = {p.relative_to(built.STATIC) for p in built.STATIC.rglob("*") if p.is_file()}
    assert made == kept, made ^ kept
    plain = [str(p) for p in made if p.suffix not in (".gz", ".br")]  # how well a zip is packed may differ
    assert filecmp.cmpfiles(tmp_path / "static", built.STATIC, plain, shallow=False)[1:] == ([], [])


def test_compressed_twins_are_the_same() -> None:
    twins = list(built.STATIC.rglob("*.gz"))
    assert len(twins) > 3
    for twin in twins:
        assert gzip.decompress(twin.read_bytes()) == twin.with_suffix("").read_bytes()
        assert twin.with_suffix(".br").stat().st_size < twin.stat().st_size * 1.02


def test_built_files_are_served_for_ever_and_compressed(web: httpx.Client) -> None:
    for name, kind in (("style.css", "text/css; charset=utf-8"), ("site.js", "text/javascript; charset=utf-8")):
        path = f"/{built.path_of(name)}"
        plain = web.get(path, headers={"accept-encoding": "identity"})
        assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert plain.headers["content-type"] == kind and plain.headers["x-content-type-options"] == "nosniff"
        assert plain.headers["vary"] == "Accept-Encoding" and "content-encoding" not in plain.headers
        zipped = web.get(path, headers={"accept-encoding": "gzip"})
        assert zipped.headers["content-encoding"] == "gzip" and zipped.content == plain.content
        assert int(zipped.headers["content-length"]) < len(plain.content) / 1.8
        with web.stream("GET", path, headers={"accept-encoding": "gzip, deflate, br"}) as packed:
            assert packed.headers["content-encoding"] == "br"
            assert int(packed.headers["content-length"]) < int(zipped.headers["content-length"])
            raw = b"".join(packed.iter_raw())
        assert raw == (built.STATIC / f"{path.removeprefix('/static/')}.br").read_bytes()
        again = web.get(path, headers={"accept-encoding": "gzip", "if-none-match": zipped.headers["etag"]})
        assert again.status_code == 304 and again.content == b""
    font = web.get(f"/{built.path_of('fonts/source-sans-3-latin.woff2')}")
    assert font.headers["content-type"] == "font/woff2" and "immutable" in font.headers["cache-control"]
    assert font.headers["access-control-allow-origin"] == "*"
    module = web.get(f"/{built.path_of('maplibre-gl/maplibre-gl.mjs')}", headers={"accept-encoding": "gzip"})
    assert module.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in module.headers["cache-control"]
    assert "immutable" not in web.get("/static/icon.svg").headers["cache-control"]
    for path in (
        "/static/",
        "/static/fonts",
        "/static/none.css",
        "/static/%2e%2e/pages.py",
        "/static/manifest.json.br",
    ):
        assert web.get(path).status_code == 404, path
    assert web.post("/static/icon.svg").status_code == 405


def test_third_parties_are_named_with_their_licences() -> None:
    text = (built.STATIC / "THIRD_PARTY.md").read_text(encoding="utf-8")
    for name in ("maplibre-gl", "@fontsource-variable/source-sans-3", "lucide-static"):
        assert f"| {name} |" in text and f"## {name} " in text
    assert "SIL OPEN FONT LICENSE" in text and "GPL" not in text.replace("LGPL", "GPL").split("## ")[0]
    lock = (FRONTEND / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock and "://" not in re.sub(r'"url": "[^"]*"', "", lock)
    assert not re.search(r'"[\^~]', (FRONTEND / "package.json").read_text(encoding="utf-8"))


def test_every_drawing_that_is_asked_for_is_there() -> None:
    asked = {"tag"}
    for path in pages.TEMPLATES.glob("*.html"):
        asked |= set(re.findall(r'icon\("([\w-]+)"\)', path.read_text(encoding="utf-8")))
    macros = (pages.TEMPLATES / "macros.html").read_text(encoding="utf-8")
    asked |= set(re.findall(r'": "([\w-]+)"', macros[macros.index("kind_icons") :].split("%}")[0]))
    assert len(asked) > 20
    for name in asked:
        assert built.icon(name).startswith('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><')


def test_sectors_have_a_family_and_a_drawing(web: httpx.Client) -> None:
    rows = web.get(
        "/sparql",
        params={
            "query": "SELECT ?s { ?s <http://www.w3.org/2004/02/skos/core#inScheme> "
            "<https://w3id.org/v4graph/scheme/sector> }"
        },
        headers={"accept": "application/json"},
    ).json()["results"]["bindings"]
    assert len(rows) > 80
    unknown = {row["s"]["value"] for row in rows if icon_of(row["s"]["value"]) == "tag"}
    assert unknown == set(), "sectors.py does not know them"
    assert {family_of(row["s"]["value"]) for row in rows} == set(FAMILIES)
    for row in rows:
        assert built.icon(icon_of(row["s"]["value"]))
    assert (family_of("nothing"), icon_of("nothing")) == ("other", "tag")


# --- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/sources", "/project/v4clusters", "/sparql", "/nothing", "/contributions/validate"]
)
def test_pages_carry_strict_headers(web: httpx.Client, path: str) -> None:
    found = web.get(path, headers=PAGES)
    policy = dict(part.strip().partition(" ")[::2] for part in found.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'self'" and policy["form-action"] == "'self'"
    script = re.search(r'<script id="page-early">(.*?)</script>', found.text, re.S)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert "unsafe" not in str(policy) and "http" not in str(policy)
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert found.headers["cross-origin-opener-policy"] == "same-origin"


def test_the_start_page_carries_its_styles(web: httpx.Client) -> None:
    found = web.get("/", headers=PAGES)
    style = re.search(r'<style id="page-style">(.*?)</style>', found.text, re.S)
    assert style is not None and "stylesheet" not in found.text and 'as="font"' not in found.text
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in found.headers["Content-Security-Policy"]
    fonts = re.findall(r'url\("([^"]+)"\)', style[1])
    assert len(fonts) == 6
    for font in fonts:
        assert web.get(f"/{font}").headers["Content-Type"] == "font/woff2"
    assert ".home-map" in style[1] and ".time-shown" not in style[1] and len(style[1]) < 30_000
    linked = web.get("/sources", headers=PAGES).text
    assert '<link rel="stylesheet"' in linked and "page-style" not in linked
    assert linked.index('rel="stylesheet"') < linked.index('as="font"')


def test_a_page_with_an_editor_has_a_nonce_and_an_embed_may_be_framed() -> None:
    policy = pages.headers(nonce="abc", framed_by="*")["Content-Security-Policy"]
    assert f"style-src 'self' {built.style_hash()} 'nonce-abc';" in policy and policy.endswith("frame-ancestors *")
    assert "'nonce" not in pages.HEADERS["Content-Security-Policy"]


def test_links_of_header_and_foot_lead_somewhere(web: httpx.Client) -> None:
    text = web.get("/?lang=pl", headers=PAGES).text
    around = text[: text.index("<main")] + text[text.index("<footer") :]
    links = set(re.findall(r'<a [^>]*href="([^"#]+)"', around))
    assert len(links) > 15
    for link in links:
        if "://" not in link:
            assert web.get(f"/{link}".replace("/./", "/"), headers=PAGES).status_code == 200, link
