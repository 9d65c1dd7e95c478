"""The staff's own questions: measured, kept, and compared by question."""

import pytest
from django.contrib.auth.models import User

from tests.tools.knowledge.support import write
from tools.knowledge import articles, question_set
from tools.knowledge.models import Article, Evaluation, TestQuestion
from tools.knowledge.question_set import Change, Result

pytestmark = pytest.mark.django_db


def question(text: str, article: Article | None = None) -> TestQuestion:
    return TestQuestion.objects.create(text=text, article=article)


def measured() -> Evaluation:
    evaluated = question_set.measure()
    assert evaluated is not None
    return evaluated


def kept(*results: Result) -> Evaluation:
    """An evaluation with these results."""
    rows = [
        {name: getattr(result, name) for name in Result.__dataclass_fields__} for result in results
    ]
    return Evaluation.objects.create(revision="1", questions=len(rows), p95_ms=1, ranks=rows)


def result(text: str, rank: int | None, *, article: int | None = 7, sure: float = 0.9) -> Result:
    return Result(1, text, article, "Some title", rank, sure, refused=sure < 0.5)


# Measuring ---------------------------------------------------------------------------------------


def test_the_score_is_kept_with_the_revision_and_who_asked(shop: None) -> None:
    kettles, delivery = (Article.objects.get(title=name) for name in ("Kettles", "Delivery"))
    question("How do I descale a kettle?", kettles)
    question("Is delivery free?", delivery)
    question("Who won the election in France?")
    cleo = User.objects.create_user("cleo")
    evaluated = question_set.measure(cleo.pk)
    assert evaluated is not None
    assert (evaluated.questions, evaluated.author) == (3, cleo)
    assert (evaluated.ndcg, evaluated.recall, evaluated.mrr, evaluated.auroc) == (1, 1, 1, 1)
    assert evaluated.p95_ms > 0
    assert evaluated.revision == question_set.revision_now()
    ranks = [(r.text, r.title, r.rank, r.refused) for r in question_set.results_of(evaluated)]
    assert ranks == [
        ("How do I descale a kettle?", "Kettles", 1, False),
        ("Is delivery free?", "Delivery", 1, False),
        ("Who won the election in France?", "", None, True),
    ]


def test_an_article_that_is_not_found_counts_as_nothing(shop: None) -> None:
    question("How do I descale a kettle?", write("Descaling", "Vinegar.", draft=True))
    evaluated = measured()
    assert (evaluated.ndcg, evaluated.auroc) == (0, None)
    assert question_set.results_of(evaluated)[0].rank is None


def test_an_article_is_looked_for_as_those_who_may_read_it(shop: None) -> None:
    question("What is the alarm code?", write("Alarm", "The alarm code is 7.", audience="staff"))
    assert measured().mrr == 1


def test_without_questions_there_is_nothing_to_measure() -> None:
    assert question_set.measure() is None
    assert not Evaluation.objects.exists()


def test_of_changes_that_follow_one_another_the_last_is_measured(shop: None) -> None:
    question("Is delivery free?", Article.objects.get(title="Delivery"))
    first = articles.current_revision()[1]
    articles.touch()
    assert question_set.measure_after(first) is None
    assert question_set.measure_after(first + 1) == Evaluation.objects.get()


# Comparing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (3, 1, Change.BETTER),
        (1, 3, Change.WORSE),
        (2, None, Change.LOST),
        (None, 2, Change.FOUND),
        (2, 2, Change.SAME),
        (None, None, Change.SAME),
    ],
)
def test_each_question_tells_what_became_of_it(
    before: int | None, now: int | None, change: Change
) -> None:
    old, new = kept(result("Norway?", before)), kept(result("Norway?", now))
    (compared,) = question_set.compare(new, old).results
    assert compared.change == change
    assert compared.before is not None
    assert (compared.before.rank, compared.now.rank) == (before, now)


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [(0.9, 0.1, Change.FOUND), (0.1, 0.9, Change.LOST), (0.1, 0.2, Change.SAME)],
)
def test_a_question_without_an_article_should_be_refused(
    before: float, now: float, change: Change
) -> None:
    old = kept(result("Mars?", None, article=None, sure=before))
    new = kept(result("Mars?", None, article=None, sure=now))
    assert question_set.compare(new, old).results[0].change == change


def test_what_got_worse_comes_first() -> None:
    old = kept(*(result(text, rank) for text, rank in (("a", 1), ("b", 1), ("c", 2), ("d", 1))))
    new = kept(*(result(text, rank) for text, rank in (("a", 1), ("b", 4), ("c", 1), ("e", 1))))
    changes = [(c.now.text, c.change) for c in question_set.compare(new, old).results]
    assert changes == [
        ("b", Change.WORSE),
        ("c", Change.BETTER),
        ("a", Change.SAME),
        ("e", Change.NEW),
    ]


def test_figures_are_compared_over_the_questions_that_both_have() -> None:
    old = kept(result("a", 1), result("gone", None), result("moved", 1, article=8))
    new = kept(result("a", 2), result("moved", None))
    comparison = question_set.compare(new, old)
    assert comparison.common == 1
    assert comparison.before is not None
    assert comparison.now is not None
    assert (comparison.before.mrr, comparison.now.mrr) == (1, 0.5)
    assert comparison.now.ndcg == pytest.approx(0.631, abs=0.001)


def test_the_first_measurement_is_compared_with_none() -> None:
    first, second = kept(result("a", 1)), kept(result("a", 1))
    assert question_set.before(first) is None
    assert question_set.before(second) == first
    comparison = question_set.compare(first, None)
    assert (comparison.common, comparison.now, comparison.before) == (0, None, None)
