"""Tokens that carry the moment they were sent, through whatever stands between provider and browser.

The stamp is in the text itself, so it survives a server that gathers several tokens into one frame.
`time.monotonic_ns` is one clock for all processes of a machine, on Linux.
"""

import re
import time

_TOKEN = re.compile(r" (\d+):(\d+);")
"""A space in front, as most tokens of a model have. The semicolon shows that a stamp is whole."""


def token(number: int) -> str:
    """The text of a token that is sent now."""
    return f" {number}:{time.monotonic_ns()};"


def read(text: str) -> tuple[list[tuple[int, int]], str]:
    """The tokens in a text, each one's number and when it was sent; and the rest, if one is cut."""
    whole, end, rest = text.rpartition(";")
    return [(int(number), int(sent)) for number, sent in _TOKEN.findall(whole + end)], rest
