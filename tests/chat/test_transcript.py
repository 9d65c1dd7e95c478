"""What a client is sent of a conversation: the newest of it, with all that hangs on each message."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import transcript
from chat.models import Conversation, Feedback, Message, ToolCall, Turn

pytestmark = pytest.mark.django_db

RECEIPT: dict[str, Any] = {"title": "Ticket T-1", "fields": [], "tone": "success"}


def turns(conversation: Conversation, count: int) -> list[Turn]:
    """So many turns of a question and an answer."""
    made = Turn.objects.bulk_create(
        Turn(conversation=conversation, status=Turn.Status.COMPLETED) for _ in range(count)
    )
    Message.objects.bulk_create(
        Message(conversation=conversation, turn=turn, role=role, text=f"{role} {number}")
        for number, turn in enumerate(made)
        for role in (Message.Role.CUSTOMER, Message.Role.ASSISTANT)
    )
    return made


@pytest.fixture
def conversation() -> Conversation:
    return Conversation.objects.create(owner="visitor:x")


def test_the_newest_messages_are_sent_oldest_first(conversation: Conversation) -> None:
    """Of more turns than SQLite can look up in one expression, too."""
    turns(conversation, 1100)
    shown = transcript.load(conversation)
    assert len(shown) == transcript.LIMIT
    assert [message.text for message in (shown[0], shown[-1])] == [
        "customer 1000",
        "assistant 1099",
    ]
    assert [message.pk for message in shown] == sorted(message.pk for message in shown)


def test_a_message_has_its_receipts_and_its_thumb(conversation: Conversation) -> None:
    (turn,) = turns(conversation, 1)
    ToolCall.objects.create(
        turn=turn, ordinal=1, name="create_ticket", arguments={}, receipt=RECEIPT
    )
    Feedback.objects.create(message=Message.objects.get(role="assistant"), rating="up")
    question, answer = transcript.views(transcript.load(conversation))
    assert (question.receipts, question.rating) == ((), None)
    assert (answer.receipts[0].title, answer.rating) == ("Ticket T-1", "up")
    assert UUID(answer.id)


def test_what_was_loaded_is_shown_without_the_database(conversation: Conversation) -> None:
    """It is rendered elsewhere than in the thread that all conversations share."""
    turns(conversation, 3)
    shown = transcript.load(conversation)
    with CaptureQueriesContext(connection) as queries:
        transcript.views(shown)
    assert len(queries) == 0
