"""The load client: one WebSocket a conversation, and what arrives on it with the time it came.

It speaks just enough of RFC 6455 (server frames are not masked, nothing is compressed) and reads what
frames say only once the load is over: what the client works would be taken from the fake provider on
its core, and count as a server's delay.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.request import Request, urlopen

from benchmarks import stamps
from benchmarks.processes import Server

_ENDS = (b'"answer.completed"', b'"answer.failed"', b'"error"')
"""What the last frame of an answer contains. No token has a quotation mark."""

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A


class AnswerBroken(Exception):
    """What came is not the answer that was sent, or came in pieces that do not fit."""


@dataclass(slots=True)
class Answer:
    """One answer as it arrived. Times are those of `time.monotonic_ns`."""

    asked: int
    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def arrivals(self) -> list[tuple[int, int, int]]:
        """Each token's number, when it was sent, and when it arrived. Raises AnswerBroken."""
        found: list[tuple[int, int, int]] = []
        text = unread = ""
        for arrived, raw in self.frames:
            frame = json.loads(raw)
            match frame["type"]:
                case "answer.delta":
                    if frame.get("offset", len(text)) != len(text):
                        raise AnswerBroken(f"a gap at {len(text)}: {raw[:200]!r}")
                    text += frame["text"]
                    tokens, unread = stamps.read(unread + frame["text"])
                    found += [(number, sent, arrived) for number, sent in tokens]
                case "answer.failed" | "answer.reset" | "error":
                    raise AnswerBroken(repr(raw[:200]))
                case "answer.completed":
                    _check_transcript(frame, text)
        return found


def _check_transcript(frame: dict[str, Any], text: str) -> None:
    """The app stores the answer; what it stores is what it has sent, but for space at the ends."""
    if "message" in frame and frame["message"]["text"].strip() != text.strip():
        raise AnswerBroken("the stored answer is not the one that was sent")


class Socket(asyncio.Protocol):
    """A WebSocket as a client, after its handshake. `connect` opens one."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self._data = bytearray()
        self._greeted = False
        self._transport: asyncio.Transport
        self._arrived = asyncio.Event()
        self._ends: tuple[bytes, ...] = ()
        self._lost: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = self._lost or repr(error)
        self._arrived.set()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        self._data += data
        if not self._greeted:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._lost = f"no WebSocket: {bytes(head[:200])!r}"
            self._greeted, self._data = True, rest
            self._arrived.set()
        while (frame := cut(self._data)) is not None:
            self._take(now, *frame)

    def _take(self, now: int, kind: int, payload: bytes) -> None:
        if kind == _TEXT:
            self.frames.append((now, payload))
            if any(end in payload for end in self._ends):
                self._arrived.set()
        elif kind == _PING:
            self._send(_PONG, payload)
        elif kind == _CLOSE:
            self._lost = f"closed: {payload!r}"
            self._arrived.set()

    def _send(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        # Masked with zeros, which changes nothing: a mask guards proxies, and there is none.
        self._transport.write(bytes([kind]) + length + bytes(4) + payload)

    async def open(self, server: Server, path: str) -> None:
        """Shakes hands. Raises ConnectionError."""
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {path} HTTP/1.1\r\nHost: {server.address}\r\nOrigin: {server.origin}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        await self._arrives()

    async def ask(self, frame: dict[str, Any], *ends: bytes) -> Answer:
        """Sends a frame and waits for one that contains one of `ends`. Raises ConnectionError."""
        self.frames, self._ends = [], ends
        answer = Answer(time.monotonic_ns(), self.frames)
        self._send(_TEXT, json.dumps(frame).encode())
        await self._arrives()
        return answer

    async def _arrives(self) -> None:
        await self._arrived.wait()
        self._arrived.clear()
        if self._lost is not None:
            raise ConnectionError(self._lost)

    def close(self) -> None:
        self._transport.close()


def cut(data: bytearray) -> tuple[int, bytes] | None:
    """Takes the first frame off `data`, if it is all there: its first byte, and what it carries."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(data[2:10], "big"), 10
    if len(data) < start + size:
        return None
    frame = data[0], bytes(data[start : start + size])
    del data[: start + size]
    return frame


Opening = Callable[[Server], Awaitable[Socket]]


async def connect(server: Server, path: str) -> Socket:
    """A WebSocket of a server. Raises ConnectionError."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(Socket, "127.0.0.1", server.port)
    await socket.open(server, path)
    return socket


async def open_peer(server: Server) -> Socket:
    """A socket of a bare relay, which takes questions at once."""
    return await connect(server, "/")


async def open_app(server: Server) -> Socket:
    """A socket of a new visitor of the app, greeted."""
    session = await asyncio.to_thread(_new_session, server.origin)
    socket = await connect(server, "/ws/chat/")
    await socket.ask({"type": "hello", **session}, b'"ready"', *_ENDS)
    greeting = socket.frames[-1][1]
    if b'"ready"' not in greeting:
        raise AnswerBroken(f"not greeted: {greeting[:200]!r}")
    return socket


def _new_session(origin: str) -> dict[str, str]:
    with urlopen(Request(f"{origin}/api/session", data=b"{}"), timeout=30) as answer:
        session: dict[str, str] = json.load(answer)
        return session


async def ask_all(sockets: Sequence[Socket], spread: float) -> list[Answer]:
    """Asks one question on each socket, spread evenly over `spread` seconds; waits for the answers."""
    started = asyncio.get_running_loop().time()
    moments = [started + spread * n / len(sockets) for n in range(len(sockets))]
    return await asyncio.gather(*map(_ask_at, sockets, moments, range(len(sockets))))


async def _ask_at(socket: Socket, moment: float, number: int) -> Answer:
    question = {
        "type": "message.send",
        "id": f"bench-{number}",
        "text": f"Can I return lamp {number} of my last order?",
    }
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
    return await socket.ask(question, *_ENDS)
