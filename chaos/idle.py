"""Sockets by the thousand in one process: each greets, answers pings, asks whether the line is alive, and
comes back after a loss as the widget does."""

import asyncio
import base64
import json
import os
import socket
from dataclasses import dataclass, field
from random import Random
from typing import cast

from benchmarks.sockets import cut

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
"""Seconds, as in static/widget/connection.js."""

QUIET = 20
"""Seconds without a word after which the widget asks whether the line is alive."""

PATIENCE = 12.0
"""Seconds until a connection or a greeting counts as failed."""

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


class Line(asyncio.Protocol):
    """One WebSocket, after `opened`. `lost` is set once it is gone; `code` tells how, if the server did."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.code = 0
        self.received = 0
        self._data = bytearray()
        self._upgraded = False
        self._transport: asyncio.Transport
        self._awaited: tuple[bytes, asyncio.Future[bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set()
        if self._awaited and not self._awaited[1].done():
            self._awaited[1].set_exception(ConnectionError("the line is gone"))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._data += data
        if not self._upgraded:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._transport.abort()
                return
            self._upgraded, self._data = True, rest
            self._hear(b"HTTP")
        while (frame := cut(self._data)) is not None:
            self._take(*frame)

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == _TEXT:
            self._hear(payload)
        elif kind == _PING:
            self._write(_PONG, payload)
        elif kind == _CLOSE:
            self.code = int.from_bytes(payload[:2], "big")
            self._transport.close()

    def _hear(self, said: bytes) -> None:
        if self._awaited and self._awaited[0] in said and not self._awaited[1].done():
            self._awaited[1].set_result(said)

    def _write(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        # Masked with zeros, which changes nothing: a mask guards proxies, and there is none.
        self._transport.write(bytes([kind]) + length + bytes(4) + payload)

    async def until(self, said: bytes) -> bytes:
        """The next frame that contains this. Raises ConnectionError or TimeoutError."""
        if self.lost.is_set():
            raise ConnectionError("the line is gone")
        waiting: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited = said, waiting
        try:
            async with asyncio.timeout(PATIENCE):
                return await waiting
        finally:
            self._awaited = None

    def say(self, **frame: object) -> None:
        self._write(_TEXT, json.dumps(frame).encode())

    async def echo(self) -> float:
        """Seconds from a ping to its pong. Raises ConnectionError or TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.say(type="ping")
        await self.until(b'"pong"')
        return loop.time() - began

    def stall(self) -> None:
        """Reads no more."""
        self._transport.pause_reading()

    def abort(self) -> None:
        """Ends as a lost network does: no close frame."""
        self._transport.abort()


async def opened(port: int, token: str, *, buffer: int = 0) -> Line:
    """A greeted line to a server of loopback; `buffer` is the bytes that the kernel may keep for it.
    Raises OSError or TimeoutError."""
    raw = socket.socket()
    if buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            await loop.sock_connect(raw, ("127.0.0.1", port))
            _, line = await loop.create_connection(Line, sock=raw)
    except BaseException:
        raw.close()
        raise
    key = base64.b64encode(os.urandom(16)).decode()
    upgraded = asyncio.ensure_future(line.until(b"HTTP"))
    line._transport.write(
        f"GET /ws/chat/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    await upgraded
    line.say(type="hello", token=token)
    await line.until(b'"ready"')
    return line


@dataclass
class Visitor:
    """Somebody with the chat open, who says nothing. `drops` are losses that nobody meant."""

    port: int
    token: str
    rng: Random
    quiet: float
    line: Line | None = None
    drops: int = 0
    echoes: list[float] = field(default_factory=list)
    returned: float | None = None
    """Seconds from the last `cut` until the next greeting was answered."""

    async def sit(self) -> None:
        """Keeps the line until cancelled: asks whether it is alive, and opens another when it is not."""
        await asyncio.sleep(self.rng.uniform(0, self.quiet))
        while True:
            try:
                if self.line is None or self.line.lost.is_set():
                    self.drops += 1
                    self.line = await opened(self.port, self.token)
                self.echoes.append(await self.line.echo())
            except (OSError, TimeoutError):
                continue
            await asyncio.sleep(self.quiet)

    async def come_back(self) -> None:
        """Loses the line and opens another, with full jitter between the attempts."""
        began = asyncio.get_running_loop().time()
        assert self.line
        self.line.abort()
        attempts = 0
        while True:
            attempts += 1
            ceiling = min(LONGEST_DELAY, FIRST_DELAY * 2.0**attempts)
            await asyncio.sleep(self.rng.uniform(FIRST_DELAY, ceiling))
            try:
                self.line = await opened(self.port, self.token)
            except (OSError, TimeoutError):
                continue
            self.returned = asyncio.get_running_loop().time() - began
            return
