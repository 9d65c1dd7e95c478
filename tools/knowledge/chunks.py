"""Articles cut into passages by heading: what the index finds and an answer quotes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from tools.knowledge import sentences
from tools.knowledge.document import Heading, only_links, parse, sections
from tools.knowledge.plain import LINE, PARAGRAPH, Unit, join, units

SEPARATOR = " \u203a "
LONGEST = 250
"""Words in a passage. Longer ones blur in a ranking and do not fit an answer. What is cut makes parts
of 100 words and more; a section that is shorter by itself stays by itself, so that its source is its
own heading. Joined with its neighbours up to 250 words, nDCG@10 on a help centre of 2,119 articles
falls from 0.815 to 0.799, though that of its withheld FAQ headings rises from 0.715 to 0.733."""

OVERLAP = 40
"""Words that a passage may repeat of the one before it, where their section is cut: a sentence or
two of prose, or what introduces a list. Without them "They cost $5" says nothing."""

OVERLAP_SENTENCES = 2

_ITEM = re.compile(r"(?:-|\d+\.) ")
_UNSPACED = re.compile(
    "(?P<ideographs>[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
    "|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+"
)
CHARACTERS_AN_IDEOGRAPHIC_WORD = 2
CHARACTERS_A_THAI_WORD = 5
"""Letters and vowel signs, on average; Lao, Khmer and Burmese are alike."""

CHARACTERS_A_WORD = 8
"""For other text without spaces, keys and addresses: so many characters count as a word at least."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One piece of an article. `heading` is the path of headings above it, `anchor` its page id."""

    heading: str
    anchor: str
    text: str


def split(body: str, *, title: str, locale: str = "") -> list[Passage]:
    """The passages of an article's body, in reading order. A heading without text has none, nor has a
    list of links below others: "Related information" answers nothing.

    `locale` is the article's, where it is known: its abbreviations end no sentence.
    """
    found: list[tuple[Passage, bool]] = []
    path: list[Heading] = []
    for heading, tokens in sections(parse(body, title=title)):
        if heading:
            path = [above for above in path if above.level < heading.level] + [heading]
        name = SEPARATOR.join(above.text for above in path if above.text)
        anchor = heading.anchor if heading else ""
        texts = _pack(units(tokens), locale)
        found += [(Passage(name, anchor, text), only_links(tokens)) for text in texts]
    return [p for p, is_links in found if not is_links] or [p for p, _ in found]


def count(text: str) -> int:
    """The length of a text, in words: of scripts without spaces, in what would be words."""
    if text.isascii():
        return max(len(text.split()), len(text) // CHARACTERS_A_WORD)
    unspaced = 0
    for run in _UNSPACED.finditer(text):
        ideographs = run["ideographs"] is not None
        each = CHARACTERS_AN_IDEOGRAPHIC_WORD if ideographs else CHARACTERS_A_THAI_WORD
        unspaced += ceil(len(run[0]) / each)
    rest = _UNSPACED.sub(" ", text) if unspaced else text
    return unspaced + max(len(rest.split()), len(rest) // CHARACTERS_A_WORD)


def _pack(pieces: Sequence[Unit], locale: str) -> Iterator[str]:
    """Puts units together to texts of about equal length, none over LONGEST. Each but the first
    begins with the end of the one before it."""
    fitting = [part for unit in pieces for part in _cut(unit, locale)]
    total = sum(count(unit.text) for unit in fitting)
    parts = ceil((total - OVERLAP) / (LONGEST - OVERLAP)) if total > LONGEST else 1
    aim = total / parts
    held: list[Unit] = []
    length = new = 0
    for unit in fitting:
        words = count(unit.text)
        if new and (length + words > LONGEST or new + words / 2 > aim):
            kept, held = _parted(held, unit, LONGEST - words, locale)
            yield join(kept)
            length, new = sum(count(part.text) for part in held), 0
        held.append(_apart(unit) if held and _leads_in(held[-1]) else unit)
        length += words
        new += words
    if held:
        yield join(held)


def _parted(
    held: list[Unit], following: Unit, room: int, locale: str
) -> tuple[list[Unit], list[Unit]]:
    """What stays in a passage, and what the next one begins with: `room` words or less."""
    last = held[-1]
    if len(held) > 1 and _leads_in(last) and count(last.text) <= room:
        return held[:-1], [last]  # "Follow these steps:" goes with the steps
    room = min(room, OVERLAP)
    lead_in = _lead_in(held) if following.joint == LINE else ""
    if lead_in and count(lead_in) <= room:
        return held, [Unit(lead_in)]
    return held, _ending(held, room, locale)


def _lead_in(held: Sequence[Unit]) -> str:
    """What introduces the list whose items `held` ends with, if it is there."""
    begins = next((i for i in reversed(range(len(held))) if held[i].joint != LINE), 0)
    around = held[max(begins - 1, 0) : begins + 1]
    return next((unit.text for unit in reversed(around) if _leads_in(unit)), "")


def _ending(held: Sequence[Unit], room: int, locale: str) -> list[Unit]:
    """The last sentence or two of a passage; a last item or line as a whole."""
    start = next((i for i in reversed(range(len(held))) if held[i].joint.strip(" ")), 0)
    last = Unit(join(held[start:]), held[start].joint)
    if last.joint == LINE or _ITEM.match(last.text):
        return [last] if count(last.text) <= room else []
    kept: list[str] = []
    for sentence in reversed(sentences.split(last.text, locale)[-OVERLAP_SENTENCES:]):
        room -= count(sentence)
        if room < 0:
            break
        kept.insert(0, sentence)
    return [Unit(sentences.join(kept))] if kept else []


def _leads_in(unit: Unit) -> bool:
    """Whether a unit introduces the next one. A list's item, and a line within one, do not."""
    within = _ITEM.match(unit.text) or unit.text.startswith(" ")
    return unit.text.endswith((":", "?", "\uff1a")) and not within


def _apart(unit: Unit) -> Unit:
    """A list that went on begins anew after its lead-in."""
    return Unit(unit.text, PARAGRAPH) if unit.joint == LINE else unit


def _cut(unit: Unit, locale: str) -> Iterator[Unit]:
    """A unit that would leave no room for an overlap, at its lines, its sentences or its words."""
    if count(unit.text) <= LONGEST - OVERLAP:
        yield unit
        return
    lines = unit.text.split("\n")
    pieces = lines if len(lines) > 1 else sentences.split(unit.text, locale)
    if len(pieces) == 1:
        yield from _hard_cut(unit)
        return
    joint = unit.joint
    for piece in pieces:
        yield from _cut(Unit(piece, joint), locale)
        joint = LINE if len(lines) > 1 else sentences.space_after(piece)


def _hard_cut(unit: Unit) -> Iterator[Unit]:
    """No sentence ends in sight: text without spaces is cut by characters."""
    parts, joint, size = unit.text.split(), " ", LONGEST - OVERLAP
    if len(parts) < count(unit.text) / 2:
        size = size * len(unit.text) // count(unit.text)
        parts, joint = list(unit.text), ""
    for start in range(0, len(parts), size):
        yield Unit(joint.join(parts[start : start + size]), joint if start else unit.joint)
