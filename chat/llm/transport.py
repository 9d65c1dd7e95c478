"""HTTP under the SDKs: one client for each event loop, time-outs, bodies, and what a broken line
means."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Generic, Protocol, TypeVar

import aiohttp
import httpx2

from chat.llm.base import ConnectionFailed, ProviderError, TimedOut

CONNECT_TIMEOUT = 5.0
"""Seconds. A server that cannot be reached by then has a fallback that can."""

READ_TIMEOUT = 30.0
"""Seconds. The longest silence before or within an answer; models that think send pings."""

LAST_BYTES = 0.2
"""Seconds for a body to end that has said all. It ends at once, and its connection can be used
again; a server that leaves it open must not keep the customer waiting."""

BROKEN_LINE = (httpx2.TransportError, OSError, aiohttp.ClientError)
"""What leaves the SDKs when HTTP itself fails. They translate aiohttp's errors, but not all of
them: openai's lets those through that an answer raises which is no HTTP."""

HEADERS = {"accept-encoding": "identity"}
"""Sent with every request: a proxy that compresses a stream holds pieces of it back."""


class _Closable(Protocol):
    async def close(self) -> None: ...


Client = TypeVar("Client", bound=_Closable)


class PerLoop(Generic[Client]):
    """One client for each event loop, built on first use and kept.

    Connections belong to the loop that opened them, and one process has several: the server's, and
    one for each Celery task that runs a turn. A loop that ends should `close` first.
    """

    def __init__(self, build: Callable[[], Client]) -> None:
        self._build = build
        self._clients: dict[asyncio.AbstractEventLoop, Client] = {}

    def get(self) -> Client:
        """The running loop's client."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            for ended in [other for other in list(self._clients) if other.is_closed()]:
                self._clients.pop(ended, None)
            self._clients[loop] = self._build()
        return self._clients[loop]

    async def close(self) -> None:
        """Closes the running loop's client; the next `get` builds a new one."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()


@cache
def tls_context() -> ssl.SSLContext:
    """The process's one TLS context. The SDKs make one a client, which takes 18 ms of CPU: as much
    as relaying a hundred tokens, for each background task."""
    return httpx2.create_ssl_context()


def sdk_timeout(*, connect: float, silence: float | None) -> httpx2.Timeout:
    """Limits, in seconds, for a connection to come about and for the longest silence on it; None for
    no limit."""
    return httpx2.Timeout(silence, connect=connect, pool=connect)


@asynccontextmanager
async def body_of(response: httpx2.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body of a streamed response as it comes; a body not read to its end is broken off."""
    # `aiter_bytes` adds two layers to every chunk, for nothing where the body is as it was sent.
    plain = "content-encoding" not in response.headers
    if plain and isinstance(response.stream, httpx2.AsyncByteStream):
        chunks = aiter(response.stream)
    else:
        chunks = aiter(response.aiter_bytes())
    try:
        yield chunks
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
        await response.aclose()


async def read_out(chunks: AsyncIterator[bytes]) -> None:
    """Waits for the end of a body that has said all, LAST_BYTES at most."""
    with suppress(TimeoutError, httpx2.HTTPError, OSError):
        async with asyncio.timeout(LAST_BYTES):
            async for _ in chunks:
                pass


def heard_nothing(error: BaseException) -> bool:
    """Whether a server that had the request stayed silent for too long."""
    return any(isinstance(cause, httpx2.ReadTimeout) for cause in _causes(error))


def transport_failure(provider: str, error: BaseException) -> ProviderError:
    """Names a failure of the connection itself.

    The root cause decides, not the type on top: openai's aiohttp transport reports a refused
    connection as a time-out.
    """
    *_, root = _causes(error)
    timed_out = isinstance(root, (TimeoutError, httpx2.TimeoutException)) or heard_nothing(error)
    return (TimedOut if timed_out else ConnectionFailed)(type(root).__name__, provider)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
