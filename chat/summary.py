"""The running summary of a long conversation: notes that stand for its oldest turns.

A model writes them, where none can the rules do: the customer's own first sentences and what tools
found. Either way what the customer gave to be known by (an e-mail address, an order number, a name)
is taken over word for word.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from pydantic import BaseModel, ConfigDict

from chat import history, prompt, providers, usage
from chat.database import in_database
from chat.history import BYTES_PER_TOKEN, Exchange
from chat.llm import attempts, slots
from chat.llm.base import (
    AssistantMessage,
    Payer,
    Provider,
    ProviderError,
    Request,
    ToolMessage,
    UserMessage,
)
from chat.llm.base import Message as ProviderMessage
from chat.llm.routing import sentences
from chat.models import Conversation, UsageRecord
from chat.personal import EMAIL, introduced
from chat.toolbox import load_tools
from chat.usage import Attempt

logger = logging.getLogger(__name__)

KEEP = 0.5
"""Share of the history's budget that the newest turns keep: what is left grows for a while again."""

SHARE = 5
"""The summary takes at most this part of the budget."""

LONGEST = 2_400
"""Characters of a summary, 400 words: a support case is told in fewer."""

OUTPUT_TOKENS = 1_200
"""Enough for the longest summary in a script that takes a token a letter or two."""

LINE = 160
"""Characters of a line that the rules write."""

GIVEN = "Given by the customer: "
"""Begins the line of what a customer is known by."""

MAX_GIVEN = 20
"""Values on that line; the newest stay."""


class Summary(BaseModel):
    """What a model answers."""

    model_config = ConfigDict(extra="forbid")

    summary: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Turns to be taken into the summary: those up to the message `to`. `after` is where the summary
    ended when they were read."""

    conversation: UUID
    owner: str
    summary: str
    after: int
    to: int
    turns: tuple[Exchange, ...]


async def summarise(conversation: UUID) -> None:
    """Takes older turns into the summary until the conversation is no longer crowded. Two at once
    do the work twice at worst: the first to store wins, and the other stops."""
    while fold := await in_database(plan)(conversation):
        async with providers.opened() as provider:
            text, made = await write(fold, provider)
        if not await in_database(store)(fold, text, made):
            return


def plan(conversation: UUID) -> Fold | None:
    """What to take into the summary next; None where nothing has to be or can be."""
    found = Conversation.objects.filter(pk=conversation).first()
    if found is None:
        return None
    turns = history.exchanges(found)
    if not history.is_crowded(found, turns):
        return None
    folded = _foldable(turns)
    if not folded:
        return None
    to = max(turn.last for turn in folded)
    return Fold(found.pk, found.owner, found.summary, found.summarised_to, to, tuple(folded))


def _foldable(turns: Sequence[Exchange]) -> list[Exchange]:
    """The oldest turns, without the newest that fill their share, and at most one request's worth."""
    kept = piece = count = 0
    for turn in reversed(turns):
        kept += turn.shortened().tokens
        if kept > KEEP * settings.HISTORY_TOKENS:
            break
        count += 1
    folded: list[Exchange] = []
    for turn in turns[: len(turns) - max(count, 1)]:
        piece += turn.shortened().tokens
        if not turn.settled or (folded and piece > settings.HISTORY_TOKENS):
            break
        folded.append(turn)
    return _cut_cleanly(folded, turns)


def _cut_cleanly(folded: list[Exchange], turns: Sequence[Exchange]) -> list[Exchange]:
    """`folded`, less the turns at its end during which the customer wrote what a later turn answers:
    everything up to one message is taken, and that message must not be."""
    while folded:
        rest = turns[len(folded) :]
        if max(turn.last for turn in folded) < min(turn.first for turn in rest):
            break
        folded = folded[:-1]
    return folded


