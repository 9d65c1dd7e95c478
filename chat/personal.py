"""Whether a text tells who wrote it. What may be shared with everybody must not."""

import re
import unicodedata

from chat.redaction import holds_personal_data, redact

EMAIL = re.compile(r"(?<![\w.%+@-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,4}[^\W\d_]{2,24}(?![\w@-])")
"""Finds e-mail addresses."""

_DIGITS = re.compile(r"\d[\d .\-/()]{2,}\d|#\s?\w|\b[A-Za-z]{1,4}-?\d{2,}")
"""An order, telephone, card or account number, a birthday, a postcode. Prices and years are lost
with them: a question that is not shared costs one request."""

_ADDRESSED = re.compile(
    r"\b\d{1,5}[a-z]?,?\s+(?:\w+\s+){1,3}(?:street|st|road|rd|avenue|ave|lane|drive|square|close)\b"
    r"|\w*(?:stra(?:ß|ss)e|weg|platz|gasse)\s+\d"
    r"|\b(?:calle|avenida|plaza)\s+(?:\w+\s+){1,4}\d"
    r"|\b\d{1,4},?\s+(?:bis\s+)?(?:rue|avenue|boulevard|place|chemin)\b",
    re.IGNORECASE,
)

_INTRODUCED = re.compile(
    r"\b(?:(?i:my name is|my name's|call me|ich heiße|ich heisse|mein name ist|me llamo|mi nombre es"
    r"|je m['’]appelle|mon nom est|signed)\s+(?P<told>[^\W\d_][\w'’-]+(?:[ -][A-Z][\w'’-]+)*)"
    r"|(?i:I am|I['’]m|this is|ich bin|soy|je suis|hier ist|regards,?|greetings,?|thanks,"
    r"|grüße,?|gruß,?|saludos,?|cordialement,?)"
    r"\s+(?P<name>[A-Z][\w'’-]+(?:[ -][A-Z][\w'’-]+)*))"
)

_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{6,}")
"""A reference, a voucher, a serial number."""


def personal(text: str) -> bool:
    """Whether `text` may tell who wrote it: an address, a number, a name given as one's own.

    Says yes too often rather than too seldom.
    """
    text = unicodedata.normalize("NFKC", text)
    patterns = (_DIGITS, _CODE, _ADDRESSED, _INTRODUCED)
    return (
        "@" in text
        or any(pattern.search(text) for pattern in patterns)
        or holds_personal_data(text)
    )


def introduced(text: str) -> str | None:
    """The name by which a customer introduced themselves, if they did."""
    found = _INTRODUCED.search(text)
    return (found["told"] or found["name"]) if found else None


def masked(text: str) -> str:
    """`text` with what tells who wrote it replaced by its kind: all that `chat.redaction` finds, a
    street with a house number, a name given as one's own. Numbers stay: most are a product's."""
    text = _ADDRESSED.sub("[address]", redact(text))
    return _INTRODUCED.sub(_without_name, text)


def _without_name(found: re.Match[str]) -> str:
    start, end = found.span("told" if found["told"] else "name")
    return f"{found.string[found.start() : start]}[name]{found.string[end : found.end()]}"
