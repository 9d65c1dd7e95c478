"""The offline engine: it routes, asks, calls and words, and states nothing that no tool returned."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chat.llm.base import (
    AssistantMessage,
    Citation,
    End,
    Message,
    Request,
    StopReason,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolResult,
    ToolUse,
    Unsupported,
    UserMessage,
)
from chat.llm.offline import Call, OfflineProvider, Say, next_step
from chat.llm.phrases import ENGLISH, FRENCH, GERMAN, SPANISH
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
    assert again == f"{ENGLISH.not_recognised} {sample_tools.ORDER_ASK}"
    given_up = said(step(*dialogue, again, "I told you, the blue one"))
    assert given_up == f"{ENGLISH.unknown} Shall I note it down?"


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
    offered = ("do you like jazz?", f"{ENGLISH.unknown} Shall I note it down?")
    assert called(step(*offered, "Yes, please!"))[1]["text"] == "do you like jazz?"
    assert called(step(*offered, "yes, and blues"))[1]["text"] == "do you like jazz?\nand blues"
    assert said(step(*offered, "no thanks")) == ENGLISH.declined


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
        ("Hi!", ENGLISH.greeting),
        ("good morning", ENGLISH.greeting),
        ("Thank you so much", ENGLISH.anything_else),
        ("bye", ENGLISH.goodbye),
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
    assert worded(nothing) == f"{ENGLISH.unknown} Shall I note it down?"


def test_it_never_speaks_of_what_only_the_model_may_know() -> None:
    assert "for the model" not in worded(ToolResult("1", "for the model", text="Fit for all."))


def test_without_tools_it_knows_nothing() -> None:
    assert said(step("where is my parcel 1234", tools=())) == ENGLISH.unknown
    assert said(step("where is my parcel 1234", allowed=False)).startswith(ENGLISH.unknown)


async def test_it_streams_like_any_provider() -> None:
    provider = OfflineProvider(pace=0)
    request = Request("", (UserMessage("hello"),), tools=TOOLS)
    events = [event async for event in provider.stream(request)]
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == ENGLISH.greeting
    assert events[-1] == End(StopReason.END)
    request = Request("", (UserMessage("track parcel 1234"),), tools=TOOLS)
    events = [event async for event in provider.stream(request)]
    assert isinstance(events[0], ToolUse)
    assert events[-1] == End(StopReason.TOOL_USE)


async def test_it_cannot_be_held_to_a_schema() -> None:
    with pytest.raises(Unsupported):
        await OfflineProvider().complete_structured(Request("", (UserMessage("hi"),)), Reading)


NOTE_ASK = "What happened?"
OFFER = f"{ENGLISH.unknown} Shall I note it down?"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("thank you very much, that helps", ENGLISH.anything_else),
        ("nope, thanks anyway", ENGLISH.anything_else),
        ("gracias", SPANISH.anything_else),
        ("Guten Tag!", GERMAN.greeting),
        ("how are you?", ENGLISH.well),
        ("are you a bot?", ENGLISH.about_me),
        ("why?", ENGLISH.say_more),
        ("\N{THUMBS UP SIGN}", ENGLISH.say_more),
    ],
)
def test_what_is_about_nothing_is_not_looked_up(text: str, answer: str) -> None:
    assert said(step(text)) == answer


@pytest.mark.parametrize(
    "text", ["thanks, but where is my parcel?", "great, and how do I clean the kettle?"]
)
def test_thanks_do_not_hide_a_question(text: str) -> None:
    assert said(step(text, tools=())) != ENGLISH.anything_else


@pytest.mark.parametrize("text", ["ok, never mind", "no thanks, that's all", "I don't want that"])
def test_an_offer_is_declined_in_many_words(text: str) -> None:
    assert said(step("do you like jazz?", OFFER, text)) == ENGLISH.declined


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


# Follow-up questions -----------------------------------------------------------------------------

KETTLE = ("how do I clean the kettle?", "Boil it.")


@pytest.mark.parametrize(
    "text",
    [
        "and how much does it cost?", "why?", "how long does that take?", "Can I do it weekly?",
        "y cuánto cuesta?", "¿por qué?", "und wie lange dauert das?", "Warum?", "et combien ?",
        "为什么？", "いくら？", "और क्यों?",
    ],
)  # fmt: skip
def test_what_makes_no_sense_alone_is_searched_with_the_question_before(text: str) -> None:
    assert called(step(*KETTLE, text))[1] == {"query": f"how do I clean the kettle? {text}"}


@pytest.mark.parametrize(
    "text",
    [
        "Can I return this lamp today?", "is there a warranty on pans?", "do you ship to Canada?",
        "How do I descale the pot, and what does it cost in a shop?", "¿Hacen envíos a Canarias?",
        "Wie lange dauert der Versand?", "gift cards",
    ],
)  # fmt: skip
def test_a_question_that_makes_sense_alone_is_searched_alone(text: str) -> None:
    assert called(step(*KETTLE, text))[1] == {"query": text}


def test_a_chain_of_follow_ups_keeps_its_first_question() -> None:
    dialogue = (*KETTLE, "how long does that take?", "An hour.", "what about the lid?", "Wipe it.")
    assert called(step(*dialogue, "why?"))[1] == {
        "query": "how do I clean the kettle? what about the lid? why?"
    }


def test_thanks_and_values_are_no_question_to_go_on_with() -> None:
    dialogue = (
        *KETTLE,
        "no, never mind",
        "Anything else?",
        "ada@mail.example",
        "Noted.",
        "1234",
        "Hm.",
    )
    assert called(step(*dialogue, "how long does that take?"))[1] == {
        "query": "how do I clean the kettle? how long does that take?"
    }


def test_of_a_long_story_before_only_the_beginning_goes_along() -> None:
    story = "My kettle is dull. " + "It was so shiny once and we all loved it very much. " * 20
    query = str(called(step(story, "Boil it.", "why?"))[1]["query"])
    assert query.startswith("My kettle is dull.")
    assert query.endswith(" why?")
    assert len(query) < 300


def searched(*said: str, query: str, found: ToolResult) -> Say | Call:
    """The next step after a search for what the customer said last."""
    messages: list[Message] = [
        UserMessage(text) if number % 2 == 0 else AssistantMessage(text)
        for number, text in enumerate(said)
    ]
    call = ToolCall("1", "search", {"query": query})
    after = (AssistantMessage("", (call,)), ToolMessage((found,)))
    return next_step(Request("", (*messages, *after), tools=TOOLS))


BOIL = ToolResult("1", "", text="Boil it.", citations=(Citation("a1-2", "Kettles", "", "/k/"),))
LIDS = replace(BOIL, text="Wipe the lid.")
NOTHING = ToolResult("1", "", found=False)


@pytest.mark.parametrize("found", [BOIL, NOTHING])
def test_a_new_topic_that_began_like_a_follow_up_is_searched_again_alone(found: ToolResult) -> None:
    text = "what about gift cards?"
    again = searched(*KETTLE, text, query=f"how do I clean the kettle? {text}", found=found)
    assert called(again) == ("search", {"query": text})


def test_a_follow_up_whose_own_word_was_found_is_answered() -> None:
    text = "what about the lid?"
    query = f"how do I clean the kettle? {text}"
    assert said(searched(*KETTLE, text, query=query, found=LIDS)) == "Wipe the lid."


def test_what_points_back_is_never_searched_alone() -> None:
    text = "does it fit lamps?"
    query = f"how do I clean the kettle? {text}"
    assert said(searched(*KETTLE, text, query=query, found=BOIL)) == "Boil it."


def test_nothing_is_searched_twice_in_the_same_words() -> None:
    text = "what about gift cards?"
    assert said(searched(text, query=text, found=NOTHING)).startswith(ENGLISH.unknown)


# In the customer's language ----------------------------------------------------------------------

TRANSLATED = replace(
    sample_tools.note.spec, offers={"de": "Soll ich es notieren?", "es": "¿Lo anoto?"}
)


def unanswered(text: str, locale: str = "") -> str:
    messages = (UserMessage(text), AssistantMessage(""), ToolMessage((NOTHING,)))
    return said(next_step(Request("", messages, tools=(TRANSLATED,), locale=locale)))


@pytest.mark.parametrize(
    ("text", "locale", "answer"),
    [
        ("do you like jazz?", "", f"{ENGLISH.unknown} Shall I note it down?"),
        ("mögen Sie Jazz und Blues?", "en", f"{GERMAN.unknown} Soll ich es notieren?"),
        ("¿le gusta el jazz?", "", f"{SPANISH.unknown} ¿Lo anoto?"),
        ("aimez-vous le jazz ?", "", f"{FRENCH.unknown} Shall I note it down?"),
        ("Jazz?", "de-at", f"{GERMAN.unknown} Soll ich es notieren?"),
        ("जैज़?", "hi", f"{ENGLISH.unknown} Shall I note it down?"),
    ],
)
def test_it_says_that_it_does_not_know_in_the_customers_language(
    text: str, locale: str, answer: str
) -> None:
    assert unanswered(text, locale) == answer


def test_an_offer_is_known_again_in_every_language() -> None:
    offered = f"{GERMAN.unknown} Soll ich es notieren?"
    taken = step("mögen Sie Jazz?", offered, "Ja, bitte", tools=(TRANSLATED,))
    assert called(taken)[1]["text"] == "mögen Sie Jazz?"
    declined = step("mögen Sie Jazz?", offered, "nein danke", tools=(TRANSLATED,))
    assert said(declined) == GERMAN.declined
