"""Uploaded files while they wait for their import: in private storage, a folder a run.

`STORAGES["imports"]` names the storage. It is below DATA_DIR and no URL serves it. Where workers run
on other machines than the server, it has to be one that both reach.
"""

import posixpath
import re
from collections.abc import Iterable
from contextlib import closing
from typing import IO
from uuid import UUID

from django.core.files import File
from django.core.files.storage import Storage, storages

from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.importing.item import LARGEST

_NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f/\\:]+")
_LONGEST_NAME = 150
"""Characters: what file systems take in bytes, with room for those of two or three bytes."""


def keep(run: UUID, files: Iterable[File[bytes]]) -> list[str]:
    """Stores the files of a run. Returns the names that they have there."""
    storage = _storage()
    kept: list[str] = []
    for file in files:
        name = _free_name(file.name or "file", kept)
        storage.save(_path(run, name), file)
        kept.append(name)
    return kept


def names(run: UUID) -> list[str]:
    """The names of a run's files, in order."""
    try:
        _, files = _storage().listdir(str(run))
    except FileNotFoundError:
        return []
    return sorted(files)


def open_file(run: UUID, name: str) -> IO[bytes]:
    """A file, to be read. Raises Unreadable."""
    try:
        return _storage().open(_path(run, name), "rb")
    except OSError as error:
        raise Unreadable("is not there any more: upload it again") from error


def read(run: UUID, name: str) -> bytes:
    """The bytes of a file. Raises Unreadable."""
    with closing(open_file(run, name)) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
    return data


def discard(run: UUID) -> None:
    """Deletes the files of a run."""
    storage = _storage()
    for name in names(run):
        storage.delete(_path(run, name))
    storage.delete(str(run))  # the folder, where storage has such


def _storage() -> Storage:
    return storages["imports"]


def _path(run: UUID, name: str) -> str:
    return posixpath.join(str(run), name)


def _free_name(name: str, taken: list[str]) -> str:
    stem, suffix = posixpath.splitext(_NOT_IN_NAMES.sub("-", name).strip(" ."))
    stem = stem[:_LONGEST_NAME] or "file"
    number, free = 1, stem + suffix
    while free in taken:
        number += 1
        free = f"{stem}-{number}{suffix}"
    return free
