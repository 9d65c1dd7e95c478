"""check_order_status: where an order is, for whoever may know."""

from typing import Annotated

from django.utils import timezone
from pydantic import Field

from chat import limits
from chat.database import in_backend
from chat.toolbox import FromCustomer, MissingArgument, ToolContext, ToolOutput, tool
from tools.orders import guests, wording
from tools.orders.backends import OrderView, get_backend
from tools.orders.identifiers import (
    EMAIL_PATTERN,
    MAX_EMAIL_LENGTH,
    MAX_NUMBER_LENGTH,
    NUMBER_PATTERN,
    normalise_email,
    normalise_number,
)

EXAMPLES = (
    "where is my order?",
    "where's my package",
    "track my order",
    "I want to track my parcel",
    "what is the status of my order?",
    "check the status of order 1234",
    "order status please",
    "I can't see the status of my purchase",
    "has my order shipped yet?",
    "has my order been sent?",
    "when will my order arrive?",
    "when is my item going to be delivered?",
    "how soon will I receive my purchase?",
    "how long until my delivery gets here?",
    "what is the delivery date of my order?",
    "what is the estimated arrival of my order?",
    "check the estimated time of arrival of my purchase",
    "my package has not arrived",
    "my order is late, where is it?",
    "is my parcel out for delivery?",
    "do you have a tracking number for me?",
    "was my order cancelled?",
    "how soon can I expect my package?",
    "what is the ETA of my purchase?",
    "when will my article arrive?",
    "find my order",
)

OrderNumber = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NUMBER_LENGTH),
    FromCustomer(
        ask="What is its number? You find it in your confirmation e-mail.",
        pattern=NUMBER_PATTERN,
    ),
]
Email = Annotated[
    str | None,
    Field(max_length=MAX_EMAIL_LENGTH),
    FromCustomer(
        ask="Which e-mail address did you order with? I use it to check that the order is yours.",
        pattern=EMAIL_PATTERN,
    ),
]

TOO_MANY_MISSES = (
    "I cannot look up any more orders here for now, because too many of them were not found. Please "
    "check the number and the e-mail address in your confirmation e-mail and ask again in an hour."
)
"""The same whether the order exists or not: nothing is looked up."""


@tool(label="Looking up your order…", examples=EXAMPLES)
async def check_order_status(
    context: ToolContext, order_number: OrderNumber, email: Email = None
) -> ToolOutput:
    """Look up one order of the customer: its status, items, tracking numbers, dates and total.

    Use it for every question about a particular order. A signed-in customer sees their own orders
    by the number alone; a guest must give the number and the e-mail address of the order.

    Args:
        order_number: The order's number, as the customer wrote it, such as 1234 or #W2611340.
        email: The e-mail address the order was placed with, only if the customer gave it. A
            signed-in customer does not need it.
    """
    number = normalise_number(order_number)
    if not number:
        raise MissingArgument("order_number")
    whose = await _whose(context, email)
    call = f"{context.turn.hex} {context.ordinal}"
    guessed = "" if context.customer else number
    if not await limits.order_attempt(context.conversation, call, guessed):
        return ToolOutput(content=TOO_MANY_MISSES, text=TOO_MANY_MISSES, found=False)
    missed = False
    try:
        order = await in_backend(get_backend().find)(number, whose)
        missed = order is None
    finally:  # a backend that fails has not told anything either
        if not missed:
            await limits.order_found(context.conversation, call, guessed)
    return _found(order) if order else _not_found(context, number)


async def _whose(context: ToolContext, email: str | None) -> str:
    """The e-mail that the query is scoped by. It is never a model's choice: a verified customer's is
    known, and a guest's is one that they wrote themselves."""
    if context.customer:
        return normalise_email(context.customer.email)
    if not email or "@" not in email:
        raise MissingArgument("email")
    whose = normalise_email(email)
    if not await in_backend(guests.wrote)(context.conversation, whose):
        raise MissingArgument("email")
    return whose


def _found(order: OrderView) -> ToolOutput:
    today = timezone.localdate()
    return ToolOutput(
        content=wording.for_model(order, today),
        text=wording.for_customer(order, today),
        receipt=wording.as_receipt(order, today),
    )


def _not_found(context: ToolContext, number: str) -> ToolOutput:
    """One answer for an order that does not exist and for one of somebody else."""
    if context.customer:
        text = (
            f"There is no order {number} with your e-mail address. "
            "Please check the number in your confirmation e-mail."
        )
    else:
        text = (
            f"There is no order {number} with that e-mail address. "
            "Please check both in your confirmation e-mail."
        )
    return ToolOutput(content=text, text=text, found=False)
