"""Words that staff have said mean the same: a search for one finds the others, too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tools.knowledge.articles import current_revision
from tools.knowledge.index.base import Term
from tools.knowledge.languages import base
from tools.knowledge.models import Synonyms
from tools.knowledge.words import informative

SYNONYM = 0.7
"""The weight of a synonym: who wrote the word that was asked for means it."""

_Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of synonyms at one moment, each with its language, empty for all."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]

    def widened(self, stems: Sequence[str], locale: str) -> list[list[Term]]:
        """A query's stems, each with what may stand for it in a language of the base."""
        words = [[Term(stem)] for stem in stems]
        for group in _analysed(self, locale):
            for phrase in group:
                place = _place(stems, phrase)
                if place is None:
                    continue
                others = dict.fromkeys(stem for other in group if other != phrase for stem in other)
                words[place] += [Term(stem, SYNONYM) for stem in others if stem not in stems]
        return words


@lru_cache(1000)
def _analysed(groups: Groups, locale: str) -> tuple[tuple[_Phrase, ...], ...]:
    return tuple(
        tuple(tuple(informative(phrase, locale)) for phrase in phrases)
        for language, phrases in groups.groups
        if not language or base(language) == locale
    )


def split(words: str) -> list[str]:
    """The words and phrases of a group, as staff write them: between commas or on lines."""
    parts = (part.strip() for part in words.replace("\n", ",").split(","))
    return list(dict.fromkeys(part for part in parts if part))


def current() -> Groups:
    """The groups as the database has them now."""
    return _of_revision(current_revision())


@lru_cache(1)
def _of_revision(revision: object) -> Groups:
    rows = Synonyms.objects.order_by("pk").values_list("locale", "words")
    return Groups(tuple((locale, tuple(split(words))) for locale, words in rows))


def _place(stems: Sequence[str], phrase: Iterable[str]) -> int | None:
    """Where a phrase begins among stems; None where it is not, or is empty."""
    wanted = list(phrase)
    starts = range(len(stems) - len(wanted) + 1) if wanted else range(0)
    return next((i for i in starts if list(stems[i : i + len(wanted)]) == wanted), None)
