"""Articles cut into passages by heading: what the index finds and an answer quotes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from tools.knowledge.document import Heading, parse, sections
from tools.knowledge.plain import PARAGRAPH, Unit, join, units

SEPARATOR = " \u203a "
LONGEST = 250
"""Words in a passage. Longer ones blur in a ranking and do not fit an answer; much shorter ones,
unless a section is short by itself, lose what they are about."""

CHARACTERS_A_WORD = 8
"""For scripts that write no spaces: a run of this many characters counts as a word at least."""

_AFTER_SENTENCE = re.compile(r"(?<=[.!?\u3002\uff01\uff1f\u0964])\s+")


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of an article. `heading` is the path of headings above it, `anchor` its page id."""

    heading: str
    anchor: str
    text: str


def split(body: str, *, title: str) -> list[Passage]:
    """The passages of an article's body, in reading order. A heading without text has none."""
    passages: list[Passage] = []
    path: list[Heading] = []
    for heading, tokens in sections(parse(body, title=title)):
        if heading:
            path = [above for above in path if above.level < heading.level] + [heading]
        name = SEPARATOR.join(above.text for above in path if above.text)
        anchor = heading.anchor if heading else ""
        passages += [Passage(name, anchor, text) for text in _pack(units(tokens))]
    return passages


def count(text: str) -> int:
    """The length of a text, in words."""
    return max(len(text.split()), len(text) // CHARACTERS_A_WORD)


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return _AFTER_SENTENCE.split(text)


def _pack(pieces: Sequence[Unit]) -> Iterator[str]:
    """Puts units together to texts of about equal length, none over LONGEST."""
    fitting = [part for unit in pieces for part in _cut(unit)]
    total = sum(count(unit.text) for unit in fitting)
    parts = ceil(total / LONGEST)
    aim = total / parts if parts else 0.0
    held: list[Unit] = []
    length = 0
    for unit in fitting:
        words = count(unit.text)
        if held and (length + words > LONGEST or length + words / 2 > aim):
            held, leading = _part_lead_in(held, LONGEST - words)
            yield join(held)
            held, length = leading, sum(count(part.text) for part in leading)
        held.append(unit)
        length += words
    if held:
        yield join(held)


def _part_lead_in(held: list[Unit], room: int) -> tuple[list[Unit], list[Unit]]:
    """A last "Follow these steps:" goes with what follows, if there is room for it."""
    if len(held) > 1 and held[-1].text.endswith((":", "?")) and count(held[-1].text) <= room:
        return held[:-1], held[-1:]
    return held, []


def _cut(unit: Unit) -> Iterator[Unit]:
    """A unit that is too long by itself, at its lines, its sentences or at worst its words."""
    if count(unit.text) <= LONGEST:
        yield unit
        return
    pieces = unit.text.split("\n")
    glue = "\n"
    if len(pieces) == 1:
        pieces, glue = sentences(unit.text), " "
    if len(pieces) == 1:
        yield from _hard_cut(unit)
        return
    joint, held = unit.joint, ""
    for piece in pieces:
        longer = f"{held}{glue}{piece}" if held else piece
        if held and count(longer) > LONGEST:
            yield from _cut(Unit(held, joint))
            joint, longer = glue if glue == "\n" else PARAGRAPH, piece
        held = longer
    yield from _cut(Unit(held, joint))


def _hard_cut(unit: Unit) -> Iterator[Unit]:
    """No sentence ends in sight: text without spaces is cut by characters."""
    parts = unit.text.split()
    size = LONGEST
    glue = " "
    if len(parts) < count(unit.text):
        parts, size, glue = list(unit.text), LONGEST * CHARACTERS_A_WORD, ""
    for start in range(0, len(parts), size):
        yield Unit(glue.join(parts[start : start + size]), unit.joint if not start else PARAGRAPH)
