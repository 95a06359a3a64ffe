"""Webhooks, with a real receiver on loopback: signed, tried again, and only where the operator said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.web.conftest import running
from v4graph import webhooks
from v4graph.errors import AddressRefused, BadRequest, NotFound
from v4graph.ledger import Append
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.webhooks import Delivery
from v4graph.workspace import Workspace

NOW = 1_800_000_000.0


@dataclass
class Receiver:
    """A portal that keeps what it gets and answers as it is told."""

    address: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        status = self.answers.pop(0) if self.answers else 204
        return Response(status_code=status, headers={"Location": "/elsewhere"} if status == 307 else None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    app = Starlette(routes=[Route("/{path:path}", found.receive, methods=["GET", "POST"])])
    with running(app) as server:  # type: ignore[arg-type]
        found.address = f"{server.url}/hook"
        yield found


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(Settings(home=tmp_path))


def publish(workspace: Workspace, revision: int) -> None:
    lines = [f'<{workspace.iris.thing("project", "p")}> <http://x/p> "{revision}" .']
    with workspace.writing() as ledger:
        ledger.append([Append("revision", "a", "nca/1", lines, revision, {"contribution": 1})])


def add(workspace: Workspace, receiver: Receiver) -> webhooks.Webhook:
    return asyncio.run(webhooks.add(workspace, receiver.address, private=True))


def deliver(workspace: Workspace, now: float = NOW) -> list[Delivery]:
    return asyncio.run(webhooks.deliver(workspace, now))


def test_a_receiver_that_fails_twice_gets_everything_in_the_end(home: Workspace, receiver: Receiver) -> None:
    publish(home, 1)
    hook = add(home, receiver)
    assert deliver(home) == [], "what was published before is not news"
    publish(home, 2)
    receiver.answers = [500, 503]
    [first] = deliver(home)
    assert first.problem.endswith("answers 500.")
    assert deliver(home, NOW + 4.9) == [], "not yet"
    [second] = deliver(home, NOW + 5.1)
    assert second.problem.endswith("answers 503.")
    about = webhooks.progress(home.home)[hook.name]
    assert about.failures == 2
    assert about.retry_at == pytest.approx(NOW + 5.1 + 10), "the pauses grow"
    publish(home, 3)
    assert deliver(home, NOW + 15) == []
    assert deliver(home, NOW + 15.2) == [Delivery(hook.name, 2)]
    assert deliver(home, NOW + 15.3) == [], "told once"
    assert len(receiver.got) == 3
    told = json.loads(receiver.got[-1][1])
    assert [change["revision"] for change in told["data"]] == [2, 3]
    with home.ledger() as ledger:
        assert told["data"][-1]["state"] == ledger.state()
    assert told["data"][-1]["address"] == f"{home.iris.graph('a')}/revision/3?format=nt"
    assert webhooks.progress(home.home)[hook.name].failures == 0


def test_messages_are_signed_as_the_standard_says(home: Workspace, receiver: Receiver) -> None:
    hook = add(home, receiver)
    publish(home, 1)
    receiver.answers = [500]
    deliver(home)
    deliver(home, NOW + 60)
    (one, body), (two, same) = receiver.got
    assert body == same
    assert one["webhook-id"] == two["webhook-id"], "the same message has the same name"
    assert two["webhook-timestamp"] == str(int(NOW + 60))
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    assert len(key) == 32
    signed = f"{two['webhook-id']}.{two['webhook-timestamp']}.".encode() + same
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert two["webhook-signature"] == f"v1,{expected}"
    assert two["content-type"] == "application/json"


def test_redirects_are_not_followed(home: Workspace, receiver: Receiver) -> None:
    add(home, receiver)
    publish(home, 1)
    receiver.answers = [307]
    [failed] = deliver(home)
    assert failed.problem.endswith("answers 307.")
    assert len(receiver.got) == 1


def test_a_receiver_that_is_gone_is_left_alone(home: Workspace, receiver: Receiver) -> None:
    add(home, receiver)
    publish(home, 1)
    receiver.answers = [410]
    assert deliver(home)[0].problem.endswith("answers 410.")
    publish(home, 2)
    assert deliver(home, NOW + 1e6) == []


def test_many_changes_come_in_several_messages(home: Workspace, receiver: Receiver) -> None:
    add(home, receiver)
    with home.writing() as ledger:
        ledger.append([Append("revision", "a", "nca/1", [], n, {"contribution": 1}) for n in range(1, 131)])
    assert [d.changes for d in deliver(home)] == [100, 30]
    told = [c["revision"] for _, body in receiver.got for c in json.loads(body)["data"]]
    assert told == list(range(1, 131))


def test_addresses_that_are_not_public_have_to_be_allowed(home: Workspace, receiver: Receiver) -> None:
    for address in (receiver.address, "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/latest"):
        with pytest.raises(AddressRefused):
            asyncio.run(webhooks.add(home, address))
    for address in ("ftp://example.org/", "http://user:secret@example.org/", "nonsense"):
        with pytest.raises(BadRequest):
            asyncio.run(webhooks.add(home, address))
    with home.ledger() as ledger:
        assert webhooks.webhooks(ledger) == {}


def test_removed(home: Workspace, receiver: Receiver) -> None:
    hook = add(home, receiver)
    publish(home, 1)
    webhooks.remove(home, hook.name)
    assert deliver(home) == []
    assert receiver.got == []
    with pytest.raises(NotFound):
        webhooks.remove(home, hook.name)


def test_nobody_there(home: Workspace, receiver: Receiver) -> None:
    address = receiver.address.replace("/hook", "").rpartition(":")[0] + ":9"
    asyncio.run(webhooks.add(home, address, private=True))
    publish(home, 1)
    [failed] = deliver(home)
    assert "does not answer" in failed.problem


def test_the_server_tells_after_a_publication(published_home: Path, tmp_path: Path, receiver: Receiver) -> None:
    shutil.copytree(published_home, tmp_path / "home")
    workspace = Workspace(Settings(home=tmp_path / "home", readers=1))
    add(workspace, receiver)
    with running(create_app(workspace.settings)):
        with workspace.writing() as ledger:
            current = ledger.current("revision", "nca-projects")
            assert current is not None
            lines = ledger.lines(current.content)[1:]
            ledger.append([Append("revision", "nca-projects", "nca/1", lines, 2, {"contribution": 1})])
        workspace.heal()
        deadline = time.monotonic() + 20
        while not receiver.got and time.monotonic() < deadline:
            time.sleep(0.05)
    [(_, body)] = receiver.got
    assert [change["iri"] for change in json.loads(body)["data"]] == [
        f"{workspace.iris.graph('nca-projects')}/revision/2"
    ]
