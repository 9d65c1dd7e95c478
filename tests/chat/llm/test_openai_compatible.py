"""What goes to a self-hosted server, and the dialects in which such servers answer."""

from collections.abc import Callable
from typing import Any

import pytest

from chat.llm.base import (
    ContentFiltered,
    ContextTooLong,
    End,
    InvalidRequest,
    Malformed,
    Overloaded,
    Progress,
    Provider,
    ProviderError,
    Request,
    ServerFailed,
    StopReason,
    TextDelta,
    ToolCall,
    Truncated,
    Usage,
)
from chat.llm.openai_compatible import OpenAICompatibleProvider
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

DONE = b"data: [DONE]\n\n"

USAGE = {
    "prompt_tokens": 2010,
    "completion_tokens": 7,
    "total_tokens": 2017,
    "prompt_tokens_details": {"cached_tokens": 2000},
}


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "model-1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def said(*pieces: str) -> list[dict[str, Any]]:
    return [chunk(content=piece) for piece in pieces]


def piece(
    arguments: str | None, *, index: int | None = 0, id: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """A piece of a tool call; what is None is left out, as servers do."""
    function = {"name": name, "arguments": arguments}
    call: dict[str, Any] = {"index": index, "id": id, "type": "function"}
    call["function"] = {key: value for key, value in function.items() if value is not None}
    return {key: value for key, value in call.items() if value is not None}


def answer(
    *groups: list[dict[str, Any]],
    finish: str | None = "stop",
    usage: dict[str, Any] | None = USAGE,
    done: bool = True,
) -> bytes:
    events = [event for group in groups for event in group]
    if finish:
        events.append(chunk(finish))
    if usage:
        events.append({**chunk(), "choices": [], "usage": usage})
    return sse(events) + (DONE if done else b"")


def completion(content: str | None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "finish_reason": finish,
        "message": {"role": "assistant", "content": content, **message},
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "model-1",
        "choices": [choice],
        "usage": USAGE,
    }


@pytest.fixture
def provider(build_any: Callable[..., Provider]) -> Make:
    def provider(script: Script, **options: object) -> Provider:
        return build_any("openai_compatible", http_client=script.client(), **options)

    return provider


# What is sent


async def test_the_request_is_exactly_this(provider: Make) -> None:
    script = streams(answer(said("Yes.")))

    await collect(provider(script), SECOND_ROUND)

    assert script.body == {
        "model": "model-1",
        "max_tokens": 1024,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi, how can I help?"},
            {"role": "user", "content": "Do you ship to Norway?"},
            {
                "role": "assistant",
                "content": "Let me look.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "search", "arguments": '{"query":"Norway"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "Nothing found."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "search",
                    "description": "Searches the articles.",
                    "parameters": {
                        "type": "object",
                        "properties": {"query": {"type": "string"}},
                        "required": ["query"],
                    },
                },
            },
            {
                "type": "function",
                "function": {
                    "name": "status",
                    "description": "Looks up an order.",
                    "parameters": {"type": "object", "properties": {}},
                },
            },
        ],
    }


async def test_the_last_round_offers_no_tools(provider: Make) -> None:
    script = streams(answer(said("Yes.")))
    last = Request("", WITH_TOOLS.messages, WITH_TOOLS.tools, tools_allowed=False)

    await collect(provider(script), last)

    assert "tools" not in script.body
    assert "tool_choice" not in script.body


