"""The cast: the customer, the other customer, who must see nothing, and the guest."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from chat.identity import VerifiedCustomer
from chat.models import Conversation, Message
from chat.toolbox import ToolContext
from tools.orders.models import Order, OrderStatus

TODAY = date(2026, 11, 22)


def context_of(customer: VerifiedCustomer | None) -> ToolContext:
    return ToolContext(conversation=UUID(int=1), turn=UUID(int=2), ordinal=1, customer=customer)


@pytest.fixture
def customer() -> ToolContext:
    return context_of(VerifiedCustomer("c-1", "ann.lee@example.com", "Ann Lee"))


@pytest.fixture
def other_customer() -> ToolContext:
    return context_of(VerifiedCustomer("c-2", "bo.berg@example.com", "Bo Berg"))


@pytest.fixture
def guest(transactional_db: None) -> ToolContext:
    """They have written each of these addresses, theirs or not."""
    context = context_of(None)
    said = "I am ann.lee@example.com, or Bo.Berg@example.com, or cy.diaz@example.com."
    write(context, said)
    return context


def write(context: ToolContext, text: str, role: Message.Role = Message.Role.CUSTOMER) -> None:
    """A message of the conversation that a call comes from."""
    within, _ = Conversation.objects.get_or_create(pk=context.conversation, owner="visitor:g")
    Message.objects.create(conversation=within, role=role, text=text)


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> date:
    """A Sunday in November, for whoever asks for the day."""
    monkeypatch.setattr("django.utils.timezone.localdate", lambda: TODAY)
    return TODAY


@pytest.fixture
def order(transactional_db: None) -> Order:
    """The customer's order."""
    return Order.objects.create(
        number="W2611340",
        email="ann.lee@example.com",
        customer_name="Ann Lee",
        zip_code="10083",
        status=OrderStatus.SHIPPED,
        items=["Water Bottle", "Office Chair", "Water Bottle"],
        tracking=["JO94357962501027"],
        total=Decimal("1536.65"),
        placed_on=date(2026, 11, 18),
        shipped_on=date(2026, 11, 20),
        expected_on=date(2026, 11, 25),
        note="The chair comes in two parcels.",
    )
