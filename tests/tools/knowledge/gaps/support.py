"""Conversations as the chat stores them, with the searches and tickets of their turns."""

from datetime import UTC, datetime, timedelta
from itertools import count

from chat.models import Conversation, Feedback, Message, ToolCall, Turn
from tools.knowledge.gaps import collecting
from tools.knowledge.models import Gap

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When the first turn of a test was asked. Each next one comes a minute later."""

_minutes = count()


def conversation(owner: str = "visitor:guest", **values: str) -> Conversation:
    return Conversation.objects.create(owner=owner, **values)


def turn_of(
    talk: Conversation, said: str = "Hello", *, at: datetime | None = None, cached: bool = False
) -> Turn:
    """A turn that was answered: the customer's message and the reply."""
    turn = Turn.objects.create(conversation=talk, status=Turn.Status.COMPLETED, cached=cached)
    at = at or START + timedelta(minutes=next(_minutes))
    Turn.objects.filter(pk=turn.pk).update(created_at=at)
    turn.created_at = at
    Message.objects.create(conversation=talk, turn=turn, role="customer", text=said)
    Message.objects.create(conversation=talk, turn=turn, role="assistant", text="So it is.")
    return turn


def call(turn: Turn, name: str, **values: object) -> ToolCall:
    """A tool call of a turn that succeeded."""
    values = {"status": ToolCall.Status.SUCCEEDED, **values}
    row = ToolCall.objects.create(
        turn=turn, name=name, ordinal=turn.tool_calls.count() + 1, **values
    )
    ToolCall.objects.filter(pk=row.pk).update(started_at=turn.created_at)
    return row


def search(turn: Turn, query: str, *, found: bool = False, **values: object) -> ToolCall:
    """A search of the knowledge base."""
    return call(
        turn,
        "search_knowledge_base",
        arguments={"query": query},
        result={"content": "…", "found": found, "is_error": False},
        **values,
    )


def ticket(turn: Turn) -> ToolCall:
    """A ticket that was opened."""
    receipt = {"title": "Ticket T-7K3QF"}
    return call(turn, "create_ticket", receipt=receipt, result={"content": "…", "found": True})


def thumb(turn: Turn, rating: str = "down") -> None:
    """The customer's thumb on the reply."""
    reply = turn.messages.get(role="assistant")
    Feedback.objects.update_or_create(message=reply, defaults={"rating": rating})


def ask(question: str, *, talk: Conversation | None = None, found: bool = False) -> Turn:
    """A turn that searched for what was asked, and found an answer or none."""
    turn = turn_of(talk or conversation(), question)
    search(turn, question, found=found)
    return turn


def gap_of(*questions: str) -> Gap:
    """The gap of questions that mean the same, each asked in a conversation of its own."""
    for question in questions:
        collecting.collect_turn(ask(question).pk)
    return Gap.objects.get(questions__text=questions[0])
