"""Which questions mean the same: embeddings and shared stems together, one language at a time.

A question joins the group whose centre is nearest, if that is near enough, and else begins one of
its own. The groups of a few thousand questions fit in memory, so each comparison is one product of
a matrix and a vector. The same questions in the same order make the same groups.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chat.llm.embedding import embed
from tools.knowledge.models import Gap
from tools.knowledge.words import informative

COSINE_WEIGHT = 0.45
"""What embeddings count beside shared stems. Alone, WordLlama takes every question in Hindi for the
same (18% of the pairs that it joins belong together); stems alone miss every second paraphrase."""

ALIKE = 0.45
"""Least likeness of a question and its group. Of the pairs that belong together among 153 paraphrased
shop questions it joins 81% in English and 65% to 100% in German, French, Spanish, Chinese and Hindi;
of the pairs that it joins, 87% belong together in English and all in the others. Two groups for one
matter are merged at a glance; a wrong question in a group is not seen so soon."""

_MASKED = re.compile(r"\[[a-z ]+\]")

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a question is compared by. `vector` has unit length, or is all zeros."""

    vector: Vector
    stems: frozenset[str]


def meanings(texts: Sequence[str], locale: str) -> list[Meaning]:
    """What questions in one language are compared by. What was masked in them says nothing."""
    if not texts:
        return []
    said = [_MASKED.sub(" ", text) for text in texts]
    vectors = embed(said)
    return [
        Meaning(vector, frozenset(informative(text, locale)))
        for text, vector in zip(said, vectors, strict=True)
    ]


class Groups:
    """The gaps of one language, to find the one that a question belongs to."""

    def __init__(self, gaps: Iterable[Gap] = ()) -> None:
        self._gaps: list[Gap] = []
        self._sums: list[Vector] = []
        self._units = np.empty((0, 0), dtype=np.float32)
        self._counts: list[Counter[str]] = []
        self._with_stem: defaultdict[str, set[int]] = defaultdict(set)
        self._place: dict[int, int] = {}
        for gap in gaps:
            self._append(gap, np.frombuffer(bytes(gap.centre), dtype="<f4"), Counter(gap.stems))

    def nearest(self, meaning: Meaning) -> Gap | None:
        """The gap that the question belongs to, the oldest of equals; None for a new one."""
        if not self._gaps:
            return None
        cosines = self._units[: len(self._gaps)] @ meaning.vector
        likeness = COSINE_WEIGHT * cosines + (1 - COSINE_WEIGHT) * self._shared(meaning.stems)
        best = int(np.argmax(likeness))
        return self._gaps[best] if likeness[best] >= ALIKE else None

    def add(self, gap: Gap, meaning: Meaning) -> None:
        """Takes a question into a gap, or a new gap with its first question."""
        if gap.pk in self._place:
            place = self._place[gap.pk]
            self._sums[place] = self._sums[place] + meaning.vector
            self._counts[place].update(meaning.stems)
            self._index(place)
        else:
            self._append(gap, meaning.vector, Counter(meaning.stems))
        place = self._place[gap.pk]
        gap.centre = self._sums[place].astype("<f4").tobytes()
        gap.stems = dict(self._counts[place])

    def _append(self, gap: Gap, total: Vector, counts: Counter[str]) -> None:
        place = self._place[gap.pk] = len(self._gaps)
        self._gaps.append(gap)
        self._sums.append(total)
        self._counts.append(counts)
        if place >= len(self._units):  # twice the room, so that growing costs nothing in the end
            grown = np.zeros((max(64, 2 * place), total.size), dtype=np.float32)
            if place:
                grown[:place] = self._units[:place]
            self._units = grown
        self._index(place)

    def _index(self, place: int) -> None:
        total = self._sums[place]
        self._units[place] = total / (np.linalg.norm(total) or 1.0)
        for stem in self._counts[place]:
            self._with_stem[stem].add(place)

    def _shared(self, stems: frozenset[str]) -> Vector:
        """The cosine of the question's stems and each group's counts of them."""
        shared = np.zeros(len(self._gaps), dtype=np.float32)
        for stem in sorted(stems):  # in one order, or the sums would differ in their last bits
            for place in self._with_stem.get(stem, ()):
                shared[place] += self._counts[place][stem]
        for place in map(int, np.flatnonzero(shared)):
            length = math.sqrt(sum(count * count for count in self._counts[place].values()))
            shared[place] /= length * math.sqrt(len(stems))
        return shared
