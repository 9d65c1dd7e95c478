"""What a socket has still to be sent, in order, and what becomes of a client that does not read it.

A client that keeps up is written to at once. For one that does not, frames wait here, up to a cap; then
what the relay has for it is dropped, and it gets the whole state anew once it has read the rest. One
that needs longer than PATIENCE for that is not worth the memory.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

logger = logging.getLogger(__name__)

CAP = 256 * 1024
"""Bytes that wait for one client: several long answers. Servers buffer 64 KiB more."""

PATIENCE = 60.0
"""Seconds that a client over the cap gets to read what waits."""

LAST_WORDS = 2.0
"""Seconds for a close frame to reach a client."""

TOO_SLOW = 4408
"""The close code of a client that reads too slowly: HTTP's 408 among the codes of applications."""

TRY_AGAIN = 1013
"""The close code of a socket whose state cannot be had now (IANA's registry: try again later)."""

ABORT = "supportbot.abort"
"""The extension of a socket's scope that ends its connection without sending what is buffered."""

WRITABLE = "supportbot.writable"
"""The extension that tells whether a `send` would go on at once."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Line:
    """The way to one client. `caught_up` is called when one that missed something has read the rest: it
    sends the state with `insist`, and tells whether it could."""

    def __init__(
        self, send: Send, extensions: Mapping[str, Any], caught_up: Callable[[], Awaitable[bool]]
    ) -> None:
        self._send = send
        self._abort: Callable[[], None] | None = extensions.get(ABORT)
        self._writable: Callable[[], bool] | None = extensions.get(WRITABLE)
        self._caught_up = caught_up
        self._waiting: deque[str] = deque()
        self._size = 0
        self._missed = False
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None
        self._giving_up: asyncio.TimerHandle | None = None

    async def reply(self, text: str) -> None:
        """Sends what the client asked for. Waits while too much waits already: whoever asks and does
        not read is not heard meanwhile."""
        await self.insist(text)
        while self._size > CAP and self._writer and not self._closing:
            await asyncio.wait({self._writer})

    async def pass_on(self, text: str) -> None:
        """Sends what others have said, or drops it. Never waits for the client."""
        if self._missed or (self._size and self._size + _size(text) > CAP):
            self._miss()
        else:
            await self.insist(text)

    async def insist(self, text: str) -> None:
        """Sends what must not be dropped, without waiting for the client."""
        if self._closing:
            return
        if self._writer is None and self._writable and self._writable():
            await self._write(text)
            return
        self._waiting.append(text)
        self._size += _size(text)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())

    async def close(self, code: int) -> None:
        """Closes the socket once all is sent, or soon."""
        if self._writer and not self._closing:
            await asyncio.wait({self._writer}, timeout=LAST_WORDS)
        await self._close(code)

    def hang_up(self) -> None:
        """The socket is closed; what waits is for nobody."""
        self._closing = True
        self._waiting.clear()
        if self._giving_up:
            self._giving_up.cancel()
        if self._writer:
            self._writer.cancel()

    async def _write_all(self) -> None:
        """Writes what waits; afterwards what the client missed. A task only while something waits."""
        try:
            while self._waiting:
                text = self._waiting.popleft()
                await self._write(text)
                self._size -= _size(text)
                if self._missed and not self._waiting and not self._closing:
                    await self._make_up()
        finally:
            self._writer = None

    async def _make_up(self) -> None:
        if self._giving_up:
            self._giving_up.cancel()
        self._missed, self._giving_up = False, None
        if not await self._caught_up():
            await self._close(TRY_AGAIN)

    def _miss(self) -> None:
        self._missed = True
        if self._giving_up is None:
            loop = asyncio.get_running_loop()
            self._giving_up = loop.call_later(PATIENCE, self._give_up)

    def _give_up(self) -> None:
        self.hang_up()
        self._closer = asyncio.create_task(self._close(TOO_SLOW))

    async def _write(self, text: str) -> None:
        """Writes to the socket. One that is closing takes no more, and `disconnect` follows: what
        was for it must not fail the turn that sent it, nor the sockets after it."""
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:  # ASGI's word for it, and daphne's
            logger.debug("a frame came too late for a closing socket: %s", error)

    async def _close(self, code: int) -> None:
        """Closes, and ends the connection even where the close frame cannot be sent."""
        self._closing = True
        if self._abort:
            asyncio.get_running_loop().call_later(2 * LAST_WORDS, self._abort)
        with suppress(OSError, RuntimeError, TimeoutError):  # it is closed already, or stalled
            async with asyncio.timeout(LAST_WORDS):
                await self._send({"type": "websocket.close", "code": code})


def _size(text: str) -> int:
    """Bytes that a text takes, at most."""
    return len(text) if text.isascii() else 4 * len(text)
