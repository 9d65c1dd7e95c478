"""Two vendors on one port, one of which can go down: `python -m benchmarks.fake_vendors --port N`.

`/v1/messages` speaks Anthropic's protocol and `/v1/responses` OpenAI's. `PUT /down` and `PUT /up` take
Anthropic away and bring it back; away, it answers 529 at once.
"""

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

TOKENS = 20
GAP = 0.005
"""Seconds between tokens, and before the first: a turn is short, because the outage is what counts."""

_USAGE = {"input_tokens": 900, "output_tokens": TOKENS}
_OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
_MESSAGE: dict[str, Any] = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "primary",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": _USAGE,
}
_RESPONSE: dict[str, Any] = {
    "id": "resp_bench",
    "object": "response",
    "created_at": 1,
    "model": "secondary",
    "status": "completed",
    "output": [],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        **_USAGE,
        "total_tokens": 900 + TOKENS,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}
_PLACE = {"item_id": "msg_bench", "output_index": 0, "content_index": 0, "logprobs": []}


class FakeVendors:
    """The server, as a bare ASGI application."""

    def __init__(self) -> None:
        self._down = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body", False):
            pass
        match scope["path"]:
            case "/down" | "/up" as path:
                self._down = path == "/down"
                await _whole(send, 200, {})
            case "/v1/messages" if self._down:
                await _whole(send, 529, _OVERLOADED)
            case "/v1/messages":
                await _stream(send, _messages())
            case _:
                await _stream(send, _responses())


async def _messages() -> AsyncIterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _MESSAGE}
    text = {"type": "text", "text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": text}
    for _ in range(TOKENS):
        await asyncio.sleep(GAP)
        delta = {"type": "text_delta", "text": "word "}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": ending, "usage": {"output_tokens": TOKENS}}
    yield {"type": "message_stop"}


async def _responses() -> AsyncIterator[dict[str, Any]]:
    for _ in range(TOKENS):
        await asyncio.sleep(GAP)
        yield {"type": "response.output_text.delta", "delta": "word ", **_PLACE}
    part = {"type": "output_text", "text": "word " * TOKENS, "annotations": []}
    said = {"type": "message", "id": "msg_bench", "role": "assistant", "status": "completed"}
    output = [{**said, "content": [part]}]
    yield {"type": "response.completed", "response": {**_RESPONSE, "output": output}}


async def _stream(send: Send, events: AsyncIterator[dict[str, Any]]) -> None:
    await _start(send, 200, b"text/event-stream")
    async for event in events:
        body = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _whole(send: Send, status: int, body: dict[str, Any]) -> None:
    await _start(send, status, b"application/json")
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def _start(send: Send, status: int, kind: bytes) -> None:
    headers = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


def main() -> None:
    """Serves until it is stopped."""
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(FakeVendors(), port=parser.parse_args().port, lifespan="off", log_level="warning")


if __name__ == "__main__":
    main()
