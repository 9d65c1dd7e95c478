"""How likely the best passage answers the question: a logistic regression over three features.

Fitted by `python -m benchmarks.search_confidence` on a help centre of 2,119 articles and on XQuAD in
four languages, with half of the articles hidden, and with questions to other bases; each set weighs the
same. Fitted on all sets but one, it parts the answerable questions of that one from the others with an
AUROC of 0.71 (the help centre, where hidden articles leave near twins behind) and 0.94 to 0.97 (XQuAD),
and from questions to another base with 0.99. More features, or the cosine, add less than 0.01.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

CONFIDENT = 0.4
"""Below it a passage is weak, and the offline engine says that it does not know."""

NEXT_BEST = 9
"""Articles that the best one is compared with."""

INTERCEPT = -4.7
COVERAGE, LEAD, PAIRS = 3.0, 4.0, 2.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search leaves behind.

    `coverage` is the share of what the question asks about that the best passage speaks of, `pairs`
    the share of its pairs of neighbouring words that the passage has, too, both from 0 to 1; `scores`
    are those of the articles that were found, best first.
    """

    coverage: float
    pairs: float
    scores: Sequence[float]

    @property
    def lead(self) -> float:
        """How far the best article's score is above the mean of those that follow. Where nothing
        answers, many articles are about as near."""
        best, *others = self.scores[: NEXT_BEST + 1]
        return best - sum(others) / len(others) if others else best

    @property
    def features(self) -> tuple[float, float, float]:
        """What the regression sees."""
        return self.coverage, self.lead, self.pairs


def confidence(evidence: Evidence) -> float:
    """The probability that the best passage answers, from 0 to 1."""
    weighed = zip((COVERAGE, LEAD, PAIRS), evidence.features, strict=True)
    return 1 / (1 + exp(-INTERCEPT - sum(weight * value for weight, value in weighed)))


def shared_pairs(asked: Sequence[str], said: Sequence[str]) -> float:
    """The share of the pairs of neighbouring words of a question that a passage has, too."""
    pairs = list(pairwise(asked))
    there = set(pairwise(said))
    return sum(pair in there for pair in pairs) / len(pairs) if pairs else 0.0
