"""What identifies an order: its number and its e-mail, in one spelling and inside a sentence."""

import unicodedata

MAX_NUMBER_LENGTH = 40
MAX_EMAIL_LENGTH = 320
"""Characters: 64 before the @ and 255 after it (RFC 3696, erratum 1690)."""


def normalise_number(number: str) -> str:
    """An order number as it is stored: `#w2611340 ` is `W2611340`.

    Keeps letters, digits, `-`, `_` and `/`, so that a number that is echoed is no markup either.
    """
    upper = unicodedata.normalize("NFKC", number).upper()
    return "".join(character for character in upper if character.isalnum() or character in "-_/")


def normalise_email(email: str) -> str:
    """An e-mail address as it is stored: in lower case, without spaces or control characters."""
    return "".join(character for character in email.lower() if character.isprintable()).strip()


# What stands around a number tells an order from a year, a price or a telephone number.
# Look-behinds must have a fixed width, hence one a case.
_NOT_AFTER = "".join(
    rf"(?<!{before})"
    for before in (
        r"[\w@+\-%]",  # inside a word, an e-mail address or a telephone number
        r"\d[.,:/]",  # the second part of a decimal, a time or a date
        r"\d\d ",  # the second group of a telephone or card number
        r"\d\) ",  # after an area code
        r"[$€£¥]",
        r"[$€£¥] ",
        r"\b(?:usd|eur|gbp) ",
        r"\bzip ",
        r"\bzip code ",
        r"\bpostcode ",
        r"\bending ",  # "my card ending in 4242"
        r"\bending in ",
        r"\bends in ",
    )
)
_NOT_BEFORE = (
    r"(?![\w@])"
    r"(?![\w.%+\-]{0,64}@)"  # the first part of an e-mail address
    r"(?![.,:/]\d|-\w|\.[a-z])"  # a decimal, a date, a telephone number, a host name
    r"(?! \d{3})"  # the next group of a telephone or card number
    r"(?! ?(?:[$€£¥%]|(?:usd|eur|gbp|dollars?|euros?|pounds?|cents?)\b))"
)
_YEAR = r"(?:19|20)\d\d\b"
# 16 digits are a card number; the look-ahead `(?![\w@])` leaves a longer run of digits alone.
_DIGITS = r"\d{4,15}"

NUMBER_PATTERN = (
    r"(?i:"
    rf"{_NOT_AFTER}"
    r"(?:"
    rf"#[a-z]{{0,4}}-?\d{{2,15}}"  # the sign says that it is one: #17, #W2611340
    rf"|[a-z]{{1,4}}-?{_DIGITS}"  # JO-1234
    rf"|(?!{_YEAR}){_DIGITS}"  # 1234, but not 2024
    rf"|(?:(?<=\border )|(?<=\bnumber )|\A(?=\d+\s*\Z)){_YEAR}"  # unless it is said to be one
    r")"
    rf"{_NOT_BEFORE}"
    r")"
)
"""Finds an order number in a sentence; the match may begin with `#`. Has no groups."""

EMAIL_PATTERN = (
    r"(?<![\w.%+\-@])[\w.%+\-]{1,64}@[a-zA-Z0-9\-]{1,63}(?:\.[a-zA-Z0-9\-]{1,63}){0,2}"
    r"\.[a-zA-Z]{2,24}(?![\w@\-])"
)
"""Finds an e-mail address in a sentence. Has no groups; bounded, so that no text makes it slow."""
