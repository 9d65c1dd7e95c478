"""Who guesses a password of the admin is locked out, by account and address; nobody else is."""

import logging
import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chat.privacy import retention

pytestmark = pytest.mark.django_db

LIMIT = 5
HOME, ELSEWHERE = "203.0.113.5", "198.51.100.7"


@pytest.fixture(autouse=True)
def staff() -> User:
    User.objects.create_superuser("grace", "grace@shop.example", "colour-of-the-sea")
    return User.objects.create_superuser("ada", "ada@shop.example", "right-as-rain-42")


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = LIMIT


def log_in(
    password: str, *, name: str = "ada", address: str = HOME, forwarded: str = ""
) -> HttpResponse:
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    client = Client(REMOTE_ADDR=address)
    form = {"username": name, "password": password}
    return client.post("/admin/login/?next=/admin/", form, headers=headers)  # type: ignore[return-value]


def guess(times: int, **more: str) -> list[int]:
    return [log_in(f"guess-{n}", **more).status_code for n in range(times)]


def is_in(response: HttpResponse) -> bool:
    return response.status_code == 302


def test_after_at_most_ten_failures_even_the_right_password_is_refused() -> None:
    assert guess(LIMIT) == [200] * (LIMIT - 1) + [429]
    assert not is_in(log_in("right-as-rain-42"))
    assert log_in("right-as-rain-42").status_code == 429


def test_one_failure_less_locks_nobody_out() -> None:
    """The control: it is the failures that lock."""
    guess(LIMIT - 1)
    assert is_in(log_in("right-as-rain-42"))


def test_the_right_password_from_another_address_still_works() -> None:
    guess(LIMIT * 3)
    assert is_in(log_in("right-as-rain-42", address=ELSEWHERE))


def test_a_colleague_at_the_same_address_is_not_locked_out() -> None:
    guess(LIMIT)
    assert is_in(log_in("colour-of-the-sea", name="grace"))


def test_the_page_says_when_to_try_again(settings: Settings) -> None:
    settings.AXES_COOLOFF_TIME = timedelta(minutes=20)
    guess(LIMIT)
    page = log_in("right-as-rain-42")
    text = re.sub(r"\s+", " ", page.content.decode())
    assert "Try again in 20 minutes" in text
    assert f"at {timezone.now() + timedelta(minutes=20):%H:%M} UTC" in text
    assert 1190 < int(page["Retry-After"]) <= 1200


def test_failures_during_the_lock_do_not_make_it_longer(settings: Settings) -> None:
    guess(LIMIT)
    row = AccessAttempt.objects.get()
    guess(3)
    again = AccessAttempt.objects.get()
    assert (again.attempt_time, again.failures_since_start) == (row.attempt_time, LIMIT)


def test_when_the_time_is_over_the_login_is_open_again(settings: Settings) -> None:
    guess(LIMIT)
    passed = timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1)
    AccessAttempt.objects.update(attempt_time=passed)
    assert is_in(log_in("right-as-rain-42"))


def test_another_browser_or_a_forged_header_is_the_same_client(settings: Settings) -> None:
    for number in range(LIMIT):
        log_in(f"guess-{number}", forwarded=f"192.0.2.{number}")
    assert log_in("right-as-rain-42", forwarded="192.0.2.99").status_code == 429


def test_behind_a_proxy_the_client_is_who_the_proxy_says(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    proxy = "10.0.0.1"
    for number in range(LIMIT):
        log_in("guess", address=proxy, forwarded=f"192.0.2.{number}, {HOME}")
    refused = log_in("right-as-rain-42", address=proxy, forwarded=f"192.0.2.99, {HOME}")
    assert refused.status_code == 429
    assert is_in(log_in("right-as-rain-42", address=proxy, forwarded=ELSEWHERE))


def test_a_line_with_a_whole_network_of_addresses_is_one_client() -> None:
    for number in range(LIMIT):
        log_in("guess", address=f"2001:db8:1:2::{number + 1:x}")
    assert log_in("right-as-rain-42", address="2001:db8:1:2:ffff::1").status_code == 429
    assert is_in(log_in("right-as-rain-42", address="2001:db8:1:3::1"))


def test_a_client_without_an_address_is_counted_too() -> None:
    assert guess(LIMIT, address="")[-1] == 429


def test_one_address_that_tries_many_accounts_is_slowed_down(settings: Settings) -> None:
    settings.REQUESTS_PER_MINUTE_IP = 20
    codes = [log_in("summer2026", name=f"user{n}").status_code for n in range(60)]
    assert 429 in codes
    assert codes.count(200) <= 40  # the fixed window may turn once meanwhile


def test_staff_unlock_in_the_admin() -> None:
    guess(LIMIT)
    desk = Client()
    desk.force_login(User.objects.get(username="grace"))
    listed = desk.get("/admin/axes/accessattempt/")
    assert "locked until" in listed.content.decode()
    chosen = {"action": "unlock", "_selected_action": AccessAttempt.objects.get().pk}
    told = desk.post("/admin/axes/accessattempt/", chosen, follow=True)
    assert "1 entry was unlocked." in told.content.decode()
    assert is_in(log_in("right-as-rain-42"))


def test_logins_are_kept_for_their_days(settings: Settings) -> None:
    settings.RETAIN_LOGINS = 90
    assert is_in(log_in("right-as-rain-42"))
    assert retention.sweep()["logins"] == 0
    AccessLog.objects.update(attempt_time=timezone.now() - timedelta(days=91))
    assert retention.sweep()["logins"] == 1


def test_failed_logins_are_kept_for_their_days(settings: Settings) -> None:
    settings.RETAIN_LOGINS = 90
    guess(1)
    assert retention.sweep()["failed logins"] == 0
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(days=91))
    assert retention.sweep()["failed logins"] == 1


def test_staff_without_the_permission_unlock_nobody() -> None:
    guess(LIMIT)
    junior = User.objects.create_user("junior", password="x", is_staff=True)
    desk = Client()
    desk.force_login(junior)
    chosen = {"action": "unlock", "_selected_action": AccessAttempt.objects.get().pk}
    assert desk.post("/admin/axes/accessattempt/", chosen).status_code == 403
    assert AccessAttempt.objects.exists()


def test_no_password_name_or_address_is_kept_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        guess(LIMIT)
        log_in("right-as-rain-42")
    row = AccessAttempt.objects.get()
    assert "guess" not in row.post_data
    assert caplog.text
    assert not any(word in caplog.text for word in ("guess-", "right-as-rain", "ada", HOME))
