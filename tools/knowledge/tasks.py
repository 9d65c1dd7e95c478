"""Background tasks of the knowledge base: each loads by id and calls one function.

They take keywords and ignore those they do not know, so that workers of two versions can run side
by side during a deployment. Running one twice changes nothing.
"""

from typing import Any
from uuid import UUID

from celery import shared_task

from chat import outbox
from chat.llm.base import ProviderError
from tools.knowledge import question_set, reembedding, vectors
from tools.knowledge.gaps import checking, collecting, drafting
from tools.knowledge.importing import runs

SOONEST, LATEST = 30, 3600
"""Seconds until a provider that failed is asked again for the vectors of passages."""


@shared_task(name="knowledge.collect_gaps")
def collect_gaps(*, turn: str, **_: object) -> None:
    """Collects the questions without a good answer that a turn tells of."""
    collecting.collect_turn(UUID(turn))


@shared_task(name="knowledge.check_gaps")
def check_gaps(**_: object) -> None:
    """Closes the gaps that the articles published for them answer."""
    checking.check_published()


@shared_task(name="knowledge.draft_gap")
def draft_gap(*, gap: int, author: int | None, by_model: bool = True, **_: object) -> None:
    """Makes the draft of an article that somebody of the staff asked for."""
    drafting.make(gap, author, by_model=by_model)


@shared_task(name="knowledge.run_import")
def run_import(*, run: str, **_: object) -> None:
    """Works through an import, from where it was left."""
    runs.work_on(UUID(run))


def resume_abandoned_imports() -> None:
    """Has workers take up the imports whose process died."""
    for run in runs.abandoned():
        outbox.enqueue("knowledge.run_import", run=str(run))


@shared_task(name=vectors.TASK, bind=True, max_retries=None)
def embed_passages(self: Any, **_: object) -> None:
    """Makes the vectors that passages lack. Tries again, after ever longer, while a provider is
    down."""
    try:
        reembedding.make_missing()
    except ProviderError as error:
        delay = min(SOONEST * 2**self.request.retries, LATEST)
        raise self.retry(exc=error, countdown=delay) from None


@shared_task(name="knowledge.measure")
def measure(*, author: int | None, **_: object) -> None:
    """Measures the staff's test questions because somebody asked for it."""
    question_set.measure(author)


@shared_task(name="knowledge.measure_after")
def measure_after(*, revision: int, **_: object) -> None:
    """Measures the staff's test questions after a change, unless there was another one since."""
    question_set.measure_after(revision)
