"""What goes wrong around a turn: the database stumbles, a stop comes at the wrong moment."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from django.db import OperationalError, connection, connections
from pytest_django import Settings

from chat import conversations, history, leases, providers, runs
from chat.database import in_backend, in_database
from chat.identity import Visitor
from chat.llm.base import AssistantMessage, Overloaded, ToolMessage
from chat.llm.fallback import Fallback
from chat.llm.retry import Retry
from chat.models import Conversation, Message, ToolCall, Turn, UsageRecord
from chat.toolbox import ToolContext, load_tools, tool
from tests.chat.socket import Socket
from tests.fakes import ScriptedProvider, calls, fails, says

pytestmark = pytest.mark.django_db(transaction=True)


@pytest_asyncio.fixture
async def break_once() -> AsyncIterator[tuple[Callable[[str, str], Any], list[str]]]:
    """Lets the next statement that has both texts in it fail, as a database that restarts would.

    Gives the function that arms it, and the statements that failed.
    """
    failed: list[str] = []
    armed: list[tuple[str, str]] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if armed and all(text in sql for text in armed[0]):
            armed.clear()
            failed.append(sql)
            raise OperationalError("the server closed the connection")
        return execute(sql, params, many, context)

    def arm(one: str, other: str) -> None:
        armed[:] = [(one, other)]

    await in_database(lambda: connection.execute_wrappers.append(wrapper))()
    yield arm, failed
    await in_database(lambda: connection.execute_wrappers.clear())()


async def test_a_commit_that_fails_is_made_by_another_run(ada: Visitor, break_once: Any) -> None:
    arm, failed = break_once
    providers.install(ScriptedProvider(says("Hello.")))
    arm('UPDATE "chat_turn"', "finished_at")
    async with Socket(ada) as socket:
        completed = await socket.ask("Hi")
    assert completed["message"]["text"] == socket.streamed == "Hello."
    assert len(failed) == 1
    assert (await Turn.objects.aget()).attempts == 2


async def test_a_heartbeat_that_fails_is_made_up_by_the_next(ada: Visitor, break_once: Any) -> None:
    arm, failed = break_once
    providers.install(ScriptedProvider(says(*["word "] * 5, pause=0.7)))
    arm('UPDATE "chat_turn" SET "lease_expires_at"', "fence")
    async with Socket(ada) as socket:
        completed = await socket.ask("Hi")
    assert completed["type"] == "answer.completed"
    assert len(failed) == 1
    assert (await Turn.objects.aget()).attempts == 1


async def test_an_end_that_was_stored_is_told_though_the_database_goes_right_after(
    ada: Visitor, break_once: Any
) -> None:
    arm, failed = break_once
    providers.install(ScriptedProvider(says("Hello."), says("Again.")))
    async with Socket(ada) as socket:
        await socket.ask("Hi")
        arm('"lease_expires_at" <=', "LIMIT 1")  # which turn waits?
        completed = await socket.ask("Hi")
    assert completed["message"]["text"] == "Again."
    assert len(failed) == 1
    assert [turn.attempts async for turn in Turn.objects.all()] == [1, 1]


async def test_a_hello_that_failed_can_be_said_again(ada: Visitor, break_once: Any) -> None:
    arm, failed = break_once
    providers.install(ScriptedProvider(says("Hello.")))
    arm("SELECT", 'FROM "chat_message"')
    async with Socket(ada) as socket:
        assert (await socket.until("error"))["code"] == "internal"
        await socket.hello()
        await socket.until("ready")
        completed = await socket.ask("Hi")
    assert completed["message"]["text"] == socket.streamed
    assert len(failed) == 1


async def test_a_message_that_could_not_be_stored_is_named_and_can_be_sent_again(
    ada: Visitor, break_once: Any
) -> None:
    arm, failed = break_once
    providers.install(ScriptedProvider(says("Hello.")))
    async with Socket(ada) as socket:
        await socket.until("ready")
        arm("INSERT", '"chat_message"')
        sent = await socket.say("Hi")
        refused = await socket.until("error")
        assert (refused["code"], refused["id"], len(failed)) == ("internal", sent, 1)
        await socket.say("Hi", sent)
        assert (await socket.until("message.accepted"))["id"] == sent
        await socket.until("answer.completed")
    assert await Turn.objects.acount() == 1


async def test_a_turn_that_waits_for_an_abandoned_one_gets_it_out_of_the_way(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("First."), says("Second.")))

    def abandoned() -> None:
        conversation = conversations.open_conversation(ada)
        first = conversations.receive(conversation, client_id="1", text="one")
        claim = leases.claim(first.turn)
        assert claim
        leases.release(claim)

    async with Socket(ada) as socket:
        await socket.until("ready")
        await in_database(abandoned)()
        assert (await socket.ask("two"))["message"]["text"] == "First."
        assert (await socket.until("answer.completed"))["message"]["text"] == "Second."


def test_no_message_joins_a_turn_that_has_been_read(ada: Visitor) -> None:
    """A message and the claim of the turn it would join, at the same moment, many times."""
    for _ in range(40):
        conversation = conversations.open_conversation(ada, new=True)
        first = conversations.receive(conversation, client_id="1", text="one")
        together = threading.Barrier(2)
        read: list[str] = []
        joined: list[Any] = []

        def run(conversation: Conversation, turn: Any, read: list[str], go: Any) -> None:
            go.wait()
            leases.claim(turn)
            said = history.load(conversation, turn).messages
            read += [getattr(message, "text", "") for message in said]
            connections.close_all()

        def write(conversation: Conversation, joined: list[Any], go: Any) -> None:
            go.wait()
            joined += [conversations.receive(conversation, client_id="2", text="two").turn]
            connections.close_all()

        threads = [
            threading.Thread(target=run, args=(conversation, first.turn, read, together)),
            threading.Thread(target=write, args=(conversation, joined, together)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert joined != [first.turn] or "two" in read


async def test_what_a_failed_turn_did_is_known_to_the_next(ada: Visitor) -> None:
    provider = ScriptedProvider(
        calls(("search", {"query": "kettle"})),
        fails(Overloaded("busy", provider="scripted"), "Boil "),
        says("As I said."),
    )
    providers.install(provider)
    async with Socket(ada) as socket:
        assert (await socket.ask("How do I clean it?"))["type"] == "answer.failed"
        await socket.ask("And now?")
    said = provider.requests[-1].messages
    assert any(isinstance(message, ToolMessage) for message in said)
    assert AssistantMessage(runs.APOLOGY) in said


async def _at_once(seconds: float) -> None:
    """A pause that nobody waits for."""


async def test_a_failed_request_is_in_the_ledger(ada: Visitor) -> None:
    failing = ScriptedProvider(fails(Overloaded("busy", provider="scripted")))
    providers.install(Fallback([Retry(failing, sleep=_at_once)]))
    async with Socket(ada) as socket:
        assert (await socket.ask("Hi"))["type"] == "answer.failed"
    rows = [row async for row in UsageRecord.objects.order_by("attempt")]
    assert [(row.attempt, row.error_code, row.cost) for row in rows] == [
        (1, "OVERLOADED", Decimal(0)),
        (2, "OVERLOADED", Decimal(0)),
    ]


delivering = threading.Event()
release = threading.Event()


def _block() -> None:
    delivering.set()
    release.wait(10)


@tool(label="Delivering…")
async def deliver(context: ToolContext) -> str:
    """Waits for a back office that takes its time."""
    await in_backend(_block)()
    return "Delivered."


@pytest.fixture
def slow_tool(settings: Settings) -> None:
    """A tool that waits for `release`."""
    settings.AGENT_TOOLS = ["tests.chat.test_turn_faults.deliver"]
    load_tools()
    delivering.clear()
    release.clear()


async def test_a_stop_while_a_tool_works_leaves_its_effect_in_its_row(
    ada: Visitor, slow_tool: None
) -> None:
    providers.install(ScriptedProvider(calls(("deliver", {})), says("Done.")))
    async with Socket(ada) as socket:
        await socket.say("Deliver it")
        started = await socket.until("tool.started")
        await socket.send({"type": "answer.stop", "turn": started["turn"]})
        assert await socket.nothing(), "the tool is waited for"
        (until,) = [turn.lease_expires_at async for turn in Turn.objects.all()]
        await asyncio.sleep(leases.HEARTBEAT + 0.5)
        assert await Turn.objects.filter(lease_expires_at__gt=until).aexists(), "it is kept so long"
        release.set()
        ended = await socket.until("answer.failed")
    assert ended["code"] == "stopped"
    row = await ToolCall.objects.aget()
    assert (row.status, row.result["content"]) == ("succeeded", "Delivered.")


async def test_a_slow_tool_keeps_nobody_else_waiting(
    ada: Visitor, mallory: Visitor, slow_tool: None
) -> None:
    providers.install(
        ScriptedProvider(
            lambda request: (
                calls(("deliver", {}))
                if getattr(request.messages[-1], "text", "") == "Deliver it"
                else says("Hello.")
            )
        )
    )
    async with Socket(ada) as waiting, Socket(mallory) as other:
        await waiting.say("Deliver it")
        await waiting.until("tool.started")
        await in_database(delivering.wait)(5)
        assert (await other.ask("Hi"))["message"]["text"] == "Hello."
        release.set()
        assert (await waiting.until("answer.completed"))["message"]["text"] == "Hello."


async def test_a_stop_is_for_what_was_asked_by_then(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says(*["x "] * 10, pause=0.05), says("Second.")))
    async with Socket(ada) as socket:
        await socket.say("one")
        await socket.until("answer.delta")
        await socket.say("two")
        queued = await socket.until("message.accepted")
        await socket.send({"type": "answer.stop", "turn": queued["turn"]})
        await socket.say("three")
        await socket.until("answer.completed")
        second = await socket.until("answer.completed", "answer.failed")
    assert second["type"] == "answer.completed"


async def test_an_invented_tool_has_no_name_that_a_row_cannot_hold(ada: Visitor) -> None:
    providers.install(ScriptedProvider(calls(("x" * 300, {})), says("Sorry.")))
    async with Socket(ada) as socket:
        completed = await socket.ask("Hi")
    assert completed["message"]["text"] == "Sorry."
    started = next(frame for frame in socket.frames if frame["type"] == "tool.started")
    assert "x" not in started["label"]


async def test_a_deleted_conversation_is_not_found(ada: Visitor) -> None:
    async with Socket(ada) as socket:
        await socket.until("ready")
        await in_database(Conversation.objects.all().delete)()
        await socket.say("Hi", "id-1")
        error = await socket.until("error")
    assert (error["code"], error["id"]) == ("not_found", "id-1")
    assert await Message.objects.acount() == 0
