"""Fetching from addresses that others name: only public ones, politely, and never more than was agreed to.

A host is resolved once, every address it has is checked, and the connection goes to exactly the address that was
checked, so that a name cannot lead somewhere else a moment later (DNS rebinding). Each redirect goes the same way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from v4graph import __version__
from v4graph.errors import AddressRefused, FetchFailed

AGENT = "v4graph"
"""The name by which ``robots.txt`` may address us (RFC 9309 §2.2.1)."""
USER_AGENT = f"{AGENT}/{__version__} (+https://w3id.org/v4graph/)"
REDIRECTS = 5
_MB = 1 << 20

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back, decompressed; ``url`` is the address after redirects."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type, lower case, without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


async def resolve(host: str, port: int, *, private: bool = False) -> list[Address]:
    """The addresses of a host, all of them public unless ``private`` ones are allowed.

    Raises:
        AddressRefused: one of them is not public.
        FetchFailed: the host is not known.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"The host {host} is not known ({error}).") from error
    addresses = [ipaddress.ip_address(str(sockaddr[0]).split("%")[0]) for *_, sockaddr in found]
    for address in addresses:
        if not private and not is_public(address):
            raise AddressRefused(
                f"{host} is at {address}, which is not a public address. The operator may allow it explicitly."
            )
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address may be fetched from: not loopback, private, link-local, multicast or reserved."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return is_public(inner)
        if address in ipaddress.IPv6Network("64:ff9b::/96"):  # NAT64 leads to an IPv4 address
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast


class Guarded(httpx.AsyncBaseTransport):
    """A transport that connects to checked addresses only."""

    def __init__(self, *, private: bool = False) -> None:
        """``private`` allows addresses that are not public."""
        self._private = private
        self._inner = httpx.AsyncHTTPTransport(verify=ssl.create_default_context(), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Resolve, check, and send the request to the address itself, under the name that was asked for."""
        url = request.url
        if url.scheme not in ("http", "https") or not url.host or url.userinfo:
            raise AddressRefused(f"{url} is no plain http or https address.")
        [address, *_] = await resolve(
            url.host, url.port or (443 if url.scheme == "https" else 80), private=self._private
        )
        request.headers["Host"] = url.netloc.decode("ascii")
        request.extensions = {**request.extensions, "sni_hostname": url.raw_host.decode("ascii").strip("[]")}
        request.url = url.copy_with(host=str(address))
        try:
            return await self._inner.handle_async_request(request)
        finally:
            request.url = url

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def fetch(
    url: str,
    *,
    private: bool = False,
    headers: Mapping[str, str] | None = None,
    largest: int = 16 * _MB,
    seconds: float = 30.0,
    redirects: int = REDIRECTS,
    content: bytes | None = None,
    before: Callable[[str], Awaitable[None]] | None = None,
    client: httpx.AsyncClient | None = None,
) -> Fetched:
    """Get a document: redirects followed and checked, time and (decompressed) size limited.

    Args:
        url: where it is.
        private: whether addresses that are not public may be used.
        headers: headers of the request.
        largest: bytes that are taken at most.
        seconds: within which all of it must be here.
        redirects: that are followed at most.
        content: is sent by POST; then no redirect is followed.
        before: is told every address before it is asked, and may raise.
        client: one made by ``client_for``, to keep the connection; ``private`` is then its business.

    Raises:
        AddressRefused: it leads to an address that is not public.
        FetchFailed: nobody answers in time, or with more than is taken, or without end of redirects.
    """
    try:
        kept = nullcontext(client) if client is not None else client_for(private=private)
        async with asyncio.timeout(seconds), kept as connected:
            for _ in range(redirects + 1):
                if before is not None:
                    await before(url)
                answer = await _ask(connected, url, headers or {}, content, largest)
                target = answer.headers.get("location")
                if answer.status not in (301, 302, 303, 307, 308) or not target or content is not None:
                    return answer
                if urlsplit(url).scheme == "https" and urlsplit(urljoin(url, target)).scheme == "http":
                    raise FetchFailed(f"{url} redirects to {target}, which is not encrypted.")
                url = urljoin(url, target)
    except TimeoutError:
        raise FetchFailed(f"{url} did not answer whole within {seconds:g} seconds.") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, ssl.SSLError) as error:
        raise FetchFailed(f"{url} does not answer ({error or type(error).__name__}).") from error
    raise FetchFailed(f"More than {redirects} redirects lead on to {url}.")


def client_for(*, private: bool = False) -> httpx.AsyncClient:
    """A client for many documents of one host: it keeps the connection, and connects to checked addresses only."""
    named = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"}
    return httpx.AsyncClient(
        transport=Guarded(private=private), headers=named, timeout=None, trust_env=False, follow_redirects=False
    )  # fmt: skip


async def _ask(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], content: bytes | None, largest: int
) -> Fetched:
    method = "GET" if content is None else "POST"
    async with client.stream(method, url, headers=dict(headers), content=content) as answer:
        told = {name.lower(): value for name, value in answer.headers.items()}
        packing = told.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "gzip", "x-gzip"):
            raise FetchFailed(f"{url} is packed as {packing}, which was not asked for.")
        unpack = zlib.decompressobj(31) if packing != "identity" else None
        body = bytearray()
        async for piece in answer.aiter_raw():
            try:
                body += unpack.decompress(piece, largest + 1 - len(body)) if unpack else piece
            except zlib.error as error:
                raise FetchFailed(f"{url} is not packed as it says ({error}).") from error
            if len(body) > largest:
                raise FetchFailed(f"{url} is larger than {largest / _MB:g} MB.")
        if unpack is not None and not unpack.eof and body:
            raise FetchFailed(f"{url} ended in the middle.")
        return Fetched(url, answer.status_code, told, bytes(body))
