"""The part of a passage that answers a question: whole sentences and steps, in its own words."""

import re
from collections.abc import Sequence
from itertools import pairwise

from tools.knowledge import discourse
from tools.knowledge.pieces import CUT, Piece, items_around, joined, leads_in, length, parse
from tools.knowledge.relevance import asks_whether, scores

ANSWER_WORDS = 90
"""What reads well in a chat bubble. The article is one click away."""

STEPS_WORDS = 160
"""Steps may be longer: half an instruction is none."""

ITEM_WORDS = 60
"""Of a step with a table below it, so that the step after it is said, too."""

SNIPPET_WORDS = 35

RELEVANT = 0.55
"""Share of the best sentence's score from which on another says something about the question, too."""

SHORT = 3
"""Words: a "Yes." or an "Often not." belongs to what explains it."""

_MARKS = re.compile(r"^\s*(?:-|\d+\.) |\\(?=[^\w\s])")


def answer(
    text: str, query: str, *, heading: str = "", locale: str = "", limit: int = ANSWER_WORDS
) -> str:
    """The sentences and list items of `text` that answer best, in reading order, as Markdown.

    At most about `limit` words, more for steps, and never less than one whole sentence. `heading` is
    the passage's, `locale` its language. Steps keep their numbers and begin with the first; where
    those up to the one that answers are too many, with that one. What only points elsewhere, or
    announces what is not there, is left out, and so is a "Yes." where nobody asked whether.
    """
    pieces = _worth_saying(parse(text, locale), query)
    if not pieces:
        return ""
    everything = range(len(pieces))
    if length(pieces, everything) <= limit:
        return joined(pieces, everything)
    return _Choice(pieces, query, heading, locale, limit).text()


def snippet(text: str, query: str, *, locale: str = "") -> str:
    """A line or two about a search result, lists run together without their marks."""
    lines = answer(text, query, locale=locale, limit=SNIPPET_WORDS).split("\n")
    return " ".join(" ".join(_MARKS.sub("", line).split()) for line in lines if line)


def _worth_saying(pieces: Sequence[Piece], query: str) -> list[Piece]:
    """The pieces without signposts, and without a "Yes." to another question; all where there is
    nothing else."""
    whether = asks_whether(query)
    kept = [
        piece
        for piece in pieces
        if not discourse.points_elsewhere(piece.text)
        and (whether or not discourse.says_whether(piece.text))
    ]
    while kept and leads_in(kept, len(kept) - 1):
        kept.pop()
    return kept or list(pieces)


class _Choice:
    """The pieces of a passage that are to be said."""

    def __init__(
        self, pieces: Sequence[Piece], query: str, heading: str, locale: str, limit: int
    ) -> None:
        self.limit = limit
        self.steps_limit = max(limit, STEPS_WORDS) if limit >= ANSWER_WORDS else limit
        self.scores = scores([p.text for p in pieces], query, heading=heading, locale=locale)
        best = max(self.scores)
        self.pieces = [
            piece if score == best else piece.shortened(ITEM_WORDS)
            for piece, score in zip(pieces, self.scores, strict=True)
        ]

    def text(self) -> str:
        """The best piece with what it needs, and what else answers, while there is room."""
        ranked = sorted(range(len(self.pieces)), key=lambda i: (-self.scores[i], i))
        best = ranked[0]
        chosen = self._needed(best)
        for index in ranked[1:]:
            if self.scores[index] < RELEVANT * self.scores[best]:
                break
            chosen = self._with(chosen, self._needed(index))
        chosen = self._smooth(chosen)
        said = joined(self.pieces, chosen)
        return f"{said}\n\n{CUT}" if self._breaks_off(chosen) else said

    def _with(self, chosen: frozenset[int], more: frozenset[int]) -> frozenset[int]:
        """What is chosen and more, if there is room, and no step would be passed over."""
        wanted = chosen | more
        if self._passes_over(wanted):
            return chosen
        steps = any(self.pieces[index].is_step for index in wanted)
        room = self.steps_limit if steps else self.limit
        return wanted if length(self.pieces, wanted) <= room else chosen

    def _passes_over(self, chosen: frozenset[int]) -> bool:
        """Whether a step is missing between two of its list."""
        steps = sorted(index for index in chosen if self.pieces[index].is_step)
        return any(
            after - before > 1 and after in items_around(self.pieces, before)
            for before, after in pairwise(steps)
        )

    def _needed(self, index: int) -> frozenset[int]:
        """A piece with what it makes no sense without."""
        if leads_in(self.pieces, index):
            return self._led_in(index)
        if not self.pieces[index].is_item:
            return self._back(index)
        items = items_around(self.pieces, index)
        if not self.pieces[index].is_step:
            return self._lead_in(items[0]) | {index}
        from_first = self._fitting(items[0], items)
        return from_first if index in from_first else self._fitting(index, items)

    def _fitting(self, start: int, items: range) -> frozenset[int]:
        """The items of a list from one on, with what introduces them, while there is room; at least
        that one."""
        lead_in = self._lead_in(items[0])
        steps = self.pieces[start].is_step
        room = (self.steps_limit if steps else self.limit) - length(self.pieces, lead_in)
        kept = [start]
        for index in range(start + 1, items[-1] + 1):
            if length(self.pieces, [*kept, index]) > room:
                break
            kept.append(index)
        return lead_in.union(kept)

    def _lead_in(self, first: int) -> frozenset[int]:
        """What introduces the list that begins there."""
        if first > 0 and leads_in(self.pieces, first - 1):
            return self._back(first - 1)
        return frozenset()

    def _led_in(self, index: int) -> frozenset[int]:
        """What introduces something, with what it introduces."""
        following = index + 1
        if following >= len(self.pieces):
            return self._back(index)
        if self.pieces[following].is_item:
            return self._fitting(following, items_around(self.pieces, following))
        return self._back(index) | {following}

    def _back(self, index: int) -> frozenset[int]:
        """A sentence after those of its paragraph that tell what its "they" means, or that it is part
        of a note."""
        needed = [index]
        while self._leans_back(needed[0]):
            needed.insert(0, needed[0] - 1)
        return frozenset(needed)

    def _leans_back(self, index: int) -> bool:
        piece, before = self.pieces[index], self.pieces[index - 1] if index else None
        if before is None or before.block != piece.block or before.is_item:
            return False
        short = before.words <= SHORT
        return short or before.is_note or discourse.leans_back(piece.text)

    def _smooth(self, chosen: frozenset[int]) -> frozenset[int]:
        """With the warnings about what is said, and without gaps of one sentence."""
        for index in sorted(chosen):
            after = index + 1
            if after < len(self.pieces) and self.pieces[after].is_note:
                chosen = self._with(chosen, self._needed(after))
        for index in sorted(chosen):
            same = index + 2 in chosen and self.pieces[index].block == self.pieces[index + 2].block
            if same:
                chosen = self._with(chosen, frozenset({index + 1}))
        return chosen

    def _breaks_off(self, chosen: frozenset[int]) -> bool:
        """Whether a list goes on after its last item that is said."""
        last = max(chosen)
        if not self.pieces[last].is_item or last == items_around(self.pieces, last)[-1]:
            return False
        return self.pieces[last].is_step or last - 1 in chosen
