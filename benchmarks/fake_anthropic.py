"""A stand-in for the Messages API: `python -m benchmarks.fake_anthropic --port N`.

A streamed request gets a token each gap, on a schedule that does not drift, the first after one gap. A
request that is not streamed is the app's classification, and is answered to its schema. It is a bare
ASGI application: what it costs would be taken from the servers it is there to measure.
"""

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from benchmarks import stamps

_MESSAGE: dict[str, Any] = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "claude-bench",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {
        "input_tokens": 900,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1,
    },
}
_REQUEST_ID = (b"request-id", b"req_bench")

KEEP_ALIVE = 300
"""Seconds an idle connection stays open: longer than any pause between rounds. A connection that ends
in the moment it is used again is a fault, and faults are not what is measured."""


class FakeAnthropic:
    """Answers `POST /v1/messages` with `tokens` tokens, `gap` seconds apart."""

    def __init__(self, tokens: int, gap: float) -> None:
        self._tokens = tokens
        self._gap = gap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = json.loads(await _body(receive))
        if request.get("stream"):
            await _start(send, b"text/event-stream; charset=utf-8")
            async for event in self._events():
                await send({"type": "http.response.body", "body": event, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        else:
            await _start(send, b"application/json")
            await send({"type": "http.response.body", "body": _to_schema(request)})

    async def _events(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        text = {"type": "text", "text": ""}
        yield (
            _event("message_start", message=_MESSAGE)
            + _event("content_block_start", index=0, content_block=text)
            + _event("ping")
        )
        for number in range(self._tokens):
            await asyncio.sleep(started + (number + 1) * self._gap - loop.time())
            delta = {"type": "text_delta", "text": stamps.token(number)}
            yield _event("content_block_delta", index=0, delta=delta)
        ending = {"stop_reason": "end_turn", "stop_sequence": None}
        yield (
            _event("content_block_stop", index=0)
            + _event("message_delta", delta=ending, usage={"output_tokens": self._tokens})
            + _event("message_stop")
        )


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _start(send: Send, kind: bytes) -> None:
    headers = [(b"content-type", kind), _REQUEST_ID]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def _to_schema(request: dict[str, Any]) -> bytes:
    """The first choice of every property: whatever the app classifies, it gets a valid answer."""
    schema = request["output_config"]["format"]["schema"]
    value = {name: choice["enum"][0] for name, choice in schema["properties"].items()}
    content = [{"type": "text", "text": json.dumps(value)}]
    return json.dumps({**_MESSAGE, "content": content, "stop_reason": "end_turn"}).encode()


def main() -> None:
    """Serves until it is stopped."""
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--gap-ms", type=float, required=True)
    options = parser.parse_args()
    application = FakeAnthropic(options.tokens, options.gap_ms / 1000)
    uvicorn.run(
        application,
        port=options.port,
        lifespan="off",
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE,
    )


if __name__ == "__main__":
    main()
