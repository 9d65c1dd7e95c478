"""The part of a passage that answers: whole sentences and steps, in the article's own words."""

from html import escape

import pytest

from chat import markdown
from tools.knowledge.chunks import count
from tools.knowledge.extract import ANSWER_WORDS, SNIPPET_WORDS, STEPS_WORDS, answer, snippet
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
    assert found == "The warranty of a kettle covers:\n\n- rust of every kind and shape\n\n…"


def test_what_belongs_to_a_step_stays_with_it() -> None:
    text = f"1. Unplug the lamp.\n   Let the bulb cool.\n2. Turn it.\n\n{FILLER * 8}"
    assert "1. Unplug the lamp.\n   Let the bulb cool." in answer(text, "unplug the lamp")


def test_of_too_many_steps_those_from_the_one_that_answers_are_given() -> None:
    text = "Do this:\n\n" + "\n".join(f"{n}. {FILLER}" for n in range(1, 20)) + "\n20. Zebra."
    assert answer(text, "zebra") == "Do this:\n\n20. Zebra."


def test_steps_that_are_too_many_break_off_visibly() -> None:
    text = "To polish the lamp:\n\n" + "\n".join(f"{n}. {FILLER.strip()}" for n in range(1, 20))
    found = answer(text, "How do I polish the lamp?", heading="Polish the lamp")
    assert found.startswith("To polish the lamp:\n\n1. ")
    assert found.endswith("two sisters who liked good things.\n\n…")
    assert ANSWER_WORDS < count(found) <= STEPS_WORDS + 1


@pytest.mark.parametrize("query", ["", "?", "\0\ud7ff", "(" * 500, "the of"])
def test_any_query_gets_an_answer(query: str) -> None:
    assert 0 < count(answer(FILLER * 20, query)) <= ANSWER_WORDS


def test_a_snippet_is_one_short_line() -> None:
    text = f"{FILLER * 3}\n\nTo descale the kettle:\n\n{STEPS}"
    found = snippet(text, "descale")
    assert "\n" not in found
    assert 0 < count(found) <= SNIPPET_WORDS


# What reads well ---------------------------------------------------------------------------------


def padded(*paragraphs: str) -> str:
    """A passage too long to be said whole."""
    return "\n\n".join([*paragraphs, FILLER * 6])


def test_a_sentence_brings_the_one_that_says_what_its_they_means() -> None:
    text = padded(FILLER + "Gift cards come by e-mail. They are valid for three years.")
    found = answer(text, "How long is it valid?")
    assert "Gift cards come by e-mail. They are valid for three years." in found


def test_a_short_yes_or_no_is_said_with_its_reason() -> None:
    text = padded(
        "Often not. If it cannot be repaired, we ask you to recycle the item.", FILLER * 2
    )
    found = answer(text, "Do I have to send the damaged item back for repair?")
    assert found.startswith("Often not. If it cannot be repaired")


def test_under_a_heading_that_is_the_question_its_beginning_is_the_answer() -> None:
    text = padded(
        "Not at the moment. Write to us if you need it soon.", "Our ship is old. " + FILLER
    )
    found = answer(text, "Do you ship items abroad?", heading="Do you ship items abroad?")
    assert found.startswith("Not at the moment.")


def test_where_an_amount_is_asked_for_the_sentence_with_the_number_answers() -> None:
    text = padded(
        "Delivery of lamps is simple and safe. " * 3,
        "Express delivery of a lamp is $12.50 in most states. " + FILLER,
    )
    assert "$12.50" in answer(text, "How much is the delivery of a lamp?")


def test_what_only_points_elsewhere_is_left_out() -> None:
    said = "Refunds take five days."
    assert answer(f"{said} For more information, see Payments.", "refunds") == said
    assert answer(f"{said} Más información en Pagos.", "refunds", locale="es") == said
    assert answer("See also Payments.", "refunds") == "See also Payments."


def test_what_announces_something_that_is_not_there_is_left_out() -> None:
    assert answer("Refunds take five days.\n\nDo this:", "refunds") == "Refunds take five days."


def test_a_sentence_that_announces_a_table_is_said_with_its_rows() -> None:
    rows = "\n".join(f"- Zone {number}: ${number}" for number in range(1, 4))
    text = padded(f"{FILLER}The following table lists the fees.", rows)
    found = answer(text, "table of fees")
    assert f"The following table lists the fees.\n\n{rows}" in found


def test_all_steps_are_given_where_the_question_is_what_they_are_for() -> None:
    text = padded(f"To descale the kettle:\n\n{STEPS}")
    found = answer(text, "How do I descale the kettle?", heading="Descale the kettle")
    assert found.startswith(f"To descale the kettle:\n\n{STEPS}")


