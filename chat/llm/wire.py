"""What the adapters share and no SDK is needed for: history, JSON, texts, tool calls."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import orjson

from chat.llm.base import (
    AssistantMessage,
    End,
    Event,
    Message,
    StopReason,
    ToolCall,
    ToolMessage,
    ToolUse,
    Truncated,
    Usage,
    UsageReport,
    UserMessage,
)

Effort = Literal["low", "medium", "high"]
"""How much a reasoning model thinks before it speaks. What it thinks counts as output."""


@dataclass(slots=True)
class Meter:
    """Times one request from its construction on."""

    provider: str
    model: str
    started: float = field(default_factory=time.perf_counter)
    first_token: float | None = None

    def mark(self) -> None:
        """Notes the first piece of text or of a tool call; later ones change nothing."""
        if self.first_token is None:
            self.first_token = time.perf_counter() - self.started

    def report(self, usage: Usage) -> UsageReport:
        latency = time.perf_counter() - self.started
        return UsageReport(self.provider, self.model, usage, latency, self.first_token)


# What is sent


def tidy(messages: Iterable[Message]) -> list[Message]:
    """The same conversation without empty messages, neighbours of one speaker joined.

    The Messages API refuses empty text, and the chat templates of many open models refuse two
    messages of one role in a row.
    """
    tidied: list[Message] = []
    for message in messages:
        match tidied[-1] if tidied else None, message:
            case _, (UserMessage(text) | AssistantMessage(text, ())) if not text.strip():
                continue
            case _, ToolMessage(()):
                continue
            case UserMessage(before), UserMessage(text):
                tidied[-1] = UserMessage(f"{before}\n\n{text}")
            case AssistantMessage(before, ()), AssistantMessage(text, calls):
                tidied[-1] = AssistantMessage(f"{before}\n\n{text}".strip(), calls)
            case _:
                tidied.append(message)
    return tidied


def portable_id(call_id: str) -> str:
    """A call's id in the form every vendor accepts: after a fallback it is another one's."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)[:64]


def arguments(call: ToolCall) -> str:
    """A call's arguments as JSON, "{}" for a call that could not run.

    Sorted: a database gives an object's keys back in an order of its own, and a history that is
    worded in two ways is read from no cache.
    """
    return json_text(call.arguments or {}, sort_keys=True)


# What comes back


def parsed(data: bytes) -> Any:
    """The JSON that a server sent; raises ValueError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # It takes half a surrogate pair for an error. Servers send them, and clean_text mends it.
        return json.loads(data)


def clean_text(value: object) -> str:
    """A piece of text that can be sent and stored, empty for null.

    Raises TypeError where the server sent no text: the SDKs pass on whatever they get.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"text that is {type(value).__name__}")
    if value.isascii() and "\0" not in value:
        return value
    # No socket takes half a surrogate pair, no PostgreSQL a NUL; JSON can spell both.
    return value.encode(errors="replace").decode().replace("\0", "")


def parse_call(call_id: str, name: str, text: str, *, cut: bool) -> ToolCall:
    """A tool call from the JSON a model wrote.

    The arguments are None, which means that the call must not run, when `text` is no JSON object.
    Empty text is how some servers write "no arguments", but when the answer was `cut` by its token
    limit it may as well be a call that never got that far.
    """
    call_id, name, text = clean_text(call_id), clean_text(name), clean_text(text)
    if not text.strip():
        return ToolCall(call_id, name, None if cut else {})
    try:
        arguments = json.loads(text, parse_constant=_refuse_constant)
        # What cannot be stored must not run: see clean_text.
        if b"\\u0000" in json_text(arguments).encode():
            arguments = None
    except (ValueError, RecursionError):
        arguments = None
    return ToolCall(call_id, name, arguments if isinstance(arguments, dict) else None)


def _refuse_constant(name: str) -> NoReturn:
    # NaN and Infinity are not JSON, and no database column takes them.
    raise ValueError(f"{name} is not JSON")


def ending(meter: Meter, reason: StopReason, calls: list[ToolCall], usage: Usage) -> list[Event]:
    """The events that follow the text. Some servers write "stop" after a tool call: calls decide.

    Calls go out only here: before the end nobody knows whether the last one is whole, and whether
    the answer is one at all. Raises Truncated where it is none.
    """
    if reason is StopReason.MAX_TOKENS and meter.first_token is None:
        # A model may think until its limit. Nothing was shown, so another provider can answer.
        raise Truncated("no token left for an answer", meter.provider)
    if reason is StopReason.TOOL_USE and not calls:
        raise Truncated("stopped for a tool call that never came", meter.provider)
    if reason is StopReason.END and calls:
        reason = StopReason.TOOL_USE
    return [*map(ToolUse, calls), meter.report(usage), End(reason)]


def json_text(value: Any, *, sort_keys: bool = False) -> str:
    """JSON for a model to read: short, and not escaped where it need not be."""
    # No NaN or Infinity: 1e999 parses to one, and no database column takes it.
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=sort_keys
    )
