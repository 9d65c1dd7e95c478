"""What exactly goes to the Messages API, and how each of its endings is read."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel

from chat.llm.base import (
    AssistantMessage,
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    End,
    Event,
    InvalidRequest,
    Message,
    Overloaded,
    Progress,
    Provider,
    ProviderError,
    RateLimited,
    Request,
    ServerFailed,
    StopReason,
    TextDelta,
    TimedOut,
    ToolCall,
    ToolMessage,
    ToolResult,
    Truncated,
    Unsupported,
    Usage,
    UserMessage,
)
from tests.chat.llm.support import (
    NOT_ARGUMENTS,
    QUESTION,
    SECOND_ROUND,
    WITH_TOOLS,
    Script,
    Verdict,
    answers,
    calls_of,
    collect,
    end_of,
    gather,
    heard,
    report_of,
    sse,
    streams,
    text_of,
)

MARK = {"type": "ephemeral"}


def answer(*blocks: list[dict[str, Any]], stop: str | None = "end_turn", **usage: int) -> bytes:
    """A streamed answer of `blocks`, each the events between its start and its stop."""
    events: list[dict[str, Any]] = [
        {
            "type": "message_start",
            "message": {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "model-1",
                "content": [],
                "stop_reason": None,
                "usage": {"input_tokens": 10, "output_tokens": 1, **usage},
            },
        }
    ]
    for index, block in enumerate(blocks):
        events += [{**event, "index": index} for event in block]
        events.append({"type": "content_block_stop", "index": index})
    if stop:
        delta = {"stop_reason": stop, "stop_sequence": None}
        events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}})
    events.append({"type": "message_stop"})
    return sse(events)


def text(*pieces: str) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "content_block": {"type": "text", "text": ""}},
        *(
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces
        ),
    ]


def tool_use(name: str, *pieces: str) -> list[dict[str, Any]]:
    block = {"type": "tool_use", "id": f"toolu_{name}", "name": name, "input": {}}
    return [
        {"type": "content_block_start", "content_block": block},
        *(
            {
                "type": "content_block_delta",
                "delta": {"type": "input_json_delta", "partial_json": piece},
            }
            for piece in pieces
        ),
    ]


def thinking() -> list[dict[str, Any]]:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    delta = {"type": "thinking_delta", "thinking": "Hm."}
    return [
        {"type": "content_block_start", "content_block": block},
        {"type": "content_block_delta", "delta": delta},
    ]


def message(content: list[dict[str, Any]], stop: str | None = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "model-1",
        "content": content,
        "stop_reason": stop,
        "usage": {"input_tokens": 10, "output_tokens": 7, "cache_read_input_tokens": 5},
    }


@pytest.fixture
def provider(build_any: Callable[..., Provider]) -> Callable[..., Provider]:
    def provider(script: Script, **options: object) -> Provider:
        return build_any("anthropic", http_client=script.client(), **options)

    return provider


Make = Callable[..., Provider]


def with_history(*messages: Message) -> Request:
    return Request(system="Be brief.", messages=messages)


# What is sent


async def test_the_request_is_exactly_this(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script), WITH_TOOLS)

    assert script.body == {
        "model": "model-1",
        "max_tokens": 1024,
        "stream": True,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": MARK}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Do you ship to Norway?", "cache_control": MARK}
                ],
            }
        ],
        "tools": [
            {
                "name": "search",
                "description": "Searches the articles.",
                "input_schema": {
                    "type": "object",
                    "properties": {"query": {"type": "string"}},
                    "required": ["query"],
                },
            },
            {
                "name": "status",
                "description": "Looks up an order.",
                "input_schema": {"type": "object", "properties": {}},
            },
        ],
    }


async def test_a_second_round_marks_both_questions_and_the_last_result(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script), SECOND_ROUND)

    assert script.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": MARK}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi, how can I help?"}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Do you ship to Norway?", "cache_control": MARK}],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {
                    "type": "tool_use",
                    "id": "call_1",
                    "name": "search",
                    "input": {"query": "Norway"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call_1",
                    "content": "Nothing found.",
                    "is_error": True,
                    "cache_control": MARK,
                }
            ],
        },
    ]


async def test_a_request_never_marks_more_than_the_four_blocks_the_api_allows(
    provider: Make,
) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script), SECOND_ROUND)

    assert script.requests[0].content.decode().count("cache_control") == 4


async def test_speakers_alternate_and_empty_text_is_never_sent(provider: Make) -> None:
    script = streams(answer(text("Yes.")))
    history = with_history(
        UserMessage("  "),
        UserMessage("One."),
        UserMessage("Two."),
        AssistantMessage(""),
        AssistantMessage("", (ToolCall("call_1", "search", None),)),
        ToolMessage((ToolResult("call_1", ""),)),
        ToolMessage(()),
        UserMessage("Three."),
    )

    await collect(provider(script), history)

    assert script.body["messages"] == [
        {
            "role": "user",
            "content": [{"type": "text", "text": "One.\n\nTwo.", "cache_control": MARK}],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "search", "input": {}}],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call_1",
                    "content": "",
                    "is_error": False,
                },
                {"type": "text", "text": "Three.", "cache_control": MARK},
            ],
        },
    ]


async def test_without_a_system_text_the_tools_end_the_first_prefix(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script), replace(WITH_TOOLS, system=" "))

    assert "system" not in script.body
    first, last = script.body["tools"]
    assert "cache_control" not in first
    assert last["cache_control"] == MARK


async def test_a_turn_marks_again_what_the_turn_before_it_marked(provider: Make) -> None:
    looked: list[Message] = [
        message
        for n in range(30)
        for message in (
            AssistantMessage("", (ToolCall(f"call_{n}", "search", {}),)),
            ToolMessage((ToolResult(f"call_{n}", "Found."),)),
        )
    ]
    before: list[Message] = [UserMessage("One."), AssistantMessage("First."), UserMessage("Two.")]
    settled = [*before, *looked, AssistantMessage("Second."), UserMessage("Three.")]

    marked = []
    for history in (before, settled):
        script = streams(answer(text("Yes.")))
        await collect(provider(script), replace(WITH_TOOLS, messages=tuple(history)))
        assert script.requests[0].content.decode().count("cache_control") <= 4
        marked.append(marks(script.body["messages"]))

    assert marked == [["One.", "Two."], ["Two.", "Three."]]


def marks(messages: list[dict[str, Any]]) -> list[str]:
    """The texts of the marked blocks."""
    blocks = [block for message in messages for block in message["content"]]
    return [block["text"] for block in blocks if "cache_control" in block]


async def test_the_last_round_keeps_the_tools_but_forbids_them(provider: Make) -> None:
    script = streams(answer(text("Yes.")))
    last = Request(
        SECOND_ROUND.system, SECOND_ROUND.messages, SECOND_ROUND.tools, tools_allowed=False
    )

    await collect(provider(script), last)

    assert [tool["name"] for tool in script.body["tools"]] == ["search", "status"]
    assert script.body["tool_choice"] == {"type": "none"}


async def test_call_ids_of_another_vendor_are_made_acceptable(provider: Make) -> None:
    script = streams(answer(text("Yes.")))
    history = with_history(
        UserMessage("One."),
        AssistantMessage("", (ToolCall("functions.search:0", "search", {}),)),
        ToolMessage((ToolResult("functions.search:0", "Found."),)),
    )

    await collect(provider(script), history)

    _, called, result = script.body["messages"]
    assert called["content"][0]["id"] == "functions_search_0"
    assert result["content"][0]["tool_use_id"] == "functions_search_0"


async def test_effort_is_sent_when_it_is_set(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script, effort="low"), QUESTION)

    assert script.body["output_config"] == {"effort": "low"}


# How it ends


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", StopReason.END),
        ("stop_sequence", StopReason.END),
        ("max_tokens", StopReason.MAX_TOKENS),
    ],
)
async def test_an_answer_ends_with_its_reason(
    provider: Make, stop: str, reason: StopReason
) -> None:
    events = await collect(provider(streams(answer(text("Y", "es."), stop=stop))), QUESTION)

    assert heard(events) == [TextDelta("Yes.")]
    assert events[-1] == End(reason)


@pytest.mark.parametrize(
    ("stop", "error"),
    [
        ("refusal", ContentFiltered),
        ("model_context_window_exceeded", ContextTooLong),
        ("pause_turn", Truncated),  # only server tools pause, and a request has none
        ("a_reason_of_next_year", Truncated),
        (None, Truncated),
        ("tool_use", Truncated),
    ],
)
async def test_an_ending_that_is_no_answer_is_an_error(
    provider: Make, stop: str | None, error: type[ProviderError]
) -> None:
    with pytest.raises(error) as failed:
        await collect(provider(streams(answer(text("Yes."), stop=stop))), QUESTION)

    assert failed.value.provider == "anthropic"
    assert failed.value.usage == Usage(10, 7 if stop else 1)


async def test_what_is_no_text_is_progress_once_a_chunk(provider: Make) -> None:
    events = answer(
        thinking(), text("Let me look."), tool_use("search", "{", "}"), stop="tool_use"
    ).split(b"\n\n")
    chunks = [b"\n\n".join([*events[start:end], b""]) for start, end in pairwise(PAUSES)]

    received = heard(await collect(provider(streams(*chunks)), WITH_TOOLS))

    assert received == [Progress(), TextDelta("Let me look."), Progress(), Progress()]


PAUSES = (0, 3, 6, 8, 10, 99)
"""Where the network stops within: a thought; a text; the start and a piece of a call; its end."""


async def test_tool_calls_follow_the_text_in_their_order(provider: Make) -> None:
    body = answer(
        text("Let me look."),
        tool_use("search", '{"query": ', '"Norway"}'),
        tool_use("status"),
        stop="tool_use",
    )

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert text_of(events) == "Let me look."
    assert calls_of(events) == [
        ToolCall("toolu_search", "search", {"query": "Norway"}),
        ToolCall("toolu_status", "status", {}),
    ]
    assert end_of(events).reason is StopReason.TOOL_USE


@pytest.mark.parametrize("written", NOT_ARGUMENTS)
async def test_a_call_whose_json_is_no_object_cannot_run(provider: Make, written: str) -> None:
    body = answer(tool_use("search", written), stop="tool_use")

    assert calls_of(await collect(provider(streams(body)), WITH_TOOLS)) == [
        ToolCall("toolu_search", "search", None)
    ]


@pytest.mark.parametrize("pieces", [(), ("",), ('{"query": "Nor',)])
async def test_a_call_cut_by_the_token_limit_cannot_run(
    provider: Make, pieces: tuple[str, ...]
) -> None:
    body = answer(tool_use("status", "{}"), tool_use("search", *pieces), stop="max_tokens")

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert [call.arguments for call in calls_of(events)] == [{}, None]
    assert end_of(events).reason is StopReason.MAX_TOKENS


async def test_no_call_leaves_a_stream_that_breaks_after_it(provider: Make) -> None:
    body = answer(tool_use("search", '{"query": "Norway"}'), stop=None)
    events: list[Event] = []

    with pytest.raises(Truncated):
        await gather(provider(streams(body)).stream(WITH_TOOLS), events)

    assert calls_of(events) == []


async def test_thinking_is_neither_text_nor_a_first_token(provider: Make) -> None:
    events = await collect(provider(streams(answer(thinking(), text("Yes.")))), QUESTION)
    silent = await collect(provider(streams(answer(thinking()))), QUESTION)

    assert text_of(events) == "Yes."
    assert report_of(events).first_token is not None
    assert report_of(silent).first_token is None


async def test_input_tokens_include_what_came_from_and_went_to_the_cache(provider: Make) -> None:
    body = answer(text("Yes."), cache_read_input_tokens=2000, cache_creation_input_tokens=300)

    report = report_of(await collect(provider(streams(body)), QUESTION))

    assert report.usage == Usage(
        input_tokens=2310, output_tokens=7, cache_read_tokens=2000, cache_write_tokens=300
    )


async def test_counts_that_come_late_are_the_ones_that_hold(provider: Make) -> None:
    late = {"input_tokens": 40, "output_tokens": 9, "cache_read_input_tokens": 5}
    body = answer(text("Yes."), cache_creation_input_tokens=2).replace(
        b'"usage": {"output_tokens": 7}', b'"usage": ' + json.dumps(late).encode()
    )

    report = report_of(await collect(provider(streams(body)), QUESTION))

    assert report.usage == Usage(47, 9, cache_read_tokens=5, cache_write_tokens=2)


async def test_a_model_that_thinks_until_its_limit_has_not_answered(provider: Make) -> None:
    with pytest.raises(Truncated):
        await collect(provider(streams(answer(thinking(), stop="max_tokens"))), QUESTION)


# How it fails


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("overloaded_error", Overloaded),
        ("rate_limit_error", RateLimited),
        ("timeout_error", TimedOut),
        ("api_error", ServerFailed),
        ("authentication_error", AuthenticationFailed),
        ("permission_error", AuthenticationFailed),
        ("billing_error", AuthenticationFailed),
        ("invalid_request_error", InvalidRequest),
        ("not_found_error", InvalidRequest),
        ("request_too_large", InvalidRequest),
        ("an_error_of_next_year", ServerFailed),
    ],
)
async def test_an_error_event_in_a_good_stream_is_the_error_it_names(
    provider: Make, kind: str, error: type[ProviderError]
) -> None:
    event = {"type": "error", "error": {"type": kind, "message": "x"}}
    script = streams(answer(text("Ye"), stop=None).rpartition(b"event:")[0] + sse([event]))

    with pytest.raises(ProviderError) as failed:
        await collect(provider(script), QUESTION)

    assert type(failed.value) is error
    assert failed.value.status is None


async def test_the_error_keeps_the_request_id_for_the_vendors_support(provider: Make) -> None:
    body = {"type": "error", "error": {"type": "api_error", "message": "x"}}
    script = answers(body, 500, request_id="req_42")

    with pytest.raises(ServerFailed) as failed:
        await collect(provider(script), QUESTION)

    assert failed.value.request_id == "req_42"
    assert failed.value.detail == "HTTP 500 api_error"


async def test_a_page_that_is_no_stream_is_an_error(provider: Make) -> None:
    script = Script(lambda _: httpx2.Response(200, html="<h1>Welcome to the proxy</h1>"))

    with pytest.raises(Truncated):
        await collect(provider(script), QUESTION)


# Structured output


async def test_a_structured_request_holds_the_model_to_a_closed_schema(provider: Make) -> None:
    script = answers(message([{"type": "text", "text": '{"topic": "x", "urgency": 2}'}]))

    structured = await provider(script, effort="low").complete_structured(WITH_TOOLS, Verdict)

    assert structured.value == Verdict(topic="x", urgency=2)
    assert structured.report.usage == Usage(15, 7, cache_read_tokens=5)
    config = script.body["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["type"] == "json_schema"
    assert config["format"]["schema"]["additionalProperties"] is False
    assert config["format"]["schema"]["required"] == ["topic", "urgency"]
    assert script.body["tool_choice"] == {"type": "none"}
    assert "cache_control" not in str(script.body["messages"])


async def test_a_structured_answer_is_read_past_what_was_thought(provider: Make) -> None:
    content = [
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "text", "text": '{"topic": "x", "urgency": 2}'},
    ]

    structured = await provider(answers(message(content))).complete_structured(QUESTION, Verdict)

    assert structured.value.topic == "x"


@pytest.mark.parametrize(
    ("stop", "error"),
    [
        ("refusal", ContentFiltered),
        ("max_tokens", Truncated),
        ("model_context_window_exceeded", ContextTooLong),
        ("pause_turn", Truncated),
        ("tool_use", Truncated),
        (None, Truncated),
    ],
)
async def test_a_structured_answer_that_was_not_finished_is_an_error(
    provider: Make, stop: str | None, error: type[ProviderError]
) -> None:
    script = answers(message([{"type": "text", "text": '{"topic": "x", "urgency": 2}'}], stop))

    with pytest.raises(error) as failed:
        await provider(script).complete_structured(QUESTION, Verdict)

    assert failed.value.usage == Usage(15, 7, cache_read_tokens=5)


async def test_a_schema_that_cannot_be_enforced_is_unsupported(provider: Make) -> None:
    class Anything(BaseModel):
        value: Any

    script = answers({})

    with pytest.raises(Unsupported):
        await provider(script).complete_structured(QUESTION, Anything)

    assert script.requests == []