async def test_a_server_without_a_key_never_gets_openais(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    script = streams(answer(said("Yes.")))
    provider = OpenAICompatibleProvider(
        base_url="http://127.0.0.1:9/v1", model="model-1", http_client=script.client()
    )

    await collect(provider, QUESTION)
    await provider.close()

    assert script.requests[0].headers["authorization"] == "Bearer none"


# How it ends


async def test_an_answer_ends_with_its_usage(provider: Make) -> None:
    events = await collect(provider(streams(answer(said("Y", "es.")))), QUESTION)

    assert heard(events) == [TextDelta("Yes.")]
    assert report_of(events).usage == Usage(2010, 7, cache_read_tokens=2000)
    assert events[-1] == End(StopReason.END)


async def test_an_answer_cut_by_the_token_limit_says_so(provider: Make) -> None:
    events = await collect(provider(streams(answer(said("Yes"), finish="length"))), QUESTION)

    assert end_of(events).reason is StopReason.MAX_TOKENS


@pytest.mark.parametrize(
    ("finish", "error"),
    [
        (None, Truncated),
        ("content_filter", ContentFiltered),
        ("a_reason_of_next_year", Truncated),
        ("tool_calls", Truncated),
        ("function_call", Truncated),  # the answer to a request we never make
    ],
)
async def test_an_ending_that_is_no_answer_is_an_error(
    provider: Make, finish: str | None, error: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as failed:
        await collect(provider(streams(answer(said("Yes"), finish=finish))), QUESTION)

    assert type(failed.value) is error
    assert failed.value.provider == "openai_compatible"
    assert failed.value.usage == Usage(2010, 7, cache_read_tokens=2000)


async def test_a_refusal_is_an_error(provider: Make) -> None:
    with pytest.raises(ContentFiltered) as failed:
        await collect(provider(streams(answer([chunk(refusal="No")]))), QUESTION)

    assert failed.value.usage is not None


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_thoughts_and_calls_are_progress_once_a_chunk(provider: Make, name: str) -> None:
    thought, call = chunk(**{name: "Hm."}), chunk(tool_calls=[piece("{}", name="search")])
    chunks = [sse([thought, thought]), sse([*said("Yes."), call]), sse([call]), answer()]

    events = heard(await collect(provider(streams(*chunks)), WITH_TOOLS))

    assert events == [Progress(), TextDelta("Yes."), Progress()]


async def test_thoughts_are_no_first_token_but_they_are_charged(provider: Make) -> None:
    body = answer([chunk(reasoning_content="Hm, " * 40)], usage=None)

    report = report_of(await collect(provider(streams(body)), QUESTION))

    assert report.first_token is None
    assert report.usage.output_tokens == 40


async def test_a_key_that_servers_may_not_know_is_not_sent(provider: Make) -> None:
    script = streams(answer(said("Yes.")))

    await collect(provider(script), WITH_TOOLS)

    assert "prompt_cache_key" not in script.body


async def test_a_server_that_reports_no_usage_is_charged_an_estimate(provider: Make) -> None:
    body = answer(said("Yes, within five days."), usage=None)

    usage = report_of(await collect(provider(streams(body)), QUESTION)).usage

    assert 20 < usage.input_tokens < 100
    assert usage.output_tokens == len("Yes, within five days.") // 4


async def test_usage_in_every_chunk_is_read_as_a_running_total(provider: Make) -> None:
    early = {**chunk(content="Yes."), "usage": {**USAGE, "completion_tokens": 1}}

    events = await collect(provider(streams(answer([early]))), QUESTION)

    assert report_of(events).usage.output_tokens == 7


async def test_a_server_that_sends_no_done_marker_has_still_answered(provider: Make) -> None:
    events = await collect(provider(streams(answer(said("Yes."), done=False))), QUESTION)

    assert end_of(events).reason is StopReason.END


# Tool calls, as servers write them


async def test_calls_in_pieces_are_put_together_by_index(provider: Make) -> None:
    pieces = [
        piece("", id="call_a", name="search"),
        piece("", index=1, id="call_b", name="status"),
        piece('{"query": '),
        piece("{}", index=1),
        piece('"Norway"}'),
    ]
    body = answer(
        said("Let me look."), [chunk(tool_calls=[each]) for each in pieces], finish="tool_calls"
    )

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert text_of(events) == "Let me look."
    assert calls_of(events) == [
        ToolCall("call_a", "search", {"query": "Norway"}),
        ToolCall("call_b", "status", {}),
    ]
    assert end_of(events).reason is StopReason.TOOL_USE


async def test_whole_calls_in_one_chunk_are_read(provider: Make) -> None:
    calls = [
        piece('{"query": "a"}', id="call_a", name="search"),
        piece('{"query": "b"}', index=1, id="call_b", name="search"),
    ]
    body = answer([chunk(tool_calls=calls)], finish="tool_calls")

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert [call.arguments for call in calls_of(events)] == [{"query": "a"}, {"query": "b"}]


@pytest.mark.parametrize("index", [0, None])
async def test_whole_calls_that_share_an_index_stay_apart(
    provider: Make, index: int | None
) -> None:
    calls = [
        piece('{"query": "a"}', index=index, id="call_a", name="search"),
        piece('{"query": "b"}', index=index, id="call_b", name="search"),
    ]
    body = answer([chunk(tool_calls=[call]) for call in calls], finish="tool_calls")

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert [call.arguments for call in calls_of(events)] == [{"query": "a"}, {"query": "b"}]


async def test_an_id_repeated_with_every_piece_opens_one_call(provider: Make) -> None:
    pieces = [piece(part, id="call_a", name="search") for part in ('{"query": ', '"Norway"}')]
    body = answer([chunk(tool_calls=[each]) for each in pieces])

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert calls_of(events) == [ToolCall("call_a", "search", {"query": "Norway"})]


async def test_calls_without_ids_get_ids_of_their_own(provider: Make) -> None:
    calls = [piece("{}", index=n, name="search") for n in range(2)]
    body = answer([chunk(tool_calls=calls)], finish="tool_calls")

    first, second = calls_of(await collect(provider(streams(body)), WITH_TOOLS))

    assert first.id.startswith("call_")
    assert first.id != second.id


async def test_a_stop_after_calls_means_tool_use(provider: Make) -> None:
    body = answer([chunk(tool_calls=[piece("{}", name="search")])], finish="stop")

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert end_of(events).reason is StopReason.TOOL_USE


async def test_a_call_without_arguments_may_have_an_empty_text(provider: Make) -> None:
    body = answer([chunk(tool_calls=[piece(None, name="status")])], finish="tool_calls")

    (call,) = calls_of(await collect(provider(streams(body)), WITH_TOOLS))

    assert call.arguments == {}


@pytest.mark.parametrize("json", NOT_ARGUMENTS)
async def test_a_call_whose_json_is_no_object_cannot_run(provider: Make, json: str) -> None:
    body = answer([chunk(tool_calls=[piece(json, name="search")])], finish="tool_calls")

    (call,) = calls_of(await collect(provider(streams(body)), WITH_TOOLS))

    assert call.arguments is None


@pytest.mark.parametrize("arguments", ["", '{"query": "Nor'])
async def test_a_call_cut_by_the_token_limit_cannot_run(provider: Make, arguments: str) -> None:
    calls = [piece("{}", name="status"), piece(arguments, index=1, name="search")]
    body = answer([chunk(tool_calls=calls)], finish="length")

    events = await collect(provider(streams(body)), WITH_TOOLS)

    assert [call.arguments for call in calls_of(events)] == [{}, None]
    assert end_of(events).reason is StopReason.MAX_TOKENS


# How it fails


@pytest.mark.parametrize(
    ("reported", "error"),
    [
        ({"type": "BadRequestError", "code": 400, "message": "x"}, InvalidRequest),
        (
            {
                "type": "BadRequestError",
                "code": 400,
                "message": "This model's maximum context length is 4096 tokens.",
            },
            ContextTooLong,
        ),
        ({"type": "overloaded_error", "code": None, "message": "x"}, Overloaded),
        ({"type": "server_error", "code": 500, "message": "x"}, ServerFailed),
        ({"message": "x"}, ServerFailed),
    ],
)
async def test_an_error_object_in_a_good_stream_is_the_error_it_names(
    provider: Make, reported: dict[str, Any], error: type[ProviderError]
) -> None:
    body = sse([*said("Ye"), {"error": reported}])

    with pytest.raises(ProviderError) as failed:
        await collect(provider(streams(body)), QUESTION)

    assert type(failed.value) is error


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000.",
        "the request exceeds the available context size, try increasing it",
        "Input length (9000) exceeds model's maximum context length (8192).",
    ],
)
async def test_a_prompt_too_long_is_known_by_the_servers_words(
    provider: Make, message: str
) -> None:
    script = answers({"error": {"type": "BadRequestError", "message": message}}, 400)

    with pytest.raises(ContextTooLong):
        await collect(provider(script), QUESTION)


