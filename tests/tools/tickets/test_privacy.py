"""Tickets that are done go when they are old; work that is open stays."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from chat.privacy import retention
from tools.tickets.models import Ticket

pytestmark = pytest.mark.django_db


def test_only_what_is_done_and_old_goes(settings: Settings) -> None:
    settings.RETAIN_TICKETS = 30
    for status in Ticket.Status:
        Ticket.objects.create(title=status, description="x", status=status)
    assert retention.sweep()["tickets"] == 0
    Ticket.objects.update(updated_at=timezone.now() - timedelta(days=31))
    assert retention.sweep()["tickets"] == 2
    assert set(Ticket.objects.values_list("status", flat=True)) == {
        "open",
        "in_progress",
        "waiting",
    }
