"""A process beside the tests, which shares their database and their folder of the index.

Does what it is told, a line at a time, and answers each line with one.
"""

import sys

import django

django.setup()

from tests.tools.knowledge.index.support import found  # noqa: E402
from tests.tools.knowledge.support import write  # noqa: E402
from tools.knowledge.articles import current_revision  # noqa: E402
from tools.knowledge.embedders import get_embedder  # noqa: E402
from tools.knowledge.index import InProcessIndex  # noqa: E402
from tools.knowledge.index.folder import Folder  # noqa: E402
from tools.knowledge.index.homes import folder_of  # noqa: E402
from tools.knowledge.index.snapshot import build, refresh  # noqa: E402

index = InProcessIndex()


def half_build() -> None:
    """Builds, and stops before it says so."""
    now, model = current_revision(), get_embedder().name
    folder = Folder(folder_of(now, model))
    with folder.locked(wait=True):
        build(now, model, folder.new)
        answer("half")
        sys.stdin.readline()


def half_refresh() -> None:
    """Takes over what changed, and stops before it says so."""
    now, model = current_revision(), get_embedder().name
    folder = Folder(folder_of(now, model))
    with folder.locked(wait=True):
        before = folder.current()
        assert before
        refresh(before, now, model, folder.new)
        answer("half")
        sys.stdin.readline()


def answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


for line in sys.stdin:
    command, _, rest = line.strip().partition(" ")
    if command == "find":
        answer("|".join(sorted(found(index, rest))))
    elif command == "write":
        write(rest)
        answer("written")
    elif command == "half-build":
        half_build()
    elif command == "half-refresh":
        half_refresh()
