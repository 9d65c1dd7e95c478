"""A run from its beginning to its end, whoever started it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Never, TextIO
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from tqdm import tqdm

from tools.jsonl import BadRow, Report
from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.importing import claims, uploads
from tools.knowledge.importing.options import Options
from tools.knowledge.importing.source import opened
from tools.knowledge.importing.work import Watch, Work, nobody
from tools.knowledge.models import ImportRun

logger = logging.getLogger(__name__)

_NAME_LENGTH = 300

Kind, State = ImportRun.Kind, ImportRun.State


@dataclass
class ArticleReport(Report):
    """What an import of articles did; `gone` are those that their source has no more."""

    gone: int = 0

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.gone} gone"


class ImportFailed(Exception):
    """Nothing of a source could be read. Its text is the reason."""


def of_path(path: Path, options: Options | None = None) -> ImportRun:
    """A run of a folder or file on this machine; one that was interrupted is taken up again."""
    values = (options or Options()).model_dump(mode="json")
    location = str(path.resolve())
    unfinished = ImportRun.objects.filter(
        kind=Kind.PATH, location=location, options=values, state=State.RUNNING
    )
    name = path.resolve().name or location
    return unfinished.first() or ImportRun.objects.create(
        kind=Kind.PATH, name=name[:_NAME_LENGTH], location=location, options=values
    )


def of_addresses(
    addresses: Sequence[str], options: Options, author: User | None = None
) -> ImportRun:
    """A run of pages and sitemaps."""
    name = addresses[0] if len(addresses) == 1 else f"{addresses[0]} (+ {len(addresses) - 1})"
    return ImportRun.objects.create(
        kind=Kind.ADDRESSES,
        name=name[-_NAME_LENGTH:],
        location="\n".join(addresses),
        options=options.model_dump(mode="json"),
        author=author,
    )


@transaction.atomic
def of_uploads(
    files: Sequence[File[bytes]], options: Options, author: User | None = None
) -> ImportRun:
    """A run of uploaded files, which are kept until it is done."""
    run = ImportRun.objects.create(
        kind=Kind.UPLOAD, options=options.model_dump(mode="json"), author=author
    )
    names = uploads.keep(run.pk, files)
    run.name = ", ".join(names)[:_NAME_LENGTH]
    run.save(update_fields=["name"])
    return run


def work_on(run: UUID, *, from_living: bool = False, watch: Watch = nobody) -> None:
    """Works through a run, from where it was left. Nothing happens where another process does, or
    where it is done."""
    claimed = claims.claim(run, from_living=from_living)
    if claimed is None:
        return
    try:
        _end(claimed, _worked_through(claimed, watch))
    except claims.Superseded:
        logger.info("import %s was cancelled or is worked on elsewhere", run)


def abandoned() -> list[UUID]:
    """The runs that a worker should take up: nobody works on them. Those of paths are left to
    whoever gave the command: the path may be on another machine."""
    claims.give_up_on_deadly()
    found = claims.abandoned().exclude(kind=Kind.PATH)
    return list(found.values_list("pk", flat=True))


def cancel(run: UUID) -> bool:
    """Stops a run; what it has stored stays. Returns whether there was anything to stop."""
    going = ImportRun.objects.filter(pk=run, state__in=[State.QUEUED, State.RUNNING])
    return bool(going.update(state=State.CANCELLED, finished_at=Now()))


def reopen(run: UUID) -> bool:
    """Makes a run that was cancelled or failed wait for a worker again, from where it was left."""
    ended = ImportRun.objects.filter(pk=run, state__in=[State.CANCELLED, State.FAILED])
    return bool(ended.update(state=State.QUEUED, error="", finished_at=None, attempt=0))


def delete(runs: QuerySet[ImportRun]) -> None:
    """Forgets runs, their reports and their files. The articles stay."""
    keys = list(runs.values_list("pk", flat=True))
    runs.delete()
    for key in keys:
        transaction.on_commit(lambda key=key: uploads.discard(key))  # type: ignore[misc]


def report(run: ImportRun) -> ArticleReport:
    """What a run did so far."""
    run.refresh_from_db()
    problems = [BadRow(problem.place, problem.reason) for problem in run.problems.all()]
    return ArticleReport(run.added, run.changed, run.unchanged, problems, run.gone)


def import_articles(
    path: Path, *, options: Options | None = None, progress: TextIO | None = None
) -> ArticleReport:
    """Imports a folder or file, here and now.

    `progress` is where a progress bar is drawn. Raises OSError for a path that cannot be read, and
    ImportFailed for a file of which nothing can be used.
    """
    path.stat()
    run = of_path(path, options)
    return finish(run, progress=progress)


def finish(run: ImportRun, *, progress: TextIO | None = None) -> ArticleReport:
    """Works through a run here and now, and reports. Raises ImportFailed."""
    if progress is None:
        work_on(run.pk, from_living=True)
    else:
        with tqdm(desc="articles", unit="", file=progress, disable=None) as bar:
            work_on(run.pk, from_living=True, watch=_drawing(bar))
    told = report(run)
    if run.state != State.FINISHED:
        raise ImportFailed(run.error or "another process has taken the import up, or cancelled it")
    return told


def _drawing(bar: "tqdm[Never]") -> Watch:
    def draw(done: int, total: int | None) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return draw


def _worked_through(run: ImportRun, watch: Watch) -> str:
    """Why nothing of a run could be read; empty where it could."""
    try:
        with opened(run) as sources:
            Work(run, watch).through(sources)
    except Unreadable as error:
        return str(error)
    return ""


def _end(run: ImportRun, error: str) -> None:
    state = State.FAILED if error else State.FINISHED
    claims.write(run, {"state": state, "error": error, "finished_at": Now()})
    if not error:
        uploads.discard(run.pk)
    logger.info("import %s ended: %s", run.pk, state)
