"""A conversation as the offline engine reads it: what the customer says now, and what came before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chat.llm import follow_up, small_talk
from chat.llm.base import (
    AssistantMessage,
    Message,
    Request,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolSpec,
    UserMessage,
)
from chat.llm.phrases import Phrases, phrases, spoken
from chat.llm.routing import informative

CONTEXT = 240
"""Characters of earlier questions that go into a search: two sentences. More would drown the new one."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One look at a conversation.

    `utterance` is all that the customer wrote since the last reply, `earlier` what they wrote before,
    `replies` what they read; `last_tool` is the name of the tool that ran before the utterance, `calls`
    and `results` are of those that have run for it.
    """

    utterance: str
    earlier: tuple[str, ...]
    replies: tuple[str, ...]
    last_tool: str
    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]
    tools: tuple[ToolSpec, ...]
    language: str

    @classmethod
    def of(cls, request: Request) -> "Dialogue":
        """The dialogue of a request. Its tools are those that may be called."""
        before, new, since = _parted(request.messages)
        utterance = "\n".join(new)
        earlier = tuple(m.text for m in before if isinstance(m, UserMessage))
        return cls(
            utterance=utterance,
            earlier=earlier,
            replies=tuple(m.text for m in before if isinstance(m, AssistantMessage) and m.text),
            last_tool=next((call.name for call in reversed(_calls(before))), ""),
            calls=tuple(_calls(since)),
            results=since[-1].results if since and isinstance(since[-1], ToolMessage) else (),
            tools=request.tools if request.tools_allowed else (),
            language=spoken("\n".join((*earlier[-1:], utterance)), request.locale),
        )

    @property
    def phrases(self) -> Phrases:
        """What the engine says in the customer's language."""
        return phrases(self.language)

    def alone(self) -> str:
        """The utterance as a question to an open-ended tool."""
        asked = self._without_values(self.utterance)
        return asked if informative(asked) else self.utterance

    def in_context(self) -> str:
        """The same, after the questions without which it makes no sense."""
        if not follow_up.depends(self.utterance):
            return self.alone()
        context = " ".join(self._topic())
        if len(context) > CONTEXT:
            context = context[:CONTEXT].rpartition(" ")[0]
        return f"{context} {self.alone()}".strip()

    def _topic(self) -> list[str]:
        """The last question that made sense alone, and the last of those that followed it."""
        asked: list[str] = []
        for text in map(self._without_values, reversed(self.earlier)):
            if not self._asks(text):
                continue
            asked.insert(0, text)
            if not follow_up.depends(text):
                break
        return [*asked[:1], *asked[1:][-1:]]

    def _asks(self, text: str) -> bool:
        """Whether a text is about something: no greeting, no yes, no value that was asked for."""
        if small_talk.reply(text, self.phrases) or small_talk.declined(text):
            return False
        return small_talk.accepted(text) != "" and bool(
            informative(text) or follow_up.depends(text)
        )

    def _without_values(self, text: str) -> str:
        """A text without order numbers and the like: no article is about one of them."""
        left = text
        for slot in (slot for tool in self.tools for slot in tool.slots):
            left = re.sub(slot.pattern, "", left) if slot.pattern else left
        return " ".join(left.split())


def _calls(messages: Sequence[Message]) -> list[ToolCall]:
    return [call for m in messages if isinstance(m, AssistantMessage) for call in m.calls]


def _parted(messages: Sequence[Message]) -> tuple[list[Message], list[str], list[Message]]:
    """What came before the utterance, its messages, and what tools did since."""
    before = list(messages)
    since: list[Message] = []
    while before and not isinstance(before[-1], UserMessage):
        since.insert(0, before.pop())
    new: list[str] = []
    while before and isinstance(message := before[-1], UserMessage):
        new.insert(0, message.text)
        before.pop()
    return before, new, since
