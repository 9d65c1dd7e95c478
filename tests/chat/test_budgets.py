"""The purse: what may be spent, by whom, and nothing at all where nobody can tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from chat import budgets
from chat.accounts import Limits
from chat.budgets import DatabasePurse
from chat.database import in_database
from chat.llm.base import BudgetExceeded, Payer, Usage
from chat.llm.budget import Hold, Tier
from chat.models import Alert, Reservation, Spending

pytestmark = pytest.mark.django_db(transaction=True)

ADA = Payer("6f1c", "customer:C-1")
MALLORY = Payer("77aa", "customer:C-2")
WORST = Usage(30_000, 1_000)
"""$0.04 at the prices below."""
DAY = Limits(day=Decimal("0.10"))
CUSTOMER = Limits(customer=Decimal("0.05"))


@pytest.fixture(autouse=True)
def _prices(settings: Settings) -> None:
    settings.PRICES = {
        "dear": {"input": Decimal(1), "output": Decimal(10)},
        "free": {"input": Decimal(0), "output": Decimal(0)},
    }


def _purse(limits: Limits = DAY, **options: Any) -> DatabasePurse:
    return DatabasePurse(limits, lifetime=timedelta(seconds=60), **options)


async def _reserve(purse: DatabasePurse, payer: Payer = ADA, model: str = "dear") -> Hold | None:
    return await purse.reserve(payer, "openai_compatible", model, WORST)


async def _held(purse: DatabasePurse) -> Hold:
    hold = await _reserve(purse)
    assert hold is not None
    return hold


async def _books() -> tuple[Any, Any]:
    row = await Spending.objects.aget()
    return row.spent, row.reserved


@contextmanager
def _no_database() -> Iterator[None]:
    """A database that answers nothing."""

    def fail(*_: object) -> None:
        raise OperationalError("the server has gone away")

    with connection.execute_wrapper(fail):
        yield


async def _without_a_database(purse: DatabasePurse, hold: Hold) -> list[object]:
    """What tier, reserve and settle come to where the database of their thread is gone."""
    outcomes: list[object] = []
    broken = _no_database()
    await in_database(broken.__enter__)()
    try:
        outcomes.append(await purse.tier(ADA))
        try:
            outcomes.append(await _reserve(purse))
        except BudgetExceeded as error:
            outcomes.append(error.code)
        outcomes.append(await purse.settle(hold, Usage()))  # type: ignore[func-returns-value]
    finally:
        await in_database(broken.__exit__)(None, None, None)
    return outcomes


async def test_the_worst_case_is_set_aside_and_replaced_by_the_cost() -> None:
    purse = _purse()
    hold = await _held(purse)
    assert hold.amount == Decimal("0.04")
    assert await _books() == (0, Decimal("0.04"))
    await purse.settle(hold, Usage(10_000, 100))
    assert await _books() == (Decimal("0.011"), 0)


async def test_what_does_not_fit_is_refused_as_not_asked() -> None:
    purse = _purse()
    await _reserve(purse)
    await _reserve(purse)
    with pytest.raises(BudgetExceeded) as refused:
        await _reserve(purse)
    assert (refused.value.provider, refused.value.asked) == ("openai_compatible", False)


async def test_what_the_vendor_did_not_process_costs_nothing() -> None:
    purse = _purse()
    await purse.settle(await _held(purse), None)
    assert await _books() == (0, 0)


async def test_an_answer_that_took_no_token_costs_nothing() -> None:
    purse = _purse()
    await purse.settle(await _held(purse), Usage())
    assert await _books() == (0, 0)


async def test_counts_that_contradict_each_other_cost_the_worst_case() -> None:
    purse = _purse()
    hold = await purse.reserve(ADA, "anthropic", "claude-sonnet-4-5", Usage(1_000, 100))
    assert hold is not None
    await purse.settle(hold, Usage(0, 0, cache_read_tokens=5))
    assert await _books() == (hold.amount, 0)


async def test_one_customers_budget_is_not_anothers() -> None:
    purse = _purse(CUSTOMER)
    await _reserve(purse)
    with pytest.raises(BudgetExceeded):
        await _reserve(purse)
    assert await _reserve(purse, MALLORY) is not None


async def test_a_new_day_is_a_new_budget() -> None:
    today = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)
    await _reserve(_purse(CUSTOMER, clock=lambda: today))
    tomorrow = today + timedelta(seconds=1)
    assert await _reserve(_purse(CUSTOMER, clock=lambda: tomorrow)) is not None


async def test_a_request_over_midnight_is_settled_on_the_day_it_began() -> None:
    now = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)
    purse = _purse(clock=lambda: now)
    hold = await _held(purse)
    now += timedelta(seconds=2)
    await purse.settle(hold, Usage(10_000, 100))
    assert [row.account async for row in Spending.objects.all()] == ["day:2026-11-25"]


async def test_the_cheaper_models_answer_from_the_soft_limit_on() -> None:
    purse = _purse()
    assert await purse.tier(ADA) is Tier.FULL
    await purse.settle(await _held(purse), WORST)
    assert await purse.tier(ADA) is Tier.FULL
    await purse.settle(await _held(purse), WORST)
    assert await purse.tier(ADA) is Tier.ECONOMY


async def test_a_model_without_a_price_is_not_asked_and_staff_are_told_once() -> None:
    purse = _purse()
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            await _reserve(purse, model="unheard-of")
    alert = await Alert.objects.aget()
    assert "SUPPORTBOT_PRICES" in alert.text
    assert "unheard-of" in alert.text
    assert alert.count == 2


async def test_a_free_model_needs_no_room() -> None:
    purse = _purse(Limits(day=Decimal(0)))
    assert await _reserve(purse, model="free") is None
    assert not await Spending.objects.aexists()


async def test_nothing_is_spent_while_the_shared_counters_are_away() -> None:
    with pytest.raises(BudgetExceeded):
        await _reserve(_purse(stopped=lambda: True))
    assert not await Reservation.objects.aexists()


async def test_nothing_is_spent_without_a_database_and_no_answer_fails_for_it() -> None:
    purse = _purse()
    hold = await _held(purse)
    assert await _without_a_database(purse, hold) == [Tier.ECONOMY, "BUDGET", None]
    assert await _books() == (0, hold.amount)


async def test_what_dead_processes_reserved_is_swept_by_the_way() -> None:
    dead = DatabasePurse(DAY, lifetime=timedelta(seconds=-1))
    await _reserve(dead)
    await _reserve(_purse())
    assert await _books() == (Decimal("0.04"), Decimal("0.04"))


def test_without_a_budget_there_is_no_purse(settings: Settings) -> None:
    settings.BUDGET_CONVERSATION = settings.BUDGET_CUSTOMER = None
    settings.BUDGET_DAY = settings.BUDGET_MONTH = None
    assert budgets.purse() is None
    settings.BUDGET_MONTH = Decimal(0)
    assert budgets.purse() is not None
