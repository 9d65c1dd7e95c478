"""The part of a passage that answers a question: whole sentences and steps, in its own words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chat.llm.embedding import embed
from tools.knowledge.chunks import count
from tools.knowledge.sentences import split as sentences
from tools.knowledge.words import informative, stems

ANSWER_WORDS = 90
"""What reads well in a chat bubble. The article is one click away."""

SNIPPET_WORDS = 35

_ITEM = re.compile(r"^(?:-|\d+\.) ")
_STEP = re.compile(r"\d+\. ")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a list item with its mark. `block` numbers the paragraph or list it is in."""

    text: str
    block: int

    @property
    def is_item(self) -> bool:
        return bool(_ITEM.match(self.text))

    @property
    def is_step(self) -> bool:
        return bool(_STEP.match(self.text))

    @property
    def leads_in(self) -> bool:
        return self.text.endswith(":")


def answer(text: str, query: str, *, limit: int = ANSWER_WORDS) -> str:
    """The sentences and list items of `text` that answer best, in reading order.

    At most about `limit` words, and never less than one whole sentence. Steps are given from the
    first on, and a list with the sentence that introduces it.
    """
    if count(text) <= limit:
        return text
    pieces = _pieces(text)
    scores = _scores([piece.text for piece in pieces], query)
    chosen: set[int] = set()
    for best in sorted(range(len(pieces)), key=lambda i: (-scores[i], i)):
        wanted = chosen | _needed(pieces, best)
        if not chosen or _length(pieces, wanted) <= limit:
            chosen = wanted
    return _joined(pieces, _shortened(pieces, chosen, limit))


def snippet(text: str, query: str) -> str:
    """A line or two about a search result, lists run together without their marks."""
    lines = answer(text, query, limit=SNIPPET_WORDS).split("\n")
    return " ".join(
        " ".join(_ITEM.sub("", line.lstrip(), count=1).split()) for line in lines if line
    )


def _pieces(text: str) -> list[_Piece]:
    found: list[_Piece] = []
    for block, paragraph in enumerate(text.split("\n\n")):
        for line in paragraph.split("\n"):
            if line.startswith(" ") and found and found[-1].is_item and found[-1].block == block:
                found[-1] = _Piece(f"{found[-1].text}\n{line}", block)
            elif _ITEM.match(line):
                found.append(_Piece(line, block))
            else:
                found += [_Piece(sentence, block) for sentence in sentences(line)]
    return [piece for piece in found if piece.text.strip()]


def _scores(texts: Sequence[str], query: str) -> list[float]:
    asked = set(informative(query))
    vectors = embed([query, *texts])
    near = np.dot(vectors[1:], vectors[0])
    shared = [len(asked & set(stems(text))) / max(1, len(asked)) for text in texts]
    return [0.5 * float(n) + 0.5 * s for n, s in zip(near, shared, strict=True)]


def _needed(pieces: Sequence[_Piece], index: int) -> set[int]:
    """A piece with what it makes no sense without."""
    piece, first = pieces[index], index
    if piece.is_item:
        while first > 0 and pieces[first - 1].block == piece.block and pieces[first - 1].is_item:
            first -= 1
    needed = set(range(first, index + 1)) if piece.is_step else {index}
    if first > 0 and pieces[first - 1].leads_in:
        needed.add(first - 1)
    if piece.leads_in and index + 1 < len(pieces):
        needed |= {index + 1}
    return needed


def _length(pieces: Sequence[_Piece], chosen: set[int]) -> int:
    return sum(count(pieces[index].text) for index in chosen)


def _shortened(pieces: Sequence[_Piece], chosen: set[int], limit: int) -> list[int]:
    """What the best piece needs may be too long by itself: then its end is left out."""
    kept = sorted(chosen)
    while len(kept) > 1 and _length(pieces, set(kept)) > limit:
        kept.pop()
    return kept


def _joined(pieces: Sequence[_Piece], chosen: Sequence[int]) -> str:
    text = ""
    for previous, index in zip([None, *chosen], chosen, strict=False):
        piece = pieces[index]
        if previous is None:
            glue = ""
        elif pieces[previous].block != piece.block:
            glue = "\n\n"
        else:
            glue = "\n" if piece.is_item else " "
        text += glue + piece.text
    return text
