"""``GET /health``: does the server live, is it ready, and how old is what it shows.

``/health/live`` is for whoever restarts what hangs, ``/health/ready`` for whoever sends requests to one of several;
``/health`` tells both, and is ready or not like the latter.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from v4graph.sandbox.pool import Sandbox

_HEADERS = {"Cache-Control": "no-store"}


async def live(request: Request) -> JSONResponse:
    """The process answers, whatever else is wrong."""
    return JSONResponse({"live": True}, headers=_HEADERS)


async def ready(request: Request) -> JSONResponse:
    """Ready (200) or not (503) and why; the number of the snapshot and its age in seconds."""
    sandbox: Sandbox = request.app.state.sandbox
    snapshot = sandbox.snapshot
    why = ""
    if request.app.gate.draining:
        why = "the server is ending"
    elif snapshot is None:
        why = "nothing was published yet, or the store is opening"
    elif not await sandbox.answers():
        why = "no reader answers"
    told: dict[str, object] = {"live": True, "ready": not why}
    if why:
        told["reason"] = why
    if snapshot is not None:
        age = (datetime.now(UTC) - datetime.fromisoformat(snapshot.created)).total_seconds()
        told |= {"snapshot": snapshot.number, "created": snapshot.created, "age": round(max(age, 0), 1)}
    return JSONResponse(told, 503 if why else 200, headers=_HEADERS | ({"Retry-After": "1"} if why else {}))


def add_routes(app: FastAPI) -> None:
    """Add the routes; each described once, for two methods would give two operations of one name."""
    for path, endpoint in (("/health", ready), ("/health/live", live), ("/health/ready", ready)):
        name = path.strip("/").replace("/", "_")
        app.add_api_route(path, endpoint, methods=["GET"], name=name, response_model=None)
        app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False, response_model=None)
