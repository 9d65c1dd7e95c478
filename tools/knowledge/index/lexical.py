"""The words of one language's articles: of each passage, and of each article as a whole."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from tools.knowledge.index.bm25 import Text, Texts, Words
from tools.knowledge.index.source import Row
from tools.knowledge.words import stems

ONE_ERROR, TWO_ERRORS = 3, 6
"""Letters from which on a stem may have one typing error, and two: Elasticsearch's "AUTO" distances.
Shorter stems are all alike."""

ALONE = {"text": 1.0}
"""An article is one text, without a field for its title."""


class Lexicon:
    """One language at one moment. Immutable: a change makes another one. `name` is its folder's."""

    def __init__(self, name: str, passages: Texts, articles: Texts) -> None:
        self.name = name
        self._passages = passages
        self._articles = articles

    @classmethod
    def opened(cls, folder: Path | None) -> "Lexicon":
        """What lies in `folder`, which is made where it is missing; an empty one in memory for None.

        Raises OSError or ValueError where the folder cannot be used.
        """
        if folder is None:
            return cls("", Texts.opened(None), Texts.opened(None))
        passages, articles = folder / "passages", folder / "articles"
        return cls(folder.name, Texts.opened(passages), Texts.opened(articles))

    def changed(self, gone: Collection[int], rows: Iterable[Row]) -> "Lexicon":
        """Without the articles `gone`, and with the passages of others, which come whole."""
        whole: dict[int, Text] = {}
        passages = self._passages.changed(gone, _analysed(rows, whole))
        articles = self._articles.changed(gone, whole.values())
        return Lexicon(self.name, passages, articles)

    def reloaded(self) -> "Lexicon":
        """As the folder has it now."""
        return Lexicon(self.name, self._passages.reloaded(), self._articles.reloaded())

    def has(self, article: int) -> bool:
        """Whether there is, or was before its deletion, a passage of an article."""
        return self._passages.has(article)

    def __len__(self) -> int:
        return len(self._passages)

    def deleted(self, audiences: Iterable[str]) -> int:
        """Deleted passages that BM25 still counts."""
        return self._passages.deleted(audiences)

    def best(self, words: Words, hidden: Collection[str], limit: int) -> list[tuple[int, float]]:
        """The best chunks with their scores, best first; none of the audiences `hidden`."""
        return self._passages.best(words, hidden, limit)

    def scores(self, words: Words, chunks: Collection[int]) -> dict[int, float]:
        """The scores of some chunks, as far as they share a word with the query."""
        return self._passages.scores(words, chunks)

    def article_scores(self, words: Words, articles: Collection[int]) -> dict[int, float]:
        """The scores of some articles, as far as they share a word with the query."""
        return self._articles.scores(words, articles, ALONE)

    def rarity(self, stems: Iterable[str]) -> dict[str, float]:
        """See KnowledgeIndex."""
        return {stem: self._passages.rarity(stem) for stem in stems}

    def spellings(self, stem: str) -> list[str]:
        """See KnowledgeIndex. Whoever mistypes a word mostly gets its first letter right, or swaps
        it with the second."""
        errors = typing_errors(stem)
        if not errors:
            return []
        terms: dict[str, int] = {}
        for prefix in {stem[0], stem[1::-1]}:
            terms |= self._passages.beginning_with(prefix)
        near = process.extract(
            stem, terms.keys(), scorer=OSA.distance, score_cutoff=errors, limit=None
        )
        return [term for term, *_ in sorted(near, key=lambda n: (n[1], -terms[n[0]], n[0]))]


def typing_errors(stem: str) -> int:
    """How many a stem may have and still be told from others."""
    return (len(stem) >= ONE_ERROR) + (len(stem) >= TWO_ERRORS)


def _analysed(rows: Iterable[Row], whole: dict[int, Text]) -> Iterator[Text]:
    """The passages as stems, while those of each article are put together in `whole`."""
    for row in rows:
        title = stems(row.title, row.locale)
        text = stems(f"{row.heading}\n{row.text}", row.locale)
        if row.article not in whole:
            fields: dict[str, list[str]] = {"text": list(title)}
            whole[row.article] = Text(row.article, row.article, row.audience, fields)
        whole[row.article].fields["text"].extend(text)
        yield Text(row.chunk, row.article, row.audience, {"title": title, "text": [*title, *text]})
