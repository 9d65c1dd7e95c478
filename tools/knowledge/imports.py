"""Imports as staff start, watch and stop them: the run is stored, and a worker told by the outbox."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib.auth.models import User
from django.core.files import File
from django.db import transaction

from chat import outbox
from tools.knowledge.importing import runs
from tools.knowledge.importing.options import Options
from tools.knowledge.models import ImportRun


@transaction.atomic
def start_uploads(files: Sequence[File[bytes]], options: Options, author: User) -> ImportRun:
    """Imports uploaded files in the background."""
    return enqueue(runs.of_uploads(files, options, author))


@transaction.atomic
def start_addresses(addresses: Sequence[str], options: Options, author: User) -> ImportRun:
    """Imports pages and sitemaps in the background."""
    return enqueue(runs.of_addresses(addresses, options, author))


def enqueue(run: ImportRun) -> ImportRun:
    """Has a worker work through a run, once it is committed."""
    outbox.enqueue("knowledge.run_import", run=str(run.pk))
    return run


@transaction.atomic
def resume(run: UUID) -> bool:
    """Goes on with a run that was cancelled or failed. Returns whether it was."""
    if not runs.reopen(run):
        return False
    enqueue(ImportRun.objects.get(pk=run))
    return True
