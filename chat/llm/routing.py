"""Which tool serves an utterance: nearest examples, without a model.

A tool declares what customers say when they need it. An utterance is compared with every example
by embedding and by shared words: static embeddings know that a parcel is like a package, words know
that "refund" is not "reorder".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from chat.llm.base import ToolSpec
from chat.llm.embedding import embed

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_STOP_WORDS = frozenset(
    "a an and any are as at be been being but by can could did do does for from get give got had has "
    "have he her hers him his how i i'd i'll i'm i've if in into is isn't it it's its just let like "
    "may me might my of on or our out please she should so some that that's the their them then "
    "there these they this to u up ur us was we were what what's when where which who whom why will "
    "with would you your "
    # What people wrap around a wish, in support chats more than elsewhere.
    "ok okay now real really actually able anybody assist assistance check dont don't find gonna have "
    "hello help helping hey hi know look looking need possible see seeing show somebody someone "
    "somehow tell thanks try trying understand wanna want way ya".split()
)


STEM = 6
"""Letters of a word that count."""

SAME = 0.999
"""From here on an utterance is an example, word for word, but for what every request has."""

VALUE_BONUS = 0.15
"""What an exact value adds to a tool's score: "the ETA of 1234" is about an order, whatever an ETA is."""


BONUS_MARGIN = 0.1
"""How far behind the best a tool may be for its value to count: "let me talk to a human about 1234"
is no question about an order."""


@dataclass(frozen=True, slots=True)
class Route:
    """A tool and how well it fits, from 0 to about 1."""

    tool: ToolSpec
    score: float


def words(text: str) -> list[str]:
    """The words of a text, in lower case. Numbers are values, not words: slots read them."""
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return _SENTENCE_END.split(text.strip())


def informative(text: str) -> set[str]:
    """The words that carry meaning, cut to a stem: "delivered" meets "delivery"."""
    return {word[:STEM] for word in words(text) if word not in _STOP_WORDS}


def has_value(utterance: str, tool: ToolSpec) -> bool:
    """Whether the utterance has a value for one of the tool's arguments, by its exact pattern."""
    return any(slot.pattern and re.search(slot.pattern, utterance) for slot in tool.slots)


def _essence(text: str) -> str:
    """A text without the words that every request has; itself where nothing else is in it."""
    return " ".join(word for word in words(text) if word not in _STOP_WORDS) or text


def rank(utterance: str, tools: Sequence[ToolSpec]) -> list[Route]:
    """The tools that declare examples, best first."""
    routable = tuple(tool for tool in tools if tool.examples)
    if not routable:
        return []
    examples = tuple(tool.examples for tool in routable)
    # A wish may stand in one sentence of a story: what comes before and after must not hide it.
    parts = {utterance, *filter(informative, sentences(utterance))}
    scores = np.max([_example_scores(part, examples) for part in parts], axis=0)
    enough = float(max(scores)) - BONUS_MARGIN
    routes = [
        (
            Route(
                tool, min(1.0, score + VALUE_BONUS * (score >= enough) * has_value(utterance, tool))
            ),
            score,
        )
        for tool, score in zip(routable, map(float, scores), strict=True)
    ]
    # Between equals the words decide: "cancel order 1234" is about cancelling.
    return [route for route, _ in sorted(routes, key=lambda pair: (-pair[0].score, -pair[1]))]


def _example_scores(utterance: str, examples: tuple[tuple[str, ...], ...]) -> list[float]:
    vector = embed([_essence(utterance)])[0]
    said = informative(utterance)
    scores = []
    for vectors, stems in _prepared(examples):
        near = vectors @ vector
        shared = np.array([_overlap(said, stem) for stem in stems])
        both = np.sort(0.6 * near + 0.4 * shared)[::-1]
        if both[0] >= SAME:
            scores.append(1.0)
            continue
        # The best example decides; the next two steady it against a single odd neighbour.
        scores.append(float(0.7 * both[0] + 0.3 * both[:3].mean()))
    return scores


def _overlap(said: set[str], example: frozenset[str]) -> float:
    """Shared words as cosine similarity of the two sets."""
    if not said or not example:
        return 0.0
    return float(len(said & example) / np.sqrt(len(said) * len(example)))


@lru_cache(maxsize=8)
def _prepared(
    examples: tuple[tuple[str, ...], ...],
) -> list[tuple[NDArray[np.float32], list[frozenset[str]]]]:
    return [
        (embed([_essence(e) for e in of_tool]), [frozenset(informative(e)) for e in of_tool])
        for of_tool in examples
    ]
