"""How well search answers a set of questions, in the figures that information retrieval is judged by.

An article counts where its best passage stands; a ranking is of articles. Definitions: Järvelin and
Kekäläinen 2002 for nDCG; Voorhees 1999 for the reciprocal rank; Hanley and McNeil 1982 for the area
under the ROC curve.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from time import perf_counter

from tools.knowledge.search import Results, search

DEPTH = 10
"""Articles of a ranking that count for nDCG and for the reciprocal rank."""

SHALLOW = 5
"""Articles that count for recall: what an agent reads, or a customer looks at."""

PASSAGES = 20
"""Passages that are asked for: ten articles at least, as search returns at most two of each."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the articles that answer it with their grades; none where nothing does."""

    id: str
    text: str
    relevant: Mapping[int, int]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search found for a question: articles, best first, its confidence and its time."""

    question: Question
    ranking: tuple[int, ...]
    confidence: float
    ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a set of questions, from 0 to 1, and times in milliseconds.

    The scores are averages over the questions that have an article, None where none has one. `auroc`
    is None unless some questions have an article and some have none.
    """

    questions: int
    ndcg: float | None
    recall: float | None
    mrr: float | None
    auroc: float | None
    p50_ms: float
    p95_ms: float


Search = Callable[[str], Results]


def _search(query: str) -> Results:
    return search(query, PASSAGES)


def ask(questions: Iterable[Question], find: Search = _search) -> list[Outcome]:
    """Searches for each question."""
    return [_asked(question, find) for question in questions]


def figures(outcomes: Sequence[Outcome]) -> Figures:
    """What outcomes come to together. Raises ValueError where there are none."""
    if not outcomes:
        raise ValueError("there is no question")
    answerable = [outcome for outcome in outcomes if outcome.question.relevant]
    times = [outcome.ms for outcome in outcomes]
    return Figures(
        questions=len(outcomes),
        ndcg=_mean([ndcg(o.ranking, o.question.relevant) for o in answerable]),
        recall=_mean([recall(o.ranking, o.question.relevant) for o in answerable]),
        mrr=_mean([reciprocal_rank(o.ranking, o.question.relevant) for o in answerable]),
        auroc=abstention(outcomes),
        p50_ms=percentile(times, 50),
        p95_ms=percentile(times, 95),
    )


def abstention(outcomes: Iterable[Outcome]) -> float | None:
    """How well confidence parts the questions that have an article from those that have none."""
    strong: list[float] = []
    weak: list[float] = []
    for outcome in outcomes:
        (strong if outcome.question.relevant else weak).append(outcome.confidence)
    return auroc(strong, weak) if strong and weak else None


def ndcg(ranking: Sequence[int], relevant: Mapping[int, int], depth: int = DEPTH) -> float:
    """The discounted gain of a ranking, as a share of the best one's. A gain is 2^grade - 1."""
    best = sorted(relevant.values(), reverse=True)
    return _gain([relevant.get(i, 0) for i in ranking[:depth]]) / _gain(best[:depth])


def recall(ranking: Sequence[int], relevant: Mapping[int, int], depth: int = SHALLOW) -> float:
    """The share of the relevant articles that are among the first ones."""
    return len(set(ranking[:depth]) & set(relevant)) / len(relevant)


def reciprocal_rank(
    ranking: Sequence[int], relevant: Mapping[int, int], depth: int = DEPTH
) -> float:
    """One by the rank of the first relevant article, 0 where it is not among the first ones."""
    ranks = (rank for rank, article in enumerate(ranking[:depth], start=1) if article in relevant)
    return 1 / next(ranks, float("inf"))


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive's score is above a negative's, a tie counting half."""
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed (nearest rank)."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1]


def _asked(question: Question, find: Search) -> Outcome:
    began = perf_counter()
    results = find(question.text)
    ms = (perf_counter() - began) * 1000
    ranking = tuple(dict.fromkeys(passage.article for passage in results.passages))
    return Outcome(question, ranking, results.confidence, ms)


def _gain(grades: Sequence[int]) -> float:
    return sum((2.0**grade - 1) / log2(rank + 1) for rank, grade in enumerate(grades, start=1))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
