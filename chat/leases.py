"""The right to run a turn: claimed for a while, renewed by a heartbeat, lost when that stops.

Times are the database's clock, so that runners on several machines agree. The fencing number grows
with every claim; a write that carries an older one is refused (Kleppmann, "How to do distributed
locking", 2016).
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F, Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from chat.models import Conversation, Turn

LEASE = timedelta(seconds=10)
"""How long a turn waits for a runner that died: three missed heartbeats."""

HEARTBEAT = 1.0
"""Seconds between renewals; also how soon a stop reaches a runner in another process."""

MAX_ATTEMPTS = 3
"""Runs of one turn. A turn that kills three runners would kill the fourth: that one only fails it."""


class LeaseLost(Exception):
    """The turn belongs to another runner by now; nothing of this one's may be stored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A turn this runner may write to, as long as `fence` is the row's, and the conversation it is
    of."""

    turn: UUID
    within: Conversation
    fence: int
    attempt: int
    stop_requested: bool = False

    @property
    def conversation(self) -> UUID:
        """The conversation's id."""
        return self.within.pk


def _until() -> CombinedExpression:
    return Now() + LEASE


def claim(turn_id: UUID) -> Claim | None:
    """Takes a turn that waits, or whose runner's lease ran out. None when it is not to be had."""
    free = Q(status=Turn.Status.QUEUED) | Q(status=Turn.Status.RUNNING, lease_expires_at__lte=Now())
    try:
        taken = Turn.objects.filter(free, pk=turn_id).update(
            status=Turn.Status.RUNNING,
            fence=F("fence") + 1,
            attempts=F("attempts") + 1,
            lease_expires_at=_until(),
            started_at=Now(),
        )
    except IntegrityError:  # another turn of the conversation runs: this one waits for its end
        return None
    if not taken:
        return None
    turn = Turn.objects.select_related("conversation").get(pk=turn_id)
    return Claim(
        turn=turn.pk,
        within=turn.conversation,
        fence=turn.fence,
        attempt=turn.attempts,
        stop_requested=turn.stop_requested,
    )


def renew(held: Claim) -> bool:
    """Keeps a turn and tells whether the customer asked to stop it. Raises LeaseLost."""
    mine = Turn.objects.filter(pk=held.turn, fence=held.fence, status=Turn.Status.RUNNING)
    if mine.filter(stop_requested=False).update(lease_expires_at=_until()):
        return False
    if not mine.update(lease_expires_at=_until()):
        raise LeaseLost(f"Turn {held.turn} is no longer this runner's.")
    return True


def release(held: Claim, *, counts: bool = True) -> None:
    """Gives a turn back unfinished, to be run again. `counts` is False for a server that is
    stopping: that attempt was not the turn's fault.

    The turn stays `running` with its lease over, because a later one may be queued already.
    """
    Turn.objects.filter(pk=held.turn, fence=held.fence, status=Turn.Status.RUNNING).update(
        lease_expires_at=Now(), attempts=F("attempts") - (0 if counts else 1)
    )


def abandoned(turn_id: UUID) -> UUID | None:
    """The turn that keeps this one waiting although its runner is gone, if there is one."""
    return (
        Turn.objects.filter(conversation__turns=turn_id, status=Turn.Status.RUNNING)
        .filter(lease_expires_at__lte=Now())
        .exclude(pk=turn_id)
        .values_list("pk", flat=True)
        .first()
    )


def waiting(conversation_id: UUID) -> UUID | None:
    """The conversation's turn that somebody should run now, if there is one."""
    return (
        Turn.objects.filter(conversation=conversation_id)
        .filter(
            Q(status=Turn.Status.QUEUED)
            | Q(status=Turn.Status.RUNNING, lease_expires_at__lte=Now())
        )
        .values_list("pk", flat=True)
        .first()
    )
