"""Tracing: one span an attempt, whatever becomes of it; nothing of what is said unless asked for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel

from chat import telemetry
from chat.llm.base import (
    AssistantMessage,
    Event,
    Overloaded,
    Payer,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    Unsupported,
    UserMessage,
)
from chat.llm.tracing import Traced
from chat.redaction import redact
from tests.fakes import REPORT, ScriptedProvider, calls, fails, says
from tests.observed import Observed, observed

REQUEST = Request(
    "Help ada@mail.example.",
    (
        UserMessage("I am ada@mail.example"),
        AssistantMessage("", (ToolCall("c1", "find", {"email": "ada@mail.example"}),)),
        ToolMessage((ToolResult("c1", "found ada@mail.example"),)),
    ),
    payer=Payer("conversation-1", "customer:C-1"),
)


class Answer(BaseModel):
    text: str


class Structuring(ScriptedProvider):
    """Answers in a structure."""

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        return Structured(schema.model_validate({"text": "to ada@mail.example"}), REPORT)


@pytest.fixture
def seen() -> Iterator[Observed]:
    with observed() as seen:
        yield seen


async def read(stream: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in stream]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_an_answer_is_a_span_of_the_conventions(seen: Observed) -> None:
    script = says("Hello ", "Ada.")
    assert await read(Traced(ScriptedProvider(script)).stream(REQUEST)) == script
    span = seen.span("chat")
    assert (span.name, span.kind) == ("chat script-1", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "script-1",
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "conversation-1",
        "gen_ai.response.model": "script-1",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 0,
        "gen_ai.usage.cache_creation.input_tokens": 0,
        "gen_ai.response.time_to_first_chunk": 0.1,
        "gen_ai.response.finish_reasons": ("stop",),
    }


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says("Hi", reason=StopReason.MAX_TOKENS), "length"),
        (calls(("search", {"query": "kettle"})), "tool_call"),
    ],
)
async def test_why_an_answer_ended(seen: Observed, script: list[Any], reason: str) -> None:
    await read(Traced(ScriptedProvider(script)).stream(REQUEST))
    assert attributes(seen.span("chat"))["gen_ai.response.finish_reasons"] == (reason,)


async def test_a_failure_is_marked_with_its_code_and_nothing_it_says(seen: Observed) -> None:
    provider = Traced(ScriptedProvider(fails(Overloaded("busy, says ada@mail.example"), "Hal")))
    with pytest.raises(Overloaded):
        await read(provider.stream(REQUEST))
    span = seen.span("chat")
    assert attributes(span)["error.type"] == "OVERLOADED"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert span.events == ()
    assert "busy" not in span.to_json()


async def test_a_bug_is_marked_with_its_class(seen: Observed) -> None:
    with pytest.raises(ZeroDivisionError):
        await read(Traced(ScriptedProvider([ZeroDivisionError("x")])).stream(REQUEST))
    assert attributes(seen.span("chat"))["error.type"] == "ZeroDivisionError"


async def test_a_cancelled_attempt_ends_its_span(seen: Observed) -> None:
    provider = Traced(ScriptedProvider([TextDelta("Hel"), 10.0]))
    reading = asyncio.create_task(read(provider.stream(REQUEST)))
    await asyncio.sleep(0.05)
    reading.cancel()
    await asyncio.wait({reading})
    span = seen.span("chat")
    assert attributes(span)["error.type"] == "CANCELLED"
    assert span.status.status_code is StatusCode.UNSET


async def test_a_reader_that_leaves_early_ends_the_span_and_the_request(seen: Observed) -> None:
    class Closing(ScriptedProvider):
        left = False

        async def stream(self, request: Request) -> AsyncIterator[Event]:
            try:
                yield TextDelta("Hel")
                yield TextDelta("lo")
            finally:
                self.left = True

    provider = Closing()
    events = Traced(provider).stream(REQUEST)
    assert isinstance(events, AsyncGenerator)
    await anext(events)
    await events.aclose()
    assert provider.left
    assert attributes(seen.span("chat"))["error.type"] == "CANCELLED"


async def test_a_reader_that_leaves_after_the_end_cancels_nothing(seen: Observed) -> None:
    events = Traced(ScriptedProvider(says("Hi"))).stream(REQUEST)
    assert isinstance(events, AsyncGenerator)
    for _ in says("Hi"):
        await anext(events)
    await events.aclose()
    assert "error.type" not in attributes(seen.span("chat"))


async def test_the_span_lies_below_its_readers_and_never_becomes_current(seen: Observed) -> None:
    with telemetry.round_span(1) as above:
        async for _ in Traced(ScriptedProvider(says("a", "b"))).stream(REQUEST):
            assert trace.get_current_span() is above
    assert seen.parent(seen.span("chat")) == "round"


async def test_a_structured_request_has_a_span(seen: Observed) -> None:
    await Traced(Structuring()).complete_structured(REQUEST, Answer)
    span = seen.span("chat")
    assert attributes(span)["gen_ai.output.type"] == "json"
    assert attributes(span)["gen_ai.usage.input_tokens"] == 100
    assert "gen_ai.output.messages" not in attributes(span)


async def test_a_structured_request_that_fails_is_marked(seen: Observed) -> None:
    with pytest.raises(Unsupported):
        await Traced(ScriptedProvider()).complete_structured(REQUEST, Answer)
    assert attributes(seen.span("chat"))["error.type"] == "UNSUPPORTED"


async def test_nothing_said_is_recorded_by_default(seen: Observed) -> None:
    await read(Traced(ScriptedProvider(says("To ada@mail.example."))).stream(REQUEST))
    assert "ada@" not in seen.text()
    assert "messages" not in seen.text()


async def test_content_is_redacted_when_it_is_recorded(seen: Observed) -> None:
    script = [*says("To ada@mail.example.")[:1], *calls(("find", {"email": "ada@mail.example"}))]
    await read(Traced(ScriptedProvider(script), content=redact).stream(REQUEST))
    await Traced(Structuring(), content=redact).complete_structured(REQUEST, Answer)
    assert "ada@mail.example" not in seen.text()
    streamed, structured = map(attributes, seen.spans)
    for span in (streamed, structured):
        assert span["gen_ai.input.messages"].count("[email]") == 3
        assert "Help [email]." in span["gen_ai.system_instructions"]
    assert streamed["gen_ai.output.messages"].count("[email]") == 2
    assert structured["gen_ai.output.messages"].count("[email]") == 1


async def test_content_that_is_not_redacted_shows_that_redaction_is_what_hides_it(
    seen: Observed,
) -> None:
    await read(Traced(ScriptedProvider(says("Hi")), content=str).stream(REQUEST))
    assert "ada@mail.example" in seen.text()


async def test_where_nothing_is_traced_no_layer_is_in_between() -> None:
    class Plain(ScriptedProvider):
        def stream(self, request: Request) -> AsyncIterator[Event]:
            self.events = super().stream(request)
            return self.events

    provider = Plain(says("Hi"))
    assert Traced(provider).stream(REQUEST) is provider.events


async def test_it_passes_for_what_it_wraps() -> None:
    provider = ScriptedProvider()
    traced = Traced(provider)
    assert (traced.name, traced.model) == ("scripted", "script-1")
    await traced.close()
    assert provider.closed


async def test_a_request_nobody_pays_for_has_no_conversation(seen: Observed) -> None:
    await read(Traced(ScriptedProvider(says("Hi"))).stream(replace(REQUEST, payer=None)))
    assert "gen_ai.conversation.id" not in attributes(seen.span("chat"))
