"""Whether search answers the questions of a gap by now."""

import pytest

from tests.tools.knowledge.gaps.support import ask, conversation, gap_of
from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.gaps import checking, collecting
from tools.knowledge.gaps.checking import Check
from tools.knowledge.models import Article, Gap

pytestmark = pytest.mark.django_db

NORWAY = ("Do you ship to Norway?", "do you deliver to Norway")
ANSWER = "We ship to Norway and deliver there within ten days."


def drafted(gap: Gap, title: str = "Delivery to Norway", body: str = ANSWER) -> Article:
    """A draft of the article for a gap."""
    article = write(title, body, draft=True)
    gap.draft, gap.state = article, Gap.State.DRAFTED
    gap.save()
    return article


def test_a_draft_answers_nobody() -> None:
    gap = gap_of(*NORWAY)
    drafted(gap)
    assert checking.check(gap) == Check(asked=2, answered=0, closed=False)
    gap.refresh_from_db()
    assert gap.checked_at is not None
    assert gap.state == Gap.State.DRAFTED


def test_the_published_article_that_answers_closes_the_gap() -> None:
    gap = gap_of(*NORWAY)
    article = drafted(gap)
    articles.publish([article.pk])
    assert checking.check_published() == 1
    gap.refresh_from_db()
    assert (gap.state, gap.closed_at is not None) == (Gap.State.CLOSED, True)
    for question in gap.questions.all():
        assert question.answered_by == article
        assert question.confidence is not None
        assert question.confidence > 0.5


def test_one_that_does_not_answer_leaves_it_open_and_says_so() -> None:
    gap = gap_of(*NORWAY)
    articles.publish([drafted(gap, "Kettles", "Kettles boil water.").pk])
    assert checking.check_published() == 0
    gap.refresh_from_db()
    assert gap.state == Gap.State.DRAFTED
    assert [question.answered_by for question in gap.questions.all()] == [None, None]


def test_another_article_that_answers_is_shown_but_closes_nothing() -> None:
    other = write("Shipping", ANSWER)
    gap = gap_of(*NORWAY)
    articles.publish([drafted(gap, "Kettles", "Kettles boil water.").pk])
    assert checking.check(gap) == Check(asked=2, answered=2, closed=False)
    assert {question.answered_by for question in gap.questions.all()} == {other}


def test_a_question_is_asked_with_the_rights_of_who_asked_it() -> None:
    write("Delivery to Norway", ANSWER, audience="customers")
    known = conversation("customer:C-1", customer_id="C-1")
    collecting.collect_turn(ask(NORWAY[0], talk=known).pk)
    gap = gap_of(NORWAY[1])
    assert checking.check(gap) == Check(asked=2, answered=1, closed=False)


def test_an_open_gap_is_closed_by_nobody_but_staff() -> None:
    gap = gap_of(*NORWAY)
    write("Delivery to Norway", ANSWER)
    assert checking.check(gap) == Check(asked=2, answered=2, closed=False)
    gap.refresh_from_db()
    assert gap.state == Gap.State.OPEN


def test_an_ignored_gap_stays_so_though_its_article_answers() -> None:
    gap = gap_of(*NORWAY)
    articles.publish([drafted(gap).pk])
    collecting.ignore([gap.pk])
    gap.refresh_from_db()
    assert not checking.check(gap).closed
