"""The right to work on a run: claimed by one process, kept by signs of life, lost when they stop.

Times are the database's clock. The attempt grows with every claim; a write that carries an older one
changes nothing, so that a process which was taken for dead cannot spoil the report.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from tools.knowledge.models import ImportRun

SILENCE = timedelta(seconds=120)
"""How long a run waits for a process that died. One page of a slow site, or one heavy document, may
take a minute, and nothing is heard of the run meanwhile."""

MOST_ATTEMPTS = 10
"""Processes that may die over one run. What kills ten would kill the next."""

State = ImportRun.State


class Superseded(Exception):
    """The run was cancelled, or another process has taken it up."""


def abandoned() -> QuerySet[ImportRun]:
    """Runs that nobody works on though they are not done: their process died, or their task was lost."""
    silent = Q(state=State.RUNNING, alive_at__lte=Now() - SILENCE)
    unheard = Q(state=State.QUEUED, created_at__lte=Now() - SILENCE)
    return ImportRun.objects.filter(silent | unheard)


def claim(run: UUID, *, from_living: bool = False) -> ImportRun | None:
    """The run, if nobody works on it; `from_living` takes it from whoever does."""
    free = Q(state=State.QUEUED) | Q(state=State.RUNNING, alive_at__lte=Now() - SILENCE)
    if from_living:
        free = Q(state__in=[State.QUEUED, State.RUNNING])
    claimed = ImportRun.objects.filter(free, pk=run, attempt__lt=MOST_ATTEMPTS).update(
        state=State.RUNNING,
        attempt=F("attempt") + 1,
        started_at=Coalesce("started_at", Now()),
        alive_at=Now(),
    )
    return ImportRun.objects.get(pk=run) if claimed else None


def write(run: ImportRun, values: Mapping[str, Any]) -> None:
    """Changes the row of a claimed run, which is a sign of life. Raises Superseded."""
    mine = ImportRun.objects.filter(pk=run.pk, state=State.RUNNING, attempt=run.attempt)
    if not mine.update(**values, alive_at=Now()):
        raise Superseded


def give_up_on_deadly() -> int:
    """Fails runs that too many processes died over. Returns how many."""
    deadly = abandoned().filter(attempt__gte=MOST_ATTEMPTS)
    error = f"was interrupted {MOST_ATTEMPTS} times; the server's log may tell why"
    return deadly.update(state=State.FAILED, error=error, finished_at=Now())
