"""A conversation as its customer sees it: rows of the database as frames of the protocol."""

from collections.abc import Sequence

from chat import markdown
from chat.models import Conversation, Message
from chat.protocol import CitationView, MessageView, Receipt

LIMIT = 200
"""The newest messages that a client is sent: an hour of talk. More would hold up its neighbours, whose
turns wait for the same thread of the database, and take seconds to be shown."""


def load(conversation: Conversation) -> list[Message]:
    """The newest messages of a conversation, oldest first, with all that `views` needs of them."""
    newest = conversation.messages.order_by("-pk")[:LIMIT]
    related = newest.select_related("feedback").prefetch_related("turn__tool_calls")
    return list(reversed(related))


def views(messages: Sequence[Message]) -> tuple[MessageView, ...]:
    """Messages that `load` found, as a client gets them. No query, and milliseconds for each."""
    return tuple(view(message) for message in messages)


def view(message: Message) -> MessageView:
    """One message, with the receipts of the tool calls its turn made and its thumb."""
    return fresh(message, _receipts(message), _rating(message))


def fresh(
    message: Message, receipts: tuple[Receipt, ...] = (), rating: str | None = None
) -> MessageView:
    """A message of which all is known, such as one that was just written. No query."""
    return MessageView(
        id=str(message.public_id),
        role=Message.Role(message.role).value,
        text=message.text,
        html=markdown.to_html(message.text),
        citations=tuple(CitationView(**citation) for citation in message.citations),
        receipts=receipts,
        partial=message.partial,
        rating=rating,
        client_id=message.client_id,
        created_at=message.created_at.isoformat(),
    )


def _receipts(message: Message) -> tuple[Receipt, ...]:
    if message.role not in {Message.Role.ASSISTANT, Message.Role.SYSTEM} or not message.turn:
        return ()
    calls = message.turn.tool_calls.all()
    return tuple(Receipt.model_validate(call.receipt) for call in calls if call.receipt)


def _rating(message: Message) -> str | None:
    if message.role != Message.Role.ASSISTANT or not hasattr(message, "feedback"):
        return None
    return message.feedback.rating
