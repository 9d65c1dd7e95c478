"""Whatever a server sends, an adapter answers in our types or fails with our errors."""

import copy
import json
import random
import traceback
from dataclasses import astuple
from typing import Any

import httpx2
import pytest

from chat.llm.base import (
    End,
    Event,
    InvalidRequest,
    Progress,
    ProviderError,
    Request,
    TextDelta,
    ToolUse,
    UsageReport,
    UserMessage,
)
from tests.chat.llm.conftest import Wire
from tests.chat.llm.support import (
    CUSTOMER_TEXT,
    KEY,
    WITH_TOOLS,
    Build,
    Script,
    Verdict,
    answers,
    collect,
    gather,
    streams,
)

SEED = 20261130
ROUNDS = 400

ODD: list[Any] = [
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "odd",
    [],
    {},
    [None],
    [[]],
    {"type": "odd"},
    "\ud800",
    "a\0b",
]

PATHS = {
    "anthropic": "/v1/messages",
    "openai": "/responses",
    "openai_compatible": "/chat/completions",
}


def record(wire: Wire) -> list[tuple[str, Any]]:
    """A whole answer, text and a tool call, as (the lines before its data, the data)."""
    wire.server.call_tool("search", {"query": "Norway"}, text="Let me look.")
    response = httpx2.post(
        wire.server.base_url(wire.vendor) + PATHS[wire.adapter],
        json={"model": "m", "stream": True, "max_tokens": 9, "messages": [], "tools": [{}]},
    )
    events = [event.partition("data: ") for event in response.text.strip().split("\n\n")]
    return [(head, json.loads(data)) for head, _, data in events if data != "[DONE]"]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside `value`."""
    if not isinstance(value, (dict, list)):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def distort(events: list[tuple[str, Any]], rng: random.Random) -> bytes:
    """The same answer with one value of one event replaced or removed, or the event itself."""
    events = copy.deepcopy(events)
    number = rng.randrange(len(events))
    container, key = rng.choice([(events, number), *places(events[number][1])])
    if container is events:
        events[number] = (events[number][0], rng.choice(ODD))
    elif isinstance(container, dict) and rng.random() < 0.3:
        del container[key]
    else:
        container[key] = rng.choice(ODD)
    return "".join(f"{head}data: {json.dumps(data)}\n\n" for head, data in events).encode()


def well_typed(event: Event) -> bool:
    match event:
        case TextDelta(text):
            return "\0" not in text.encode().decode()  # a half surrogate would not encode
        case ToolUse(call):
            named = isinstance(call.id, str) and isinstance(call.name, str)
            return named and (call.arguments is None or isinstance(call.arguments, dict))
        case UsageReport():
            return all(isinstance(count, int) for count in astuple(event.usage))
        case _:
            return isinstance(event, (Progress, End))


async def test_an_odd_answer_is_either_read_or_one_of_our_errors(wire: Wire) -> None:
    recorded = record(wire)
    rng = random.Random(SEED)
    failures = 0

    for _ in range(ROUNDS):
        body = distort(recorded, rng)
        events: list[Event] = []
        try:
            await gather(wire.build(http_client=streams(body).client()).stream(WITH_TOOLS), events)
        except ProviderError:
            failures += 1
        assert all(map(well_typed, events)), body

    assert 0 < failures < ROUNDS, "some distortions must bite, others must not"


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "odd",
        {},
        {"content": None, "output": None, "choices": None},
        {"content": [], "output": [], "choices": [], "status": "completed"},
        {"content": [None], "output": [None], "choices": [None]},
        {"stop_reason": "end_turn", "content": [{"type": "text"}], "choices": [{}]},
    ],
)
async def test_an_odd_structured_answer_is_one_of_our_errors(build: Build, body: Any) -> None:
    with pytest.raises(ProviderError):
        await build(http_client=answers(body).client()).complete_structured(WITH_TOOLS, Verdict)


@pytest.mark.parametrize("status", [400, 401, 422, 500])
async def test_errors_repeat_neither_the_key_nor_what_the_customer_wrote(
    build: Build, status: int
) -> None:
    def echo(request: httpx2.Request) -> httpx2.Response:
        sent = f"{request.headers} {request.content.decode()} {KEY}"
        error = {"type": sent, "code": sent, "param": sent, "message": sent}
        return httpx2.Response(status, json={"type": "error", "error": error})

    provider = build(http_client=Script(echo).client())

    with pytest.raises(ProviderError) as failed:
        await collect(provider, Request("", (UserMessage(CUSTOMER_TEXT),)))

    shown = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert f"HTTP {status}" in shown
    assert KEY not in shown
    assert CUSTOMER_TEXT not in shown


async def test_an_error_page_that_is_no_json_is_still_an_error(build: Build) -> None:
    script = Script(lambda _: httpx2.Response(400, html="<h1>Bad request</h1>"))

    with pytest.raises(InvalidRequest):
        await collect(build(http_client=script.client()), WITH_TOOLS)


async def test_an_error_body_of_an_odd_shape_is_still_an_error(build: Build) -> None:
    for body in ({"error": None}, {"error": "x"}, {"error": ["x"]}, {"error": {"type": 1}}, {}):
        with pytest.raises(InvalidRequest):
            await collect(build(http_client=answers(body, 400).client()), WITH_TOOLS)
