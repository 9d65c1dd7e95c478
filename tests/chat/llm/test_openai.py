"""What exactly goes to the Responses API, and how each of its endings is read."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from chat.llm.base import (
    AssistantMessage,
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    End,
    InvalidRequest,
    Malformed,
    Progress,
    Provider,
    ProviderError,
    RateLimited,
    Request,
    ServerFailed,
    StopReason,
    TextDelta,
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
    heard,
    report_of,
    sse,
    streams,
    text_of,
)

Make = Callable[..., Provider]

USAGE = {
    "input_tokens": 2310,
    "input_tokens_details": {"cached_tokens": 2000, "cache_write_tokens": 300},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2317,
}


def response(status: str = "completed", **fields: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "model-1",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": USAGE,
        **fields,
    }


def said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def refused() -> dict[str, Any]:
    return {**said(""), "content": [{"type": "refusal", "refusal": "No."}]}


def failed(code: str) -> dict[str, Any]:
    return response("failed", error={"code": code, "message": "x"})


def ended(status: str | None) -> dict[str, Any]:
    """A final response whose status is none that a final response has."""
    return {**response("completed"), "status": status}


FAILURES: dict[str, type[ProviderError]] = {
    "server_error": ServerFailed,
    "rate_limit_exceeded": RateLimited,
    "insufficient_quota": AuthenticationFailed,
    "invalid_prompt": InvalidRequest,
    "data_residency_mismatch": InvalidRequest,
    "context_length_exceeded": ContextTooLong,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "bio_policy": ContentFiltered,
    "misalignment_policy_violation": ContentFiltered,
    "a_code_of_next_year": ServerFailed,
}

UNFINISHED = ["cancelled", "queued", "in_progress", "of_next_year", None]


def text(*pieces: str) -> list[dict[str, Any]]:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    return [{"type": "response.output_text.delta", "delta": piece, **place} for piece in pieces]


def call(
    arguments: str, index: int = 1, status: str = "completed", done: bool = True
) -> list[dict[str, Any]]:
    item = {
        "type": "function_call",
        "id": f"fc_{index}",
        "call_id": f"call_{index}",
        "name": "search",
    }
    added = {**item, "arguments": "", "status": "in_progress"}
    events: list[dict[str, Any]] = [
        {"type": "response.output_item.added", "output_index": index, "item": added}
    ]
    if done:
        whole = {**item, "arguments": arguments, "status": status}
        events.append({"type": "response.output_item.done", "output_index": index, "item": whole})
    return events


def answer(*groups: list[dict[str, Any]], end: dict[str, Any] | None = None) -> bytes:
    final = end or response()
    kind = final["status"] if final["status"] in ("incomplete", "failed") else "completed"
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress", usage=None)},
        *(event for group in groups for event in group),
        {"type": f"response.{kind}", "response": final},
    ]
    return sse([{**event, "sequence_number": n} for n, event in enumerate(events)])


@pytest.fixture
def provider(build_any: Callable[..., Provider]) -> Make:
    def provider(script: Script, **options: object) -> Provider:
        return build_any("openai", http_client=script.client(), **options)

    return provider


# What is sent


async def test_the_request_is_exactly_this(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script), WITH_TOOLS)

    assert script.body == {
        "model": "model-1",
        "max_output_tokens": 1024,
        "store": False,
        "stream": True,
        "instructions": "Be brief.",
        "prompt_cache_key": script.body["prompt_cache_key"],
        "input": [{"role": "user", "content": "Do you ship to Norway?"}],
        "tool_choice": "auto",
        "tools": [
            {
                "type": "function",
                "name": "search",
                "description": "Searches the articles.",
                "parameters": {
                    "type": "object",
                    "properties": {"query": {"type": "string"}},
                    "required": ["query"],
                },
                "strict": False,
            },
            {
                "type": "function",
                "name": "status",
                "description": "Looks up an order.",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            },
        ],
    }


async def test_calls_and_results_of_earlier_rounds_are_items_without_ids(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script), SECOND_ROUND)

    assert script.body["input"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi, how can I help?"},
        {"role": "user", "content": "Do you ship to Norway?"},
        {"role": "assistant", "content": "Let me look."},
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "search",
            "arguments": '{"query":"Norway"}',
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "Nothing found."},
    ]


async def test_a_call_that_could_not_run_is_repeated_without_arguments(provider: Make) -> None:
    script = streams(answer(text("Yes.")))
    history = (
        UserMessage("One."),
        AssistantMessage("", (ToolCall("call_1", "search", None),)),
        ToolMessage((ToolResult("call_1", "Not JSON.", is_error=True),)),
    )

    await collect(provider(script), Request("", history))

    assert script.body["input"][1]["arguments"] == "{}"
    assert "instructions" not in script.body


async def test_the_last_round_keeps_the_tools_but_forbids_them(provider: Make) -> None:
    script = streams(answer(text("Yes.")))
    last = Request("", WITH_TOOLS.messages, WITH_TOOLS.tools, tools_allowed=False)

    await collect(provider(script), last)

    assert len(script.body["tools"]) == 2
    assert script.body["tool_choice"] == "none"


async def test_effort_is_sent_when_it_is_set(provider: Make) -> None:
    script = streams(answer(text("Yes.")))

    await collect(provider(script, effort="low"), QUESTION)

    assert script.body["reasoning"] == {"effort": "low"}


async def test_requests_that_begin_alike_share_a_key_to_one_cache(provider: Make) -> None:
    async def key(request: Request) -> str:
        script = streams(answer(text("Yes.")))
        await collect(provider(script), request)
        sent: str = script.body["prompt_cache_key"]
        return sent

    first = await key(WITH_TOOLS)

    assert re.fullmatch("[0-9a-f]{32}", first)
    assert await key(SECOND_ROUND) == first
    assert await key(replace(WITH_TOOLS, tools_allowed=False)) == first
    assert await key(replace(WITH_TOOLS, system="Be long.")) != first
    assert await key(replace(WITH_TOOLS, tools=WITH_TOOLS.tools[:1])) != first


# How it ends


async def test_a_completed_answer_ends_with_its_usage(provider: Make) -> None:
    events = await collect(provider(streams(answer(text("Y", "es.")))), QUESTION)

    assert heard(events) == [TextDelta("Yes.")]
    assert report_of(events).usage == Usage(
        input_tokens=2310, output_tokens=7, cache_read_tokens=2000, cache_write_tokens=300
    )
    assert events[-1] == End(StopReason.END)


async def test_an_answer_cut_by_the_token_limit_says_so(provider: Make) -> None:
    end = response("incomplete", incomplete_details={"reason": "max_output_tokens"})

    events = await collect(provider(streams(answer(text("Yes"), end=end))), QUESTION)

    assert text_of(events) == "Yes"
    assert end_of(events).reason is StopReason.MAX_TOKENS


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (response("incomplete", incomplete_details={"reason": "content_filter"}), ContentFiltered),
        (response("incomplete", incomplete_details={"reason": "of_next_year"}), Truncated),
        (response("incomplete"), Truncated),
        *((failed(code), error) for code, error in FAILURES.items()),
        (response("failed"), Truncated),
        (response("completed", output=[refused()]), ContentFiltered),
        *((ended(status), Truncated) for status in UNFINISHED),
    ],
)
async def test_an_ending_that_is_no_answer_is_an_error(
    provider: Make, end: dict[str, Any], error: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as raised:
        await collect(provider(streams(answer(text("Yes"), end=end))), QUESTION)

    assert type(raised.value) is error
    assert raised.value.provider == "openai"
    assert raised.value.usage == Usage(2310, 7, 2000, 300)


async def test_a_stream_that_only_ever_waited_is_an_error(provider: Make) -> None:
    queued = {"type": "response.queued", "response": response("queued", usage=None)}

    with pytest.raises(Truncated):
        await collect(provider(streams(sse([queued]))), QUESTION)


async def test_a_refusal_is_an_error_at_its_first_word(provider: Make) -> None:
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    refusal = [{"type": "response.refusal.delta", "delta": "No", **place}]

    with pytest.raises(ContentFiltered):
        await collect(provider(streams(answer(refusal))), QUESTION)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "x", "param": None},
        {"type": "error", "error": {"type": "rate_limit_error", "code": None, "message": "x"}},
    ],
)
async def test_an_error_event_in_either_form_is_the_error_it_names(
    provider: Make, event: dict[str, Any]
) -> None:
    with pytest.raises(RateLimited):
        await collect(provider(streams(answer(text("Yes"), [event]))), QUESTION)


async def test_tool_calls_follow_the_text_in_their_order(provider: Make) -> None:
    body = answer(text("Let me look."), call('{"query": "Norway"}'), call("", index=2))

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert text_of(events) == "Let me look."
    assert calls_of(events) == [
        ToolCall("call_1", "search", {"query": "Norway"}),
        ToolCall("call_2", "search", {}),
    ]
    assert end_of(events).reason is StopReason.TOOL_USE


@pytest.mark.parametrize("json", NOT_ARGUMENTS)
async def test_a_call_whose_json_is_no_object_cannot_run(provider: Make, json: str) -> None:
    events = await collect(provider(streams(answer(call(json)))), WITH_TOOLS)

    assert calls_of(events) == [ToolCall("call_1", "search", None)]


@pytest.mark.parametrize(
    "cut",
    [
        call("", index=2),
        call('{"query": "Nor', index=2),
        call('{"query": "Nor"}', index=2, status="incomplete"),
        call("", index=2, done=False),
    ],
)
async def test_a_call_cut_by_the_token_limit_cannot_run(
    provider: Make, cut: list[dict[str, Any]]
) -> None:
    end = response("incomplete", incomplete_details={"reason": "max_output_tokens"})

    events = await collect(provider(streams(answer(call("{}"), cut, end=end))), WITH_TOOLS)

    assert [call.arguments for call in calls_of(events)] == [{}, None]
    assert end_of(events).reason is StopReason.MAX_TOKENS


async def test_thoughts_and_calls_are_progress_once_a_chunk(provider: Make) -> None:
    thought = {"type": "response.reasoning_summary_text.delta", "delta": "Hm.", "output_index": 0}
    item = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning"}}
    written = {"type": "response.function_call_arguments.delta", "delta": "{}", "output_index": 1}
    chunks = [
        sse([item, thought, thought]),
        sse([{"type": "response.in_progress"}]),
        sse([*text("Let me look."), *call("{}")[:1]]),
        sse([written, written]),
        sse(call("{}")[1:]),
        answer(),
    ]

    events = heard(await collect(provider(streams(*chunks)), WITH_TOOLS))

    assert events == [Progress(), TextDelta("Let me look."), Progress(), Progress()]


# How it fails


async def test_an_empty_account_is_not_worth_a_retry(provider: Make) -> None:
    error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "x"}

    with pytest.raises(AuthenticationFailed) as failed:
        await collect(provider(answers({"error": error}, 429)), QUESTION)

    assert not failed.value.retryable


async def test_the_error_keeps_the_request_id_for_the_vendors_support(provider: Make) -> None:
    script = answers({"error": {"type": "server_error", "message": "x"}}, 500, x_request_id="r42")

    with pytest.raises(ServerFailed) as failed:
        await collect(provider(script), QUESTION)

    assert failed.value.request_id == "r42"
    assert failed.value.detail == "HTTP 500 server_error"


# Structured output


async def test_a_structured_request_holds_the_model_to_a_closed_schema(provider: Make) -> None:
    script = answers(response(output=[said('{"topic": "x", "urgency": 2}')]))

    structured = await provider(script).complete_structured(WITH_TOOLS, Verdict)

    assert structured.value == Verdict(topic="x", urgency=2)
    assert structured.report.usage.cache_read_tokens == 2000
    sent = script.body["text"]["format"]
    assert (sent["type"], sent["name"], sent["strict"]) == ("json_schema", "Verdict", True)
    assert sent["schema"]["additionalProperties"] is False
    assert sent["schema"]["required"] == ["topic", "urgency"]
    assert "tools" not in script.body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (response(output=[refused()]), ContentFiltered),
        (failed("rate_limit_exceeded"), RateLimited),
        *((ended(status), Truncated) for status in UNFINISHED),
        (response("incomplete", incomplete_details={"reason": "content_filter"}), ContentFiltered),
        (response(output=[said('{"topic": "x", "urgency": 9}')]), Malformed),
        (
            response("incomplete", incomplete_details={"reason": "max_output_tokens"}),
            Truncated,
        ),
    ],
)
async def test_a_structured_answer_that_is_none_is_an_error(
    provider: Make, body: dict[str, Any], error: type[ProviderError]
) -> None:
    with pytest.raises(error) as raised:
        await provider(answers(body)).complete_structured(QUESTION, Verdict)

    assert raised.value.usage == Usage(2310, 7, 2000, 300)


async def test_a_schema_that_cannot_be_enforced_is_unsupported(provider: Make) -> None:
    class Callback(BaseModel):
        call: Callable[[], None]

    script = answers({})

    with pytest.raises(Unsupported):
        await provider(script).complete_structured(QUESTION, Callback)

    assert script.requests == []
