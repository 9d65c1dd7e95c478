"""The outbox: tasks for workers, which a broker that is away cannot lose.

A task is a row, written in the transaction that it is about. Once that is committed the task goes to
the broker and the row goes. What the broker did not take, or a process that died did not send, a sweep
sends later: each server process sweeps, and so does Celery's clock. A task may therefore come twice,
which changes nothing: see `chat.tasks`. (Richardson, "Microservices Patterns", 2018, section 3.3.7:
transactional outbox with a polling publisher.)
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from celery import current_app
from django.db import connection, transaction
from django.db.models import BigIntegerField, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerAway

from chat.models import OutboxTask
from chat.prepared import Delete, Insert, Param

logger = logging.getLogger(__name__)

LEFT = timedelta(seconds=5)
"""How old a row is that a sweep sends. Whoever wrote it needs some milliseconds to do so."""

BATCH = 100
"""Rows of one sweep's transaction, which on SQLite keeps others from writing for about 0.1 s."""

PAUSE = 5.0
"""Seconds for which nobody tries a broker that failed but the sweeps: each customer would wait for it
about a second."""

_INSERT = Insert(OutboxTask)
_DELETE = Delete(lambda: OutboxTask.objects.filter(pk=Param("pk", BigIntegerField())))


Send = Callable[[OutboxTask], object]
"""Gives a task to the broker. Raises BrokerAway, KombuError or OSError where that refuses it."""


def to_celery(row: OutboxTask) -> None:
    """Sends a task by Celery. See Send."""
    task = current_app.signature(row.task, kwargs=row.arguments, immutable=True)
    task.apply_async(countdown=row.countdown or None, retry=False)


class _Broker:
    """The broker, and whether it is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._failed_at: float | None = None

    def may_try(self) -> bool:
        """Whether a customer's turn may wait for it."""
        return self._failed_at is None or time.monotonic() - self._failed_at >= PAUSE

    def takes(self, row: OutboxTask) -> bool:
        """Sends a task. Returns whether the broker took it."""
        try:
            self._send(row)
        except (BrokerAway, KombuError, OSError) as error:
            self._note(error)
            return False
        self._note(None)
        return True

    def _note(self, error: Exception | None) -> None:
        with self._lock:
            away, self._failed_at = self._failed_at is not None, time.monotonic() if error else None
        if error and not away:
            logger.warning("the broker is away, tasks wait for it: %s", type(error).__name__)
        elif away and not error:
            logger.info("the broker is back")


_broker = _Broker(to_celery)


def install(send: Send) -> None:
    """Sends by another way from now on."""
    global _broker
    _broker = _Broker(send)


def enqueue(task: str, *, countdown: float = 0, **arguments: object) -> None:
    """Has a worker run a task, by its name, once the open transaction is committed, or at once where
    there is none. `countdown` are seconds to wait; the arguments are stored as JSON."""
    row = OutboxTask(task=task, arguments=arguments, countdown=countdown, created_at=timezone.now())
    _INSERT.run(row)
    transaction.on_commit(partial(_send, row), robust=True)


def _send(row: OutboxTask) -> None:
    if _broker.may_try() and _broker.takes(row):
        _DELETE.run(pk=row.pk)


def sweep() -> int:
    """Sends what was left, oldest first, until the broker refuses one. Returns how many were sent.
    Several may sweep at once. Raises DatabaseError."""
    sent = 0
    while _left().exists():
        with transaction.atomic():
            rows = list(_locked())
            taken = _taken(rows)
            OutboxTask.objects.filter(pk__in=taken).delete()
        sent += len(taken)
        if not rows or len(taken) < len(rows):
            break
    return sent


def _left() -> QuerySet[OutboxTask]:
    return OutboxTask.objects.filter(created_at__lte=Now() - LEFT).order_by("pk")


def _locked() -> QuerySet[OutboxTask]:
    """What no other sweep is sending. On SQLite a transaction has all of it."""
    if connection.features.has_select_for_update_skip_locked:
        return _left().select_for_update(skip_locked=True)[:BATCH]
    return _left()[:BATCH]


def _taken(rows: Sequence[OutboxTask]) -> list[int]:
    taken: list[int] = []
    for row in rows:
        if not _broker.takes(row):
            break
        taken.append(row.pk)
    return taken
