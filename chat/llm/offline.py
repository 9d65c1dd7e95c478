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

from chat.llm import routing, slots, small_talk
from chat.llm.base import (
    AssistantMessage,
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
    ToolResult,
    ToolSpec,
    ToolUse,
    Unsupported,
    Usage,
    UsageReport,
    UserMessage,
)

PACE = 0.015
"""Seconds between pieces of an answer: about as fast as a person skims."""

CONFIDENT = 0.4
"""Least score of a route that is taken at once. Below it an open-ended tool is asked first. On 320
utterances of Bitext and CLINC any value from 0.3 to 0.45 routes as many rightly (93%); a lower one
opens tickets for questions that an article answers, a higher one misses one wish for a person in six."""

UNKNOWN = "I am sorry, I do not know the answer to that."
NOT_RECOGNISED = "I could not find that in your message."
DECLINED = "All right. Is there anything else I can help you with?"
SAY_MORE = "Could you tell me a little more about what you need?"
_QUESTION = re.compile(
    r"\?\s*$|^\W*(?:how|what|where|when|why|who|which|can|could|do|does|is|are)\b", re.IGNORECASE
)

_FOLLOW_UP = re.compile(
    r"^\W*(?:and|what about|how about|but)\b|\b(?:it|that|they|them|those)\b", re.I
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
    last = request.messages[-1]
    if isinstance(last, ToolMessage):
        return Say(_word(last.results, request))
    return _Dialogue(request).step()


def _word(results: tuple[ToolResult, ...], request: Request) -> str:
    said = [result.text for result in results if result.text]
    return "\n\n".join(dict.fromkeys(said)) or _do_not_know(request)


def _do_not_know(request: Request) -> str:
    offer = next((tool.offer for tool in request.tools if tool.offer), "")
    return f"{UNKNOWN} {offer}".rstrip()


class _Dialogue:
    """One look at a conversation whose last word is the customer's."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.tools = request.tools if request.tools_allowed else ()
        messages = list(request.messages)
        new: list[str] = []
        while messages and isinstance(message := messages[-1], UserMessage):
            new.insert(0, message.text)
            messages.pop()
        self.utterance = "\n".join(new)
        self.earlier = [m.text for m in messages if isinstance(m, UserMessage)]
        self.replies = [m.text for m in messages if isinstance(m, AssistantMessage) and m.text]

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
        return Say(DECLINED) if small_talk.declined(self.utterance) else None

    def _small_talk(self) -> Step | None:
        answer = small_talk.reply(self.utterance)
        return Say(answer) if answer else None

    def _answered_offer(self) -> Step | None:
        """A yes or a no to the offer that ended the last reply."""
        last = self.replies[-1] if self.replies else ""
        tool = next((tool for tool in self.tools if tool.offer and tool.offer in last), None)
        if tool is None:
            return None
        if small_talk.declined(self.utterance):
            return Say(DECLINED)
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
            return Say(DECLINED)
        if slot.free_text:
            return self._told(tool, slot)
        if slots.find(slot, self.utterance):
            return self._use(tool)
        route = self._best()
        if route and route.tool is not tool and route.score >= CONFIDENT:
            return None
        if self._asked_twice(slot):
            return Say(_do_not_know(self.request))
        return Say(f"{NOT_RECOGNISED} {slot.ask}")

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
        if not routing.informative(self.utterance) and not self._is_follow_up():
            return Say(SAY_MORE)
        route = self._best()
        open_ended = next((tool for tool in self.tools if tool.open_ended), None)
        if route and (route.score >= CONFIDENT or open_ended is None):
            return self._use(route.tool)
        if open_ended is None:
            return Say(_do_not_know(self.request))
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
            words = self._question()
        elif words is None and len(tool.slots) == 1 and tool.slots[0].free_text:
            words = self.utterance  # whatever brought it here, there is nothing else to go by
        elif words is None and slots.describes(self.utterance, tool):
            words = self.utterance
        arguments, missing = slots.fill(tool, self.utterance, self.earlier, words=words)
        if missing is None:
            return Call(tool, arguments)
        return Say(missing.ask) if missing.ask else Say(_do_not_know(self.request))

    def _question(self) -> str:
        """The utterance, with the question before it where it makes no sense alone."""
        asked = self._without_values()
        return f"{self.earlier[-1]} {asked}" if self._is_follow_up() else asked

    def _without_values(self) -> str:
        """The utterance without order numbers and the like: no article is about one of them."""
        text = self.utterance
        for slot in (slot for tool in self.tools for slot in tool.slots):
            text = re.sub(slot.pattern, "", text) if slot.pattern else text
        return " ".join(text.split()) if routing.informative(text) else self.utterance

    def _is_follow_up(self) -> bool:
        """Whether the utterance makes sense only after the one before it."""
        short = len(routing.informative(self.utterance)) <= 3
        return bool(self.earlier and short and _FOLLOW_UP.search(self.utterance))
