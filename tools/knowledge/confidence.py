"""How likely the best passage answers the question."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

CONFIDENT = 0.5

NEXT_BEST = 9


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search leaves behind: the share of the question's words that the best passage speaks of,
    the scores of the articles that were found, best first, and the best passage's cosine."""

    coverage: float
    scores: Sequence[float]
    cosine: float

    @property
    def lead(self) -> float:
        """How far the best article's score is above the mean of those that follow."""
        best, *others = self.scores[: NEXT_BEST + 1]
        return best - sum(others) / len(others) if others else best


def confidence(evidence: Evidence) -> float:
    return 1 / (1 + exp(-4 * (evidence.coverage - 0.5)))
