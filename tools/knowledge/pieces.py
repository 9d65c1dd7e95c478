"""A passage as the pieces that an answer is put together from: sentences and list items."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.knowledge import discourse, sentences
from tools.knowledge.chunks import count
from tools.knowledge.plain import LINE, PARAGRAPH

CUT = "\u2026"
"""Stands for what is left out at an end."""

_MARK = re.compile(r"(?:-|(?P<number>\d+)\.) ")
_MARKUP = re.compile(r"\\|[*`]|~~|(?<!\w)_|_(?!\w)|\[(?=\d{1,2}\]|[^\]\n]*\]\()")
_LINE_MARKUP = re.compile(r"^(\s*)([#>+=|])", re.M)


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a list item with its mark and what is indented below it.

    `block` numbers the paragraph or list that it is in.
    """

    text: str
    block: int

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a list."""
        return bool(_MARK.match(self.text))

    @property
    def is_step(self) -> bool:
        """Whether it is an item of a numbered list."""
        mark = _MARK.match(self.text)
        return bool(mark and mark["number"])

    @property
    def is_note(self) -> bool:
        """Whether it is a note or a warning about what stands before it."""
        return discourse.is_note(self.text)

    def shortened(self, limit: int) -> "Piece":
        """An item without those of its lines that make it longer than `limit` words."""
        kept, *lines = self.text.split(LINE)
        for line in lines:
            if count(f"{kept} {line}") > limit:
                indent = " " * (len(line) - len(line.lstrip()))
                return Piece(f"{kept}{LINE}{indent}{CUT}", self.block)
            kept += LINE + line
        return self

    @property
    def words(self) -> int:
        """Its length."""
        return count(self.text)


def parse(text: str, locale: str = "") -> list[Piece]:
    """The pieces of a passage's text, in reading order."""
    found: list[Piece] = []
    for block, paragraph in enumerate(text.split(PARAGRAPH)):
        for line in paragraph.split(LINE):
            if line.startswith(" ") and found and found[-1].is_item and found[-1].block == block:
                found[-1] = Piece(f"{found[-1].text}{LINE}{line}", block)
            elif _MARK.match(line):
                found.append(Piece(line, block))
            else:
                found += [Piece(sentence, block) for sentence in sentences.split(line, locale)]
    return [piece for piece in found if piece.text.strip()]


def merged(texts: Sequence[str], locale: str = "") -> str:
    """The parts that a section was cut into as one text again, without what they repeat."""
    whole = ""
    for text in texts:
        said = {*whole.split(LINE), *(piece.text for piece in parse(whole, locale))}
        while whole and text.partition(LINE)[0] in said:
            text = text.partition(LINE)[2]
        new = parse(text, locale)
        while said and new and new[0].text in said:
            new.pop(0)
        if not new:
            continue
        start = text.index(new[0].text)
        indented = len(text[:start]) - len(text[:start].rstrip(" "))
        rest = text[start - indented :]
        items = bool(whole) and new[0].is_item and parse(whole, locale)[-1].is_item
        whole += (LINE if items or (whole and indented) else PARAGRAPH if whole else "") + rest
    return whole


def leads_in(pieces: Sequence[Piece], index: int) -> bool:
    """Whether a piece introduces what comes next: "Follow these steps:"."""
    piece, following = pieces[index], pieces[index + 1 : index + 2]
    if piece.is_item:
        return False
    if piece.text.endswith(discourse.COLONS):
        return True
    announces = discourse.announces(piece.text)
    return announces and bool(following) and following[0].block != piece.block


def items_around(pieces: Sequence[Piece], index: int) -> range:
    """The indices of the list that an item is in."""
    first = last = index
    block = pieces[index].block
    while first > 0 and pieces[first - 1].is_item and pieces[first - 1].block == block:
        first -= 1
    while last + 1 < len(pieces) and pieces[last + 1].is_item and pieces[last + 1].block == block:
        last += 1
    return range(first, last + 1)


def length(pieces: Sequence[Piece], chosen: Iterable[int]) -> int:
    """The words of some of the pieces."""
    return sum(pieces[index].words for index in chosen)


def joined(pieces: Sequence[Piece], chosen: Iterable[int]) -> str:
    """Some of the pieces as one text of plain words: Markdown for their lists and nothing else."""
    text = ""
    previous: Piece | None = None
    for index in sorted(chosen):
        piece = pieces[index]
        text += _glue(previous, piece) + escaped(piece.text)
        previous = piece
    return text


def escaped(text: str) -> str:
    """Text in which no character is taken for Markdown's."""
    plain = _MARKUP.sub(lambda mark: "\\" + mark[0], text)
    return _LINE_MARKUP.sub(r"\1\\\2", plain)


def _glue(previous: Piece | None, piece: Piece) -> str:
    if previous is None:
        return ""
    if previous.block != piece.block:
        return PARAGRAPH
    return LINE if piece.is_item or previous.is_item else sentences.space_after(previous.text)
