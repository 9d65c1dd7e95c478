"""Gaps as they are collected: once, into groups, and out again when their conversation is erased."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from chat.models import Conversation, Turn
from tests.tools.knowledge.gaps.support import START, ask, conversation, gap_of, thumb, ticket
from tests.tools.knowledge.support import write
from tools.knowledge.gaps import collecting
from tools.knowledge.models import Gap, GapQuestion

pytestmark = pytest.mark.django_db
State = Gap.State

NORWAY = (
    "Do you ship to Norway?",
    "do you deliver to Norway",
    "Is delivery to Norway possible with you?",
)
KLARNA = "Can I pay with Klarna?"


def shown() -> list[tuple[str, list[str]]]:
    """The gaps with their questions, oldest first."""
    return [
        (gap.title, list(gap.questions.order_by("asked_at").values_list("text", flat=True)))
        for gap in Gap.objects.order_by("pk")
    ]


# Collecting --------------------------------------------------------------------------------------


def test_questions_that_mean_the_same_are_one_gap() -> None:
    turns = [ask(question) for question in (NORWAY[0], KLARNA, *NORWAY[1:])]
    for turn in turns:
        collecting.collect_turn(turn.pk)
    assert shown() == [(NORWAY[0], list(NORWAY)), (KLARNA, [KLARNA])]
    gap = Gap.objects.get(title=NORWAY[0])
    assert (gap.state, gap.locale) == (State.OPEN, "en")
    assert (gap.first_at, gap.last_at) == (turns[0].created_at, turns[-1].created_at)


def test_a_turn_that_is_collected_again_tells_nothing_new() -> None:
    turn = ask(NORWAY[0])
    assert collecting.collect_turn(turn.pk) == 1
    before = Gap.objects.values().get()
    assert collecting.collect_turn(turn.pk) == 0
    assert list(collecting.collect_all()) == [0]
    assert Gap.objects.values().get() == before


def test_the_history_gives_the_gaps_that_turn_by_turn_gives() -> None:
    turns = [ask(question) for question in (NORWAY[0], KLARNA, *NORWAY[1:])]
    thumb(turns[1])
    ticket(turns[2])
    for turn in turns:
        collecting.collect_turn(turn.pk)
    one_by_one = (shown(), sorted(GapQuestion.objects.values_list("origin", "reason")))
    Gap.objects.all().delete()
    assert list(collecting.collect_all()) == [6]
    assert (shown(), sorted(GapQuestion.objects.values_list("origin", "reason"))) == one_by_one


def test_languages_do_not_mix() -> None:
    for locale in ("en", "de"):
        collecting.collect_turn(ask("Klarna?", talk=conversation(locale=locale)).pk)
    assert sorted(Gap.objects.values_list("locale", flat=True)) == ["de", "en"]


def test_a_turn_that_is_gone_tells_of_nothing() -> None:
    assert collecting.collect_turn(uuid4()) == 0


def test_a_thumb_that_is_no_longer_down_takes_its_question_back() -> None:
    turn = ask(NORWAY[0], found=True)
    thumb(turn)
    collecting.collect_turn(turn.pk)
    assert shown() == [(NORWAY[0], [NORWAY[0]])]
    thumb(turn, "up")
    collecting.collect_turn(turn.pk)
    assert shown() == []


# States ------------------------------------------------------------------------------------------


def test_a_closed_gap_is_opened_by_a_question_that_is_asked_later_and_by_no_earlier_one() -> None:
    gap = gap_of(NORWAY[0])
    assert collecting.close([gap.pk]) == 1
    collecting.collect_turn(ask(NORWAY[1]).pk)
    gap.refresh_from_db()
    assert gap.state == State.CLOSED, "it was asked before the gap was closed"
    later = ask(NORWAY[2])
    Turn.objects.filter(pk=later.pk).update(created_at=timezone.now() + timedelta(minutes=1))
    collecting.collect_turn(later.pk)
    gap.refresh_from_db()
    assert (gap.state, gap.closed_at, gap.questions.count()) == (State.OPEN, None, 3)


def test_an_ignored_gap_stays_ignored_and_counts_on() -> None:
    gap = gap_of(NORWAY[0])
    assert (collecting.ignore([gap.pk]), collecting.ignore([gap.pk])) == (1, 0)
    later = ask(NORWAY[1])
    Turn.objects.filter(pk=later.pk).update(created_at=timezone.now() + timedelta(minutes=1))
    collecting.collect_turn(later.pk)
    gap.refresh_from_db()
    assert (gap.state, gap.questions.count()) == (State.IGNORED, 2)


def test_a_gap_that_is_opened_again_is_where_it_was() -> None:
    plain, drafted = gap_of(NORWAY[0]), gap_of(KLARNA)
    Gap.objects.filter(pk=drafted.pk).update(draft=write("Klarna", draft=True))
    collecting.close([plain.pk])
    collecting.ignore([drafted.pk])
    assert collecting.reopen([plain.pk, drafted.pk]) == 2
    plain.refresh_from_db()
    drafted.refresh_from_db()
    assert (plain.state, plain.closed_at) == (State.OPEN, None)
    assert drafted.state == State.DRAFTED


# By hand -----------------------------------------------------------------------------------------


def test_gaps_are_merged_into_the_oldest_which_is_compared_by_all() -> None:
    norway, klarna = gap_of(NORWAY[0]), gap_of(KLARNA)
    article = write("Paying", draft=True)
    Gap.objects.filter(pk=klarna.pk).update(draft=article, state=State.DRAFTED)
    merged = collecting.merge([klarna.pk, norway.pk])
    assert merged == norway
    norway.refresh_from_db()
    assert (norway.draft, norway.state) == (article, State.DRAFTED)
    assert norway.stems == {"ship": 1, "norway": 1, "pay": 1, "klarna": 1}
    assert shown() == [(NORWAY[0], [NORWAY[0], KLARNA])]
    collecting.collect_turn(ask("Pay with Klarna?").pk)
    assert Gap.objects.count() == 1


def test_gaps_of_two_languages_are_not_merged() -> None:
    english = gap_of(NORWAY[0])
    german = "Liefern Sie Ihre Lampen auch nach Norwegen und in die Schweiz?"
    assert collecting.merge([english.pk, gap_of(german).pk]) is None
    assert collecting.merge([english.pk]) is None
    assert Gap.objects.count() == 2


def test_questions_that_came_in_by_mistake_get_a_gap_of_their_own() -> None:
    gap = gap_of(*NORWAY)
    moved = gap.questions.get(text=NORWAY[1])
    new = collecting.split(gap.pk, [moved.pk])
    assert new is not None
    assert shown() == [(NORWAY[0], [NORWAY[0], NORWAY[2]]), (NORWAY[1], [NORWAY[1]])]
    assert new.stems == {"deliv": 1, "norway": 1}
    gap.refresh_from_db()
    assert gap.stems["norway"] == 2
    assert collecting.split(gap.pk, list(gap.questions.values_list("pk", flat=True))) is None
    assert collecting.split(gap.pk, []) is None


# Erasing -----------------------------------------------------------------------------------------


def test_whoever_erases_a_conversation_erases_its_questions_and_their_words() -> None:
    gap = gap_of(*NORWAY[:2])
    Conversation.objects.filter(messages__text=NORWAY[0]).delete()
    gap.refresh_from_db()
    assert shown() == [(NORWAY[1], [NORWAY[1]])]
    assert gap.stems == {"deliv": 1, "norway": 1}
    assert gap.first_at == gap.last_at > START
    Conversation.objects.all().delete()
    assert shown() == []


def test_a_title_that_staff_gave_outlives_the_question(django_assert_num_queries: Any) -> None:
    gap = gap_of(*NORWAY[:2])
    collecting.rename(gap, "Delivery abroad")
    Conversation.objects.filter(messages__text=NORWAY[0]).delete()
    assert shown() == [("Delivery abroad", [NORWAY[1]])]
