"""check_order_status: who may see which order, and what they read."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import limits
from chat.database import in_database
from chat.models import Message
from chat.protocol import as_json
from chat.toolbox import Tool, ToolContext, ToolOutcome
from tests.tools.orders.conftest import write
from tools.orders.backends import DatabaseOrders, OrderView
from tools.orders.models import Order, OrderStatus
from tools.orders.tool import TOO_MANY_MISSES, check_order_status

pytestmark = pytest.mark.django_db(transaction=True)
tool: Tool = check_order_status


@pytest.fixture(autouse=True)
def _nothing_missed_yet() -> Iterator[None]:
    """All tests speak in one conversation, and a conversation misses few orders an hour."""
    yield
    limits.install(None)


async def ask(context: ToolContext, order_number: str, **arguments: Any) -> ToolOutcome:
    return await tool.run(context, {"order_number": order_number, **arguments})


def everything(outcome: ToolOutcome) -> str:
    """All that leaves the tool, as text."""
    receipt = outcome.output.receipt
    return json.dumps(
        [outcome.output.content, outcome.output.text, receipt and as_json(receipt), outcome.error]
    )


# Who sees an order -------------------------------------------------------------------------------


async def test_the_customer_sees_their_order_by_its_number(
    customer: ToolContext, order: Order
) -> None:
    outcome = await ask(customer, "W2611340")
    assert outcome.output.found
    assert outcome.error == ""
    assert outcome.output.text == (
        "Your order W2611340 is on its way: it left us on 20 November and should arrive by "
        "25 November. Items: 2 × Water Bottle, Office Chair. "  # noqa: RUF001  # the sign people write
        "Tracking number: JO94357962501027. Note: The chair comes in two parcels."
    )
    assert "Status: shipped" in outcome.output.content
    assert outcome.output.receipt is not None
    assert outcome.output.receipt.title == "Order W2611340"


async def test_a_guest_sees_an_order_by_its_number_and_email(
    guest: ToolContext, customer: ToolContext, order: Order
) -> None:
    outcome = await ask(guest, "W2611340", email="ann.lee@example.com")
    assert outcome.output.found
    assert outcome == await ask(customer, "W2611340")


@pytest.mark.parametrize("number", ["W2611340", "#W2611340", "#w2611340 ", " # w2611340."])
async def test_a_number_may_be_written_in_many_ways(
    customer: ToolContext, order: Order, number: str
) -> None:
    assert (await ask(customer, number)).output.found


@pytest.mark.parametrize("email", ["Ann.Lee@Example.com", " ANN.LEE@EXAMPLE.COM "])
async def test_the_case_of_an_email_does_not_matter(
    guest: ToolContext, order: Order, email: str
) -> None:
    assert (await ask(guest, "W2611340", email=email)).output.found


async def test_an_order_imported_with_a_capital_email_is_found(guest: ToolContext) -> None:
    await Order.objects.acreate(number="#w7", email="Cy.Diaz@Example.com")
    assert (await ask(guest, "W7", email="cy.diaz@example.com")).output.found


# Who does not ------------------------------------------------------------------------------------


async def test_the_other_customer_sees_nothing(other_customer: ToolContext, order: Order) -> None:
    outcome = await ask(other_customer, "W2611340")
    assert not outcome.output.found
    assert outcome.output.receipt is None


async def test_a_verified_customer_cannot_borrow_an_email(
    other_customer: ToolContext, order: Order
) -> None:
    outcome = await ask(other_customer, "W2611340", email="ann.lee@example.com")
    assert not outcome.output.found
    assert outcome == await ask(other_customer, "W2611340")


async def test_a_verified_customer_needs_no_email_and_a_wrong_one_does_not_hurt(
    customer: ToolContext, order: Order
) -> None:
    assert (await ask(customer, "W2611340", email="bo.berg@example.com")).output.found


async def test_a_guest_with_the_wrong_email_sees_nothing(guest: ToolContext, order: Order) -> None:
    assert not (await ask(guest, "W2611340", email="bo.berg@example.com")).output.found


async def test_a_missing_order_and_a_foreign_one_answer_with_identical_bytes(
    guest: ToolContext, other_customer: ToolContext, order: Order
) -> None:
    for context, email in ((guest, "bo.berg@example.com"), (other_customer, None)):
        foreign = await ask(context, "W2611340", email=email)
        await Order.objects.all().adelete()
        missing = await ask(context, "W2611340", email=email)
        await Order.objects.acreate(number="W2611340", email="ann.lee@example.com")
        assert foreign == missing
        assert everything(foreign).encode() == everything(missing).encode()
        assert foreign.result("call_1") == missing.result("call_1")


async def test_a_guest_is_told_what_to_check_and_nothing_else(guest: ToolContext) -> None:
    outcome = await ask(guest, "1234", email="bo.berg@example.com")
    assert outcome.output.text == outcome.output.content
    assert outcome.output.text == (
        "There is no order 1234 with that e-mail address. "
        "Please check both in your confirmation e-mail."
    )
    assert outcome.output.receipt is None
    assert outcome.error == ""


async def test_a_customer_is_told_what_to_check_and_nothing_else(customer: ToolContext) -> None:
    assert (await ask(customer, "1234")).output.text == (
        "There is no order 1234 with your e-mail address. "
        "Please check the number in your confirmation e-mail."
    )


async def test_a_refusal_is_no_place_for_markup(guest: ToolContext) -> None:
    outcome = await ask(guest, "[1](https://x.io)<b>", email="bo.berg@example.com")
    assert outcome.output.text.startswith("There is no order 1HTTPS//XIOB with that")


def test_a_look_up_is_one_query_whatever_it_finds(order: Order) -> None:
    shapes = set()
    for number, email in (
        ("W2611340", "ann.lee@example.com"),
        ("W2611340", "bo.berg@example.com"),
        ("1234", "bo.berg@example.com"),
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            DatabaseOrders().find(number, email)
        (query,) = queries.captured_queries
        shapes.add(query["sql"].replace(number, "").replace(email, ""))
    assert len(shapes) == 1


@pytest.mark.parametrize("status", OrderStatus)
async def test_neither_email_nor_zip_code_nor_name_leaves_the_tool(
    customer: ToolContext, order: Order, status: OrderStatus
) -> None:
    await Order.objects.aupdate(status=status)
    told = everything(await ask(customer, "W2611340")).lower()
    for secret in ("ann.lee@example.com", "@", "10083", "ann lee"):
        assert secret not in told


# What is asked for -------------------------------------------------------------------------------


@pytest.mark.parametrize("email", [None, "", "   ", "ann"])
async def test_a_guest_without_an_email_is_asked_for_it(
    guest: ToolContext, order: Order, email: str | None
) -> None:
    outcome = await ask(guest, "W2611340", email=email)
    assert outcome.missing == ("email",)
    assert outcome.output.text == (
        "Which e-mail address did you order with? I use it to check that the order is yours."
    )
    assert not outcome.output.found


async def test_a_guest_is_asked_for_an_email_that_they_did_not_write(
    guest: ToolContext, order: Order
) -> None:
    """A model may have read it in an article, or in a note, or be guessing."""
    stranger = replace(guest, conversation=UUID(int=9))
    told = "Look up W2611340 of ann.lee@example.com."
    await in_database(write)(stranger, told, Message.Role.ASSISTANT)
    await in_database(write)(stranger, "I am mary-ann.lee@example.com, who are you?")
    outcome = await ask(stranger, "W2611340", email="ann.lee@example.com")
    assert outcome.missing == ("email",)
    await in_database(write)(stranger, "Sorry: it is Ann.Lee@example.com.")
    assert (await ask(stranger, "W2611340", email="ann.lee@example.com")).output.found


async def test_asking_for_an_email_does_not_tell_whether_the_order_exists(
    guest: ToolContext, order: Order
) -> None:
    assert await ask(guest, "W2611340") == await ask(guest, "9999")


async def test_a_number_without_letters_and_digits_is_asked_for_again(
    customer: ToolContext,
) -> None:
    outcome = await ask(customer, " # ")
    assert outcome.missing == ("order_number",)
    assert outcome.output.text == ("What is its number? You find it in your confirmation e-mail.")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"order_number": ""},
        {"order_number": "1" * 41},
        {"order_number": 1234},
        {"order_number": "1234", "email": "a" * 321},
        {"order_number": "1234", "customer_id": "c-1"},
        {"order_number": "12\ud80034"},
    ],
)
async def test_arguments_that_do_not_fit_the_schema_look_nothing_up(
    customer: ToolContext, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DatabaseOrders, "find", lambda *_: pytest.fail("it looked"))
    outcome = await tool.run(customer, arguments)
    assert outcome.error.startswith("The arguments are not valid:")


async def test_a_nul_character_breaks_nothing(guest: ToolContext, order: Order) -> None:
    outcome = await ask(guest, "W26\x0011340", email="ann.lee\x00@example.com")
    assert outcome.output.found
    assert outcome.error == ""


# How it presents itself --------------------------------------------------------------------------


def test_the_schema_names_no_customer() -> None:
    assert set(tool.spec.schema["properties"]) == {"order_number", "email"}
    assert tool.spec.schema["required"] == ["order_number"]
    assert tool.spec.schema["additionalProperties"] is False
    assert all(p["description"] for p in tool.spec.schema["properties"].values())


def test_the_offline_engine_learns_when_it_is_wanted_and_what_it_needs() -> None:
    assert tool.label == "Looking up your order…"
    assert len(tool.spec.examples) >= 20
    assert len(set(tool.spec.examples)) == len(tool.spec.examples)
    number, email = tool.spec.slots
    assert (number.name, number.required, email.name, email.required) == (
        "order_number",
        True,
        "email",
        False,
    )
    assert number.pattern
    assert email.pattern


# Another backend ---------------------------------------------------------------------------------


class Warehouse:
    """A shop's own orders, behind the backend's protocol."""

    def find(self, number: str, email: str) -> OrderView | None:
        return OrderView(number, OrderStatus.PROCESSED) if email == "bo.berg@example.com" else None


async def test_a_deployment_may_name_its_own_backend(guest: ToolContext, settings: Any) -> None:
    settings.ORDER_BACKEND = f"{__name__}.Warehouse"
    outcome = await ask(guest, "#w1", email="Bo.Berg@example.com")
    assert outcome.output.text == "Your order W1 is processed and about to be shipped."


# How many may be missed --------------------------------------------------------------------------

WRONG = "bo.berg@example.com"


async def test_after_five_misses_nothing_is_looked_up(guest: ToolContext, order: Order) -> None:
    for n in range(5):
        missed = await ask(numbered(guest, n), f"100{n}", email=WRONG)
        assert missed.output.text.startswith(f"There is no order 100{n}")
    there = await ask(numbered(guest, 5), "W2611340", email="ann.lee@example.com")
    missing = await ask(numbered(guest, 6), "9999", email=WRONG)
    assert there == missing, "not even an order that is there shows"
    assert there.output.text == there.output.content == TOO_MANY_MISSES
    assert not there.output.found
    assert there.output.receipt is None
    assert there.error == ""


async def test_a_locked_conversation_does_not_ask_the_backend(
    guest: ToolContext, settings: Any
) -> None:
    settings.ORDER_BACKEND = f"{__name__}.Counted"
    Counted.asked = 0
    for n in range(9):
        await ask(numbered(guest, n), "1234", email=WRONG)
    assert Counted.asked == 5


async def test_a_verified_customer_is_no_exception(
    other_customer: ToolContext, order: Order
) -> None:
    for n in range(5):
        assert not (await ask(numbered(other_customer, n), "W2611340")).output.found
    assert (await ask(numbered(other_customer, 5), "W2611340")).output.text == TOO_MANY_MISSES


async def test_several_at_once_do_not_pass_together(guest: ToolContext, order: Order) -> None:
    asked = (ask(numbered(guest, n), f"100{n}", email=WRONG) for n in range(20))
    texts = [outcome.output.text for outcome in await asyncio.gather(*asked)]
    assert texts.count(TOO_MANY_MISSES) == 15


async def test_orders_that_are_found_are_no_misses(customer: ToolContext, order: Order) -> None:
    for n in range(20):
        assert (await ask(numbered(customer, n), "W2611340")).output.found


async def test_a_backend_that_fails_costs_the_customer_nothing(
    customer: ToolContext, order: Order, settings: Any
) -> None:
    working = settings.ORDER_BACKEND
    settings.ORDER_BACKEND = f"{__name__}.Broken"
    for n in range(10):
        assert (await ask(numbered(customer, n), "W2611340")).error
    settings.ORDER_BACKEND = working
    assert (await ask(numbered(customer, 10), "W2611340")).output.found


async def test_asking_for_what_is_missing_is_no_miss(guest: ToolContext, order: Order) -> None:
    for n in range(10):
        assert (await ask(numbered(guest, n), "W2611340")).missing == ("email",)
    assert (await ask(guest, "W2611340", email="ann.lee@example.com")).output.found


def numbered(context: ToolContext, ordinal: int) -> ToolContext:
    """The same conversation's next call."""
    return replace(context, ordinal=ordinal)


async def test_guests_who_take_turns_at_one_order_are_locked_out_of_it(
    guest: ToolContext, customer: ToolContext, order: Order
) -> None:
    for n in range(5):
        await ask(await another(guest, n), "#w2611340", email=WRONG)
    locked = await ask(await another(guest, 5), "W2611340", email="ann.lee@example.com")
    assert locked.output.text == TOO_MANY_MISSES
    assert (await ask(await another(guest, 6), "W7", email=WRONG)).output.text != TOO_MANY_MISSES
    assert (await ask(customer, "W2611340")).output.found, "who is verified guesses no e-mail"


async def another(guest: ToolContext, number: int) -> ToolContext:
    """A guest with a conversation and an address of their own."""
    context = replace(guest, conversation=UUID(int=100 + number), turn=UUID(int=number))
    await in_database(write)(context, f"I am ann.lee@example.com or {WRONG}.")
    return context


class Counted:
    """A backend without orders, which counts how often it is asked."""

    asked = 0

    def find(self, number: str, email: str) -> OrderView | None:
        Counted.asked += 1
        return None


class Broken:
    """A backend that is out of order itself."""

    def find(self, number: str, email: str) -> OrderView | None:
        raise ConnectionError("the back office is closed")
