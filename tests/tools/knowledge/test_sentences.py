"""Sentences: where one ends, in whatever language."""

import pytest

from tools.knowledge.sentences import join, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs $2.50 at example.com.", ["It costs $2.50 at example.com."]),
        ("Use System.Text here.Then stop.", ["Use System.Text here.Then stop."]),
        ("Allow approx. 5 days. Then ask.", ["Allow approx. 5 days.", "Then ask."]),
        (
            "Open Bank Acc. Reconciliation. Then ask.",
            ["Open Bank Acc. Reconciliation.", "Then ask."],
        ),
        ("See e.g. the price list. Or ask.", ["See e.g. the price list.", "Or ask."]),
        ("He said “Stop.” Then he left.", ["He said “Stop.”", "Then he left."]),
        ("एक है। दो है।तीन है।", ["एक है।", "दो है।", "तीन है।"]),
        ("需要五天。请联系我们！可以吗？", ["需要五天。", "请联系我们！", "可以吗？"]),
        ("ใช้เวลา 5 วัน กรุณารอ", ["ใช้เวลา 5 วัน", "กรุณารอ"]),
        ("การคืนสินค้า กรุณารอ", ["การคืนสินค้า", "กรุณารอ"]),
        ("", [""]),
    ],
)
def test_a_sentence_ends_where_its_language_ends_it(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", "Das gilt z. B. für Lampen bis zum 3. Mai."),
        ("de-AT", "Die Nr. 5 kostet 3,50 Euro."),
        ("es", "El Sr. Pérez, p. ej., paga más."),
    ],
)
def test_an_abbreviation_of_the_language_ends_none(locale: str, text: str) -> None:
    assert split(text, locale) == [text]


def test_in_a_long_text_a_word_that_looks_like_an_abbreviation_ends_its_sentence() -> None:
    said = "La tienda está en una ciudad pequeña junto al mar."
    assert split(" ".join([said] * 10), "es") == [said] * 10


@pytest.mark.parametrize("text", ["One. Two! Three", "需要五天。请联系我们！", "एक है। दो है।", ""])
def test_joined_again_they_are_the_text(text: str) -> None:
    assert join(split(text)) == text
