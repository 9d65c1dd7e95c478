"""Tokens before anybody counted: a bound that holds, and a guess that is near."""

from dataclasses import replace

import pytest

from chat.llm import tokens
from chat.llm.base import AssistantMessage, Request, ToolCall, ToolMessage, ToolResult, UserMessage
from tests.chat.llm.support import QUESTION, SECOND_ROUND, WITH_TOOLS, Verdict

ENGLISH = "Where is the parcel that you sent to my old address last week? " * 20


def _bound(text: str) -> int:
    """What a customer's text adds to the bound."""
    empty = replace(QUESTION, messages=(UserMessage(""),))
    asked = replace(QUESTION, messages=(UserMessage(text),))
    return tokens.upper_bound(asked) - tokens.upper_bound(empty)


@pytest.mark.parametrize(
    "text",
    [
        "xqzjvkwpfy" * 10,
        "0123456789" * 10,
        "Müller, Größe, naïve",
        "配送はいつですか",
        "🇳🇴👩‍👩‍👧‍👦",
        "\0\x1b",
    ],
)
def test_no_tokenizer_makes_more_of_a_strangers_text_than_its_bytes(text: str) -> None:
    assert _bound(text) == len(text.encode())


def test_half_a_surrogate_pair_is_counted_and_not_choked_on() -> None:
    assert _bound("a\ud83d") == 2


def test_the_shops_own_text_is_trusted_to_be_prose() -> None:
    prose = replace(QUESTION, system=ENGLISH)
    added = tokens.upper_bound(prose) - tokens.upper_bound(replace(QUESTION, system=""))
    assert added == len(ENGLISH) / 2


def test_the_shops_own_text_is_trusted_only_as_far_as_it_is_ascii() -> None:
    prose = replace(QUESTION, system="配送")
    added = tokens.upper_bound(prose) - tokens.upper_bound(replace(QUESTION, system=""))
    assert added == len("配送".encode())


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(WITH_TOOLS, id="tools"),
        pytest.param(SECOND_ROUND, id="calls and results"),
        pytest.param(replace(QUESTION, messages=QUESTION.messages * 2), id="messages"),
    ],
)
def test_whatever_is_sent_counts(more: Request) -> None:
    assert tokens.upper_bound(more) > tokens.upper_bound(QUESTION)
    assert tokens.estimate(more, 0).input_tokens > tokens.estimate(QUESTION, 0).input_tokens


def test_what_vendors_put_around_a_request_counts() -> None:
    empty = Request(system="", messages=())
    framed = Request(system="", messages=(UserMessage(""), UserMessage("")))
    assert tokens.upper_bound(empty) == tokens.HIDDEN_TOKENS
    assert tokens.upper_bound(framed) == tokens.HIDDEN_TOKENS + 2 * tokens.FRAME_TOKENS


def test_a_schema_counts_as_it_is_sent_along() -> None:
    assert tokens.upper_bound(QUESTION, Verdict) > tokens.upper_bound(QUESTION) + 50
    with_schema = tokens.estimate(QUESTION, 0, Verdict)
    assert with_schema.input_tokens > tokens.estimate(QUESTION, 0).input_tokens


def test_the_arguments_of_a_call_count() -> None:
    def round_with(query: str) -> Request:
        call = ToolCall("call_1", "search", {"query": query})
        messages = (AssistantMessage("", (call,)), ToolMessage((ToolResult("call_1", "none"),)))
        return replace(QUESTION, messages=messages)

    assert tokens.upper_bound(round_with("x" * 100)) == tokens.upper_bound(round_with("x")) + 99


def test_tools_that_are_not_allowed_are_not_sent() -> None:
    last = replace(WITH_TOOLS, tools_allowed=False)
    assert tokens.estimate(last, 0) == tokens.estimate(QUESTION, 0)


def test_the_estimate_of_english_is_a_token_for_four_characters() -> None:
    asked = Request(system="", messages=(UserMessage(ENGLISH),), max_output_tokens=100)
    usage = tokens.estimate(asked, 41)
    assert (usage.input_tokens, usage.output_tokens) == (len(ENGLISH) / 4, 11)


def test_no_answer_is_estimated_longer_than_it_may_be() -> None:
    asked = replace(QUESTION, max_output_tokens=100)
    assert tokens.estimate(asked, 4_000).output_tokens == 100


def test_an_estimate_lies_within_the_bound() -> None:
    for request in (QUESTION, WITH_TOOLS, SECOND_ROUND):
        assert tokens.estimate(request, 0).input_tokens < tokens.upper_bound(request)
