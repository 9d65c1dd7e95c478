"""What the chat's records tell of questions that the knowledge base did not answer.

Three things tell of one, each once:

- A turn whose searches all found nothing that answers. A model that finds it with other words in the
  same turn has answered.
- A thumb down on a reply. One on a reply that only other tools had a part in, such as the state of
  an order, is about nothing that an article says.
- A ticket that followed a search in the same conversation.

What staff ask themselves (`manage.py ask`) tells of nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from chat import asking
from chat.models import Feedback, Message, ToolCall, Turn
from chat.personal import masked
from chat.toolbox import load_tools
from tools.knowledge import languages
from tools.knowledge.models import GapQuestion
from tools.knowledge.tool import search_knowledge_base

SEARCH = search_knowledge_base.spec.name

FOLLOWS = timedelta(hours=1)
"""A ticket that is opened later than this after a search is about another matter."""

LONGEST = 500
"""Characters of a question that are kept, as many as search takes."""

Reason = GapQuestion.Reason


@dataclass(frozen=True, slots=True)
class Asked:
    """A question without a good answer. `text` holds nothing that tells who asked, as far as that
    can be seen in it; `origin` names the record that tells of it."""

    origin: str
    reason: Reason
    text: str
    locale: str
    conversation: UUID
    asked_at: datetime


def telling(turns: QuerySet[Turn]) -> QuerySet[Turn]:
    """Those of `turns` that may tell of a question, with all that `told_by` reads."""
    calls = ToolCall.objects.filter(turn=OuterRef("pk"), status=ToolCall.Status.SUCCEEDED)
    wanted = calls.filter(Q(name=SEARCH, result__found=False) | Q(name__in=_ticket_tools()))
    disliked = Feedback.objects.filter(message__turn=OuterRef("pk"), rating=Feedback.Rating.DOWN)
    return (
        turns.filter(Exists(wanted) | Exists(disliked))
        .exclude(conversation__owner__startswith=asking.OWNER)
        .select_related("conversation")
        .prefetch_related("tool_calls", "messages__feedback")
    )


def told_by(turn: Turn) -> Iterator[Asked]:
    """What a turn of `telling` tells of."""
    calls = [c for c in turn.tool_calls.all() if c.status == ToolCall.Status.SUCCEEDED]
    searches = [call for call in calls if call.name == SEARCH]
    if searches and not any(call.result.get("found") for call in searches):
        yield from _asked(turn, f"turn:{turn.pk}", Reason.UNANSWERED, _question(turn, searches[:1]))
    if searches or not calls:
        yield from (
            asked
            for message in turn.messages.all()
            if _is_disliked(message)
            for asked in _asked(
                turn, thumb_origin(turn.pk), Reason.THUMB_DOWN, _question(turn, searches[:1])
            )
        )
    for call in calls:
        if call.name in _ticket_tools():
            yield from _asked(
                turn, f"ticket:{turn.pk}:{call.ordinal}", Reason.TICKET, _before(turn, call)
            )


def thumb_origin(turn: UUID) -> str:
    """The origin of a thumb down on the reply of a turn."""
    return f"thumb:{turn}"


def _asked(turn: Turn, origin: str, reason: Reason, question: str) -> Iterator[Asked]:
    text = _without_values(masked(" ".join(question.split())))[:LONGEST]
    if any(character.isalpha() for character in text):
        spoken = turn.conversation.locale or settings.LANGUAGE_CODE
        locale = languages.detect(text, languages.base(spoken))
        yield Asked(origin, reason, text, locale, turn.conversation_id, turn.created_at)


def _question(turn: Turn, searches: list[ToolCall]) -> str:
    """What was searched first, which makes sense without the conversation; where nothing was, as
    with an answer from the cache, what the customer wrote."""
    for call in searches:
        query = (call.arguments or {}).get("query")
        if isinstance(query, str):
            return query
    messages = sorted(turn.messages.all(), key=lambda message: message.pk)
    return " ".join(m.text for m in messages if m.role == Message.Role.CUSTOMER)


def _before(turn: Turn, ticket: ToolCall) -> str:
    """The question that was searched, or answered from the cache, last before the ticket."""
    since = ticket.started_at - FOLLOWS
    searched = ToolCall.objects.filter(
        turn__conversation=turn.conversation_id,
        name=SEARCH,
        status=ToolCall.Status.SUCCEEDED,
        started_at__range=(since, ticket.started_at),
    ).exclude(pk=ticket.pk)
    last = searched.select_related("turn").order_by("-started_at", "-ordinal").first()
    if last is not None:
        return _question(last.turn, [last])
    cached = Turn.objects.filter(
        conversation=turn.conversation_id, cached=True, created_at__range=(since, ticket.started_at)
    ).last()
    return _question(cached, []) if cached else ""


def _is_disliked(message: Message) -> bool:
    feedback = getattr(message, "feedback", None)
    return feedback is not None and feedback.rating == Feedback.Rating.DOWN


def _ticket_tools() -> list[str]:
    return [name for name, tool in load_tools().items() if "ticket" in tool.performs]


def _without_values(text: str) -> str:
    """`text` without what tools take from customers, such as order numbers: each becomes its name."""
    for slot in (slot for tool in load_tools().values() for slot in tool.spec.slots):
        if slot.pattern:
            text = re.sub(slot.pattern, f"[{slot.name.replace('_', ' ')}]", text)
    return text
