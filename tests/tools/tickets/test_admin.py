"""Tickets in the admin: the team's desk."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Conversation
from tools.tickets.models import Ticket

pytestmark = pytest.mark.django_db
LIST = "admin:tickets_ticket_changelist"


@pytest.fixture
def conversation() -> Conversation:
    return Conversation.objects.create(owner="customer:c-1", customer_name="Ann Lee")


@pytest.fixture
def ticket(conversation: Conversation) -> Ticket:
    return Ticket.objects.create(
        reference="T-7K3QF",
        title="Charged <b>twice</b>",
        description="My card was charged twice.",
        conversation=conversation,
        customer_name="Ann Lee",
        customer_email="ann.lee@example.com",
    )


@pytest.fixture
def colleague() -> User:
    return User.objects.create_user("cleo", password="a-good-one", is_staff=True)


def listed(client: Client, **query: str) -> list[Ticket]:
    return list(client.get(reverse(LIST), query).context["cl"].result_list)


@pytest.mark.parametrize("query", ["t-7k3qf", "charged", "ann lee", "ANN.LEE@", "my card"])
def test_a_ticket_is_found(admin_client: Client, ticket: Ticket, query: str) -> None:
    Ticket.objects.create(title="Another")
    assert listed(admin_client, q=query) == [ticket]


def test_the_list_is_filtered(admin_client: Client, ticket: Ticket) -> None:
    high = Ticket.objects.create(title="Smoke", priority=Ticket.Priority.HIGH)
    assert listed(admin_client, priority__exact="high") == [high]
    assert listed(admin_client, status__exact="resolved") == []


def test_the_list_says_who_asked(admin_client: Client, ticket: Ticket) -> None:
    Ticket.objects.create(title="Of a guest")
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "Ann Lee" in page
    assert "Guest" in page
    assert "Charged &lt;b&gt;twice&lt;/b&gt;" in page


def test_the_ticket_links_to_its_conversation(
    admin_client: Client, ticket: Ticket, conversation: Conversation
) -> None:
    link = f'<a href="/admin/chat/conversation/{conversation.pk}/change/">'
    detail = reverse("admin:tickets_ticket_change", args=[ticket.pk])
    assert link in admin_client.get(reverse(LIST)).content.decode()
    assert link in admin_client.get(detail).content.decode()


def test_status_and_priority_are_edited_in_the_list(admin_client: Client, ticket: Ticket) -> None:
    form = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": ticket.pk,
        "form-0-status": "waiting",
        "form-0-priority": "high",
        "_save": "Save",
    }
    assert admin_client.post(reverse(LIST), form).status_code == 302
    ticket.refresh_from_db()
    assert (ticket.status, ticket.priority) == (Ticket.Status.WAITING, Ticket.Priority.HIGH)


def test_only_staff_can_be_assigned(admin_client: Client, ticket: Ticket, colleague: User) -> None:
    User.objects.create_user("not-of-the-staff")
    detail = reverse("admin:tickets_ticket_change", args=[ticket.pk])
    page = admin_client.get(detail).content.decode()
    assert f'<option value="{colleague.pk}">cleo</option>' in page
    assert "not-of-the-staff" not in page


def test_the_list_takes_as_many_queries_for_forty_tickets_as_for_one(
    admin_client: Client, ticket: Ticket, conversation: Conversation, colleague: User
) -> None:
    def queries() -> int:
        from_database = 0

        def count(execute: Any, *arguments: Any) -> Any:
            nonlocal from_database
            from_database += 1
            return execute(*arguments)

        with connection.execute_wrapper(count):
            admin_client.get(reverse(LIST))
        return from_database

    one = queries()
    for number in range(39):
        Ticket.objects.create(title=str(number), conversation=conversation, assignee=colleague)
    assert queries() <= one + 1


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("mark_in_progress", Ticket.Status.IN_PROGRESS),
        ("mark_resolved", Ticket.Status.RESOLVED),
        ("mark_closed", Ticket.Status.CLOSED),
    ],
)
def test_chosen_tickets_are_moved_together(
    admin_client: Client, ticket: Ticket, action: str, status: Ticket.Status
) -> None:
    untouched = Ticket.objects.create(title="Not chosen")
    yesterday = timezone.now() - timedelta(days=1)
    Ticket.objects.update(updated_at=yesterday)
    form = {"action": action, "_selected_action": [ticket.pk]}
    page = admin_client.post(reverse(LIST), form, follow=True).content.decode()
    assert "1 ticket was changed." in page
    ticket.refresh_from_db()
    untouched.refresh_from_db()
    assert (ticket.status, untouched.status) == (status, Ticket.Status.OPEN)
    assert ticket.updated_at > yesterday


def test_chosen_tickets_are_assigned_to_whoever_asks(
    admin_client: Client, admin_user: User, ticket: Ticket
) -> None:
    admin_client.post(reverse(LIST), {"action": "assign_to_me", "_selected_action": [ticket.pk]})
    ticket.refresh_from_db()
    assert ticket.assignee == admin_user


def test_staff_open_a_ticket_by_hand(admin_client: Client) -> None:
    form = {
        "title": "Called us",
        "description": "Wants a call back.",
        "status": "open",
        "priority": "normal",
    }
    assert admin_client.post(reverse("admin:tickets_ticket_add"), form).status_code == 302
    assert Ticket.objects.get().reference.startswith("T-")


def test_staff_write_how_a_ticket_was_settled_and_find_it_by_that(
    admin_client: Client, ticket: Ticket
) -> None:
    form = {
        "title": ticket.title,
        "description": ticket.description,
        "status": "resolved",
        "priority": "normal",
        "resolution": "The second payment was given back.",
    }
    detail = reverse("admin:tickets_ticket_change", args=[ticket.pk])
    assert admin_client.post(detail, form).status_code == 302
    ticket.refresh_from_db()
    assert ticket.resolution == "The second payment was given back."
    assert listed(admin_client, q="second payment") == [ticket]
