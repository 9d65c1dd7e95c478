"""create_ticket: hands what the bot cannot settle to a person of the team."""

import re
from typing import Annotated

from pydantic import Field

from chat.database import in_backend
from chat.protocol import Receipt, ReceiptField
from chat.toolbox import FromCustomer, MissingArgument, ToolContext, ToolOutput, tool
from tools.tickets.backends import TicketView, get_backend
from tools.tickets.models import MAX_DESCRIPTION_LENGTH, MAX_TITLE_LENGTH

EXAMPLES = (
    "I want to talk to a human",
    "can I speak to a person?",
    "connect me with an agent",
    "put me through to an operator",
    "I want to talk to an assistant or a representative",
    "can I phone somebody?",
    "I need to speak with a live agent",
    "let me chat with somebody from your team",
    "I want to contact customer service",
    "how can I reach customer support?",
    "at what time can I call customer service?",
    "please open a ticket",
    "create a support ticket for me",
    "I want to file a complaint",
    "how do I make a formal complaint?",
    "I would like to lodge a claim against your company",
    "I want to make a reclamation",
    "I am unhappy with your service and want to complain",
    "I want to report a problem",
    "report an issue with my payment",
    "my online payment fails with an error",
    "a payment went wrong, somebody must look into it",
    "I have trouble signing up",
    "there is a problem with my sign-up",
    "report an error with the registration",
    "I want to notify you of a problem with a payment",
    "I cannot create an account, something is broken",
    "the website does not work, please tell your team",
    "have somebody get back to me",
)

Title = Annotated[
    str, Field(min_length=1, max_length=MAX_TITLE_LENGTH), FromCustomer(ask="", free_text=True)
]
Description = Annotated[
    str,
    Field(min_length=1, max_length=MAX_DESCRIPTION_LENGTH),
    FromCustomer(
        ask="What is it about? Please describe it in a sentence or two, with an e-mail address "
        "for the reply if you are not signed in.",
        free_text=True,
    ),
]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@tool(
    label="Opening a ticket…",
    examples=EXAMPLES,
    offer="Shall I open a ticket so that our team can look into it?",
    offers={
        "de": "Soll ich ein Ticket eröffnen, damit sich unser Team darum kümmert?",
        "es": "¿Quiere que abra un tique para que nuestro equipo lo revise?",
        "fr": "Voulez-vous que j’ouvre un ticket pour que notre équipe s’en occupe ?",
    },
    performs=("ticket",),
    once=True,
)
async def create_ticket(context: ToolContext, title: Title, description: Description) -> ToolOutput:
    """Open a support ticket, so that a person of the team looks into the matter and replies.

    Only when the customer asks for a person, a ticket or a complaint, reports a problem that needs
    the team, or has accepted your offer of a ticket. Never open one unasked, and only one for one
    matter. If you do not know what it is about, ask first.

    Args:
        title: What it is about, in a few words.
        description: The matter as the customer told it, with what the team needs to help: what
            happened, what was expected, order numbers, and for a guest the e-mail address to
            reply to, for which you ask first. No passwords and no card numbers.
    """
    description = _CONTROL.sub("", description).strip()
    if not description:
        raise MissingArgument("description")
    title = " ".join(_CONTROL.sub("", title).split()) or _headline(description)
    ticket = await in_backend(get_backend().create)(context, title, description)
    return _opened(ticket, by_email=context.customer is not None)


def _headline(description: str) -> str:
    return description.splitlines()[0][:MAX_TITLE_LENGTH]


def _opened(ticket: TicketView, *, by_email: bool) -> ToolOutput:
    """What is promised is what the team can do: a guest has no address that was verified."""
    if by_email:
        will = "look into it and reply to {} by e-mail."
        reply: tuple[ReceiptField, ...] = (ReceiptField(label="Reply", value="By e-mail"),)
    else:
        will = "look into it. The reference leads them to this conversation."
        reply = ()
    return ToolOutput(
        content=f"Ticket {ticket.reference} is open. The team will {will.format('the customer')}",
        text=f"I have opened ticket {ticket.reference} for you. Our team will {will.format('you')}",
        receipt=Receipt(
            title=f"Ticket {ticket.reference}",
            fields=(
                ReceiptField(label="About", value=ticket.title),
                ReceiptField(label="Status", value=ticket.status.capitalize()),
                *reply,
            ),
            tone="success",
        ),
    )
