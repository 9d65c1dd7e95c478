"""Three scores become one, each with its weight."""

import pytest

from tools.knowledge.fusion import NEAR, PREFERENCE, counts, fused
from tools.knowledge.index import Hit

ENGLISH = frozenset({"en"})


def score(
    hit: Hit, locale: str = "en", *, preferred: str = "", spoken: frozenset[str] = ENGLISH
) -> float:
    return fused(hit, locale, best={"en": 10.0, "de": 10.0}, spoken=spoken, preferred=preferred)


def hit(lexical: float = 0.0, article: float = 0.0, cosine: float | None = None) -> Hit:
    return Hit(1, lexical=lexical, article=article, cosine=cosine)


def test_each_of_the_three_raises_the_score() -> None:
    nothing = score(hit())
    assert nothing == 0
    assert score(hit(lexical=5)) > nothing
    assert score(hit(article=5)) > nothing
    assert score(hit(cosine=0.5)) > nothing


def test_words_count_by_what_the_question_could_score_at_most() -> None:
    short = fused(hit(5, 5), "en", best={"en": 10}, spoken=ENGLISH, preferred="")
    long = fused(hit(10, 10), "en", best={"en": 20}, spoken=ENGLISH, preferred="")
    assert short == pytest.approx(long)


def test_an_article_about_the_question_outweighs_a_passage_that_has_its_words() -> None:
    assert score(hit(lexical=4, article=8)) > score(hit(lexical=8, article=4))


def test_meaning_counts_less_in_a_language_that_the_model_was_not_made_for() -> None:
    assert score(hit(cosine=0.6), "de") < score(hit(cosine=0.6), "en")
    everything: frozenset[str] = frozenset()
    assert score(hit(cosine=0.6), "de", spoken=everything) == score(hit(cosine=0.6), "en")


def test_the_opposite_meaning_is_no_worse_than_none() -> None:
    assert score(hit(5, 5, cosine=-0.4)) == score(hit(5, 5, cosine=None))


def test_the_readers_language_decides_between_equals_only() -> None:
    same = hit(5, 5)
    assert score(same, "de-at", preferred="de") == pytest.approx(score(same) + PREFERENCE)
    assert score(hit(7, 7)) > score(same, "de", preferred="de")


def test_a_language_that_the_question_was_not_analysed_in_breaks_nothing() -> None:
    assert score(hit(5, 5), "fr") > 0


def test_what_shares_no_word_counts_only_where_it_means_nearly_the_same() -> None:
    assert counts(hit(lexical=0.1)) and counts(hit(article=0.1)) and counts(hit(cosine=NEAR))
    assert not counts(hit(cosine=NEAR - 0.01))
    assert not counts(hit())
