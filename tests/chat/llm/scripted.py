"""A provider that plays a script, for the tests of the policies around providers."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from chat.llm.base import (
    End,
    Event,
    ProviderError,
    Request,
    Schema,
    StopReason,
    Structured,
    TextDelta,
    Usage,
    UsageReport,
)

Script = Sequence[Event | BaseException | float]

USAGE = Usage(input_tokens=3, output_tokens=1)
REPORT = UsageReport("scripted", "model", USAGE, latency=0.1, first_token=0.1)
END = End(StopReason.END)
ANSWER = (TextDelta("Yes."), REPORT, END)


class Scripted:
    """Plays one script a request; the last one repeats.

    A number in a script is a pause in seconds; an exception is raised. A structured request plays
    the same scripts, and is answered where no exception is met.
    """

    def __init__(self, *scripts: Script, name: str = "scripted") -> None:
        self.name = name
        self.model = f"model of {name}"
        self.scripts = scripts or (ANSWER,)
        self.requests: list[Request] = []
        self.open = 0
        self.closed = False

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        self.open += 1
        try:
            for step in self._next(request):
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.open -= 1

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.open += 1
        try:
            for step in self._next(request):
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
        finally:
            self.open -= 1
        report = UsageReport(self.name, self.model, USAGE, latency=0.1, first_token=None)
        return Structured(schema.model_validate({"topic": self.name, "urgency": 1}), report)

    async def close(self) -> None:
        self.closed = True

    @property
    def asked(self) -> int:
        return len(self.requests)

    def _next(self, request: Request) -> Script:
        script = self.scripts[min(self.asked, len(self.scripts) - 1)]
        self.requests.append(request)
        return script


def failing(error: ProviderError, *before: Event, name: str = "scripted") -> Scripted:
    """A provider that always breaks with `error`, after some events perhaps."""
    return Scripted((*before, error), name=name)
