"""One score for a passage out of three: its words, its article's words, and its meaning.

The lexical scores are divided by what the query's words could score at most, so that a sum with a
cosine means the same for a query of two words and for one of twenty. The weights were chosen on a
help centre of 2,119 articles (544 questions) and on four languages of XQuAD, and stand in the middle
of where nothing changes by more than 0.005 nDCG@10: halving or doubling any of them costs 0.01.
"""

from collections.abc import Mapping

from tools.knowledge.index.base import Hit
from tools.knowledge.languages import base

PASSAGE_WEIGHT = 0.5
"""Of a passage's own words, beside those of its whole article, which weigh 1. An article that is about
the question answers it, even where it says so in other words than the passage does."""

MEANING_WEIGHT = 1.0
"""Of the cosine, in the languages that the embedding model was made for."""

FOREIGN_MEANING_WEIGHT = 0.5
"""Of the cosine in other languages. There it knows little more than names and loan words, but knows
that little: it is worth 0.001 in Spanish, Hindi and Chinese, and nothing is lost."""

NEAR = 0.4
"""The cosine from which on a passage is a candidate that shares no word with the question, not even
elsewhere in its article. Questions and passages of different articles have 0.15 on average."""

PREFERENCE = 0.05
"""What the language of the customer's page adds. It decides between articles that say the same."""


def counts(hit: Hit) -> bool:
    """Whether a hit has anything to do with the question. An index always finds what is nearest."""
    return hit.lexical > 0 or hit.article > 0 or (hit.cosine or 0.0) >= NEAR


def fused(
    hit: Hit, locale: str, *, best: Mapping[str, float], spoken: frozenset[str], preferred: str
) -> float:
    """The score of a passage in `locale`, from 0 to about 4.

    `best` is what the query's words could score at most in each language, `spoken` are the languages
    of the embedding model, empty for one that knows all, and `preferred` is the reader's.
    """
    language = base(locale)
    words = (hit.article + PASSAGE_WEIGHT * hit.lexical) / max(best.get(language, 0.0), 1.0)
    weight = MEANING_WEIGHT if not spoken or language in spoken else FOREIGN_MEANING_WEIGHT
    meaning = weight * max(0.0, hit.cosine or 0.0)
    return words + meaning + PREFERENCE * bool(preferred and language == preferred)
