"""Running the tool calls of a turn: a row before the effect, the outcome after it, a card on screen.

A turn that runs again finds the rows of its first run. What finished is not done again: its result
is in the history. What did not is run once more under its old ordinal, on which effects are unique.
A runner that lost its lease, because its process was paused say, writes no row any more: it begins no
call, and what its last one returned does not replace what the runner after it stored.
"""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import BigIntegerField, IntegerField, UUIDField
from django.utils import timezone

from chat import history, telemetry
from chat.database import in_database
from chat.identity import VerifiedCustomer
from chat.leases import Claim, LeaseLost
from chat.llm import base
from chat.models import ToolCall, Turn
from chat.prepared import Insert, Param, Select, Update
from chat.protocol import Receipt, as_json
from chat.relay import LiveAnswer
from chat.toolbox import Tool, ToolContext, ToolOutcome, ToolOutput

Result = TypeVar("Result")

MAX_NAME = 100
"""Characters of a tool's name in its row: a model may invent any."""

UNKNOWN_LABEL = "Working on it…"
"""What the customer sees of a call to a tool that does not exist."""

DONE_ALREADY = (
    "Not done: {name} works once in an answer, and an earlier call of this answer has done it. "
    "Tell the customer what that one did; another matter is for their next message."
)

_HELD = Select(
    lambda: (
        Turn.objects.select_for_update(no_key=True)  # rows that refer to the turn need not wait
        .filter(
            pk=Param("turn", UUIDField()),
            fence=Param("held", IntegerField()),
            status=Turn.Status.RUNNING,
        )
        .values_list("pk")
    )
)
_BEGUN = Insert(ToolCall)
_ENDED = Update(
    lambda: ToolCall.objects.filter(pk=Param("call", BigIntegerField())),
    lambda: Param.of(ToolCall, "status", "result", "receipt", "error", "duration_ms"),
)


class _Rows:
    """The rows of calls that are made at once, written together: whoever runs the turn again finds all
    of them or none, and never half of what the model wanted."""

    def __init__(self) -> None:
        self._waiting: list[ToolCall] = []
        self._writing: asyncio.Task[None] | None = None

    async def write(self, claim: Claim, row: ToolCall) -> None:
        """Writes a row, with those that others have written in the same step of the loop. Raises
        LeaseLost."""
        self._waiting.append(row)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(claim))
        await asyncio.shield(self._writing)

    async def _write(self, claim: Claim) -> None:
        await asyncio.sleep(0)
        rows, self._waiting, self._writing = self._waiting, [], None
        await in_database(_begin)(claim, rows)


@dataclass(frozen=True)
class ToolRunner:
    """Runs the calls of one turn."""

    claim: Claim
    customer: VerifiedCustomer | None
    tools: dict[str, Tool]
    live: LiveAnswer
    _rows: _Rows = field(default_factory=_Rows, init=False, repr=False)

    async def __call__(self, call: base.ToolCall, ordinal: int, round_: int) -> base.ToolResult:
        """Runs one call; raises nothing but LeaseLost, and what a lost database raises."""
        row = ToolCall(
            turn_id=self.claim.turn,
            ordinal=ordinal,
            round=round_,
            name=call.name[:MAX_NAME],
            arguments=call.arguments,
            started_at=timezone.now(),
        )
        await self._rows.write(self.claim, row)
        outcome = await _to_its_end(self._run(row))
        return outcome.result(call.id)

    async def resume(self) -> int:
        """Finishes what an earlier run of the turn left undone; returns the number of its last call. A
        database that went away may have left out one before it."""
        rows = await in_database(list)(ToolCall.objects.filter(turn_id=self.claim.turn))
        await _to_its_end(self._finish(rows))
        return max((row.ordinal for row in rows), default=0)

    async def _finish(self, rows: Sequence[ToolCall]) -> None:
        for row in rows:
            if row.status == ToolCall.Status.RUNNING:
                await self._run(row)

    async def _run(self, row: ToolCall) -> ToolOutcome:
        tool = self.tools.get(row.name)
        label = tool.label if tool else UNKNOWN_LABEL
        await self.live.tool_started(row.ordinal, row.name, label)
        started = time.monotonic()
        outcome = await self._call(tool, row)
        row.duration_ms = round((time.monotonic() - started) * 1000)
        await in_database(_store)(self.claim, row, outcome)
        await self.live.tool_finished(row.ordinal, row.name, label, outcome.output.receipt)
        return outcome

    async def _call(self, tool: Tool | None, row: ToolCall) -> ToolOutcome:
        name = tool.spec.name if tool else telemetry.UNKNOWN_TOOL
        with telemetry.tool_span(name, row.ordinal, row.arguments) as work:
            outcome = await self._outcome(tool, row)
            work.returned(outcome.output.content, outcome.error)
            return outcome

    async def _outcome(self, tool: Tool | None, row: ToolCall) -> ToolOutcome:
        if tool is None:
            content = f"There is no tool {row.name}. The tools are: {', '.join(self.tools)}."
            return ToolOutcome(ToolOutput(content, "", found=False), error=content)
        ordinal = await in_database(_effect_of)(row) if tool.once else row.ordinal
        if ordinal is None:
            content = DONE_ALREADY.format(name=tool.spec.name)
            return ToolOutcome(ToolOutput(content, "", found=False), error=content)
        context = ToolContext(
            self.claim.conversation,
            self.claim.turn,
            ordinal,
            self.customer,
            locale=self.claim.within.locale,
        )
        return await tool.run(context, row.arguments)


async def _to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs calls to their ends even when their turn is stopped meanwhile: an effect that happened must
    be in its row. The tools' time limits bound the wait."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


def _effect_of(row: ToolCall) -> int | None:
    """The number under which a call has its effect, of a tool that works once in a turn. None where an
    earlier call has done it, or is at it. Rows are written in the order of their numbers, so that of
    two at once the first one is found by the second. One that asked for something, or was refused, has
    done nothing. One that did not end as it should may have: then this call is that one once more,
    under its number, and whoever has the effect already gives it back."""
    same = ToolCall.objects.filter(turn=row.turn_id, name=row.name, ordinal__lt=row.ordinal)
    before = list(same.order_by("ordinal"))
    if any(_has_done_it(call) for call in before):
        return None
    uncertain = (call.ordinal for call in before if (call.result or {}).get("uncertain"))
    return next(uncertain, row.ordinal)


def _has_done_it(call: ToolCall) -> bool:
    if call.status == ToolCall.Status.FAILED:
        return False
    return not call.result or call.result.get("found", True)


@transaction.atomic
def _begin(claim: Claim, rows: Sequence[ToolCall]) -> None:
    _hold(claim)
    for row in rows:
        _BEGUN.run(row)


@transaction.atomic
def _store(claim: Claim, row: ToolCall, outcome: ToolOutcome) -> None:
    _hold(claim)
    receipt: Receipt | None = outcome.output.receipt
    row.status = ToolCall.Status.FAILED if outcome.error else ToolCall.Status.SUCCEEDED
    row.result = history.write_result(outcome)
    row.receipt = as_json(receipt) if receipt else None
    row.error = outcome.error
    _ENDED.run(
        call=row.pk,
        status=row.status,
        result=row.result,
        receipt=row.receipt,
        error=row.error,
        duration_ms=row.duration_ms,
    )


def _hold(claim: Claim) -> None:
    """Makes sure that the turn is this runner's until the transaction ends: a claim waits so long.
    Raises LeaseLost."""
    if not _HELD.rows(turn=claim.turn, held=claim.fence):
        raise LeaseLost(f"Turn {claim.turn} is no longer this runner's.")
