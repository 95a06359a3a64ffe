"""``GET /health``: is it ready, and how old is what it shows."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse


async def health(request: Request) -> JSONResponse:
    """Ready (200) or not yet (503), the number of the snapshot, and its age in seconds."""
    snapshot = request.app.state.sandbox.snapshot
    if snapshot is None:
        return JSONResponse({"ready": False}, 503, headers={"Retry-After": "1", "Cache-Control": "no-store"})
    age = (datetime.now(UTC) - datetime.fromisoformat(snapshot.created)).total_seconds()
    told = {"ready": True, "snapshot": snapshot.number, "created": snapshot.created, "age": round(max(age, 0), 1)}
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def add_routes(app: FastAPI) -> None:
    """Add the route; described once, for two methods would give two operations of one name."""
    app.add_api_route("/health", health, methods=["GET"], response_model=None)
    app.add_api_route("/health", health, methods=["HEAD"], include_in_schema=False, response_model=None)
