"""A runner whose turn was given to another, because its process was paused: nothing it writes counts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from django.utils import timezone
from pytest_django import Settings

from chat import leases, providers, turns
from chat.database import in_database
from chat.identity import Visitor
from chat.leases import Claim, LeaseLost
from chat.llm import base
from chat.models import Message, ToolCall, Turn
from chat.relay import LiveAnswer
from chat.tool_calls import ToolRunner
from chat.toolbox import ToolContext, ToolError, load_tools, tool
from tests.chat.test_turns import asked, reply
from tests.fakes import ScriptedProvider, calls, says
from tools.tickets.models import Ticket

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


class Office:
    """A back office that answers the first call late, and each later one at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def ask(self) -> str:
        if self.asked.is_set():
            return "answered in time"
        self.asked.set()
        await self.answers.wait()
        raise ToolError("answered too late")


_office: list[Office] = []


@tool(label="…")
async def ask_office(context: ToolContext) -> str:
    """Asks the back office."""
    return await _office[-1].ask()


@pytest_asyncio.fixture
async def office(settings: Settings) -> AsyncIterator[Office]:
    settings.AGENT_TOOLS = [f"{__name__}.ask_office", "tools.tickets.tool.create_ticket"]
    _office.append(Office())
    yield _office[-1]
    _office.clear()


async def claimed(turn_id: UUID) -> Claim:
    """The right to a turn, for whoever comes first or finds it left behind."""
    claim = await in_database(leases.claim)(turn_id)
    assert claim
    return claim


async def passes_on(turn_id: UUID) -> None:
    """A runner is paused for longer than its lease."""
    await Turn.objects.filter(pk=turn_id).aupdate(lease_expires_at=timezone.now() - MINUTE)


def runner(claim: Claim) -> ToolRunner:
    live = LiveAnswer(claim.conversation, claim.turn)
    return ToolRunner(claim, None, load_tools(), live)


def call(name: str, **arguments: Any) -> base.ToolCall:
    return base.ToolCall("call-1", name, arguments)


TICKET = {"title": "Kettle", "description": "It leaks."}


async def test_it_begins_no_call(ada: Visitor, office: Office) -> None:
    stale = await claimed(await asked(ada))
    await passes_on(stale.turn)
    await claimed(stale.turn)
    with pytest.raises(LeaseLost):
        await runner(stale)(call("create_ticket", **TICKET), 1, 1)
    assert not await ToolCall.objects.aexists()
    assert not await Ticket.objects.aexists()


async def test_its_late_result_does_not_replace_the_one_in_time(
    ada: Visitor, office: Office
) -> None:
    stale = await claimed(await asked(ada))
    late = asyncio.create_task(runner(stale)(call("ask_office"), 1, 1))
    await office.asked.wait()
    await passes_on(stale.turn)
    fresh = await claimed(stale.turn)
    assert await runner(fresh).resume() == 1
    office.answers.set()
    with pytest.raises(LeaseLost):
        await late
    row = await ToolCall.objects.aget()
    assert (row.status, row.result["content"]) == ("succeeded", "answered in time")


async def test_it_leaves_a_closed_turn_as_it_is(ada: Visitor, office: Office) -> None:
    stale = await claimed(await asked(ada))
    late = asyncio.create_task(runner(stale)(call("ask_office"), 1, 1))
    await office.asked.wait()
    await passes_on(stale.turn)
    providers.install(ScriptedProvider(says("Done.")))
    await turns.run(stale.turn)
    before = await ToolCall.objects.values().aget()
    office.answers.set()
    with pytest.raises(LeaseLost):
        await late
    assert await ToolCall.objects.values().aget() == before
    assert (await reply()).text == "Done."


async def test_both_have_one_effect_between_them(ada: Visitor, office: Office) -> None:
    """The first was paused after the ticket was written, and before its row knew."""
    stale = await claimed(await asked(ada))
    first = await runner(stale)(call("create_ticket", **TICKET), 1, 1)
    await ToolCall.objects.aupdate(status=ToolCall.Status.RUNNING, result={})
    await passes_on(stale.turn)
    await runner(await claimed(stale.turn)).resume()
    ticket = await Ticket.objects.aget()
    row = await ToolCall.objects.aget()
    assert ticket.reference in first.content
    assert ticket.reference in row.result["content"]


async def test_a_turn_that_was_taken_over_in_mid_call_has_one_answer(
    ada: Visitor, office: Office
) -> None:
    providers.install(
        ScriptedProvider(calls(("ask_office", {})), says("Taken over."), says("Never said."))
    )
    turn_id = await asked(ada)
    paused = asyncio.create_task(turns.run(turn_id))
    await office.asked.wait()
    await passes_on(turn_id)
    await turns.run(turn_id)
    office.answers.set()
    await paused
    assert (await reply()).text == "Taken over."
    assert await Message.objects.filter(role=Message.Role.ASSISTANT).acount() == 1
    assert (await ToolCall.objects.aget()).result["content"] == "answered in time"
    assert (await Turn.objects.aget()).status == Turn.Status.COMPLETED
