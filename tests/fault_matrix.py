"""What the fault matrix is made of: the vendors' servers that fail, and one whole turn against them."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async

from chat import providers
from chat.identity import Visitor
from chat.llm import stack
from chat.models import Message, UsageRecord
from tests.chat.llm.support import KEY, sse
from tests.chat.socket import Socket

QUESTION = "How long does a refund take?"
ANSWER = "one two three"
"""Of few events, because a test breaks it at each of them. The offline engine says none of it."""

VENDORS = {"anthropic": "anthropic", "openai": "openai", "openai_compatible": "openai"}
"""The providers, and whose protocol llmock speaks for each."""


@dataclass(frozen=True)
class Outcome:
    """How a turn ended, as the customer, the database and the ledger have it."""

    kind: str
    streamed: str
    stored: str
    resets: int
    seconds: float
    written_by: str
    attempts: tuple[str, ...]
    """What became of each request to the vendor: "ok" or an error's code."""


@asynccontextmanager
async def installed(
    name: str, address: str, *, first_token: float = 3.0, token_gap: float = 3.0
) -> AsyncIterator[None]:
    """The app with one vendor at `address`, the offline engine behind it, and closed breakers."""
    account = stack.Account(KEY, address, "model-1")
    built = stack.build(
        stack.Configuration(
            (name, "offline"),
            anthropic=account,
            openai=account,
            openai_compatible=account,
            connect_timeout=2.0,
            first_token_timeout=first_token,
            token_gap_timeout=token_gap,
        )
    )
    providers.install(built)
    yield
    await built.close()


async def one_turn(vendor: str) -> Outcome:
    """A new customer asks, through the app's WebSocket."""
    visitor = Visitor(owner=f"visitor:{uuid4().hex}")
    started = time.monotonic()
    async with Socket(visitor) as socket:
        end = await socket.ask(QUESTION)
        seconds = time.monotonic() - started
        stored, written_by, attempts = await _recorded(visitor, vendor)
        return Outcome(
            kind=end["type"],
            streamed=socket.streamed,
            stored=stored,
            resets=sum(frame["type"] == "answer.reset" for frame in socket.frames),
            seconds=seconds,
            written_by=written_by,
            attempts=attempts,
        )


@sync_to_async
def _recorded(visitor: Visitor, vendor: str) -> tuple[str, str, tuple[str, ...]]:
    replies = Message.objects.filter(
        conversation__owner=visitor.owner, role=Message.Role.ASSISTANT
    ).select_related("turn")
    rows = UsageRecord.objects.filter(conversation__owner=visitor.owner)
    asked = rows.filter(provider=vendor).order_by("pk")
    reply = replies.get()
    return (
        reply.text,
        reply.turn.provider if reply.turn else "",
        tuple(row.error_code or row.outcome for row in asked),
    )


class Stream:
    """A server that answers every request with the same events, which llmock knows no way to say."""

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._body = sse(events)
        self.requests = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Its address."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            yield f"http://127.0.0.1:{port}"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(
            int(line.split(":")[1])
            for line in head.splitlines()
            if line.startswith("content-length:")
        )
        await reader.readexactly(length)
        self.requests += 1
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        )
        # The text and what follows are two network chunks, as they are when a model writes.
        *text, last = self._body.split(b"\n\n")[:-1]
        writer.write(b"\n\n".join([*text, b""]))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(last + b"\n\n")
        await writer.drain()
        writer.close()


_TEXT = {"type": "text", "text": ""}
_DELTA = {"type": "text_delta", "text": "one "}
_MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "model-1",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 9, "output_tokens": 1},
}
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
_CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "model-1"}

IN_BAND: dict[str, list[dict[str, Any]]] = {
    "anthropic": [
        {"type": "message_start", "message": _MESSAGE},
        {"type": "content_block_start", "index": 0, "content_block": _TEXT},
        {"type": "content_block_delta", "index": 0, "delta": _DELTA},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
    "openai": [
        {"type": "response.output_text.delta", "delta": "one ", **_PLACE},
        {"type": "error", "code": "server_error", "message": "x", "param": None},
    ],
    "openai_compatible": [
        {**_CHUNK, "choices": [{"index": 0, "delta": {"content": "one "}, "finish_reason": None}]},
        {"error": {"type": "server_error", "code": 503, "message": "x"}},
    ],
}
"""A stream that began with status 200, and an error in it after the first word."""


@dataclass
class Row:
    """One fault at one provider, over one or more turns."""

    fault: str
    provider: str
    landed: int
    requests: int
    turns: list[Outcome] = field(default_factory=list)

    def cells(self) -> list[str]:
        codes = sorted({code for turn in self.turns for code in turn.attempts})
        writers = sorted({turn.written_by for turn in self.turns})
        return [
            self.fault,
            self.provider,
            str(len(self.turns)),
            str(self.landed),
            str(self.requests),
            ", ".join(codes),
            " or ".join(writers),
            str(sum(turn.resets for turn in self.turns)),
            f"{max(turn.seconds for turn in self.turns):.1f}",
        ]


HEAD = "Fault|Provider|Turns|Faults landed|Requests|Attempts ended|Answered by|Resets|Slowest, s"


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    heads = HEAD.split("|")
    lines = [heads, ["---"] * len(heads), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
