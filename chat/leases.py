"""The right to run a turn: claimed for a while, renewed by a heartbeat, lost when that stops.

Times are the database's clock, so that runners on several machines agree. The fencing number grows
with every claim; a write that carries an older one is refused (Kleppmann, "How to do distributed
locking", 2016).
"""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import (
    CharField,
    DurationField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    UUIDField,
)
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from chat.models import Conversation, Turn
from chat.prepared import Param, Select, Update

LEASE = timedelta(seconds=10)
"""How long a turn waits for a runner that died: three missed heartbeats."""

HEARTBEAT = 3.0
"""Seconds between renewals."""

STOP_DELAY = 1.0
"""Seconds between renewals of a turn that somebody watches from another process: so long a stop may
take to reach its runner."""

MAX_ATTEMPTS = 3
"""Runs of one turn. A turn that kills three runners would kill the fourth: that one only ends the calls
that are open, and fails it. If they are what kills, the fifth only fails it."""


UNSTARTED = timedelta(seconds=3)
"""How long a queued turn waits for the server that took its message. A claim follows in milliseconds;
one that comes later waits for a database that is busy, or never comes."""


class LeaseLost(Exception):
    """The turn belongs to another runner by now; nothing of this one's may be stored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A turn this runner may write to, as long as `fence` is the row's, and the conversation it is
    of. `asked_at` is this process's clock (monotonic seconds) before the lease began."""

    turn: UUID
    within: Conversation
    fence: int
    attempt: int
    stop_requested: bool = False
    asked_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def conversation(self) -> UUID:
        """The conversation's id."""
        return self.within.pk


def _until() -> CombinedExpression:
    return Now() + LEASE


_runner = ""
"""The name under which this process claims turns; none where it has no successor."""

_TURN = Param("turn", UUIDField())
_FREE = Q(status=Turn.Status.QUEUED) | Q(status=Turn.Status.RUNNING, lease_expires_at__lte=Now())
_COLUMNS = [field.attname for field in Conversation._meta.concrete_fields]

_TO_BE_HAD = Select(
    lambda: Turn.objects.filter(_FREE, pk=_TURN).values_list(
        "fence", "attempts", "stop_requested", *(f"conversation__{name}" for name in _COLUMNS)
    )
)
_CLAIM = Update(
    lambda: Turn.objects.filter(_FREE, pk=_TURN, fence=Param("seen", IntegerField())),
    lambda: {
        "status": Turn.Status.RUNNING,
        "fence": F("fence") + 1,
        "attempts": F("attempts") + 1,
        "lease_expires_at": _until(),
        "runner": Param("runner", CharField()),
        "started_at": Now(),
    },
)
_RENEW = Update(
    lambda: Turn.objects.filter(
        pk=_TURN,
        fence=Param("fence", IntegerField()),
        status=Turn.Status.RUNNING,
        stop_requested=False,
    ),
    lambda: {"lease_expires_at": _until()},
)
_OVERDUE = Param("overdue", DurationField())
_LIMIT = 100
"""Turns that one look finds: what a server had at work when it died, at most."""

_ABANDONED = Select(
    lambda: (
        Turn.objects.filter(status=Turn.Status.RUNNING, lease_expires_at__lte=Now() - _OVERDUE)
        .order_by("lease_expires_at")
        .values_list("pk")[:_LIMIT]
    )
)
_NEVER_STARTED = Select(
    lambda: (
        Turn.objects.filter(status=Turn.Status.QUEUED, created_at__lte=Now() - UNSTARTED - _OVERDUE)
        .exclude(
            Exists(
                Turn.objects.filter(
                    conversation=OuterRef("conversation"), status=Turn.Status.RUNNING
                )
            )
        )
        .order_by("created_at")
        .values_list("pk")[:_LIMIT]
    )
)
_WAITING = Select(
    lambda: Turn.objects.filter(_FREE, conversation=Param("conversation", UUIDField())).values_list(
        "pk"
    )[:1]
)


def claim(turn_id: UUID) -> Claim | None:
    """Takes a turn that waits, or whose runner's lease ran out. None when it is not to be had.

    Reads first, and takes only what it read: a process that is frozen between the two would else read
    the number of whoever claimed meanwhile, and write under it.
    """
    asked_at = time.monotonic()
    row = _TO_BE_HAD.first(turn=turn_id)
    if row is None:
        return None
    seen, attempts, stop_requested, *columns = row
    try:
        if not _CLAIM.run(turn=turn_id, seen=seen, runner=_runner):
            return None
    except IntegrityError:  # another turn of the conversation runs: this one waits for its end
        return None
    within = Conversation.from_db(None, _COLUMNS, columns)
    return Claim(turn_id, within, seen + 1, attempts + 1, stop_requested, asked_at)


def renew(held: Claim) -> bool:
    """Keeps a turn and tells whether the customer asked to stop it. Raises LeaseLost."""
    if _RENEW.run(turn=held.turn, fence=held.fence):
        return False
    mine = Turn.objects.filter(pk=held.turn, fence=held.fence, status=Turn.Status.RUNNING)
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


def succeed(runner: str) -> int:
    """Claims turns under this name from now on, and ends the leases of the last process that did: nobody
    need wait for them. For whoever knows that it is dead, as the holder of its port does. Returns how
    many turns it had at work; an empty name has no successors."""
    global _runner
    _runner = runner
    if not runner:
        return 0
    left = Turn.objects.filter(runner=runner, status=Turn.Status.RUNNING)
    return left.update(lease_expires_at=Now())


def disown() -> None:
    """Takes this process's name off its turns: another may bear it before they have ended."""
    global _runner
    runner, _runner = _runner, ""
    if runner:
        Turn.objects.filter(runner=runner, status=Turn.Status.RUNNING).update(runner="")


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
    row = _WAITING.first(conversation=conversation_id)
    return row[0] if row else None


def unattended(overdue: timedelta = timedelta(0)) -> list[UUID]:
    """Turns whose runner's lease ended that long ago, and turns that nobody started: all of a server
    that died, or gave its turns back. A turn that waits for another of its conversation is none."""
    rows = [*_ABANDONED.rows(overdue=overdue), *_NEVER_STARTED.rows(overdue=overdue)]
    return [pk for (pk,) in rows]
