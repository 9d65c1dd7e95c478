"""What follows elsewhere: each receiver looks whether there is anything to do and enqueues a task."""

from typing import Any
from uuid import UUID

from django.db.models import UUIDField
from django.db.models.signals import post_delete
from django.dispatch import receiver

from chat import outbox
from chat import signals as chat_signals
from chat.models import ToolCall, Turn
from chat.prepared import Param, Select
from tools.knowledge import signals
from tools.knowledge.gaps import collecting, sources
from tools.knowledge.models import Gap, GapQuestion, Status, TestQuestion

SETTLED = 60
"""Seconds after a change until its score is measured: of an import's many changes only the last."""

_A_CALL = Select(
    lambda: ToolCall.objects.filter(turn=Param("turn", UUIDField())).order_by().values_list("pk")
)


@receiver(chat_signals.turn_ended, dispatch_uid="knowledge.turn_ended")
def turn_ended(turn: UUID, **_: Any) -> None:
    """A turn may tell of a gap. Most do not: a query costs less than a task for nothing, and one that
    is compiled less than the whole one."""
    if _A_CALL.first(turn=turn) and sources.telling(Turn.objects.filter(pk=turn)).exists():
        outbox.enqueue("knowledge.collect_gaps", turn=str(turn))


@receiver(chat_signals.reply_rated, dispatch_uid="knowledge.reply_rated")
def reply_rated(turn: UUID, **_: Any) -> None:
    """A thumb down tells of a gap, and one that was changed takes it back."""
    outbox.enqueue("knowledge.collect_gaps", turn=str(turn))


@receiver(post_delete, sender=GapQuestion, dispatch_uid="knowledge.question_deleted")
def question_deleted(instance: GapQuestion, **_: Any) -> None:
    """Whoever erases a conversation erases its questions: their gap forgets them too."""
    collecting.removed(instance)


@receiver(signals.base_changed, dispatch_uid="knowledge.base_changed")
def base_changed(revision: int, **_: Any) -> None:
    """An article that was drafted for a gap may be published now, and the test questions score
    otherwise: that is measured once the base has been left alone for a while."""
    if Gap.objects.filter(state=Gap.State.DRAFTED, draft__status=Status.PUBLISHED).exists():
        outbox.enqueue("knowledge.check_gaps", revision=revision)
    if TestQuestion.objects.exists():
        outbox.enqueue("knowledge.measure_after", countdown=SETTLED, revision=revision)
