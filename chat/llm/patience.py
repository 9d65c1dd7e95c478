"""How long a provider may keep a customer waiting: for its first token, between two, and in all."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from chat.llm import tokens
from chat.llm.base import Event, Provider, Request, Schema, Structured, TextDelta, TimedOut

_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until the first sign of life, and between two: text, or Progress of a model that
    thinks or writes a tool call."""

    first_token: float
    token_gap: float

    @property
    def whole(self) -> float:
        """For an answer that comes in one piece, whose first token is seen with its last."""
        return self.first_token + self.token_gap


class Patience:
    """Ends a request to `provider` that takes longer than `limits` allow, or than the turn has.

    The request is cancelled upstream. Connecting has a limit of its own, in the adapter.
    """

    def __init__(self, provider: Provider, limits: Limits) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider
        self._limits = limits

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError, TimedOut at a limit."""
        watch = _Watch(self._limits, request.deadline)
        written = 0
        events = self._provider.stream(request)
        following = events.__anext__
        try:
            while True:
                watch.begin()
                event = await following()
                watch.end()
                if isinstance(event, TextDelta):
                    written += len(event.text)
                yield event
        except StopAsyncIteration:
            return
        except asyncio.CancelledError:
            if not watch.is_to_blame():
                raise
            usage = tokens.estimate(request, written)
            raise TimedOut(watch.limit, self.name, usage=usage) from None
        finally:
            watch.stop()
            # Ends the request upstream at once when the reader stops early.
            if isinstance(events, AsyncGenerator):
                await events.aclose()

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, TimedOut when the
        whole takes too long."""
        limit = self._limits.whole
        if request.deadline is not None:
            limit = min(limit, request.deadline - time.monotonic())
        try:
            async with asyncio.timeout(limit):
                return await self._provider.complete_structured(request, schema)
        except TimeoutError:
            detail = f"no answer within {max(0.0, limit):.3g} s"
            raise TimedOut(detail, self.name, usage=tokens.estimate(request, 0, schema)) from None

    async def close(self) -> None:
        """Lets go of the provider's connections."""
        await self._provider.close()


class _Watch:
    """One timer for a whole stream.

    Each wait only notes until when it may last. The timer looks at that note when it goes off, and
    is set again when there is time left: an event costs a time stamp, not a timer. The time that
    the reader takes between two events is not the provider's.
    """

    def __init__(self, limits: Limits, deadline: float | None) -> None:
        self.limit = ""
        self._gap = limits.token_gap
        self._patience = limits.first_token
        self._heard = False
        self._deadline = _NEVER if deadline is None else deadline
        self._due = self._looks_at = _NEVER
        self._waiting: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cancelling = 0

    def begin(self) -> None:
        """From now on the running task waits for the provider."""
        now = time.monotonic()
        due = now + self._patience
        self._due = due = due if due < self._deadline else self._deadline
        self._waiting = asyncio.current_task()
        if due < self._looks_at:
            self._look_in(due - now)

    def end(self) -> None:
        """The provider has given a sign of life. Raises CancelledError where that came too late."""
        self._waiting = None
        self._heard, self._patience = True, self._gap
        if self.limit:
            raise asyncio.CancelledError

    def is_to_blame(self) -> bool:
        """Whether a cancellation was this watch's. A task that somebody else cancelled as well has
        to end as cancelled."""
        task = self._waiting or asyncio.current_task()
        return bool(self.limit and task and task.uncancel() <= self._cancelling)

    def stop(self) -> None:
        """The stream has ended."""
        if self._timer:
            self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        self.stop()
        self._looks_at = self._due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._look)

    def _look(self) -> None:
        self._looks_at = _NEVER
        task = self._waiting
        if task is None:
            return  # the reader is at work; the next wait sets the timer again
        left = self._due - time.monotonic()
        if left > 0:
            self._look_in(left)
            return
        self.limit = self._reached()
        self._cancelling = task.cancelling()
        task.cancel()

    def _reached(self) -> str:
        if self._due >= self._deadline:
            return "the time of the turn is over"
        if self._heard:
            return f"no token for {self._patience:g} s"
        return f"no first token within {self._patience:g} s"
