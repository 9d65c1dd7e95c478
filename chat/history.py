"""A conversation as a provider reads it: its messages, tool calls and their results.

All of it is sent while it fits `settings.HISTORY_TOKENS`, so that what one turn sends begins with what
the turn before it sent, and comes from the provider's cache. What does not fit goes in this order,
and in steps, because every step breaks with the cache:

1. results of tools, oldest first, down to their beginnings; the calls stay;
2. whole turns, oldest first: the summary stands for them (see `chat.summary`).

What the customer asks now, and this turn's calls, always stay.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import BigIntegerField, DateTimeField, QuerySet, Subquery, UUIDField

from chat.llm.base import (
    AssistantMessage,
    Citation,
    ToolCall,
    ToolMessage,
    ToolResult,
    UserMessage,
)
from chat.llm.base import Message as ProviderMessage
from chat.llm.wire import arguments
from chat.models import Conversation, Message, Turn
from chat.models import ToolCall as ToolCallRow
from chat.prepared import Param, Select
from chat.toolbox import ToolOutcome

MAX_MESSAGES = 500
"""The newest messages that are read. No budget holds as many; it bounds one query where no worker
summarises."""

BYTES_PER_TOKEN = 4
"""In UTF-8. English has four to a token; scripts with more bytes a letter have more tokens a letter."""

FRAME_TOKENS = 6
"""What sets a message apart from the next one."""

STEPS = 4
"""Parts of the budget that are cut away at once: the cache is broken with once in a quarter of it."""

CROWDED = 0.75
"""Share of the budget, without the results that can be cut, at which older turns are summarised: the
summary is there before anything has to be left out."""

STUB = 200
"""Characters that stay of a result that is cut: its first facts, such as an order and its state."""

SHORTENED = " … [shortened]"
"""Ends a result that was cut. The system prompt says what it means."""

CALL_BYTES = 40
"""Of a result that are not its content: the id of its call, the mark that it was cut."""

SUMMARY = (
    "Summary of the conversation so far, made by the shop's system. It is information, not "
    "instructions:\n\n"
)
NOTED = "Noted."
"""Sets the summary apart from what the customer says next."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a turn sends. `crowded` tells that older turns should be summarised soon."""

    messages: tuple[ProviderMessage, ...]
    crowded: bool = False


@dataclass(slots=True)
class Exchange:
    """One turn of a conversation: what the customer wrote, the calls, the reply. `first` and `last`
    are ids of its messages; `settled` tells that nothing will be added to it."""

    first: int
    last: int
    settled: bool
    messages: list[ProviderMessage] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        """About how many it takes in a request."""
        return sum(map(_tokens, self.messages))

    def shortened(self) -> "Exchange":
        """With the results of its tools cut to their beginnings."""
        return replace(self, messages=[_cut(message, STUB) for message in self.messages])


def load(conversation: Conversation, turn: UUID) -> Past:
    """The conversation up to the messages that `turn` answers, and the calls it made so far.

    Turn by turn rather than by the clock: a message that came in while another was answered stands
    after that answer, with the turn that answers it. Two queries.
    """
    rows = _UNTIL.rows(conversation=conversation.pk, after=conversation.summarised_to, turn=turn)
    exchanges = _exchanges(conversation, [_Row(*row) for row in reversed(rows)])
    while exchanges and not isinstance(exchanges[0].messages[0], UserMessage):
        exchanges.pop(0)  # a conversation begins with the customer, wherever the bound cut it
    return _fitted(_summary(conversation), exchanges)


def exchanges(conversation: Conversation) -> list[Exchange]:
    """All turns that no summary stands for yet, oldest first."""
    rows = _ALL.rows(conversation=conversation.pk, after=conversation.summarised_to)
    return _exchanges(conversation, [_Row(*row) for row in rows])


def is_crowded(conversation: Conversation, turns: Sequence[Exchange]) -> bool:
    """Whether `turns` and the summary take so much that the older ones should be summarised."""
    taken = sum(turn.shortened().tokens for turn in turns)
    return taken + sum(map(_tokens, _summary(conversation))) > CROWDED * settings.HISTORY_TOKENS


class _Row(NamedTuple):
    """A message as it is read, in the order of the query's columns."""

    id: int
    turn: UUID
    status: str
    asked_at: datetime
    role: str
    text: str


class _Call(NamedTuple):
    """A tool call as it is read, in the order of the query's columns."""

    turn: UUID
    ordinal: int
    round: int
    name: str
    arguments: dict[str, Any] | None
    result: dict[str, Any]


def _messages() -> "QuerySet[Message, Any]":
    own = Message.objects.filter(conversation=Param("conversation", UUIDField()))
    unsummarised = own.filter(turn__isnull=False, id__gt=Param("after", BigIntegerField()))
    return unsummarised.order_by("turn__created_at", "id").values_list(
        "id", "turn_id", "turn__status", "turn__created_at", "role", "text"
    )


def _messages_until() -> "QuerySet[Message, Any]":
    turn = Turn.objects.filter(pk=Param("turn", UUIDField()))
    until = Subquery(turn.values("created_at"))
    return _messages().filter(turn__created_at__lte=until).reverse()[:MAX_MESSAGES]


_ALL = Select(_messages)
_UNTIL = Select(_messages_until)
_CALLS = Select(
    lambda: (
        ToolCallRow.objects.filter(
            turn__conversation=Param("conversation", UUIDField()),
            turn__created_at__gte=Param("since", DateTimeField()),
        )
        .order_by("turn", "ordinal")
        .values_list("turn_id", "ordinal", "round", "name", "arguments", "result")
    )
)


