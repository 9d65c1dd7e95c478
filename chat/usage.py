"""The ledger of requests to providers: what each took and what it cost."""

from decimal import Decimal
from uuid import UUID

from chat import pricing
from chat.llm.base import ProviderFailed, Usage, UsageReport
from chat.models import UsageRecord

OK = "ok"


def record(
    attempt: UsageReport | ProviderFailed,
    *,
    conversation: UUID,
    turn: UUID | None,
    purpose: UsageRecord.Purpose = UsageRecord.Purpose.ANSWER,
) -> UsageRecord:
    """An unsaved record of one request, without its cost."""
    row = UsageRecord(
        conversation_id=conversation,
        turn_id=turn,
        purpose=purpose,
        provider=attempt.provider,
        model=attempt.model,
        latency_ms=round(attempt.latency * 1000),
    )
    if isinstance(attempt, ProviderFailed):
        row.outcome = attempt.code
        return row
    row.outcome = OK
    row.input_tokens = attempt.usage.input_tokens
    row.output_tokens = attempt.usage.output_tokens
    row.cache_read_tokens = attempt.usage.cache_read_tokens
    row.cache_write_tokens = attempt.usage.cache_write_tokens
    if attempt.first_token is not None:
        row.first_token_ms = round(attempt.first_token * 1000)
    return row


def cost(row: UsageRecord) -> Decimal | None:
    """US dollars; None where nobody knows. A failed request's tokens are unknown, so its cost is."""
    if row.outcome != OK:
        return None
    tokens = Usage(
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cache_read_tokens=row.cache_read_tokens,
        cache_write_tokens=row.cache_write_tokens,
    )
    return pricing.cost(row.provider, row.model, tokens)


def price_turn(turn: UUID) -> None:
    """Fills in the cost of the turn's requests that have none yet."""
    for row in UsageRecord.objects.filter(turn=turn, cost__isnull=True, outcome=OK):
        row.cost = cost(row)
        row.save(update_fields=["cost"])