def test_no_step_is_passed_over() -> None:
    long = f"2. Wait {'and wait ' * 90}a while."
    text = f"Do this:\n\n1. Unplug the zebra lamp.\n{long}\n3. Plug the zebra lamp in again."
    found = answer(text, "zebra lamp plug in again")
    assert found == "Do this:\n\n3. Plug the zebra lamp in again."


def test_a_step_with_a_table_does_not_hide_the_step_after_it() -> None:
    rows = "\n".join(f"   - Field {n}: {FILLER.strip()}" for n in range(9))
    text = padded(
        f"To enroll a lamp:\n\n1. Open the page.\n2. Fill in the fields.\n{rows}\n3. Choose OK."
    )
    found = answer(text, "How do I enroll a lamp?", heading="Enroll a lamp")
    assert "2. Fill in the fields.\n   - Field 0" in found
    assert "\n   …\n3. Choose OK." in found


def test_a_lead_in_that_leans_back_brings_what_it_leans_on() -> None:
    text = padded(f"You cannot exchange a kettle by mail. Instead:\n\n{STEPS}")
    found = answer(text, "rinse three times before tea")
    assert found.startswith("You cannot exchange a kettle by mail. Instead:\n\n1. ")


@pytest.mark.parametrize("label", ["Warning", "Achtung", "注意"])
def test_a_warning_stays_with_what_it_is_about(label: str) -> None:
    text = padded(f"Boil the kettle with vinegar.\n\n{label}: Let it cool before you open it.")
    found = answer(text, "boil kettle vinegar")
    assert f"Boil the kettle with vinegar.\n\n{label}: Let it cool" in found


def test_a_sentence_of_a_note_is_said_as_a_note() -> None:
    text = padded("Note: This is for kettles of steel. Enamel kettles crack when they boil dry.")
    assert answer(text, "Do enamel kettles crack?").startswith(
        "Note: This is for kettles of steel."
    )


# In other languages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "filler", "said", "query"),
    [
        ("de", "Das Geschäft liegt in einer kleinen Stadt am Meer. ", "Die Rückgabe kostet 5 Euro.",
         "Wie viel kostet eine Rückgabe?"),
        ("es", "La tienda está en una ciudad pequeña junto al mar. ",
         "Las devoluciones tardan cinco días.", "¿Cuánto tarda una devolución?"),
        ("hi", "दुकान समुद्र के पास एक छोटे शहर में है। ", "वापसी में पाँच दिन लगते हैं।", "वापसी में कितने दिन लगते हैं?"),
        ("zh", "我们的商店位于海边的一个小城市。", "退货需要五天。", "退货需要多久？"),
        ("ja", "私たちの店は海辺の小さな町にあります。", "返品は5日かかります。", "返品は何日かかりますか？"),
        ("th", "ร้านของเราอยู่ในเมืองเล็กริมทะเล ", "การคืนสินค้าใช้เวลาห้าวัน ", "การคืนสินค้าใช้เวลากี่วัน"),
    ],
)  # fmt: skip
def test_in_every_language_the_sentence_that_answers_is_found(
    locale: str, filler: str, said: str, query: str
) -> None:
    text = filler * 20 + said + filler * 20
    found = answer(text, query, locale=locale)
    assert said.strip() in found
    assert count(found) < count(text) / 2


# As Markdown -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["Use *.pdf and _all_ of `it`.", "Write [1] or [a](b).", "# 1 in kettles", "> 5 cups | 2"],
)
def test_no_character_of_an_article_is_taken_for_markup(text: str) -> None:
    assert markdown.to_html(answer(text, "kettle")) == f"<p>{escape(text, quote=False)}</p>\n"


def test_lists_stay_lists() -> None:
    html = markdown.to_html(answer(f"Do this:\n\n{STEPS}", "descale"))
    assert html.count("<li>") == STEPS.count("\n") + 1
    assert "<ol>" in html


@pytest.mark.parametrize("question", ["my lamp broke", "What can I do about a broken lamp?"])
def test_nobody_is_told_yes_who_did_not_ask_whether(question: str) -> None:
    text = "Yes. We keep lamp shades as spare parts."
    assert answer(text, question) == "We keep lamp shades as spare parts."


@pytest.mark.parametrize(
    "question", ["Do you sell lamp shades?", "can I buy a shade", "Haben Sie Lampenschirme?"]
)
def test_who_asks_whether_is_told(question: str) -> None:
    text = "Yes. We keep lamp shades as spare parts."
    assert answer(text, question) == text
