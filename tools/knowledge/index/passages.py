"""The table of all passages that may be found: whose they are, and what they mean.

Vectors are looked through in two steps. Of each the signs alone are kept as a signature. A query's
vector weighs each sign by how much the query leans that way, in BITS bits, so that AND, XOR and a
count of bits compare it with 100,000 signatures in some milliseconds; those nearest are then compared
exactly. (A simple form of RaBitQ: Gao and Long 2024, "RaBitQ: quantizing high-dimensional vectors
with a theoretical error bound", section 3.3.)

The table is a large part, mapped from disk, and a small one with what changed since.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tools.knowledge.index.block import AUDIENCES, Block, Entry, signatures

BITS = 3
"""Of the 30 nearest of 15,000 passages, 99.4% are among NEAREST that were found so; 99.1% with 2 bits,
97.0% where every sign weighs the same."""

NEAREST = 500
"""Signatures whose vectors are compared exactly."""

FAR = np.uint16(np.iinfo(np.uint16).max)
"""A distance that no vector has: that of passages which must not be found."""

MOST_RECENT = 2000
"""Rows of the small part before both are written as one: the small one is written anew at each
change, and this many take 1 MB at 256 dimensions."""

RECENT_SHARE = 20
"""Or one in so many of the large part, as writing that takes longer the larger it is."""


@dataclass(frozen=True)
class Passages:
    """The table at one moment. Immutable: a change makes another one. `dead` are rows of `large`
    that are no more, or whose newer state is in `recent`."""

    large: Block
    recent: Block
    dead: NDArray[np.int64]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Passages":
        """A table without recent changes."""
        return cls._whole(Block.of(entries))

    @classmethod
    def _whole(cls, rows: Block) -> "Passages":
        return cls(rows, Block.of([], rows.dimensions), np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.large) - len(self.dead) + len(self.recent)

    @cached_property
    def _audiences(self) -> NDArray[np.uint8]:
        return np.concatenate([self.large.audiences, self.recent.audiences])

    @property
    def articles(self) -> set[int]:
        """The articles that have passages here."""
        alive = np.delete(self.large.articles, self.dead)
        return set(np.union1d(alive, self.recent.articles).tolist())

    @cached_property
    def audiences(self) -> frozenset[str]:
        """Those whose passages are here."""
        return frozenset(AUDIENCES[place] for place in np.unique(self._audiences).tolist())

    def changed(self, gone: Collection[int], entries: Sequence[Entry]) -> "Passages":
        """The table without the articles `gone`, and with `entries`."""
        leaving = np.fromiter(gone, dtype=np.int64, count=len(gone))
        dead = np.union1d(self.dead, np.flatnonzero(np.isin(self.large.articles, leaving)))
        added = Block.of(entries, self.large.dimensions)
        recent = self.recent.only(~np.isin(self.recent.articles, leaving)).joined(added)
        large = self.large.sized(recent.dimensions)
        if len(recent) + len(dead) <= max(MOST_RECENT, len(large) // RECENT_SHARE):
            return Passages(large, recent, dead)
        alive = np.ones(len(large), dtype=np.bool_)
        alive[dead] = False
        return self._whole(large.only(alive).joined(recent))

    def nearest(
        self, vector: NDArray[np.float32], hidden: frozenset[str], limit: int
    ) -> list[tuple[int, float]]:
        """The chunks whose meaning is nearest, with their cosines; none of the audiences `hidden`."""
        if len(vector) != self.large.dimensions:
            return []  # the query's model is newer than all vectors
        lean = _Lean.of(vector)
        away = np.concatenate([lean.distances(self.large), lean.distances(self.recent)])
        away[self.dead] = FAR
        for audience in hidden:
            away[self._audiences == AUDIENCES.index(audience)] = FAR
        rows = np.flatnonzero(away <= _reach(away))
        chunks, cosines = self._compared(vector, rows)
        best = np.lexsort((chunks, -cosines))[:limit]
        return list(zip(chunks[best].tolist(), cosines[best].tolist(), strict=True))

    def cosines(self, vector: NDArray[np.float32], chunks: Sequence[int]) -> dict[int, float]:
        """The cosines of some chunks, as far as they have a vector of the query's model."""
        if len(vector) != self.large.dimensions or not chunks:
            return {}
        wanted = np.array(chunks, dtype=np.int64)
        large, recent = self.large.rows_of(wanted), self.recent.rows_of(wanted)
        large[np.isin(large, self.dead)] = -1
        rows = np.where(recent >= 0, recent + len(self.large), large)
        found, cosines = self._compared(vector, rows[rows >= 0])
        return dict(zip(found.tolist(), cosines.tolist(), strict=True))

    def articles_of(self, chunks: Sequence[int]) -> dict[int, int]:
        """The article of each chunk that is here."""
        wanted = np.array(chunks, dtype=np.int64)
        found: dict[int, int] = {}
        for part in (self.large, self.recent):
            rows = part.rows_of(wanted)
            here = rows >= 0
            articles = part.articles[rows[here]].tolist()
            found |= zip(wanted[here].tolist(), articles, strict=True)
        return found

    def _compared(
        self, vector: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The chunks of rows that have a vector, and their cosines."""
        size = len(self.large)
        old, new = rows[rows < size], rows[rows >= size] - size
        chunks = np.concatenate([self.large.chunks[old], self.recent.chunks[new]])
        vectors = np.concatenate([self.large.vectors[old], self.recent.vectors[new]])
        # Not by BLAS: it starts threads, and the last bits depend on how many rows there are.
        cosines = np.einsum("ij,j->i", vectors.astype(np.float32), vector)
        known = vectors.any(axis=1)
        return chunks[known], cosines[known]


@dataclass(frozen=True, slots=True)
class _Lean:
    """Which way a query's vector leans in each dimension, and how far: `far[n]` has the dimensions
    whose weight has the bit n."""

    signs: NDArray[np.uint64]
    far: Sequence[NDArray[np.uint64]]

    @classmethod
    def of(cls, vector: NDArray[np.float32]) -> "_Lean":
        most = np.abs(vector).max() or 1.0
        weights = np.rint(np.abs(vector) / most * (2**BITS - 1)).astype(np.uint8)
        far = [signatures((weights[np.newaxis] >> n) & 1)[:, 0] for n in range(BITS)]
        return cls(signatures(vector[np.newaxis])[:, 0], far)

    def distances(self, block: Block) -> NDArray[np.uint16]:
        """The weights of the signs that differ, added up for each row."""
        away = np.zeros(len(block), dtype=np.uint16)
        for column, signs, *far in zip(block.signatures, self.signs, *self.far, strict=True):
            differ = column ^ signs
            for n, dimensions in enumerate(far):
                away += np.bitwise_count(differ & dimensions) * np.uint16(1 << n)
        return away


def _reach(away: NDArray[np.uint16]) -> int:
    """The distance within which the NEAREST rows are. All that are as far as the last come with it,
    so that what is compared does not depend on the order of the rows."""
    counts = np.cumsum(np.bincount(away[away < FAR]))
    if not len(counts) or counts[-1] <= NEAREST:
        return int(FAR) - 1
    return int(np.searchsorted(counts, NEAREST))
