"""What the server writes down: one line per event, as JSON for machines, in words on a terminal, never with a secret.

An event is a message and, in ``extra={"told": {...}}``, what belongs to it. Whoever logs while a request is answered
need not name the request: its id is known here.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from time import time
from typing import Any, TextIO
from urllib.parse import quote

from starlette.types import Scope

from v4graph.actors import PREFIX

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is being answered."""

POLLED = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})
"""What somebody asks every few seconds; it is written down at the level debug only."""
_TOGETHER_SECONDS = 0.2
_PLAIN = "/:@!$&'()*+,;=~"
"""What a path may show on a terminal as it is; control characters are none of it."""
_SECRET = re.compile(rf"{PREFIX}[\w-]+")


def masked(text: str) -> str:
    """A text without the secrets of tokens, which clients put into every place there is."""
    return _SECRET.sub(f"{PREFIX}…", text) if PREFIX in text else text


def told_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record tells beside its message."""
    told: Mapping[str, Any] = getattr(record, "told", {})
    request = REQUEST.get()
    return {"request": request, **told} if request else dict(told)


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **told_of(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        return masked(json.dumps(line, ensure_ascii=False, default=str))


class Words(logging.Formatter):
    """A line to read on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, and the lines of its traceback."""
        clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        told = " ".join(f"{name}={value}" for name, value in told_of(record).items())
        line = f"{clock} {record.levelname.lower():7} {record.getMessage()} {told}".rstrip()
        if record.exc_info and record.exc_info[1] is not None:
            line += "\n" + "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        return masked(line)


class RequestLines:
    """One line per request, written together a few times a second: a call of the system for each costs too much."""

    def __init__(self, stream: TextIO, level: str, *, terminal: bool) -> None:
        """``level`` is that of the settings: debug also tells paths and query strings, warning only what failed.

        On a terminal the path is told in place of the route.
        """
        self._stream, self._terminal = stream, terminal
        self._detailed = level == "debug"
        self._least = 0 if self._detailed else 1 if level == "info" else 500 if level == "warning" else 1000
        self._lines: list[str] = []
        self._second, self._date = 0, ""

    def add(
        self,
        scope: Scope,
        request: str,
        route: str,
        status: int,
        seconds: float,
        size: int,
        snapshot: bytes | None,
        *,
        cut: bool = False,
    ) -> None:
        """A request was answered; ``cut`` when its answer broke off."""
        path: str = scope["path"]
        if status < self._least or (path in POLLED and not self._detailed):
            return
        now = time()
        if int(now) != self._second:
            self._second = int(now)
            self._date = datetime.fromtimestamp(self._second, UTC).isoformat()[:19]
        method, ms = scope["method"], seconds * 1000
        if self._terminal:
            clock = datetime.fromtimestamp(now).strftime("%H:%M:%S")
            shown = masked(quote(path, safe=_PLAIN))
            line = f"{clock} {method} {shown} {status} {ms:.1f} ms {size} B {request}{' cut' if cut else ''}"
        else:
            level = "warning" if status >= 500 else "info"
            line = (
                f'{{"time": "{self._date}.{int(now * 1000) % 1000:03}+00:00", "level": "{level}", '
                f'"logger": "requests", "message": "request", "request": "{request}", "method": "{method}", '
                f'"route": "{route}", "status": {status}, "ms": {ms:.2f}, "bytes": {size}'
            )
            if snapshot is not None:
                line += f', "snapshot": {snapshot.decode()}'
            if cut:
                line += ', "cut": true'
            if self._detailed:
                search = scope["query_string"].decode("latin-1")
                line += masked(f', "path": {json.dumps(path)}, "search": {json.dumps(search)}')
            line += "}"
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was added."""
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()


def log_config(level: str, *, terminal: bool) -> dict[str, Any]:
    """How the program and the server under it log to standard error, for ``logging.config``."""
    chosen = level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Words if terminal else JsonLines}},
        "handlers": {"errors": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"handlers": ["errors"], "level": "WARNING"},
        "loggers": {"v4graph": {"level": chosen}, "uvicorn": {"level": chosen}},
    }
