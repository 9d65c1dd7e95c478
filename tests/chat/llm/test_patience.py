"""How long a provider may take, and what becomes of one that takes longer."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import pytest

from chat.llm.base import (
    Event,
    Overloaded,
    Progress,
    Request,
    TextDelta,
    TimedOut,
    ToolCall,
    ToolUse,
)
from chat.llm.patience import Limits, Patience
from tests.chat.llm.scripted import ANSWER, END, REPORT, Scripted
from tests.chat.llm.support import QUESTION, WITH_TOOLS, Verdict, collect, gather

AGES = 10.0
"""Seconds that no test waits for."""


async def timed_out(
    patience: Patience, events: list[Event], deadline: float | None = None
) -> TimedOut:
    with pytest.raises(TimedOut) as raised:
        await gather(patience.stream(replace(WITH_TOOLS, deadline=deadline)), events)
    return raised.value


async def test_a_provider_in_time_is_passed_on() -> None:
    events = await collect(Patience(Scripted(), Limits(AGES, AGES)), QUESTION)

    assert events == list(ANSWER)


async def test_a_first_token_that_does_not_come_is_a_time_out() -> None:
    provider = Scripted([AGES, *ANSWER])
    events: list[Event] = []

    error = await timed_out(Patience(provider, Limits(0.1, AGES)), events)

    assert (error.detail, error.provider) == ("no first token within 0.1 s", "scripted")
    assert error.retryable
    assert error.usage and error.usage.input_tokens > 0
    assert error.usage.output_tokens == 0
    assert events == []
    assert provider.open == 0, "the request was cancelled upstream"


@pytest.mark.parametrize("sign", [TextDelta("word " * 8), Progress()])
async def test_a_gap_between_tokens_is_a_time_out(sign: Event) -> None:
    provider = Scripted([sign, AGES, *ANSWER])
    events: list[Event] = []

    error = await timed_out(Patience(provider, Limits(AGES, 0.1)), events)

    assert error.detail == "no token for 0.1 s"
    assert events == [sign]
    assert error.usage and error.usage.output_tokens == (10 if sign != Progress() else 0)
    assert provider.open == 0


@pytest.mark.parametrize(
    "sign", [TextDelta("a"), Progress(), ToolUse(ToolCall("call_1", "search", {}))]
)
async def test_any_sign_of_life_counts(sign: Event) -> None:
    steps = [step for _ in range(8) for step in (0.1, sign)]
    patience = Patience(Scripted([*steps, REPORT, END]), Limits(0.5, 0.5))

    events = await collect(patience, QUESTION)

    assert events == [*[sign] * 8, REPORT, END]


async def test_the_first_token_and_the_next_have_limits_of_their_own() -> None:
    patience = Patience(Scripted([0.3, TextDelta("a"), AGES]), Limits(AGES, 0.1))

    async with asyncio.timeout(AGES / 2):  # the timer was set for the first token
        error = await timed_out(patience, [])

    assert error.detail == "no token for 0.1 s"


async def test_the_turns_deadline_ends_a_provider_that_never_pauses() -> None:
    endless = [step for _ in range(1000) for step in (0.02, TextDelta("a"))]
    provider = Scripted(endless)
    events: list[Event] = []

    error = await timed_out(
        Patience(provider, Limits(AGES, AGES)), events, deadline=time.monotonic() + 0.2
    )

    assert error.detail == "the time of the turn is over"
    assert 1 <= len(events) < 1000
    assert provider.open == 0


async def test_a_slow_reader_is_not_the_providers_fault() -> None:
    patience = Patience(Scripted([TextDelta("a"), TextDelta("b"), REPORT, END]), Limits(0.05, 0.05))
    seen = []

    async for event in patience.stream(QUESTION):
        seen.append(event)
        await asyncio.sleep(0.2)

    assert len(seen) == 4


async def test_a_reader_slower_than_the_limit_still_notices_a_stall_after_it() -> None:
    stream = Patience(Scripted([TextDelta("a"), AGES]), Limits(0.05, 0.05)).stream(QUESTION)

    await anext(stream)
    await asyncio.sleep(0.2)

    with pytest.raises(TimedOut, match=r"no token for 0\.05 s"):
        await anext(stream)


async def test_each_event_may_be_read_by_another_task() -> None:
    stream = Patience(Scripted([TextDelta("a"), AGES]), Limits(AGES, 0.1)).stream(QUESTION)

    async def read() -> Event:
        return await anext(stream)

    assert await asyncio.create_task(read()) == TextDelta("a")
    with pytest.raises(TimedOut):
        await asyncio.create_task(read())


async def test_a_turn_that_is_stopped_is_no_time_out() -> None:
    provider = Scripted([AGES])
    task = asyncio.create_task(collect(Patience(provider, Limits(AGES, AGES)), QUESTION))
    await asyncio.sleep(0.05)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert provider.open == 0


async def test_a_time_out_leaves_its_task_uncancelled() -> None:
    task = asyncio.current_task()
    assert task

    await timed_out(Patience(Scripted([AGES]), Limits(0.05, AGES)), [])

    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_provider_that_swallows_the_cancellation_is_out_of_time_all_the_same() -> None:
    class Stubborn(Scripted):
        async def stream(self, request: Request) -> AsyncIterator[Event]:
            try:
                await asyncio.sleep(AGES)
            except asyncio.CancelledError:
                yield TextDelta("late")

    await timed_out(Patience(Stubborn(), Limits(0.05, AGES)), [])


async def test_errors_of_the_provider_pass() -> None:
    with pytest.raises(Overloaded):
        await collect(Patience(Scripted([Overloaded("x")]), Limits(AGES, AGES)), QUESTION)


async def test_a_reader_who_stops_early_closes_the_providers_stream() -> None:
    provider = Scripted()
    stream = Patience(provider, Limits(AGES, AGES)).stream(QUESTION)
    assert isinstance(stream, AsyncGenerator)

    await anext(stream)
    assert provider.open == 1
    await stream.aclose()

    assert provider.open == 0


async def test_a_structured_answer_has_one_limit() -> None:
    provider = Scripted([AGES])

    with pytest.raises(TimedOut) as raised:
        await Patience(provider, Limits(0.05, 0.05)).complete_structured(QUESTION, Verdict)

    assert raised.value.detail == "no answer within 0.1 s"
    assert raised.value.usage and raised.value.usage.input_tokens > 0
    assert provider.open == 0


async def test_a_structured_answer_has_no_longer_than_the_turn() -> None:
    request = replace(QUESTION, deadline=time.monotonic() + 0.1)

    with pytest.raises(TimedOut):
        await Patience(Scripted([AGES]), Limits(AGES, AGES)).complete_structured(request, Verdict)


async def test_a_structured_answer_in_time_is_passed_on() -> None:
    patience = Patience(Scripted(()), Limits(AGES, AGES))

    structured = await patience.complete_structured(QUESTION, Verdict)

    assert structured.value.topic == "scripted"


async def test_closing_closes_the_provider() -> None:
    provider = Scripted()

    await Patience(provider, Limits(AGES, AGES)).close()

    assert provider.closed
