"""A second attempt at the same provider, where it may help and nobody has seen the first."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import count

from chat.llm import attempts
from chat.llm.base import (
    AttemptStarted,
    Event,
    Provider,
    ProviderError,
    ProviderFailed,
    Request,
    Schema,
    Structured,
    TextDelta,
    ToolUse,
    UsageReport,
)

ATTEMPTS = 2
"""Attempts in all. A second one survives a hiccup; whoever fails twice is down, and the next provider
answers sooner than a third attempt would."""

BACKOFF = 0.2
"""Seconds. The longest pause before the second attempt, doubled for each one after it."""

LONGEST_BACKOFF = 1.0
"""Seconds a pause of our own choice may last: a customer waits for it."""

LONGEST_WAIT = 2.0
"""Seconds a server may ask us to wait. Asked for more, the next provider answers sooner."""


class Retry:
    """Asks `provider` again where its error is worth it, and tells of every attempt.

    An attempt is repeated only while the customer has seen nothing of it: two attempts must not be
    spliced. Each one is announced by an AttemptStarted and ends in a UsageReport or in one
    ProviderFailed; the last of these, `final`, comes just before the error is raised. `sleep` and
    `jitter` (uniform from 0 to 1) are the clock and the dice.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider
        self._sleep = sleep
        self._jitter = jitter

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer, and of the attempts at it; raises ProviderError."""
        for attempt in count(1):
            yield AttemptStarted(self.name, self.model, attempt)
            started = time.perf_counter()
            seen = False
            events = self._provider.stream(request)
            try:
                async for event in events:
                    if isinstance(event, TextDelta | ToolUse):
                        seen = True
                    elif isinstance(event, UsageReport):
                        event = replace(event, attempt=attempt)
                    yield event
                return
            except ProviderError as error:
                cause = error
                pause = None if seen else self._pause(error, attempt, request.deadline)
                failed = self._failed(error, attempt, started, pause)
            finally:
                # Ends the request upstream at once when the reader stops early.
                if isinstance(events, AsyncGenerator):
                    await events.aclose()
            yield failed
            if pause is None:
                raise cause
            await self._sleep(pause)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, which carries what
        failed (see `chat.llm.attempts`)."""
        before: list[ProviderFailed] = []
        for attempt in count(1):
            started = time.perf_counter()
            try:
                structured = await self._provider.complete_structured(request, schema)
            except ProviderError as error:
                pause = self._pause(error, attempt, request.deadline)
                before.append(self._failed(error, attempt, started, pause))
                if pause is None:
                    attempts.keep(error, before)
                    raise
            else:
                report = replace(structured.report, attempt=attempt)
                return replace(structured, report=report, failed=(*before, *structured.failed))
            await self._sleep(pause)
        raise AssertionError("counting never ends")

    async def close(self) -> None:
        """Lets go of the provider's connections."""
        await self._provider.close()

    def _pause(self, error: ProviderError, attempt: int, deadline: float | None) -> float | None:
        """Seconds until the next attempt; None where there should be none.

        Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): clients that failed together
        must not come back together.
        """
        asked = error.retry_after or 0.0
        if not error.retryable or attempt >= ATTEMPTS or asked > LONGEST_WAIT:
            return None
        pause = asked + self._jitter() * min(LONGEST_BACKOFF, BACKOFF * 2.0 ** (attempt - 1))
        if deadline is not None and time.monotonic() + pause >= deadline:
            return None
        return pause

    def _failed(
        self, error: ProviderError, attempt: int, started: float, pause: float | None
    ) -> ProviderFailed:
        return attempts.failed(
            self._provider, error, attempt=attempt, started=started, final=pause is None
        )
