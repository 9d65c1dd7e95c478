"""Tickets in the database: unique on the call, also under concurrency."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, connections, transaction

from chat.models import Conversation
from chat.toolbox import ToolContext
from tools.tickets.backends import DatabaseTickets, TicketView
from tools.tickets.models import Ticket, new_reference

pytestmark = pytest.mark.django_db(transaction=True)
CALLERS = 20


def create(context: ToolContext) -> TicketView:
    return DatabaseTickets().create(context, "Charged twice", "My card was charged twice.")


def at_once(contexts: list[ToolContext]) -> list[TicketView]:
    """Creates in as many threads as contexts, all let go together, each on its own connection."""
    barrier = Barrier(len(contexts))

    def call(context: ToolContext) -> TicketView:
        connection.ensure_connection()
        barrier.wait(timeout=30)
        try:
            return create(context)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(contexts)) as threads:
        return list(threads.map(call, contexts))


def test_twenty_concurrent_calls_of_one_ordinal_open_one_ticket(customer: ToolContext) -> None:
    views = at_once([customer] * CALLERS)
    assert Ticket.objects.count() == 1
    assert set(views) == {TicketView(Ticket.objects.get().reference, "Charged twice", "open")}


def test_twenty_concurrent_ordinals_open_twenty_tickets(customer: ToolContext) -> None:
    views = at_once([replace(customer, ordinal=ordinal) for ordinal in range(CALLERS)])
    assert len({view.reference for view in views}) == Ticket.objects.count() == CALLERS


def test_a_reference_that_is_taken_is_drawn_again(
    customer: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = create(customer).reference
    draws = iter([*taken.removeprefix("T-"), *"ABCDE"])
    monkeypatch.setattr("secrets.choice", lambda _: next(draws))
    assert create(replace(customer, ordinal=2)).reference == "T-ABCDE"


def test_the_database_refuses_a_second_ticket_of_a_call(customer: ToolContext) -> None:
    create(customer)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.create(title="x", turn_id=customer.turn, ordinal=customer.ordinal)


def test_a_ticket_outlives_its_conversation(customer: ToolContext) -> None:
    reference = create(customer).reference
    Conversation.objects.all().delete()
    ticket = Ticket.objects.get()
    assert (ticket.reference, ticket.conversation_id, ticket.turn_id) == (reference, None, None)


def test_tickets_that_staff_open_by_hand_have_no_call_to_share() -> None:
    for title in ("One", "Two"):
        Ticket.objects.create(title=title)
    assert Ticket.objects.count() == 2


def test_a_reference_is_short_and_has_no_look_alikes() -> None:
    drawn = {new_reference() for _ in range(2000)}
    assert len(drawn) > 1990
    assert all(re.fullmatch(r"T-[2-9A-HJKMNP-Z]{5}", reference) for reference in drawn)
