"""The load client: one WebSocket a conversation, and what arrives on it with the time it came.

Frames are only kept while they arrive and read afterwards: what the client works would be taken from
the server, and count as its delay.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks import stamps
from benchmarks.processes import Server

_ENDS = ('"answer.completed"', '"answer.failed"', '"error"')
"""What the last frame of an answer contains. No token has a quotation mark."""


class AnswerBroken(Exception):
    """What came is not the answer that was sent, or came in pieces that do not fit."""


@dataclass(slots=True)
class Answer:
    """One answer as it arrived. Times are those of `time.monotonic_ns`."""

    asked: int
    frames: list[tuple[int, str]] = field(default_factory=list)

    def arrivals(self) -> list[tuple[int, int, int]]:
        """Each token's number, when it was sent, and when it arrived. Raises AnswerBroken."""
        found: list[tuple[int, int, int]] = []
        text = unread = ""
        for arrived, raw in self.frames:
            frame = json.loads(raw)
            match frame["type"]:
                case "answer.delta":
                    if frame.get("offset", len(text)) != len(text):
                        raise AnswerBroken(f"a gap at {len(text)}: {raw[:200]}")
                    text += frame["text"]
                    tokens, unread = stamps.read(unread + frame["text"])
                    found += [(number, sent, arrived) for number, sent in tokens]
                case "answer.failed" | "answer.reset" | "error":
                    raise AnswerBroken(raw[:200])
                case "answer.completed":
                    _check_transcript(frame, text)
        return found


def _check_transcript(frame: dict[str, Any], text: str) -> None:
    """The app stores the answer; what it stores is what it has sent, but for space at the ends."""
    if "message" in frame and frame["message"]["text"].strip() != text.strip():
        raise AnswerBroken("the stored answer is not the one that was sent")


Opening = Callable[[Server], Awaitable[ClientConnection]]


async def open_bare(server: Server) -> ClientConnection:
    """A socket of the bare relay, which takes questions at once."""
    return await connect(f"ws://{server.address}/", compression=None)


async def open_app(server: Server) -> ClientConnection:
    """A socket of a new visitor of the app, greeted."""
    origin = f"http://{server.address}"
    session = await asyncio.to_thread(_new_session, origin)
    # A browser offers compression and the app declines it.
    address = f"ws://{server.address}/ws/chat/"
    socket = await connect(address, origin=Origin(origin), compression=None)
    await socket.send(json.dumps({"type": "hello", **session}))
    greeting = json.loads(await socket.recv())
    if greeting["type"] != "ready":
        raise AnswerBroken(f"not greeted: {greeting}")
    return socket


def _new_session(origin: str) -> dict[str, str]:
    request = urllib.request.Request(f"{origin}/api/session", data=b"{}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        session: dict[str, str] = json.load(answer)
        return session


async def ask_all(sockets: Sequence[ClientConnection], spread: float) -> list[Answer]:
    """Asks one question on each socket, spread evenly over `spread` seconds; waits for the answers."""
    started = asyncio.get_running_loop().time()
    moments = [started + spread * n / len(sockets) for n in range(len(sockets))]
    return await asyncio.gather(*map(_ask_at, sockets, moments, range(len(sockets))))


async def _ask_at(socket: ClientConnection, moment: float, number: int) -> Answer:
    question = {
        "type": "message.send",
        "id": f"bench-{number}",
        "text": f"Can I return lamp {number} of my last order?",
    }
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
    answer = Answer(time.monotonic_ns())
    await socket.send(json.dumps(question))
    while True:
        frame = await socket.recv(decode=True)
        answer.frames.append((time.monotonic_ns(), frame))
        if any(end in frame for end in _ENDS):
            return answer
