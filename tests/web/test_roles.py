"""Who may do what: every endpoint, every role, and the status they get. A route that is not named here fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from .partners import BROKEN, PROJECT, TURTLE, Instance, instance, project

FULL = os.environ.get("V4GRAPH_DRILL") == "full"
ROLES = ("nobody", "submitter", "publisher", "reviewer", "administrator", "other", "disabled", "expired")
TABLE = """
method path                                nobody submitter publisher reviewer administrator other disabled expired
GET    /contributions                      401    200       200       200      200           200   401      401
POST   /contributions                      401    400       400       403      403           403   401      401
GET    /contributions/{number:number}      401    200       200       200      200           404   401      401
GET    /contributions/{number:number}/document 401   200       200       200      200           404   401      401
POST   /contributions/{number:number}/accept  401    403       403       409      403           404   401      401
POST   /contributions/{number:number}/decline 401    403       403       409      403           404   401      401
POST   /contributions/{number:number}/withdraw 401   409       409       403      403           404   401      401
POST   /contributions/{number:number}/confirm 401    409       409       403      403           404   401      401
PUT    /graph/{name:path}                  401    412       412       403      403           403   401      401
POST   /graph/{name:path}                  401    412       412       403      403           403   401      401
DELETE /graph/{name:path}                  401    412       412       403      403           403   401      401
PUT    /graph                              401    412       412       403      403           403   401      401
POST   /graph                              401    412       412       403      403           403   401      401
DELETE /graph                              401    412       412       403      403           403   401      401
POST   /graph/{source}/update              401    412       412       403      403           403   401      401
POST   /graph/{source}/rollback            401    412       412       403      403           403   401      401
POST   /graph/{source}/withdraw            401    412       412       403      403           403   401      401
GET    /sign-in                            200    200       200       200      200           200   401      401
POST   /sign-in                            403    403       403       403      403           403   403      403
POST   /sign-out                           303    303       303       303      303           303   401      401
GET    /contributions/validate             200    200       200       200      200           200   200      200
POST   /contributions/validate             200    200       200       200      200           200   200      200
GET    /sparql                             200    200       200       200      200           200   200      200
POST   /sparql                             200    200       200       200      200           200   200      200
POST   /sparql/update                      403    403       403       403      403           403   403      403
GET    /graph/{name:path}                  200    200       200       200      200           200   200      200
GET    /graph                              200    200       200       200      200           200   200      200
GET    /graph/{source}/revision/{number:number} 200  200       200       200      200           200   200      200
GET    /graph/{source}/description/{number:number} 404 404     404       404      404           404   404      404
GET    /graph/{source}/history             200    200       200       200      200           200   200      200
GET    /graph/{source}/compare/{a:number}/{b:number} 200 200      200       200      200           200   200      200
GET    /blame                              200    200       200       200      200           200   200      200
GET    /changes/{number:number}      200    200       200       200      200           200   200      200
GET    /queries/{topic}/{name}             404    404       404       404      404           404   404      404
GET    /dumps/{name}                       404    404       404       404      404           404   404      404
GET    /ontology/{name}                    404    404       404       404      404           404   404      404
GET    /ontology/{version}/{name}          404    404       404       404      404           404   404      404
GET    /sparql/query.json                  200    200       200       200      200           200   200      200
POST   /sparql/labels.json                 400    400       400       400      400           400   400      400
GET    /oembed                             200    200       200       200      200           200   200      200
GET    /problems/{slug}                    200    200       200       200      200           200   200      200
GET    /sitemap-{number:number}.xml      200    200       200       200      200           200   200      200
GET    /embed/entity/{kind}/{slug}         200    200       200       200      200           200   200      200
GET    /static/land-{name}.svg             404    404       404       404      404           404   404      404
GET    /country/{code}                     404    404       404       404      404           404   404      404
GET    /region/{code}                      404    404       404       404      404           404   404      404
GET    /{path:path}                        200    200       200       200      200           200   200      200
"""
"""The rows of ``/graph`` come with an If-Match that never holds, so 412 is what they get who may write."""
READ_BY_EVERYONE = frozenset(
    {"/", "/.well-known/sparql-examples", "/.well-known/void", "/api", "/catalogue", "/changes", "/changes.atom",
     "/clusters", "/context/v1.jsonld", "/country", "/dumps/", "/embed", "/embed.js", "/embed/map",
     "/embed/words.json", "/events", "/favicon.ico", "/health", "/health/live", "/health/ready", "/map", "/metrics",
     "/network", "/openapi.json", "/outputs", "/partners", "/partnerships", "/projects", "/queries", "/releases",
     "/robots.txt", "/search", "/sectors", "/sitemap.xml", "/sources", "/sparql/schema.json",
     "/timegate/{path:path}", "/timeline", "/timemap/{path:path}"}
)  # fmt: skip
"""What is for reading only and the same for everyone; with an ending it is that in another format."""
UPDATE = "DELETE WHERE { ?s ?p ?o }"
EXAMPLES = {
    "/graph": "/graph?graph=https://w3id.org/v4graph/graph/river",
    "/graph/{name:path}": "/graph/river",
    "/graph/{source}/revision/{number:number}": "/graph/river/revision/1",
    "/graph/{source}/description/{number:number}": "/graph/river/description/999999",
    "/graph/{source}/compare/{a:number}/{b:number}": "/graph/river/compare/1/1",
    "/blame": f"/blame?iri={PROJECT}",
    "/sparql": "/sparql?query=ASK+%7B%7D",
    "/queries/{topic}/{name}": "/queries/nothing/nothing",
    "/dumps/{name}": "/dumps/nothing",
    "/static/land-{name}.svg": "/static/land-nothing.svg",
    "/ontology/{name}": "/ontology/0.0.0",
    "/ontology/{version}/{name}": "/ontology/0.0.0/nothing",
    "/problems/{slug}": "/problems/not-found",
    "/sitemap-{number:number}.xml": "/sitemap-1.xml",
    "/changes/{number:number}": "/changes/1",
    "/timemap/{path:path}": "/timemap/project/ketgate",
    "/timegate/{path:path}": "/timegate/project/ketgate",
    "/embed/entity/{kind}/{slug}": "/embed/entity/project/ketgate",
    "/sparql/query.json": "/sparql/query.json?name=clusters/list-clusters",
    "/country/{code}": "/country/nowhere",
    "/region/{code}": "/region/nowhere",
    "/oembed": "/oembed?url=https://w3id.org/v4graph/id/project/ketgate",
    "/{path:path}": "/project/ketgate.ttl",
}
"""An address for each path with parameters."""


def rows() -> dict[tuple[str, str], tuple[int, ...]]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    assert tuple(lines[0][2:]) == ROLES
    return {(line[0], line[1]): tuple(map(int, line[2:])) for line in lines[1:]}


@pytest.fixture(scope="module")
def river(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(published_home, tmp_path_factory.mktemp("roles") / "home") as made:
        publisher = made.client("publisher")
        assert publisher.put("/graph/river", content=project(), headers={"Content-Type": TURTLE}).status_code == 201
        yield made


@pytest.fixture(scope="module")
def contribution(river: Instance) -> str:
    """The number of a contribution of the submitter's that is settled already."""
    sent = river.client("submitter").post("/contributions", content=BROKEN, headers={"Content-Type": TURTLE})
    assert sent.status_code == 422
    return str(sent.json()["contribution"])


