"""Confidence: what raises it, what it is never, and what is refused."""

import pytest

from tests.tools.knowledge.support import write
from tools.knowledge.confidence import CONFIDENT, NEXT_BEST, Evidence, confidence, shared_pairs
from tools.knowledge.search import search


def evidence(
    coverage: float = 0.5, pairs: float = 0.3, scores: tuple[float, ...] = (1.5, 1.0, 0.9)
) -> Evidence:
    return Evidence(coverage=coverage, pairs=pairs, scores=scores)


def test_more_of_the_question_found_is_more_confidence() -> None:
    assert confidence(evidence(coverage=0.9)) > confidence(evidence(coverage=0.4))
    assert confidence(evidence(pairs=0.8)) > confidence(evidence(pairs=0.1))


def test_an_article_that_stands_out_is_more_confidence() -> None:
    alone, among_equals = (2.0, 0.5, 0.4), (2.0, 1.9, 1.8)
    assert confidence(evidence(scores=alone)) > confidence(evidence(scores=among_equals))


def test_the_lead_is_over_the_mean_of_the_next_best() -> None:
    assert evidence(scores=(2.0, 1.0, 0.5)).lead == pytest.approx(1.25)
    far = (2.0, *[1.0] * NEXT_BEST, *[0.0] * 50)
    assert evidence(scores=far).lead == pytest.approx(1.0)
    assert evidence(scores=(2.0,)).lead == 2.0


def test_it_is_a_probability() -> None:
    assert 0 < confidence(evidence(0, 0, (0.0,))) < CONFIDENT
    assert CONFIDENT < confidence(evidence(1, 1, (4.0, 0.1))) < 1


def test_pairs_are_of_neighbours_in_order() -> None:
    assert shared_pairs(["gift", "card"], ["a", "gift", "card"]) == 1.0
    assert shared_pairs(["gift", "card"], ["card", "gift"]) == 0.0
    assert shared_pairs(["a", "b", "c"], ["a", "b", "x", "c"]) == 0.5
    assert shared_pairs(["kettle"], ["kettle"]) == 0.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "question",
    [
        "Which kettle would win the presidential election in France?",
        "who painted the mona lisa",
        "how do i fix a flat tire on my bicycle",
        "write a poem about the sea",
        "asdf qwer zxcv",
    ],
)
def test_what_the_base_knows_nothing_about_is_refused(shop: None, question: str) -> None:
    assert search(question).weak


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("title", "body", "question"),
    [
        (
            "Rückgabe",
            "Sie können Artikel binnen 30 Tagen zurückgeben.",
            "Kann ich Artikel zurückgeben?",
        ),
        ("退货", "您可以在三十天内退货。", "多少天内可以退货?"),
        ("वापसी", "आप तीस दिनों में सामान वापस कर सकते हैं।", "सामान कितने दिनों में वापस कर सकते हैं?"),
    ],
)
def test_other_languages_are_as_sure_of_what_they_know(
    shop: None, title: str, body: str, question: str
) -> None:
    write(title, body)
    assert not search(question).weak
