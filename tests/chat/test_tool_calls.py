"""A tool that works once in a turn, and a model that asks for it over and over."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from chat import conversations, providers, turns
from chat.database import in_database
from chat.identity import Visitor
from chat.llm.base import Request, ToolMessage
from chat.models import ToolCall
from chat.toolbox import MissingArgument, Tool, ToolContext, ToolError, tool
from tests.fakes import Round, ScriptedProvider, calls, says

pytestmark = pytest.mark.django_db(transaction=True)

done: list[str] = []
ordinals: list[int] = []


@tool(label="…", once=True, timeout=0.2)
async def send_letter(context: ToolContext, to: str) -> str:
    """Sends a letter."""
    ordinals.append(context.ordinal)
    if to == "the slow":
        await asyncio.sleep(5)
    if to == "the clumsy":
        raise RuntimeError("It fell behind the desk.")
    if to == "nobody":
        raise MissingArgument("to")
    if to == "the moon":
        raise ToolError("No post goes there.")
    done.append(to)
    return f"A letter to {to} is on its way."


@pytest.fixture(autouse=True)
def _letters(settings: Settings) -> None:
    settings.AGENT_TOOLS = [f"{__name__}.send_letter"]
    done.clear()
    ordinals.clear()


async def letters(visitor: Visitor, *rounds: list[str]) -> list[ToolCall]:
    """Lets a model ask for letters, those of one round at once; returns the calls."""
    wanted = [calls(*(("send_letter", {"to": to}) for to in of_round)) for of_round in rounds]
    providers.install(ScriptedProvider(*wanted, says("Done.")))

    def ask() -> conversations.Received:
        conversation = conversations.open_conversation(visitor)
        return conversations.receive(conversation, client_id="1", text="Write to them.")

    await turns.run((await in_database(ask)()).turn)
    return await in_database(list)(ToolCall.objects.order_by("ordinal"))


async def test_it_works_once_however_often_a_model_asks(guest: Visitor) -> None:
    made = await letters(guest, ["Ada", "Bo", "Cy"], ["Di"])
    assert done == ["Ada"]
    assert [call.status for call in made] == ["succeeded", "failed", "failed", "failed"]


async def test_the_model_reads_why(guest: Visitor) -> None:
    heard: list[str] = []

    def listens(request: Request) -> Round:
        last = request.messages[-1]
        assert isinstance(last, ToolMessage)
        heard.extend(result.content for result in last.results)
        return says("Done.")

    wanted = calls(("send_letter", {"to": "Ada"}), ("send_letter", {"to": "Bo"}))
    providers.install(ScriptedProvider(wanted, listens))
    conversation = await in_database(conversations.open_conversation)(guest)
    receive = in_database(conversations.receive)
    await turns.run((await receive(conversation, client_id="1", text="Write!")).turn)
    assert heard[0] == "A letter to Ada is on its way."
    assert heard[1].startswith("Not done: send_letter works once in an answer")


async def test_a_call_that_failed_or_asked_for_something_has_not_done_it(guest: Visitor) -> None:
    await letters(guest, ["the moon"], ["nobody"], ["Ada"], ["Bo"])
    assert done == ["Ada"]


@pytest.mark.parametrize("whom", ["the slow", "the clumsy"])
async def test_one_that_may_have_done_it_is_tried_again_under_its_own_number(
    guest: Visitor, whom: str
) -> None:
    """Whoever has the effect gives it back: effects are unique on the number."""
    made = await letters(guest, ["the moon"], [whom], [whom], ["Ada"], ["Bo"])
    assert ordinals == [1, 2, 2, 2]
    assert done == ["Ada"]
    assert [call.ordinal for call in made] == [1, 2, 3, 4, 5]
    assert made[-1].error.startswith("Not done")


async def test_the_rows_of_calls_at_once_are_written_together(guest: Visitor) -> None:
    """A server that dies between two of them would leave half of what the model wanted."""
    inserted: list[str] = []

    def third_fails(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if 'INSERT INTO "chat_toolcall"' in sql:
            inserted.append(sql)
            if len(inserted) == 3:
                raise OperationalError("the server went away")
        return execute(sql, params, many, context)

    await in_database(lambda: connection.execute_wrappers.append(third_fails))()
    try:
        made = await letters(guest, ["Ada", "Bo", "Cy"])
    finally:
        await in_database(lambda: connection.execute_wrappers.remove(third_fails))()
    assert len(inserted) == 3
    assert made == []


async def test_each_turn_has_its_own(guest: Visitor, mallory: Visitor) -> None:
    await letters(guest, ["Ada"])
    await letters(mallory, ["Ada"])
    assert done == ["Ada", "Ada"]


async def test_without_the_mark_a_model_gets_its_way(guest: Visitor, settings: Settings) -> None:
    """The negative control."""
    settings.AGENT_TOOLS = [f"{__name__}.any_letters"]
    wanted = [("_any_letters", {"to": "Ada"})] * 3
    providers.install(ScriptedProvider(calls(*wanted), says("Done.")))
    conversation = await in_database(conversations.open_conversation)(guest)
    receive = in_database(conversations.receive)
    await turns.run((await receive(conversation, client_id="1", text="Write!")).turn)
    assert done == ["Ada"] * 3


async def _any_letters(context: ToolContext, to: str) -> str:
    """Sends a letter."""
    done.append(to)
    return "Sent."


any_letters: Tool = tool(label="…")(_any_letters)
