"""What is told of a conversation to whoever runs it: spans, and values for the metrics.

Only OpenTelemetry's API is used here; until `install` is called nothing is recorded. Every function is
cheap enough to be called without asking whether anybody listens, and none is called for a token.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from opentelemetry import trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider
from opentelemetry.util.types import AttributeValue

from chat import metrics
from chat.llm import tracing
from chat.llm.base import ProviderFailed, Usage, UsageReport
from chat.llm.tracing import (
    CHAT,
    CONVERSATION,
    ERROR_TYPE,
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    fail,
)
from chat.metrics import (
    BUDGET,
    CACHED,
    FROM,
    LEVEL,
    LIMIT,
    PURPOSE,
    RATING,
    REASON,
    RESULT,
    STATE,
    STATUS,
    TO,
    TOKEN_TYPE,
    TOOL_NAME,
)
from chat.redaction import redact
from chat.spans import Work, current_span, work_span

TURN = "supportbot.turn.id"
TURN_ATTEMPT = "supportbot.turn.attempt"
ROUND = "supportbot.round"

SPANS = {
    "invoke_agent supportbot": "A turn, from its claim to its end.",
    "round": "One request to the model and the tool calls it asked for.",
    "chat {model}": "An attempt at a provider.",
    "execute_tool {tool}": "A tool call.",
    "retrieval help_center": "A search of the help center.",
}

UNKNOWN_TOOL = "unknown"
"""Stands for a tool that does not exist: a model may invent any name."""

ANSWER = "answer"
"""What most requests are for; the ledger knows the other purposes."""

BREAKER_STATES = {"closed": 0, "half_open": 1, "open": 2}


@dataclass(frozen=True, slots=True)
class TurnIds:
    """Which turn the code at work belongs to, for the log."""

    turn: str
    conversation: str


turn_ids: ContextVar[TurnIds | None] = ContextVar("turn_ids", default=None)

_content = False


def install(tracers: TracerProvider, meters: MeterProvider, *, content: bool = False) -> None:
    """Records to these providers from now on. `content` puts what is said into spans, redacted."""
    global _content
    _content = content
    tracing.install(tracers)
    metrics.install(meters)


# Spans -------------------------------------------------------------------------------------------


@contextmanager
def turn_span(turn: UUID, conversation: UUID, attempt: int) -> Iterator[Span]:
    """A run of a turn; its ids are in every log line written meanwhile. `attempt` counts the runs."""
    token = turn_ids.set(TurnIds(str(turn), str(conversation)))
    attributes: dict[str, AttributeValue] = {
        OPERATION: "invoke_agent",
        "gen_ai.agent.name": "supportbot",
        CONVERSATION: str(conversation),
        TURN: str(turn),
        TURN_ATTEMPT: attempt,
    }
    try:
        with current_span("invoke_agent supportbot", attributes) as span:
            yield span
    finally:
        turn_ids.reset(token)


def round_span(number: int) -> AbstractContextManager[Span]:
    """One request to the model and the tool calls it asks for. May span the `yield`s of an async
    generator."""
    return current_span("round", {ROUND: number})


def tool_span(name: str, ordinal: int, arguments: object) -> AbstractContextManager[Work]:
    """A tool call. `name` is that of a tool there is, or UNKNOWN_TOOL; `arguments` can be JSON."""
    attributes: dict[str, AttributeValue] = {
        OPERATION: "execute_tool",
        TOOL_NAME: name,
        "gen_ai.tool.type": "function",
        "supportbot.tool.ordinal": ordinal,
    }
    if _content:
        attributes["gen_ai.tool.call.arguments"] = redact(json.dumps(arguments, ensure_ascii=False))
    labels: dict[str, str | bool] = {TOOL_NAME: name}
    duration = metrics.TOOL_DURATION
    return work_span(f"execute_tool {name}", attributes, duration, labels, content=_content)


def search_span(query: str) -> AbstractContextManager[Work]:
    """A search of the help center."""
    attributes: dict[str, AttributeValue] = {OPERATION: "retrieval"}
    if _content:
        attributes["gen_ai.retrieval.query.text"] = redact(query)
    duration = metrics.SEARCH_DURATION
    return work_span("retrieval help_center", attributes, duration, {}, content=_content)


# Metrics -----------------------------------------------------------------------------------------


def turn_ended(
    status: str,
    code: str,
    duration: float,
    first_token: float | None,
    provider: str,
    model: str,
    *,
    cached: bool = False,
) -> None:
    """A turn is over, and committed. `code` is empty for one that succeeded; `provider` and `model`
    wrote the reply, empty where there is none; times are seconds."""
    labels: dict[str, str | bool] = {STATUS: status, PROVIDER: provider, CACHED: cached}
    metrics.TURN_DURATION.record(duration, labels)
    if first_token is not None:
        metrics.FIRST_TOKEN.record(first_token, {PROVIDER: provider, CACHED: cached})
    metrics.TURNS.record(1, labels | {REQUEST_MODEL: model} | _error(code))
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(
            {STATUS: status, PROVIDER: provider, REQUEST_MODEL: model, CACHED: cached}
        )
        if code:
            fail(span, code)


def attempt_succeeded(report: UsageReport, cost: Decimal | None, purpose: str = ANSWER) -> None:
    """A request was answered. `cost` is US dollars, None where nobody knows. One that the response
    cache answered went to no provider, and is not counted here."""
    if report.cached:
        return
    model = {PROVIDER: report.provider, REQUEST_MODEL: report.model}
    chat = {OPERATION: CHAT, **model}
    metrics.OPERATION_DURATION.record(report.latency, chat)
    if report.first_token is not None:
        metrics.FIRST_CHUNK.record(report.first_token, chat)
    _took(report.usage, cost, model, purpose)
    if report.attempt > 1:
        metrics.RETRIES.record(1, model)


def attempt_failed(failed: ProviderFailed, cost: Decimal | None, purpose: str = ANSWER) -> None:
    """A request failed, or was not made at all. `cost` is what the vendor charges for it anyway."""
    model = {PROVIDER: failed.provider, REQUEST_MODEL: failed.model}
    metrics.PROVIDER_ERRORS.record(1, model | {ERROR_TYPE: failed.code})
    if not failed.asked:
        return
    labels = {OPERATION: CHAT, **model, ERROR_TYPE: failed.code}
    metrics.OPERATION_DURATION.record(failed.latency, labels)
    if failed.usage:
        _took(failed.usage, cost, model, purpose)
    if failed.attempt > 1:
        metrics.RETRIES.record(1, model)


def attempt_stopped(
    provider: str, model: str, usage: Usage, cost: Decimal | None, purpose: str = ANSWER
) -> None:
    """A request that nobody waited for to its end, and what it took until then."""
    _took(usage, cost, {PROVIDER: provider, REQUEST_MODEL: model}, purpose)


def _took(usage: Usage, cost: Decimal | None, model: dict[str, str], purpose: str) -> None:
    chat = {OPERATION: CHAT, **model}
    metrics.TOKEN_USAGE.record(usage.input_tokens, chat | {TOKEN_TYPE: "input"})
    metrics.TOKEN_USAGE.record(usage.output_tokens, chat | {TOKEN_TYPE: "output"})
    if usage.cache_read_tokens:
        metrics.CACHED_TOKENS.record(usage.cache_read_tokens, model | {TOKEN_TYPE: "read"})
    if usage.cache_write_tokens:
        metrics.CACHED_TOKENS.record(usage.cache_write_tokens, model | {TOKEN_TYPE: "write"})
    if cost is None:
        metrics.UNPRICED.record(1, model | {PURPOSE: purpose})
    elif cost:
        metrics.COST.record(float(cost), model | {PURPOSE: purpose})


def fallback(failed: ProviderFailed, to: str) -> None:
    """The provider `to` takes over from one that failed."""
    metrics.FALLBACKS.record(1, {FROM: failed.provider, TO: to, ERROR_TYPE: failed.code})


def reset(reason: str) -> None:
    """Text on a customer's screen is void."""
    metrics.RESETS.record(1, {REASON: reason})