def ask(river: Instance, role: str, method: str, path: str, contribution: str) -> httpx.Response:
    address = EXAMPLES.get(path, path).replace("{number:number}", contribution).replace("{source}", "river")
    client = river.client(None if role == "nobody" else role)
    headers: dict[str, str] = {}
    content: bytes | None = None
    if method != "GET":
        headers, content = {"Content-Type": TURTLE}, project().encode()
    if path.startswith("/graph") and method != "GET":
        headers["If-Match"] = '"never"'
    if path.endswith("/update"):
        headers["Content-Type"], content = "application/sparql-update", UPDATE.encode()
    elif path.endswith(("/rollback", "/withdraw", "/accept", "/decline", "/confirm")):
        headers["Content-Type"], content = "application/json", b'{"revision": 1, "reason": "r", "note": "n"}'
    elif path in ("/sign-in", "/sign-out", "/sparql") and method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        content = b"query=ASK+%7B%7D" if path == "/sparql" else b"token=x"
        address = path
    elif path == "/contributions" and method == "POST":
        address = "/contributions?source=river&mode=none"
    return client.request(method, address, content=content, headers=headers)


@pytest.mark.parametrize(("method", "path"), rows())
def test_role(river: Instance, contribution: str, method: str, path: str) -> None:
    found = {role: ask(river, role, method, path, contribution) for role in ROLES}
    expected = dict(zip(ROLES, rows()[method, path], strict=True))
    assert {role: answer.status_code for role, answer in found.items()} == expected, found["publisher"].text
    for answer in found.values():
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"].startswith('Bearer realm="v4graph"')


def test_nothing_was_changed_by_all_this(river: Instance) -> None:
    with river.workspace.ledger() as ledger:
        entry = ledger.current("revision", "river")
        assert entry is not None
        assert entry.revision == 1
        assert ledger.standings(source="river", state="pending") == []


_NOT_THERE = {(path, method) for path in ("/contributions/validate", "/sparql") for method in ("PUT", "DELETE")} | {
    ("/sparql/update", method) for method in ("GET", "PUT", "DELETE")
}
"""What answers every method by itself: with 405, or with the description of /sparql."""


def _stem(path: str) -> str:
    return path.partition(".")[0] if path.partition(".")[0] else path.rpartition(".")[0]


def test_what_everyone_may_read_is_the_same_for_everyone(river: Instance, contribution: str) -> None:
    """In short, the roles take turns: each path is read by nobody in particular and by two of the others."""
    turns = cycle(zip(ROLES[1:], (*ROLES[2:], ROLES[1]), strict=True))
    for path in sorted(READ_BY_EVERYONE & {getattr(route, "path", "") for route in river.server.app.routes}):
        asked = ROLES if FULL else ("nobody", *next(turns))
        found = {role: ask(river, role, "GET", path, contribution) for role in asked}
        assert len({answer.status_code for answer in found.values()}) == 1, path
        assert found["nobody"].status_code < 400, (path, found["nobody"].text)


def test_every_route_is_in_the_table(river: Instance) -> None:
    from v4graph import portal
    from v4graph.iris import Iris

    kinds = {f"/{kind}" for kind in portal.kinds(Iris())}
    named = rows()
    missing = []
    routes = [(r.path, r.methods) for r in river.server.app.routes if isinstance(r, Route | APIRoute)]
    routes += [(path.rstrip("/"), None) for path in ("/sparql", "/sparql/update")]
    for path, methods in routes:
        for method in methods or ("GET", "PUT", "POST", "DELETE"):
            if (method, path) in named or method in ("HEAD", "OPTIONS"):
                continue
            if method == "GET" and ({path, _stem(path)} & (READ_BY_EVERYONE | kinds)):
                continue
            if methods is None and (path, method) in _NOT_THERE:
                continue
            missing.append((method, path))
    assert missing == []
    assert [r.path for r in river.server.app.routes if isinstance(r, Mount)] == ["/static"]
