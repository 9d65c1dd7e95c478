"""Rows of the table of passages, as arrays that are saved to a folder and mapped from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.knowledge.models import Audience

AUDIENCES = tuple(Audience.values)
"""An audience is kept as its place here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the table keeps of a passage. `vector` is float16, None where there is none."""

    chunk: int
    article: int
    audience: str
    vector: bytes | None


@dataclass(frozen=True, slots=True)
class Block:
    """Rows in the order of the chunks' ids.

    A passage without a vector has one of zeros. `signatures` are the signs of the vectors, 64 to a
    number: one column a passage.
    """

    chunks: NDArray[np.int64]
    articles: NDArray[np.int64]
    audiences: NDArray[np.uint8]
    vectors: NDArray[np.float16]
    signatures: NDArray[np.uint64]

    @classmethod
    def of(cls, entries: Sequence[Entry], dimensions: int = 0) -> "Block":
        """Entries as a block, whose vectors have so many dimensions; 0 for as many as the first."""
        size = dimensions or next((len(e.vector) // 2 for e in entries if e.vector), 0)
        ordered = sorted(entries, key=lambda entry: entry.chunk)
        vectors = np.zeros((len(ordered), size), dtype=np.float16)
        for number, entry in enumerate(ordered):
            # A server that changes the length under the same name has made another model's vector.
            if entry.vector and len(entry.vector) == 2 * size:
                vectors[number] = np.frombuffer(entry.vector, dtype="<f2")
        return cls(
            np.array([entry.chunk for entry in ordered], dtype=np.int64),
            np.array([entry.article for entry in ordered], dtype=np.int64),
            np.array([AUDIENCES.index(entry.audience) for entry in ordered], dtype=np.uint8),
            vectors,
            signatures(vectors),
        )

    @property
    def dimensions(self) -> int:
        """Of the vectors; 0 where there are none."""
        size: int = self.vectors.shape[1]
        return size

    def __len__(self) -> int:
        return len(self.chunks)

    def only(self, kept: NDArray[np.bool_]) -> "Block":
        """The rows that are marked."""
        return Block(
            self.chunks[kept],
            self.articles[kept],
            self.audiences[kept],
            self.vectors[kept],
            self.signatures[:, kept],
        )

    def joined(self, other: "Block") -> "Block":
        """The rows of both, in order."""
        left, right = self.sized(other.dimensions), other.sized(self.dimensions)
        order = np.argsort(np.concatenate([left.chunks, right.chunks]), kind="stable")
        return Block(
            np.concatenate([left.chunks, right.chunks])[order],
            np.concatenate([left.articles, right.articles])[order],
            np.concatenate([left.audiences, right.audiences])[order],
            np.concatenate([left.vectors, right.vectors])[order],
            np.concatenate([left.signatures, right.signatures], axis=1)[:, order],
        )

    def sized(self, dimensions: int) -> "Block":
        """The same rows, with so many dimensions where they had no vector yet."""
        if self.dimensions or not dimensions:
            return self
        vectors = np.zeros((len(self), dimensions), dtype=np.float16)
        return Block(self.chunks, self.articles, self.audiences, vectors, signatures(vectors))

    def rows_of(self, chunks: NDArray[np.int64]) -> NDArray[np.intp]:
        """The row of each chunk, -1 for one that is not here."""
        if not len(self):
            return np.full(len(chunks), -1, dtype=np.intp)
        rows = np.searchsorted(self.chunks, chunks)
        rows[rows == len(self)] = 0
        return np.where(self.chunks[rows] == chunks, rows, -1)

    def save(self, folder: Path) -> None:
        """Writes the rows to a folder of their own. Raises OSError."""
        folder.mkdir(parents=True)
        for name in self.__slots__:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def load(cls, folder: Path) -> "Block":
        """The rows in a folder, mapped, so that processes share the memory. Raises OSError."""
        return cls(*(_mapped(folder / f"{name}.npy") for name in cls.__slots__))


def signatures(vectors: NDArray[Any]) -> NDArray[np.uint64]:
    """The signs of vectors, 64 to a number: one column a vector."""
    rows, dimensions = vectors.shape
    padded = np.zeros((rows, -(-dimensions // 64) * 8), dtype=np.uint8)
    padded[:, : -(-dimensions // 8)] = np.packbits(vectors > 0, axis=1)
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _mapped(file: Path) -> NDArray[Any]:
    try:
        # A plain view of the mapping: numpy's own class for it makes every slice slower.
        return np.asarray(np.load(file, mmap_mode="r"))
    except ValueError:  # no bytes to map: there are no rows
        return np.asarray(np.load(file))
