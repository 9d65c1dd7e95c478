"""The offline engine: a provider without a model, a key or a network.

It routes an utterance to a tool by the tool's examples, fills the arguments from the conversation,
asks for what is missing, and words the answer from what the tool returned. It knows no tool by name
and states nothing that no tool returned. It keeps no state either: like any provider it reads the
whole conversation each time, and knows what it asked by its own words in it.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from chat.llm import follow_up, routing, slots, small_talk
from chat.llm.base import (
    End,
    Event,
    Request,
    Schema,
    Slot,
    StopReason,
    Structured,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolSpec,
    ToolUse,
    Unsupported,
    Usage,
    UsageReport,
)
from chat.llm.dialogue import Dialogue

PACE = 0.015
"""Seconds between pieces of an answer: about as fast as a person skims."""

CONFIDENT = 0.4
"""Least score of a route that is taken at once. Below it an open-ended tool is asked first. On 320
utterances of Bitext and CLINC any value from 0.3 to 0.45 routes as many rightly (93%); a lower one
opens tickets for questions that an article answers, a higher one misses one wish for a person in six."""

CERTAIN = 0.75
"""The same for a question that goes on with one that an open-ended tool has answered. Without its
topic "do I have to send it back?" is 0.58 like "have somebody get back to me"."""

_QUESTION = re.compile(
    r"\?\s*$|^\W*(?:how|what|where|when|why|who|which|can|could|do|does|is|are)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Say:
    """The next step is an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """The next step is a tool call."""

    tool: ToolSpec
    arguments: dict[str, Any] = field(default_factory=dict)


Step = Say | Call


class OfflineProvider:
    """See the module's docstring. `pace` is the seconds between pieces of streamed text."""

    name = "offline"
    model = "examples"

    def __init__(self, *, pace: float = PACE) -> None:
        self._pace = pace

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields one tool call or one answer; raises nothing."""
        started = time.monotonic()
        # Off the event loop: the first call loads the embeddings, which takes a second.
        step = await asyncio.to_thread(next_step, request)
        first = time.monotonic() - started
        if isinstance(step, Call):
            number = sum(isinstance(m, ToolMessage) for m in request.messages) + 1
            yield ToolUse(ToolCall(f"offline_{number}", step.tool.name, step.arguments))
        else:
            for piece in re.findall(r"\S+\s*", step.text):
                yield TextDelta(piece)
                await asyncio.sleep(self._pace)
        latency = time.monotonic() - started
        yield UsageReport(self.name, self.model, Usage(), latency, first)
        yield End(StopReason.TOOL_USE if isinstance(step, Call) else StopReason.END)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Raises Unsupported: there is no model to hold to a schema."""
        raise Unsupported("no structured output without a model", provider=self.name)

    async def close(self) -> None:
        """Nothing to let go of."""


def next_step(request: Request) -> Step:
    """What to do next in a conversation. Depends on nothing but the request."""
    dialogue = Dialogue.of(request)
    if dialogue.results:
        return _searched_again(dialogue) or Say(_word(dialogue, request))
    return _Choice(dialogue, request).step()


def _word(dialogue: Dialogue, request: Request) -> str:
    said = [result.text for result in dialogue.results if result.text]
    return "\n\n".join(dict.fromkeys(said)) or _do_not_know(dialogue, request)


def _do_not_know(dialogue: Dialogue, request: Request) -> str:
    offers = (tool.offered(dialogue.language) for tool in request.tools if tool.offer)
    return f"{dialogue.phrases.unknown} {next(offers, '')}".rstrip()


def _searched_again(dialogue: Dialogue) -> Step | None:
    """The search for a question alone that seemed to go on with the old topic, and opened a new one:
    what was found for both does not speak of it."""
    goes_on = follow_up.depends(dialogue.utterance) and not follow_up.points_back(
        dialogue.utterance
    )
    if len(dialogue.calls) != 1 or not goes_on:
        return None
    call = dialogue.calls[0]
    tool = next((t for t in dialogue.tools if t.open_ended and t.name == call.name), None)
    if tool is None or follow_up.speaks_of(_found(dialogue), dialogue.utterance):
        return None
    arguments, missing = slots.fill(tool, dialogue.utterance, (), words=dialogue.alone())
    return Call(tool, arguments) if missing is None and arguments != call.arguments else None


def _found(dialogue: Dialogue) -> str:
    """What the customer would read, with the name of its source."""
    return " ".join(
        f"{result.text} {source.title} {source.heading}"
        for result in dialogue.results
        if result.found
        for source in result.citations[:1]
    )


