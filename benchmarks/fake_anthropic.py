"""A stand-in for the Messages API: `python -m benchmarks.fake_anthropic --port N`.

A streamed request gets a token each gap, on a schedule that does not drift, the first after one gap. A
request that is not streamed is the app's classification, and is answered to its schema. `PUT /plan`
sets the length of the answers and the gap. It is a bare protocol on uvloop that formats one string a
token: it shares its core with the load client, and neither may be what limits a server.
"""

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any, cast

import orjson
import uvloop

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
_STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"
)
_WHOLE = (
    "HTTP/1.1 {}\r\ncontent-type: application/json\r\n"
    "request-id: req_bench\r\ncontent-length: {}\r\n\r\n"
)
_LAST_CHUNK = b"0\r\n\r\n"
_DELTA = (
    "event: content_block_delta\n"
    'data: {{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{}"}}}}\n\n'
)


class Plan:
    """What every answer is like from now on. `gap` is in seconds; 0 is as fast as it can."""

    def __init__(self) -> None:
        self.tokens = 100
        self.gap = 0.02


class Connection(asyncio.Protocol):
    """One kept connection: a request, its answer, the next request."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._received = b""
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._next:
            self._next.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = _content_length(head) if end else 0
        if end and len(rest) >= length:
            self._received = rest[length:]
            self._answer(head, orjson.loads(rest[:length] or b"{}"))

    def _answer(self, head: bytes, request: dict[str, Any]) -> None:
        if head.startswith(b"PUT /plan "):
            self._plan.tokens, self._plan.gap = request["tokens"], request["gap_ms"] / 1000
            self._whole("200 OK", {})
        elif not head.startswith(b"POST /v1/messages "):
            self._whole("404 Not Found", {"type": "error"})
        elif request.get("stream"):
            self._transport.write(_STREAM + _chunk(_opening()))
            self._schedule(self._loop.time(), 0)
        else:
            self._whole("200 OK", _to_schema(request))

    def _whole(self, status: str, body: dict[str, Any]) -> None:
        raw = orjson.dumps(body)
        self._transport.write(_WHOLE.format(status, len(raw)).encode() + raw)

    def _schedule(self, started: float, number: int) -> None:
        """Token by token even without a gap: an answer never leaves in one piece."""
        if self._plan.gap:
            due = started + (number + 1) * self._plan.gap
            self._next = self._loop.call_at(due, self._token, started, number)
        else:
            self._next = self._loop.call_soon(self._token, started, number)

    def _token(self, started: float, number: int) -> None:
        if number == self._plan.tokens:
            self._transport.write(_chunk(_closing(number)) + _LAST_CHUNK)
            return
        self._transport.write(_chunk(_DELTA.format(stamps.token(number)).encode()))
        if number + 1 == self._plan.tokens:  # an answer ends with its last token
            self._next = self._loop.call_soon(self._token, started, number + 1)
        else:
            self._schedule(started, number + 1)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


def _opening() -> bytes:
    return (
        _event("message_start", message=_MESSAGE)
        + _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + _event("ping")
    )


def _closing(tokens: int) -> bytes:
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    return (
        _event("content_block_stop", index=0)
        + _event("message_delta", delta=ending, usage={"output_tokens": tokens})
        + _event("message_stop")
    )


def _to_schema(request: dict[str, Any]) -> dict[str, Any]:
    """The first choice of every property: whatever the app classifies, it gets a valid answer."""
    schema = request["output_config"]["format"]["schema"]
    value = {name: choice["enum"][0] for name, choice in schema["properties"].items()}
    content = [{"type": "text", "text": orjson.dumps(value).decode()}]
    return {**_MESSAGE, "content": content, "stop_reason": "end_turn"}


async def _serve(port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    plan = Plan()
    server = await loop.create_server(lambda: Connection(plan), "127.0.0.1", port, backlog=1024)
    await stopped.wait()
    server.close()


def main() -> None:
    """Serves until it is stopped."""
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
