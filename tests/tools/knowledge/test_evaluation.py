"""The figures that search is judged by, against values worked out by hand."""

from math import log2

import pytest

from tests.tools.knowledge.support import write
from tools.knowledge.evaluation import (
    Outcome,
    Question,
    abstention,
    ask,
    auroc,
    figures,
    ndcg,
    percentile,
    recall,
    reciprocal_rank,
)


def outcome(confidence: float, *ranking: int, relevant: dict[int, int], ms: float = 1.0) -> Outcome:
    return Outcome(Question("q", "?", relevant), ranking, confidence, ms)


def test_the_best_ranking_gains_all_and_a_later_place_less() -> None:
    assert ndcg([7, 8, 9], {7: 1}) == 1.0
    assert ndcg([8, 9, 7], {7: 1}) == pytest.approx(1 / log2(4))
    assert ndcg([8, 9], {7: 1}) == 0.0
    assert ndcg([*range(10), 77], {77: 1}) == 0.0


def test_a_higher_grade_gains_more() -> None:
    best = 3 + 1 / log2(3)
    assert ndcg([1, 2], {1: 2, 2: 1}) == 1.0
    assert ndcg([2, 1], {1: 2, 2: 1}) == pytest.approx((1 + 3 / log2(3)) / best)


def test_more_relevant_articles_than_places_lose_nothing() -> None:
    assert ndcg(range(10), dict.fromkeys(range(30), 1)) == 1.0


def test_recall_is_the_share_found_among_the_first_five() -> None:
    assert recall([1, 2, 3, 4, 5], {5: 1, 6: 1}) == 0.5
    assert recall([1, 2, 3, 4, 5, 6], {6: 1}) == 0.0


def test_the_reciprocal_rank_is_that_of_the_first_one_found() -> None:
    assert reciprocal_rank([9, 7, 8], {7: 1, 8: 1}) == 0.5
    assert reciprocal_rank([*range(10), 77], {77: 1}) == 0.0


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert auroc([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert auroc([0.1], [0.9]) == 0.0
    assert auroc([0.5], [0.5]) == 0.5
    assert auroc([0.9, 0.3], [0.5, 0.1]) == 0.75


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3, 1, 2, 4], 50) == 2
    assert percentile([3, 1, 2, 4], 95) == 4
    assert percentile([7], 5) == 7


def test_figures_count_what_has_an_article_and_part_it_from_what_has_none() -> None:
    found = outcome(0.9, 1, 2, relevant={1: 1}, ms=2)
    second = outcome(0.6, 1, 2, relevant={2: 1}, ms=4)
    without = outcome(0.7, 3, relevant={}, ms=6)
    whole = figures([found, second, without])
    assert whole.questions == 3
    assert whole.ndcg == pytest.approx((1 + 1 / log2(3)) / 2)
    assert (whole.recall, whole.mrr) == (1.0, 0.75)
    assert whole.auroc == 0.5
    assert (whole.p50_ms, whole.p95_ms) == (4, 6)


def test_figures_say_where_there_is_nothing_to_say() -> None:
    alone = figures([outcome(0.2, 1, relevant={})])
    assert (alone.ndcg, alone.recall, alone.mrr, alone.auroc) == (None, None, None, None)
    assert abstention([outcome(0.2, 1, relevant={1: 1})]) is None
    with pytest.raises(ValueError, match="no question"):
        figures([])


@pytest.mark.django_db
def test_an_article_stands_where_its_best_passage_does(shop: None) -> None:
    kettles = write("More about kettles", "## A\n\nDescale kettles.\n\n## B\n\nKettles of steel.")
    (asked,) = ask([Question("q", "more about kettles", {kettles.pk: 1})])
    assert asked.ranking[0] == kettles.pk
    assert len(set(asked.ranking)) == len(asked.ranking)
    assert 0 < asked.confidence <= 1
    assert asked.ms > 0
