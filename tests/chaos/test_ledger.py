"""The audit, on a database made by hand: each thing that should not be is found, and nothing else is."""

from datetime import UTC, datetime
from random import Random
from typing import Any, cast
from uuid import uuid4

import pytest
from django.db import connection

from chaos import ledger
from chaos.customer import Customer
from chaos.ledger import Books, Findings
from chaos.model import Stream
from chaos.script import Kind, Question
from chaos.transcript import Said
from chat.models import Conversation, Message, Turn
from tools.tickets.models import Ticket

QUESTION = Question("q", Kind.TICKET, 0.4)
FINISHED = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Case:
    """One customer, one question, one whole answer with its ticket, seen by the customer as it is."""

    def __init__(self) -> None:
        self.conversation = Conversation.objects.create(owner="ada")
        self.turn = self.asked(Turn.Status.COMPLETED, "c1")
        self.answer = " ".join(QUESTION.words(0))
        self.reply(self.answer)
        self.ticket()
        self.streams = [Stream(QUESTION, 0, calls=False, began=FINISHED.timestamp() - 2)]
        self.customer = Customer("ada", "", cast(Any, None), Random(0))
        self.customer.conversation = self.conversation.pk
        self.customer.texts["c1"] = QUESTION.text
        self.customer.transcript.accepted["c1"] = str(self.turn.pk)
        self.customer.transcript.ended[str(self.turn.pk)] = {"type": "answer.completed"}
        self.customer.transcript.messages = [
            ("m1", Said("customer", QUESTION.text)),
            ("m2", Said("assistant", self.answer)),
        ]

    def asked(self, status: Turn.Status, client_id: str) -> Turn:
        turn = Turn.objects.create(
            conversation=self.conversation, status=status, finished_at=FINISHED
        )
        Message.objects.create(
            conversation=self.conversation,
            turn=turn,
            role="customer",
            client_id=client_id,
            text=QUESTION.text,
        )
        return turn

    def reply(self, text: str, role: str = "assistant") -> Message:
        return Message.objects.create(
            conversation=self.conversation, turn=self.turn, role=role, text=text
        )

    def ticket(self, ordinal: int = 1) -> Ticket:
        return Ticket.objects.create(title="t", description="d", turn=self.turn, ordinal=ordinal)

    def books(self) -> Books:
        with connection.cursor() as cursor:
            return ledger.read(cursor)

    def found(self) -> dict[str, int]:
        """What is not as it should be."""
        findings = ledger.audit(self.books(), [self.customer], self.streams)
        assert findings.turns
        harmless = {"turns", "answered", "examples"}
        return {
            name: count
            for name, count in vars(findings).items()
            if name not in harmless and count != getattr(Findings(), name)
        }


@pytest.fixture
def case(db: None) -> Case:
    return Case()


def test_where_all_is_well_nothing_is_found(case: Case) -> None:
    assert case.found() == {}


def test_an_acknowledged_message_that_is_not_stored_is_lost(case: Case) -> None:
    case.customer.texts["c2"] = "hello?"
    case.customer.transcript.accepted["c2"] = str(case.turn.pk)
    assert case.found() == {"lost": 1}


def test_so_is_one_that_is_stored_with_another_text(case: Case) -> None:
    case.customer.texts["c1"] = "hello?"
    assert case.found() == {"lost": 1}


def test_a_message_that_nobody_acknowledged_is_not_lost(case: Case) -> None:
    case.customer.texts["c2"] = "hello?"
    assert case.found() == {}


def test_a_second_end_of_a_turn_is_a_duplicate(case: Case) -> None:
    case.reply("Sorry", role="system")
    assert case.found() == {"duplicate_replies": 1, "transcripts_differ": 1}


def test_a_ticket_more_than_was_asked_for_is_a_duplicate(case: Case) -> None:
    case.ticket(ordinal=2)
    assert case.found() == {"duplicate_tickets": 1}


def test_a_ticket_that_was_never_opened_is_missing(case: Case) -> None:
    Ticket.objects.all().delete()
    assert case.found() == {"missing_tickets": 1}


def test_a_turn_that_goes_on_is_not_terminal(case: Case) -> None:
    Turn.objects.update(status=Turn.Status.RUNNING)
    assert case.found() == {"not_terminal": 1}


def test_a_failure_is_counted_and_needs_no_ticket(case: Case) -> None:
    Ticket.objects.all().delete()
    Turn.objects.update(status=Turn.Status.FAILED)
    Message.objects.filter(role="assistant").update(role="system", text="Sorry")
    case.customer.transcript.messages[-1] = ("m2", Said("system", "Sorry"))
    assert case.found() == {"failed": 1}


def test_a_reply_of_two_attempts_is_spliced(case: Case) -> None:
    text = " ".join(QUESTION.words(0)[:2] + QUESTION.words(1)[2:])
    Message.objects.filter(role="assistant").update(text=text)
    case.customer.transcript.messages[-1] = ("m2", Said("assistant", text))
    assert case.found() == {"spliced": 1}


def test_a_screen_that_showed_words_of_two_attempts_was_spliced(case: Case) -> None:
    shown = " ".join(QUESTION.words(1)[:2] + QUESTION.words(2)[2:3])
    case.customer.transcript.replaced[str(case.turn.pk)] = shown, ""
    assert case.found() == {"spliced": 1, "replaced": 1}


def test_one_that_showed_another_attempt_until_the_reply_came_was_not(case: Case) -> None:
    shown = " ".join(QUESTION.words(1)[:2])
    case.customer.transcript.replaced[str(case.turn.pk)] = shown, ""
    assert case.found() == {"replaced": 1}


def test_a_reply_of_a_runner_that_another_had_replaced_is_a_late_write(case: Case) -> None:
    case.streams.append(Stream(QUESTION, 1, calls=False, began=FINISHED.timestamp() - 1))
    assert case.found() == {"late_writes": 1}


def test_a_second_runner_that_came_after_the_end_makes_it_none(case: Case) -> None:
    case.streams.append(Stream(QUESTION, 1, calls=False, began=FINISHED.timestamp() + 1))
    assert case.found() == {}


def test_a_screen_that_is_not_what_is_stored_differs(case: Case) -> None:
    case.customer.transcript.messages.pop()
    assert case.found() == {"transcripts_differ": 1}


def test_another_order_on_screen_is_told_apart(case: Case) -> None:
    case.customer.transcript.messages.reverse()
    assert case.found() == {"order_differs": 1}


def test_an_end_that_the_customer_has_not_seen_is_unanswered(case: Case) -> None:
    case.customer.transcript.ended.clear()
    assert case.found() == {"unanswered": 1}


def test_an_id_that_is_stored_twice_is_a_duplicate(case: Case) -> None:
    books = case.books()
    twice = Books(books.turns, [*books.messages, books.messages[0]], books.tickets)
    findings = ledger.audit(twice, [case.customer], case.streams)
    assert findings.duplicate_messages == 1


def test_what_belongs_to_others_is_left_out(case: Case) -> None:
    other = Conversation.objects.create(owner="bob")
    Turn.objects.create(id=uuid4(), conversation=other, status=Turn.Status.RUNNING)
    assert case.found() == {}


def test_the_end_of_a_question_is_found_by_its_key(case: Case) -> None:
    assert ledger.ends(case.books()) == {"q": FINISHED.timestamp()}
