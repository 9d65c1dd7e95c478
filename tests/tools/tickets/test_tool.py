"""create_ticket: one ticket a call, whatever happens, and the customer reads its reference."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from chat.protocol import as_json
from chat.toolbox import Tool, ToolContext, ToolOutcome
from tools.tickets.backends import TicketView
from tools.tickets.models import Ticket
from tools.tickets.tool import create_ticket

pytestmark = pytest.mark.django_db(transaction=True)
tool: Tool = create_ticket


async def open_ticket(context: ToolContext, **arguments: Any) -> ToolOutcome:
    return await tool.run(
        context,
        {"title": "Charged twice", "description": "My card was charged twice."} | arguments,
    )


def card(outcome: ToolOutcome) -> dict[str, str]:
    assert outcome.output.receipt is not None
    return {field.label: field.value for field in outcome.output.receipt.fields}


# What is opened ----------------------------------------------------------------------------------


async def test_the_customers_ticket_is_theirs_and_tied_to_the_call(customer: ToolContext) -> None:
    await open_ticket(customer)
    ticket = await Ticket.objects.aget()
    assert (ticket.title, ticket.description) == ("Charged twice", "My card was charged twice.")
    assert (ticket.status, ticket.priority) == (Ticket.Status.OPEN, Ticket.Priority.NORMAL)
    assert (ticket.customer_name, ticket.customer_email) == ("Ann Lee", "ann.lee@example.com")
    assert (ticket.conversation_id, ticket.turn_id, ticket.ordinal) == (
        customer.conversation,
        customer.turn,
        1,
    )
    assert ticket.assignee_id is None


async def test_a_guests_ticket_names_nobody(guest: ToolContext) -> None:
    await open_ticket(guest, description="I am bo.berg@example.com, please answer.")
    ticket = await Ticket.objects.aget()
    assert (ticket.customer_name, ticket.customer_email) == ("", "")
    assert ticket.conversation_id == guest.conversation


async def test_the_same_call_again_returns_the_same_ticket(customer: ToolContext) -> None:
    first = await open_ticket(customer)
    again = await open_ticket(customer)
    reworded = await open_ticket(customer, title="Another wording", description="By a retry.")
    assert first == again == reworded
    assert (await Ticket.objects.aget()).title == "Charged twice"


async def test_another_call_of_the_turn_is_another_ticket(customer: ToolContext) -> None:
    await open_ticket(customer)
    await open_ticket(replace(customer, ordinal=2))
    assert await Ticket.objects.acount() == 2


# What is said ------------------------------------------------------------------------------------


async def test_the_customer_reads_the_reference_and_what_happens_next(
    customer: ToolContext,
) -> None:
    outcome = await open_ticket(customer)
    reference = (await Ticket.objects.aget()).reference
    assert outcome.output.text == (
        f"I have opened ticket {reference} for you. "
        "Our team will look into it and reply to you by e-mail."
    )
    assert outcome.output.content == (
        f"Ticket {reference} is open. The team will look into it and reply to the customer by e-mail."
    )
    assert outcome.output.found
    assert outcome.error == ""


async def test_a_guest_is_promised_no_reply_that_nobody_could_send(guest: ToolContext) -> None:
    outcome = await open_ticket(guest)
    assert outcome.output.text.endswith("The reference leads them to this conversation.")
    assert "Reply" not in card(outcome)


async def test_the_card_proves_the_ticket(customer: ToolContext) -> None:
    outcome = await open_ticket(customer)
    receipt = outcome.output.receipt
    assert receipt is not None
    assert receipt.title == f"Ticket {(await Ticket.objects.aget()).reference}"
    assert receipt.tone == "success"
    assert card(outcome) == {"About": "Charged twice", "Status": "Open", "Reply": "By e-mail"}


async def test_the_email_does_not_leave_the_tool(customer: ToolContext) -> None:
    outcome = await open_ticket(customer)
    receipt = as_json(outcome.output.receipt) if outcome.output.receipt else {}
    assert "@" not in json.dumps([outcome.output.content, outcome.output.text, receipt])


async def test_words_of_a_title_are_kept_out_of_the_sentence(customer: ToolContext) -> None:
    outcome = await open_ticket(customer, title="[Win](https://evil.example)")
    assert "evil" not in outcome.output.text + outcome.output.content


# What is asked for, and what is refused ----------------------------------------------------------


@pytest.mark.parametrize("description", ["   ", "\n", "\x00"])
async def test_a_blank_description_is_asked_for(customer: ToolContext, description: str) -> None:
    outcome = await open_ticket(customer, description=description)
    assert outcome.missing == ("description",)
    assert outcome.output.text == (
        "What is it about? Please describe it in a sentence or two, with an e-mail address "
        "for the reply if you are not signed in."
    )
    assert not await Ticket.objects.aexists()


async def test_a_blank_title_becomes_the_first_line_of_the_description(
    customer: ToolContext,
) -> None:
    await open_ticket(customer, title=" ", description="a" * 130 + "\nMore.")
    assert (await Ticket.objects.aget()).title == "a" * 120


async def test_a_title_is_one_line(customer: ToolContext) -> None:
    await open_ticket(customer, title=" Charged\n\n  twice ")
    assert (await Ticket.objects.aget()).title == "Charged twice"


async def test_control_characters_are_dropped(customer: ToolContext) -> None:
    await open_ticket(customer, title="Charged\x00 twice", description="One\x00.\n\tTwo\x1b.")
    ticket = await Ticket.objects.aget()
    assert (ticket.title, ticket.description) == ("Charged twice", "One.\n\tTwo.")


async def test_the_longest_texts_fit(customer: ToolContext) -> None:
    await open_ticket(customer, title="é" * 120, description="é" * 4000)
    ticket = await Ticket.objects.aget()
    assert (len(ticket.title), len(ticket.description)) == (120, 4000)


@pytest.mark.parametrize(
    "arguments",
    [
        {"title": "a" * 121},
        {"title": ""},
        {"description": "a" * 4001},
        {"description": ""},
        {"description": None},
        {"description": "a\ud800"},
        {"customer_email": "bo.berg@example.com"},
        {"priority": "high"},
    ],
)
async def test_arguments_that_do_not_fit_the_schema_open_nothing(
    customer: ToolContext, arguments: dict[str, Any]
) -> None:
    outcome = await open_ticket(customer, **arguments)
    assert outcome.error.startswith("The arguments are not valid:")
    assert not await Ticket.objects.aexists()


# How it presents itself --------------------------------------------------------------------------


def test_the_schema_takes_a_title_and_a_description_and_no_customer() -> None:
    properties = tool.spec.schema["properties"]
    assert set(properties) == {"title", "description"}
    assert tool.spec.schema["required"] == ["title", "description"]
    assert tool.spec.schema["additionalProperties"] is False
    assert (properties["title"]["maxLength"], properties["description"]["maxLength"]) == (120, 4000)


def test_the_model_reads_when_a_ticket_is_wanted() -> None:
    assert re.search(
        r"Only when the customer asks .* accepted your offer", tool.spec.description, re.S
    )


def test_the_offline_engine_learns_when_it_is_wanted_and_what_it_needs() -> None:
    assert tool.label == "Opening a ticket…"
    assert tool.spec.offer == "Shall I open a ticket so that our team can look into it?"
    assert len(set(tool.spec.examples)) == len(tool.spec.examples) >= 20
    title, description = tool.spec.slots
    assert (title.ask, title.free_text, title.max_length) == ("", True, 120)
    assert (description.free_text, description.max_length) == (True, 4000)
    assert description.ask


# Another backend ---------------------------------------------------------------------------------


class HelpDesk:
    """A shop's own ticket system, behind the backend's protocol."""

    def create(self, context: ToolContext, title: str, description: str) -> TicketView:
        return TicketView("HD-42", title, "received")


async def test_a_deployment_may_name_its_own_backend(customer: ToolContext, settings: Any) -> None:
    settings.TICKET_BACKEND = f"{__name__}.HelpDesk"
    outcome = await open_ticket(customer)
    assert "I have opened ticket HD-42 for you." in outcome.output.text
    assert card(outcome)["Status"] == "Received"
    assert not await Ticket.objects.aexists()
