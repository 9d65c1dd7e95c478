"""Telemetry: the spans and metrics of a turn, and nothing of a customer's in either."""

import asyncio
import io
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from chat import conversations, metrics, providers, telemetry, turns
from chat.database import in_database
from chat.identity import Visitor
from chat.llm.base import Overloaded, ProviderFailed, Usage, UsageReport
from chat.llm.fallback import Fallback
from chat.llm.retry import Retry
from chat.llm.tracing import Redact, Traced
from chat.redaction import redact
from supportbot.logs import JsonFormatter
from tests.fakes import ScriptedProvider, calls, fails, says
from tests.observed import Observed, observed

MAIL, CARD, KEY = CANARIES = ("ada@mail.example", "4111 1111 1111 1111", "sk-ant-canary-0123456789")
ALL = " and ".join(CANARIES)

TURN, CONVERSATION = UUID(int=1), UUID(int=2)
REPORT = UsageReport("anthropic", "m-1", Usage(1000, 200, 500, 10), 1.5, 0.4)
FAILED = ProviderFailed("anthropic", "m-1", "OVERLOADED", ALL, 0.2)


@pytest.fixture
def seen() -> Iterator[Observed]:
    with observed() as seen:
        yield seen


def labels(**wanted: str | bool) -> frozenset[tuple[str, str | bool]]:
    """Labels by their short names: `model` is `gen_ai.request.model`."""
    names = {
        "operation": "gen_ai.operation.name",
        "provider": "gen_ai.provider.name",
        "model": "gen_ai.request.model",
        "type": "gen_ai.token.type",
        "error": "error.type",
    }
    return frozenset((names.get(k, f"supportbot.{k}"), value) for k, value in wanted.items())


# Spans -------------------------------------------------------------------------------------------


def test_a_turn_is_the_root_and_names_its_conversation(seen: Observed) -> None:
    with telemetry.turn_span(TURN, CONVERSATION, 2):
        telemetry.turn_ended("completed", "", 2.0, 0.4, "anthropic", "m-1")
    span = seen.span("invoke_agent")
    assert span.parent is None
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "supportbot",
        "gen_ai.conversation.id": str(CONVERSATION),
        "supportbot.turn.id": str(TURN),
        "supportbot.turn.attempt": 2,
        "supportbot.status": "completed",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "m-1",
        "supportbot.cached": False,
    }


def test_a_failed_turn_is_an_error_with_its_code(seen: Observed) -> None:
    with telemetry.turn_span(TURN, CONVERSATION, 1):
        telemetry.turn_ended("failed", "TIMEOUT", 120.0, None, "", "")
    span = seen.span("invoke_agent")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "TIMEOUT"


def test_what_a_turn_was_interrupted_by_is_told_by_class_alone(seen: Observed) -> None:
    with pytest.raises(RuntimeError), telemetry.turn_span(TURN, CONVERSATION, 1):
        raise RuntimeError(ALL)
    span = seen.span("invoke_agent")
    assert (span.attributes or {})["error.type"] == "RuntimeError"
    assert span.events == ()
    assert MAIL not in span.to_json()


async def test_tasks_of_a_turn_belong_to_it_and_later_ones_do_not(seen: Observed) -> None:
    async def work() -> None:
        with telemetry.search_span("kettle") as search:
            search.found(3, 0.7, weak=False)

    with telemetry.turn_span(TURN, CONVERSATION, 1):
        await asyncio.create_task(work())
        assert telemetry.turn_ids.get() == telemetry.TurnIds(str(TURN), str(CONVERSATION))
    await work()
    inside, outside = (span for span in seen.spans if span.name.startswith("retrieval"))
    assert seen.parent(inside) == "invoke_agent supportbot"
    assert outside.parent is None
    assert telemetry.turn_ids.get() is None


async def rounds() -> AsyncIterator[int]:
    for number in (1, 2):
        with telemetry.round_span(number):
            yield number


async def test_a_round_ends_before_the_next_begins(seen: Observed) -> None:
    with telemetry.turn_span(TURN, CONVERSATION, 1) as turn:
        async for number in rounds():
            with telemetry.tool_span("search", number, {}):
                pass
        assert trace.get_current_span() is turn
    tools = [span for span in seen.spans if span.name == "execute_tool search"]
    assert [seen.parent(span) for span in tools] == ["round", "round"]
    assert tools[0].parent != tools[1].parent


