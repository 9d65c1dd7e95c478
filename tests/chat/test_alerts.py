"""Alerts: told once, counted after that, told anew when they come back."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from chat import alerts
from chat.models import Alert

pytestmark = pytest.mark.django_db(transaction=True)

KEY, TEXT = "budget:hard:day:2026-11-25", "The day 2026-11-25 has no room left."


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "chat.alerts"]


def test_staff_are_told_once_and_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        alerts.tell(KEY, TEXT)
    alert = Alert.objects.get()
    assert (alert.text, alert.count, alert.closed_at) == (TEXT, 3, None)
    assert alert.updated_at > alert.created_at
    assert _warnings(caplog) == [f"alert: {TEXT}"]


def test_another_key_is_another_alert() -> None:
    alerts.tell(KEY, TEXT)
    alerts.tell("price:openai:gpt", "Nobody knows the price.")
    assert alerts.open_alerts().count() == 2


def test_one_that_comes_back_after_it_was_closed_is_told_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    alerts.tell(KEY, TEXT)
    assert alerts.close(Alert.objects.all()) == 1
    assert not alerts.open_alerts().exists()
    alerts.tell(KEY, "Again.")
    alert = alerts.open_alerts().get()
    assert (alert.text, alert.count) == ("Again.", 2)
    assert len(_warnings(caplog)) == 2


def test_closing_twice_keeps_the_first_time() -> None:
    alerts.tell(KEY, TEXT)
    alerts.close(Alert.objects.all())
    closed_at = Alert.objects.get().closed_at
    assert alerts.close(Alert.objects.all()) == 0
    assert Alert.objects.get().closed_at == closed_at


def test_what_is_rolled_back_was_not_told(caplog: pytest.LogCaptureFixture) -> None:
    with transaction.atomic():
        alerts.tell(KEY, TEXT)
        transaction.set_rollback(True)
    assert not Alert.objects.exists()
    assert _warnings(caplog) == []


def test_many_at_once_tell_once_and_count_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    start = threading.Barrier(8)

    def tell(_: int) -> None:
        try:
            connection.ensure_connection()
            start.wait()
            for _ in range(5):
                alerts.tell(KEY, TEXT)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(tell, range(8)))
    assert Alert.objects.get().count == 40
    assert _warnings(caplog) == [f"alert: {TEXT}"]


def test_a_key_of_any_length_is_one_key() -> None:
    for _ in range(2):
        alerts.tell("price:openai_compatible:" + "x" * 500, TEXT)
    assert Alert.objects.get().count == 2
