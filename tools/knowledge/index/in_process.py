"""The default index: in this process, over files that the processes of a host share.

It is built from the database and follows it, revision by revision: a search that finds the database
ahead takes over what changed, which costs some milliseconds, or lets another thread or process do so
and searches what there was before. Where there is a lot to take over, a thread of its own does.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import DatabaseError, connection

from tools.knowledge.articles import current_revision
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import source
from tools.knowledge.index.base import Hit, Query
from tools.knowledge.index.homes import HEAVY, Home, Memory, Shared, folder_of
from tools.knowledge.index.snapshot import Snapshot
from tools.knowledge.index.source import Revision

logger = logging.getLogger(__name__)

UNHEARD = 1.0
"""How much a word tells in a language of which the base has nothing: any number, as it is divided
by the others' sum."""


@dataclass(frozen=True, slots=True)
class _Followed:
    """What a process searches. It is `private` where it may know what no other process may see: the
    writes of a transaction that is not committed yet."""

    home: Home
    model: str
    snapshot: Snapshot
    private: bool

    def serves(self, now: Revision, model: str) -> bool:
        """Whether it is of the base that the database has now."""
        epoch, number, _ = self.snapshot.revision
        inside = connection.in_atomic_block
        same = epoch == now[0] and model == self.model and (inside or not self.private)
        return same and (number <= now[1] or (inside and not self.private))


class InProcessIndex:
    """BM25 by tantivy and cosines by numpy: the same ranking over any database."""

    def __init__(self) -> None:
        self._updating = threading.Lock()
        self._followed: _Followed | None = None

    def search(self, query: Query, limit: int) -> list[Hit]:
        """See KnowledgeIndex."""
        snapshot = self._now()
        hidden = snapshot.passages.audiences - query.audiences
        by_words = _by_words(snapshot, query, hidden, limit)
        near: dict[int, float] = {}
        if query.vector is not None:
            near = dict(snapshot.passages.nearest(query.vector, hidden, limit))
        chunks = list(dict.fromkeys([*by_words, *near]))
        if query.vector is not None:
            near |= snapshot.passages.cosines(query.vector, [c for c in chunks if c not in near])
        by_words |= _scores(snapshot, query, [c for c in chunks if c not in by_words])
        articles = snapshot.passages.articles_of(chunks)
        whole = _article_scores(snapshot, query, set(articles.values()))
        return [
            Hit(
                chunk,
                lexical=by_words.get(chunk, 0.0),
                article=whole.get(articles[chunk], 0.0),
                cosine=near.get(chunk),
            )
            for chunk in chunks
            if chunk in articles
        ]

    def locales(self) -> frozenset[str]:
        """See KnowledgeIndex."""
        lexicons = self._now().lexicons
        return frozenset(locale for locale, lexicon in lexicons.items() if len(lexicon))

    def rarity(self, locale: str, stems: Iterable[str]) -> dict[str, float]:
        """See KnowledgeIndex."""
        lexicon = self._latest().lexicons.get(locale)
        return lexicon.rarity(stems) if lexicon else dict.fromkeys(stems, UNHEARD)

    def spellings(self, locale: str, stem: str) -> Sequence[str]:
        """See KnowledgeIndex."""
        lexicon = self._latest().lexicons.get(locale)
        return lexicon.spellings(stem) if lexicon else []

    def _latest(self) -> Snapshot:
        """What the search was of which this is a part: asking the database again would only cost."""
        return self._followed.snapshot if self._followed else self._now()

    def _now(self) -> Snapshot:
        """What the database has now, or had a moment ago where another thread or process is about to
        take over what changed. Waits where there is nothing to search yet."""
        now, model = current_revision(), get_embedder().name
        followed = self._followed
        if followed and followed.serves(now, model):
            if followed.snapshot.revision == now or self._reads_along(followed):
                return followed.snapshot
            return self._advanced(followed, now)
        with self._updating:
            now, followed = current_revision(), self._followed
            if not followed or not followed.serves(now, model):
                self._followed = followed = _started(now, model)
            return followed.snapshot

    def _reads_along(self, followed: _Followed) -> bool:
        """Whether this is a transaction whose writes must not get into what others search."""
        return connection.in_atomic_block and not followed.private

    def _advanced(self, followed: _Followed, now: Revision) -> Snapshot:
        if not self._updating.acquire(blocking=False):
            return followed.snapshot
        heavy = not followed.private and source.pending(followed.snapshot.revision[1]) > HEAVY
        if not heavy:
            try:
                followed = self._advance(followed, now, heavy=followed.private)
                heavy = bool(followed.snapshot.worn)
            finally:
                if not heavy:
                    self._updating.release()
        if heavy:
            work = (followed, now)
            threading.Thread(target=self._advance_aside, args=work, name="knowledge-index").start()
        return followed.snapshot

    def _advance(self, followed: _Followed, now: Revision, *, heavy: bool) -> _Followed:
        try:
            snapshot = followed.home.advance(followed.snapshot, now, heavy=heavy)
            self._followed = replace(followed, snapshot=snapshot)
        except (OSError, ValueError) as error:
            self._followed = _in_memory(now, followed.model, error)
        return self._followed

    def _advance_aside(self, followed: _Followed, now: Revision) -> None:
        """Runs in a thread of its own, which holds the lock that it was given."""
        try:
            self._advance(followed, now, heavy=True)
        except DatabaseError as error:
            logger.warning("the knowledge index is behind: %s", type(error).__name__)
        finally:
            self._updating.release()
            connection.close()


def _started(now: Revision, model: str) -> _Followed:
    if now[0] is None:  # nothing was ever written
        return _Followed(memory := Memory(model), model, memory.start(now), private=False)
    shared = Shared(folder_of(now, model), model)
    try:
        if not connection.in_atomic_block:
            return _Followed(shared, model, shared.start(now), private=False)
        found = shared.peek()
    except (OSError, ValueError) as error:
        return _in_memory(now, model, error)
    if found is not None:
        return _Followed(shared, model, found, private=False)
    memory = Memory(model)
    return _Followed(memory, model, memory.start(now), private=True)


def _in_memory(now: Revision, model: str, error: Exception) -> _Followed:
    logger.warning("the knowledge index is kept in memory, a copy a process: %s", error)
    memory = Memory(model)
    return _Followed(memory, model, memory.start(now), private=False)


def _by_words(
    snapshot: Snapshot, query: Query, hidden: frozenset[str], limit: int
) -> dict[int, float]:
    """The best of all languages, best first."""
    found = [
        hit
        for locale, words in query.words.items()
        if locale in snapshot.lexicons
        for hit in snapshot.lexicons[locale].best(words, hidden, limit)
    ]
    return dict(sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit])


def _scores(snapshot: Snapshot, query: Query, chunks: Sequence[int]) -> dict[int, float]:
    scores: dict[int, float] = {}
    for locale, words in query.words.items():
        if locale in snapshot.lexicons:
            scores |= snapshot.lexicons[locale].scores(words, chunks)
    return scores


def _article_scores(snapshot: Snapshot, query: Query, articles: set[int]) -> dict[int, float]:
    scores: dict[int, float] = {}
    for locale, words in query.words.items():
        if locale in snapshot.lexicons:
            scores |= snapshot.lexicons[locale].article_scores(words, articles)
    return scores