async def write(fold: Fold, provider: Provider) -> tuple[str, tuple[Attempt, ...]]:
    """The new summary, and the requests that were made for it."""
    request = Request(
        system=prompt.render("summary", shop=settings.SHOP_NAME, words=str(_longest() // 6)),
        messages=(UserMessage(_as_data(fold)),),
        max_output_tokens=OUTPUT_TOKENS,
        payer=Payer(str(fold.conversation), fold.owner),
    )
    try:
        answer = await provider.complete_structured(request, Summary)
    except ProviderError as error:
        logger.info("summarised by rules: %s", error.code)
        return _by_rules(fold), attempts.kept(error)
    made: tuple[Attempt, ...] = (*answer.failed, answer.report)
    lines = answer.value.summary.strip().splitlines()
    return (_complete(lines, fold) if lines else _by_rules(fold)), made


@transaction.atomic
def store(fold: Fold, text: str, made: Iterable[Attempt]) -> bool:
    """Stores a summary, unless another one was stored since the turns were read. What it took is
    recorded either way."""
    usage.keep(
        made,
        conversation=fold.conversation,
        customer=fold.owner,
        turn=None,
        purpose=UsageRecord.Purpose.SUMMARY,
    )
    unchanged = Conversation.objects.filter(pk=fold.conversation, summarised_to=fold.after)
    return bool(unchanged.update(summary=text, summarised_to=fold.to))


def _as_data(fold: Fold) -> str:
    said = [line for turn in fold.turns for line in _lines(turn.shortened().messages)]
    whole = {"summary_so_far": fold.summary, "turns": said}
    return json.dumps(whole, ensure_ascii=False)


def _lines(messages: Iterable[ProviderMessage]) -> Iterator[dict[str, str]]:
    for message in messages:
        match message:
            case UserMessage(text):
                yield {"customer": text}
            case AssistantMessage(text, ()):
                yield {"support": text}
            case ToolMessage(results):
                yield from ({"tool": result.content} for result in results)


def _by_rules(fold: Fold) -> str:
    tools = load_tools()
    lines = fold.summary.splitlines()
    for turn in fold.turns:
        public: set[str] = set()
        for message in turn.messages:
            match message:
                case UserMessage(text):
                    lines.append(f"Customer: {_first(text)}")
                case AssistantMessage(_, calls):
                    # An article can be found again; an order's state and a ticket are this customer's.
                    public |= {c.id for c in calls if c.name in tools and tools[c.name].shareable}
                case ToolMessage(results):
                    told = (r.content for r in results if r.found and r.call_id not in public)
                    lines += [f"Found: {_first(content)}" for content in told]
    return _complete(lines, fold)


def _first(text: str) -> str:
    line = " ".join((sentences(text) or [text])[0].split())
    return line if len(line) <= LINE else f"{line[: LINE - 1]}…"


def _complete(lines: Sequence[str], fold: Fold) -> str:
    """The lines with what the customer is known by, within the limit: the oldest lines go first."""
    given = _given(fold)
    kept = [line for line in lines if line.strip() and not line.startswith(GIVEN)]
    last = [GIVEN + ", ".join(given)] if given else []
    while kept and len("\n".join(kept + last)) > _longest():
        kept.pop(0)
    if not kept and lines:
        kept = [lines[-1][: max(0, _longest() - len("\n".join(last)) - 1)]]
    return "\n".join(kept + last)


def _given(fold: Fold) -> list[str]:
    """What the customer wrote that tools ask for or that tells who they are, in order."""
    before = next((line for line in fold.summary.splitlines() if line.startswith(GIVEN)), GIVEN)
    found = [value for value in before.removeprefix(GIVEN).split(", ") if value]
    patterns = [slot for tool in load_tools().values() for slot in tool.spec.slots if slot.pattern]
    for message in (m for turn in fold.turns for m in turn.messages):
        if isinstance(message, UserMessage):
            found += EMAIL.findall(message.text)
            found += [v for slot in patterns if (v := slots.find(slot, message.text))]
            found += filter(None, [introduced(message.text)])
    return list(dict.fromkeys(found))[-MAX_GIVEN:]


def _longest() -> int:
    return min(LONGEST, settings.HISTORY_TOKENS * BYTES_PER_TOKEN // SHARE)
