"""The search index: a class named in settings, built from the database and following it.

An index is a cache. It may be a moment behind; what it finds is read back from the database, which
alone decides what may be shown.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Protocol
from uuid import UUID

import tantivy
from django.conf import settings
from django.utils.module_loading import import_string

from tools.knowledge.articles import current_revision
from tools.knowledge.models import Article, Chunk, Status
from tools.knowledge.words import informative, stems

logger = logging.getLogger(__name__)

BOOSTS = {"title": 1.5, "heading": 0.5, "text": 1.0}
"""A heading is so short that BM25 makes much of every word in it: at full weight it drowns the text
below. On a help centre of 2,119 articles nDCG@10 is 0.76 with these weights, 0.71 with equal ones."""
MAX_TERMS = 64
"""Distinct words of a query that are looked up. A question has ten; a pasted page would cost time
and find everything."""

HEAP = 32_000_000
"""Bytes the writer may hold before it cuts a segment: the whole of most knowledge bases."""

_ANALYZER_NAME = "words"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. Scores compare within one search only."""

    chunk: int
    score: float


class KnowledgeIndex(Protocol):
    """What finds passages. Thread-safe; one instance serves a process."""

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best hits first."""
        ...

    def rarity(self, stems: Iterable[str]) -> dict[str, float]:
        """How much each stem tells about a passage: its inverse document frequency, above 0."""
        ...


@cache
def _load(path: str) -> KnowledgeIndex:
    index: KnowledgeIndex = import_string(path)()
    return index


def get_index() -> KnowledgeIndex:
    """This process's index, of the class that `settings.KNOWLEDGE_INDEX` names."""
    return _load(settings.KNOWLEDGE_INDEX)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("chunk", stored=True)
    builder.add_integer_field("article", indexed=True)
    for name in BOOSTS:
        builder.add_text_field(name, tokenizer_name=_ANALYZER_NAME, index_option="freq")
    return builder.build()


_Revision = tuple[UUID | None, int, int]
_Row = tuple[int, int, str, str, str]


class TantivyIndex:
    """BM25 over title, heading and text, in memory: the same ranking over any database."""

    def __init__(self) -> None:
        self._schema = _schema()
        self._updating = threading.Lock()
        self._index: tantivy.Index | None = None
        self._seen: _Revision | None = None
        self._articles: set[int] = set()

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best hits first, from the state of the database now."""
        searcher = self._follow()
        parts = [self._term(stem) for stem in informative(query)[:MAX_TERMS]]
        if not parts:
            return []
        wanted = tantivy.Query.boolean_query([(tantivy.Occur.Should, part) for part in parts])
        found = searcher.search(wanted, limit, count=False).hits
        hits = [Hit(searcher.doc(address)["chunk"][0], score) for score, address in found]
        # Equal scores come in the order of the edits: give them one order.
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk))

    def rarity(self, stems: Iterable[str]) -> dict[str, float]:
        """See KnowledgeIndex."""
        searcher = self._follow()
        total = searcher.num_docs
        return {
            stem: log(1 + (total + 0.5) / (max(searcher.doc_freq(f, stem) for f in BOOSTS) + 0.5))
            for stem in stems
        }

    def _term(self, stem: str) -> tantivy.Query:
        query = tantivy.Query
        return query.boolean_query(
            [
                (
                    tantivy.Occur.Should,
                    query.boost_query(query.term_query(self._schema, field, stem, "freq"), boost),
                )
                for field, boost in BOOSTS.items()
            ]
        )

    def _follow(self) -> tantivy.Searcher:
        """A searcher over what the database holds now.

        Only one thread brings the index up to date. The others wait where there is nothing to
        search yet, and search what there was before where there is.
        """
        index = self._index
        if index is None:
            with self._updating:
                index = self._updated()
        elif self._seen != current_revision() and self._updating.acquire(blocking=False):
            try:
                index = self._updated()
            finally:
                self._updating.release()
        return index.searcher()

    def _updated(self) -> tantivy.Index:
        index, seen = self._index, self._seen
        now = current_revision()  # read again: another thread may have been here in the meantime
        if index is None or seen is None or now[0] != seen[0] or now[1] < seen[1]:
            index = self._built()
        elif now != seen:
            self._refresh(index, seen, now)
        self._index, self._seen = index, now
        return index

    def _built(self) -> tantivy.Index:
        index = tantivy.Index(self._schema)
        index.register_tokenizer(_ANALYZER_NAME, _analyzer())
        self._articles = self._change(index, (), _published(after=None))
        logger.info("knowledge index built: %s articles", len(self._articles))
        return index

    def _refresh(self, index: tantivy.Index, seen: _Revision, now: _Revision) -> None:
        """Takes over what changed since `seen`."""
        rows = list(_published(after=seen[1]))
        changed = {row[1] for row in rows}
        changed |= set(Article.objects.filter(revision__gt=seen[1]).values_list("pk", flat=True))
        if now[2] > seen[1]:
            changed |= self._articles - set(Article.objects.values_list("pk", flat=True))
        added = self._change(index, changed, rows)
        self._articles = (self._articles - changed) | added

    def _change(self, index: tantivy.Index, gone: Iterable[int], rows: Iterable[_Row]) -> set[int]:
        """Replaces articles in the index. Returns those that were added."""
        added = set()
        # One thread: the segments, and with them the order of equal scores, are then always alike.
        writer = index.writer(heap_size=HEAP, num_threads=1)
        for article in gone:
            writer.delete_documents_by_term("article", article)
        for chunk, article, title, heading, text in rows:
            added.add(article)
            document = tantivy.Document(chunk=chunk, article=article)
            document.add_text("title", _prepared(title))
            document.add_text("heading", _prepared(heading))
            document.add_text("text", _prepared(text))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return added


def _published(after: int | None) -> Iterator[_Row]:
    """The passages of published articles, or of those that changed after a revision."""
    rows = Chunk.objects.filter(article__status=Status.PUBLISHED)
    if after is not None:
        rows = rows.filter(article__revision__gt=after)
    columns = ("pk", "article_id", "article__title", "heading", "text")
    return iter(rows.order_by("pk").values_list(*columns).iterator(chunk_size=2000))


def _prepared(text: str) -> str:
    """Text as the analyzer wants it: stems between spaces."""
    return " ".join(stems(text))


def _analyzer() -> tantivy.TextAnalyzer:
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
