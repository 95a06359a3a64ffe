"""What is written to a client at one time leaves together, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvloop

from v4graph.web.connection import Together


def _between(use: Callable[[Together, socket.socket], Awaitable[None]]) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with ours, theirs:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            await use(Together(transport, loop), theirs)

    uvloop.run(main())


async def _all(theirs: socket.socket) -> bytes:
    parts = []
    async with asyncio.timeout(10):
        while part := await asyncio.get_running_loop().sock_recv(theirs, 1 << 20):
            parts.append(part)
    return b"".join(parts)


def test_head_and_body_arrive_as_one() -> None:
    async def use(transport: Together, theirs: socket.socket) -> None:
        transport.write(b"head")
        transport.write(b"body")
        assert await asyncio.get_running_loop().sock_recv(theirs, 100) == b"headbody"
        transport.write(b"more")
        assert await asyncio.get_running_loop().sock_recv(theirs, 100) == b"more"
        transport.close()
        assert await _all(theirs) == b""

    _between(use)


def test_what_was_written_before_the_end_is_sent() -> None:
    async def use(transport: Together, theirs: socket.socket) -> None:
        written = [bytes([number]) * 30_000 for number in range(40)]
        for part in written:
            transport.write(part)
        transport.close()
        assert transport.is_closing()
        transport.write(b"too late")
        assert await _all(theirs) == b"".join(written)

    _between(use)