# Structured output


async def test_a_structured_request_holds_the_model_to_a_closed_schema(provider: Make) -> None:
    script = answers(completion('{"topic": "x", "urgency": 2}'))

    structured = await provider(script).complete_structured(WITH_TOOLS, Verdict)

    assert structured.value == Verdict(topic="x", urgency=2)
    assert structured.report.usage == Usage(2010, 7, cache_read_tokens=2000)
    sent = script.body["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "Verdict"
    assert sent["json_schema"]["schema"]["additionalProperties"] is False
    assert "tools" not in script.body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (completion(None, refusal="No."), ContentFiltered),
        (completion("It is about shipping."), Malformed),
        (completion(None), Malformed),
        (completion('{"topic": "x"', finish="length"), Truncated),
        (completion("{}", finish="content_filter"), ContentFiltered),
        (completion("{}", finish="tool_calls"), Truncated),
        (completion("{}", finish="function_call"), Truncated),
    ],
)
async def test_a_structured_answer_that_is_none_is_an_error(
    provider: Make, body: dict[str, Any], error: type[ProviderError]
) -> None:
    with pytest.raises(error) as failed:
        await provider(answers(body)).complete_structured(QUESTION, Verdict)

    assert failed.value.usage == Usage(2010, 7, cache_read_tokens=2000)
