"""Processes share one index on disk, whatever becomes of the one that writes it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction

from tests.live_server import ROOT
from tests.tools.knowledge.index.support import found, query
from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.articles import current_revision
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import InProcessIndex
from tools.knowledge.index.folder import Folder
from tools.knowledge.index.homes import HEAVY, folder_of

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 10.0
"""Seconds for what takes a moment on an idle machine."""


class Other:
    """The process beside this one."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tools.knowledge.index.other_process"],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def asked(self, line: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def killed(self) -> None:
        self.process.kill()
        self.process.communicate()


def _environment() -> dict[str, str]:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        login = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
        host = f"{database['HOST'] or '127.0.0.1'}:{database['PORT'] or 5432}"
        url = f"postgres://{login}@{host}/{database['NAME']}"
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "supportbot.settings",
        "DATA_DIR": str(django_settings.DATA_DIR),
        "DATABASE_URL": url,
        "SECRET_KEY": "a-secret-of-the-other-process-that-nobody-reads-here",
        "LOG_LEVEL": "WARNING",
    }


@pytest.fixture
def other() -> Iterator[Other]:
    process = Other()
    yield process
    process.killed()


def folder() -> Path:
    """Where the index of the test's base lies."""
    return folder_of(current_revision(), get_embedder().name)


def eventually(index: InProcessIndex, text: str, wanted: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while (now := sorted(found(index, text))) != wanted:
        assert time.monotonic() < deadline, now
        time.sleep(0.02)


def test_one_process_maps_what_another_has_built(other: Other) -> None:
    write("Kettles")
    assert found(InProcessIndex(), "kettle") == ["Kettles"]
    built = (folder() / "state.json").stat()
    assert other.asked("find kettle") == "Kettles"
    assert (folder() / "state.json").stat().st_ino == built.st_ino


def test_an_edit_is_found_in_every_process(other: Other) -> None:
    write("Kettles")
    index = InProcessIndex()
    assert found(index, "kettle") == ["Kettles"]
    assert other.asked("find kettle") == "Kettles"
    write("Kettles too")
    assert other.asked("find kettle") == "Kettles|Kettles too"
    assert other.asked("write More kettles") == "written"
    eventually(index, "kettle", ["Kettles", "Kettles too", "More kettles"])
    assert other.asked("find kettle") == "Kettles|Kettles too|More kettles"


def test_a_builder_that_is_killed_half_way_holds_nobody_up(other: Other) -> None:
    write("Kettles")
    assert other.asked("half-build") == "half"
    assert (folder() / "en-1").exists() or list(folder().glob("*-1"))
    other.killed()
    assert found(InProcessIndex(), "kettle") == ["Kettles"]
    assert len([path for path in folder().iterdir() if path.is_dir()]) == 3


def test_what_was_half_taken_over_by_a_process_that_died_is_taken_over_once(other: Other) -> None:
    kettles = write("Kettles")
    index = InProcessIndex()
    found(index, "kettle")
    kettles.body = "Now of glass."
    articles.save(kettles)
    write("Kettles too")
    assert other.asked("half-refresh") == "half"
    other.killed()
    eventually(index, "kettle", ["Kettles", "Kettles too"])
    asked = query(index, "kettle of glass", meaning=True)
    assert index.search(asked, 10) == InProcessIndex().search(asked, 10)


def test_while_another_process_writes_the_search_goes_on(other: Other) -> None:
    write("Kettles")
    index = InProcessIndex()
    assert found(index, "kettle") == ["Kettles"]
    with Folder(folder()).locked(wait=True):
        write("Kettles too")
        assert found(index, "kettle") == ["Kettles"]
    assert sorted(found(index, "kettle")) == ["Kettles", "Kettles too"]


def test_a_restart_reads_what_lies_there_and_what_is_new() -> None:
    write("Kettles")
    assert found(InProcessIndex(), "kettle") == ["Kettles"]
    write("Kettles too")
    assert sorted(found(InProcessIndex(), "kettle")) == ["Kettles", "Kettles too"]


@pytest.mark.parametrize("state", ["", "{}", "no json", '{"table": 1, "lexicons": []}'])
def test_a_state_that_cannot_be_read_is_built_anew(state: str) -> None:
    write("Kettles")
    found(InProcessIndex(), "kettle")
    (folder() / "state.json").write_text(state)
    assert found(InProcessIndex(), "kettle") == ["Kettles"]


def test_without_a_folder_the_index_is_kept_in_memory(
    settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "index").write_text("a file where the folder should be")
    write("Kettles")
    index = InProcessIndex()
    assert found(index, "kettle") == ["Kettles"]
    assert "kept in memory" in caplog.text
    write("Kettles too")
    assert sorted(found(index, "kettle")) == ["Kettles", "Kettles too"]


def test_a_large_change_is_taken_over_while_the_search_goes_on() -> None:
    write("Kettles")
    index = InProcessIndex()
    assert found(index, "kettle") == ["Kettles"]
    write("Pots", "\n\n".join(f"## Pot {n}\n\nA kettle." for n in range(HEAVY + 1)))
    assert found(index, "kettle") == ["Kettles"]
    deadline = time.monotonic() + PATIENCE
    while len(index.search(query(index, "pot"), 10)) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_transaction_does_not_show_others_what_it_may_take_back() -> None:
    write("Kettles")
    index, inside = InProcessIndex(), InProcessIndex()
    assert found(index, "kettle") == ["Kettles"]
    with transaction.atomic():
        write("Kettles too")
        found(inside, "kettle")
        transaction.set_rollback(True)
    write("Carafes")  # of the revision that was taken back
    assert found(index, "kettle") == found(inside, "kettle") == ["Kettles"]
    assert found(index, "carafe") == found(inside, "carafe") == ["Carafes"]