async def test_a_round_that_another_task_closes_leaves_no_context_behind(
    seen: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    """As asyncio does with a generator whose reader went away."""
    reading = rounds()
    assert isinstance(reading, AsyncGenerator)
    await asyncio.create_task(anext(reading))
    await asyncio.create_task(reading.aclose())
    assert not trace.get_current_span().get_span_context().is_valid
    assert caplog.text == ""
    assert (seen.span("round").attributes or {})["error.type"] == "CANCELLED"


def test_a_tool_that_fails_is_told_by_a_name_and_not_by_a_sentence(seen: Observed) -> None:
    with telemetry.tool_span("search", 1, {}) as work:
        work.returned("", "TimeoutError")
    with telemetry.tool_span("search", 2, {}) as work:
        work.returned("", f"No order of {MAIL}.")
    with pytest.raises(KeyError), telemetry.tool_span("search", 3, {}):
        raise KeyError(MAIL)
    errors = [(span.attributes or {})["error.type"] for span in seen.spans]
    assert errors == ["TimeoutError", "REFUSED", "KeyError"]
    assert MAIL not in seen.text()
    timed = {dict(key)["error.type"] for key in seen.values("gen_ai.execute_tool.duration")}
    assert timed == set(errors)


def test_what_tools_and_searches_get_and_give_is_recorded_only_with_content_and_redacted() -> None:
    def work() -> None:
        with telemetry.tool_span("find", 1, {"email": MAIL, "note": "urgent"}) as tool:
            tool.returned(f"urgent, of {CARD}")
        with telemetry.search_span(f"urgent: {KEY}") as search:
            search.found(0, 0.0, weak=True)

    with observed() as seen:
        work()
    assert "urgent" not in seen.text()
    with observed(content=True) as seen:
        work()
    assert seen.text().count("urgent") == 3
    assert [canary for canary in CANARIES if canary in seen.text()] == []


# Metrics -----------------------------------------------------------------------------------------


def test_a_turn_is_counted_and_timed(seen: Observed) -> None:
    telemetry.turn_ended("completed", "", 2.0, 0.4, "anthropic", "m-1")
    telemetry.turn_ended("failed", "TIMEOUT", 120.0, None, "", "")
    good: dict[str, str | bool] = {"status": "completed", "provider": "anthropic", "cached": False}
    bad: dict[str, str | bool] = {"status": "failed", "provider": "", "cached": False}
    assert seen.values("supportbot.turns") == {
        labels(**good, model="m-1"): 1,
        labels(**bad, model="", error="TIMEOUT"): 1,
    }
    assert seen.values("supportbot.turn.duration") == {labels(**good): 2.0, labels(**bad): 120.0}
    first = {labels(provider="anthropic", cached=False): 0.4}
    assert seen.values("supportbot.turn.first_token") == first


def test_an_answered_request_is_timed_counted_and_priced(seen: Observed) -> None:
    telemetry.attempt_succeeded(REPORT, Decimal("0.0125"))
    telemetry.attempt_succeeded(REPORT, Decimal("0.0125"), "summary")
    who = {"provider": "anthropic", "model": "m-1"}
    chat = {"operation": "chat", **who}
    assert seen.values("gen_ai.client.operation.duration") == {labels(**chat): 3.0}
    assert seen.values("gen_ai.client.operation.time_to_first_chunk") == {labels(**chat): 0.8}
    assert seen.values("gen_ai.client.token.usage") == {
        labels(**chat, type="input"): 2000,
        labels(**chat, type="output"): 400,
    }
    assert seen.values("supportbot.cached_tokens") == {
        labels(**who, type="read"): 1000,
        labels(**who, type="write"): 20,
    }
    assert seen.values("supportbot.cost") == {
        labels(**who, purpose="answer"): 0.0125,
        labels(**who, purpose="summary"): 0.0125,
    }
    assert seen.values("supportbot.unpriced") == {}


def test_an_unknown_price_is_counted_and_no_cost_of_nothing(seen: Observed) -> None:
    telemetry.attempt_succeeded(REPORT, None)
    counted = {labels(provider="anthropic", model="m-1", purpose="answer"): 1}
    assert seen.values("supportbot.unpriced") == counted
    assert seen.values("supportbot.cost") == {}


def test_an_answer_from_our_cache_is_no_request(seen: Observed) -> None:
    cached = UsageReport("anthropic", "m-1", Usage(1000, 200), 1.5, 0.4, cached=True)
    telemetry.attempt_succeeded(cached, Decimal(0))
    assert "m-1" not in seen.text()


def test_a_failed_request_is_an_error_by_provider_and_code(seen: Observed) -> None:
    telemetry.attempt_failed(FAILED, None)
    who = {"provider": "anthropic", "model": "m-1", "error": "OVERLOADED"}
    assert seen.values("supportbot.provider.errors") == {labels(**who): 1}
    timed = seen.values("gen_ai.client.operation.duration")
    assert timed == {labels(operation="chat", **who): 0.2}
    assert seen.values("supportbot.unpriced") == {}
    assert MAIL not in seen.text()


def test_a_provider_that_was_not_asked_is_an_error_without_a_request(seen: Observed) -> None:
    refused = ProviderFailed("anthropic", "m-1", "CIRCUIT_OPEN", "", 0.0, asked=False)
    telemetry.attempt_failed(refused, None)
    assert len(seen.values("supportbot.provider.errors")) == 1
    assert seen.values("gen_ai.client.operation.duration") == {}


def test_what_failed_and_stopped_requests_took_counts_too(seen: Observed) -> None:
    partly = ProviderFailed("anthropic", "m-1", "TRUNCATED", "", 0.2, usage=Usage(100, 5))
    telemetry.attempt_failed(partly, Decimal("0.25"))
    telemetry.attempt_stopped("anthropic", "m-1", Usage(100, 5), Decimal("0.25"))
    assert sum(seen.values("supportbot.cost").values()) == 0.5
    assert sum(seen.values("gen_ai.client.token.usage").values()) == 210


def test_second_attempts_are_retries_whatever_became_of_them(seen: Observed) -> None:
    again = ProviderFailed("anthropic", "m-1", "OVERLOADED", "", 0.2, attempt=2)
    telemetry.attempt_failed(FAILED, None)
    telemetry.attempt_failed(again, None)
    telemetry.attempt_succeeded(UsageReport("openai", "m-2", Usage(), 1.0, 0.1, attempt=2), None)
    assert seen.values("supportbot.retries") == {
        labels(provider="anthropic", model="m-1"): 1,
        labels(provider="openai", model="m-2"): 1,
    }


EVENTS: list[tuple[Callable[[], None], str, dict[frozenset[Any], float]]] = [
    (
        lambda: telemetry.fallback(FAILED, "openai"),
        "supportbot.fallbacks",
        {labels(**{"from": "anthropic", "to": "openai", "error": "OVERLOADED"}): 1},
    ),
    (lambda: telemetry.reset("UNPROVEN"), "supportbot.resets", {labels(reason="UNPROVEN"): 1}),
    (telemetry.claim_caught, "supportbot.claims_caught", {frozenset(): 1}),
    (
        lambda: telemetry.citations_invented(2),
        "supportbot.citations_invented",
        {frozenset(): 2},
    ),
    (
        lambda: telemetry.breaker_changed("openai", "open"),
        "supportbot.breaker.state",
        {labels(provider="openai"): 2},
    ),
    (
        lambda: telemetry.breaker_changed("openai", "half_open"),
        "supportbot.breaker.changes",
        {labels(provider="openai", state="half_open"): 1},
    ),
    (
        lambda: telemetry.budget_reached("day", "soft"),
        "supportbot.budget.reached",
        {labels(budget="day", level="soft"): 1},
    ),
    (
        lambda: telemetry.cache_lookup(hit=True),
        "supportbot.cache.lookups",
        {labels(result="hit"): 1},
    ),
    (lambda: telemetry.thumb("up"), "supportbot.thumbs", {labels(rating="up"): 1}),
    (lambda: telemetry.limited("messages"), "supportbot.limited", {labels(limit="messages"): 1}),
]


@pytest.mark.parametrize(("happens", "name", "values"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_what_happens_is_counted(
    seen: Observed, happens: Callable[[], None], name: str, values: dict[Any, float]
) -> None:
    happens()
    assert seen.values(name) == values


def test_a_breaker_shows_its_last_state(seen: Observed) -> None:
    for state in ("open", "half_open", "closed"):
        telemetry.breaker_changed("openai", state)
    assert seen.values("supportbot.breaker.state") == {labels(provider="openai"): 0}


def everything() -> None:
    """Records every metric there is."""
    telemetry.turn_ended("failed", "TIMEOUT", 2.0, 0.4, "anthropic", "m-1")
    telemetry.attempt_succeeded(REPORT, Decimal("0.0125"))
    telemetry.attempt_stopped("anthropic", "m-1", Usage(1, 1), None)
    telemetry.attempt_failed(ProviderFailed("a", "m", "C", "", 0.1, attempt=2), None)
    for happens, _, _ in EVENTS:
        happens()
    with telemetry.tool_span("search", 1, {}) as tool, telemetry.search_span("x") as search:
        search.found(1, 0.2, weak=True)
        tool.returned("", "TimeoutError")


@pytest.mark.parametrize("metric", metrics.METRICS, ids=[m.name for m in metrics.METRICS])
def test_a_metric_carries_the_labels_it_declares(seen: Observed, metric: metrics.Metric) -> None:
    everything()
    values = seen.values(metric.name)
    assert values
    assert {name for key in values for name, _ in key} <= set(metric.labels)


# A whole turn ------------------------------------------------------------------------------------


@contextmanager
def logged(formatter: logging.Formatter) -> Iterator[io.StringIO]:
    """What is logged meanwhile."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def trace_of(span: ReadableSpan) -> int:
    assert span.context
    return int(span.context.trace_id)


async def ask(visitor: Visitor, text: str) -> None:
    def receive() -> UUID:
        conversation = conversations.open_conversation(visitor)
        return conversations.receive(conversation, client_id=text[:40], text=text).turn

    await turns.run(await in_database(receive)())


async def two_turns(visitor: Visitor, content: Redact | None) -> None:
    """One that ends well, after a provider that failed; one that meets a bug. Everything that can
    say something says the canaries."""
    broken = ScriptedProvider(fails(Overloaded(ALL)))
    well = ScriptedProvider(
        calls(("note", {"text": ALL}), ("explode", {}), (f"find {MAIL}", {})), says(f"Yes, {ALL}.")
    )
    providers.install(Fallback([Retry(Traced(p, content=content)) for p in (broken, well)]))
    await ask(visitor, f"I am {ALL}")
    bug = ScriptedProvider([ValueError(ALL)])
    providers.install(Fallback([Retry(Traced(bug, content=content))]))
    await ask(visitor, f"Again: {ALL}")


@pytest.mark.django_db(transaction=True)
async def test_the_spans_of_a_turn_form_one_tree(ada: Visitor, seen: Observed) -> None:
    await two_turns(ada, None)
    root = next(span for span in seen.spans if span.parent is None)
    first = [span for span in seen.spans if trace_of(span) == trace_of(root)]
    assert sorted((span.name, seen.parent(span)) for span in first) == [
        ("chat script-1", "round"),
        ("chat script-1", "round"),
        ("chat script-1", "round"),
        ("chat script-1", "round"),
        ("execute_tool explode", "round"),
        ("execute_tool note", "round"),
        ("execute_tool unknown", "round"),
        ("invoke_agent supportbot", ""),
        ("round", "invoke_agent supportbot"),
        ("round", "invoke_agent supportbot"),
    ]


@pytest.mark.django_db(transaction=True)
async def test_no_canary_is_in_logs_spans_or_metrics(ada: Visitor, seen: Observed) -> None:
    with logged(JsonFormatter()) as log:
        await two_turns(ada, None)
    assert "turn" in log.getvalue()
    assert seen.spans
    assert seen.values("supportbot.turns")
    assert [c for c in CANARIES if c in log.getvalue() or c in seen.text()] == []


@pytest.mark.django_db(transaction=True)
async def test_no_canary_is_in_content_that_is_recorded(ada: Visitor) -> None:
    with observed(content=True) as seen:
        await two_turns(ada, redact)
    assert "[email] and [card] and [key]" in seen.text()
    assert [c for c in CANARIES if c in seen.text()] == []


@pytest.mark.django_db(transaction=True)
async def test_without_redaction_the_canaries_are_there(ada: Visitor, seen: Observed) -> None:
    """The control: they were on their way into the log and into the spans."""
    with logged(logging.Formatter()) as log:
        await two_turns(ada, str)
    assert [c for c in CANARIES if c not in log.getvalue()] == []
    assert [c for c in CANARIES if c not in seen.text()] == []
