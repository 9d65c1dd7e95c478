"""Texts of one language, ranked by BM25: a tantivy index in a folder or in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import log
from pathlib import Path

import tantivy

from tools.knowledge.index.base import BOOSTS, MAX_WORDS, Term

HEAP = 32_000_000
"""Bytes the writer may hold before it cuts a segment: the whole of most knowledge bases."""

DIGITS = 4
"""Decimals of a score. Terms are added in an order that depends on the segments, and the last bits
of a sum with it; they must not decide between two equal texts."""

TIES = 8
"""Hits beyond the limit that are looked at, for the ties at its end to have one order."""

_ANALYZER_NAME = "stems"

Words = Sequence[Sequence[Term]]
"""A query's words, each with the stems that may stand for it."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is ranked: stems by field. `id` is told in a hit."""

    id: int
    article: int
    audience: str
    fields: Mapping[str, list[str]]


@cache
def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("id", indexed=True, fast=True)
    builder.add_integer_field("article", indexed=True)
    builder.add_text_field("audience", tokenizer_name="raw", index_option="basic")
    for name in BOOSTS:
        builder.add_text_field(name, tokenizer_name=_ANALYZER_NAME, index_option="freq")
    return builder.build()


class Texts:
    """Texts as they were at one moment. Immutable: a change makes another one."""

    def __init__(self, index: tantivy.Index) -> None:
        self._index = index
        self._searcher = index.searcher()

    @classmethod
    def opened(cls, folder: Path | None) -> "Texts":
        """What lies in `folder`, which is made where it is missing; none, in memory, for None.

        Raises OSError or ValueError where the folder cannot be used.
        """
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        index = tantivy.Index(_schema(), path=None if folder is None else str(folder))
        index.register_tokenizer(_ANALYZER_NAME, _ANALYZER)
        index.config_reader(reload_policy="manual")  # else a thread watches each folder
        index.reload()
        return cls(index)

    def changed(self, gone: Iterable[int], texts: Iterable[Text]) -> "Texts":
        """Without those of the articles `gone`, and with others. Raises OSError or ValueError."""
        # One thread: the segments, and with them the order of equal scores, are then always alike.
        writer = self._index.writer(heap_size=HEAP, num_threads=1)
        for article in gone:
            writer.delete_documents_by_term("article", article)
        for text in texts:
            writer.add_document(_document(text))
        writer.commit()
        writer.wait_merging_threads()
        return self.reloaded()

    def reloaded(self) -> "Texts":
        """As the folder has them now."""
        self._index.reload()
        return Texts(self._index)

    def has(self, article: int) -> bool:
        """Whether there is, or was before its deletion, a text of an article."""
        return self._searcher.doc_freq("article", article) > 0

    def __len__(self) -> int:
        number: int = self._searcher.num_docs
        return number

    def deleted(self, audiences: Iterable[str]) -> int:
        """Deleted texts that BM25 still counts, as long as no merge has dropped them."""
        counted = sum(self._searcher.doc_freq("audience", audience) for audience in audiences)
        return counted - len(self)

    def best(self, words: Words, hidden: Collection[str], limit: int) -> list[tuple[int, float]]:
        """The best texts with their scores, best first; none of the audiences `hidden`."""
        wanted = self._wanted(words, BOOSTS)
        if not wanted:
            return []
        hide = [_hiding(audience) for audience in hidden]
        query = tantivy.Query.boolean_query([*wanted, *hide])
        size = limit + TIES
        while True:
            found = self._found(query, size)
            if len(found) < size or found[-1][1] < found[limit - 1][1]:
                return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]
            size *= 2

    def scores(
        self, words: Words, ids: Collection[int], boosts: Mapping[str, float] = BOOSTS
    ) -> dict[int, float]:
        """The scores of some texts, as far as they share a word with the query."""
        wanted = self._wanted(words, boosts)
        if not wanted or not ids:
            return {}
        query = tantivy.Query
        among = query.const_score_query(query.term_set_query(_schema(), "id", list(ids)), 0.0)
        parts = [(tantivy.Occur.Must, among), (tantivy.Occur.Must, query.boolean_query(wanted))]
        return dict(self._found(query.boolean_query(parts), len(ids)))

    def rarity(self, stem: str) -> float:
        """The inverse document frequency of a stem, above 0 for one that every text has, too."""
        return log(1 + (len(self) + 0.5) / (self._frequency(stem) + 0.5))

    def beginning_with(self, prefix: str) -> dict[str, int]:
        """The stems that begin so, each with the number of texts that have it."""
        return dict(self._searcher.terms_with_prefix("text", prefix))

    def _wanted(
        self, words: Words, boosts: Mapping[str, float]
    ) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """One flat list of terms: tantivy skips blocks of postings in no other form of query."""
        query = tantivy.Query
        return [
            (
                tantivy.Occur.Should,
                query.boost_query(
                    query.term_query(_schema(), field, term.stem, "freq"), boost * term.weight
                ),
            )
            for word in words[:MAX_WORDS]
            for term in word
            for field, boost in boosts.items()
            if self._searcher.doc_freq(field, term.stem)
        ]

    def _found(self, query: tantivy.Query, limit: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, limit, count=False).hits
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [
            (int(id), round(score, DIGITS))
            for id, (score, _) in zip(ids, hits, strict=True)
            if id is not None
        ]

    def _frequency(self, stem: str) -> int:
        return max(self._searcher.doc_freq(field, stem) for field in BOOSTS)


def _hiding(audience: str) -> tuple[tantivy.Occur, tantivy.Query]:
    query = tantivy.Query.term_query(_schema(), "audience", audience, "basic")
    return tantivy.Occur.MustNot, query


def _analyzer() -> tantivy.TextAnalyzer:
    """A text comes as stems already, between spaces."""
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


_ANALYZER = _analyzer()


def _document(text: Text) -> tantivy.Document:
    document = tantivy.Document(id=text.id, article=text.article, audience=text.audience)
    for name, stems in text.fields.items():
        document.add_text(name, " ".join(stems))
    return document
