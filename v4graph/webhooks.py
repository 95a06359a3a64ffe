"""Webhooks: portals are told what changed. Signed, tried again with growing pauses, only to allowed addresses.

A message is signed as Standard Webhooks has it (https://www.standardwebhooks.com): ``webhook-signature`` is the
HMAC-SHA256 of ``{webhook-id}.{webhook-timestamp}.{body}`` under the secret that was shown when the webhook was added.
The address and the secret are entries of the ledger, which is never published; how far each webhook has been told,
and when it is tried again, is in ``webhooks.json`` beside it.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from v4graph import changes
from v4graph.errors import BadRequest, NotFound, V4GraphError
from v4graph.fetch import fetch, resolve
from v4graph.iris import Iris
from v4graph.ledger import PROJECTED, Append, Entry, Ledger
from v4graph.provenance import revision_iri
from v4graph.store.embedded import write_atomically
from v4graph.workspace import Workspace

KIND = "webhook"
_PREFIX = "whsec_"
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 3600.0
_MOST = 100
"""Changes told in one message; the rest follow in the next."""
_SECONDS = 15.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told what changes, and the secret its messages are signed with."""

    name: str
    address: str
    secret: str
    private: bool
    since: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The last entry a webhook was told, failures since, when it is tried again, and what went wrong last."""

    entry: int
    failures: int = 0
    retry_at: float = 0.0
    problem: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one attempt."""

    webhook: str
    changes: int
    problem: str = ""


def webhooks(ledger: Ledger) -> dict[str, Webhook]:
    """The webhooks there are, by name."""
    found = {
        source: Webhook(
            source, entry.detail["address"], entry.detail["secret"], bool(entry.detail.get("private")), entry.number
        )
        for source, entry in ledger.latest(KIND).items()
        if not entry.detail.get("removed")
    }
    return dict(sorted(found.items()))


async def add(workspace: Workspace, address: str, *, private: bool = False) -> Webhook:
    """Allow an address; what is published from now on is told to it.

    Raises:
        BadRequest: it is no http or https address, or one with a password in it.
        AddressRefused: it is not public, and ``private`` does not allow that.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
        raise BadRequest(f"{address} is no plain http or https address.")
    await resolve(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80), private=private)
    name = secrets.token_hex(4)
    secret = _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    detail = {"address": address, "secret": secret, "private": private, "removed": False}
    with workspace.writing() as ledger:
        [entry] = ledger.append([Append(KIND, name, "curator", detail=detail)])
    return Webhook(name, address, secret, private, entry.number)


def remove(workspace: Workspace, name: str) -> None:
    """Tell an address nothing more.

    Raises:
        NotFound: there is no such webhook.
    """
    with workspace.writing() as ledger:
        if name not in webhooks(ledger):
            raise NotFound(f"There is no webhook {name}.")
        detail = {"address": webhooks(ledger)[name].address, "removed": True}
        ledger.append([Append(KIND, name, "curator", detail=detail)])


def progress(home: Path) -> dict[str, Progress]:
    """How far each webhook has been told."""
    try:
        told = json.loads((home / "webhooks.json").read_text(encoding="utf-8"))
        return {name: Progress(**about) for name, about in told.items()}
    except (FileNotFoundError, ValueError, TypeError):
        return {}


async def deliver(workspace: Workspace, now: float) -> list[Delivery]:
    """Tell every webhook what it was not told yet, unless it is to be tried later; ``now`` in seconds since 1970.

    One process does so at a time: another one finds nothing to do.
    """
    with open(workspace.home / "webhooks.lock", "ab") as lock, workspace.ledger() as ledger:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        known = webhooks(ledger)
        before = {name: about for name, about in progress(workspace.home).items() if name in known}
        done: list[Delivery] = []
        after = dict(before)
        for name, webhook in known.items():
            about = before.get(name, Progress(webhook.since))
            while not about.ended and about.retry_at <= now:
                entries = ledger.entries(after=about.entry, kind=PROJECTED, limit=_MOST)
                if not entries:
                    break
                about, delivery = await _deliver(webhook, about, entries, workspace.iris, now)
                done.append(delivery)
                after[name] = about
                _keep(workspace.home, after)
    return done


async def _deliver(
    webhook: Webhook, about: Progress, entries: list[Entry], iris: Iris, now: float
) -> tuple[Progress, Delivery]:
    body = message(entries, iris)
    # The same changes have the same name when they are sent again, so that the receiver can see that it has them.
    identity = f"{webhook.name}-{entries[0].number}-{entries[-1].number}"
    problem, ended = "", False
    try:
        answer = await fetch(
            webhook.address,
            private=webhook.private,
            headers={"Content-Type": "application/json", **signature(webhook.secret, identity, int(now), body)},
            content=body,
            largest=1 << 16,
            seconds=_SECONDS,
        )
        if not 200 <= answer.status < 300:
            problem, ended = f"{webhook.address} answers {answer.status}.", answer.status == _GONE
    except V4GraphError as error:
        problem = error.detail
    if not problem:
        return Progress(entries[-1].number), Delivery(webhook.name, len(entries))
    failures = about.failures + 1
    pause = min(_FIRST_PAUSE * 2 ** (failures - 1), _LONGEST_PAUSE)
    return Progress(about.entry, failures, now + pause, problem, ended), Delivery(webhook.name, len(entries), problem)


def message(entries: list[Entry], iris: Iris) -> bytes:
    """What is told: every change with links to read on."""
    told: list[dict[str, Any]] = []
    for entry in entries:
        about: dict[str, Any] = {
            "kind": entry.kind,
            "source": iris.graph(entry.source),
            "iri": changes.member_iri(entry, iris),
            "entry": entry.number,
            "time": entry.time,
            "content": entry.content,
            "state": entry.detail.get("state"),
            "address": changes.content_address(entry, iris),
        }
        if entry.kind == "revision" and entry.revision is not None:
            about |= {"revision": entry.revision, "patch": changes.patch_address(entry, iris)}
            about |= {"previous": revision_iri(entry.source, entry.revision - 1, iris)} if entry.revision > 1 else {}
        told.append(about)
    last = changes.page_of(entries[-1].number)
    text = {"type": "changes", "timestamp": entries[-1].time, "data": told, "feed": f"{iris.base}changes/{last}"}
    return json.dumps(text, ensure_ascii=False).encode()


def signature(secret: str, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers by which a receiver knows that a message is ours, and new."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{identity}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": identity, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{digest}"}


def _keep(home: Path, told: dict[str, Progress]) -> None:
    text = json.dumps({name: asdict(about) for name, about in told.items()}, indent=1)
    write_atomically(home / "webhooks.json", text.encode())
