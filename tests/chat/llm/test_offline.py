"""The offline engine: it routes, asks, calls and words, and states nothing that no tool returned."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chat.llm import offline, small_talk
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
        ("Hi!", small_talk.GREETING),
        ("good morning", small_talk.GREETING),
        ("Thank you so much", small_talk.ANYTHING_ELSE),
        ("bye", small_talk.GOODBYE),
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
    assert text == small_talk.GREETING
    assert events[-1] == End(StopReason.END)
    request = Request("", (UserMessage("track parcel 1234"),), tools=TOOLS)
    events = [event async for event in provider.stream(request)]
    assert isinstance(events[0], ToolUse)
    assert events[-1] == End(StopReason.TOOL_USE)


async def test_it_cannot_be_held_to_a_schema() -> None:
    with pytest.raises(Unsupported):
        await OfflineProvider().complete_structured(Request("", (UserMessage("hi"),)), Reading)


NOTE_ASK = "What happened?"
OFFER = f"{offline.UNKNOWN} Shall I note it down?"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("thank you very much, that helps", small_talk.ANYTHING_ELSE),
        ("nope, thanks anyway", small_talk.ANYTHING_ELSE),
        ("gracias", small_talk.ANYTHING_ELSE),
        ("Guten Tag!", small_talk.GREETING),
        ("how are you?", small_talk.WELL),
        ("are you a bot?", small_talk.ABOUT_ME),
        ("why?", offline.SAY_MORE),
        ("\N{THUMBS UP SIGN}", offline.SAY_MORE),
    ],
)
def test_what_is_about_nothing_is_not_looked_up(text: str, answer: str) -> None:
    assert said(step(text)) == answer


@pytest.mark.parametrize(
    "text", ["thanks, but where is my parcel?", "great, and how do I clean the kettle?"]
)
def test_thanks_do_not_hide_a_question(text: str) -> None:
    assert said(step(text, tools=())) != small_talk.ANYTHING_ELSE


@pytest.mark.parametrize("text", ["ok, never mind", "no thanks, that's all", "I don't want that"])
def test_an_offer_is_declined_in_many_words(text: str) -> None:
    assert said(step("do you like jazz?", OFFER, text)) == offline.DECLINED


def test_a_yes_to_something_else_first_accepts_nothing() -> None:
    dialogue = ("do you like jazz?", OFFER, "sure, but first tell me how I clean the kettle")
    assert called(step(*dialogue))[0] == "search"
    assert called(step("do you like jazz?", OFFER, "sí, por favor"))[0] == "note"


def test_another_question_is_no_description() -> None:
    dialogue = ("I want to complain", NOTE_ASK, "how do I clean the kettle?")
    assert called(step(*dialogue))[0] == "search"


@pytest.mark.parametrize("text", ["yes", "let me talk to a human!", "I want to complain"])
def test_the_same_wish_again_is_no_description_but_the_second_time_it_will_do(text: str) -> None:
    assert said(step("I want to complain", NOTE_ASK, text)) == NOTE_ASK
    assert called(step("I want to complain", NOTE_ASK, text, NOTE_ASK, text))[0] == "note"


def test_the_last_of_two_values_counts() -> None:
    text = "track 1234 please. I wrote to help@shop.example, my address is ada@mail.example"
    assert called(step(text))[1]["email"] == "ada@mail.example"


def test_an_example_word_for_word_goes_to_its_tool_whatever_else_is_alike() -> None:
    close = replace(sample_tools.search.spec, examples=("when may my parcel arrive late?",) * 3)
    assert said(step("track my parcel", tools=(close, *TOOLS))) == sample_tools.ORDER_ASK


def test_a_value_does_not_outvote_what_is_wanted() -> None:
    assert said(step("let me talk to a human about 1234")) == NOTE_ASK


def test_a_question_is_searched_without_the_number_of_an_order() -> None:
    asked = step("may I clean the kettle of 1234 with vinegar", tools=TOOLS[:2])
    assert called(asked) == ("search", {"query": "may I clean the kettle of with vinegar"})
