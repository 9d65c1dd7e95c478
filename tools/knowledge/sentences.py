"""Sentences, in whatever language an article is written."""

import re
from collections.abc import Sequence
from itertools import pairwise

import sentencex

_FULL_WIDTH_END = tuple("\u3002\uff01\uff1f\u300d\u300f\u201d\uff09")
"""Where Chinese and Japanese sentences end, with a quotation or a bracket. No space follows."""

_ENDED = re.compile(rf"[\s\u0964\u0965{''.join(_FULL_WIDTH_END)}]\Z")
_GOES_ON = re.compile(r"[^\w]*(?:\d|[^\W\d_])")
_CUT_NAME = re.compile(r"(?<![^\W_])[A-Z]\w*[ -][A-Z]\w{1,3}\.\s*\Z")
"""The end of a name that was cut short within: "Bank Acc. Reconciliation"."""

_THAI = "\u0e00-\u0e7f"
_THAI_PAUSE = re.compile(rf"(?<=[{_THAI}])\s+(?=[{_THAI}])")
"""Thai ends a sentence with a space and no mark. One beside a number or a foreign word ends none."""

LONG = 240
"""Characters: some forty words, more than most sentences have."""

_ANY_END = re.compile(rf"(?<=\w\w[.!?])\s+(?=[A-ZÀ-ÖØ-ÞΑ-ΫА-Я¿¡])|{_THAI_PAUSE.pattern}")


def split(text: str, locale: str = "") -> list[str]:
    """The sentences of a paragraph, without the spaces between them.

    `locale` brings the language's abbreviations; without it those of English count. An empty text
    is one empty sentence.
    """
    found: list[str] = []
    for part in sentencex.segment(locale.split("-")[0].lower() or "en", text):
        if found and _is_one(found[-1], part):
            found[-1] += part
        else:
            found.append(part)
    parts = (piece.strip() for sentence in found for piece in _cut(sentence))
    return [part for part in parts if part] or [""]


def join(sentences: Sequence[str]) -> str:
    """Sentences as one text again, with a space where their script has one."""
    text = "".join(sentences[:1])
    for before, after in pairwise(sentences):
        text += space_after(before) + after
    return text


def space_after(sentence: str) -> str:
    """What parts a sentence from the next one: nothing in Chinese and Japanese."""
    return "" if sentence.endswith(_FULL_WIDTH_END) else " "


def _cut(sentence: str) -> list[str]:
    """A sentence at the ends that were taken for an abbreviation's: "mar." is Tuesday in Spanish, and
    the sea. Only a long one: two short sentences in one do no harm."""
    pattern = _ANY_END if len(sentence) > LONG else _THAI_PAUSE
    return pattern.split(sentence)


def _is_one(before: str, after: str) -> bool:
    """Whether the mark between two texts ended no sentence: `System.Text`, `approx. 5 days`."""
    if not _ENDED.search(before):
        return True
    if _CUT_NAME.search(before):
        return True
    start = _GOES_ON.match(after)
    follows = start is not None and (start[0][-1].islower() or start[0][-1].isdigit())
    return follows and before.rstrip().endswith(".")
