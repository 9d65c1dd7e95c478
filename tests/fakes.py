"""Real implementations of the project's own interfaces, for tests: nothing is patched."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from chat.llm.base import (
    End,
    Event,
    ProviderError,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    ToolCall,
    ToolUse,
    Unsupported,
    Usage,
    UsageReport,
)

Round = Sequence[Event | Exception | float]


class ScriptedProvider:
    """A provider that plays rounds of events, one a request, and keeps the requests it got.

    A number in a round is a pause in seconds; an exception is raised. The last round repeats.
    """

    name = "scripted"
    model = "script-1"

    def __init__(self, *rounds: Round | Callable[[Request], Round]) -> None:
        self.rounds = list(rounds)
        self.requests: list[Request] = []
        self.closed = False

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        script = self.rounds[min(len(self.requests), len(self.rounds) - 1)]
        self.requests.append(request)
        for event in script(request) if callable(script) else script:
            if isinstance(event, Exception):
                raise event
            if isinstance(event, int | float):
                await asyncio.sleep(event)
            else:
                yield event

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.requests.append(request)
        raise Unsupported("the script has no structured output", provider=self.name)

    async def close(self) -> None:
        self.closed = True


REPORT = UsageReport("scripted", "script-1", Usage(input_tokens=100, output_tokens=20), 0.5, 0.1)


def says(*pieces: str, reason: StopReason = StopReason.END, pause: float = 0.0) -> list[Any]:
    """A round that answers in text, with a pause after each piece."""
    events: list[Any] = []
    for piece in pieces:
        events += [TextDelta(piece), pause] if pause else [TextDelta(piece)]
    return [*events, REPORT, End(reason)]


def calls(*wanted: tuple[str, dict[str, Any] | None], text: str = "") -> list[Any]:
    """A round that asks for tools."""
    asked = [
        ToolUse(ToolCall(f"id_{number}", name, arguments))
        for number, (name, arguments) in enumerate(wanted)
    ]
    return [*([TextDelta(text)] if text else []), *asked, REPORT, End(StopReason.TOOL_USE)]


def fails(error: ProviderError, *before: str) -> list[Any]:
    """A round that breaks, after some text perhaps."""
    return [*(TextDelta(piece) for piece in before), error]
