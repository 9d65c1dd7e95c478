"""The parts of a wire protocol that are no vendor's own."""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chat.llm.base import AssistantMessage, Message, ToolCall, ToolMessage, ToolResult, UserMessage
from chat.llm.failures import retry_after
from chat.llm.wire import parse_call, portable_id, tidy

CALL = ToolCall("call_1", "search", {})
RESULT = ToolResult("call_1", "Found.")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    seconds = retry_after({"retry-after": date})

    assert seconds is not None
    assert 55 < seconds <= 60


def test_whole_json_objects_are_the_only_arguments() -> None:
    assert parse_call("call_1", "search", ' {"query": "ø"} ', cut=True).arguments == {"query": "ø"}
    assert parse_call("call_1", "search", "", cut=False).arguments == {}
    assert parse_call("call_1", "search", "", cut=True).arguments is None


def test_a_fuzzed_payload_is_an_object_or_nothing() -> None:
    rng = random.Random(20261130)
    refused = 0
    for _ in range(2000):
        payload = list('{"query": "Norway", "limit": [1, 2.5e3, null], "deep": {"a": true}}')
        for _ in range(rng.randint(1, 4)):
            payload[rng.randrange(len(payload))] = rng.choice('{}[]",:\\u0e-N \n\x00é')
        cut = rng.randint(0, len(payload))

        call = parse_call("call_1", "search", "".join(payload[:cut] or payload), cut=True)

        assert call.arguments is None or isinstance(call.arguments, dict)
        refused += call.arguments is None
    assert 1000 < refused < 2000


def test_a_prefix_of_an_object_is_never_taken_for_the_object() -> None:
    whole = '{"query": "Norway", "limit": 12}'

    for end in range(len(whole)):
        assert parse_call("call_1", "search", whole[:end], cut=True).arguments is None


def test_neighbours_of_one_speaker_are_joined_and_empty_messages_dropped() -> None:
    messages: list[Message] = [
        UserMessage(" "),
        UserMessage("One."),
        UserMessage("Two."),
        AssistantMessage("Let me look."),
        AssistantMessage("", (CALL,)),
        ToolMessage((RESULT,)),
        ToolMessage(()),
        AssistantMessage("  "),
        AssistantMessage("Yes."),
    ]

    assert tidy(messages) == [
        UserMessage("One.\n\nTwo."),
        AssistantMessage("Let me look.", (CALL,)),
        ToolMessage((RESULT,)),
        AssistantMessage("Yes."),
    ]


def test_two_rounds_of_calls_stay_two_messages() -> None:
    messages: list[Message] = [
        AssistantMessage("", (CALL,)),
        ToolMessage((RESULT,)),
        AssistantMessage("", (CALL,)),
        ToolMessage((RESULT,)),
    ]

    assert tidy(messages) == messages


def test_an_id_is_one_that_every_vendor_takes() -> None:
    assert portable_id("toolu_01A-b") == "toolu_01A-b"
    assert portable_id("functions.search:0") == "functions_search_0"
    assert len(portable_id("x" * 99)) == 64
