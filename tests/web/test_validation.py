"""``/contributions/validate`` over HTTP: every format and language, and documents that are meant to harm."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from v4graph.settings import Settings
from v4graph.web.app import create_app

from .conftest import Server, running

PATH = "/contributions/validate"
PREFIXES = """
@prefix v4: <https://w3id.org/v4graph/ontology#> .
@prefix id: <https://w3id.org/v4graph/id/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
GOOD = (
    f'{PREFIXES} id:project\\/case a v4:Project ; skos:prefLabel "Case"@en ; v4:startDate "2013-10"^^xsd:gYearMonth .'
)
BAD = f'{PREFIXES} id:project\\/case a v4:Project ; skos:prefLabel "Case"@en ; v4:startDate "spring"^^xsd:date .'
RULE = "https://w3id.org/v4graph/shapes#Project-startDate"
POLITE_SECONDS = 3.0


@pytest.fixture(scope="module")
def server(published_home: Path) -> Iterator[Server]:
    settings = Settings(home=published_home, readers=1, upload_mb=4, upload_seconds=10, reader_memory_mb=512)
    with running(create_app(settings)) as found:
        yield found


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as found:
        yield found


def post(
    client: httpx.Client, content: str | bytes, media_type: str = "text/turtle", accept: str = "*/*", **params: str
):
    headers = {"Content-Type": media_type, "Accept": accept}
    return client.post(PATH, content=content, headers=headers, params=params)


def test_a_good_document(client: httpx.Client) -> None:
    answer = post(client, GOOD)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["blocks"] is False
    assert told["counts"]["violation"] == 0


def test_json_is_grouped_and_counted(client: httpx.Client) -> None:
    told = post(client, BAD, lang="pl").json()
    assert told["blocks"] is True
    assert told["counts"]["violation"] == 1
    group = told["groups"][0]
    assert group["severity"] == "violation"
    assert group["shape"] == RULE
    assert group["label"] == "Początek"
    assert group["message"].startswith("Tej daty nie można odczytać. Należy wpisać")
    assert group["findings"] == [
        {
            "record": "https://w3id.org/v4graph/id/project/case",
            "value": '"spring"^^<http://www.w3.org/2001/XMLSchema#date>',
        }
    ]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Violations: 1"), ("cs", "Chyby: 1"), ("sk", "Začiatok"), ("pl", "Błędy: 1"), ("hu", "Hibák: 1"),
     ("de", "Fehler: 1")],
)  # fmt: skip
def test_text_in_six_languages(client: httpx.Client, language: str, words: str) -> None:
    by_parameter = post(client, BAD, accept="text/plain", lang=language)
    assert by_parameter.headers["content-type"] == "text/plain; charset=utf-8"
    assert by_parameter.headers["content-language"] == language
    assert words in by_parameter.text
    by_header = client.post(
        PATH,
        content=BAD,
        headers={"Content-Type": "text/turtle", "Accept": "text/plain", "Accept-Language": f"fr, {language};q=0.9"},
    )
    assert by_header.text == by_parameter.text


@pytest.mark.parametrize(
    ("accept", "fmt"),
    [("text/turtle", ox.RdfFormat.TURTLE), ("application/ld+json", ox.RdfFormat.JSON_LD),
     ("application/n-triples", ox.RdfFormat.N_TRIPLES), ("application/rdf+xml", ox.RdfFormat.RDF_XML)],
)  # fmt: skip
def test_shacl_report(client: httpx.Client, accept: str, fmt: ox.RdfFormat) -> None:
    answer = post(client, BAD, accept=accept)
    assert answer.headers["content-type"].startswith(accept)
    report = ox.Store()
    report.load(answer.content, fmt)
    asked = """PREFIX sh: <http://www.w3.org/ns/shacl#> SELECT ?value (COUNT(?message) AS ?languages) {
      ?report a sh:ValidationReport ; sh:conforms false ; sh:result ?result .
      ?result a sh:ValidationResult ; sh:resultSeverity sh:Violation ; sh:sourceShape <%s> ; sh:value ?value ;
        sh:focusNode <https://w3id.org/v4graph/id/project/case> ; sh:sourceConstraintComponent ?component ;
        sh:resultPath <https://w3id.org/v4graph/ontology#startDate> ; sh:resultMessage ?message . } GROUP BY ?value"""
    [row] = list(report.query(asked % RULE))
    assert row["value"].value == "spring"
    assert row["languages"].value == "6"


