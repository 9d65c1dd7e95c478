"""The files of a folder on this machine."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.importing.formats import SUFFIXES
from tools.knowledge.importing.item import LARGEST, File


def files(folder: Path, *, suffixes: frozenset[str] | set[str] = SUFFIXES) -> Iterator[File]:
    """What can be imported below a folder, in order, without hidden folders such as .git."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.suffix.lower() in suffixes and not any(part.startswith(".") for part in parts):
            yield File(path.relative_to(folder).as_posix(), partial(read, path))


def read(path: Path) -> bytes:
    """The bytes of a file. Raises Unreadable."""
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}") from error
