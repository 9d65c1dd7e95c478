"""Words that staff have said mean the same: a search for one finds the others, too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db import transaction

from tools.knowledge import articles
from tools.knowledge.articles import current_revision
from tools.knowledge.index.base import Term
from tools.knowledge.languages import base
from tools.knowledge.models import Synonyms
from tools.knowledge.words import informative, topic

SYNONYM = 0.7
"""The weight of a synonym: who wrote the word that was asked for means it."""

MOST = 20
"""Words and phrases of a group. Each is looked up for each of the others, in every search."""

_Phrase = tuple[str, ...]


class BadGroup(ValueError):
    """A group that no search could use. `reason` says why, `words` which ones are meant."""

    def __init__(self, reason: str, words: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason, self.words = reason, words


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


def check(words: str, locale: str) -> list[str]:
    """The words and phrases of a group. Raises BadGroup where search could not use it: `few` of them,
    too `many`, or some that are `empty`, made of words without a topic alone."""
    phrases = split(words)
    if len(phrases) < 2:
        raise BadGroup("few")
    if len(phrases) > MOST:
        raise BadGroup("many")
    empty = [phrase for phrase in phrases if not topic(phrase, base(locale))]
    if empty:
        raise BadGroup("empty", empty)
    return phrases


@transaction.atomic
def save(group: Synonyms) -> None:
    """Writes a group; every search knows it from then on."""
    articles.touch()
    group.save()


@transaction.atomic
def delete(groups: Iterable[int]) -> None:
    """Deletes groups by primary key."""
    articles.touch()
    Synonyms.objects.filter(pk__in=list(groups)).delete()


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
