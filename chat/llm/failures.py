"""What goes wrong at a vendor, as the errors of `base`."""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from chat.llm.base import (
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    InvalidRequest,
    Overloaded,
    ProviderError,
    RateLimited,
    ServerFailed,
    TimedOut,
)
from chat.llm.tally import Tally
from chat.llm.transport import heard_nothing

_BY_KIND: Mapping[str, type[ProviderError]] = {
    "overloaded_error": Overloaded,
    "context_length_exceeded": ContextTooLong,
    "exceed_context_size_error": ContextTooLong,
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "bio_policy": ContentFiltered,
    "misalignment_policy_violation": ContentFiltered,
    # It comes as a 429, but no waiting refills an account.
    "insufficient_quota": AuthenticationFailed,
}
"""Kinds of error that say more than the status they come with."""

_IN_BAND: Mapping[str, type[ProviderError]] = {
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "timeout_error": TimedOut,
    "authentication_error": AuthenticationFailed,
    "permission_error": AuthenticationFailed,
    "billing_error": AuthenticationFailed,
    "invalid_request_error": InvalidRequest,
    "invalid_prompt": InvalidRequest,
    "data_residency_mismatch": InvalidRequest,
    "not_found_error": InvalidRequest,
    "request_too_large": InvalidRequest,
}
"""Kinds of error in a stream that began with status 200."""

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: AuthenticationFailed,
    402: AuthenticationFailed,
    403: AuthenticationFailed,
    408: TimedOut,
    409: ServerFailed,
    429: RateLimited,
    529: Overloaded,
}

_CONTEXT = re.compile(
    r"prompt is too long|context[ _-](length|window|size|limit)|maximum (model|context) length"
    r"|max_model_len|too many (input )?tokens",
    re.IGNORECASE,
)

_WORD = re.compile(r"[A-Za-z_]{1,40}")


def quotable(word: object) -> str:
    """A server's word if a `detail` may quote it, else nothing: no key, no customer's sentence and
    no tool's data looks like a single bare word."""
    return word if isinstance(word, str) and _WORD.fullmatch(word) else ""


def failure(
    provider: str,
    *,
    status: int | None,
    kinds: Iterable[object],
    message: object = "",
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
) -> ProviderError:
    """Names a failure that a server reported, with a status or in the middle of a stream.

    `kinds` are the server's own words for it, unchecked. `message` is only searched, never quoted:
    servers repeat in it what they were sent.
    """
    known = [word for word in map(quotable, kinds) if word]
    error_type = _classify(status, known, str(message))
    return error_type(
        " ".join((f"HTTP {status}" if status else "error event", *known)),
        provider,
        retry_after=retry_after(headers or {}),
        status=status,
        request_id=request_id,
    )


def _classify(status: int | None, kinds: list[str], message: str) -> type[ProviderError]:
    for kind in kinds:
        if kind in _BY_KIND:
            return _BY_KIND[kind]
    if status is not None:
        client_error = InvalidRequest if 400 <= status < 500 else ServerFailed
        found = _BY_STATUS.get(status, client_error)
    else:
        found = next((_IN_BAND[kind] for kind in kinds if kind in _IN_BAND), ServerFailed)
    if found is InvalidRequest and _CONTEXT.search(message):
        return ContextTooLong
    return found


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait, from `retry-after-ms` or `retry-after` (seconds or date)."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / scale
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True, slots=True)
class Vendor:
    """How to read one vendor's failures: `translate` is the adapter's one table of what its SDK
    raises, `caught` all that it may raise. Its support asks for what stands in the response's
    header `request_id`."""

    name: str
    translate: Callable[[Exception], ProviderError]
    caught: tuple[type[Exception], ...]
    request_id: str


@contextmanager
def translated(vendor: Vendor, tally: Tally) -> Iterator[None]:
    """Turns what an SDK raises into our errors, each with what the attempt took."""
    try:
        yield
    except ProviderError as error:
        _accounted(error, tally)
        raise
    except vendor.caught as error:
        # The request went out whole, so the server may have worked on it.
        tally.begun = tally.begun or heard_nothing(error)
        # Not "from error": SDK errors quote the request, and tracebacks end up in logs.
        raise _accounted(vendor.translate(error), tally) from None
    except (AttributeError, LookupError, TypeError) as error:
        # Answers are read unchecked, so an odd one shows only where it is read.
        odd = ServerFailed(f"odd answer ({type(error).__name__})", vendor.name)
        raise _accounted(odd, tally) from error


def _accounted(error: ProviderError, tally: Tally) -> ProviderError:
    error.usage = error.usage or tally.so_far()
    error.request_id = error.request_id or tally.request_id
    return error
