"""Where an index is kept: in the memory of one process, or in a folder that several share."""

import logging
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from django.conf import settings

from tools.knowledge import languages, stop_words, words
from tools.knowledge.articles import current_revision
from tools.knowledge.index import block, bm25, lexical, source
from tools.knowledge.index.folder import Folder
from tools.knowledge.index.lexical import Lexicon
from tools.knowledge.index.snapshot import Snapshot, build, refresh, renewed
from tools.knowledge.index.source import Revision

logger = logging.getLogger(__name__)


HEAVY = 1000
"""Passages whose analysis no search waits for while there is something to search: about 0.3 s."""


class Home(Protocol):
    """Makes the snapshots of one base and one embedding model."""

    def start(self, now: Revision) -> Snapshot:
        """The first snapshot, built where there is none yet. Raises OSError or ValueError where the
        home cannot be used."""
        ...

    def advance(self, snapshot: Snapshot, now: Revision, *, heavy: bool) -> Snapshot:
        """A snapshot of what the database has now; an older one where another process is at it.

        Languages that are worn are written anew: the small ones, and all in `heavy` work. Raises as
        `start` does.
        """
        ...


class Memory:
    """An index of this process alone."""

    def __init__(self, model: str) -> None:
        self._model = model

    def start(self, now: Revision) -> Snapshot:
        """See Home."""
        snapshot = build(now, self._model, _in_memory)
        logger.info("knowledge index built in memory: %s passages", len(snapshot.passages))
        return snapshot

    def advance(self, snapshot: Snapshot, now: Revision, *, heavy: bool) -> Snapshot:
        """See Home."""
        after = refresh(snapshot, now, self._model, _in_memory)
        return renewed(after, _due(after, heavy), self._model, _in_memory)


def folder_of(now: Revision, model: str) -> Path:
    """The folder for a base, an embedding model and this way of analysing texts: processes of two
    releases on one host must not take turns to rebuild what the other has built."""
    key = sha256(f"{now[0]} {model} {analysis()}".encode()).hexdigest()[:16]
    return settings.DATA_DIR / "index" / key


class Shared:
    """An index in a folder. One process at a time writes; the others map what is there."""

    def __init__(self, path: Path, model: str) -> None:
        self._folder = Folder(path)
        self._model = model

    def start(self, now: Revision) -> Snapshot:
        """See Home. Waits for another process that builds."""
        found = self._folder.current()
        if found is not None and not _ahead(found, now):
            return self.advance(found, now, heavy=True)
        with self._folder.locked(wait=True):
            # Read again: the wait may have been for whoever built it.
            found, now = self._folder.current(), current_revision()
            if found is not None and not _ahead(found, now):
                return self._refreshed(found, now, heavy=True)
            snapshot = build(now, self._model, self._folder.new)
            self._folder.keep(snapshot)
            logger.info("knowledge index built: %s passages", len(snapshot.passages))
            return snapshot

    def advance(self, snapshot: Snapshot, now: Revision, *, heavy: bool) -> Snapshot:
        """See Home."""
        with self._folder.locked(wait=False) as mine:
            found = self._folder.current() or snapshot
            return self._refreshed(found, current_revision(), heavy=heavy) if mine else found

    def _refreshed(self, found: Snapshot, now: Revision, *, heavy: bool) -> Snapshot:
        after = found
        if found.revision != now:
            after = refresh(found, now, self._model, self._folder.new)
        after = renewed(after, _due(after, heavy), self._model, self._folder.new)
        if after is not found:
            self._folder.keep(after)
        return after

    def peek(self) -> Snapshot | None:
        """What is there already, built and refreshed by others. Raises as `start` does."""
        return self._folder.current()


def _due(snapshot: Snapshot, heavy: bool) -> list[str]:
    worn = snapshot.worn
    return [locale for locale in worn if heavy or len(snapshot.lexicons[locale]) <= HEAVY]


def _in_memory(locale: str) -> Lexicon:
    return Lexicon.opened(None)


def _ahead(snapshot: Snapshot, now: Revision) -> bool:
    """Whether a snapshot has seen what the database has not: it was restored from a backup."""
    return snapshot.revision[1] > now[1]


@cache
def analysis() -> str:
    """Tells one way of turning texts into an index from another: the code that does it."""
    modules = (words, stop_words, languages, block, bm25, lexical, source)
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    return sha256(code + version("tantivy").encode()).hexdigest()
