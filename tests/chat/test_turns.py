"""A turn: claimed by one runner, answered or visibly failed, its tool calls done once."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from django.db import OperationalError, connection
from pytest_django import Settings

from chat import conversations, leases, providers, runs, turns
from chat.conversations import Reply
from chat.database import in_database
from chat.identity import Visitor
from chat.leases import LeaseLost
from chat.llm.base import (
    AssistantMessage,
    AttemptStarted,
    AuthenticationFailed,
    Overloaded,
    ProviderFailed,
    StopReason,
    TextDelta,
    ToolMessage,
)
from chat.models import Message, ToolCall, Turn, UsageRecord
from chat.progress import TurnRecord
from tests.chat import sample_tools
from tests.fakes import REPORT, ScriptedProvider, calls, fails, says

pytestmark = pytest.mark.django_db(transaction=True)

NO_RECORD = TurnRecord(attempts=(), prompt_hash="", duration=0.0, first_token=None)


async def asked(visitor: Visitor, text: str = "Where is my parcel 1234?") -> UUID:
    """The turn of a message that was just received."""

    def receive() -> UUID:
        conversation = conversations.open_conversation(visitor)
        return conversations.receive(conversation, client_id=text[:40], text=text).turn

    return await in_database(receive)()


async def reply() -> Message:
    return await Message.objects.exclude(role=Message.Role.CUSTOMER).aget()


@pytest_asyncio.fixture
async def slow_commits() -> AsyncIterator[asyncio.Event]:
    """The insert of a usage record takes half a second; the event tells that one has begun."""
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def slow(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT") and UsageRecord._meta.db_table in sql:
            loop.call_soon_threadsafe(begun.set)
            time.sleep(0.5)
        return execute(sql, *rest)

    await in_database(lambda: connection.execute_wrappers.append(slow))()
    yield begun
    await in_database(lambda: connection.execute_wrappers.clear())()


async def test_the_reply_is_stored_with_how_it_came_about(ada: Visitor) -> None:
    providers.install(
        ScriptedProvider(calls(("search", {"query": "kettle"})), says("Boil it [a1-2]."))
    )
    turn_id = await asked(ada)
    await turns.run(turn_id)
    message, turn = await reply(), await Turn.objects.aget()
    assert message.text == "Boil it [1]."
    assert message.citations == [
        {"title": "Kettles", "heading": "Cleaning", "url": "/help/kettles/#cleaning"}
    ]
    assert (turn.status, turn.provider, turn.model) == ("completed", "scripted", "script-1")
    assert len(turn.prompt_hash) == 12
    assert turn.first_token_ms is not None
    assert turn.duration_ms is not None
    assert await UsageRecord.objects.filter(turn=turn, outcome="ok", input_tokens=100).acount() == 2


async def test_an_invented_source_is_dropped_and_counted(ada: Visitor) -> None:
    providers.install(
        ScriptedProvider(
            calls(("search", {"query": "kettle"})), says("Boil it [a1-2, a7-7] [a9-9].")
        )
    )
    await turns.run(await asked(ada))
    message, turn = await reply(), await Turn.objects.aget()
    assert message.text == "Boil it [1]."
    assert len(message.citations) == 1
    assert turn.citations_invented == 2


async def test_a_tool_call_is_a_row_and_its_receipt_a_card(ada: Visitor) -> None:
    providers.install(
        ScriptedProvider(calls(("track_parcel", {"number": "1234"})), says("In Bath."))
    )
    await turns.run(await asked(ada))
    call = await ToolCall.objects.aget()
    assert (call.ordinal, call.name, call.status) == (1, "track_parcel", "succeeded")
    assert call.arguments == {"number": "1234"}
    assert call.receipt is not None
    assert call.receipt["title"] == "Parcel 1234"


async def test_a_guest_is_a_guest_to_the_tools(guest: Visitor) -> None:
    provider = ScriptedProvider(calls(("track_parcel", {"number": "1234"})), says("E-mail?"))
    providers.install(provider)
    await turns.run(await asked(guest))
    results = provider.requests[1].messages[-1]
    assert isinstance(results, ToolMessage)
    assert results.results[0].missing == ("email",)


async def test_a_tool_that_breaks_tells_nobody_why(ada: Visitor) -> None:
    provider = ScriptedProvider(calls(("explode", {})), says("Sorry."))
    providers.install(provider)
    await turns.run(await asked(ada))
    assert sample_tools.SECRET not in str(provider.requests[1].messages)
    call = await ToolCall.objects.aget()
    assert (call.status, call.error) == ("failed", "RuntimeError")
    assert sample_tools.SECRET not in f"{call.result}{call.error}"


async def test_an_unknown_tool_and_broken_arguments_go_back_to_the_model(ada: Visitor) -> None:
    provider = ScriptedProvider(calls(("teleport", {}), ("search", None)), says("Never mind."))
    providers.install(provider)
    await turns.run(await asked(ada))
    results = provider.requests[1].messages[-1]
    assert isinstance(results, ToolMessage)
    assert "There is no tool teleport" in results.results[0].content
    assert "not readable JSON" in results.results[1].content
    assert all(result.is_error for result in results.results)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (fails(Overloaded("busy")), "OVERLOADED"),
        (fails(AuthenticationFailed("no")), "AUTH"),
        (fails(Overloaded("busy"), "Half an ans"), "OVERLOADED"),
        (says(), "NO_ANSWER"),
        ([ValueError("a bug")], "INTERNAL"),
    ],
    ids=["overloaded", "key refused", "broken in mid-answer", "empty", "a bug of ours"],
)
async def test_a_turn_that_cannot_be_answered_fails_visibly(
    ada: Visitor, script: list[Any], code: str
) -> None:
    providers.install(ScriptedProvider(script))
    await turns.run(await asked(ada))
    turn, message = await Turn.objects.aget(), await reply()
    assert (turn.status, turn.error_code) == ("failed", code)
    assert (message.role, message.text) == ("system", runs.APOLOGY)


async def test_a_turn_has_only_so_long(ada: Visitor, settings: Settings) -> None:
    settings.TURN_TIMEOUT = 0.1
    providers.install(ScriptedProvider([30.0]))
    await turns.run(await asked(ada))
    assert (await Turn.objects.aget()).error_code == "TIMEOUT"


async def test_an_answer_cut_by_its_limit_is_not_stored_as_complete(ada: Visitor) -> None:
    providers.install(ScriptedProvider(says("A long", reason=StopReason.MAX_TOKENS)))
    await turns.run(await asked(ada))
    assert (await reply()).partial


async def test_a_failed_attempt_is_on_record_too(ada: Visitor) -> None:
    failed = ProviderFailed("first", "f-1", "OVERLOADED", "busy", 0.2)
    providers.install(ScriptedProvider([failed, *says("Hello.")]))
    await turns.run(await asked(ada))
    outcomes = [row async for row in UsageRecord.objects.values_list("provider", "error_code")]
    assert sorted(outcomes) == [("first", "OVERLOADED"), ("scripted", "")]


async def test_one_runner_gets_the_turn(ada: Visitor) -> None:
    provider = ScriptedProvider(says("Hello.", pause=0.1))
    providers.install(provider)
    turn_id = await asked(ada)
    await asyncio.gather(*(turns.run(turn_id) for _ in range(5)))
    assert len(provider.requests) == 1
    assert await Message.objects.filter(role=Message.Role.ASSISTANT).acount() == 1


async def test_a_stale_runner_may_not_write(ada: Visitor) -> None:
    turn_id = await asked(ada)
    stale = await in_database(leases.claim)(turn_id)
    assert stale is not None
    await Turn.objects.aupdate(lease_expires_at="2020-01-01T00:00:00Z")
    fresh = await in_database(leases.claim)(turn_id)
    assert fresh is not None
    assert fresh.fence == stale.fence + 1
    with pytest.raises(LeaseLost):
        await in_database(conversations.complete)(stale, Reply("Late"), NO_RECORD)
    with pytest.raises(LeaseLost):
        await in_database(leases.renew)(stale)
    await in_database(conversations.complete)(fresh, Reply("In time"), NO_RECORD)
    assert (await reply()).text == "In time"


async def test_a_turn_whose_server_stops_is_given_back_and_run_again(ada: Visitor) -> None:
    providers.install(ScriptedProvider([TextDelta("Half"), 30.0]))
    turn_id = await asked(ada)
    turns.start(turn_id)
    await asyncio.sleep(0.2)
    await turns.drain(0)
    assert (await Turn.objects.aget()).status == Turn.Status.RUNNING
    providers.install(ScriptedProvider(says("Whole.")))
    await turns.run(turn_id)
    turn = await Turn.objects.aget()
    assert (turn.status, turn.attempts, (await reply()).text) == ("completed", 1, "Whole.")


async def test_what_an_attempt_cost_that_was_given_back_is_kept(ada: Visitor) -> None:
    started = AttemptStarted("fake", "fake-1", attempt=1)
    providers.install(ScriptedProvider([REPORT, started, TextDelta("Half an answer."), 30.0]))
    turns.start(await asked(ada))
    await asyncio.sleep(0.2)
    await turns.drain(0)
    rows = UsageRecord.objects.order_by("pk").values_list("outcome", "input_tokens", "estimated")
    counted, cut = [row async for row in rows]
    assert counted == ("ok", 100, False)
    assert (cut[0], cut[2]) == ("stopped", True)


async def test_what_an_attempt_cost_that_another_runner_took_over_is_kept(ada: Visitor) -> None:
    providers.install(ScriptedProvider([REPORT, TextDelta("Half"), 1.0, TextDelta("Late")]))
    turns.start(await asked(ada))
    await asyncio.sleep(0.2)
    await Turn.objects.aupdate(fence=2)
    await turns.idle()
    assert not await Message.objects.filter(role=Message.Role.ASSISTANT).aexists()
    assert await UsageRecord.objects.filter(input_tokens=100).acount() == 1


async def test_what_an_attempt_cost_is_kept_once_when_its_commit_is_cut_short(
    ada: Visitor, slow_commits: asyncio.Event
) -> None:
    providers.install(ScriptedProvider([REPORT, TextDelta("Whole.")]))
    turns.start(await asked(ada))
    await slow_commits.wait()
    await turns.drain(0)
    assert (await reply()).text == "Whole."
    assert await UsageRecord.objects.filter(input_tokens=100).acount() == 1


async def test_a_turn_that_cannot_be_claimed_is_left_to_a_sweep(
    ada: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    turn_id = await asked(ada)

    def broken(execute: Any, *call: Any) -> Any:
        raise OperationalError("the server closed the connection")

    await in_database(lambda: connection.execute_wrappers.append(broken))()
    try:
        await turns.run(turn_id)
    finally:
        await in_database(lambda: connection.execute_wrappers.clear())()
    assert "waits for the database" in caplog.text
    assert (await Turn.objects.aget()).status == Turn.Status.QUEUED


async def test_a_turn_that_runs_again_does_no_tool_call_twice(ada: Visitor) -> None:
    turn_id = await asked(ada)
    await Turn.objects.aupdate(fence=1)  # a first runner claimed it, and died
    await ToolCall.objects.acreate(
        turn_id=turn_id, ordinal=1, round=1, name="note", status=ToolCall.Status.SUCCEEDED,
        arguments={"title": "a", "text": "b"}, result={"content": "Noted before."},
    )  # fmt: skip
    await ToolCall.objects.acreate(
        turn_id=turn_id, ordinal=2, round=1, name="track_parcel", arguments={"number": "77"}
    )
    provider = ScriptedProvider(says("All done."))
    providers.install(provider)
    await turns.run(turn_id)
    asked_before, results = provider.requests[0].messages[1:]
    assert isinstance(asked_before, AssistantMessage)
    assert isinstance(results, ToolMessage)
    assert [r.content for r in results.results] == ["Noted before.", "Parcel 77: Bath"]
    assert await ToolCall.objects.filter(status=ToolCall.Status.SUCCEEDED).acount() == 2


async def test_a_turn_that_keeps_killing_its_runner_fails_visibly(ada: Visitor) -> None:
    turn_id = await asked(ada)
    await Turn.objects.aupdate(attempts=leases.MAX_ATTEMPTS)
    provider = ScriptedProvider(says("Never said."))
    providers.install(provider)
    await turns.run(turn_id)
    assert (await Turn.objects.aget()).error_code == "ATTEMPTS"
    assert not provider.requests


async def test_the_next_turn_knows_what_was_said_and_done(ada: Visitor) -> None:
    provider = ScriptedProvider(
        calls(("track_parcel", {"number": "1234"})), says("In Bath."), says("Tomorrow.")
    )
    providers.install(provider)
    await turns.run(await asked(ada))
    await turns.run(await asked(ada, "And when will it be here?"))
    kinds = [type(message).__name__ for message in provider.requests[2].messages]
    assert kinds == [
        "UserMessage",
        "AssistantMessage",
        "ToolMessage",
        "AssistantMessage",
        "UserMessage",
    ]


async def test_usage_that_a_provider_reported_is_kept_when_the_turn_fails(ada: Visitor) -> None:
    providers.install(ScriptedProvider([REPORT, Overloaded("busy")]))
    await turns.run(await asked(ada))
    assert await UsageRecord.objects.filter(input_tokens=100).aexists()
