"""The ledger of requests to providers: what each took and what it cost."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from chat import pricing, telemetry
from chat.llm import tokens
from chat.llm.base import AttemptStarted, ProviderFailed, Request, Usage, UsageReport
from chat.models import UsageRecord
from chat.prepared import Insert


@dataclass(frozen=True, slots=True)
class Stopped:
    """A request that never ended: its reader went away, and nobody counted. `usage` is an estimate,
    `latency` and `first_token` are seconds."""

    provider: str
    model: str
    usage: Usage
    latency: float
    first_token: float | None = None
    attempt: int = 1

    @classmethod
    def estimated(
        cls, started: AttemptStarted, request: Request, written: int, latency: float
    ) -> "Stopped":
        """The request that went out as `started`, of whose answer `written` characters came."""
        usage = tokens.estimate(request, written)
        return cls(started.provider, started.model, usage, latency=latency, attempt=started.attempt)


Attempt = UsageReport | ProviderFailed | Stopped


_ROW = Insert(UsageRecord)


def keep(
    attempts: Iterable[Attempt],
    *,
    conversation: UUID | None,
    customer: str,
    turn: UUID | None,
    purpose: UsageRecord.Purpose = UsageRecord.Purpose.ANSWER,
) -> None:
    """Stores a record of each attempt that was a request, and tells the metrics of all.

    `conversation` and `turn` are None, and `customer` is empty, for what staff asked for.
    """
    for attempt in attempts:
        row = record(
            attempt, conversation=conversation, customer=customer, turn=turn, purpose=purpose
        )
        if row:
            _ROW.run(row)
        _tell(attempt, row.cost if row else None, purpose.value)


def disown(customers: Collection[str]) -> int:
    """Makes the rows of customers say only what was spent. Returns how many they were."""
    theirs = UsageRecord.objects.filter(customer__in=customers)
    return theirs.update(customer="", conversation=None, turn=None)


def detach(conversations: Collection[UUID]) -> None:
    """Keeps what conversations cost, and for whom, when they go themselves."""
    rows = UsageRecord.objects.filter(conversation__in=conversations)
    rows.update(conversation=None, turn=None)


def record(
    attempt: Attempt,
    *,
    conversation: UUID | None,
    customer: str,
    turn: UUID | None,
    purpose: UsageRecord.Purpose = UsageRecord.Purpose.ANSWER,
) -> UsageRecord | None:
    """An unsaved record of one request, its cost included; None where no request went out."""
    if isinstance(attempt, ProviderFailed) and not attempt.asked:
        return None
    row = UsageRecord(
        conversation_id=conversation,
        customer=customer,
        turn_id=turn,
        purpose=purpose,
        provider=attempt.provider,
        model=attempt.model,
        attempt=attempt.attempt,
        latency_ms=round(attempt.latency * 1000),
        created_at=timezone.now(),
    )
    _note_outcome(row, attempt)
    _note_usage(row, attempt)
    return row


def _tell(attempt: Attempt, cost: Decimal | None, purpose: str) -> None:
    match attempt:
        case UsageReport():
            telemetry.attempt_succeeded(attempt, cost, purpose)
        case ProviderFailed():
            telemetry.attempt_failed(attempt, cost, purpose)
        case Stopped():
            telemetry.attempt_stopped(attempt.provider, attempt.model, attempt.usage, cost, purpose)


def _note_outcome(row: UsageRecord, attempt: Attempt) -> None:
    match attempt:
        case UsageReport():
            row.outcome = UsageRecord.Outcome.OK
            row.cached = attempt.cached
            row.first_token_ms = _ms(attempt.first_token)
        case ProviderFailed():
            row.outcome = UsageRecord.Outcome.FAILED
            row.error_code = attempt.code
            # The vendor counts at the end, and there was none.
            row.estimated = attempt.usage is not None
        case Stopped():
            row.outcome = UsageRecord.Outcome.STOPPED
            row.estimated = True
            row.first_token_ms = _ms(attempt.first_token)


def _note_usage(row: UsageRecord, attempt: Attempt) -> None:
    usage = attempt.usage
    if usage is None or row.cached:  # the vendor processed nothing, or was not asked this time
        row.cost = Decimal(0)
    else:
        known = pricing.price(attempt.provider, attempt.model, usage)
        row.cost, row.price_version = known.cost, known.version
    if usage is not None:
        row.input_tokens = usage.input_tokens
        row.output_tokens = usage.output_tokens
        row.cache_read_tokens = usage.cache_read_tokens
        row.cache_write_tokens = usage.cache_write_tokens


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)
