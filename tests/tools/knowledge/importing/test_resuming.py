"""A run that was interrupted goes on where it was: complete, and nothing twice."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chat.models import OutboxTask
from tests.tools.knowledge.importing.support import LINEN, folder, jsonl, zipped
from tools.jsonl import BadRow
from tools.knowledge import imports, tasks
from tools.knowledge.importing import claims, runs, uploads
from tools.knowledge.importing.item import Item
from tools.knowledge.importing.options import Options
from tools.knowledge.importing.row import ArticleRow
from tools.knowledge.importing.work import BATCH, Work
from tools.knowledge.models import Article, ImportRun

ROOT = Path(__file__).parents[4]
State = ImportRun.State
ROWS = 4 * BATCH + 3


class Interrupted(Exception):
    """Stands for the end of a process."""


class Rows:
    """A source of numbered articles, every seventh bad. Ends with its process after `lasts` items."""

    collection = "rows"

    def __init__(self, lasts: int | None = None) -> None:
        self.total: int | None = ROWS
        self.complete = False
        self.loaded: list[str] = []
        self._lasts = lasts

    def items(self) -> Iterator[Item | BadRow]:
        for number in range(ROWS):
            if number == self._lasts:
                raise Interrupted
            if number % 7 == 3:
                yield BadRow(f"row {number}", "is bad")
            else:
                yield Item(f"row {number}", str(number), lambda number=number: self._row(number))  # type: ignore[misc]
        self.complete = True

    def _row(self, number: int) -> ArticleRow:
        self.loaded.append(str(number))
        return ArticleRow(id=str(number), title=f"Title {number}", text="Text.")


def silent(run: ImportRun) -> None:
    """Makes a run look as if its process died a while ago."""
    long_ago = timezone.now() - claims.SILENCE - timedelta(seconds=1)
    ImportRun.objects.filter(pk=run.pk).update(alive_at=long_ago, created_at=long_ago)


def made(**values: Any) -> ImportRun:
    return ImportRun.objects.create(name="rows", location="rows", **values)


def claimed(run: ImportRun) -> ImportRun:
    found = claims.claim(run.pk, from_living=True)
    assert found
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("lasts", [0, 1, BATCH, 2 * BATCH + 7, ROWS - 1])
def test_the_next_process_does_the_rest_and_the_report_is_as_if_nothing_had_been(
    lasts: int,
) -> None:
    run, first, second = made(), Rows(lasts), Rows()
    with pytest.raises(Interrupted):
        Work(claimed(run)).through([first])
    stored = set(Article.objects.values_list("source", flat=True))
    Work(claimed(run)).through([second])
    told = runs.report(run)
    bad = sum(1 for number in range(ROWS) if number % 7 == 3)
    assert (told.added, told.changed, told.unchanged) == (ROWS - bad, 0, 0)
    assert len({row.place for row in told.failed}) == len(told.failed) == run.failed == bad
    assert run.done == run.total == ROWS
    assert Article.objects.count() == ROWS - bad
    assert stored.isdisjoint(second.loaded)  # what was stored is not even read again


@pytest.mark.django_db
def test_what_a_process_that_was_taken_for_dead_still_writes_changes_nothing() -> None:
    run = made()
    late = Work(claimed(run))
    Work(claimed(run)).through([Rows()])
    before = runs.report(run)
    with pytest.raises(claims.Superseded):
        late.through([Rows()])
    assert runs.report(run) == before


@pytest.mark.django_db
def test_a_run_is_claimed_by_one_process_until_that_falls_silent() -> None:
    run = made()
    assert claims.claim(run.pk)
    assert claims.claim(run.pk) is None
    silent(run)
    again = claims.claim(run.pk)
    assert again
    assert again.attempt == 2
    assert claims.claim(uuid4()) is None


@pytest.mark.django_db
def test_a_cancelled_run_stops_at_its_next_batch_and_can_go_on(tmp_path: Path) -> None:
    run = made()
    work = Work(claimed(run))
    assert runs.cancel(run.pk)
    with pytest.raises(claims.Superseded):
        work.through([Rows()])
    assert Article.objects.count() == 0
    assert not runs.cancel(run.pk)
    assert imports.resume(run.pk)
    assert not imports.resume(run.pk)
    Work(claimed(run)).through([Rows()])
    assert Article.objects.count() == runs.report(run).added > 0


@pytest.mark.django_db
def test_runs_that_died_are_taken_up_by_workers_but_those_of_a_command() -> None:
    kinds = ImportRun.Kind
    died = [made(kind=kind, state=State.RUNNING) for kind in (kinds.UPLOAD, kinds.ADDRESSES)]
    lost = made(kind=kinds.UPLOAD)
    for run in (*died, lost, made(kind=kinds.PATH, state=State.RUNNING)):
        silent(run)
    made(kind=kinds.UPLOAD)  # has only just been queued
    made(kind=kinds.UPLOAD, state=State.FINISHED)
    assert set(runs.abandoned()) == {run.pk for run in (*died, lost)}


@pytest.mark.django_db
def test_a_run_that_many_processes_died_over_is_given_up() -> None:
    run = made(kind=ImportRun.Kind.UPLOAD, state=State.RUNNING, attempt=claims.MOST_ATTEMPTS)
    silent(run)
    assert runs.abandoned() == []
    run.refresh_from_db()
    assert (run.state, run.error[:23]) == (State.FAILED, "was interrupted 10 time")


@pytest.mark.django_db(transaction=True)
def test_a_worker_imports_what_was_uploaded_and_discards_the_files() -> None:
    files = [
        SimpleUploadedFile("help.zip", zipped({"care/a.md": "# A\n\nx", "b.md": ""})),
        SimpleUploadedFile("broken.zip", b"x"),
        SimpleUploadedFile("../../c.md", b"# C\n\nx"),
        SimpleUploadedFile("faq.csv", b"question,answer\nWhy?,Because.\n"),
    ]
    run = runs.of_uploads(files, Options(draft=True))
    assert uploads.names(run.pk) == ["broken.zip", "c.md", "faq.csv", "help.zip"]
    tasks.run_import(run=str(run.pk), something_newer=1)
    told = runs.report(run)
    assert (run.state, told.added) == (State.FINISHED, 3)
    assert {bad.place for bad in told.failed} == {"b.md", "broken.zip"}
    assert uploads.names(run.pk) == []
    tasks.run_import(run=str(run.pk))  # delivered twice
    assert runs.report(run) == told


@pytest.mark.django_db
def test_the_command_takes_up_its_own_run_that_was_interrupted(tmp_path: Path) -> None:
    path = jsonl(tmp_path, LINEN)
    interrupted = runs.of_path(path)
    claimed(interrupted)
    assert runs.of_path(path, Options(draft=True)).pk != interrupted.pk
    runs.import_articles(path)
    interrupted.refresh_from_db()
    assert (interrupted.state, interrupted.attempt) == (State.FINISHED, 2)


SCRIPT = """
import sys, django
django.setup()
from pathlib import Path
from django.core.management import call_command
call_command("migrate", verbosity=0)
print("ready", flush=True)
call_command("import_articles", sys.argv[1])
"""


def importing(data_dir: Path, path: Path) -> "subprocess.Popen[str]":
    environment = {
        "DJANGO_SETTINGS_MODULE": "supportbot.settings",
        "DATA_DIR": str(data_dir),
        "SUPPORTBOT_DEMO": "false",
    }
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def stored(data_dir: Path) -> int:
    try:
        with closing(sqlite3.connect(data_dir / "db.sqlite3", timeout=5)) as database:
            count: int = database.execute("SELECT count(*) FROM knowledge_article").fetchone()[0]
            return count
    except sqlite3.OperationalError:  # there is no table yet
        return 0


@pytest.mark.any_storage
def test_killed_half_way_and_started_again_it_is_complete_without_a_duplicate(
    tmp_path: Path,
) -> None:
    body = "Wash it in cold water, and dry it in the shade.\n\n" * 200
    source = folder(tmp_path / "help", **{f"a{n}": f"# Title {n}\n\n{body}" for n in range(400)})
    data_dir = tmp_path / "data"
    process = importing(data_dir, source)
    deadline = time.monotonic() + 60
    while stored(data_dir) < 100 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    half = stored(data_dir)
    assert 100 <= half < 400
    out, _ = importing(data_dir, source).communicate(timeout=120)
    assert out.endswith("Articles: 400 added, 0 changed, 0 unchanged, 0 failed, 0 gone.\n")
    with closing(sqlite3.connect(data_dir / "db.sqlite3")) as database:
        count = "SELECT count(*), count(DISTINCT source) FROM knowledge_article"
        assert database.execute(count).fetchone() == (400, 400)
        assert database.execute("SELECT count(*) FROM knowledge_importrun").fetchone() == (1,)


@pytest.mark.django_db
def test_a_worker_is_told_of_a_run_once_it_is_committed() -> None:
    run = made(kind=ImportRun.Kind.ADDRESSES)
    imports.enqueue(run)
    (waiting,) = OutboxTask.objects.all()
    assert (waiting.task, waiting.arguments) == ("knowledge.run_import", {"run": str(run.pk)})
