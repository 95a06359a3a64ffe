"""Who asks: tokens, sessions, the forms of other sites, guessing, and what a log may hold."""

from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from v4graph import actors
from v4graph.actors import COMMAND_LINE
from v4graph.settings import Settings
from v4graph.web.actors import Sessions, Visit
from v4graph.web.limits import Attempts
from v4graph.workspace import Workspace

from .conftest import Server
from .partners import TURTLE, Instance, instance, project

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def river(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(published_home, tmp_path_factory.mktemp("sign-in") / "home") as made:
        yield made


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found is not None, page
    return found[1]


def signed_in(river: Instance, role: str = "publisher") -> httpx.Client:
    """A browser that signed in."""
    browser = river.client(**HTML)
    page = browser.get("/sign-in")
    fields = {"token": river.secrets[role], "form_token": form_token(page.text), "next": "contributions"}
    answer = browser.post("/sign-in", data=fields, headers={"Origin": river.server.url})
    assert (answer.status_code, answer.headers["location"]) == (303, "contributions"), answer.text
    return browser


# tokens


@pytest.mark.parametrize("role", ["expired", "revoked", "disabled"])
def test_what_is_no_token_any_more_has_the_words_of_what_never_was_one(river: Instance, role: str) -> None:
    wrong = river.client(Authorization="Bearer v4g_00000000_" + "0" * 64).get("/contributions")
    for answer in (river.client(role).get("/contributions"), wrong):
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="v4graph", error="invalid_token"'
        assert {**answer.json(), "request": ""} == {**wrong.json(), "request": ""}, "but for the id of the request"
    nobody = river.client().get("/contributions")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="v4graph"')


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Basic",
        "Basic !!!",
        "Digest x",
        "x",
        "Bearer " + "y" * 5000,
        "Basic " + "QQ" * 400,
        "Bearer v4g__",
    ],
)
def test_headers_that_are_none(river: Instance, header: str) -> None:
    assert river.client(Authorization=header).get("/contributions").status_code == 401


def test_basic_takes_the_token_as_password(river: Instance) -> None:
    for pair in (f"river:{river.secrets['publisher']}", f"{river.secrets['publisher']}:"):
        given = base64.b64encode(pair.encode()).decode()
        assert river.client(Authorization=f"Basic {given}").get("/contributions").status_code == 200
    site = {"Origin": "https://elsewhere.example", "Content-Type": TURTLE}
    from_elsewhere = river.client(Authorization=f"Basic {given}").put(
        "/graph/river?dry-run", content=project(), headers=site
    )
    assert from_elsewhere.status_code == 403


def test_a_token_in_an_address_is_refused(river: Instance) -> None:
    answer = river.client().post(f"/contributions?access_token={river.secrets['publisher']}", content=b"")
    assert answer.status_code == 400
    assert "Authorization" in answer.json()["detail"]
    assert river.secrets["publisher"] not in answer.text


def test_revoking_takes_effect_at_once(river: Instance) -> None:
    with river.workspace.writing() as ledger:
        token, secret = actors.add_token(ledger, "river", ("submit",))
    client = river.client(Authorization=f"Bearer {secret}")
    assert client.get("/contributions").status_code == 200
    with river.workspace.writing() as ledger:
        actors.revoke_token(ledger, token.token)
    assert client.get("/contributions").status_code == 401


def test_whoever_guesses_waits_longer_and_then_for_long(river: Instance) -> None:
    limits = river.server.app.state.limits
    kept, limits.attempts = limits.attempts, Attempts(4, 300.0, "came with a token that is not valid")
    guesser = river.client(Authorization="Bearer v4g_guess")
    try:
        taken, answers = [], []
        for _ in range(5):
            start = time.monotonic()
            answers.append(guesser.get("/contributions"))
            taken.append(time.monotonic() - start)
        locked_out = river.client("publisher").get("/contributions")
    finally:
        limits.attempts = kept
    assert [a.status_code for a in answers] == [401, 401, 401, 401, 429]
    assert [t > 0.05 * 2**n for n, t in enumerate(taken[:4])] == [True] * 4
    assert int(answers[-1].headers["retry-after"]) > 200
    assert locked_out.status_code == 429
    assert Attempts(100, 300.0, "x").failed("a") == 0.05


# sessions


def test_a_session_begins_with_a_token_and_ends(river: Instance) -> None:
    browser = signed_in(river)
    page = browser.get("/contributions")
    assert page.status_code == 200
    assert "signed in as <strong>river</strong>" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "Cookie" in page.headers["vary"]
    out = browser.post("/sign-out", data={"form_token": form_token(page.text)})
    assert (out.status_code, out.headers["location"]) == (303, "sign-in")
    assert "signed in as" not in browser.get("/contributions").text


