"""What changed from one text to another, in rows that people can read.

Lines are compared first, then the words of lines that took the place of others: an article's
paragraph is one long line, and the change in it may be one word.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

CONTEXT = 2
"""Unchanged lines that are shown around a change: the paragraph before it, and the gap between."""

ALIKE = 0.4
"""Share of common words from which lines are one line that was edited. Below it, the words in common
are "the" and "of", and a text with both versions mixed cannot be read."""

MOST_WORDS = 3000
"""Words of a change that are compared one by one: ten pages. The time grows with their square."""

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Change(StrEnum):
    """What happened to a piece of text."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a row that share one fate."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """Some lines. `skipped` is how many unchanged ones stand here that are not shown."""

    pieces: tuple[Piece, ...] = ()
    skipped: int = 0


def compare(before: str, after: str) -> list[Row]:
    """The rows that tell how `before` became `after`. Empty where they are the same."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    rows: list[Row] = []
    steps = SequenceMatcher(None, old, new).get_opcodes()
    for number, (step, i1, i2, j1, j2) in enumerate(steps):
        if step == "equal":
            ends = (number > 0, number < len(steps) - 1)
            rows += _around(old[i1:i2], *ends)
        else:
            rows += _changed(old[i1:i2], new[j1:j2])
    return rows


def _around(lines: Sequence[str], follows: bool, leads: bool) -> Iterator[Row]:
    """Unchanged lines: those near a change, and the number of the others."""
    head = CONTEXT if follows else 0
    tail = CONTEXT if leads else 0
    if len(lines) <= head + tail + 1:  # a line is no longer than the words that tell of it
        yield _row(Change.SAME, "\n".join(lines))
        return
    if head:
        yield _row(Change.SAME, "\n".join(lines[:head]))
    yield Row(skipped=len(lines) - head - tail)
    if tail:
        yield _row(Change.SAME, "\n".join(lines[-tail:]))


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    old, new = "\n".join(before), "\n".join(after)
    pieces = _by_words(old, new) if old and new else ()
    if pieces:
        yield Row(pieces)
        return
    if before:
        yield _row(Change.REMOVED, old)
    if after:
        yield _row(Change.ADDED, new)


def _by_words(before: str, after: str) -> tuple[Piece, ...]:
    """The words of both texts in one; empty where they have too little in common."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return ()
    # Spaces are everywhere: matched to each other they would cut the words apart.
    matcher = SequenceMatcher(str.isspace, old, new, autojunk=False)
    if matcher.ratio() < ALIKE:
        return ()
    return tuple(_pieces(matcher, old, new))


def _pieces(
    matcher: "SequenceMatcher[str]", old: Sequence[str], new: Sequence[str]
) -> Iterator[Piece]:
    for step, i1, i2, j1, j2 in matcher.get_opcodes():
        if step == "equal":
            yield Piece(Change.SAME, "".join(old[i1:i2]))
            continue
        if i1 < i2:
            yield Piece(Change.REMOVED, "".join(old[i1:i2]))
        if j1 < j2:
            yield Piece(Change.ADDED, "".join(new[j1:j2]))


def _row(change: Change, text: str) -> Row:
    return Row((Piece(change, text),))