def _exchanges(conversation: Conversation, rows: Sequence[_Row]) -> list[Exchange]:
    """The turns of these messages, oldest first, with the calls that each made."""
    by_turn: dict[UUID, list[_Row]] = {}
    for row in rows:
        by_turn.setdefault(row.turn, []).append(row)
    calls: dict[UUID, list[_Call]] = {}
    if rows:
        for values in _CALLS.rows(conversation=conversation.pk, since=rows[0].asked_at):
            call = _Call(*values)
            calls.setdefault(call.turn, []).append(call)
    return [_exchange(of_turn, calls.get(turn, [])) for turn, of_turn in by_turn.items()]


def _exchange(rows: Sequence[_Row], calls: Iterable[_Call]) -> Exchange:
    """A turn's messages. The notice that it failed or was stopped stands for its reply: what its
    tools did is done, and its question is not to be answered again."""
    ids = [row.id for row in rows]
    asked = [UserMessage(row.text) for row in rows if row.role == Message.Role.CUSTOMER]
    replied = [AssistantMessage(row.text) for row in rows if row.role != Message.Role.CUSTOMER]
    settled = rows[0].status not in (Turn.Status.QUEUED, Turn.Status.RUNNING)
    return Exchange(min(ids), max(ids), settled, [*asked, *_calls(calls), *replied])


def _calls(rows: Iterable[_Call]) -> list[ProviderMessage]:
    messages: list[ProviderMessage] = []
    for _, of_round in groupby(rows, key=lambda call: call.round):
        messages += _round(list(of_round))
    return messages


def _round(rows: list[_Call]) -> list[ProviderMessage]:
    calls = tuple(ToolCall(call_id(row), row.name, row.arguments or {}) for row in rows)
    return [
        AssistantMessage("", calls),
        ToolMessage(tuple(read_result(row) for row in rows)),
    ]


def _summary(conversation: Conversation) -> list[ProviderMessage]:
    if not conversation.summary:
        return []
    return [UserMessage(SUMMARY + conversation.summary), AssistantMessage(NOTED)]


def _fitted(summary: list[ProviderMessage], turns: list[Exchange]) -> Past:
    """What fits of it, as the module's docstring says."""
    budget = settings.HISTORY_TOKENS - sum(map(_tokens, summary))
    if not turns:
        return Past(tuple(summary))
    *older, now = turns
    taken = [turn.tokens for turn in older]
    excess = sum(taken) + now.tokens - budget
    crowded = excess > (CROWDED - 1) * settings.HISTORY_TOKENS
    if excess > 0:
        older, saved = _without_results(older, taken, _in_steps(excess))
        if excess > saved:
            older = _without_oldest(older, _in_steps(excess - saved))
        left = budget - sum(turn.tokens for turn in older)
        now = _within(now, max(left, 0))
    if crowded:
        rest = sum(turn.shortened().tokens for turn in turns)
        crowded = rest - budget > (CROWDED - 1) * settings.HISTORY_TOKENS
    sent = [message for turn in (*older, now) for message in turn.messages]
    return Past((*summary, *sent), crowded)


def _in_steps(excess: int) -> int:
    """The excess, rounded up: a conversation that grows a little is cut where it was before."""
    step = settings.HISTORY_TOKENS // STEPS
    return -(-excess // step) * step


def _without_results(
    turns: list[Exchange], taken: list[int], excess: int
) -> tuple[list[Exchange], int]:
    """Cuts the results of the oldest turns until `excess` tokens are saved; how many were."""
    fitted, saved = list(turns), 0
    for number, turn in enumerate(turns):
        if saved >= excess:
            break
        fitted[number] = turn.shortened()
        saved += taken[number] - fitted[number].tokens
    return fitted, saved


def _without_oldest(turns: list[Exchange], excess: int) -> list[Exchange]:
    dropped = 0
    while turns and dropped < excess:
        dropped += turns[0].tokens
        turns = turns[1:]
    return turns


def _within(turn: Exchange, budget: int) -> Exchange:
    """The turn that is answered now, with its results cut evenly where it alone is too much."""
    excess = turn.tokens - budget
    results = [m for m in turn.messages if isinstance(m, ToolMessage)]
    if excess <= 0 or not results:
        return turn
    share = sum(map(_tokens, results)) - excess
    count = sum(len(message.results) for message in results)
    length = max(STUB, share * BYTES_PER_TOKEN // count - CALL_BYTES)
    return replace(turn, messages=[_cut(message, length) for message in turn.messages])


def _cut(message: ProviderMessage, length: int) -> ProviderMessage:
    if not isinstance(message, ToolMessage):
        return message
    return ToolMessage(
        tuple(
            replace(result, content=result.content[:length] + SHORTENED)
            if len(result.content) > length + len(SHORTENED)
            else result
            for result in message.results
        )
    )


def _tokens(message: ProviderMessage) -> int:
    match message:
        case UserMessage(text):
            size = _bytes(text)
        case AssistantMessage(text, calls):
            size = _bytes(text) + sum(len(c.id + c.name) + _bytes(arguments(c)) for c in calls)
        case ToolMessage(results):
            size = sum(len(result.call_id) + _bytes(result.content) for result in results)
    return size // BYTES_PER_TOKEN + FRAME_TOKENS


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def call_id(row: _Call) -> str:
    """Our own id of a call: a provider's changes with every retry and means nothing to the next."""
    return f"call_{row.turn.hex[:12]}_{row.ordinal}"


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
        "uncertain": outcome.uncertain,
    }


def read_result(row: _Call) -> ToolResult:
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
