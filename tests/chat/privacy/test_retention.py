"""What is old goes, as the settings say, and nothing else does."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from chat.models import Conversation, Message, Spending, ToolCall, Turn, UsageRecord
from chat.privacy import retention
from chat.tasks import delete_what_is_old

pytestmark = pytest.mark.django_db

OLD, NEW = timedelta(days=31), timedelta(days=29)


def conversation(age: timedelta, status: str = Turn.Status.COMPLETED) -> Conversation:
    """One with a turn, a message, a tool call and what it cost, all of that age."""
    moment = timezone.now() - age
    made = Conversation.objects.create(owner="visitor:x")
    turn = Turn.objects.create(conversation=made, status=status, finished_at=moment)
    Message.objects.create(conversation=made, turn=turn, role="customer", text="Hello")
    ToolCall.objects.create(turn=turn, ordinal=1, name="search")
    row = UsageRecord.objects.create(
        conversation=made, turn=turn, customer="visitor:x", provider="p", cost=Decimal(1)
    )
    UsageRecord.objects.filter(pk=row.pk).update(created_at=moment)
    Conversation.objects.filter(pk=made.pk).update(updated_at=moment)
    return made


def test_by_default_all_is_kept() -> None:
    conversation(timedelta(days=4000))
    assert not any(retention.sweep().values())
    assert Conversation.objects.count() == ToolCall.objects.count() == 1


def test_a_conversation_goes_when_its_last_message_is_old(settings: Settings) -> None:
    settings.RETAIN_CONVERSATIONS = 30
    conversation(OLD)
    young = conversation(NEW)
    assert retention.sweep()["conversations"] == 1
    assert list(Conversation.objects.all()) == [young]
    assert Message.objects.count() == Turn.objects.count() == ToolCall.objects.count() == 1


def test_what_it_cost_stays(settings: Settings) -> None:
    settings.RETAIN_CONVERSATIONS = 30
    conversation(OLD)
    retention.sweep()
    row = UsageRecord.objects.get()
    assert row.conversation is None and row.turn is None
    assert row.cost == 1


@pytest.mark.parametrize("status", [Turn.Status.QUEUED, Turn.Status.RUNNING])
def test_nobody_who_waits_for_an_answer_loses_the_conversation(
    settings: Settings, status: str
) -> None:
    settings.RETAIN_CONVERSATIONS = 30
    conversation(OLD, status)
    assert retention.sweep()["conversations"] == 0


def test_tool_calls_may_go_before_their_conversation(settings: Settings) -> None:
    settings.RETAIN_TOOL_CALLS = 30
    conversation(OLD)
    conversation(NEW)
    assert retention.sweep() == {"tool calls": 1, "logins": 0, "failed logins": 0}
    assert Message.objects.count() == 2


def test_usage_and_accounts_go_together(settings: Settings) -> None:
    settings.RETAIN_USAGE = 30
    conversation(OLD)
    for account, reserved in (("day:2026-01-01", 0), ("day:2026-01-02", 1)):
        Spending.objects.create(account=account, reserved=reserved)
    Spending.objects.update(updated_at=timezone.now() - OLD)
    counts = retention.sweep()
    assert (counts["usage records"], counts["accounts"]) == (1, 1)
    assert Spending.objects.get().reserved == 1, "a request that is under way finds its account"


def test_more_than_a_batch_goes_in_several(settings: Settings) -> None:
    settings.RETAIN_CONVERSATIONS = 30
    moment = timezone.now() - OLD
    count = 2 * retention.BATCH + 1
    Conversation.objects.bulk_create([Conversation(owner="visitor:x") for _ in range(count)])
    Conversation.objects.update(updated_at=moment)
    assert retention.sweep()["conversations"] == count
    assert not Conversation.objects.exists()


def test_a_dry_run_says_what_would_go_and_deletes_nothing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.RETAIN_CONVERSATIONS = 30
    conversation(OLD)
    call_command("delete_old", "--dry-run")
    assert "conversations    1 older than 30 days" in capsys.readouterr().out
    assert Conversation.objects.exists()
    call_command("delete_old")
    assert not Conversation.objects.exists()


def test_the_clock_does_the_same(settings: Settings) -> None:
    settings.RETAIN_CONVERSATIONS = 30
    conversation(OLD)
    delete_what_is_old()
    assert not Conversation.objects.exists()
    assert settings.CELERY_BEAT_SCHEDULE["retention"]["task"] == delete_what_is_old.name
