"""A question as the index wants it: in every language of the base, with synonyms, typing errors mended.

The question's own language need not be known: each article is matched by the analysis of the
article's language, and words of another find little there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.knowledge import synonyms
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import KnowledgeIndex
from tools.knowledge.index.base import MAX_WORDS, Query, Term
from tools.knowledge.readers import Reader
from tools.knowledge.words import informative

CORRECTIONS = 3
"""Spellings that are tried for a word that the base does not have."""

CORRECTED = 0.85
"""The weight of a mended word: what was typed right counts more."""

NOWHERE = "\0"
"""No stem: its rarity is that of a word which the base does not have."""

Words = Sequence[Sequence[Term]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, analysed. `rarities` are those of its stems in each language of the base, and
    `best` is what its words together could score at most there."""

    query: Query
    rarities: Mapping[str, Mapping[str, float]]
    best: Mapping[str, float]

    def covered(self, locale: str, stems: frozenset[str]) -> float:
        """The share of what the question asks about that a text with `stems` speaks of, 0 to 1. Rare
        words count more, and what stands in for a word counts less."""
        words, rarities = self.query.words.get(locale, ()), self.rarities.get(locale, {})
        all_of_it = sum(_rarest(word, rarities) for word in words)
        there = sum(
            _rarest(word, rarities)
            * max((term.weight for term in word if term.stem in stems), default=0.0)
            for word in words
        )
        return there / all_of_it if all_of_it else 0.0


def asked(text: str, index: KnowledgeIndex, reader: Reader) -> Asked:
    """Analyses a question for a reader."""
    groups = synonyms.current()
    words: dict[str, Words] = {}
    rarities: dict[str, Mapping[str, float]] = {}
    unknown: dict[str, set[str]] = {}
    for locale in sorted(index.locales()):
        stems = informative(text, locale)[:MAX_WORDS]
        words[locale] = groups.widened(stems, locale)
        rarities[locale] = index.rarity(locale, [NOWHERE, *stems])
        unknown[locale] = {s for s in stems if rarities[locale][s] >= rarities[locale][NOWHERE]}
    meant = text
    if unknown and all(unknown.values()):  # a word that one language has is no typing error
        for locale in words:
            words[locale] = _mended(words[locale], unknown[locale], index, locale)
            likeliest = _likeliest(words[locale], unknown[locale])
            rarity = index.rarity(locale, likeliest.values())
            rarities[locale] = {
                **rarities[locale],
                **{stem: rarity[near] for stem, near in likeliest.items()},
            }
            meant = " ".join([meant, *likeliest.values()])
    # Without a word there is nothing to mean: a model makes a vector of a question mark, too.
    vector = get_embedder().embed_query(meant) if any(words.values()) else None
    best = {
        locale: sum(_rarest(word, rarities[locale]) for word in words[locale]) for locale in words
    }
    return Asked(Query(words, vector, reader.audiences), rarities, best)


def _mended(words: Words, unknown: set[str], index: KnowledgeIndex, locale: str) -> Words:
    return [
        [*word, *_spellings(word[0].stem, index, locale)] if word[0].stem in unknown else word
        for word in words
    ]


def _spellings(stem: str, index: KnowledgeIndex, locale: str) -> list[Term]:
    if any(character.isdigit() for character in stem):
        return []  # the next article number is another article
    return [Term(near, CORRECTED) for near in index.spellings(locale, stem)[:CORRECTIONS]]


def _likeliest(words: Words, unknown: set[str]) -> dict[str, str]:
    """For each mended stem the one that was meant most likely: it tells what the word weighs, and what
    it means to an embedding model, which a typing error tells nothing."""
    return {
        word[0].stem: word[1].stem for word in words if word[0].stem in unknown and len(word) > 1
    }


def _rarest(word: Sequence[Term], rarities: Mapping[str, float]) -> float:
    """A word weighs what was typed weighs, or what was meant by it; a synonym changes nothing."""
    return rarities.get(word[0].stem, 0.0)
