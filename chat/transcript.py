"""A conversation as its customer sees it: rows of the database as frames of the protocol."""

from chat import markdown
from chat.models import Conversation, Message
from chat.protocol import CitationView, MessageView, Receipt


def load(conversation: Conversation) -> tuple[MessageView, ...]:
    """The whole conversation, oldest first."""
    messages = conversation.messages.select_related("feedback").prefetch_related("turn__tool_calls")
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
