"""What one request, one client and all clients together may take."""

from __future__ import annotations

import time
from collections import OrderedDict, deque

from starlette.types import Receive, Scope

from v4graph.errors import BadRequest, Overloaded, TooLarge, TooManyRequests, UnknownParameter
from v4graph.settings import Settings

_REMEMBERED = 10_000
"""So many clients or actors are counted at a time; the one that was seen longest ago is forgotten."""


class Rate:
    """How often each of many may do something within a time."""

    def __init__(self, most: int, seconds: float, what: str) -> None:
        """``what`` is told to who does it too often, as in "sent 5 contributions"."""
        self.most = most
        self.seconds = seconds
        self._what = what
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def admit(self, who: str) -> None:
        """Refuse whoever did it too often.

        Raises:
            TooManyRequests: with the seconds to wait.
        """
        times = self._recent(who)
        if len(times) >= self.most:
            wait = max(1, int(times[0] + self.seconds - time.monotonic()) + 1)
            raise TooManyRequests(
                f"You {self._what} {len(times)} times within {self.seconds:g} seconds, which is as often as is "
                f"possible. Try again in {wait} seconds.",
                headers={"Retry-After": str(wait)},
            )

    def count(self, who: str) -> int:
        """It was done once more; how often within the time."""
        times = self._recent(who)
        times.append(time.monotonic())
        self._times[who] = times
        self._times.move_to_end(who)
        while len(self._times) > _REMEMBERED:
            self._times.popitem(last=False)
        return len(times)

    def _recent(self, who: str) -> deque[float]:
        times = self._times.get(who) or deque()
        while times and times[0] <= time.monotonic() - self.seconds:
            times.popleft()
        return times


class Attempts(Rate):
    """Failed sign-ins of each client."""

    def failed(self, client: str) -> float:
        """One more failed; the seconds its answer is kept back, longer each time."""
        return min(2.0, 0.05 * 2.0 ** (self.count(client) - 1))


class Limits:
    """Queries under way, by client and in all; failed sign-ins by client; contributions by actor."""

    def __init__(self, settings: Settings) -> None:
        """Take the bounds from the settings."""
        self.attempts = Attempts(10, 300.0, "came with a token that is not valid")
        self.contributions = Rate(240, 60.0, "sent contributions")
        self._of_one = settings.client_queries
        self._of_all = settings.total_queries
        self._under_way: dict[str, int] = {}
        self._total = 0

    def admit(self, scope: Scope) -> Admission:
        """Count one query while the block runs; refuse it when the client, or everybody, has too many under way."""
        client: str = scope["client"][0] if scope.get("client") else ""
        if self._under_way.get(client, 0) >= self._of_one:
            raise TooManyRequests(
                f"You have {self._of_one} queries under way, which is as many as one client may have. "
                "Wait for one of them to finish, then ask again.",
                headers={"Retry-After": "1"},
            )
        if self._total >= self._of_all:
            raise Overloaded(
                f"The service has {self._of_all} queries under way, which is its limit. Ask again in a few seconds.",
                headers={"Retry-After": "2"},
            )
        return Admission(self, client)

    def enter(self, client: str) -> None:
        """One query more."""
        self._total += 1
        self._under_way[client] = self._under_way.get(client, 0) + 1

    def leave(self, client: str) -> None:
        """One query less."""
        self._total -= 1
        left = self._under_way[client] - 1
        if left:
            self._under_way[client] = left
        else:
            del self._under_way[client]

    @property
    def under_way(self) -> int:
        """How many queries are under way."""
        return self._total


class Admission:
    """One query under way, as a context."""

    __slots__ = ("_client", "_limits")

    def __init__(self, limits: Limits, client: str) -> None:
        """Of a client."""
        self._limits = limits
        self._client = client

    def __enter__(self) -> None:
        self._limits.enter(self._client)

    def __exit__(self, *_: object) -> None:
        self._limits.leave(self._client)


def seconds_asked(value: str | None, longest: float) -> float:
    """The deadline of a query: what ``timeout=`` asks for, never more than the operator allows."""
    if value is None:
        return longest
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UnknownParameter("timeout is a number of seconds greater than 0.", parameter="timeout")
    return min(seconds, longest)


async def read_body(scope: Scope, receive: Receive, limit: int, what: str) -> bytes:
    """The body of a request, refused as soon as it is known to be longer than the limit."""
    refused = TooLarge(f"{what} may have at most {limit} bytes.", limit=limit)
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise refused
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The client went away before the request was complete.")
        body = message.get("body", b"")
        size += len(body)
        if size > limit:
            raise refused
        parts.append(body)
        if not message.get("more_body", False):
            return b"".join(parts)
