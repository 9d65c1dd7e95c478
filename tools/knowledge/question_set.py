"""The staff's own set of questions: measured, kept with the revision, and compared by question.

Each question is asked with the rights of who may read its article, so that an article for staff can
be tested too. Figures of two measurements are compared over the questions that both have: a question
more or less must not look like a better or worse search.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User

from tools.knowledge import evaluation
from tools.knowledge.articles import current_revision
from tools.knowledge.evaluation import Figures, Outcome, Question
from tools.knowledge.models import Article, Audience, Evaluation, TestQuestion
from tools.knowledge.readers import Reader
from tools.knowledge.search import Results, search

_READERS = {
    Audience.PUBLIC: Reader.GUEST,
    Audience.CUSTOMERS: Reader.CUSTOMER,
    Audience.STAFF: Reader.STAFF,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one question. `article` is the one that should be found, None where none should;
    `rank` is its place from 1 among the articles found, None where it is not among the first ten;
    `refused` tells that search said it does not know."""

    question: int
    text: str
    article: int | None
    title: str
    rank: int | None
    confidence: float
    refused: bool


class Change(StrEnum):
    """What became of a question since it was measured before."""

    LOST = "lost"
    WORSE = "worse"
    FOUND = "found"
    BETTER = "better"
    SAME = "same"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Compared:
    """A question's result, the one before it if there was one, and what changed."""

    now: Result
    before: Result | None
    change: Change


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations beside each other. The figures are those of the `common` questions, None where
    there are none."""

    results: tuple[Compared, ...]
    common: int
    now: Figures | None
    before: Figures | None


def measure(author: int | None = None) -> Evaluation | None:
    """Asks every test question and keeps the score. None where there is no question.

    `author` is the primary key of who asked for it; None where nobody did.
    """
    asked = list(TestQuestion.objects.select_related("article").order_by("pk"))
    if not asked:
        return None
    readers = {question.text: _reader(question.article) for question in asked}
    refused: dict[str, bool] = {}

    def find(text: str) -> Results:
        results = search(text, evaluation.PASSAGES, reader=readers[text])
        refused[text] = results.weak
        return results

    find(asked[0].text)  # builds the index, if need be, before the clock runs
    revision = revision_now()
    outcomes = evaluation.ask([_question(question) for question in asked], find)
    figures = evaluation.figures(outcomes)
    results = [_result(q, o, refused[q.text]) for q, o in zip(asked, outcomes, strict=True)]
    return Evaluation.objects.create(
        author=User.objects.filter(pk=author).first() if author else None,
        revision=revision,
        questions=figures.questions,
        ndcg=figures.ndcg,
        recall=figures.recall,
        mrr=figures.mrr,
        auroc=figures.auroc,
        p95_ms=figures.p95_ms,
        ranks=[asdict(result) for result in results],
    )


def measure_after(revision: int) -> Evaluation | None:
    """Measures what the change with this number made of the score, unless there was another change
    since, which will be measured instead."""
    return measure() if current_revision()[1] == revision else None


def revision_now() -> str:
    """The revision that a measurement of this moment is of: its number, and the count's epoch."""
    epoch, number, _ = current_revision()
    return f"{number} {epoch or ''}".strip()


def results_of(evaluated: Evaluation) -> list[Result]:
    """The results of each question of an evaluation."""
    return [Result(**row) for row in evaluated.ranks]


def before(evaluated: Evaluation) -> Evaluation | None:
    """The evaluation to compare one with: the one before it."""
    earlier = Evaluation.objects.filter(pk__lt=evaluated.pk)
    return earlier.order_by("-pk").first()


def compare(now: Evaluation, before: Evaluation | None) -> Comparison:
    """Two evaluations, question by question: what was lost first, then worse, found, better."""
    results = results_of(now)
    old = {(r.text, r.article): r for r in results_of(before)} if before else {}
    pairs = [(result, old.get((result.text, result.article))) for result in results]
    compared = [Compared(result, there, _change(result, there)) for result, there in pairs]
    order = list(Change)
    compared.sort(key=lambda c: (order.index(c.change), c.now.text))
    common = [(result, there) for result, there in pairs if there]
    return Comparison(
        tuple(compared),
        len(common),
        _figures(result for result, _ in common),
        _figures(there for _, there in common),
    )


def _change(now: Result, before: Result | None) -> Change:
    if before is None:
        return Change.NEW
    if now.article is None:  # found means here: found out that there is nothing
        if now.refused == before.refused:
            return Change.SAME
        return Change.FOUND if now.refused else Change.LOST
    if now.rank == before.rank:
        return Change.SAME
    if now.rank is None:
        return Change.LOST
    if before.rank is None:
        return Change.FOUND
    return Change.BETTER if now.rank < before.rank else Change.WORSE


def _figures(results: Iterable[Result]) -> Figures | None:
    """The figures of kept results, times left out."""
    outcomes = [_kept(result) for result in results]
    return evaluation.figures(outcomes) if outcomes else None


def _kept(result: Result) -> Outcome:
    relevant = {result.article: 1} if result.article else {}
    ranking: Sequence[int] = ()
    if result.article and result.rank:
        ranking = [*range(-result.rank + 1, 0), result.article]  # others stand before it: never ids
    return Outcome(
        Question(str(result.question), result.text, relevant),
        tuple(ranking),
        result.confidence,
        ms=0.0,
    )


def _question(question: TestQuestion) -> Question:
    relevant = {question.article_id: 1} if question.article_id else {}
    return Question(str(question.pk), question.text, relevant)


def _result(question: TestQuestion, outcome: Outcome, refused: bool) -> Result:
    found: dict[Any, int] = {article: rank for rank, article in enumerate(outcome.ranking, start=1)}
    rank = found.get(question.article_id)
    return Result(
        question.pk,
        question.text,
        question.article_id,
        question.article.title if question.article else "",
        rank if rank and rank <= evaluation.DEPTH else None,
        outcome.confidence,
        refused,
    )


def _reader(article: Article | None) -> Reader:
    return _READERS[Audience(article.audience)] if article else Reader.GUEST
