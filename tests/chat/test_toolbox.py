"""Tools: their schema, and whatever may happen when one is called."""

import logging
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from pytest_django import Settings

from chat.identity import VerifiedCustomer
from chat.toolbox import FAILED, Tool, ToolContext, load_tools, tool
from tests.chat import sample_tools

GUEST = ToolContext(conversation=uuid4(), turn=uuid4(), ordinal=1, customer=None)
ADA = ToolContext(uuid4(), uuid4(), 1, VerifiedCustomer("C-1", "ada@mail.example", "Ada"))


def test_the_schema_comes_from_the_hints_and_the_docstring() -> None:
    spec = sample_tools.track_parcel.spec
    assert spec.name == "track_parcel"
    assert spec.description == "Tells where a parcel is."
    assert spec.schema["required"] == ["number"]
    assert spec.schema["additionalProperties"] is False
    number = spec.schema["properties"]["number"]
    assert number["description"] == "The parcel's number."
    assert (number["type"], number["maxLength"]) == ("string", 20)
    assert "context" not in spec.schema["properties"]


def test_the_slots_tell_the_offline_engine_what_to_ask() -> None:
    number, email = sample_tools.track_parcel.spec.slots
    assert (number.required, number.ask, number.max_length) == (True, sample_tools.ORDER_ASK, 20)
    assert (email.required, email.pattern) == (False, r"\S+@\S+\w")


async def test_a_call_answers_the_model_and_the_customer() -> None:
    outcome = await sample_tools.track_parcel.run(ADA, {"number": "1234"})
    assert (outcome.output.content, outcome.output.text) == (
        "Parcel 1234: Bath",
        "Parcel 1234 is in Bath.",
    )
    assert outcome.output.receipt is not None
    assert not outcome.error


async def test_a_plain_string_is_both_texts() -> None:
    outcome = await sample_tools.note.run(GUEST, {"title": "Lamp", "text": "Broken"})
    assert outcome.output.content == outcome.output.text == "Noted: Lamp / Broken"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "number: Field required"),
        ({"number": 7}, "number: Input should be a valid string"),
        ({"number": "7" * 21}, "at most 20 characters"),
        ({"number": "1234", "customer_id": "C-2"}, "customer_id: Extra inputs are not permitted"),
        (None, "not readable JSON"),
    ],
)
async def test_bad_arguments_go_back_to_the_model_unexecuted(
    arguments: dict[str, Any] | None, said: str
) -> None:
    outcome = await sample_tools.track_parcel.run(ADA, arguments)
    assert said in outcome.output.content
    assert outcome.result("x").is_error
    assert outcome.output.text == FAILED


async def test_a_missing_argument_becomes_a_question_to_the_customer() -> None:
    outcome = await sample_tools.track_parcel.run(GUEST, {"number": "1234"})
    assert outcome.missing == ("email",)
    assert outcome.output.text == sample_tools.EMAIL_ASK
    assert sample_tools.EMAIL_ASK in outcome.output.content


async def test_a_bug_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    outcome = await sample_tools.explode.run(GUEST, {})
    said = f"{outcome.output} {outcome.error}"
    assert sample_tools.SECRET not in said
    assert outcome.error == "RuntimeError"
    assert sample_tools.SECRET in caplog.text
    assert [r.levelno for r in caplog.records] == [logging.ERROR]


async def test_an_expected_refusal_is_told_to_everybody() -> None:
    outcome = await sample_tools.refuse.run(GUEST, {})
    assert outcome.output.text == "The warehouse is closed on Sundays."
    assert outcome.result("x").is_error


async def test_a_tool_that_loses_its_database_is_called_once_more() -> None:
    lost: list[int] = []

    @tool(label="…")
    async def count(context: ToolContext) -> str:
        """Counts, with a database that restarts the first time."""
        lost.append(context.ordinal)
        if len(lost) == 1:
            raise OperationalError("the server closed the connection")
        return "counted"

    outcome = await count.run(GUEST, {})
    assert (outcome.output.content, outcome.error) == ("counted", "")
    assert lost == [GUEST.ordinal] * 2


async def test_a_tool_whose_database_stays_away_has_failed() -> None:
    @tool(label="…")
    async def count(context: ToolContext) -> str:
        """Counts, without a database."""
        raise OperationalError("the server is gone")

    outcome = await count.run(GUEST, {})
    assert (outcome.error, outcome.output.text) == ("OperationalError", FAILED)


async def test_a_tool_has_only_so_long() -> None:
    outcome = await sample_tools.hang.run(GUEST, {})
    assert outcome.error == "TimeoutError"
    assert outcome.output.text == FAILED


def test_a_tool_without_a_docstring_is_refused_at_import() -> None:
    async def silent(context: ToolContext) -> str:
        return ""

    with pytest.raises(TypeError, match="needs a docstring"):
        tool(label="…")(silent)


def test_a_tool_declares_what_it_does_and_whether_its_results_may_be_shared() -> None:
    """Both are off unless said: a new tool is neither proof of anything nor shared with anybody."""

    async def look(context: ToolContext) -> str:
        """Looks."""
        return ""

    plain = tool(label="…")(look)
    assert (plain.shareable, plain.performs) == (False, frozenset())
    declared = tool(label="…", version=lambda customer: "7", performs=["ticket"])(look)
    assert (declared.shareable, declared.performs) == (True, frozenset({"ticket"}))


def test_the_settings_name_the_tools(settings: Settings) -> None:
    settings.AGENT_TOOLS = ["tests.chat.sample_tools.note"]
    assert load_tools() == {"note": sample_tools.note}
    assert isinstance(sample_tools.note, Tool)
    settings.AGENT_TOOLS = ["tests.chat.sample_tools.SECRET"]
    with pytest.raises(TypeError, match="is not a tool"):
        load_tools()
