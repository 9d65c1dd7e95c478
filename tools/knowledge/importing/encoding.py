"""Bytes as text. What is not UTF-8 is not guessed: a wrong guess is read by customers."""

import codecs

from charset_normalizer import from_bytes

from tools.knowledge.conversion.document import Unreadable

_SAMPLE = 20_000
"""Bytes that are looked at to name an encoding."""

_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark.

    Raises Unreadable for any other. It names the encoding that it looks like, which is right often
    enough to help a person and wrong too often to act on: Polish and French in the encodings of
    Windows are taken for one another.
    """
    encoding = next((name for mark, name in _MARKED if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        likely = from_bytes(data[:_SAMPLE]).best()
        looks = f" (it looks like {likely.encoding})" if likely and likely.coherence else ""
        raise Unreadable(f"is not UTF-8{looks}: save it as UTF-8") from error
