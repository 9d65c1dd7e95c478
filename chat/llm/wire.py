"""What the adapters share and no SDK is needed for: settings, history, arguments, failures."""

import json
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NoReturn

from chat.llm.base import (
    AssistantMessage,
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLong,
    End,
    Event,
    InvalidRequest,
    Message,
    Overloaded,
    ProviderError,
    RateLimited,
    ServerFailed,
    StopReason,
    TimedOut,
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

READ_TIMEOUT = 30.0
"""Seconds. The longest silence before or within an answer; models that think send pings."""


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


# What comes back


def clean_text(value: object) -> str:
    """A piece of text that can be sent and stored, empty for null.

    Raises TypeError where the server sent no text: the SDKs pass on whatever they get.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"text that is {type(value).__name__}")
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


MOST_TOKENS = 2**31 - 1
"""What the ledger's integer columns hold, a thousand times what any request takes: a server that
reports more reports nonsense, which must not cost the customer an answer."""


def count(usage: object, name: str) -> int:
    """A number of tokens. The SDKs leave out or null what a server did not send."""
    value = getattr(usage, name, None)
    return min(max(0, value), MOST_TOKENS) if isinstance(value, int) else 0


# What goes wrong

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


@contextmanager
def translated(
    provider: str,
    translate: Callable[[Exception], ProviderError],
    caught: tuple[type[Exception], ...],
) -> Iterator[None]:
    """Turns what an SDK raises into our errors; `translate` is the adapter's one table of them."""
    try:
        yield
    except ProviderError:
        raise
    except caught as error:
        # Not "from error": SDK errors quote the request, and tracebacks end up in logs.
        raise translate(error) from None
    except (AttributeError, LookupError, TypeError) as error:
        # The SDKs build their objects unchecked, so an odd answer shows only where it is read.
        raise ServerFailed(f"odd answer ({type(error).__name__})", provider) from error


def json_text(value: Any) -> str:
    """JSON for a model to read: short, and not escaped where it need not be."""
    # No NaN or Infinity: 1e999 parses to one, and no database column takes it.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
