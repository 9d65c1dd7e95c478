"""What settled the tickets of some conversations."""

from uuid import uuid4

import pytest

from chat.models import Conversation
from tools.tickets.models import Ticket
from tools.tickets.resolutions import DatabaseResolutions

pytestmark = pytest.mark.django_db


def settle(conversation: Conversation, resolution: str, status: str = "resolved") -> Ticket:
    return Ticket.objects.create(
        title="Norway", conversation=conversation, resolution=resolution, status=status
    )


@pytest.fixture
def conversation() -> Conversation:
    return Conversation.objects.create(owner="customer:c-1")


def test_the_resolutions_of_the_conversations_come_the_latest_first(
    conversation: Conversation,
) -> None:
    other = Conversation.objects.create(owner="customer:c-2")
    settle(conversation, "We ship to Norway by post.")
    settle(other, "Of somebody else.")
    settle(conversation, "It takes ten days.", "closed")
    found = DatabaseResolutions().of([conversation.pk, uuid4()], limit=5)
    assert found == ["It takes ten days.", "We ship to Norway by post."]
    assert DatabaseResolutions().of([conversation.pk], limit=1) == ["It takes ten days."]


@pytest.mark.parametrize("status", ["open", "in_progress", "waiting"])
def test_a_ticket_that_is_not_settled_has_none_yet(conversation: Conversation, status: str) -> None:
    settle(conversation, "I think we ship there?", status)
    assert DatabaseResolutions().of([conversation.pk], limit=5) == []


def test_a_ticket_that_was_settled_without_a_word_tells_nothing(conversation: Conversation) -> None:
    settle(conversation, "")
    assert DatabaseResolutions().of([conversation.pk], limit=5) == []
