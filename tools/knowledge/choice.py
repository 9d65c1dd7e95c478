"""Which passage answers: the right part of the article that was found.

Search ranks passages by what they are about, and those of one article are about the same. What tells
them apart is whether a heading is the question, whether steps or an amount are asked for and there, and
what a follow-up question asks beyond the one before it.
"""

from collections.abc import Sequence

from tools.knowledge import discourse, relevance, sentences
from tools.knowledge.chunks import SEPARATOR
from tools.knowledge.pieces import parse
from tools.knowledge.search import Passage
from tools.knowledge.words import informative, stems

FOUND = 0.25
"""What it is worth to be the one that search found: as much as half of a heading's likeness. Less would
let a chance word decide, more would keep the introduction where the steps are asked for."""

SPOKEN_OF = 0.5
"""What it is worth to have all words of the question."""

NEW = 1.0
"""The same for the words of a follow-up question, which nobody has answered yet: as much as a heading
that is the question before it, word for word."""

IN_KIND = 0.5
"""What steps are worth to a "how do I", and a price to a "how much": more than the two words by which
"How fast is express delivery?" is liker to "How much is express delivery?" than "What does it cost?" is."""

ANNOUNCING = 0.5
"""What an introduction loses that ends with "Here is how": it answers nothing."""


def best(question: str, found: Passage, others: Sequence[Passage]) -> Passage:
    """The one of some passages that answers, `found` being search's own choice."""
    candidates = {passage.id: passage for passage in (found, *others)}
    return max(
        candidates.values(),
        key=lambda passage: _fitness(question, passage) + FOUND * (passage.id == found.id),
    )


def is_follow_up(question: str, locale: str = "") -> bool:
    """Whether a question comes with the one that it follows."""
    return len(sentences.split(question, locale)) > 1


def _fitness(question: str, passage: Passage) -> float:
    locale = passage.locale
    *before, last = sentences.split(question, locale)
    heading = passage.heading.split(SEPARATOR)[-1] or passage.title
    asked = set(informative(last, locale))
    said = set(stems(f"{passage.title} {passage.heading} {passage.text}", locale))
    pieces = parse(passage.text, locale)
    steps = relevance.asks_how(last) and any(piece.is_step for piece in pieces)
    amount = relevance.asks_amount(last) and relevance.has_amount(passage.text, last)
    alike = max(_alike(heading, text, locale) for text in (last, question))
    return (
        alike
        + (NEW if before else SPOKEN_OF) * len(asked & said) / max(1, len(asked))
        + IN_KIND * (steps or amount)
        - ANNOUNCING * (not pieces[-1].is_item and discourse.announces(pieces[-1].text))
    )


def _alike(heading: str, question: str, locale: str) -> float:
    """How much two texts are the same words, from 0 to 1. All words count: "How do I return it?" and
    "Can I return it here?" differ in nothing else."""
    one, other = set(stems(heading, locale)), set(stems(question, locale))
    return 2 * len(one & other) / max(1, len(one) + len(other))