def test_the_cookie(river: Instance) -> None:
    browser = river.client(**HTML)
    first = browser.get("/sign-in")
    fields = {"token": river.secrets["submitter"], "form_token": form_token(first.text)}
    begun = browser.post("/sign-in", data=fields)
    for answer in (first, begun):
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Secure" not in cookie
    assert river.secrets["submitter"].split("_")[2] not in begun.headers["set-cookie"]
    assert int(re.search(r"Max-Age=(\d+)", begun.headers["set-cookie"])[1]) <= 12 * 3600  # type: ignore[index]
    behind_tls = httpx.get(f"{river.server.url}/sign-in", headers={**HTML, "X-Forwarded-Proto": "https"})
    assert "Secure" in behind_tls.headers["set-cookie"]


def test_cookies_that_are_not_ours_or_are_over(river: Instance, tmp_path: Path) -> None:
    with river.workspace.ledger() as ledger:
        token = next(
            t.token
            for t in actors.tokens(ledger, "river")
            if "publish" in t.scopes and t.expires is None and not t.revoked
        )
    soon = int(time.time()) + 600
    ours, others = Sessions(river.workspace.home), Sessions(tmp_path)
    good = ours.cookie(Visit(token, soon, "n"))
    bad = [
        others.cookie(Visit(token, soon, "n")),
        ours.cookie(Visit(token, int(time.time()) - 1, "n")),
        ours.cookie(Visit("nothing", soon, "n")),
        ours.cookie(Visit("", soon, "n")),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.partition(".")[0],
        "",
        ".",
        "ö".encode().decode("latin-1"),
    ]
    client = river.client()
    assert client.get("/contributions", headers={"Cookie": f"v4graph-session={good}"}).status_code == 200
    for cookie in bad:
        raw = [(b"cookie", b"v4graph-session=" + cookie.encode("latin-1"))]
        assert client.get("/contributions", headers=raw).status_code == 401, cookie  # type: ignore[arg-type]
    assert (river.workspace.home / "session.key").stat().st_mode & 0o777 == 0o600


def test_a_session_ends_with_its_token(river: Instance) -> None:
    with river.workspace.writing() as ledger:
        token, river.secrets["brief"] = actors.add_token(ledger, "river", ("submit",))
    browser = signed_in(river, "brief")
    assert "signed in as" in browser.get("/contributions").text
    with river.workspace.writing() as ledger:
        actors.revoke_token(ledger, token.token)
    assert "signed in as" not in browser.get("/contributions").text


def test_forms_of_other_sites_do_nothing(river: Instance) -> None:
    browser = signed_in(river)
    page = browser.get("/contributions").text
    token = form_token(page)
    pasted = {"text": (None, project("Forged")), "source": (None, "river"), "dry-run": (None, "true")}
    right = {**pasted, "form_token": (None, token)}
    assert browser.post("/contributions", files=right).status_code == 200
    assert browser.post("/contributions", files=pasted).status_code == 403
    assert browser.post("/contributions", files={**pasted, "form_token": (None, "0" * 64)}).status_code == 403
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert browser.post("/contributions", files=right, headers=headers).status_code == 403, headers
    assert browser.post("/contributions", files=right, headers={"Origin": river.server.url}).status_code == 200
    turtle = {"Content-Type": TURTLE}
    assert browser.put("/graph/river?dry-run", content=project(), headers=turtle).status_code == 403
    with_header = {**turtle, "V4graph-Form-Token": token}
    assert browser.put("/graph/river?dry-run", content=project(), headers=with_header).status_code == 200
    assert browser.post("/sign-out", data={"form_token": "x"}).status_code == 403
    other = signed_in(river)
    assert other.post("/contributions", files=right).status_code == 403