def test_page_and_form(client: httpx.Client) -> None:
    form = client.get(PATH)
    assert form.status_code == 200
    assert 'enctype="multipart/form-data"' in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    hostile = BAD.replace('"Case"@en', '"<script>alert(1)</script>"@en')
    answer = client.post(
        PATH,
        files={"document": ("case.ttl", hostile.encode(), "application/octet-stream")},
        data={"lang": "de"},
        headers={"Accept": "text/html"},
    )
    assert answer.status_code == 200
    assert "Dieses Datum ist nicht lesbar" in answer.text
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text
    broken = client.post(
        PATH, files={"document": ("case.ttl", b"no turtle", "text/turtle")}, headers={"Accept": "text/html"}
    )
    assert broken.status_code == 400
    assert re.search(r"Line 1, column \d", broken.text)
    empty = client.post(PATH, files={"document": ("", b"", "text/turtle")}, headers={"Accept": "text/html"})
    assert empty.status_code == 400
    assert "Choose a file" in empty.text
    assert client.head(PATH).status_code == 200
    assert client.delete(PATH).status_code == 405


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Check a file", "you need no account", "Language of the report", "Mend the violations first")),
        ("cs", ("Zkontrolovat soubor", "nepotřebujete účet", "Jazyk zprávy", "Nejprve opravte chyby")),
        ("sk", ("Skontrolovať súbor", "nepotrebujete účet", "Jazyk správy", "Najprv opravte chyby")),
        ("pl", ("Sprawdzanie pliku", "konto nie jest potrzebne", "Język raportu", "Najpierw należy poprawić")),
        ("hu", ("Fájl ellenőrzése", "fiók sem kell", "A jelentés nyelve", "Előbb javítsa ki")),
        ("de", ("Datei prüfen", "Sie brauchen kein Konto", "Sprache des Berichts", "Beheben Sie zuerst")),
    ],
)
def test_all_words_of_the_page(client: httpx.Client, language: str, words: tuple[str, ...]) -> None:
    """By the language that the reader's program asks for, before and after the check, and when it is refused."""
    headers = {"Accept": "text/html", "Accept-Language": language}
    form = client.get(PATH, headers=headers)
    assert all(word in form.text for word in words[:-1])
    told = client.post(PATH, files={"document": ("case.ttl", BAD.encode(), "text/turtle")}, headers=headers)
    assert all(word in told.text for word in words)
    assert f'<div lang="{language}">' in told.text
    broken = client.post(PATH, files={"document": ("case.ttl", b"no turtle", "text/turtle")}, headers=headers)
    assert broken.status_code == 400
    assert all(word in broken.text for word in words[:-1])
    main = form.text[form.text.index("<h1>") :]
    english = "Check a file|Nothing is stored|Programs send|Language of the report"
    assert (re.search(english, main) is not None) == (language == "en")


def test_a_contribution_speaks_of_records_only(client: httpx.Client) -> None:
    """Of the graph itself the platform tells; and what one source may not contradict, this one may not."""
    beyond = {
        "platformSubject": "<https://w3id.org/v4graph/graph/nca-projects> v4:owner 'me' .",
        "unknownKind": "id:company\\/case a v4:Project ; skos:prefLabel 'Case'@en .",
        "axiom": "id:project\\/case a v4:Project ; skos:prefLabel 'Case'@en ; owl:differentFrom id:project\\/ketgate .",
    }
    for rule, said in beyond.items():
        groups = post(client, f"{PREFIXES} {said}").json()["groups"]
        assert [g["shape"].partition("#")[2] for g in groups if g["severity"] == "violation"] == [
            f"Contribution-{rule}"
        ]
    twice = post(client, GOOD.replace('"Case"@en', '"Case"@en , "Other"@en')).json()
    assert [g["shape"].partition("#")[2] for g in twice["groups"] if g["severity"] == "violation"] == ["name-language"]


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("v4:participant id:organisation\\/national-machinery-clustr", "id/organisation/national-machinery-cluster"),
        ("v4:participant id:organisation\\/visegrad-fnd", "id/organisation/visegrad-fund"),
        ("v4:inSector <https://w3id.org/v4graph/scheme/sector/furnitur>", "scheme/sector/furniture"),
    ],
)
def test_the_nearest_known_name(client: httpx.Client, said: str, known: str) -> None:
    """Of organisations and of sectors; those that are known pass."""
    kind = (
        "a v4:ProjectParticipation ; v4:project id:project\\/ketgate ; " if "participant" in said else "a v4:Project ; "
    )
    name = "participation" if "participant" in said else "project"
    more = "" if "participant" in said else "; skos:prefLabel 'Case'@en "
    told = post(client, f"{PREFIXES} id:{name}\\/case {kind} {said} {more}.").json()
    blocking = [group for group in told["groups"] if group["severity"] == "violation"]
    assert [f["suggestion"] for group in blocking for f in group["findings"]] == [f"https://w3id.org/v4graph/{known}"]
    right = f"<https://w3id.org/v4graph/{known}>"
    said = said.split(" ")[0] + f" {right}"
    assert post(client, f"{PREFIXES} id:{name}\\/case {kind} {said} {more}.").json()["blocks"] is False


