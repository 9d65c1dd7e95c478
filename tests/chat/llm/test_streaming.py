"""What is alike in every streamed answer: how chunks become events, and what a failure took."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import pytest_asyncio

from chat.llm.base import (
    AssistantMessage,
    ConnectionFailed,
    End,
    Event,
    InvalidRequest,
    Progress,
    Request,
    ServerFailed,
    StopReason,
    TextDelta,
    TimedOut,
    ToolCall,
    ToolMessage,
    ToolResult,
    Truncated,
    Usage,
    UserMessage,
)
from chat.llm.sse import MAX_EVENT
from tests.chat.llm.conftest import NOWHERE, Wire
from tests.chat.llm.support import (
    QUESTION,
    WITH_TOOLS,
    Build,
    collect,
    end_of,
    fails,
    gather,
    heard,
    report_of,
    streams,
    text_of,
    yes,
)

ANSWER = "Yes, we ship to Norway within five days."

Serve = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def raw() -> AsyncIterator[Serve]:
    """Starts servers that read a request, write what they are told and then keep silent."""
    servers: list[asyncio.Server] = []
    done = asyncio.Event()

    async def start(*writes: bytes) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.writelines(writes)
            await done.wait()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    done.set()
    for server in servers:
        server.close()


HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"request-id: req_7\r\nx-request-id: req_7\r\ntransfer-encoding: chunked\r\n\r\n"
)


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


# From chunks to events


async def test_what_one_chunk_brings_leaves_as_one_event(adapter: str, build: Build) -> None:
    events = yes(adapter)
    text = events[-2] if adapter != "anthropic" else events[1]
    twice = text.replace(b'"stop"', b"null").replace(b"response.completed", b"x") + text

    one = await collect(build(http_client=streams(twice, *events).client()), QUESTION)
    each = await collect(build(http_client=streams(text, *events).client()), QUESTION)

    assert heard(one) == [TextDelta("Yes.Yes."), TextDelta("Yes.")]
    assert heard(each) == [TextDelta("Yes."), TextDelta("Yes.")]


async def test_chunks_may_be_cut_at_any_byte(adapter: str, build: Build) -> None:
    body = b"".join(yes(adapter)).replace(b"Yes.", "Jæ 🚢".encode())

    for cut in range(0, len(body), 3):
        script = streams(body[:cut], body[cut:])
        events = await collect(build(http_client=script.client()), QUESTION)
        assert text_of(events) == "Jæ 🚢", cut
        assert events[-1] == End(StopReason.END)


async def test_comments_and_pings_are_no_progress(adapter: str, build: Build) -> None:
    pings = [b": processing\n\n", b'event: ping\ndata: {"type": "ping"}\n\n', b"\n"]

    events = await collect(
        build(http_client=streams(*pings, *yes(adapter), *pings).client()), QUESTION
    )

    assert heard(events) == [TextDelta("Yes.")]


async def test_a_tool_call_is_progress_until_it_is_whole(wire: Wire) -> None:
    wire.server.call_tool("search", {"query": "Norway " * 40}).pace(20)

    events = await collect(wire.provider(), WITH_TOOLS)

    assert events.count(Progress()) > 1
    assert set(heard(events)) == {Progress()}
    assert report_of(events).first_token is not None


async def test_half_a_surrogate_pair_costs_a_character_not_the_answer(
    adapter: str, build: Build
) -> None:
    body = b"".join(yes(adapter)).replace(b"Yes.", b"Yes\\ud83d.")

    events = await collect(build(http_client=streams(body).client()), QUESTION)

    assert text_of(events) == "Yes?."


async def test_a_compressed_body_is_read_though_nobody_asked_for_one(
    adapter: str, build: Build
) -> None:
    script = streams(gzip.compress(b"".join(yes(adapter))), content_encoding="gzip")

    events = await collect(build(http_client=script.client()), QUESTION)

    assert text_of(events) == "Yes."
    assert script.requests[0].headers["accept-encoding"] == "identity"


async def test_a_server_that_leaves_a_finished_body_open_keeps_nobody_waiting(
    adapter: str, build: Build, raw: Serve
) -> None:
    url = await raw(HEAD, chunked(*yes(adapter)))

    async with asyncio.timeout(10):
        events = await collect(build(base_url=url, timeout=30.0), QUESTION)

    assert text_of(events) == "Yes."
    assert end_of(events).reason is StopReason.END


async def test_an_answer_without_any_count_is_charged_an_estimate(
    adapter: str, build: Build
) -> None:
    body = b"".join(yes(adapter)).replace(b"_tokens", b"_unknown")

    script = streams(body.replace(b"Yes.", b"Yes, " * 40))
    report = report_of(await collect(build(http_client=script.client()), QUESTION))

    size = len(script.requests[0].content)
    assert report.usage == Usage(size // 4, len("Yes, " * 40) // 4)


async def test_a_connection_and_a_silence_have_limits_of_their_own(
    adapter: str, build: Build
) -> None:
    script = streams(*yes(adapter))

    await collect(build(http_client=script.client(), connect_timeout=2.0, timeout=40.0), QUESTION)

    limits = script.requests[0].extensions["timeout"]
    assert (limits["connect"], limits["read"]) == (2.0, 40.0)


# What a failure took


async def test_a_stream_cut_short_is_charged_what_was_sent_and_heard(wire: Wire) -> None:
    for fault in ("truncate", "disconnect", "corrupt"):
        wire.server.reset().tool_mode("off").reply(ANSWER * 4)
        getattr(wire.server, fault)(after_chunks=20)
        events: list[Event] = []

        with pytest.raises((Truncated, ConnectionFailed, ServerFailed)) as failed:
            await gather(wire.provider().stream(QUESTION), events)

        usage = failed.value.usage
        assert usage is not None, fault
        assert usage.input_tokens > 0, fault
        # A connection that is reset may lose what had arrived, and then nobody heard it.
        heard_of = 1 if fault != "disconnect" else 0
        assert usage.output_tokens >= max(heard_of, len(text_of(events)) // 4), fault


async def test_a_stall_is_charged_too(wire: Wire) -> None:
    wire.server.reply(ANSWER).stall(after_chunks=5, seconds=5)

    error = await fails(wire.provider(timeout=0.3), QUESTION)

    assert isinstance(error, TimedOut)
    assert error.usage is not None
    assert error.usage.input_tokens > 0


async def test_a_server_that_heard_the_question_and_kept_silent_may_have_worked(
    wire: Wire,
) -> None:
    wire.server.delay(5)

    error = await fails(wire.provider(timeout=0.3), QUESTION)

    assert isinstance(error, TimedOut)
    assert error.usage is not None
    assert error.usage.input_tokens > 20
    assert error.usage.output_tokens == 0


@pytest.mark.parametrize("status", [400, 429, 500, 529])
async def test_a_refused_request_took_nothing(wire: Wire, status: int) -> None:
    wire.server.outage(status=status)

    assert (await fails(wire.provider(), QUESTION)).usage is None


async def test_a_request_that_never_arrived_took_nothing(build: Build) -> None:
    assert (await fails(build(base_url=NOWHERE), QUESTION)).usage is None


async def test_a_failure_in_the_stream_keeps_the_request_id(
    adapter: str, build: Build, raw: Serve
) -> None:
    url = await raw(HEAD, chunked(b"data: {\n\n"))

    error = await fails(build(base_url=url), QUESTION)

    assert isinstance(error, ServerFailed)
    assert error.request_id == "req_7"


async def test_an_event_without_end_is_the_servers_failure(build: Build) -> None:
    endless = [b"data: " + b"x" * 65536] * (MAX_EVENT // 65536 + 1)

    error = await fails(build(http_client=streams(*endless).client()), QUESTION)

    assert isinstance(error, ServerFailed)
    assert error.usage is not None


@pytest.mark.parametrize(
    "written",
    [
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\x00\r\n\r\n",
    ],
)
async def test_a_server_that_speaks_no_http_is_a_broken_connection(
    build: Build, raw: Serve, written: bytes
) -> None:
    error = await fails(build(base_url=await raw(written)), QUESTION)

    assert isinstance(error, ConnectionFailed)


async def test_a_request_that_is_no_json_is_not_sent(build: Build) -> None:
    script = streams(b"")
    request = Request("", (UserMessage("half a pair: \ud83d"),))

    error = await fails(build(http_client=script.client()), request)

    assert isinstance(error, InvalidRequest)
    assert script.requests == []


# The prefix that a cache knows again


TURNS: tuple[tuple[UserMessage | AssistantMessage | ToolMessage, ...], ...] = (
    (UserMessage("Do you ship to Norway?"),),
    (
        AssistantMessage("Let me look.", (ToolCall("call_1", "search", {"b": 1, "a": [2, 3]}),)),
        ToolMessage((ToolResult("call_1", "Yes."),)),
    ),
    (AssistantMessage("Yes, we do."), UserMessage("And to Chile?")),
    (AssistantMessage("No."), UserMessage("Thanks.")),
)


async def test_a_request_begins_as_the_one_before_it(adapter: str, build: Build) -> None:
    stable, growing = [], []
    for end in range(1, len(TURNS) + 1):
        script = streams(*yes(adapter))
        messages = tuple(message for turn in TURNS[:end] for message in turn)
        await collect(build(http_client=script.client()), replace(WITH_TOOLS, messages=messages))
        body = script.body
        said = body.pop("input" if adapter == "openai" else "messages")
        stable.append(json.dumps(body))
        growing.append(words(said))

    assert len(set(stable)) == 1
    for before, after in pairwise(growing):
        assert after.startswith(before)


def words(messages: object) -> str:
    """Messages as they are written, without their end and without the marks, which are no content."""
    return json.dumps(messages).replace(', "cache_control": {"type": "ephemeral"}', "")[:-3]


async def test_arguments_read_back_in_another_order_are_sent_alike(
    adapter: str, build: Build
) -> None:
    sent = []
    for arguments in ({"b": {"d": 1, "c": 2}, "a": 3}, {"a": 3, "b": {"c": 2, "d": 1}}):
        script = streams(*yes(adapter))
        called = AssistantMessage("", (ToolCall("call_1", "search", arguments),))
        result = ToolMessage((ToolResult("call_1", "Yes."),))
        request = replace(WITH_TOOLS, messages=(*QUESTION.messages, called, result))
        await collect(build(http_client=script.client()), request)
        sent.append(script.requests[0].content)

    assert sent[0] == sent[1]


async def test_arguments_with_a_number_beyond_64_bits_can_be_repeated(
    adapter: str, build: Build
) -> None:
    script = streams(*yes(adapter))
    called = AssistantMessage("", (ToolCall("call_1", "search", {"n": 10**30}),))
    result = ToolMessage((ToolResult("call_1", "Yes."),))

    await collect(
        build(http_client=script.client()),
        replace(WITH_TOOLS, messages=(*QUESTION.messages, called, result)),
    )

    assert str(10**30).encode() in script.requests[0].content
