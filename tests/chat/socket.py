"""A client of the chat's WebSocket, for tests: the real application behind channels' communicator."""

import asyncio
import json
from types import TracebackType
from typing import Any
from uuid import uuid4

from channels.testing import WebsocketCommunicator

from chat import identity
from chat.identity import Visitor
from supportbot.asgi import application

TIMEOUT = 20.0
"""Seconds to wait for a frame before the test fails: a busy machine may take several."""


class Socket:
    """One open socket. `frames` is everything it received."""

    def __init__(self, visitor: Visitor | None = None) -> None:
        self.visitor = visitor
        self.frames: list[dict[str, Any]] = []
        headers = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
        self._communicator = WebsocketCommunicator(application, "/ws/chat/", headers=headers)

    async def __aenter__(self) -> "Socket":
        connected, _ = await self._communicator.connect(timeout=TIMEOUT)
        assert connected
        if self.visitor:
            await self.hello()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._communicator.disconnect()

    async def hello(self, **more: Any) -> None:
        assert self.visitor
        token = identity.issue_session(self.visitor)
        await self.send({"type": "hello", "token": token, **more})

    async def send(self, frame: Any) -> None:
        await self._communicator.send_to(text_data=json.dumps(frame))

    async def send_raw(self, *, text: str | None = None, data: bytes | None = None) -> None:
        frame: dict[str, Any] = {"type": "websocket.receive"}
        frame |= {"text": text} if data is None else {"bytes": data}
        await self._communicator.send_input(frame)

    async def say(self, text: str, client_id: str | None = None) -> str:
        client_id = client_id or uuid4().hex
        await self.send({"type": "message.send", "id": client_id, "text": text})
        return client_id

    async def receive(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self._communicator.receive_from(TIMEOUT))
        self.frames.append(frame)
        return frame

    async def event(self) -> dict[str, Any]:
        """The next thing the server does: a `frame` that it sends, or the close of the socket."""
        event: dict[str, Any] = await self._communicator.receive_output(TIMEOUT)
        if "text" in event:
            event["frame"] = json.loads(event["text"])
        return event

    async def until(self, *types: str) -> dict[str, Any]:
        """Reads frames up to the first of one of these types, and returns it."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                frame = await self.receive()
                if frame["type"] in types:
                    return frame

    async def closed(self) -> int:
        """Waits until the server closes it, and returns the code."""
        event = await self._communicator.receive_output(TIMEOUT)
        assert event["type"] == "websocket.close", event
        code: int = event["code"]
        return code

    async def nothing(self) -> bool:
        """Whether no frame arrives for a moment."""
        return bool(await self._communicator.receive_nothing(timeout=0.2))

    async def ask(self, text: str) -> dict[str, Any]:
        """Says something and waits for the end of the answer."""
        await self.say(text)
        return await self.until("answer.completed", "answer.failed")

    @property
    def streamed(self) -> str:
        """The text of the last answer as its deltas gave it, checked for gaps."""
        text = ""
        for frame in self.frames:
            if frame["type"] in {"answer.started", "answer.reset"}:
                text = ""
            elif frame["type"] == "answer.delta":
                assert frame["offset"] <= len(text), "a gap in the deltas"
                text = text[: frame["offset"]] + frame["text"]
        return text