def test_context_is_the_published_graph(client: httpx.Client) -> None:
    """What refers to known things passes; what does not is told the nearest known name."""
    known = f"{PREFIXES} id:project\\/case a v4:Project ; skos:prefLabel 'Case'@en ; v4:succeeds id:project\\/ketgate ."
    assert post(client, known).json()["blocks"] is False
    told = post(client, known.replace("/ketgate", "/ketgat")).json()
    group = told["groups"][0]
    assert group["shape"].endswith("#Contribution-unknownThing")
    assert group["findings"][0]["suggestion"] == "https://w3id.org/v4graph/id/project/ketgate"


@pytest.mark.parametrize("media_type", ["application/trig", "application/n-quads", "application/ld+json"])
def test_one_graph(client: httpx.Client, media_type: str) -> None:
    graph = ox.NamedNode("https://w3id.org/v4graph/graph/mine")
    fmt = ox.RdfFormat.from_media_type(media_type)
    triples = [quad.triple for quad in ox.parse(GOOD.encode(), ox.RdfFormat.TURTLE)]
    for name in (graph, ox.DefaultGraph()):
        document = ox.serialize([ox.Quad(*triple, name) for triple in triples], format=fmt)
        assert post(client, document, media_type).json()["counts"]["violation"] == 0
    two = [ox.Quad(*triple, graph if number else ox.DefaultGraph()) for number, triple in enumerate(triples)]
    refused = post(client, ox.serialize(two, format=fmt), media_type)
    assert refused.status_code == 400
    assert "several graphs" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("params", "parameter"), [({"lang": "fr"}, "lang"), ({"source": "../x"}, "source"), ({"source": "A B"}, "source")]
)
def test_wrong_parameters(client: httpx.Client, params: dict[str, str], parameter: str) -> None:
    answer = post(client, GOOD, **params)
    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter


def test_formats_that_are_not_there(client: httpx.Client) -> None:
    assert post(client, GOOD, accept="image/png").status_code == 406
    assert post(client, GOOD, format="docx").status_code == 406
    assert post(client, GOOD, "text/csv").status_code == 415
    assert client.post(PATH, content=GOOD, headers={"Content-Type": ""}).status_code == 415
    assert post(client, GOOD, "text/turtle; charset=iso-8859-2").status_code == 400


# --- hostile documents ----------------------------------------------------------------------------------------------


@pytest.fixture
def polite(client: httpx.Client) -> Iterator[None]:
    """After whatever happened, a polite request is answered in its usual time."""
    yield
    began = time.monotonic()
    assert client.get("/health").json()["ready"] is True
    assert time.monotonic() - began < POLITE_SECONDS
    assert post(client, GOOD).json()["blocks"] is False


def refused(answer: httpx.Response, status: int = 400) -> dict[str, object]:
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"].startswith("application/problem+json")
    told: dict[str, object] = answer.json()
    assert "Traceback" not in answer.text
    if status == 400:
        assert isinstance(told["line"], int)
        assert isinstance(told["column"], int)
    return told


@pytest.mark.usefixtures("polite")
def test_xml_entity_bomb(client: httpx.Client) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 30))
    bomb = f'<!DOCTYPE r [<!ENTITY e0 "ha">{entities}]><rdf:RDF>&e29;</rdf:RDF>'
    began = time.monotonic()
    refused(post(client, bomb, "application/rdf+xml"))
    assert time.monotonic() - began < 5


