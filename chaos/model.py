"""A Messages API on loopback that answers by the script, and knows which of its streams were cut."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from chaos.script import GAP, Question

_MESSAGE: dict[str, Any] = {
    "id": "msg_chaos",
    "type": "message",
    "role": "assistant",
    "model": "claude-chaos",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {
        "input_tokens": 90,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    },
}

_CALL_TIME = 0.2
"""Seconds that the model thinks about a tool call, so that kills land there too."""


@dataclass(slots=True)
class Stream:
    """One request for an answer. Times are those of the wall, which the database shares."""

    question: Question
    number: int
    calls: bool
    began: float = field(default_factory=time.time)
    ended: float | None = None
    cut: bool = False
    """Whoever asked went away before the end: killed, as nothing here stops an answer."""


class Model:
    """Runs in this process's loop between `__aenter__` and `__aexit__`."""

    def __init__(self) -> None:
        self.url = ""
        self.streams: list[Stream] = []
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/v1/messages", self._messages)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, shutdown_timeout=0.1)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._runner.cleanup()

    @property
    def cut(self) -> int:
        """How many streams were cut so far."""
        return sum(stream.cut for stream in self.streams)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        if not body.get("stream"):
            return web.json_response(_to_schema(body), headers={"request-id": "req_chaos"})
        question, after_tools = _asked(body["messages"])
        if question is None:
            return web.json_response({"type": "error"}, status=400)
        calls = bool(question.calls) and not after_tools
        stream = Stream(question, len(self.streams), calls)
        self.streams.append(stream)
        response = web.StreamResponse(
            headers={"content-type": "text/event-stream", "request-id": "req_chaos"}
        )
        try:
            await response.prepare(request)
            await (_call if calls else _speak)(response, stream)
            stream.ended = time.time()
        except (ConnectionError, asyncio.CancelledError):
            stream.ended, stream.cut = time.time(), True
            raise
        with suppress(ConnectionError):  # it has all it needs, and may have hung up
            await response.write_eof()
        return response


def _asked(messages: list[dict[str, Any]]) -> tuple[Question | None, bool]:
    """The newest question, and whether its tools have answered already."""
    after_tools = False
    for message in reversed(messages):
        if message["role"] != "user":
            continue
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in reversed(blocks):
            if block["type"] == "text" and (question := Question.read(block["text"])):
                return question, after_tools
            after_tools |= block["type"] == "tool_result"
    return None, after_tools


async def _speak(response: web.StreamResponse, stream: Stream) -> None:
    words = stream.question.words(stream.number)
    block = {"type": "text", "text": ""}
    await response.write(
        _event("message_start", message=_MESSAGE)
        + _event("content_block_start", index=0, content_block=block)
    )
    for n, word in enumerate(words):
        await _until(stream.began + (n + 1) * GAP)
        delta = {"type": "text_delta", "text": f" {word}" if n else word}
        await response.write(_event("content_block_delta", index=0, delta=delta))
    await response.write(_event("content_block_stop", index=0) + _end("end_turn", len(words)))


async def _call(response: web.StreamResponse, stream: Stream) -> None:
    await response.write(_event("message_start", message=_MESSAGE))
    await asyncio.sleep(_CALL_TIME)
    blocks = b""
    for n, (name, arguments) in enumerate(stream.question.calls):
        block = {"type": "tool_use", "id": f"toolu_{stream.number}_{n}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        blocks += _event("content_block_start", index=n, content_block=block)
        blocks += _event("content_block_delta", index=n, delta=delta)
        blocks += _event("content_block_stop", index=n)
    await response.write(blocks + _end("tool_use", 20))


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.time()))


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _end(reason: str, tokens: int) -> bytes:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return _event("message_delta", delta=delta, usage={"output_tokens": tokens}) + _event(
        "message_stop"
    )


def _to_schema(body: dict[str, Any]) -> dict[str, Any]:
    """The first choice of every property: whatever is classified, the answer is a valid one."""
    properties = body["output_config"]["format"]["schema"]["properties"]
    value = {name: choice.get("enum", ["chaos"])[0] for name, choice in properties.items()}
    content = [{"type": "text", "text": json.dumps(value)}]
    return {**_MESSAGE, "content": content, "stop_reason": "end_turn"}
