"""A folder in which the processes of a host share one index.

    state.json       what the snapshot consists of; replaced whole, last of all
    en-1/            a language's lexicon, kept by tantivy, whose commits are atomic
    table-1/         the large part of the table of passages
    recent-7/        its small part
    lock             held by the one process that writes

Whoever writes dies or ends: the kernel lets go of its lock, and what `state.json` does not name is
thrown away by the next.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from filelock import FileLock, Timeout

from tools.knowledge.index.block import Block
from tools.knowledge.index.lexical import Lexicon
from tools.knowledge.index.passages import Passages
from tools.knowledge.index.snapshot import Snapshot

READ_ATTEMPTS = 5
"""How often a state is read whose parts are replaced meanwhile. Once is all that is ever seen."""

_NO_LANGUAGE = "und"
"""What BCP 47 calls a language that nobody knows."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The names of the folders that a snapshot lies in."""

    lexicons: Mapping[str, str]
    table: str
    recent: str

    @property
    def names(self) -> set[str]:
        return {*self.lexicons.values(), self.table, self.recent}


class Folder:
    """One index on disk. Every method that touches it raises OSError where that is impossible."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = path / "state.json"
        self._seen: tuple[int, int] | None = None
        self._parts: _Parts | None = None
        self._snapshot: Snapshot | None = None

    @contextmanager
    def locked(self, *, wait: bool) -> Iterator[bool]:
        """Keeps other processes from writing. Yields False where one of them does, unless told to
        wait for it."""
        self._path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._path / "lock", timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def current(self) -> Snapshot | None:
        """What lies in the folder; None where nothing usable does."""
        try:
            found = self._state.stat()
        except FileNotFoundError:
            return None
        if self._seen != (found.st_ino, found.st_mtime_ns):
            self._snapshot = self._read()
        return self._snapshot

    def new(self, locale: str) -> Lexicon:
        """An empty lexicon. For the one that holds the lock."""
        return Lexicon.opened(self._free(locale or _NO_LANGUAGE))

    def keep(self, snapshot: Snapshot) -> None:
        """Makes `snapshot` the current one. For the one that holds the lock."""
        before, parts = self._snapshot, self._parts
        table = parts.table if parts else ""
        if before is None or before.passages.large is not snapshot.passages.large or not table:
            table = self._save(snapshot.passages.large, "table").name
        recent = self._save(snapshot.passages.recent, "recent")
        np.save(recent / "dead.npy", snapshot.passages.dead)
        lexicons = {locale: lexicon.name for locale, lexicon in snapshot.lexicons.items()}
        self._parts = _Parts(lexicons, table, recent.name)
        self._write(snapshot, self._parts)
        self._snapshot = snapshot
        self._tidy()

    def _save(self, rows: Block, kind: str) -> Path:
        folder = self._free(kind)
        rows.save(folder)
        return folder

    def _free(self, kind: str) -> Path:
        taken = [int(path.name.rpartition("-")[2]) for path in self._path.glob(f"{kind}-*")]
        return self._path / f"{kind}-{max(taken, default=0) + 1}"

    def _write(self, snapshot: Snapshot, parts: _Parts) -> None:
        epoch, number, removal = snapshot.revision
        state = {
            "epoch": str(epoch),
            "number": number,
            "removal": removal,
            "vector": snapshot.vector,
            "lexicons": dict(parts.lexicons),
            "table": parts.table,
            "recent": parts.recent,
        }
        fresh = self._path / "state.new"
        fresh.write_text(json.dumps(state), "utf-8")
        fresh.replace(self._state)
        found = self._state.stat()
        self._seen = (found.st_ino, found.st_mtime_ns)

    def _tidy(self) -> None:
        """Throws away what no state names. Who has it mapped keeps it until it lets go."""
        named = self._parts.names if self._parts else set()
        for path in self._path.iterdir():
            if path.is_dir() and path.name not in named:
                shutil.rmtree(path, ignore_errors=True)

    def _read(self) -> Snapshot | None:
        for _ in range(READ_ATTEMPTS):
            found = self._state.stat()
            try:
                state = json.loads(self._state.read_text("utf-8"))
                snapshot = self._mapped(state)
            except (FileNotFoundError, KeyError, ValueError):
                continue  # replaced meanwhile, or not ours to understand
            self._seen = (found.st_ino, found.st_mtime_ns)
            return snapshot
        return None

    def _mapped(self, state: Mapping[str, object]) -> Snapshot:
        parts = _Parts(_names(state["lexicons"]), str(state["table"]), str(state["recent"]))
        before, old = self._snapshot, self._parts
        kept = before if old and before else None
        lexicons = {
            locale: (
                kept.lexicons[locale].reloaded()
                if kept and old and old.lexicons.get(locale) == name
                else Lexicon.opened(self._existing(name))
            )
            for locale, name in parts.lexicons.items()
        }
        same = kept and old and old.table == parts.table
        large = kept.passages.large if kept and same else Block.load(self._path / parts.table)
        recent = self._path / parts.recent
        passages = Passages(large, Block.load(recent), np.load(recent / "dead.npy"))
        self._parts = parts
        revision = (
            UUID(str(state["epoch"])),
            int(str(state["number"])),
            int(str(state["removal"])),
        )
        return Snapshot(revision, int(str(state["vector"])), lexicons, passages)

    def _existing(self, name: str) -> Path:
        path = self._path / name
        path.stat()  # tantivy would make an empty one
        return path


def _names(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("the state names no lexicons")
    return {str(locale): str(name) for locale, name in value.items()}