def claim_caught() -> None:
    """An answer claimed what no tool did."""
    metrics.CLAIMS_CAUGHT.record(1, {})


def citations_invented(count: int) -> None:
    """An answer named so many sources that no tool had returned."""
    if count:
        metrics.CITATIONS_INVENTED.record(count, {})


def breaker_changed(name: str, state: str) -> None:
    """A breaker of the provider `name` is now `closed`, `half_open` or `open`."""
    metrics.BREAKER_STATE.record(BREAKER_STATES[state], {PROVIDER: name})
    metrics.BREAKER_CHANGES.record(1, {PROVIDER: name, STATE: state})


def budget_reached(budget: str, level: str) -> None:
    """A request met a `soft` or `hard` limit. `budget` is its kind: conversation, customer, day or
    month."""
    metrics.BUDGET_REACHED.record(1, {BUDGET: budget, LEVEL: level})


def cache_lookup(*, hit: bool) -> None:
    """The response cache was asked."""
    metrics.CACHE_LOOKUPS.record(1, {RESULT: "hit" if hit else "miss"})


def thumb(rating: str) -> None:
    """A customer gave a reply a thumb: `up` or `down`."""
    metrics.THUMBS.record(1, {RATING: rating})


def limited(limit: str) -> None:
    """A rate limit refused something; `limit` is its name."""
    metrics.LIMITED.record(1, {LIMIT: limit})


def _error(code: str) -> dict[str, str]:
    return {ERROR_TYPE: code} if code else {}