@pytest.mark.usefixtures("polite")
def test_entity_bomb_within_a_literal(client: httpx.Client) -> None:
    """rdflib parses the values of XML literals, unless it is kept from it."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 30))
    bomb = json.dumps(f'<!DOCTYPE r [<!ENTITY e0 "ha">{entities}]><r>&e29;</r>')
    kinds = ("XMLLiteral", "HTML", "JSON")
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    for kind in kinds:
        told = post(client, f"{GOOD} id:project\\/case v4:acronym {bomb}^^<{rdf}{kind}> .")
        assert told.json()["blocks"] is True


@pytest.mark.usefixtures("polite")
def test_deep_json(client: httpx.Client) -> None:
    told = refused(post(client, "[" * 100_000 + "]" * 100_000, "application/ld+json"))
    assert "deep" in str(told["detail"])


@pytest.mark.usefixtures("polite")
def test_remote_context_is_not_fetched(client: httpx.Client) -> None:
    visits = 0
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.2)
        port = canary.getsockname()[1]
        address = f"http://127.0.0.1:{port}/context.jsonld"
        told = refused(post(client, json.dumps({"@context": address, "@id": "urn:x"}), "application/ld+json"))
        assert "not fetched" in str(told["detail"])
        imports = f"{GOOD} id:project\\/case owl:imports <{address}> ; sh:shapesGraph <{address}> ."
        assert post(client, imports).json()["blocks"] is True
        try:
            canary.accept()
            visits += 1
        except TimeoutError:
            pass
    assert visits == 0


@pytest.mark.usefixtures("polite")
def test_too_large(client: httpx.Client) -> None:
    told = refused(post(client, b"#" * (5 << 20)), 413)
    assert "4194304" in str(told["detail"])


@pytest.mark.usefixtures("polite")
@pytest.mark.parametrize(
    "content",
    [GOOD.encode("utf-16"), GOOD.replace("Case", "Kl\xe1str").encode("iso-8859-2"), b"\xff\xfe\x00", b"\x00" * 1000],
    ids=["utf-16", "iso-8859-2", "half a mark", "zeros"],
)
def test_wrong_encoding(client: httpx.Client, content: bytes) -> None:
    refused(post(client, content))


@pytest.mark.usefixtures("polite")
def test_shapes_in_the_data_are_not_obeyed(client: httpx.Client) -> None:
    smuggled = (
        f"{BAD} <{RULE}> sh:deactivated true . v4:Project sh:property <{RULE}> . "
        "id:project\\/case sh:targetClass v4:Project ; "
        "sh:sparql [ sh:select 'SELECT $this { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }' ] ."
    )
    told = post(client, smuggled).json()
    found = {group["shape"].partition("#")[2] for group in told["groups"] if group["severity"] == "violation"}
    assert {"Contribution-shapeInData", "Project-startDate"} <= found


@pytest.mark.usefixtures("polite")
@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000 + "!",
        "<" * 200_000,
        "1." * 100_000,
        " " * 500_000 + "x",
        "(a+)+" * 50_000,
        "\u0430\u0301" * 100_000,
    ],
    ids=["long word", "brackets", "numbers", "spaces", "groups", "marks"],
)
def test_text_that_is_hard_on_patterns(client: httpx.Client, text: str) -> None:
    """In every field that has a pattern."""
    literal = json.dumps(text, ensure_ascii=False)
    fields = (
        f"skos:prefLabel {literal}@en ; v4:acronym {literal} ; v4:startDate {literal}^^xsd:date ; "
        f"v4:declaredPartnerCount {literal}^^xsd:integer"
    )
    began = time.monotonic()
    answer = post(client, f"{PREFIXES} id:project\\/case a v4:Project ; {fields} .")
    assert answer.status_code == 200
    assert answer.json()["blocks"] is True
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("polite")
def test_a_document_that_takes_too_long_is_stopped(published_home: Path) -> None:
    """Its checker is killed at the deadline; meanwhile and afterwards others are served."""
    settings = Settings(home=published_home, readers=1, upload_seconds=1.5)
    faulty = "".join(f'id:project\\/p{n} a v4:Project ; skos:prefLabel "P {n}"@en .\n' for n in range(20_000))
    with running(create_app(settings)) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert post(client, GOOD).status_code == 200
        [before] = server.app.state.checkers.pids
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(post(client, PREFIXES + faulty)))
        thread.start()
        began = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - began < 1
        thread.join()
        told = refused(answers[0], 413)
        assert "1.5 seconds" in str(told["detail"])
        assert before not in server.app.state.checkers.pids
        assert not os.path.exists(f"/proc/{before}")
        assert post(client, GOOD).json()["blocks"] is False


def test_a_checker_is_killed_when_its_client_leaves(client: httpx.Client, server: Server) -> None:
    records = "".join(f'id:project\\/p{n} a v4:Project ; skos:prefLabel "P {n}"@en .\n' for n in range(20_000))
    assert post(client, GOOD).status_code == 200
    [before] = server.app.state.checkers.pids
    with httpx.Client(base_url=server.url, timeout=2.5) as impatient, pytest.raises(httpx.ReadTimeout):
        post(impatient, PREFIXES + records)
    deadline = time.monotonic() + 8
    while os.path.exists(f"/proc/{before}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{before}")
    assert post(client, GOOD).status_code == 200


def test_waiting_is_limited(client: httpx.Client, server: Server) -> None:
    checkers = server.app.state.checkers
    checkers._under_way += 100
    try:
        answer = post(client, GOOD)
    finally:
        checkers._under_way -= 100
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert post(client, GOOD).status_code == 200
