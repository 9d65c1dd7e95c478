"""When the same provider is asked a second time, and what is told of it."""

import time
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from chat.llm import attempts
from chat.llm.base import (
    AttemptStarted,
    AuthenticationFailed,
    BudgetExceeded,
    CircuitOpen,
    ConnectionFailed,
    ContentFiltered,
    ContextTooLong,
    Event,
    Malformed,
    Overloaded,
    Progress,
    ProviderError,
    ProviderFailed,
    RateLimited,
    TextDelta,
    TimedOut,
    ToolCall,
    ToolUse,
    Truncated,
    Unsupported,
    Usage,
)
from chat.llm.failures import failure
from chat.llm.retry import ATTEMPTS, BACKOFF, LONGEST_WAIT, Retry
from tests.chat.llm.scripted import ANSWER, END, REPORT, Script, Scripted, failing
from tests.chat.llm.support import QUESTION, Verdict, collect, gather


class Naps:
    """Sleeps that take no time."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def retrying(*scripts: Script, jitter: float = 1.0) -> tuple[Retry, Scripted, Naps]:
    provider, naps = Scripted(*scripts), Naps()
    return Retry(provider, sleep=naps, jitter=lambda: jitter), provider, naps


def failures(events: list[Event]) -> list[ProviderFailed]:
    return [event for event in events if isinstance(event, ProviderFailed)]


async def broken(retry: Retry) -> list[Event]:
    """What came before the error."""
    events: list[Event] = []
    with pytest.raises(ProviderError):
        await gather(retry.stream(QUESTION), events)
    return events


async def test_an_answer_is_announced_and_passed_on() -> None:
    retry, provider, naps = retrying()

    started, *answer = await collect(retry, QUESTION)

    assert started == AttemptStarted("scripted", "model of scripted", 1)
    assert answer == list(ANSWER)
    assert (provider.asked, naps.slept) == (1, [])


async def test_a_second_attempt_answers_and_the_first_is_told() -> None:
    usage = Usage(7, 0)
    retry, provider, _ = retrying([Overloaded("HTTP 529", usage=usage)], ANSWER)

    started, failed, again, text, report, end = await collect(retry, QUESTION)

    assert started == AttemptStarted("scripted", "model of scripted", 1)
    assert isinstance(failed, ProviderFailed)
    assert (failed.provider, failed.model) == ("scripted", "model of scripted")
    assert (failed.code, failed.detail, failed.attempt) == ("OVERLOADED", "HTTP 529", 1)
    assert (failed.usage, failed.final, failed.asked) == (usage, False, True)
    assert 0 <= failed.latency < 1
    assert again == AttemptStarted("scripted", "model of scripted", 2)
    assert (text, report, end) == (TextDelta("Yes."), replace(REPORT, attempt=2), END)
    assert provider.asked == 2


async def test_the_last_failure_is_told_as_final_and_its_error_raised() -> None:
    last = Overloaded("again", provider="scripted")
    retry, provider, _ = retrying([TimedOut("first")], [last])
    events: list[Event] = []

    with pytest.raises(Overloaded) as raised:
        await gather(retry.stream(QUESTION), events)

    assert raised.value is last
    assert provider.asked == ATTEMPTS == 2
    assert [(told.attempt, told.code, told.final) for told in failures(events)] == [
        (1, "TIMEOUT", False),
        (2, "OVERLOADED", True),
    ]


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_a_status_that_may_pass_is_tried_again(status: int) -> None:
    retry, provider, _ = retrying([failure("scripted", status=status, kinds=())], ANSWER)

    await collect(retry, QUESTION)

    assert provider.asked == 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_a_status_that_stays_is_not(status: int) -> None:
    retry, provider, naps = retrying([failure("scripted", status=status, kinds=())])

    (failed,) = failures(await broken(retry))

    assert failed.final
    assert (provider.asked, naps.slept) == (1, [])


@pytest.mark.parametrize("error", [ConnectionFailed("x"), TimedOut("x"), Truncated("x")])
async def test_a_broken_line_is_tried_again(error: ProviderError) -> None:
    retry, provider, _ = retrying([error], ANSWER)

    await collect(retry, QUESTION)

    assert provider.asked == 2


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed("x"),
        ContentFiltered("x"),
        ContextTooLong("x"),
        Malformed("x"),
        Unsupported("x"),
    ],
)
async def test_what_comes_again_is_not_tried_again(error: ProviderError) -> None:
    retry, provider, _ = retrying([error])

    await broken(retry)

    assert provider.asked == 1


@pytest.mark.parametrize("error", [CircuitOpen("x"), BudgetExceeded("x")])
async def test_a_request_that_never_went_out_is_told_as_such(error: ProviderError) -> None:
    retry, provider, _ = retrying([error])

    (failed,) = failures(await broken(retry))

    assert not failed.asked
    assert provider.asked == 1


@pytest.mark.parametrize("seen", [TextDelta("Ye"), ToolUse(ToolCall("call_1", "search", {}))])
async def test_nothing_is_tried_again_once_something_went_out(seen: Event) -> None:
    retry, provider, _ = retrying([seen, Truncated("cut")], ANSWER)

    events = await broken(retry)

    assert events[1] == seen
    assert [failed.final for failed in failures(events)] == [True]
    assert provider.asked == 1


async def test_progress_that_nobody_reads_does_not_count() -> None:
    retry, provider, _ = retrying([Progress(), Truncated("cut")], ANSWER)

    assert (await collect(retry, QUESTION))[-3:] == [ANSWER[0], replace(REPORT, attempt=2), END]
    assert provider.asked == 2


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
async def test_the_pause_is_anything_up_to_the_backoff(jitter: float) -> None:
    retry, _, naps = retrying([Overloaded("x")], ANSWER, jitter=jitter)

    await collect(retry, QUESTION)

    assert naps.slept == [pytest.approx(jitter * BACKOFF)]


async def test_a_servers_wish_is_waited_for_and_then_some() -> None:
    retry, _, naps = retrying([RateLimited("x", retry_after=1.0)], ANSWER, jitter=0.5)

    await collect(retry, QUESTION)

    assert naps.slept == [pytest.approx(1.0 + 0.5 * BACKOFF)]


async def test_a_wish_longer_than_a_customer_waits_gives_up_at_once() -> None:
    retry, provider, naps = retrying([RateLimited("x", retry_after=LONGEST_WAIT + 0.1)], ANSWER)

    (failed,) = failures(await broken(retry))

    assert failed.final
    assert (provider.asked, naps.slept) == (1, [])


@pytest.mark.parametrize(("left", "asked"), [(1.0, 1), (60.0, 2)])
async def test_no_pause_outlasts_the_turn(left: float, asked: int) -> None:
    retry, provider, _ = retrying([RateLimited("x", retry_after=1.5)])
    request = replace(QUESTION, deadline=time.monotonic() + left)

    with pytest.raises(RateLimited):
        await collect(retry, request)

    assert provider.asked == asked


async def test_a_mistake_of_ours_is_not_tried_again() -> None:
    retry, provider, _ = retrying([ZeroDivisionError()])
    events: list[Event] = []

    with pytest.raises(ZeroDivisionError):
        await gather(retry.stream(QUESTION), events)

    assert failures(events) == []
    assert provider.asked == 1


async def test_a_reader_who_stops_early_closes_the_providers_stream() -> None:
    retry, provider, _ = retrying()
    stream = retry.stream(QUESTION)
    assert isinstance(stream, AsyncGenerator)

    await anext(stream)
    await anext(stream)
    assert provider.open == 1
    await stream.aclose()

    assert provider.open == 0


async def test_a_structured_request_is_tried_again_and_says_so() -> None:
    retry, provider, naps = retrying([Overloaded("HTTP 529", usage=Usage(7, 0))], ())

    structured = await retry.complete_structured(QUESTION, Verdict)

    assert structured.value.topic == "scripted"
    assert structured.report.attempt == 2
    (failed,) = structured.failed
    assert (failed.code, failed.attempt, failed.final) == ("OVERLOADED", 1, False)
    assert failed.usage == Usage(7, 0)
    assert provider.asked == 2
    assert naps.slept == [BACKOFF]


async def test_a_structured_request_that_fails_carries_every_attempt() -> None:
    retry, provider, _ = retrying([TimedOut("x")], [Overloaded("y")])

    with pytest.raises(Overloaded) as raised:
        await retry.complete_structured(QUESTION, Verdict)

    assert [(told.attempt, told.code, told.final) for told in attempts.kept(raised.value)] == [
        (1, "TIMEOUT", False),
        (2, "OVERLOADED", True),
    ]
    assert provider.asked == 2


async def test_a_structured_output_that_does_not_fit_is_not_asked_for_again() -> None:
    retry, provider, _ = retrying([Malformed("x")])

    with pytest.raises(Malformed):
        await retry.complete_structured(QUESTION, Verdict)

    assert provider.asked == 1


async def test_closing_closes_the_provider() -> None:
    provider = failing(Overloaded("x"))

    await Retry(provider).close()

    assert provider.closed
