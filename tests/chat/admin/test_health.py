"""What staff should look at now: open alerts, and providers that are not asked."""

import asyncio
import time

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from chat import alerts
from chat.breakers import CacheStore
from chat.llm.circuits import Opening
from chat.models import Alert

pytestmark = pytest.mark.django_db

LIST, INDEX = "admin:chat_alert_changelist", "admin:index"
TEXT = "The day 2026-11-25 has no room left."


@pytest.fixture
def alert() -> Alert:
    """One that is open."""
    alerts.tell("budget:hard:day:2026-11-25", TEXT)
    return Alert.objects.get()


def _listed(client: Client, **query: str) -> list[Alert]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


def _close(client: Client, alert: Alert) -> None:
    client.post(reverse(LIST), {"action": "close", "_selected_action": alert.pk})
    alert.refresh_from_db()


def _colleague(*codenames: str) -> User:
    colleague = User.objects.create_user("cleo", is_staff=True)
    colleague.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return colleague


def test_an_open_alert_is_on_the_first_page(admin_client: Client, alert: Alert) -> None:
    page = admin_client.get(reverse(INDEX)).content.decode()
    assert "1 open alert" in page
    assert TEXT in page


def test_without_an_open_alert_the_first_page_says_nothing(
    admin_client: Client, alert: Alert
) -> None:
    alerts.close(Alert.objects.all())
    assert "open alert" not in admin_client.get(reverse(INDEX)).content.decode()


def test_staff_who_may_not_read_alerts_are_not_told(client: Client, alert: Alert) -> None:
    client.force_login(_colleague("view_conversation"))
    assert TEXT not in client.get(reverse(INDEX)).content.decode()


def test_an_alert_is_closed(admin_client: Client, alert: Alert) -> None:
    _close(admin_client, alert)
    assert alert.closed_at is not None
    assert _listed(admin_client) == []


def test_closed_alerts_are_kept(admin_client: Client, alert: Alert) -> None:
    alerts.close(Alert.objects.all())
    assert _listed(admin_client, state="closed") == _listed(admin_client, state="all") == [alert]


def test_only_who_may_change_alerts_closes_one(client: Client, alert: Alert) -> None:
    colleague = _colleague("view_alert")
    client.force_login(colleague)
    assert _listed(client) == [alert]
    _close(client, alert)
    assert alert.closed_at is None
    colleague.user_permissions.add(Permission.objects.get(codename="change_alert"))
    _close(client, alert)
    assert alert.closed_at is not None


def test_the_providers_are_shown_as_they_are(admin_client: Client, settings: Settings) -> None:
    settings.PROVIDERS = ["anthropic", "openai", "offline"]
    now = time.time()
    opening = Opening(now, now + 60, 1, "OVERLOADED")
    asyncio.run(CacheStore(caches["default"]).open("openai", opening))
    providers = {p.name: p for p in admin_client.get(reverse(LIST)).context["providers"]}
    assert (providers["anthropic"].says, providers["anthropic"].until) == ("asked", None)
    assert (providers["openai"].says, providers["openai"].cause) == ("not asked", "OVERLOADED")
    assert providers["openai"].until is not None
    assert "offline" not in providers


def test_a_shop_without_a_remote_provider_reads_so(
    admin_client: Client, settings: Settings
) -> None:
    settings.PROVIDERS = ["offline"]
    assert "Only the offline engine answers" in admin_client.get(reverse(LIST)).content.decode()
