"""A conversation as a provider reads it: its messages, tool calls and their results."""

from collections.abc import Iterable
from itertools import groupby
from uuid import UUID

from django.db.models import Subquery

from chat.llm.base import (
    AssistantMessage,
    Citation,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from chat.llm.base import Message as ProviderMessage
from chat.models import Message, Turn
from chat.models import ToolCall as ToolCallRow
from chat.toolbox import ToolOutcome

MAX_MESSAGES = 40
"""The newest messages that are sent: enough for any support case, bounded for the bill."""


def load(conversation: UUID, turn: UUID) -> tuple[ProviderMessage, ...]:
    """The conversation up to the messages that `turn` answers, and the calls it made so far.

    Turn by turn rather than by the clock: a message that came in while another was answered stands
    after that answer, with the turn that answers it.
    """
    newest = (
        Message.objects.filter(conversation=conversation)
        .filter(turn__created_at__lte=Subquery(Turn.objects.filter(pk=turn).values("created_at")))
        .prefetch_related("turn__tool_calls")
        .order_by("-turn__created_at", "-id")[:MAX_MESSAGES]
    )
    messages: list[ProviderMessage] = []
    for row in reversed(newest):
        messages += _read(row)
    messages += _calls(ToolCallRow.objects.filter(turn=turn))
    while messages and not isinstance(messages[0], UserMessage):
        messages.pop(0)  # a conversation begins with the customer, wherever the window cut it
    return tuple(messages)


def _read(row: Message) -> list[ProviderMessage]:
    """A message with the calls that led to it. The notice that a turn failed or was stopped stands
    for its reply: what its tools did is done, and its question is not to be answered again."""
    if row.role == Message.Role.CUSTOMER:
        return [UserMessage(row.text)]
    assert row.turn is not None  # noqa: S101  # a reply always has its turn
    return [*_calls(row.turn.tool_calls.all()), AssistantMessage(row.text)]


def _calls(rows: Iterable[ToolCallRow]) -> list[ProviderMessage]:
    messages: list[ProviderMessage] = []
    for _, of_round in groupby(rows, key=lambda call: call.round):
        messages += _round(list(of_round))
    return messages


def _round(rows: list[ToolCallRow]) -> list[ProviderMessage]:
    calls = tuple(ToolCall(call_id(row), row.name, row.arguments or {}) for row in rows)
    return [
        AssistantMessage("", calls),
        ToolMessage(tuple(read_result(row) for row in rows)),
    ]


def call_id(row: ToolCallRow) -> str:
    """Our own id of a call: a provider's changes with every retry and means nothing to the next."""
    return f"call_{row.turn_id.hex[:12]}_{row.ordinal}"


def write_result(outcome: ToolOutcome) -> dict[str, object]:
    """A call's outcome for its row."""
    result = outcome.result("")
    return {
        "content": result.content,
        "text": result.text,
        "citations": [
            {"id": c.id, "title": c.title, "heading": c.heading, "url": c.url}
            for c in result.citations
        ],
        "missing": list(result.missing),
        "found": result.found,
        "is_error": result.is_error,
    }


def read_result(row: ToolCallRow) -> ToolResult:
    """A call's row as a provider gets it."""
    kept = row.result or {"content": "The call did not finish.", "is_error": True, "found": False}
    return ToolResult(
        call_id=call_id(row),
        content=kept["content"],
        text=kept.get("text", ""),
        citations=tuple(Citation(**citation) for citation in kept.get("citations", ())),
        missing=tuple(kept.get("missing", ())),
        found=kept.get("found", True),
        is_error=kept.get("is_error", False),
    )
