"""The passage that answers, among those of the article that was found."""

from dataclasses import replace

import pytest

from tools.knowledge.choice import best
from tools.knowledge.search import Passage

INTRO = Passage(
    "a1-1", 1, "Kettles", "", "/k/", "Scale is white. Here is how to remove it.", 2.0, "en"
)
DESCALE = replace(INTRO, id="a1-2", heading="How do I descale it?", text="1. Fill it.\n2. Boil it.")
OFTEN = replace(INTRO, id="a1-3", heading="How often?", text="Every 4 weeks.")
FAST = replace(INTRO, id="a1-4", heading="How fast is delivery of a kettle?", text="In 2 days.")
PRICE = replace(INTRO, id="a1-5", heading="What does delivery cost?", text="Delivery is $6.95.")
ABROAD = replace(
    INTRO, id="a2-6", title="Abroad", heading="Other countries", text="To Canada by sea only."
)
SECTIONS = [INTRO, DESCALE, OFTEN, FAST, PRICE]


def chosen(question: str, found: Passage = INTRO, *more: Passage) -> str:
    return best(question, found, [*SECTIONS, *more]).id


def test_an_introduction_gives_way_to_the_steps_that_it_announces() -> None:
    assert chosen("How do I descale the kettle?") == DESCALE.id


def test_a_heading_that_is_the_question_wins() -> None:
    assert chosen("How fast is the delivery of a kettle?", PRICE) == FAST.id


def test_a_price_that_is_asked_for_wins_over_a_heading_that_is_liker() -> None:
    assert chosen("How much is delivery of a kettle?", PRICE) == PRICE.id


def test_where_nothing_speaks_for_another_it_is_the_one_that_search_found() -> None:
    for found in (OFTEN, FAST, PRICE):
        assert chosen("zebra", found) == found.id


@pytest.mark.parametrize(
    ("follow_up", "expected"),
    [("how often should I do that?", OFTEN), ("what about Canada?", ABROAD)],
)
def test_of_a_follow_up_the_last_question_counts(follow_up: str, expected: Passage) -> None:
    assert chosen(f"How do I descale the kettle? {follow_up}", DESCALE, ABROAD) == expected.id


def test_it_chooses_in_other_languages() -> None:
    cost = replace(INTRO, id="a3-1", heading="¿Cuánto cuesta?", text="Cuesta 5 euros.", locale="es")
    time = replace(cost, id="a3-2", heading="¿Cuánto tarda el envío?", text="Cinco días.")
    assert best("¿Cuánto cuesta el envío? ¿y cuánto tarda?", cost, [time]).id == time.id
