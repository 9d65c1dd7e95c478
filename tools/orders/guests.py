"""What a guest has proven: an e-mail address counts where they wrote it themselves."""

import re
from uuid import UUID

from chat.models import Message
from tools.orders.identifiers import EMAIL_PATTERN, normalise_email

_EMAIL = re.compile(EMAIL_PATTERN)


def wrote(conversation: UUID, email: str) -> bool:
    """Whether the customer wrote this address, in its one spelling, in this conversation.

    A model repeats what it reads. An article or a note that names somebody's order and address must
    not become that order on a guest's screen.
    """
    texts = Message.objects.filter(
        conversation=conversation, role=Message.Role.CUSTOMER, text__contains="@"
    )
    return any(
        normalise_email(found) == email
        for text in texts.values_list("text", flat=True).order_by()
        for found in _EMAIL.findall(text)
    )
