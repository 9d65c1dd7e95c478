"""Accounts: whose budget a request is charged to."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pytest_django import Settings

from chat import accounts
from chat.accounts import Limits
from chat.llm.base import Payer

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
ADA = Payer("6f1c", "customer:C-1")
ALL = Limits(Decimal(1), Decimal(2), Decimal(3), Decimal(4))
EVERY_ACCOUNT = (
    "conversation:6f1c",
    "customer:2026-11-25:customer:C-1",
    "day:2026-11-25",
    "month:2026-11",
)


def test_a_request_is_charged_to_every_account_with_a_limit() -> None:
    assert accounts.charged(ALL, ADA, NOON) == EVERY_ACCOUNT
    assert accounts.charged(Limits(month=Decimal(4)), ADA, NOON) == ("month:2026-11",)


def test_a_request_of_nobody_is_charged_to_everybody() -> None:
    assert accounts.charged(ALL, None, NOON) == ("day:2026-11-25", "month:2026-11")


def test_each_account_has_the_limit_of_its_kind() -> None:
    assert [ALL.of(account) for account in EVERY_ACCOUNT] == [1, 2, 3, 4]
    assert Limits(day=Decimal(3)).of("month:2026-11") is None


def test_a_budget_of_nothing_is_a_budget() -> None:
    assert Limits(day=Decimal(0))
    assert not Limits()


def test_the_settings_say_what_the_limits_are(settings: Settings) -> None:
    settings.BUDGET_CONVERSATION = Decimal("0.5")
    settings.BUDGET_CUSTOMER = settings.BUDGET_MONTH = None
    settings.BUDGET_DAY = Decimal(20)
    settings.BUDGET_SOFT = 0.7
    found = accounts.limits()
    assert found == Limits(Decimal("0.5"), None, Decimal(20), None, Decimal("0.7"))


def test_customers_and_conversations_share_an_alert_and_days_do_not() -> None:
    topics = [accounts.topic(account) for account in EVERY_ACCOUNT]
    assert topics == ["conversation", "customer:2026-11-25", "day:2026-11-25", "month:2026-11"]


@pytest.mark.parametrize("account", EVERY_ACCOUNT)
def test_no_alert_names_a_customer(account: str) -> None:
    assert "C-1" not in accounts.whose(account)
    assert "C-1" not in accounts.topic(account)


def test_the_day_of_an_account_is_the_clocks() -> None:
    late = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert accounts.charged(ALL, None, late) == ("day:2026-11-30", "month:2026-11")
    assert accounts.charged(ALL, None, late + timedelta(minutes=1)) == (
        "day:2026-12-01",
        "month:2026-12",
    )


def test_days_are_counted_in_utc_wherever_the_clock_is() -> None:
    tokyo = datetime(2026, 11, 26, 3, tzinfo=timezone(timedelta(hours=9)))
    assert accounts.charged(ALL, None, tokyo) == ("day:2026-11-25", "month:2026-11")
