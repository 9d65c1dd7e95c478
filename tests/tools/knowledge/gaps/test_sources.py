"""What the chat's records tell of a gap, and what they do not."""

from datetime import timedelta
from typing import Any

import pytest

from chat.models import Turn
from tests.tools.knowledge.gaps.support import (
    START,
    ask,
    call,
    conversation,
    search,
    thumb,
    ticket,
    turn_of,
)
from tools.knowledge.gaps.sources import LONGEST, Asked, telling, told_by
from tools.knowledge.models import GapQuestion

pytestmark = pytest.mark.django_db
Reason = GapQuestion.Reason


def told(**of: Any) -> list[Asked]:
    """What all turns tell of."""
    turns = telling(Turn.objects.filter(**of).order_by("created_at"))
    return [asked for turn in turns for asked in told_by(turn)]


# Searches ----------------------------------------------------------------------------------------


def test_a_search_that_found_nothing_tells_what_was_searched_for() -> None:
    talk = conversation(locale="en-US")
    turn = turn_of(talk, "and to Norway?")
    search(turn, "Do you ship to Norway?")
    assert told() == [
        Asked(
            f"turn:{turn.pk}",
            Reason.UNANSWERED,
            "Do you ship to Norway?",
            "en",
            talk.pk,
            turn.created_at,
        )
    ]


def test_one_that_found_an_answer_tells_of_nothing() -> None:
    ask("Do you ship to Norway?", found=True)
    assert told() == []


def test_other_words_that_found_it_in_the_same_turn_have_answered() -> None:
    turn = ask("Do you ship to Norway?")
    search(turn, "delivery abroad", found=True)
    assert told() == []


def test_other_words_that_did_not_are_the_same_question() -> None:
    turn = ask("Do you ship to Norway?")
    search(turn, "delivery abroad")
    assert [asked.text for asked in told()] == ["Do you ship to Norway?"]


def test_a_search_that_failed_says_nothing_about_the_articles() -> None:
    search(turn_of(conversation()), "Do you ship to Norway?", status="failed")
    assert told() == []


def test_what_staff_ask_in_a_batch_is_no_customers_question() -> None:
    ask("Do you ship to Norway?", talk=conversation("batch:test:1"))
    assert told() == []


@pytest.mark.parametrize("query", ["", "?!", "12", None, 7])
def test_a_search_for_nothing_is_no_question(query: Any) -> None:
    turn = turn_of(conversation(), "??")
    search(turn, query)
    assert told() == []


# Thumbs ------------------------------------------------------------------------------------------


def test_a_thumb_down_tells_of_the_question_though_search_found_something() -> None:
    turn = ask("Do you ship to Norway?", found=True)
    thumb(turn)
    assert [(a.origin, a.reason, a.text) for a in told()] == [
        (f"thumb:{turn.pk}", Reason.THUMB_DOWN, "Do you ship to Norway?")
    ]


def test_a_thumb_down_on_an_answer_without_a_search_tells_what_the_customer_wrote() -> None:
    thumb(turn_of(conversation(), "Do you ship to Norway?", cached=True))
    assert [asked.text for asked in told()] == ["Do you ship to Norway?"]


def test_a_thumb_up_tells_of_nothing() -> None:
    thumb(ask("Do you ship to Norway?", found=True), "up")
    assert told() == []


def test_a_thumb_down_on_the_state_of_an_order_is_nothing_an_article_could_mend() -> None:
    turn = turn_of(conversation(), "Where is my order?")
    call(turn, "check_order_status", result={"found": True})
    thumb(turn)
    assert told() == []


# Tickets -----------------------------------------------------------------------------------------


def test_a_ticket_tells_of_the_search_before_it() -> None:
    talk = conversation()
    ask("Can I pay with Klarna?", talk=talk, found=True)
    ask("Do you ship to Norway?", talk=talk, found=True)
    ask("Is there a shop in Bath?", talk=conversation(), found=True)
    turn = turn_of(talk, "Open a ticket")
    ticket(turn)
    assert [(a.origin, a.reason, a.text) for a in told()] == [
        (f"ticket:{turn.pk}:1", Reason.TICKET, "Do you ship to Norway?")
    ]


def test_a_ticket_in_the_turn_of_the_search_counts_beside_it() -> None:
    turn = ask("Do you ship to Norway?")
    ticket(turn)
    assert [asked.reason for asked in told()] == [Reason.UNANSWERED, Reason.TICKET]


def test_a_ticket_tells_of_an_answer_from_the_cache_too() -> None:
    talk = conversation()
    turn_of(talk, "Do you ship to Norway?", cached=True)
    ticket(turn_of(talk, "Open a ticket"))
    assert [asked.text for asked in told()] == ["Do you ship to Norway?"]


def test_a_ticket_long_after_a_search_is_about_something_else() -> None:
    talk = conversation()
    search(turn_of(talk, at=START - timedelta(hours=5)), "Do you ship to Norway?", found=True)
    ticket(turn_of(talk, at=START))
    assert told() == []


def test_a_ticket_without_a_search_tells_of_nothing() -> None:
    ticket(turn_of(conversation(), "I want to talk to a human"))
    assert told() == []


# What is kept of a question ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Where is order #W2611340?", "Where is order [order number]?"),
        ("Do you write to ada@mail.example?", "Do you write to [email]?"),
        ("My name is Ada Byron, do you ship?", "My name is [name], do you ship?"),
        ("Do  you\nship to\tNorway?", "Do you ship to Norway?"),
        ("Does the KD-200 take a 60 W bulb?", "Does the KD-200 take a 60 W bulb?"),
        ("word " * 200, ("word " * 200)[:LONGEST].strip()),
    ],
)
def test_who_asked_is_not_kept(said: str, kept: str) -> None:
    ask(said)
    assert [asked.text.strip() for asked in told()] == [kept]


@pytest.mark.parametrize(
    ("locale", "said", "expected"),
    [
        ("", "Klarna?", "en"),
        ("de-AT", "Klarna?", "de"),
        ("en", "Liefern Sie Ihre Lampen auch nach Norwegen und in die Schweiz?", "de"),
    ],
)
def test_the_language_is_that_of_the_question_if_it_tells(
    locale: str, said: str, expected: str
) -> None:
    ask(said, talk=conversation(locale=locale))
    assert [asked.locale for asked in told()] == [expected]