def test_signing_in_is_not_forced_on_anybody(river: Instance) -> None:
    browser = river.client(**HTML)
    fields = {"token": river.secrets["publisher"]}
    assert browser.post("/sign-in", data=fields).status_code == 403
    fields["form_token"] = form_token(browser.get("/sign-in").text)
    assert browser.post("/sign-in", data=fields, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    wrong = browser.post("/sign-in", data={**fields, "token": "v4g_wrong"})
    assert wrong.status_code == 401
    assert 'role="alert"' in wrong.text
    assert "v4g_wrong" not in wrong.text
    assert browser.post("/sign-in", json=fields).status_code == 400


@pytest.mark.parametrize(
    "following", ["https://elsewhere.example", "//elsewhere.example", "../x", "javascript:x", "a\r\nb"]
)
def test_after_signing_in_one_stays_here(river: Instance, following: str) -> None:
    browser = river.client(**HTML)
    token = form_token(browser.get("/sign-in").text)
    fields = {"token": river.secrets["submitter"], "form_token": token, "next": following}
    assert browser.post("/sign-in", data=fields).headers["location"] == "./"


def test_a_page_that_needs_a_session_leads_to_signing_in(river: Instance) -> None:
    answer = river.client(**HTML).get("/contributions/17")
    assert (answer.status_code, answer.headers["location"]) == (303, "../sign-in?next=contributions/17")
    page = river.client(**HTML).get("/sign-in?next=contributions/17").text
    assert 'name="next" value="contributions/17"' in page


def test_a_person_submits_reviews_and_sees_it(river: Instance) -> None:
    author = signed_in(river, "submitter")
    page = author.get("/contributions").text
    key = re.search(r'name="key" value="([^"]+)"', page)[1]  # type: ignore[index]
    fields = {
        "form_token": form_token(page), "source": "river", "mode": "replacement", "key": key, "syntax": TURTLE,
        "text": project("By hand"), "note": "typed & pasted <b>", 'document"; filename="': "",
    }  # fmt: skip
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items())
    form = {"content": f"{body}--b--\r\n".encode(), "headers": {"Content-Type": "multipart/form-data; boundary=b"}}
    sent = author.post("/contributions", **form)
    assert (sent.status_code, sent.headers["content-type"]) == (202, "text/html; charset=utf-8"), sent.text
    assert "A reviewer decides about it." in sent.text
    again = author.post("/contributions", **form)
    assert again.headers["location"] == sent.headers["location"]
    reviewer = signed_in(river, "reviewer")
    shown = reviewer.get(sent.headers["location"]).text
    assert "typed &amp; pasted &lt;b&gt;" in shown
    assert "Accept and publish" in shown
    accepted = reviewer.post(
        f"{sent.headers['location']}/accept", data={"form_token": form_token(shown), "note": "fine"}
    )
    assert (accepted.status_code, "published" in accepted.text) == (200, True)
    assert river.names_of("https://w3id.org/v4graph/id/project/river-links") == ["By hand"]
    empty = author.post("/contributions", files={"form_token": (None, form_token(page)), "source": (None, "river")})
    assert (empty.status_code, 'role="alert"' in empty.text) == (400, True)


# logs


def test_tokens_are_in_no_log(published_home: Path, tmp_path: Path) -> None:
    """The real program at its most talkative; tokens come in every place that a client may put them."""
    import shutil

    home = tmp_path / "home"
    shutil.copytree(published_home, home)
    workspace = Workspace(Settings(home=home))
    workspace.add_partner(COMMAND_LINE, "river", "River")
    with workspace.writing() as ledger:
        secret = actors.add_token(ledger, "river", ("submit", "publish"))[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"V4GRAPH_HOME": str(home), "V4GRAPH_LOG_LEVEL": "debug", "V4GRAPH_READERS": "1"}
    command = [sys.executable, "-X", "dev", "-W", "ignore", "-m", "v4graph", "serve", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("wb") as output:
        served = subprocess.Popen(command, env={**os.environ, **settings}, stdout=output, stderr=output)
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        deadline = time.monotonic() + 60
        while True:
            try:
                client.get("/health")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
        bearer = {"Authorization": f"Bearer {secret}", "Content-Type": TURTLE}
        assert client.put("/graph/river", content=project(), headers=bearer).status_code == 201
        assert client.put("/graph/river", content="<", headers=bearer).status_code == 400
        client.get("/contributions", headers={"Authorization": f"Bearer {secret}x"})
        for path in ("/contributions", "/sparql", "/graph/river", "/nothing", "/sign-in"):
            client.get(f"{path}?access_token={secret}&token={secret}&query={secret}")
        client.post("/sparql", data={"query": secret, "token": secret})
        client.post("/sign-in", data={"token": secret})
        client.get(f"/{secret}")
        client.close()
    finally:
        served.terminate()
        served.wait(30)
    said = log.read_text()
    assert "serving" in said
    assert secret.split("_")[2] not in said
    stored = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file())
    assert secret.split("_")[2].encode() not in stored


@pytest.mark.parametrize("path", ["/contributions", "/contributions/1", "/sign-in"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_playground_has_no_partners(scratch: Server, path: str, accept: str) -> None:
    given = {"Accept": accept, "Authorization": "Bearer v4g_x"}
    answer = httpx.get(f"{scratch.url}{path}", headers=given)
    assert (answer.status_code, "temporary store" in answer.text) == (403, True)
    assert httpx.post(f"{scratch.url}/contributions", content=b"x", headers=given).status_code == 403


def test_servers_of_one_home_share_the_key(tmp_path: Path) -> None:
    visit = Visit("t", int(time.time()) + 600, "n")
    first, second = Sessions(tmp_path / "home"), Sessions(tmp_path / "home")
    assert second.visit(first.cookie(visit)) == visit
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["session.key"]
