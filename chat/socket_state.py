"""What the database holds for a socket: the transcript, news, how a turn ended, and one message more.

Each function is one piece of work for `chat.database.in_database`.
"""

from datetime import datetime
from uuid import UUID

from chat import conversations, transcript
from chat.conversations import Received
from chat.models import Conversation, Message, Turn
from chat.protocol import (
    AnswerCompleted,
    AnswerFailed,
    ErrorCode,
    FrameError,
    MessageSend,
    MessageView,
)


def read(conversation: Conversation) -> tuple[list[Message], UUID | None]:
    """The messages of the transcript, and the turn that is answered or waits to be, if there is one."""
    messages = transcript.load(conversation)
    going_on = conversation.turns.filter(status__in=[Turn.Status.RUNNING, Turn.Status.QUEUED])
    return messages, going_on.values_list("pk", flat=True).order_by("-status").first()


def has_news(conversation: Conversation, since: datetime) -> bool:
    """Whether anything was said since then."""
    return conversation.messages.filter(created_at__gte=since).exists()


def is_stored(conversation: Conversation, frame: MessageSend) -> bool:
    """Whether the message was accepted before."""
    return conversation.messages.filter(client_id=frame.id).exists()


def receive(conversation: Conversation, frame: MessageSend) -> tuple[Received, MessageView]:
    """Stores a message. Raises what `chat.conversations.receive` raises."""
    received = conversations.receive(conversation, client_id=frame.id, text=frame.text)
    return received, transcript.view(received.message)


def ended(conversation: Conversation, turn_id: UUID) -> AnswerCompleted | AnswerFailed | None:
    """How a turn ended; None while it goes on. Raises FrameError for one of another conversation."""
    turn = conversation.turns.filter(pk=turn_id).first()
    if turn is None:
        raise FrameError(ErrorCode.NOT_FOUND, "There is no such turn in this conversation.")
    if turn.status in {Turn.Status.QUEUED, Turn.Status.RUNNING}:
        return None
    last = turn.messages.exclude(role=Message.Role.CUSTOMER).get()
    if last.role == Message.Role.ASSISTANT:
        return AnswerCompleted(turn=str(turn_id), message=transcript.view(last))
    return AnswerFailed(turn=str(turn_id), code=turn.error_code, text=last.text, retryable=True)
