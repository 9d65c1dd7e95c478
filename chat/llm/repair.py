"""One more chance for a structured output that does not fit its schema."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

from chat.llm.base import (
    AssistantMessage,
    Event,
    Malformed,
    Provider,
    ProviderError,
    ProviderFailed,
    Request,
    Schema,
    Structured,
    Usage,
    UserMessage,
)

_ASK_AGAIN = (
    "Your answer does not fit the schema: {problems}. "
    "Answer again, with JSON that fits it and nothing else."
)


class Repair:
    """Shows `provider` what is wrong with a malformed structured output, and asks once more.

    A second one that does not fit is raised, a failure like any other. Streams pass untouched.
    """

    def __init__(self, provider: Provider) -> None:
        self.name = provider.name
        self.model = provider.model
        self._provider = provider

    def stream(self, request: Request) -> AsyncIterator[Event]:
        """Yields the events of one answer; raises ProviderError."""
        return self._provider.stream(request)

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        """Answers `request` as an instance of `schema`; raises ProviderError, whose `usage` is
        what both attempts took."""
        started = time.perf_counter()
        try:
            return await self._provider.complete_structured(request, schema)
        except Malformed as error:
            if request.deadline is not None and time.monotonic() >= request.deadline:
                raise
            first = error
        latency = time.perf_counter() - started
        try:
            second = await self._provider.complete_structured(_asked_again(request, first), schema)
        except ProviderError as error:
            error.usage = _sum(first.usage, error.usage)
            raise
        failed = ProviderFailed(
            first.provider or self.name,
            self.model,
            first.code,
            first.detail,
            latency,
            usage=first.usage,
            final=False,
        )
        return replace(second, failed=(failed, *second.failed))

    async def close(self) -> None:
        """Lets go of the provider's connections."""
        await self._provider.close()


def _asked_again(request: Request, first: Malformed) -> Request:
    said = AssistantMessage(first.text)
    wrong = UserMessage(_ASK_AGAIN.format(problems=first.problems))
    return replace(request, messages=(*request.messages, said, wrong))


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return first or second
    return Usage(
        first.input_tokens + second.input_tokens,
        first.output_tokens + second.output_tokens,
        first.cache_read_tokens + second.cache_read_tokens,
        first.cache_write_tokens + second.cache_write_tokens,
    )
