"""A server with partners: what the tests of contributions share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx

from v4graph import actors
from v4graph.actors import COMMAND_LINE
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.limits import Attempts
from v4graph.workspace import Workspace

from .conftest import Server, running

TURTLE = "text/turtle"
PREFIXES = """
@prefix v4: <https://w3id.org/v4graph/ontology#> .
@prefix id: <https://w3id.org/v4graph/id/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix country: <http://publications.europa.eu/resource/authority/country/> .
@prefix schema: <https://schema.org/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
CLUSTER = "https://w3id.org/v4graph/id/organisation/river-cluster"
PROJECT = "https://w3id.org/v4graph/id/project/river-links"
PARTICIPATION = "https://w3id.org/v4graph/id/participation/river-links-nca"
SCOPES = {
    "submitter": ("river", ("submit",)),
    "publisher": ("river", ("submit", "publish")),
    "reviewer": ("council", ("review",)),
    "administrator": ("council", ("administer",)),
    "other": ("lake", ("submit", "publish")),
    "disabled": ("dry", actors.SCOPES),
}
"""Roles: partner and scopes of their token; two more are a token that expired and one that was revoked."""


def project(name: str = "River Links", start: str = "2024-05") -> str:
    """A document of one project that the rules like."""
    return (
        f'{PREFIXES}<{PROJECT}> a v4:Project ; skos:prefLabel "{name}"@en ;\n'
        f'  v4:startDate "{start}"^^xsd:gYearMonth ; v4:endDate "2026-04"^^xsd:gYearMonth .\n'
        f"<{PARTICIPATION}> a v4:ProjectParticipation ; v4:project <{PROJECT}> ;\n"
        "  v4:participant <https://w3id.org/v4graph/id/organisation/nca> ;\n"
        "  v4:participationRole <https://w3id.org/v4graph/scheme/participation-role/lead-partner> .\n"
    )


def cluster(name: str = "River Cluster") -> str:
    """A document of one cluster organisation that the rules like."""
    return (
        f'{PREFIXES}<{CLUSTER}> a v4:ClusterOrganisation ; skos:prefLabel "{name}"@en ; v4:country country:SVK ;\n'
        "  schema:url <https://river.example/> .\n"
    )


BROKEN = project().replace('"2024-05"^^xsd:gYearMonth', '"soon"^^xsd:date')
"""A document that breaks a rule."""
UNREADABLE = f"{project()}\n  <http://e/s> <http://e/p> .\n"
"""A document that is no Turtle, in its last line but one."""


@dataclass(slots=True)
class Instance:
    """A server whose partners have tokens, and clients that come with them."""

    server: Server
    workspace: Workspace
    secrets: dict[str, str]
    _clients: list[httpx.Client] = field(default_factory=list)

    def client(self, role: str | None = None, **headers: str) -> httpx.Client:
        """A client with the token of a role; without one, nobody."""
        if role is not None:
            headers["Authorization"] = f"Bearer {self.secrets[role]}"
        made = httpx.Client(base_url=self.server.url, timeout=60, headers=headers)
        self._clients.append(made)
        return made

    def select(self, query: str) -> list[list[str]]:
        """What the public endpoint answers, row by row."""
        answer = httpx.post(
            f"{self.server.url}/sparql", data={"query": query}, headers={"Accept": "text/csv"}, timeout=30
        )
        assert answer.status_code == 200, answer.text
        return [line.split(",") for line in answer.text.splitlines()[1:]]

    def names_of(self, iri: str) -> list[str]:
        """The names that the resolved view gives a thing."""
        query = f"SELECT ?name {{ <{iri}> <http://www.w3.org/2004/02/skos/core#prefLabel> ?name }} ORDER BY ?name"
        return [row[0] for row in self.select(query)]

    def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            client.close()


class Unhurried(Attempts):
    """Failed sign-ins that are counted and not slowed down, for tests about other things."""

    def failed(self, client: str) -> float:
        self.count(client)
        return 0.0


@cache
def _prepared(published_home: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the published data with partners and tokens for all roles; nobody may write to it."""
    home = published_home.parent / "partnered"
    shutil.copytree(published_home, home)
    workspace = Workspace(Settings(home=home))
    for partner in ("river", "lake", "dry"):
        workspace.add_partner(COMMAND_LINE, partner, f"Data of the {partner}")
    secrets: dict[str, str] = {}
    with workspace.writing() as ledger:
        actors.add_partner(ledger, "council", "Council of reviewers")
        for role, (partner, scopes) in SCOPES.items():
            secrets[role] = actors.add_token(ledger, partner, scopes)[1]
        past = datetime(2020, 1, 1, tzinfo=UTC)
        secrets["expired"] = actors.add_token(ledger, "river", actors.SCOPES, expires=past)[1]
        token, secrets["revoked"] = actors.add_token(ledger, "river", actors.SCOPES)
        actors.revoke_token(ledger, token.token)
        actors.disable_partner(ledger, "dry")
    return home, secrets


@contextmanager
def instance(published_home: Path, home: Path, *, attempts: int = 100_000, **settings: object) -> Iterator[Instance]:
    """Serve a copy of the published data, with partners and tokens for all roles."""
    partnered, secrets = _prepared(published_home)
    shutil.copytree(partnered, home)
    workspace = Workspace(Settings(home=home, readers=1, **settings))  # type: ignore[arg-type]
    app = create_app(workspace.settings)
    app.state.limits.attempts = Unhurried(attempts, 300.0, "came with a token that is not valid")
    with running(app) as server:
        made = Instance(server, workspace, dict(secrets))
        try:
            yield made
        finally:
            made.close()
