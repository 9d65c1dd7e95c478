"""The part of a passage that answers: whole sentences and steps, in the article's own words."""

import pytest

from tools.knowledge.chunks import count
from tools.knowledge.extract import ANSWER_WORDS, SNIPPET_WORDS, answer, snippet
from tools.knowledge.sentences import split as sentences

FILLER = "The shop was founded in a small town by the sea by two sisters who liked good things. "
STEPS = "\n".join(
    f"{number}. {what}"
    for number, what in enumerate(
        [
            "Fill the kettle with one part vinegar and two parts of cold water to the line.",
            "Boil it once and let it stand for thirty minutes with the lid closed.",
            "Pour the vinegar away and wipe the inside with a soft and damp cloth.",
            "Rinse the kettle three times with clear water before you make tea again.",
        ],
        start=1,
    )
)


def test_a_short_passage_is_its_own_answer() -> None:
    text = "Refunds take five days.\n\n- card: five days\n- cash: at once"
    assert answer(text, "shipping to the moon?") == text
    assert answer("", "anything?") == ""


def test_of_a_long_passage_the_sentences_that_answer_are_given() -> None:
    text = FILLER * 6 + "Refunds to a credit card take five business days. " + FILLER * 6
    found = answer(text, "How long do refunds to my credit card take?")
    assert "Refunds to a credit card take five business days." in found
    assert count(found) <= ANSWER_WORDS


def test_the_sentences_stay_in_their_order_and_whole() -> None:
    said = [f"Fact {number} about the refund is that it takes a while." for number in range(30)]
    found = sentences(answer(" ".join(said), "refund"))
    assert found == [one for one in said if one in found]
    assert len(found) > 3


def test_a_sentence_that_is_too_long_by_itself_is_given_whole() -> None:
    one = "The refund " + "really " * 200 + "takes five days."
    assert answer(f"{FILLER} {one}", "How long does the refund take?") == one


def test_steps_are_given_from_the_first_with_their_lead_in() -> None:
    text = f"{FILLER * 5}\n\nTo descale the kettle:\n\n{STEPS}\n\n{FILLER * 5}"
    found = answer(text, "wipe the inside with a damp cloth")
    first_three = STEPS.rpartition("\n")[0]
    assert f"To descale the kettle:\n\n{first_three}" in found


def test_an_item_of_a_list_brings_the_sentence_that_introduces_it() -> None:
    items = "\n".join(f"- {thing}: {FILLER}" for thing in ("Lamps", "Rugs", "Mattresses", "Pans"))
    text = f"{FILLER}\n\nThese cannot be returned:\n\n{items}"
    found = answer(text, "mattresses", limit=40)
    assert found.startswith("These cannot be returned:")
    assert "- Mattresses:" in found
    assert "- Rugs:" not in found


def test_a_lead_in_never_stands_alone() -> None:
    said = "The kettle has its warranty. " + FILLER * 6
    text = f"{said}\n\nThe warranty of a kettle covers:\n\n- rust of every kind and shape\n- cracks"
    found = answer(text, "What does the kettle's warranty cover?", limit=13)
    assert found == "The warranty of a kettle covers:\n\n- rust of every kind and shape"


def test_what_belongs_to_a_step_stays_with_it() -> None:
    text = f"1. Unplug the lamp.\n   Let the bulb cool.\n2. Turn it.\n\n{FILLER * 8}"
    assert "1. Unplug the lamp.\n   Let the bulb cool." in answer(text, "unplug the lamp")


def test_steps_that_are_too_many_lose_their_end_and_not_their_beginning() -> None:
    text = "Do this:\n\n" + "\n".join(f"{n}. {FILLER}" for n in range(1, 20)) + "\n20. Zebra."
    found = answer(text, "zebra")
    assert found.startswith("Do this:\n\n1. ")
    assert "Zebra" not in found
    assert count(found) <= ANSWER_WORDS


@pytest.mark.parametrize("query", ["", "?", "\0\ud7ff", "(" * 500, "the of"])
def test_any_query_gets_an_answer(query: str) -> None:
    assert 0 < count(answer(FILLER * 20, query)) <= ANSWER_WORDS


def test_a_snippet_is_one_short_line() -> None:
    text = f"{FILLER * 3}\n\nTo descale the kettle:\n\n{STEPS}"
    found = snippet(text, "descale")
    assert "\n" not in found
    assert 0 < count(found) <= SNIPPET_WORDS
