"""Redaction: what belongs to a customer or opens a door is gone, the rest of a line stays."""

import pytest

from chat.redaction import holds_personal_data, redact

pytestmark = pytest.mark.any_storage

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("I am ada@mail.example.", "I am [email]."),
        ("<ada.b+shop@mail.co.uk>", "<[email]>"),
        ("jürgen@müller.example", "[email]"),
        ("GET /?as=ada%40mail.example", "GET /?as=[email]"),
        ("'ada@mail.example'", "'[email]'"),
        ("pay with 4111 1111 1111 1111", "pay with [card]"),
        ("4111-1111-1111-1111 12/26", "[card] 12/26"),
        ("card4111111111111111", "card[card]"),
        ("amex 378282246310005", "amex [card]"),
        ("4222222222222 and 6304000000000000000", "[card] and [card]"),
        ("order 1234 4111 1111 1111 1111", "order 1234 [card]"),
        ("4111\u00a01111\u00a01111\u00a01111", "[card]"),
        ("call +44 (0)20 7946 0958 now", "call [phone] now"),
        ("0049 171 1234567", "[phone]"),
        ("Tel:0171/1234567", "Tel:[phone]"),
        ("01 23 45 67 89", "[phone]"),
        ("(555) 010-9999 or 555-010-9999", "[phone] or [phone]"),
        ("sk-ant-api03-abcDEF_12345", "[key]"),
        ("Incorrect API key provided: sk-proj-****wxyz.", "Incorrect API key provided: [key]."),
        ("Bearer s3cr3t-token", "Bearer [key]"),
        ("{'x-api-key': 'hunter22'}", "{'x-api-key': '[key]'}"),
        ("OPENAI_API_KEY=hunter22", "OPENAI_API_KEY=[key]"),
        ("Authorization: Basic YWRhOnB3ZA==", "Authorization: Basic [key]"),
        ("postgres://shop:pw@db/x", "postgres://[key]@db/x"),
        ("redis://:pw@h:6379/0", "redis://[key]@h:6379/0"),
        ('{"token": "eyJvd25lciI6InYifQ:1tXyz:abc-_1"}', '{"token": "[key]"}'),
        ("got " + ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJDLTEifQ", "abc-_1")), "got [key]"),
        ("AKIAABCDEFGHIJKLMNOP", "[key]"),  # pragma: allowlist secret
    ],
)
def test_what_is_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted
    assert holds_personal_data(text)


@pytest.mark.parametrize(
    "text",
    [
        "turn 4f0c2b9e-1234-4123-8123-123456789012 failed: anthropic: OVERLOADED: busy",
        "turn 41111111-1111-1111-8111-111111111111",  # digits of a card, but an id
        "trace abcdefab4111111111111111abcdefab",
        "order 1234567890123456",  # no card: its check digit is wrong
        "2026-11-25 03:39:26,123 took 0.0123456789 s",
        "2026-11-25T03:39:26.123456+00:00",
        "01/02/2026 10:30:00",
        "HTTP/1.1 200 12345 127.0.0.1:54321",
        "first_token: 0.123456, tokens=100000, max_tokens: 1024000",
        "unexpected token: < at position 5",
        "password: none",
        "ask me at noon @ the shop",
        "ticket T-1042, 3 for 24.99",
    ],
)
def test_what_stays(text: str) -> None:
    assert redact(text) == text
    assert not holds_personal_data(text)


def test_what_is_redacted_stays_as_it_is_when_redacted_again() -> None:
    text = redact(
        "ada@mail.example 4111111111111111 +44 20 7946 0958 Authorization: Bearer abcdefgh"
    )
    assert redact(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "a@",
        "@a.",
        "a.",
        "sk-",
        "+1",
        "://",
        "eyJ",
        "token:",
        "bearer ",
        "01 ",
        "(0",
        "4111 1111 1111 1111 ",
        "-",
        " ",
        "%40",
        "deadbeef-",
    ],
)
def test_a_megabyte_of_anything_comes_to_an_end(piece: str) -> None:
    """A pattern that tries again and again would take days."""
    redact(piece * (MEGABYTE // len(piece)))
