"""A structured output that does not fit is asked for once more, and only once."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chat.llm.base import (
    AssistantMessage,
    End,
    Event,
    Malformed,
    ProviderError,
    ProviderFailed,
    RateLimited,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    Usage,
    UsageReport,
    UserMessage,
)
from chat.llm.repair import Repair
from tests.chat.llm.support import QUESTION, Build, Script, Verdict, answers

FIT = Verdict(topic="shipping", urgency=2)
REPORT = UsageReport("scripted", "model-1", Usage(20, 4), 0.1, None)


def malformed(text: str = '{"topic": "shipping"}', usage: Usage | None = None) -> Malformed:
    error = Malformed("does not fit Verdict", "scripted", text=text, problems="urgency: missing")
    error.usage = usage or Usage(10, 3, 2, 1)
    return error


class Scripted:
    """Gives `outcomes` one after the other; keeps what it was asked."""

    name = "scripted"
    model = "model-1"

    def __init__(self, outcomes: Sequence[Verdict | ProviderError]) -> None:
        self.asked: list[Request] = []
        self.closed = False
        self.events: AsyncIterator[Event] | None = None
        self._outcomes = iter(outcomes)

    def stream(self, request: Request) -> AsyncIterator[Event]:
        self.events = self._stream()
        return self.events

    async def _stream(self) -> AsyncIterator[Event]:
        yield TextDelta("Yes.")
        yield End(StopReason.END)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.asked.append(request)
        outcome = next(self._outcomes)
        if isinstance(outcome, ProviderError):
            raise outcome
        return Structured(schema.model_validate(outcome.model_dump()), REPORT)

    async def close(self) -> None:
        self.closed = True


async def test_an_answer_that_fits_is_asked_for_once() -> None:
    provider = Scripted([FIT])

    structured = await Repair(provider).complete_structured(QUESTION, Verdict)

    assert structured == Structured(FIT, REPORT)
    assert provider.asked == [QUESTION]


async def test_a_malformed_answer_is_shown_what_is_wrong_with_it() -> None:
    provider = Scripted([malformed(), FIT])

    structured = await Repair(provider).complete_structured(QUESTION, Verdict)

    assert structured.value == FIT
    assert structured.report == REPORT
    first, second = provider.asked
    assert first == QUESTION
    *before, said, wrong = second.messages
    assert tuple(before) == QUESTION.messages
    assert said == AssistantMessage('{"topic": "shipping"}')
    assert isinstance(wrong, UserMessage)
    assert "urgency: missing" in wrong.text


async def test_the_malformed_attempt_is_told_with_what_it_took() -> None:
    structured = await Repair(Scripted([malformed(), FIT])).complete_structured(QUESTION, Verdict)

    (failed,) = structured.failed
    assert failed == ProviderFailed(
        "scripted",
        "model-1",
        "MALFORMED",
        "does not fit Verdict",
        failed.latency,
        usage=Usage(10, 3, 2, 1),
        final=False,
    )
    assert failed.latency >= 0


@pytest.mark.parametrize("second", [malformed(usage=Usage(20, 4)), RateLimited("HTTP 429")])
async def test_a_second_failure_is_raised_with_what_both_attempts_took(
    second: ProviderError,
) -> None:
    provider = Scripted([malformed(), second, FIT])

    with pytest.raises(type(second)) as failed:
        await Repair(provider).complete_structured(QUESTION, Verdict)

    assert len(provider.asked) == 2
    expected = Usage(30, 7, 2, 1) if isinstance(second, Malformed) else Usage(10, 3, 2, 1)
    assert failed.value.usage == expected


async def test_another_failure_is_not_repaired() -> None:
    provider = Scripted([RateLimited("HTTP 429"), FIT])

    with pytest.raises(RateLimited):
        await Repair(provider).complete_structured(QUESTION, Verdict)

    assert len(provider.asked) == 1


async def test_nothing_is_repaired_after_the_deadline() -> None:
    provider = Scripted([malformed(), FIT])

    with pytest.raises(Malformed):
        await Repair(provider).complete_structured(
            replace(QUESTION, deadline=time.monotonic()), Verdict
        )

    assert len(provider.asked) == 1


async def test_a_stream_is_the_providers_own() -> None:
    provider = Scripted([])

    events = Repair(provider).stream(QUESTION)

    assert events is provider.events
    assert [event async for event in events] == [TextDelta("Yes."), End(StopReason.END)]


async def test_it_has_the_providers_names_and_closes_it() -> None:
    provider = Scripted([])
    repair = Repair(provider)

    await repair.close()

    assert (repair.name, repair.model) == ("scripted", "model-1")
    assert provider.closed


def whole(text: str) -> dict[str, Any]:
    """One answer in the words of all three protocols."""
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "choices": [{"finish_reason": "stop", "message": {"content": text}}],
        "status": "completed",
        "output": [{"type": "message", "content": [part]}],
        "usage": {
            "input_tokens": 9,
            "prompt_tokens": 9,
            "output_tokens": 5,
            "completion_tokens": 5,
        },
    }


async def test_every_adapter_is_repaired(build: Build) -> None:
    bodies = iter(['{"topic": "shipping"}', '{"topic": "shipping", "urgency": 2}'])
    script = Script(lambda request: answers(whole(next(bodies))).respond(request))

    structured = await Repair(build(http_client=script.client())).complete_structured(
        QUESTION, Verdict
    )

    assert structured.value == FIT
    assert [failed.usage for failed in structured.failed] == [Usage(9, 5)]
    assert b"urgency: missing" in script.requests[1].content
