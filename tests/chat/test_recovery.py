"""Recovery: a turn whose runner died, or that nobody started, is run by whoever finds it."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from chat import hold, leases, providers, recovery, relay, turns
from chat.database import in_database
from chat.identity import Visitor
from chat.llm.base import AttemptStarted, Event, Request, TextDelta
from chat.models import Conversation, Message, ToolCall, Turn
from chat.toolbox import ToolContext, tool
from tests.chat.test_turns import asked, reply
from tests.fakes import ScriptedProvider, calls, says

pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(seconds=60)


async def claimed(visitor: Visitor) -> UUID:
    """A turn whose runner just took it, and does nothing any more."""
    turn_id = await asked(visitor)
    assert await in_database(leases.claim)(turn_id)
    return turn_id


async def died(turn_id: UUID, ago: timedelta = timedelta(seconds=1)) -> None:
    """Its lease ended."""
    await Turn.objects.filter(pk=turn_id).aupdate(lease_expires_at=timezone.now() - ago)


async def waited(turn_id: UUID, since: timedelta = LONG_AGO) -> None:
    await Turn.objects.filter(pk=turn_id).aupdate(created_at=timezone.now() - since)


async def status() -> str:
    return (await Turn.objects.aget()).status


async def becomes(wanted: Turn.Status) -> None:
    for _ in range(1000):
        if await status() == wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"the turn is {await status()}")


async def test_a_turn_whose_runner_died_runs_again(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    await died(await claimed(ada))
    assert await recovery.sweep() == 1
    await turns.idle()
    turn = await Turn.objects.aget()
    assert (turn.status, turn.attempts, (await reply()).text) == ("completed", 2, "In Bath.")


async def test_a_turn_whose_runner_lives_is_left_alone(ada: Visitor) -> None:
    await claimed(ada)
    assert await recovery.sweep() == 0


async def test_a_turn_that_nobody_started_is_run(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    await waited(await asked(ada))
    assert await recovery.sweep() == 1
    await turns.idle()
    assert await status() == Turn.Status.COMPLETED


async def test_a_turn_that_was_just_asked_for_is_its_servers(ada: Visitor) -> None:
    await asked(ada)
    assert await recovery.sweep() == 0


async def test_a_turn_that_waits_for_another_one_is_not_taken_for_left(ada: Visitor) -> None:
    await claimed(ada)
    conversation = await Conversation.objects.aget()
    await waited((await Turn.objects.acreate(conversation=conversation)).pk)
    assert await recovery.sweep() == 0


async def test_workers_wait_for_the_servers_to_come_first(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    turn_id = await claimed(ada)
    await died(turn_id)
    assert await recovery.sweep_to_the_end() == 0
    await died(turn_id, LONG_AGO)
    assert await recovery.sweep_to_the_end() == 1
    assert await status() == Turn.Status.COMPLETED


async def test_a_turn_that_killed_three_runners_fails_visibly(ada: Visitor) -> None:
    provider = ScriptedProvider(says("Never said."))
    providers.install(provider)
    turn_id = await claimed(ada)
    await Turn.objects.aupdate(attempts=leases.MAX_ATTEMPTS)
    await died(turn_id)
    await recovery.sweep()
    await turns.idle()
    assert (await Turn.objects.aget()).error_code == "ATTEMPTS"
    assert "ticket" in (await Message.objects.aget(role=Message.Role.SYSTEM)).text
    assert not provider.requests


@tool(label="…")
async def ponder(context: ToolContext) -> str:
    """Takes its time."""
    await asyncio.sleep(2)
    return "42"


def call_of(turn_id: UUID, ordinal: int, name: str = "note") -> ToolCall:
    arguments = {"title": "a", "text": "b"} if name == "note" else {}
    return ToolCall(turn_id=turn_id, ordinal=ordinal, name=name, arguments=arguments)


async def test_a_stop_while_calls_of_an_earlier_run_are_ended_ends_them_all(
    ada: Visitor, settings: Settings
) -> None:
    settings.AGENT_TOOLS = [f"{__name__}.ponder"]
    turn_id = await claimed(ada)
    for ordinal in (1, 2):
        await call_of(turn_id, ordinal, name="ponder").asave()
    await died(turn_id)
    await recovery.sweep()
    await asyncio.sleep(1)
    await Turn.objects.aupdate(stop_requested=True)
    hold.stop_soon(turn_id)
    await turns.idle()
    assert (await Turn.objects.aget()).error_code == "stopped"
    made = [row.status async for row in ToolCall.objects.all()]
    assert made == [ToolCall.Status.SUCCEEDED] * 2


async def test_a_call_that_its_database_left_out_does_not_end_the_turn(ada: Visitor) -> None:
    """The first of two was not written, the second was: the next has another number."""
    turn_id = await claimed(ada)
    await call_of(turn_id, 2).asave()
    await died(turn_id)
    providers.install(
        ScriptedProvider(calls(("note", {"title": "c", "text": "d"})), says("Noted."))
    )
    await recovery.sweep()
    await turns.idle()
    assert (await reply()).text == "Noted."
    rows = [(row.ordinal, row.status) async for row in ToolCall.objects.all()]
    assert rows == [(2, "succeeded"), (3, "succeeded")]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"stop_requested": True}, "stopped"), ({"attempts": leases.MAX_ATTEMPTS}, "ATTEMPTS")],
    ids=["stopped", "out of attempts"],
)
async def test_a_turn_that_is_not_answered_tells_what_its_calls_did(
    ada: Visitor, settings: Settings, change: dict[str, Any], code: str
) -> None:
    """All of them, though they take longer than a heartbeat."""
    settings.AGENT_TOOLS = [f"{__name__}.ponder"]
    turn_id = await claimed(ada)
    for ordinal in (1, 2):
        await call_of(turn_id, ordinal, name="ponder").asave()
    await Turn.objects.aupdate(**change)
    await died(turn_id)
    await recovery.sweep()
    await asyncio.sleep(1)
    hold.stop_soon(turn_id)  # somebody presses the button once more
    await turns.idle()
    assert (await Turn.objects.aget()).error_code == code
    made = [row.status async for row in ToolCall.objects.all()]
    assert made == [ToolCall.Status.SUCCEEDED] * 2


async def test_a_call_that_ends_its_runners_is_not_tried_for_ever(ada: Visitor) -> None:
    turn_id = await claimed(ada)
    await call_of(turn_id, 1).asave()
    await Turn.objects.aupdate(attempts=leases.MAX_ATTEMPTS + 1)
    await died(turn_id)
    await recovery.sweep()
    await turns.idle()
    assert (await Turn.objects.aget()).error_code == "ATTEMPTS"
    assert (await ToolCall.objects.aget()).status == ToolCall.Status.RUNNING


async def test_two_processes_that_find_the_same_turn_answer_it_once(ada: Visitor) -> None:
    provider = ScriptedProvider(says("In Bath.", pause=0.05))
    providers.install(provider)
    turn_id = await claimed(ada)
    await died(turn_id)
    await asyncio.gather(recovery.sweep(), turns.run(turn_id), turns.run(turn_id))
    await turns.idle()
    assert len(provider.requests) == 1
    assert (await reply()).text == "In Bath."


async def test_what_the_dead_runner_had_shown_is_taken_back_first(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    turn_id = await claimed(ada)
    await died(turn_id)
    frames: list[str] = []

    async def see(text: str) -> None:
        frames.append(json.loads(text)["type"])

    unsubscribe = relay.subscribe((await Conversation.objects.aget()).pk, see)
    await recovery.sweep()
    await turns.idle()
    unsubscribe()
    assert frames[:3] == ["answer.started", "answer.reset", "answer.delta"]


async def test_a_first_run_takes_nothing_back(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    turn_id = await asked(ada)
    frames: list[str] = []

    async def see(text: str) -> None:
        frames.append(json.loads(text)["type"])

    unsubscribe = relay.subscribe((await Conversation.objects.aget()).pk, see)
    await turns.run(turn_id)
    unsubscribe()
    assert "answer.reset" not in frames


class Frozen(ScriptedProvider):
    """While it answers its runner is frozen, and another process takes the turn over."""

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        async for event in super().stream(request):
            yield event
            if isinstance(event, TextDelta):
                await died(await Turn.objects.values_list("pk", flat=True).aget())
                assert await in_database(leases.claim)((await Turn.objects.aget()).pk)


async def test_a_runner_that_was_frozen_does_no_tool_call_after_it_lost_its_turn(
    ada: Visitor,
) -> None:
    script = [TextDelta("One moment."), *calls(("note", {"title": "a", "text": "b"}))]
    providers.install(Frozen(script, says("Noted.")))
    turn_id = await asked(ada)
    await turns.run(turn_id)
    assert not await ToolCall.objects.aexists()
    assert await Message.objects.exclude(role=Message.Role.CUSTOMER).acount() == 0
    turn = await Turn.objects.aget()
    assert (turn.status, turn.fence) == (Turn.Status.RUNNING, 2)


async def test_what_a_runner_showed_that_lost_its_turn_is_taken_back_from_its_screens(
    ada: Visitor,
) -> None:
    providers.install(Frozen(says("Half an answer.")))
    turn_id = await asked(ada)
    frames: list[str] = []

    async def see(text: str) -> None:
        frames.append(json.loads(text)["type"])

    unsubscribe = relay.subscribe((await Conversation.objects.aget()).pk, see)
    await turns.run(turn_id)
    unsubscribe()
    assert frames[-1] == "answer.reset"


class Paused(ScriptedProvider):
    """While it is asked, its whole process stands still for longer than a lease; then it would ask anew."""

    asked_anew = False

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        yield AttemptStarted("fake", "fake-1", attempt=1)
        time.sleep(leases.LEASE.total_seconds() + 0.5)  # noqa: ASYNC251  # nothing else is to go on
        yield AttemptStarted("fake", "fake-1", attempt=2)
        self.asked_anew = True
        async for event in super().stream(request):
            yield event


async def test_a_runner_that_was_frozen_asks_no_provider_once_more(ada: Visitor) -> None:
    provider = Paused(says("Late."))
    providers.install(provider)
    await turns.run(await asked(ada))
    assert not provider.asked_anew
    assert await status() == Turn.Status.RUNNING  # until somebody finds it


@pytest_asyncio.fixture
async def place() -> AsyncIterator[str]:
    """The name of a place for servers, in which this process claims its turns."""
    await in_database(leases.succeed)("shop:8000")
    yield "shop:8000"
    await in_database(leases.disown)()


async def test_the_turns_of_a_server_that_died_run_as_soon_as_another_has_its_place(
    ada: Visitor, place: str
) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    await claimed(ada)
    await recovery.succeed(place)
    await turns.idle()
    turn = await Turn.objects.aget()
    assert (turn.status, turn.attempts, turn.fence) == ("completed", 2, 2)


async def test_the_turns_of_servers_elsewhere_wait_for_their_leases(
    ada: Visitor, place: str
) -> None:
    await claimed(ada)
    await recovery.succeed("shop:8001")
    assert await recovery.sweep() == 0


async def test_a_server_without_a_place_leaves_nothing_to_a_successor(ada: Visitor) -> None:
    await claimed(ada)
    await recovery.succeed("")
    assert await recovery.sweep() == 0


async def test_the_turns_that_a_server_brings_to_their_end_are_not_its_successors(
    ada: Visitor, place: str
) -> None:
    providers.install(ScriptedProvider(says("In Bath.", pause=0.2)))
    turns.start(await asked(ada))
    await becomes(Turn.Status.RUNNING)
    draining = asyncio.create_task(turns.drain(30))
    await asyncio.sleep(0.1)
    assert await in_database(leases.succeed)(place) == 0
    await draining
    turn = await Turn.objects.aget()
    assert (turn.status, turn.attempts) == ("completed", 1)


async def test_a_process_that_drains_lets_its_turns_end(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.", pause=0.1)))
    turns.start(await asked(ada))
    await turns.drain(30)
    assert await status() == Turn.Status.COMPLETED


async def test_what_does_not_end_in_time_is_given_back_for_others_to_find(ada: Visitor) -> None:
    providers.install(ScriptedProvider([TextDelta("Half"), 30.0]))
    turns.start(await asked(ada))
    await becomes(Turn.Status.RUNNING)
    await turns.drain(0.05)
    assert len(await in_database(leases.unattended)()) == 1
    assert (await Turn.objects.aget()).attempts == 0


async def test_a_process_that_drains_takes_on_no_more(ada: Visitor) -> None:
    provider = ScriptedProvider(says("In Bath."))
    providers.install(provider)
    await turns.drain(0)
    await waited(await asked(ada))
    assert await recovery.sweep() == 1
    await turns.idle()
    assert await status() == Turn.Status.QUEUED


async def test_it_goes_on_for_ever_until_it_is_told_to_end(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("In Bath.")))
    await died(await claimed(ada))
    sweeping = asyncio.create_task(recovery.forever())
    await becomes(Turn.Status.COMPLETED)
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert sweeping.cancelled()


def plans() -> str:
    """How the database finds the turns that lie about, whatever the values are."""
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    statements: list[tuple[str, Any]] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((explain + sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        leases.unattended()
    rows: list[object] = []
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(sql, params)
            rows += cursor.fetchall()
    return str(rows)


def test_the_indexes_of_the_table_find_them_without_looking_at_every_turn() -> None:
    conversation = Conversation.objects.create(owner="ada")
    Turn.objects.bulk_create(
        Turn(id=uuid4(), conversation=conversation, status=Turn.Status.COMPLETED)
        for _ in range(2000)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE chat_turn")
    assert not re.search(r"Seq Scan|SCAN \w+(?! USING)\b", plans())
