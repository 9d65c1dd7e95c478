"""What the tests of the adapters share: one conversation, scripted servers, readers of events."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict, Field

from chat.llm.base import (
    AssistantMessage,
    End,
    Event,
    Progress,
    Provider,
    ProviderError,
    Request,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    ToolUse,
    UsageReport,
    UserMessage,
)

KEY = "sk-secret-9f3a1c"
CUSTOMER_TEXT = "my card 4111 1111 1111 1111 was charged twice"

SEARCH = ToolSpec(
    name="search",
    description="Searches the articles.",
    schema={
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
    },
)
STATUS = ToolSpec(
    name="status",
    description="Looks up an order.",
    schema={"type": "object", "properties": {}},
)

QUESTION = Request(system="Be brief.", messages=(UserMessage("Do you ship to Norway?"),))

WITH_TOOLS = Request(system="Be brief.", messages=QUESTION.messages, tools=(SEARCH, STATUS))

SECOND_ROUND = Request(
    system="Be brief.",
    messages=(
        UserMessage("Hello"),
        AssistantMessage("Hi, how can I help?"),
        UserMessage("Do you ship to Norway?"),
        AssistantMessage("Let me look.", (ToolCall("call_1", "search", {"query": "Norway"}),)),
        ToolMessage((ToolResult("call_1", "Nothing found.", is_error=True),)),
    ),
    tools=(SEARCH, STATUS),
)


NOT_ARGUMENTS = [
    pytest.param('{"query": ', id="cut"),
    pytest.param("[1]", id="array"),
    pytest.param('"Norway"', id="string"),
    pytest.param("null", id="null"),
    pytest.param('{"query": NaN}', id="NaN"),
    pytest.param('{"query": 1e999}', id="infinite"),
    pytest.param("[" * 9999, id="too deep to parse"),
    pytest.param('{"query": "Norway"} and more', id="trailing text"),
    pytest.param('{"query": "\\ud83d"}', id="half a surrogate pair"),
    pytest.param('{"query": "\\u0000"}', id="NUL"),
]
"""What models write for arguments that must not run."""


class Verdict(BaseModel):
    """What a message is about."""

    model_config = ConfigDict(extra="forbid")

    topic: str
    urgency: int = Field(ge=1, le=3)


class Build(Protocol):
    """Makes a provider that is closed when the test ends."""

    def __call__(
        self,
        *,
        base_url: str | None = ...,
        connect_timeout: float = ...,
        timeout: float = ...,
        http_client: httpx2.AsyncClient | None = ...,
    ) -> Provider: ...


@dataclass
class Script:
    """A server behind `httpx2.MockTransport`: answers with `respond`, keeps what it was asked."""

    respond: Callable[[httpx2.Request], httpx2.Response]
    requests: list[httpx2.Request] = field(default_factory=list)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self.respond(request)

    @property
    def body(self) -> dict[str, Any]:
        """The body of the one request there was."""
        (request,) = self.requests
        body: dict[str, Any] = json.loads(request.content)
        return body


def streams(*chunks: bytes, status: int = 200, **headers: str) -> Script:
    """A server whose body comes in `chunks`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent["content-type"] = "text/event-stream"

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return Script(lambda _: httpx2.Response(status, content=body(), headers=sent))


def answers(body: Mapping[str, Any], status: int = 200, **headers: str) -> Script:
    """A server that answers with JSON."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script(lambda _: httpx2.Response(status, json=body, headers=sent))


def sse(events: Sequence[Mapping[str, Any]]) -> bytes:
    """Events as a server sends them, each named by its type where it has one."""
    return b"".join(
        (f"event: {event['type']}\n" if "type" in event else "").encode()
        + f"data: {json.dumps(event)}\n\n".encode()
        for event in events
    )


def yes(adapter: str) -> list[bytes]:
    """The events of the shortest whole answer, "Yes.", in the protocol of `adapter`."""
    match adapter:
        case "anthropic":
            started = {"usage": {"input_tokens": 10, "output_tokens": 1}}
            said = {"type": "text_delta", "text": "Yes."}
            events: list[dict[str, Any]] = [
                {"type": "message_start", "message": started},
                {"type": "content_block_delta", "index": 0, "delta": said},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
                {"type": "message_stop"},
            ]
        case "openai":
            ended = {"status": "completed", "output": []}
            events = [
                {"type": "response.output_text.delta", "delta": "Yes."},
                {"type": "response.completed", "response": ended},
            ]
        case _:
            choice = {"delta": {"content": "Yes."}, "finish_reason": "stop"}
            return [sse([{"choices": [choice]}]), b"data: [DONE]\n\n"]
    return [sse([event]) for event in events]


async def collect(provider: Provider, request: Request) -> list[Event]:
    return [event async for event in provider.stream(request)]


async def fails(provider: Provider, request: Request) -> ProviderError:
    """How an answer fails."""
    with pytest.raises(ProviderError) as failed:
        await collect(provider, request)
    return failed.value


async def gather(events: AsyncIterator[Event], into: list[Event]) -> None:
    """Reads a stream that may break; what came before stays in `into`."""
    async for event in events:
        into.append(event)


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def calls_of(events: list[Event]) -> list[ToolCall]:
    return [event.call for event in events if isinstance(event, ToolUse)]


def heard(events: list[Event]) -> list[TextDelta | Progress]:
    """What came while the answer was under way."""
    return [event for event in events if isinstance(event, (TextDelta, Progress))]


def report_of(events: list[Event]) -> UsageReport:
    (report,) = [event for event in events if isinstance(event, UsageReport)]
    return report


def end_of(events: list[Event]) -> End:
    end = events[-1]
    assert isinstance(end, End)
    return end
