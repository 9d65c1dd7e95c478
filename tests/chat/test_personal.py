"""What tells who wrote a text: taken out where the text is kept for others to read."""

import pytest

from chat.personal import masked


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Mail me at ada@mail.example please", "Mail me at [email] please"),
        ("My number is +44 20 7946 0958", "My number is [phone]"),
        ("Send it to 12 Oak Street today", "Send it to [address] today"),
        ("Lieferung an Hauptstraße 5, bitte", "Lieferung an [address], bitte"),
        (
            "Hi, my name is Ada Byron and I have a question",
            "Hi, my name is [name] and I have a question",
        ),
        ("Hallo, ich heiße Jürgen.", "Hallo, ich heiße [name]."),
        ("Where is my lamp? Regards, Ada", "Where is my lamp? Regards, [name]"),
    ],
)
def test_who_wrote_it_is_replaced_by_what_it_was(text: str, kept: str) -> None:
    assert masked(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "Do you ship to Norway?",
        "Does the KD-200 lamp take a 60 W bulb?",
        "Is delivery free over $60 in 2026?",
        "I am looking for a kettle",
        "",
    ],
)
def test_what_tells_nothing_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
