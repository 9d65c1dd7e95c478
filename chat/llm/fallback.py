"""Providers in order of preference, as one provider."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import replace

from chat.llm import attempts
from chat.llm.base import (
    Event,
    Provider,
    ProviderError,
    ProviderFailed,
    Request,
    Reset,
    Schema,
    Structured,
    TextDelta,
    ToolUse,
)

logger = logging.getLogger(__name__)

LAST_RESORT = 5.0
"""Seconds of the turn that are the last provider's own, so that a customer whose other providers all
hang still gets its answer. The offline engine needs one to load and two for a long answer, twice."""

LAST_RESORT_SHARE = 0.25
"""The same as a share of the time left, where that is so short that LAST_RESORT would take most."""


class Fallback:
    """Asks `providers` in order until one answers.

    A provider that fails after the customer has seen text is replaced as well: a Reset voids that
    text, and the next one starts clean. Only once a tool call has gone out nobody takes over, for it
    may have had its effect. When the last provider fails, its error propagates. The failures
    themselves are told by the retry layer around each provider.
    """

    name = "fallback"

    def __init__(self, providers: Sequence[Provider]) -> None:
        if not providers:
            raise ValueError("Fallback needs at least one provider")
        self.model = providers[0].model
        self._providers = tuple(providers)

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of the first provider that answers, after those of the ones that did
        not; raises ProviderError after the last of them."""
        *others, last = self._candidates(request)
        for provider in (*others, last):
            said = called = False
            events = provider.stream(request if provider is last else _hurried(request))
            try:
                async for event in events:
                    if isinstance(event, TextDelta):
                        said = True
                    elif isinstance(event, ToolUse):
                        called = True
                    yield event
                return
            except ProviderError as error:
                if called or provider is last:
                    raise
                logger.warning("Asking the next provider: %s", error)
                reason = error.code
            finally:
                # Ends the request upstream at once when the reader stops early.
                if isinstance(events, AsyncGenerator):
                    await events.aclose()
            if said:
                yield Reset(reason)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """The first answer that fits `schema`; raises ProviderError when nobody has one, with all
        that failed (see `chat.llm.attempts`)."""
        before: list[ProviderFailed] = []
        *others, last = self._candidates(request)
        for provider in others:
            try:
                structured = await provider.complete_structured(_hurried(request), schema)
            except ProviderError as error:
                logger.warning("Structured request failed, asking the next provider: %s", error)
                before += attempts.kept(error)
            else:
                return replace(structured, failed=(*before, *structured.failed))
        try:
            structured = await last.complete_structured(request, schema)
        except ProviderError as error:
            attempts.keep(error, (*before, *attempts.kept(error)))
            raise
        return replace(structured, failed=(*before, *structured.failed))

    async def close(self) -> None:
        """Lets go of every provider's connections."""
        await asyncio.gather(*(provider.close() for provider in self._providers))

    def _candidates(self, request: Request) -> tuple[Provider, ...]:
        """Whom to ask: nobody who failed earlier in the turn, nor, but for the last, when the time
        that is left is the last one's."""
        able = [provider for provider in self._providers if provider.name not in request.avoid]
        able = able or [self._providers[-1]]
        hurried = _hurried(request).deadline
        if hurried is not None and hurried <= time.monotonic():
            able = able[-1:]
        return tuple(able)


def _hurried(request: Request) -> Request:
    """The request of a provider that leaves time for the last one."""
    if request.deadline is None:
        return request
    left = request.deadline - time.monotonic()
    return replace(
        request, deadline=request.deadline - min(LAST_RESORT, max(0.0, left) * LAST_RESORT_SHARE)
    )
