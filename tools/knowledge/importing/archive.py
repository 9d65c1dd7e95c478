"""The files of a zip, read one by one into memory and never unpacked to a disk.

A zip may say anything of its files, so each limit is held while they are read.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.importing.formats import SUFFIXES, suffix
from tools.knowledge.importing.item import LARGEST, File

MOST_FILES = 20_000
"""Ten times the help centre of a large product."""

LARGEST_TOGETHER = 1_000_000_000
"""Bytes that all files of one zip may have unpacked."""

STEEPEST = 200
"""Times its packed size that a file may unpack to. Text packs to a tenth, at most to a fiftieth; a
bomb to a thousandth."""

SMALL = 1_000_000
"""Bytes that may unpack from anything: a file of one repeated line is no bomb."""

_PIECE = 1_000_000


class Archive:
    """A zip that is open. Raises Unreadable for what is none, or has too many files."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Unreadable("is no zip file, or a broken one") from error
        if len(self._zip.filelist) > MOST_FILES:
            raise Unreadable(f"has more than {MOST_FILES:,} files")
        self._unpacked = 0

    def files(self) -> Iterator[File]:
        """What can be imported, in the order of the names, without hidden files."""
        for entry in sorted(self._zip.infolist(), key=lambda entry: entry.filename):
            place = entry.filename.replace("\\", "/")
            parts = PurePosixPath(place).parts
            hidden = any(p.startswith((".", "__MACOSX")) and p != ".." for p in parts)
            nested = suffix(place) == ".zip"
            if not entry.is_dir() and not hidden and (nested or suffix(place) in SUFFIXES):
                yield File(place, partial(self._read, entry, parts))

    def _read(self, entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> bytes:
        if suffix(entry.filename) == ".zip":
            raise Unreadable("is a zip within a zip: unpack it first")
        if ".." in parts or parts[:1] == ("/",) or ":" in parts[0]:
            raise Unreadable("has a path that leads out of the zip")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Unreadable("is a link to another file, which is not followed")
        if entry.flag_bits & 0x1:
            raise Unreadable("is protected by a password")
        try:
            with self._zip.open(entry) as unpacked:
                return self._within_limits(unpacked, entry.compress_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
            raise Unreadable("cannot be unpacked: the zip is broken there") from error

    def _within_limits(self, unpacked: IO[bytes], packed: int) -> bytes:
        gathered = bytearray()
        while piece := unpacked.read(_PIECE):
            gathered += piece
            self._unpacked += len(piece)
            if len(gathered) > LARGEST:
                raise Unreadable(f"is larger than {LARGEST // 1_000_000} MB")
            if len(gathered) > max(SMALL, STEEPEST * packed):
                raise Unreadable(f"unpacks to more than {STEEPEST} times its size, as a bomb does")
            if self._unpacked > LARGEST_TOGETHER:
                raise Unreadable(
                    f"is left out: more than {LARGEST_TOGETHER // 1_000_000} MB together"
                )
        return bytes(gathered)
