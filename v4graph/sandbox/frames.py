"""What parent and children say to each other: one byte of kind, four bytes of length, the payload.

Children are not trusted to be sane once they have read something from outside, so payloads are bytes or JSON
(never pickles) and a frame that is larger than any honest one is an error.
"""

from __future__ import annotations

import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:  # the children start without the 4 ms that typing costs
    from collections.abc import Iterator
    from typing import Any

HEAD = struct.Struct(">cI")
CHUNK = 64 * 1024
"""Bytes of an answer that travel together."""
_LONG = 1 << 20
LIMIT = 2**32 - 1
"""Largest frame there can be; the parent gives its ``Splitter`` the largest it is ready to hold."""

# parent to child
OPEN = b"o"  # JSON: what to open, the limits
JOB = b"j"  # JSON: the work
BODY = b"b"  # bytes that belong to the job announced before
# child to parent
READY = b"r"  # JSON: opened and confined
WHOLE = b"w"  # form, retire flag, the complete answer: one frame, one round trip
FORM = b"f"  # form: the answer is longer and follows in chunks
DATA = b"d"  # a chunk
END = b"e"  # retire flag: the last chunk was sent
FAILED = b"x"  # JSON: type and message of what went wrong

FORMS = ("solutions", "boolean", "graph")
RETIRE = b"1"
STAY = b"0"


class BrokenFrame(Exception):
    """The other side sent what is not a frame, or went away in the middle of one."""


_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEAD.pack(kind, len(payload)) + payload


def pack_json(kind: bytes, value: Any) -> bytes:
    """One frame with a JSON payload."""
    return pack(kind, _encode(value).encode())


def pack_line(value: Any) -> bytes:
    """JSON in a line of its own, before what needs no packing."""
    return f"{_encode(value)}\n".encode()


class Splitter:
    """Cuts a stream of bytes into frames, for a side that must not block."""

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int = LIMIT) -> None:
        """Frames longer than ``limit`` are an error."""
        self._rest = b""
        self._limit = limit

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The frames that are complete with this data."""
        if self._rest:
            data = self._rest + data
        frames = []
        start = 0
        size = len(data)
        while size - start >= 5:
            kind, length = HEAD.unpack_from(data, start)
            if length > self._limit:
                raise BrokenFrame(f"a frame of {length} bytes")
            end = start + 5 + length
            if end > size:
                break
            frames.append((kind, data[start + 5 : end]))
            start = end
        self._rest = data[start:] if start < size else b""
        return frames


def write_all(fd: int, data: bytes) -> None:
    """Write everything, blocking."""
    sent = os.write(fd, data)
    if sent < len(data):
        view = memoryview(data)
        while sent < len(data):
            sent += os.write(fd, view[sent:])


def read_frames(fd: int) -> Iterator[tuple[bytes, bytes]]:
    """Frames as they come, blocking, until the other side closes.

    The file descriptor is read with ``read``, not ``recv``: the socket calls are forbidden in a confined process.
    """
    buffer = bytearray()
    landing = memoryview(bytearray(CHUNK))
    while True:
        while len(buffer) < 5:
            if not _fill(fd, buffer, landing):
                if buffer:
                    raise BrokenFrame("the other side went away within a frame")
                return
        kind, length = HEAD.unpack_from(buffer)
        if length > LIMIT:
            raise BrokenFrame(f"a frame of {length} bytes")
        if length > _LONG:
            landing = memoryview(bytearray(_LONG))
        while len(buffer) < 5 + length:
            if not _fill(fd, buffer, landing):
                raise BrokenFrame("the other side went away within a frame")
        payload = bytes(memoryview(buffer)[5 : 5 + length])
        del buffer[: 5 + length]
        yield kind, payload


def _fill(fd: int, buffer: bytearray, landing: memoryview) -> bool:
    # into a place that is there: to make room for the largest read there may be costs more than a small one
    size = os.readv(fd, [landing])
    buffer += landing[:size]
    return size > 0
