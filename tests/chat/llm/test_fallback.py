"""Who answers when the first choice does not."""

import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import pytest

from chat.llm import attempts
from chat.llm.base import (
    AuthenticationFailed,
    ContentFiltered,
    Event,
    Overloaded,
    Progress,
    ProviderError,
    ProviderFailed,
    Reset,
    TextDelta,
    TimedOut,
    ToolCall,
    ToolUse,
    Truncated,
    Unsupported,
)
from chat.llm.fallback import LAST_RESORT, LAST_RESORT_SHARE, Fallback
from chat.llm.retry import Retry
from tests.chat.llm.scripted import ANSWER, Scripted, failing
from tests.chat.llm.support import QUESTION, Verdict, collect, gather


def codes(told: Sequence[object]) -> list[tuple[str, str, bool]]:
    return [
        (event.provider, event.code, event.final)
        for event in told
        if isinstance(event, ProviderFailed)
    ]


async def test_the_first_that_answers_is_the_only_one_asked() -> None:
    first, second = Scripted(), Scripted()

    assert await collect(Fallback([first, second]), QUESTION) == list(ANSWER)
    assert second.asked == 0


@pytest.mark.parametrize(
    "error",
    [Overloaded("x"), AuthenticationFailed("x"), ContentFiltered("x"), TimedOut("x")],
)
async def test_whatever_ails_the_first_the_next_one_answers(error: ProviderError) -> None:
    fallback = Fallback([failing(error), Scripted()])

    assert await collect(fallback, QUESTION) == list(ANSWER)


async def test_every_attempt_is_told_once_and_the_last_of_each_provider_as_final() -> None:
    first = failing(Overloaded("x"), name="first")
    second = failing(AuthenticationFailed("y"), name="second")
    fallback = Fallback([Retry(first), Retry(second), Retry(Scripted(name="third"))])

    events = await collect(fallback, QUESTION)

    assert codes(events) == [
        ("first", "OVERLOADED", False),
        ("first", "OVERLOADED", True),
        ("second", "AUTH", True),
    ]
    assert events[-3:] == list(ANSWER)


async def test_text_of_the_one_that_failed_is_void_and_the_next_starts_clean() -> None:
    first = failing(Truncated("cut"), TextDelta("Ye"), TextDelta("s, w"))

    events = await collect(Fallback([first, Scripted()]), QUESTION)

    assert events == [TextDelta("Ye"), TextDelta("s, w"), Reset("TRUNCATED"), *ANSWER]


async def test_what_nobody_saw_needs_no_reset() -> None:
    events = await collect(Fallback([failing(TimedOut("x"), Progress()), Scripted()]), QUESTION)

    assert events == [Progress(), *ANSWER]


async def test_nobody_takes_over_once_a_tool_call_went_out() -> None:
    seen = ToolUse(ToolCall("call_1", "search", {}))
    second = Scripted()
    events: list[Event] = []

    with pytest.raises(Truncated):
        await gather(Fallback([failing(Truncated("x"), seen), second]).stream(QUESTION), events)

    assert events == [seen]
    assert second.asked == 0


async def test_the_last_error_is_raised_when_all_fail() -> None:
    last = TimedOut("silent")
    events: list[Event] = []

    with pytest.raises(TimedOut) as failed:
        fallback = Fallback([failing(Overloaded("x")), failing(last, TextDelta("Ye"))])
        await gather(fallback.stream(QUESTION), events)

    assert failed.value is last
    assert events == [TextDelta("Ye")], "nobody starts over, so nothing is void"


async def test_who_failed_earlier_in_the_turn_is_not_asked_again() -> None:
    first, second = Scripted(name="first"), Scripted(name="second")

    await collect(Fallback([first, second]), replace(QUESTION, avoid=frozenset({"first"})))

    assert (first.asked, second.asked) == (0, 1)


async def test_somebody_is_asked_even_if_all_failed_earlier() -> None:
    first, second = Scripted(name="first"), Scripted(name="second")

    await collect(
        Fallback([first, second]), replace(QUESTION, avoid=frozenset({"first", "second"}))
    )

    assert (first.asked, second.asked) == (0, 1)


@pytest.mark.parametrize(
    ("left", "reserved"), [(100.0, LAST_RESORT), (4.0, 4.0 * LAST_RESORT_SHARE)]
)
async def test_the_last_one_has_time_of_its_own(left: float, reserved: float) -> None:
    deadline = time.monotonic() + left
    first, second, last = failing(TimedOut("x")), failing(TimedOut("x")), Scripted()

    await collect(Fallback([first, second, last]), replace(QUESTION, deadline=deadline))

    for hurried in (first, second):
        (request,) = hurried.requests
        assert request.deadline == pytest.approx(deadline - reserved, abs=0.2)
    assert last.requests[0].deadline == deadline


async def test_without_time_only_the_last_one_is_asked() -> None:
    first, last = Scripted(), Scripted()

    request = replace(QUESTION, deadline=time.monotonic() - 1)
    await collect(Fallback([first, last]), request)
    await Fallback([first, last]).complete_structured(request, Verdict)

    assert (first.asked, last.asked) == (0, 2)


async def test_a_turn_without_a_deadline_gives_nobody_one() -> None:
    first = Scripted()

    await collect(Fallback([first, Scripted()]), QUESTION)

    assert first.requests == [QUESTION]


async def test_a_mistake_of_ours_is_not_a_providers_failure() -> None:
    second = Scripted()

    with pytest.raises(ZeroDivisionError):
        await collect(Fallback([Scripted([ZeroDivisionError()]), second]), QUESTION)

    assert second.asked == 0


async def test_a_reader_who_stops_early_closes_the_providers_stream() -> None:
    first = Scripted()
    stream = Fallback([first]).stream(QUESTION)
    assert isinstance(stream, AsyncGenerator)

    await anext(stream)
    assert first.open == 1
    await stream.aclose()

    assert first.open == 0


async def test_structured_requests_fall_back_too(caplog: pytest.LogCaptureFixture) -> None:
    fallback = Fallback(
        [
            Retry(failing(Unsupported("no schema", provider="first"), name="first")),
            Retry(failing(Overloaded("HTTP 529", provider="second"), name="second")),
            Retry(Scripted(name="third")),
        ]
    )

    structured = await fallback.complete_structured(QUESTION, Verdict)

    assert structured.value.topic == "third"
    assert structured.report.provider == "third"
    assert codes(structured.failed) == [
        ("first", "UNSUPPORTED", True),
        ("second", "OVERLOADED", False),
        ("second", "OVERLOADED", True),
    ]
    assert "first: UNSUPPORTED: no schema" in caplog.text
    assert "second: OVERLOADED: HTTP 529" in caplog.text


async def test_a_structured_request_raises_the_last_error_with_all_that_failed() -> None:
    first, second = failing(Overloaded("x"), name="first"), failing(TimedOut("x"), name="second")

    with pytest.raises(TimedOut) as raised:
        await Fallback([Retry(first), Retry(second)]).complete_structured(QUESTION, Verdict)

    assert [code for _, code, _ in codes(attempts.kept(raised.value))] == [
        "OVERLOADED",
        "OVERLOADED",
        "TIMEOUT",
        "TIMEOUT",
    ]


async def test_closing_closes_every_provider() -> None:
    providers = [Scripted(), Scripted()]

    await Fallback(providers).close()

    assert all(provider.closed for provider in providers)


def test_a_fallback_without_providers_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Fallback([])
