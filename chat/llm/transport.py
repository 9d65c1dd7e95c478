"""HTTP under the SDKs: one client for each event loop, time-outs, and what a broken line means."""

import asyncio
import ssl
from collections.abc import Callable
from functools import cache
from typing import Generic, Protocol, TypeVar

import httpx2

from chat.llm.base import ConnectionFailed, ProviderError, TimedOut

CONNECT_TIMEOUT = 5.0
"""Seconds. A server that cannot be reached by then has a fallback that can."""


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


def sdk_timeout(seconds: float) -> httpx2.Timeout:
    """Limits for a request whose server may be silent for `seconds`."""
    connect = min(CONNECT_TIMEOUT, seconds)
    return httpx2.Timeout(seconds, connect=connect, pool=connect)


def transport_failure(provider: str, error: BaseException) -> ProviderError:
    """Names a failure of the connection itself.

    The root cause decides, not the type on top: openai's aiohttp transport reports a refused
    connection as a time-out.
    """
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    timed_out = isinstance(root, (TimeoutError, httpx2.TimeoutException))
    return (TimedOut if timed_out else ConnectionFailed)(type(root).__name__, provider)
