"""Everything that is stored of one customer, as one JSON document."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from chat import spending
from chat.models import Classification, Feedback, Message, ToolCall, Turn, UsageRecord
from chat.privacy.contributions import Rows, registered, rows_of
from chat.privacy.subjects import Subject


def export(subject: Subject) -> dict[str, Any]:
    """Tables of rows by name; each row names the one it belongs to."""
    document: dict[str, Any] = {
        "exported_at": timezone.now(),
        "customer": {
            "owners": sorted(subject.owners),
            "emails": sorted(subject.emails),
            "names": sorted(subject.names),
        },
        **_conversations(subject),
    }
    for contribution in registered():
        document |= contribution.export(subject)
    return document


def as_json(document: dict[str, Any]) -> str:
    """For a file: readable, and the same for the same rows."""
    return json.dumps(document, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def _conversations(subject: Subject) -> dict[str, Rows]:
    of_theirs = {"conversation__owner__in": subject.owners}
    return {
        "conversations": rows_of(subject.conversations.order_by("created_at")),
        "messages": rows_of(Message.objects.filter(**of_theirs)),
        "feedback": rows_of(
            Feedback.objects.filter(message__conversation__owner__in=subject.owners)
        ),
        "classifications": rows_of(
            Classification.objects.filter(message__conversation__owner__in=subject.owners)
        ),
        "turns": rows_of(Turn.objects.filter(**of_theirs)),
        "tool_calls": rows_of(
            ToolCall.objects.filter(turn__conversation__owner__in=subject.owners)
        ),
        "accounts": rows_of(spending.of_owners(subject.owners)),
        "usage": rows_of(UsageRecord.objects.filter(customer__in=subject.owners)),
    }
