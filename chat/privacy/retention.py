"""The end of what is old. Each kind of record has its days, in a setting; 0 keeps it for ever.

`sweep` runs once a day: by Celery's clock in production, in the server's sweeper in the embedded
default. It deletes in batches, so that nobody waits for a lock as long as a whole year takes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from chat.models import Conversation, Spending, ToolCall, Turn, UsageRecord
from chat.privacy import erasure

BATCH = 200
"""Records that are deleted at once: with what hangs on them, some tenths of a second."""

Remove = Callable[[Sequence[Any]], object]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of record: the setting of its days, which of them are older than a moment, and how
    those with these keys go."""

    name: str
    setting: str
    older: Callable[[datetime], QuerySet[Any]]
    remove: Remove

    @property
    def days(self) -> int:
        """0: for ever."""
        return int(getattr(settings, self.setting))


_registered: list[Rule] = []


def register(rule: Rule) -> None:
    """Adds a kind of record, once."""
    if rule.name not in {known.name for known in _registered}:
        _registered.append(rule)


def rules() -> Iterator[Rule]:
    """Those of chat, then those of other apps."""
    yield from (*_OURS, *_registered)


def sweep() -> Mapping[str, int]:
    """Deletes what is older than its days, and returns how many of each kind."""
    return {rule.name: sum(_batches(rule)) for rule in rules() if rule.days}


def due() -> Mapping[str, int]:
    """What `sweep` would delete now."""
    return {rule.name: rule.older(_moment(rule)).count() for rule in rules() if rule.days}


def _batches(rule: Rule) -> Iterator[int]:
    moment = _moment(rule)
    while keys := list(rule.older(moment).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            rule.remove(keys)
        yield len(keys)


def _moment(rule: Rule) -> datetime:
    return timezone.now() - timedelta(days=rule.days)


def delete(model: Any) -> Remove:
    """Deletes rows of `model` by their keys."""
    return lambda keys: model.objects.filter(pk__in=keys).delete()


def _conversations(moment: datetime) -> QuerySet[Conversation]:
    """Those in which nobody waits for an answer."""
    open_turns = (Turn.Status.QUEUED, Turn.Status.RUNNING)
    return Conversation.objects.filter(updated_at__lt=moment).exclude(turns__status__in=open_turns)


_OURS = (
    Rule("conversations", "RETAIN_CONVERSATIONS", _conversations, erasure.remove),
    Rule(
        "tool calls",
        "RETAIN_TOOL_CALLS",
        lambda moment: ToolCall.objects.filter(turn__finished_at__lt=moment),
        delete(ToolCall),
    ),
    Rule(
        "usage records",
        "RETAIN_USAGE",
        lambda moment: UsageRecord.objects.filter(created_at__lt=moment),
        delete(UsageRecord),
    ),
    Rule(
        "accounts",
        "RETAIN_USAGE",
        lambda moment: Spending.objects.filter(updated_at__lt=moment, reserved=0),
        delete(Spending),
    ),
)
