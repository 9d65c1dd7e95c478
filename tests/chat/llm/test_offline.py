"""The offline engine: it routes, asks, calls and words, and states nothing that no tool returned."""

from collections.abc import Sequence

import pytest

from chat.llm import offline
from chat.llm.base import (
    AssistantMessage,
    End,
    Message,
    Request,
    StopReason,
    TextDelta,
    ToolMessage,
    ToolResult,
    ToolUse,
    Unsupported,
    UserMessage,
)
from chat.llm.offline import Call, OfflineProvider, Say, next_step
from chat.reading import Reading
from tests.chat import sample_tools

TOOLS = (
    sample_tools.search.spec,
    sample_tools.track_parcel.spec,
    sample_tools.note.spec,
)


def step(*said: str, tools: Sequence[object] = TOOLS, allowed: bool = True) -> Say | Call:
    """The next step after a dialogue that the customer began."""
    messages: list[Message] = [
        UserMessage(text) if number % 2 == 0 else AssistantMessage(text)
        for number, text in enumerate(said)
    ]
    return next_step(Request("", tuple(messages), tools=tools, tools_allowed=allowed))  # type: ignore[arg-type]  # a tuple of specs


def called(step: Say | Call) -> tuple[str, dict[str, object]]:
    assert isinstance(step, Call), step
    return step.tool.name, step.arguments


def said(step: Say | Call) -> str:
    assert isinstance(step, Say), step
    return step.text


def worded(*results: ToolResult) -> str:
    messages = (UserMessage("?"), AssistantMessage(""), ToolMessage(results))
    return said(next_step(Request("", messages, tools=TOOLS)))


def test_an_utterance_goes_to_the_tool_whose_examples_it_is_like() -> None:
    assert called(step("could you track my parcel 1234 please"))[0] == "track_parcel"
    assert called(step("how do I clean my kettle"))[0] == "search"


def test_an_exact_pattern_is_enough() -> None:
    assert called(step("1234")) == ("track_parcel", {"number": "1234"})


def test_what_is_missing_is_asked_for() -> None:
    assert said(step("where is my parcel?")) == sample_tools.ORDER_ASK


def test_the_dialogue_is_several_turns_deep() -> None:
    asked = ("where is my parcel?", sample_tools.ORDER_ASK)
    assert called(step(*asked, "it is 1234")) == ("track_parcel", {"number": "1234"})
    more = (*asked, "1234", sample_tools.EMAIL_ASK)
    assert called(step(*more, "ada@mail.example")) == (
        "track_parcel",
        {"number": "1234", "email": "ada@mail.example"},
    )


def test_a_corrected_value_wins_over_the_older_one() -> None:
    dialogue = ("track 1234 ada@mail.example", "There is no such parcel.", "sorry, 5678")
    assert called(step(*dialogue))[1] == {"number": "5678", "email": "ada@mail.example"}


def test_an_answer_that_is_none_is_asked_for_again_and_then_given_up() -> None:
    dialogue = ("where is my parcel?", sample_tools.ORDER_ASK, "the blue one")
    again = said(step(*dialogue))
    assert again == f"{offline.NOT_RECOGNISED} {sample_tools.ORDER_ASK}"
    given_up = said(step(*dialogue, again, "I told you, the blue one"))
    assert given_up == f"{offline.UNKNOWN} Shall I note it down?"


def test_another_question_may_follow_a_question() -> None:
    dialogue = ("where is my parcel?", sample_tools.ORDER_ASK, "how do I clean the kettle?")
    assert called(step(*dialogue))[0] == "search"


def test_free_text_is_taken_as_it_is_and_headed_by_its_first_sentence() -> None:
    story = "The lid broke. It fell on my foot, and now both are blue."
    assert called(step("I want to complain", "What happened?", story)) == (
        "note",
        {"title": "The lid broke.", "text": story},
    )


def test_an_utterance_that_says_it_all_is_not_asked_about() -> None:
    story = "I bought a purple teapot. It arrived in seven pieces yesterday! I want to complain."
    name, arguments = called(step(story))
    assert (name, arguments["text"]) == ("note", story)
    assert len(str(arguments["title"])) <= 30


def test_an_offer_can_be_taken_or_declined() -> None:
    offered = ("do you like jazz?", f"{offline.UNKNOWN} Shall I note it down?")
    assert called(step(*offered, "Yes, please!"))[1]["text"] == "do you like jazz?"
    assert called(step(*offered, "yes, and blues"))[1]["text"] == "do you like jazz?\nand blues"
    assert said(step(*offered, "no thanks")) == offline.DECLINED


def test_what_fits_nothing_is_left_to_the_open_ended_tool() -> None:
    assert called(step("what is the meaning of life")) == (
        "search",
        {"query": "what is the meaning of life"},
    )


def test_a_follow_up_is_searched_with_its_question() -> None:
    dialogue = ("how do I clean the kettle?", "Boil it.", "and how much is it?")
    assert called(step(*dialogue))[1] == {"query": "how do I clean the kettle? and how much is it?"}


def test_messages_that_came_together_are_read_together() -> None:
    request = Request("", (UserMessage("where is my parcel"), UserMessage("1234")), tools=TOOLS)
    assert called(next_step(request))[1] == {"number": "1234"}


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Hi!", offline.GREETING),
        ("good morning", offline.GREETING),
        ("Thank you so much", offline.ANYTHING_ELSE),
        ("bye", offline.GOODBYE),
    ],
)
def test_a_greeting_is_a_greeting(text: str, answer: str) -> None:
    assert said(step(text)) == answer


def test_the_reply_is_worded_from_what_the_tools_returned() -> None:
    one = ToolResult("1", "for the model", text="Parcel 1234 is in Bath.")
    two = ToolResult("2", "for the model", text="Boil it [a1-2].")
    assert worded(one, two) == "Parcel 1234 is in Bath.\n\nBoil it [a1-2]."


def test_a_tool_that_found_nothing_leads_to_an_honest_no_and_the_offer() -> None:
    nothing = ToolResult("1", "Nothing found.", found=False)
    assert worded(nothing) == f"{offline.UNKNOWN} Shall I note it down?"


def test_it_never_speaks_of_what_only_the_model_may_know() -> None:
    assert "for the model" not in worded(ToolResult("1", "for the model", text="Fit for all."))


def test_without_tools_it_knows_nothing() -> None:
    assert said(step("where is my parcel 1234", tools=())) == offline.UNKNOWN
    assert said(step("where is my parcel 1234", allowed=False)).startswith(offline.UNKNOWN)


async def test_it_streams_like_any_provider() -> None:
    provider = OfflineProvider(pace=0)
    request = Request("", (UserMessage("hello"),), tools=TOOLS)
    events = [event async for event in provider.stream(request)]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == offline.GREETING
    assert events[-1] == End(StopReason.END)
    request = Request("", (UserMessage("track parcel 1234"),), tools=TOOLS)
    events = [event async for event in provider.stream(request)]
    assert isinstance(events[0], ToolUse)
    assert events[-1] == End(StopReason.TOOL_USE)


async def test_it_cannot_be_held_to_a_schema() -> None:
    with pytest.raises(Unsupported):
        await OfflineProvider().complete_structured(Request("", (UserMessage("hi"),)), Reading)
