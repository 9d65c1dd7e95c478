"""The ledger: one record for each request, with what it took and what it cost."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from chat import pricing, usage
from chat.llm import tokens
from chat.llm.base import AttemptStarted, ProviderFailed, Usage, UsageReport
from chat.models import Conversation, Turn, UsageRecord
from chat.usage import Attempt, Stopped
from tests.chat.llm.support import QUESTION

REPORT = UsageReport(
    "anthropic", "claude-sonnet-4-5", Usage(100_000, 0, 20_000, 10_000), 1.5, 0.25, attempt=2
)
FAILED = ProviderFailed(
    "anthropic", "claude-sonnet-4-5", "TRUNCATED", "cut", 0.5, usage=Usage(100_000, 0)
)


def _record(attempt: Attempt) -> UsageRecord:
    row = usage.record(attempt, conversation=uuid4(), customer="customer:C-1", turn=None)
    assert row is not None
    return row


def test_an_answer_is_recorded_with_its_cost() -> None:
    conversation, turn = uuid4(), uuid4()
    row = usage.record(
        REPORT,
        conversation=conversation,
        customer="customer:C-1",
        turn=turn,
        purpose=UsageRecord.Purpose.SUMMARY,
    )
    assert row is not None
    assert (row.conversation_id, row.customer, row.turn_id) == (conversation, "customer:C-1", turn)
    assert (row.provider, row.model, row.attempt) == ("anthropic", "claude-sonnet-4-5", 2)
    assert (row.purpose, row.outcome, row.error_code) == ("summary", "ok", "")
    assert (row.input_tokens, row.output_tokens) == (100_000, 0)
    assert (row.cache_read_tokens, row.cache_write_tokens) == (20_000, 10_000)
    assert (row.latency_ms, row.first_token_ms) == (1_500, 250)
    assert (row.estimated, row.cached) == (False, False)
    assert row.cost == pricing.price(REPORT.provider, REPORT.model, REPORT.usage).cost
    assert row.cost and row.price_version == pricing.CATALOGUE


def test_a_model_without_a_price_costs_nobody_knows_what() -> None:
    row = _record(replace(REPORT, provider="openai_compatible", model="llama"))
    assert (row.cost, row.price_version) == (None, "")


def test_an_answer_from_our_cache_costs_nothing() -> None:
    row = _record(replace(REPORT, cached=True))
    assert (row.cached, row.cost, row.price_version) == (True, Decimal(0), "")


def test_an_answer_of_the_offline_engine_costs_nothing() -> None:
    assert _record(replace(REPORT, provider="offline", model="examples")).cost == 0


def test_a_failure_is_recorded_with_its_code_and_what_it_took() -> None:
    row = _record(FAILED)
    assert (row.outcome, row.error_code, row.latency_ms) == ("failed", "TRUNCATED", 500)
    assert (row.input_tokens, row.estimated, row.cost) == (100_000, True, Decimal("0.3"))
    assert row.first_token_ms is None


def test_a_request_that_the_vendor_refused_costs_nothing() -> None:
    row = _record(replace(FAILED, code="RATE_LIMIT", usage=None))
    assert (row.input_tokens, row.estimated, row.cost) == (0, False, Decimal(0))


def test_where_nobody_was_asked_nothing_is_recorded() -> None:
    not_asked = replace(FAILED, code="BUDGET", usage=None, asked=False)
    assert usage.record(not_asked, conversation=uuid4(), customer="customer:C-1", turn=None) is None


def test_a_request_that_was_stopped_is_estimated() -> None:
    started = AttemptStarted("anthropic", "claude-sonnet-4-5", attempt=2)
    row = _record(Stopped.estimated(started, QUESTION, 400, 0.75))
    expected = tokens.estimate(QUESTION, 400)
    assert (row.outcome, row.error_code, row.attempt) == ("stopped", "", 2)
    assert (row.input_tokens, row.output_tokens) == (expected.input_tokens, 100)
    assert (row.estimated, row.latency_ms) == (True, 750)
    assert row.cost


@pytest.mark.django_db
@pytest.mark.parametrize("attempt", [REPORT, FAILED, replace(REPORT, cached=True)])
def test_a_record_fits_its_columns(attempt: Attempt) -> None:
    conversation = Conversation.objects.create(owner="customer:C-1")
    turn = Turn.objects.create(conversation=conversation)
    row = usage.record(
        attempt, conversation=conversation.pk, customer=conversation.owner, turn=turn.pk
    )
    assert row is not None
    row.full_clean()
    row.save()
    assert UsageRecord.objects.get().cost == row.cost
