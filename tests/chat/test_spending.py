"""The books: spent and reserved together never exceed a limit, and nothing is counted twice."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from chat import spending
from chat.accounts import Limits
from chat.models import Alert, Reservation, Spending

pytestmark = pytest.mark.django_db

DAY, MONTH = "day:2026-11-25", "month:2026-11"
LIMITS = Limits(day=Decimal("1.00"), month=Decimal("10.00"))
SOON = timedelta(seconds=60)
DIME = Decimal("0.10")


def _reserve(amount: str, *accounts: str, lifetime: timedelta = SOON) -> UUID | None:
    return spending.reserve(LIMITS, accounts or (DAY,), Decimal(amount), lifetime)


def _reserved(amount: str, *accounts: str, lifetime: timedelta = SOON) -> UUID:
    reservation = _reserve(amount, *accounts, lifetime=lifetime)
    assert reservation is not None
    return reservation


def _settle(reservation: UUID, amount: str, cost: str, *accounts: str) -> None:
    spending.settle(LIMITS, reservation, accounts or (DAY,), Decimal(amount), Decimal(cost))


def _books(account: str = DAY) -> tuple[Any, Any]:
    row = Spending.objects.get(account=account)
    return row.spent, row.reserved


def _alerts() -> list[tuple[str, int]]:
    return list(Alert.objects.order_by("pk").values_list("key", "count"))


def test_what_fits_is_reserved() -> None:
    _reserved("0.40")
    _reserved("0.60")
    assert _books() == (0, Decimal("1.00"))


def test_what_does_not_fit_beside_what_is_reserved_is_refused() -> None:
    _reserved("0.40")
    assert _reserve("0.60000001") is None
    assert _books() == (0, Decimal("0.40"))
    assert Reservation.objects.count() == 1


def test_what_does_not_fit_beside_what_is_spent_is_refused() -> None:
    _settle(_reserved("0.40"), "0.40", "0.40")
    assert _reserve("0.60000001") is None


def test_one_account_without_room_keeps_all_accounts_as_they_are() -> None:
    _reserved("0.95", DAY, MONTH)
    assert _reserve("0.10", DAY, MONTH) is None
    assert _books(MONTH) == (0, Decimal("0.95"))


def test_a_reservation_gives_way_to_what_the_request_took() -> None:
    reservation = _reserved("0.40", DAY, MONTH)
    _settle(reservation, "0.40", "0.15", DAY, MONTH)
    assert _books(DAY) == _books(MONTH) == (Decimal("0.15"), 0)
    assert not Reservation.objects.exists()


def test_a_request_that_took_nothing_leaves_nothing() -> None:
    _settle(_reserved("0.40"), "0.40", "0")
    assert _books() == (0, 0)


def test_a_request_that_took_more_than_it_may_is_counted_in_full() -> None:
    _settle(_reserved("0.40"), "0.40", "1.20")
    assert _books() == (Decimal("1.20"), 0)
    assert _reserve("0.00000001") is None


def test_no_rounding_adds_up() -> None:
    for _ in range(30):
        _settle(_reserved("0.01000001"), "0.01000001", "0.00100003")
    assert _books() == (Decimal("0.03000090"), 0)
    assert str(_books()[1]).lstrip("0.E-") == "8"  # a plain zero, not minus a grain of one


def test_what_a_dead_process_reserved_counts_as_spent() -> None:
    _reserved("0.40", DAY, MONTH, lifetime=-SOON)
    _reserved("0.20", DAY, MONTH)
    assert spending.sweep() == 1
    assert _books(DAY) == _books(MONTH) == (Decimal("0.40"), Decimal("0.20"))
    assert Reservation.objects.count() == 1
    assert spending.sweep() == 0


def test_whoever_settles_after_all_corrects_what_was_swept() -> None:
    reservation = _reserved("0.40", lifetime=-SOON)
    spending.sweep()
    _settle(reservation, "0.40", "0.15")
    assert _books() == (Decimal("0.15"), 0)


def test_a_reservation_lives_as_long_as_it_was_told() -> None:
    _reserved("0.40", lifetime=timedelta(seconds=90))
    left = Reservation.objects.get().expires_at - timezone.now()
    assert timedelta(seconds=60) < left < timedelta(seconds=120)


def test_an_account_is_at_its_soft_limit_by_what_is_spent_and_reserved() -> None:
    _settle(_reserved("0.40"), "0.40", "0.40")
    _reserved("0.39")
    assert not spending.over_soft(LIMITS, (DAY,))
    _reserved("0.01")
    assert spending.over_soft(LIMITS, (DAY,))


def test_staff_are_told_once_that_a_soft_limit_is_reached() -> None:
    _settle(_reserved("0.85"), "0.85", "0.79")
    assert _alerts() == []
    for _ in range(2):
        _settle(_reserved("0.02"), "0.02", "0.01")
    assert _alerts() == [(f"budget:soft:{DAY}", 1)]
    assert "80%" in Alert.objects.get().text


def test_staff_are_told_once_that_there_is_no_room_left() -> None:
    for _ in range(3):
        assert _reserve("1.01") is None
    assert _alerts() == [(f"budget:hard:{DAY}", 1)]
    assert Spending.objects.get().hard_told_at is not None


def test_each_conversation_is_told_of_once_in_one_alert() -> None:
    limits = Limits(conversation=DIME)
    for conversation in ("a", "b"):
        for _ in range(2):
            account = f"conversation:{conversation}"
            assert spending.reserve(limits, (account,), Decimal(1), SOON) is None
    assert _alerts() == [("budget:hard:conversation", 2)]


def test_a_limit_that_was_taken_away_limits_nothing() -> None:
    assert spending.reserve(Limits(), (DAY,), Decimal(99), SOON) is not None


def test_a_budget_of_nothing_has_room_for_nothing() -> None:
    assert spending.reserve(Limits(day=Decimal(0)), (DAY,), Decimal("0.001"), SOON) is None
