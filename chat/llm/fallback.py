"""Providers in order of preference, as one provider."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from chat.llm.base import (
    Event,
    Provider,
    ProviderError,
    ProviderFailed,
    Request,
    Schema,
    Structured,
    TextDelta,
    ToolUse,
)

logger = logging.getLogger(__name__)


class Fallback:
    """Asks `providers` in order until one answers.

    Once the customer has seen text, or a tool call has gone out, nobody takes over: two attempts
    must not be spliced. From then on, and when the last provider fails, the error propagates.
    """

    name = "fallback"

    def __init__(self, providers: Sequence[Provider]) -> None:
        if not providers:
            raise ValueError("Fallback needs at least one provider")
        self.model = providers[0].model
        self._providers = tuple(providers)

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of the first provider that answers, with a ProviderFailed for each that
        failed; raises ProviderError after the last of them."""
        for provider in self._providers:
            started = time.perf_counter()
            begun = False
            events = provider.stream(request)
            try:
                async for event in events:
                    begun = begun or isinstance(event, (TextDelta, ToolUse))
                    yield event
                return
            except ProviderError as error:
                cause = error
                failed = _failed(provider, error, time.perf_counter() - started)
            finally:
                # Ends the request upstream at once when the reader stops early.
                if isinstance(events, AsyncGenerator):
                    await events.aclose()
            yield failed
            if begun or provider is self._providers[-1]:
                raise cause

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """The first answer that fits `schema`; raises ProviderError when nobody has one."""
        for provider in self._providers[:-1]:
            try:
                return await provider.complete_structured(request, schema)
            except ProviderError as error:
                logger.warning("Structured request failed, asking the next provider: %s", error)
        return await self._providers[-1].complete_structured(request, schema)

    async def close(self) -> None:
        """Lets go of every provider's connections."""
        await asyncio.gather(*(provider.close() for provider in self._providers))


def _failed(provider: Provider, error: ProviderError, latency: float) -> ProviderFailed:
    return ProviderFailed(
        error.provider or provider.name, provider.model, error.code, error.detail, latency
    )
