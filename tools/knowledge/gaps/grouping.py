"""Which questions mean the same: embeddings and shared stems together, one language at a time.

A question joins the group whose centre is nearest, if that is near enough, and else begins one of
its own. What is in many groups, such as the name of the shop, counts little: it would pull everything
into one. The groups of a few thousand questions fit in memory, so each comparison is one product of
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

COSINE_WEIGHT = 0.4
"""What embeddings count beside shared stems. Alone, WordLlama takes every question in Hindi for the
same (18% of the pairs that it joins belong together); stems alone miss every second paraphrase."""

ALIKE = 0.4
"""Least likeness of a question and its group. Of the pairs that belong together among 153 paraphrased
shop questions it joins 77% in English and 65% to 100% in German, French, Spanish, Chinese and Hindi;
of the pairs that it joins, 90% belong together in English and all in the others. Of 1,449 real
questions of four kinds the largest group has 16. Two groups for one matter are merged at a glance; a
wrong question in a group is not seen so soon."""

UNSEEN = 50
"""Groups that are taken to be there without the stem: among the first few questions nothing is known
to be common yet."""

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
        self._squares = np.empty(0, dtype=np.float32)
        self._with_stem: defaultdict[str, dict[int, int]] = defaultdict(dict)
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
            room = max(64, 2 * place)
            grown = np.zeros((room, total.size), dtype=np.float32)
            if place:
                grown[:place] = self._units[:place]
            self._units = grown
            self._squares = np.resize(self._squares, room)
        self._index(place)

    def _index(self, place: int) -> None:
        total = self._sums[place]
        self._units[place] = total / (np.linalg.norm(total) or 1.0)
        self._squares[place] = sum(count * count for count in self._counts[place].values())
        for stem, count in self._counts[place].items():
            self._with_stem[stem][place] = count

    def _shared(self, stems: frozenset[str]) -> Vector:
        """The cosine of the question's stems and each group's counts of them, less what the common
        ones would add: with rarities from 0 to 1 it is never above the plain cosine."""
        shared = np.zeros(len(self._gaps), dtype=np.float32)
        asked = 0.0
        for stem in sorted(stems):  # in one order, or the sums would differ in their last bits
            rarity = self._rarity(stem)
            asked += rarity**2
            there = self._with_stem.get(stem, {})
            places = np.fromiter(there.keys(), dtype=np.intp, count=len(there))
            counts = np.fromiter(there.values(), dtype=np.float32, count=len(there))
            shared[places] += counts * rarity**2
        lengths = np.sqrt(self._squares[: len(shared)]) * math.sqrt(asked)
        return np.divide(shared, lengths, out=shared, where=lengths > 0)

    def _rarity(self, stem: str) -> float:
        """From nearly 0 for a stem that every group has, such as the shop's name, to 1."""
        groups = len(self._gaps) + UNSEEN
        return math.log(groups / (1 + len(self._with_stem.get(stem, ())))) / math.log(groups)
