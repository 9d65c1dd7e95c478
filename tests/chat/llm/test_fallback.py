"""Who answers when the first choice does not."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import pytest

from chat.llm.base import (
    AuthenticationFailed,
    ContentFiltered,
    End,
    Event,
    Overloaded,
    ProviderError,
    ProviderFailed,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    TimedOut,
    ToolCall,
    ToolUse,
    Truncated,
    Unsupported,
    Usage,
    UsageReport,
)
from chat.llm.fallback import Fallback
from tests.chat.llm.support import QUESTION, Verdict, collect, gather

ANSWER = (
    TextDelta("Yes."),
    UsageReport("second", "model-2", Usage(3, 1), latency=0.1, first_token=0.1),
    End(StopReason.END),
)


class Scripted:
    """A provider that yields `events`, then fails with `error` if there is one."""

    def __init__(
        self, name: str, events: Sequence[Event] = ANSWER, error: ProviderError | None = None
    ) -> None:
        self.name = name
        self.model = f"model of {name}"
        self.events = events
        self.error = error
        self.asked = 0
        self.open = 0
        self.closed = False

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        self.asked += 1
        self.open += 1
        try:
            for event in self.events:
                yield event
            if self.error:
                raise self.error
        finally:
            self.open -= 1

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.asked += 1
        if self.error:
            raise self.error
        report = UsageReport(self.name, self.model, Usage(), latency=0.1, first_token=None)
        return Structured(schema.model_validate({"topic": self.name, "urgency": 1}), report)

    async def close(self) -> None:
        self.closed = True


def failing(name: str, error: ProviderError, *events: Event) -> Scripted:
    return Scripted(name, events, error)


async def test_the_first_that_answers_is_the_only_one_asked() -> None:
    first, second = Scripted("first"), Scripted("second")

    assert await collect(Fallback([first, second]), QUESTION) == list(ANSWER)
    assert second.asked == 0


async def test_a_failed_attempt_is_reported_and_the_next_one_answers() -> None:
    first = failing("first", Overloaded("HTTP 529", provider="first"))

    failed, *answer = await collect(Fallback([first, Scripted("second")]), QUESTION)

    assert isinstance(failed, ProviderFailed)
    assert (failed.provider, failed.model) == ("first", "model of first")
    assert (failed.code, failed.detail) == ("OVERLOADED", "HTTP 529")
    assert 0 <= failed.latency < 1
    assert answer == list(ANSWER)


@pytest.mark.parametrize(
    "error", [AuthenticationFailed("x"), ContentFiltered("x"), TimedOut("x"), Unsupported("x")]
)
async def test_errors_not_worth_a_retry_are_worth_another_provider(error: ProviderError) -> None:
    events = await collect(Fallback([failing("first", error), Scripted("second")]), QUESTION)

    assert events[1:] == list(ANSWER)


@pytest.mark.parametrize("seen", [TextDelta("Ye"), ToolUse(ToolCall("call_1", "search", {}))])
async def test_nobody_takes_over_once_something_went_out(seen: Event) -> None:
    second = Scripted("second")
    events: list[Event] = []

    with pytest.raises(Truncated):
        first = failing("first", Truncated("x"), seen)
        await gather(Fallback([first, second]).stream(QUESTION), events)

    assert [type(event) for event in events] == [type(seen), ProviderFailed]
    assert second.asked == 0


async def test_what_nobody_sees_does_not_keep_the_next_one_away() -> None:
    inner = ProviderFailed("inner", "model-0", "OVERLOADED", "x", latency=0.1)
    first = failing("first", TimedOut("x"), inner)

    events = await collect(Fallback([first, Scripted("second")]), QUESTION)

    assert events[0] == inner
    assert events[2:] == list(ANSWER)


async def test_the_last_error_is_raised_when_all_fail() -> None:
    last = TimedOut("silent", provider="second")
    fallback = Fallback([failing("first", Overloaded("x")), failing("second", last)])
    events: list[Event] = []

    with pytest.raises(TimedOut) as failed:
        await gather(fallback.stream(QUESTION), events)

    assert failed.value is last
    assert [event.code for event in events if isinstance(event, ProviderFailed)] == [
        "OVERLOADED",
        "TIMEOUT",
    ]


async def test_a_mistake_of_ours_is_not_a_providers_failure() -> None:
    class Broken(Scripted):
        async def stream(self, request: Request) -> AsyncIterator[Event]:
            raise ZeroDivisionError
            yield  # makes this a generator

    second = Scripted("second")

    with pytest.raises(ZeroDivisionError):
        await collect(Fallback([Broken("first"), second]), QUESTION)

    assert second.asked == 0


async def test_a_reader_who_stops_early_closes_the_providers_stream() -> None:
    first = Scripted("first")
    stream = Fallback([first]).stream(QUESTION)
    assert isinstance(stream, AsyncGenerator)

    await anext(stream)
    assert first.open == 1
    await stream.aclose()

    assert first.open == 0


async def test_structured_requests_fall_back_too(caplog: pytest.LogCaptureFixture) -> None:
    fallback = Fallback(
        [
            failing("first", Unsupported("no schema", provider="first")),
            failing("second", Overloaded("HTTP 529", provider="second")),
            Scripted("third"),
        ]
    )

    structured = await fallback.complete_structured(QUESTION, Verdict)

    assert structured.value.topic == "third"
    assert structured.report.provider == "third"
    assert "first: UNSUPPORTED: no schema" in caplog.text
    assert "second: OVERLOADED: HTTP 529" in caplog.text


async def test_a_structured_request_raises_the_last_error() -> None:
    fallback = Fallback([failing("first", Overloaded("x")), failing("second", TimedOut("x"))])

    with pytest.raises(TimedOut):
        await fallback.complete_structured(QUESTION, Verdict)


async def test_closing_closes_every_provider() -> None:
    providers = [Scripted("first"), Scripted("second")]

    await Fallback(providers).close()

    assert all(provider.closed for provider in providers)


def test_a_fallback_without_providers_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Fallback([])
