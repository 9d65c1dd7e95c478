"""Every adapter against a real server on loopback: what it answers, and how it may fail."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from chat.llm.base import (
    AssistantMessage,
    AuthenticationFailed,
    ConnectionFailed,
    ContextTooLong,
    Event,
    InvalidRequest,
    Malformed,
    Overloaded,
    ProviderError,
    RateLimited,
    Request,
    ServerFailed,
    StopReason,
    TextDelta,
    TimedOut,
    ToolMessage,
    ToolResult,
    Truncated,
)
from tests.chat.llm.conftest import NOWHERE, Wire
from tests.chat.llm.support import (
    QUESTION,
    WITH_TOOLS,
    Build,
    Verdict,
    calls_of,
    collect,
    end_of,
    gather,
    report_of,
    text_of,
)

ANSWER = "Yes, we ship to Norway within five days."
MIDDLE = 5
"""Chunks after which every protocol is inside the text of ANSWER."""


async def test_an_answer_arrives_in_pieces_then_usage_then_the_end(wire: Wire) -> None:
    wire.server.reply(ANSWER).pace(30)

    events = await collect(wire.provider(), QUESTION)

    assert text_of(events) == ANSWER
    assert sum(isinstance(event, TextDelta) for event in events) > 3
    assert end_of(events).reason is StopReason.END
    report = report_of(events)
    assert events[-2] is report
    assert (report.provider, report.model) == (wire.adapter, "model-1")
    assert report.usage.input_tokens > 0
    assert report.usage.output_tokens > 0
    assert report.first_token is not None
    assert 0 < report.first_token <= report.latency < 5


async def test_a_tool_runs_in_the_middle_and_the_answer_follows(wire: Wire) -> None:
    wire.server.call_tool("search", {"query": "Norway"}).reply(ANSWER)
    provider = wire.provider()

    first = await collect(provider, WITH_TOOLS)
    (call,) = calls_of(first)
    assert (call.name, call.arguments) == ("search", {"query": "Norway"})
    assert end_of(first).reason is StopReason.TOOL_USE
    assert report_of(first).first_token is not None

    said = (AssistantMessage(text_of(first), (call,)), ToolMessage((ToolResult(call.id, "Yes."),)))
    request = Request("Be brief.", (*WITH_TOOLS.messages, *said), WITH_TOOLS.tools)
    second = await collect(provider, request)

    assert text_of(second) == ANSWER
    assert end_of(second).reason is StopReason.END


async def test_a_tool_call_after_text_keeps_both(wire: Wire) -> None:
    wire.server.call_tool("search", {"query": "Norway"}, text="Let me look.")

    events = await collect(wire.provider(), WITH_TOOLS)

    assert text_of(events) == "Let me look."
    assert len(calls_of(events)) == 1
    assert end_of(events).reason is StopReason.TOOL_USE


async def test_malformed_tool_json_is_a_call_that_cannot_run(wire: Wire) -> None:
    wire.server.call_tool("search", {"query": "Norway"}).break_tool_call("malformed_arguments")

    (call,) = calls_of(await collect(wire.provider(), WITH_TOOLS))

    assert call.name == "search"
    assert call.arguments is None


async def test_a_rate_limit_carries_what_the_server_asks_to_wait(wire: Wire) -> None:
    wire.server.rate_limit(retry_after=300)

    with pytest.raises(RateLimited) as failed:
        await collect(wire.provider(), QUESTION)

    assert failed.value.retry_after == 300
    assert failed.value.status == 429
    assert failed.value.retryable


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequest),
        (401, AuthenticationFailed),
        (402, AuthenticationFailed),
        (403, AuthenticationFailed),
        (404, InvalidRequest),
        (408, TimedOut),
        (409, ServerFailed),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, ServerFailed),
        (502, ServerFailed),
        (504, ServerFailed),
        (529, Overloaded),
    ],
)
async def test_a_status_has_its_error_and_one_attempt(
    wire: Wire, status: int, error: type[ProviderError]
) -> None:
    wire.server.outage(status=status)

    with pytest.raises(ProviderError) as failed:
        await collect(wire.provider(), QUESTION)

    assert type(failed.value) is error
    assert failed.value.provider == wire.adapter
    assert failed.value.status == status
    assert len(wire.server.requests) == 1


async def test_a_prompt_too_long_is_told_from_other_bad_requests(wire: Wire) -> None:
    wire.server.context_overflow()

    with pytest.raises(ContextTooLong):
        await collect(wire.provider(), QUESTION)


async def test_a_connection_dropped_in_the_middle_is_an_error_after_the_text(wire: Wire) -> None:
    wire.server.reply(ANSWER).disconnect(after_chunks=MIDDLE)
    events: list[Event] = []

    with pytest.raises(ConnectionFailed):
        await gather(wire.provider().stream(QUESTION), events)

    assert ANSWER.startswith(text_of(events))
    assert all(isinstance(event, TextDelta) for event in events)


async def test_a_connection_dropped_before_the_first_chunk_is_an_error(wire: Wire) -> None:
    wire.server.disconnect(after_chunks=0)

    with pytest.raises(ConnectionFailed):
        await collect(wire.provider(), QUESTION)


async def test_a_stream_without_a_stop_reason_is_an_error(wire: Wire) -> None:
    wire.server.reply(ANSWER).truncate(after_chunks=MIDDLE)

    with pytest.raises(Truncated):
        await collect(wire.provider(), QUESTION)


async def test_a_corrupt_chunk_is_the_servers_failure(wire: Wire) -> None:
    wire.server.reply(ANSWER).corrupt(after_chunks=MIDDLE)

    with pytest.raises(ServerFailed):
        await collect(wire.provider(), QUESTION)


async def test_a_stall_ends_at_the_time_out(wire: Wire) -> None:
    wire.server.reply(ANSWER).stall(after_chunks=MIDDLE, seconds=5)
    started = time.monotonic()

    with pytest.raises(TimedOut):
        await collect(wire.provider(timeout=0.3), QUESTION)

    assert 0.25 < time.monotonic() - started < 2


async def test_a_server_that_never_answers_ends_at_the_time_out(wire: Wire) -> None:
    wire.server.delay(5)

    with pytest.raises(TimedOut):
        await collect(wire.provider(timeout=0.3), QUESTION)


async def test_a_refused_connection_is_not_a_time_out(build: Build) -> None:
    with pytest.raises(ConnectionFailed):
        await collect(build(base_url=NOWHERE), QUESTION)


@pytest.mark.parametrize("fault", ["truncate", "disconnect"])
async def test_a_cut_at_any_event_is_an_error_unless_the_answer_was_whole(
    wire: Wire, fault: str
) -> None:
    provider = wire.provider()
    wire.server.reply("one two three")
    await collect(provider, QUESTION)
    chunks = wire.server.last_request.chunks_sent
    outcomes = []

    for after in range(chunks):
        wire.server.reset().tool_mode("off").reply("one two three")
        getattr(wire.server, fault)(after_chunks=after)
        events: list[Event] = []
        try:
            await gather(provider.stream(QUESTION), events)
        except (Truncated, ConnectionFailed):
            outcomes.append("error")
            assert "one two three".startswith(text_of(events))
        else:
            outcomes.append("whole")
            assert text_of(events) == "one two three"
            assert end_of(events).reason is StopReason.END

    assert outcomes.count("error") >= chunks - 2
    assert outcomes == sorted(outcomes), "whole only at the very end"


async def test_a_reader_who_stops_early_stops_the_server(wire: Wire) -> None:
    wire.server.reply("word " * 200).pace(20)
    stream = wire.provider().stream(QUESTION)
    assert isinstance(stream, AsyncGenerator)

    async with aclosing(stream):
        async for _ in stream:
            break

    await asyncio.sleep(0.5)
    assert not wire.server.last_request.completed
    assert wire.server.last_request.chunks_sent < 100


async def test_a_cancelled_reader_stops_the_server(wire: Wire) -> None:
    wire.server.reply("word " * 200).pace(20)
    task = asyncio.create_task(collect(wire.provider(), QUESTION))
    await asyncio.sleep(0.5)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.sleep(0.5)
    assert not wire.server.last_request.completed
    assert wire.server.last_request.chunks_sent < 100


async def test_a_closed_provider_can_be_used_again(wire: Wire) -> None:
    provider = wire.provider()
    await collect(provider, QUESTION)
    await provider.close()

    assert text_of(await collect(provider, QUESTION))


async def test_a_structured_answer_is_an_instance_of_its_schema(wire: Wire) -> None:
    if wire.adapter == "anthropic":
        wire.server.reply('{"topic": "shipping", "urgency": 2}')  # llmock ignores output_config

    structured = await wire.provider().complete_structured(QUESTION, Verdict)

    assert isinstance(structured.value, Verdict)
    assert structured.report.usage.input_tokens > 0
    assert structured.report.first_token is None


async def test_a_structured_answer_that_does_not_fit_is_an_error(wire: Wire) -> None:
    wire.server.reply('{"topic": "shipping", "urgency": 9}')

    with pytest.raises(Malformed) as failed:
        await wire.provider().complete_structured(QUESTION, Verdict)

    assert failed.value.problems == "urgency: less_than_equal le 3"
    assert failed.value.text == '{"topic": "shipping", "urgency": 9}'
    assert failed.value.usage is not None
    assert "shipping" not in f"{failed.value} {failed.value!r}"


async def test_a_structured_request_maps_errors_like_a_stream(wire: Wire) -> None:
    wire.server.rate_limit(retry_after=7)

    with pytest.raises(RateLimited) as failed:
        await wire.provider().complete_structured(QUESTION, Verdict)

    assert failed.value.retry_after == 7