class _Choice:
    """What to do about an utterance that nothing has been done about."""

    def __init__(self, dialogue: Dialogue, request: Request) -> None:
        self.dialogue = dialogue
        self.request = request
        self.utterance = dialogue.utterance
        self.earlier = dialogue.earlier
        self.replies = dialogue.replies
        self.tools = dialogue.tools
        self.phrases = dialogue.phrases

    def step(self) -> Step:
        """The next step."""
        return (
            self._answered_offer()
            or self._small_talk()
            or self._answered_question()
            or self._declined()
            or self._routed()
        )

    def _declined(self) -> Step | None:
        return Say(self.phrases.declined) if small_talk.declined(self.utterance) else None

    def _small_talk(self) -> Step | None:
        answer = small_talk.reply(self.utterance, self.phrases)
        return Say(answer) if answer else None

    def _answered_offer(self) -> Step | None:
        """A yes or a no to the offer that ended the last reply."""
        last = self.replies[-1] if self.replies else ""
        tool = next((tool for tool in self.tools if tool.offered_in(last)), None)
        if tool is None:
            return None
        if small_talk.declined(self.utterance):
            return Say(self.phrases.declined)
        more = small_talk.accepted(self.utterance)
        if more is None:
            return None
        topic = "\n".join(text for text in (*self.earlier[-1:], more) if text)
        return self._use(tool, words=topic or None)

    def _answered_question(self) -> Step | None:
        """What the customer wrote after the last reply asked for an argument."""
        asked = self._asked()
        if asked is None:
            return None
        tool, slot = asked
        if small_talk.declined(self.utterance):
            return Say(self.phrases.declined)
        if slot.free_text:
            return self._told(tool, slot)
        if slots.find(slot, self.utterance):
            return self._use(tool)
        route = self._best()
        if route and route.tool is not tool and route.score >= CONFIDENT:
            return None
        if self._asked_twice(slot):
            return Say(_do_not_know(self.dialogue, self.request))
        return Say(f"{self.phrases.not_recognised} {slot.ask}")

    def _told(self, tool: ToolSpec, slot: Slot) -> Step | None:
        """The customer's own words for what a tool asked: unless they are another question, or no
        more than the wish for the tool again."""
        route = self._best()
        elsewhere = route and route.tool is not tool and route.score >= CONFIDENT
        if elsewhere and _QUESTION.search(self.utterance):
            return None
        empty = (
            not slots.says_something(self.utterance, tool)
            or small_talk.accepted(self.utterance) == ""
        )
        if empty and not self._asked_twice(slot):
            return Say(slot.ask)
        return self._use(tool, words=self.utterance)

    def _asked_twice(self, slot: Slot) -> bool:
        return sum(slot.ask in reply for reply in self.replies[-2:]) > 1

    def _asked(self) -> tuple[ToolSpec, Slot] | None:
        last = self.replies[-1] if self.replies else ""
        pairs = ((tool, slot) for tool in self.tools for slot in tool.slots)
        return next(((t, s) for t, s in pairs if s.ask and last.endswith(s.ask)), None)

    def _best(self) -> routing.Route | None:
        ranked = routing.rank(self.utterance, self.tools)
        return ranked[0] if ranked else None

    def _routed(self) -> Step:
        """A new matter: by a value that only one tool can use, by examples, else by asking an
        open-ended tool."""
        by_pattern = self._by_pattern()
        if by_pattern:
            return self._use(by_pattern)
        if not routing.informative(self.utterance) and not self._goes_on():
            return Say(self.phrases.say_more)
        route = self._best()
        open_ended = next((tool for tool in self.tools if tool.open_ended), None)
        if open_ended and self._goes_on() and self.dialogue.last_tool == open_ended.name:
            # "Do I have to send it back?" after an answer is no wish for another tool, or says so.
            return self._use(route.tool if route and route.score >= CERTAIN else open_ended)
        if route and (route.score >= CONFIDENT or open_ended is None):
            return self._use(route.tool)
        if open_ended is None:
            return Say(_do_not_know(self.dialogue, self.request))
        return self._use(open_ended)

    def _by_pattern(self) -> ToolSpec | None:
        """A tool whose value is most of what the customer wrote: a bare order number, say."""
        for tool in self.tools:
            for slot in tool.slots:
                found = slots.find(slot, self.utterance)
                if found and len(routing.informative(self.utterance.replace(found, " "))) <= 1:
                    return tool
        return None

    def _use(self, tool: ToolSpec, words: str | None = None) -> Step:
        if words is None and tool.open_ended:
            words = self.dialogue.in_context()
        elif words is None and len(tool.slots) == 1 and tool.slots[0].free_text:
            words = self.utterance  # whatever brought it here, there is nothing else to go by
        elif words is None and slots.describes(self.utterance, tool):
            words = self.utterance
        arguments, missing = slots.fill(tool, self.utterance, self.earlier, words=words)
        if missing is None:
            return Call(tool, arguments)
        return Say(missing.ask) if missing.ask else Say(_do_not_know(self.dialogue, self.request))

    def _goes_on(self) -> bool:
        """Whether there is a question that the utterance follows."""
        return self.dialogue.in_context() != self.dialogue.alone()
