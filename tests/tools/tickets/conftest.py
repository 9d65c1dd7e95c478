"""The cast: the customer and the guest, each in a conversation with a turn under way."""

import pytest

from chat.identity import VerifiedCustomer
from chat.models import Conversation, Turn
from chat.toolbox import ToolContext

CUSTOMER = VerifiedCustomer("c-1", "ann.lee@example.com", "Ann Lee")


def context_of(customer: VerifiedCustomer | None, *, ordinal: int = 1) -> ToolContext:
    owner = f"customer:{customer.id}" if customer else "visitor:abc"
    conversation = Conversation.objects.create(owner=owner)
    turn = Turn.objects.create(conversation=conversation, status=Turn.Status.RUNNING)
    return ToolContext(conversation.pk, turn.pk, ordinal, customer)


@pytest.fixture
def customer(transactional_db: None) -> ToolContext:
    return context_of(CUSTOMER)


@pytest.fixture
def guest(transactional_db: None) -> ToolContext:
    return context_of(None)
