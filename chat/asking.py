"""Asking a file of questions: each in a conversation of its own, as a customer would.

A batch is the owner of its conversations. A run that is gone on with finds what was asked before by
batch and question: an answer that was stored but never reached the file is read, not asked again.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from chat import conversations, providers, runner, turns
from chat.answer_file import ANSWERED, FAILED, PARTIAL, Row
from chat.database import in_database
from chat.identity import Visitor
from chat.models import Message, Turn, UsageRecord
from chat.question_file import Question

OWNER = "batch:"
"""Begins the owner of a batch's conversations: nobody's questions but the staff's."""

MAX_NAME = 100
"""Characters of a batch's name: with its number it is an owner, which has 150."""

RETRY = 1.0
"""Seconds between looks at a turn that another process runs, or ran when it was killed: its lease
has to end."""

_STATUS = {Turn.Status.COMPLETED: ANSWERED, Turn.Status.STOPPED: PARTIAL}
_ENDED = {Turn.Status.COMPLETED, Turn.Status.STOPPED, Turn.Status.FAILED}
_UNUSABLE = {Turn.Status.FAILED, Turn.Status.STOPPED}


@dataclass(frozen=True, slots=True)
class Spent:
    """What requests took. `cost` is in US dollars, without that of `unpriced` requests."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's row, and what it took."""

    row: Row
    spent: Spent


def new_batch(name: str) -> str:
    """The owner of a new batch's conversations."""
    return f"{OWNER}{name[:MAX_NAME]}:{secrets.token_hex(4)}"


async def ask_all(
    batch: str, questions: Iterable[Question], *, parallel: int
) -> AsyncGenerator[Asked, None]:
    """Asks the questions, `parallel` at most at once; yields each as it is answered, or failed.

    Wrap it in `contextlib.aclosing`: leaving early stops what runs, to be gone on with later.
    """

    async def one(question: Question) -> Asked:
        return await _ask(batch, question)

    try:
        async with aclosing(runner.outcomes(one, questions, at_once=parallel)) as ended:
            async for outcome in ended:
                error = outcome.error
                yield _broken(batch, outcome.item, error) if error else outcome.result()
    finally:
        await providers.shared().close()


async def _ask(batch: str, question: Question) -> Asked:
    turn = await in_database(_turn)(batch, question)
    await turns.run(turn)
    while not await in_database(_ended)(turn):
        await asyncio.sleep(RETRY)
        await turns.run(turn)
    return await in_database(_read)(batch, question, turn)


def _turn(batch: str, question: Question) -> UUID:
    """The turn that answers the question: an earlier run's, unless that failed, else a new one."""
    client_id = hashlib.sha256(f"{question.id}\0{question.text}".encode()).hexdigest()
    asked = Message.objects.filter(conversation__owner=batch, client_id=client_id)
    earlier = Turn.objects.filter(messages__in=asked).exclude(status__in=_UNUSABLE).first()
    if earlier:
        return earlier.pk
    conversation = conversations.open_conversation(Visitor(batch), new=True)
    received = conversations.receive(conversation, client_id=client_id, text=question.text)
    return received.turn


def _ended(turn: UUID) -> bool:
    """Whether a turn is done; raises Turn.DoesNotExist for one whose conversation was deleted."""
    return Turn.objects.get(pk=turn).status in _ENDED


def _read(batch: str, question: Question, turn_id: UUID) -> Asked:
    turn = Turn.objects.get(pk=turn_id)
    reply = Message.objects.filter(turn=turn, role=Message.Role.ASSISTANT).first()
    spent, priced = _spent(turn)
    row = Row(
        id=question.id,
        question=question.text,
        answer=reply.text if reply else "",
        citations="\n".join(map(_citation, reply.citations)) if reply else "",
        provider=turn.provider,
        model=turn.model,
        status=_STATUS.get(Turn.Status(turn.status), FAILED) if reply else FAILED,
        error=turn.error_code,
        duration_ms=_number(turn.duration_ms),
        first_token_ms=_number(turn.first_token_ms),
        cost=f"{spent.cost.normalize():f}" if priced else "",
        conversation=str(turn.conversation_id),
        batch=batch,
    )
    return Asked(row, spent)


def _citation(citation: dict[str, Any]) -> str:
    place = " › ".join(filter(None, (citation["title"], citation["heading"])))
    return f"{place} ({citation['url']})" if citation["url"] else place


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _spent(turn: Turn) -> tuple[Spent, bool]:
    """What a turn took, and whether all of its prices are known."""
    requests = list(UsageRecord.objects.filter(turn=turn))
    costs = [request.cost for request in requests if request.cost is not None]
    spent = Spent(
        input_tokens=sum(request.input_tokens for request in requests),
        output_tokens=sum(request.output_tokens for request in requests),
        cost=sum(costs, Decimal(0)),
        unpriced=len(requests) - len(costs),
    )
    return spent, not spent.unpriced


def _broken(batch: str, question: Question, error: BaseException) -> Asked:
    """A question whose turn did not even fail visibly: staff deleted it, or the database was away."""
    blank = dict.fromkeys(Row.__dataclass_fields__, "")
    told = {"id": question.id, "question": question.text, "batch": batch}
    row = Row(**{**blank, **told, "status": FAILED, "error": type(error).__name__})
    return Asked(row, Spent())
