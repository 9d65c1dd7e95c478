"""The record of attempts that failed: made by the retry layer, carried by what leaves the stack.

A stream carries them as events. A structured request has no stream: its failed attempts travel in
the `Structured` that came at last, or on the error when none came.
"""

import time
from collections.abc import Sequence

from chat.llm.base import Provider, ProviderError, ProviderFailed

_KEPT = "attempts"


def failed(
    provider: Provider, error: ProviderError, *, attempt: int, started: float, final: bool
) -> ProviderFailed:
    """What one attempt that began at `started` (of `time.perf_counter`) came to."""
    return ProviderFailed(
        error.provider or provider.name,
        provider.model,
        error.code,
        error.detail,
        time.perf_counter() - started,
        attempt=attempt,
        usage=error.usage,
        final=final,
        asked=error.asked,
    )


def keep(error: ProviderError, attempts: Sequence[ProviderFailed]) -> None:
    """Lets `error` carry the failed attempts of the structured request that it ends."""
    vars(error)[_KEPT] = tuple(attempts)


def kept(error: ProviderError) -> tuple[ProviderFailed, ...]:
    """The failed attempts of the structured request that `error` ended, its own the last."""
    attempts: tuple[ProviderFailed, ...] = vars(error).get(_KEPT, ())
    return attempts
