"""The loop: stream, run tools, repeat."""

import asyncio
from typing import Any

import pytest

from chat import agent
from chat.agent import MAX_CALLS, MAX_ROUNDS, Answered, NoAnswer, Objection
from chat.llm.base import (
    AssistantMessage,
    AttemptStarted,
    Overloaded,
    ProviderFailed,
    Request,
    Reset,
    StopReason,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from tests.fakes import Round, ScriptedProvider, calls, fails, says

REQUEST = Request(system="Be kind.", messages=(UserMessage("Hi"),))


class Tools:
    """Runs any call; keeps what ran and how many at once."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int, int]] = []
        self.now = self.most = 0

    async def __call__(self, call: ToolCall, ordinal: int, round_: int) -> ToolResult:
        self.ran.append((call.name, ordinal, round_))
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        return ToolResult(call.id, f"result of {call.name}")


class Censor:
    """Objects to the first `objections` answers; keeps what it read."""

    def __init__(self, objections: int = 0) -> None:
        self.objections = objections
        self.read: list[str] = []

    async def __call__(self, text: str) -> Objection | None:
        self.read.append(text)
        if len(self.read) > self.objections:
            return None
        return Objection(instruction="Do not claim that.", replacement="I did nothing.")


async def run(
    provider: ScriptedProvider, tools: Tools, done: int = 0, check: Censor | None = None
) -> tuple[str, list[object]]:
    """The text as the customer sees it in the end, and all events."""
    check = check or Censor()
    events = [event async for event in agent.answer(provider, REQUEST, tools, check, done)]
    text = ""
    for event in events:
        if isinstance(event, Reset):
            text = ""
        elif isinstance(event, TextDelta):
            text += event.text
    return text, list(events)


async def test_an_answer_without_tools_is_one_round() -> None:
    provider = ScriptedProvider(says("Good ", "day."))
    text, events = await run(provider, Tools())
    assert text == "Good day."
    assert events[-1] == Answered(StopReason.END)
    assert len(provider.requests) == 1


async def test_the_results_of_tools_go_back_to_the_model() -> None:
    provider = ScriptedProvider(calls(("a", {"x": 1}), ("b", {})), says("Done."))
    tools = Tools()
    text, _ = await run(provider, tools)
    assert text == "Done."
    assert tools.ran == [("a", 1, 1), ("b", 2, 1)]
    asked, results = provider.requests[1].messages[1:]
    assert isinstance(asked, AssistantMessage)
    assert [call.name for call in asked.calls] == ["a", "b"]
    assert isinstance(results, ToolMessage)
    assert [r.content for r in results.results] == ["result of a", "result of b"]
    assert [r.call_id for r in results.results] == [c.id for c in asked.calls]


async def test_what_was_said_before_a_tool_stays_above_the_answer() -> None:
    text, _ = await run(
        ScriptedProvider(calls(("a", {}), text="One moment."), says("Here.")), Tools()
    )
    assert text == "One moment.\n\nHere."


async def test_at_most_five_calls_run_at_once() -> None:
    tools = Tools()
    await run(ScriptedProvider(calls(*[("a", {})] * 8), says("Done.")), tools)
    assert (len(tools.ran), tools.most) == (8, 5)


async def test_the_last_round_has_no_tools() -> None:
    def greedy(request: Request) -> Round:
        return calls(("a", {})) if request.tools_allowed else says("That is all I know.")

    provider, tools = ScriptedProvider(greedy), Tools()
    text, _ = await run(provider, tools)
    assert text == "That is all I know."
    assert [r.tools_allowed for r in provider.requests] == [True] * (MAX_ROUNDS - 1) + [False]
    assert len(tools.ran) == MAX_ROUNDS - 1


async def test_no_more_than_ten_calls_run_in_a_turn() -> None:
    def greedy(request: Request) -> Round:
        return calls(*[("a", {})] * 6) if request.tools_allowed else says("Enough.")

    provider, tools = ScriptedProvider(greedy), Tools()
    text, _ = await run(provider, tools)
    assert text == "Enough."
    assert len(tools.ran) == MAX_CALLS
    refused = provider.requests[2].messages[-1]
    assert isinstance(refused, ToolMessage)
    assert [r.content == agent.LIMIT_REACHED for r in refused.results] == [False] * 4 + [True] * 2


async def test_a_turn_that_runs_again_goes_on_counting_where_it_was() -> None:
    tools = Tools()
    await run(ScriptedProvider(calls(("a", {})), says("Done.")), tools, done=3)
    assert tools.ran == [("a", 4, 1)]


async def test_calls_that_the_last_round_asks_for_all_the_same_are_not_run() -> None:
    tools = Tools()
    with pytest.raises(NoAnswer):
        await run(ScriptedProvider(calls(("a", {}))), tools)
    assert len(tools.ran) == MAX_ROUNDS - 1


async def test_an_empty_answer_is_an_error() -> None:
    with pytest.raises(NoAnswer):
        await run(ScriptedProvider(says()), Tools())


async def test_an_answer_cut_by_its_limit_says_so() -> None:
    provider = ScriptedProvider(says("A long", reason=StopReason.MAX_TOKENS))
    _, events = await run(provider, Tools())
    assert events[-1] == Answered(StopReason.MAX_TOKENS)


async def test_a_provider_that_fails_ends_the_turn_with_its_error() -> None:
    with pytest.raises(Overloaded):
        await run(ScriptedProvider(fails(Overloaded("busy"), "Half an ans")), Tools())


def given_up(name: str) -> ProviderFailed:
    return ProviderFailed(name, "model", "OVERLOADED", "HTTP 529", latency=0.1)


async def test_a_provider_that_was_given_up_is_not_asked_again_in_the_turn() -> None:
    first: list[Any] = [AttemptStarted("one", "m"), given_up("one"), AttemptStarted("two", "m")]
    provider = ScriptedProvider([*first, *calls(("a", {}))], says("Done."))
    await run(provider, Tools())
    assert [request.avoid for request in provider.requests] == [frozenset(), {"one"}]


async def test_after_a_reset_the_text_starts_clean() -> None:
    broken: list[Any] = [AttemptStarted("one", "m"), TextDelta("Half an ans"), given_up("one")]
    whole: list[Any] = [Reset("OVERLOADED"), AttemptStarted("two", "m"), *says("A whole answer.")]
    censor = Censor()
    text, events = await run(ScriptedProvider([*broken, *whole]), Tools(), check=censor)
    assert text == "A whole answer."
    assert censor.read == ["A whole answer."]
    assert events[-1] == Answered(StopReason.END)


async def test_words_of_two_providers_are_not_mixed_in_one_turn() -> None:
    first: list[Any] = [AttemptStarted("one", "m"), *calls(("a", {}), text="One moment.")]
    second: list[Any] = [AttemptStarted("one", "m"), given_up("one"), AttemptStarted("two", "m")]
    tools = Tools()
    text, events = await run(ScriptedProvider(first, [*second, *says("Here.")]), tools)
    assert text == "Here."
    assert [event for event in events if isinstance(event, Reset)] == [Reset(agent.OTHER_PROVIDER)]
    assert tools.ran == [("a", 1, 1)], "what was done is not done again"


async def test_who_ends_without_a_word_is_followed_by_the_next() -> None:
    def second(request: Request) -> Round:
        assert request.avoid == {"one"}
        return [AttemptStarted("two", "m"), *says("Here is what I found.")]

    provider = ScriptedProvider([AttemptStarted("one", "m"), *says()], second)
    text, events = await run(provider, Tools())
    assert text == "Here is what I found."
    (failed,) = [event for event in events if isinstance(event, ProviderFailed)]
    assert (failed.provider, failed.code, failed.asked) == ("one", agent.NO_ANSWER, False)


async def test_the_last_one_without_a_word_ends_the_turn() -> None:
    provider = ScriptedProvider([AttemptStarted("one", "m"), *says()])
    with pytest.raises(NoAnswer):
        await run(provider, Tools())
    assert len(provider.requests) == 2


async def test_an_answer_that_is_objected_to_is_asked_for_once_more() -> None:
    provider = ScriptedProvider(says("I opened a ticket."), says("Shall I open a ticket?"))
    text, events = await run(provider, Tools(), check=Censor(objections=1))
    assert text == "Shall I open a ticket?"
    assert Reset(agent.UNPROVEN) in events
    assert provider.requests[1].messages[-2:] == (
        AssistantMessage("I opened a ticket."),
        UserMessage("Do not claim that."),
    )


async def test_an_answer_that_is_objected_to_twice_is_replaced() -> None:
    provider = ScriptedProvider(says("I opened a ticket."))
    text, events = await run(provider, Tools(), check=Censor(objections=2))
    assert text == "I did nothing."
    assert events.count(Reset(agent.UNPROVEN)) == 2
    assert len(provider.requests) == 2
