"""Order numbers and e-mail addresses: one spelling, and found inside a sentence."""

import re
import time

import pytest

from tools.orders.identifiers import (
    EMAIL_PATTERN,
    NUMBER_PATTERN,
    normalise_email,
    normalise_number,
)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("W2611340", "W2611340"),
        ("#w2611340 ", "W2611340"),
        (" # W2611340\n", "W2611340"),
        ("jo-1234", "JO-1234"),
        ("00004587345", "00004587345"),
        ("1234.", "1234"),
        ("１２３４", "1234"),  # noqa: RUF001  # full-width digits, as a Japanese keyboard writes them
        ("2024/1234", "2024/1234"),
        ("12\x0034", "1234"),
        ("12\ud80034", "1234"),
        ("[1234](https://evil.example)", "1234HTTPS//EVILEXAMPLE"),
        ("###", ""),
    ],
)
def test_a_number_has_one_spelling(written: str, stored: str) -> None:
    assert normalise_number(written) == stored
    assert normalise_number(stored) == stored


def test_an_email_has_one_spelling() -> None:
    assert normalise_email(" Ann.Lee@Example.COM\n") == "ann.lee@example.com"
    assert normalise_email("ann\x00@example.com") == "ann@example.com"


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        ("1234", "1234"),
        ("1234.", "1234"),
        ("It is 1234, thank you", "1234"),
        ("where is order 1234?", "1234"),
        ("order number:1234", "1234"),
        ("(1234)", "1234"),
        ("order #1234!", "#1234"),
        ("order#1234", "1234"),
        ("my order is #17", "#17"),
        ("#W2611340", "#W2611340"),
        ("has #W2611340 shipped", "#W2611340"),
        ("w2611340 please", "w2611340"),
        ("track 732201349959", "732201349959"),
        ("the ETA of purchase 113542617735902", "113542617735902"),
        ("see order 00004587345", "00004587345"),
        ("JO-1234", "JO-1234"),
        ("it's jo-1234.", "jo-1234"),
        ("order 1234 2 lamps", "1234"),
        ("I ordered in 2024, number 1234", "1234"),
        ("I paid $1200 for order 1234", "1234"),
        ("ann.lee4495@example.com, order 1234", "1234"),
        ("1234 ann.lee4495@example.com", "1234"),
        ("1234,ann@example.com", "1234"),
        ("zip 10083, order 1234", "1234"),
        ("orders 1234 and 5678", "1234"),
        ("https://shop.example/orders/1234", "1234"),
        # A year is a number when it is said to be one, or when it is the whole answer.
        ("2024", "2024"),
        ("order 2024", "2024"),
        ("my order number 1999", "1999"),
        ("#2024", "#2024"),
        ("order JO-2024", "JO-2024"),
    ],
)
def test_a_number_is_found_in_a_sentence(sentence: str, number: str) -> None:
    match = re.search(NUMBER_PATTERN, sentence)
    assert match
    assert match[0] == number


@pytest.mark.parametrize(
    "sentence",
    [
        "where is my order?",
        "I bought 3 lamps in 2024",
        "since 1999 nothing like it",
        "on 2024-11-20",
        "20.11.2024 was the day",
        "at 12:3456",
        "I paid $1234",
        "I paid $ 1234.50 for it",
        "it cost 1234.50",
        "1,234 people",
        "1234,56 is the price",
        "1234 dollars",
        "1500€ for a chair",
        "USD 1500",
        "I have 5000 euros",
        "+15551234567",
        "call +1 555 123 4567",
        "555-123-4567 is my phone",
        "(555) 123-4567",
        "555 1234",
        "555.123.4567",
        "4111 1111 1111 1111",
        "4111111111111111",
        "my card ending in 4242",
        "ann1234@example.com",
        "1234@example.com",
        "ann.1234.lee@example.com",
        "ann-1234@example.com",
        "ann@1234.com",
        "ann@mail.x1234.com",
        "my zip code 10083",
        "model WH1000XM4",
        "123",
        "covid-19",
        "the a1234b lamp",
        "50% of 1234%",
        "2fd4e1c6-7a2d-48fc-9c1d-7f64c2b51234",
    ],
)
def test_what_only_looks_like_a_number_is_left_alone(sentence: str) -> None:
    match = re.search(NUMBER_PATTERN, sentence)
    assert match is None, match


@pytest.mark.parametrize(
    ("sentence", "email"),
    [
        ("ann@example.com", "ann@example.com"),
        ("It is Ann.Lee+shop@mail.Example.co.uk.", "Ann.Lee+shop@mail.Example.co.uk"),
        ("1234, ann@example.com", "ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ("mailto:ann@example.com?", "ann@example.com"),
        ("ann_lee%x@ex-ample.travel", "ann_lee%x@ex-ample.travel"),
    ],
)
def test_an_email_is_found_in_a_sentence(sentence: str, email: str) -> None:
    match = re.search(EMAIL_PATTERN, sentence)
    assert match
    assert match[0] == email


@pytest.mark.parametrize("sentence", ["ann at example.com", "@ann", "ann@", "ann@home", "a@b@c.de"])
def test_what_is_no_email_is_left_alone(sentence: str) -> None:
    assert re.search(EMAIL_PATTERN, sentence) is None


@pytest.mark.parametrize("pattern", [NUMBER_PATTERN, EMAIL_PATTERN])
@pytest.mark.parametrize(
    "text",
    ["1234.", "1234%", "a.", "a", "1", "a@a.", "#", "ab-", "1234 ", "@", "1234%a+-"],
)
def test_no_message_of_4000_characters_makes_a_pattern_slow(pattern: str, text: str) -> None:
    message = (text * 4000)[:4000]
    started = time.process_time()
    re.search(pattern, message)
    assert time.process_time() - started < 0.2
