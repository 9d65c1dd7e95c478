"""An index on the PostgreSQL server, for bases too large to have in every host's memory.

PostgreSQL's own ranking knows no inverse document frequency, so the score is a BM25 of ours, the same
as tantivy's (k1 1.2, b 0.75), over stems that are kept in arrays: a GIN index finds the passages that
have one of the query's rarest words, and those are ranked by all of its words. Meaning is searched
by pgvector; where the server lacks that extension, only what was found by words is compared.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from django.db import connection
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tools.knowledge.articles import current_revision
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import postgres_tables as tables
from tools.knowledge.index.base import BOOSTS, MAX_WORDS, Hit, Query, Term
from tools.knowledge.index.homes import analysis
from tools.knowledge.index.lexical import typing_errors
from tools.knowledge.models import Vector

logger = logging.getLogger(__name__)

K1, B = 1.2, 0.75
"""Robertson and Zaragoza 2009, "The probabilistic relevance framework"; tantivy's values."""

RANKED = 5000
"""Passages that are ranked for a query: those with its rarest word, and with the next while they are
no more than so many."""

EF_SEARCH = 200
"""Of pgvector's HNSW index: how many near ones it keeps in sight. At its default of 40 it cannot
find 60."""

_SCORE = """
    SELECT chunk, article, round(sum(score)::numeric, 4)::float8 AS score
    FROM knowledge_index.passage, LATERAL (
        SELECT text_weight * counts[at] * (%(k1)s + 1)
                / (counts[at] + %(k1)s * (1 - %(b)s + %(b)s * length / %(text)s))
            + CASE WHEN times > 0 THEN
                title_weight * times * (%(k1)s + 1)
                / (times + %(k1)s * (1 - %(b)s + %(b)s * cardinality(title) / %(titles)s))
              ELSE 0 END AS score
        FROM (
            SELECT text_weight, title_weight, array_position(stems, id) AS at,
                cardinality(array_positions(title, id)) AS times
            FROM unnest(%(ids)s::bigint[], %(text_weights)s::float8[], %(title_weights)s::float8[])
                AS asked (id, text_weight, title_weight)
        ) AS placed
        WHERE at IS NOT NULL
    ) AS scored
    WHERE locale = %(locale)s AND audience = ANY(%(audiences)s) AND {which}
    GROUP BY chunk, article ORDER BY 3 DESC, chunk LIMIT %(limit)s
"""

_ARTICLE_SCORE = """
    SELECT article, round(sum(
        weight * counts[at] * (%(k1)s + 1)
            / (counts[at] + %(k1)s * (1 - %(b)s + %(b)s * length / %(text)s))
    )::numeric, 4)::float8
    FROM knowledge_index.article, LATERAL (
        SELECT weight, array_position(stems, id) AS at
        FROM unnest(%(ids)s::bigint[], %(weights)s::float8[]) AS asked (id, weight)
    ) AS placed
    WHERE at IS NOT NULL AND article = ANY(%(articles)s) AND locale = %(locale)s
    GROUP BY article
"""


@dataclass(frozen=True, slots=True)
class _Size:
    """How many texts a language has, and how long they are on average, in stems."""

    passages: int
    text: float
    titles: float
    articles: int
    whole: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """The stems of a query in one language, the rarest first, each with what it weighs."""

    locale: str
    size: _Size
    ids: Sequence[int]
    passages: Sequence[int]
    text: Sequence[float]
    title: Sequence[float]
    article: Sequence[float]

    @property
    def rarest(self) -> Sequence[int]:
        """The stems by which passages are found."""
        total, kept = 0, 0
        for times in self.passages:
            total += times
            if kept and total > RANKED:
                break
            kept += 1
        return self.ids[:kept]


class PostgresIndex:
    """BM25 over a GIN index, and pgvector. Nothing of it is kept in the process but some sizes."""

    def __init__(self) -> None:
        self._sizes: tuple[object, Mapping[str, _Size]] = (None, {})
        self._pgvector: bool | None = None

    def search(self, query: Query, limit: int) -> list[Hit]:
        """See KnowledgeIndex."""
        sizes = self._now()
        asked = [
            found
            for locale, words in query.words.items()
            if locale in sizes and (found := _asked(locale, sizes[locale], words))
        ]
        by_words = self._best(asked, query, limit)
        near = self._nearest(query, limit)
        others = [chunk for chunk in near if chunk not in by_words]
        scored = by_words | self._scores(asked, query, others)
        chunks = list(dict.fromkeys([*by_words, *near]))
        articles = _articles_of(chunks)
        whole = _article_scores(asked, set(articles.values()))
        cosines = _cosines(query, chunks)
        return [
            Hit(
                chunk,
                lexical=scored.get(chunk, 0.0),
                article=whole.get(articles[chunk], 0.0),
                cosine=cosines.get(chunk),
            )
            for chunk in chunks
            if chunk in articles
        ]

    def locales(self) -> frozenset[str]:
        """See KnowledgeIndex."""
        return frozenset(self._now())

    def rarity(self, locale: str, stems: Iterable[str]) -> dict[str, float]:
        """See KnowledgeIndex."""
        wanted = list(stems)
        size = self._latest().get(locale)
        there = _frequencies(locale, wanted) if size else {}
        total = size.passages if size else 0
        return {
            stem: log(1 + (total + 0.5) / (there.get(stem, (0, 0, 0))[0] + 0.5)) for stem in wanted
        }

    def spellings(self, locale: str, stem: str) -> Sequence[str]:
        """See KnowledgeIndex."""
        errors = typing_errors(stem)
        if not errors:
            return []
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT stem, passages FROM knowledge_index.stem "
                "WHERE locale = %s AND passages > 0 AND (stem LIKE %s OR stem LIKE %s)",
                [locale, f"{_plain(stem[0])}%", f"{_plain(stem[1::-1])}%"],
            )
            terms = dict(cursor.fetchall())
        near = process.extract(
            stem, terms.keys(), scorer=OSA.distance, score_cutoff=errors, limit=None
        )
        return [term for term, *_ in sorted(near, key=lambda n: (n[1], -terms[n[0]], n[0]))]

    def _latest(self) -> Mapping[str, _Size]:
        return self._sizes[1] or self._now()

    def _now(self) -> Mapping[str, _Size]:
        """The sizes of the tables, which have what the database has now, or had a moment ago."""
        now, model = current_revision(), get_embedder().name
        if self._pgvector is None:
            tables.make()
            self._pgvector = tables.has_pgvector()
            if not self._pgvector:
                logger.warning("no pgvector: only what is found by words is compared by meaning")
        made_by = f"{model} {analysis()} {self._pgvector}"
        seen, by = tables.state()
        if (seen, by) != (now, made_by):
            fresh = by != made_by or seen[0] != now[0]
            tables.follow(now, model, made_by, wait=fresh)
            seen, by = tables.state()
        if self._sizes[0] != (seen, by):
            self._sizes = ((seen, by), _sizes())
        return self._sizes[1]

    def _best(self, asked: Iterable[_Asked], query: Query, limit: int) -> dict[int, float]:
        found = [
            hit
            for one in asked
            for hit in _scored(one, query, "stems && %(some)s::bigint[]", one.rarest, limit)
        ]
        return dict(sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit])

    def _scores(
        self, asked: Iterable[_Asked], query: Query, chunks: Sequence[int]
    ) -> dict[int, float]:
        if not chunks:
            return {}
        which = "chunk = ANY(%(some)s::bigint[])"
        return {
            chunk: score
            for one in asked
            for chunk, score in _scored(one, query, which, chunks, len(chunks))
        }

    def _nearest(self, query: Query, limit: int) -> list[int]:
        """The chunks whose meaning is nearest; none without pgvector."""
        if query.vector is None or not self._pgvector:
            return []
        vector = tables.as_text(query.vector.astype("<f2").tobytes())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT to_regclass('knowledge_index.meaning') IS NOT NULL, "
                "set_config('hnsw.ef_search', %s, true), "
                "set_config('hnsw.iterative_scan', 'strict_order', true)",
                [str(EF_SEARCH)],
            )
            if not cursor.fetchone()[0]:
                return []
            cursor.execute(
                "SELECT chunk FROM knowledge_index.meaning JOIN knowledge_index.passage "
                "USING (chunk) WHERE audience = ANY(%s) ORDER BY vector <=> %s::halfvec LIMIT %s",
                [list(query.audiences), vector, limit],
            )
            return [chunk for (chunk,) in cursor.fetchall()]


def _asked(locale: str, size: _Size, words: Sequence[Sequence[Term]]) -> _Asked | None:
    """What of a query a language has; None where it has no word of it."""
    weights: dict[str, float] = {}
    for word in words[:MAX_WORDS]:
        for term in word:
            weights[term.stem] = weights.get(term.stem, 0.0) + term.weight
    there = _frequencies(locale, list(weights))
    stems = sorted(there, key=lambda stem: (there[stem][0], stem))
    if not stems:
        return None
    return _Asked(
        locale,
        size,
        [tables.number(stem) for stem in stems],
        [there[stem][0] for stem in stems],
        [BOOSTS["text"] * weights[s] * _idf(size.passages, there[s][0]) for s in stems],
        [BOOSTS["title"] * weights[s] * _idf(size.passages, there[s][1]) for s in stems],
        [weights[s] * _idf(size.articles, there[s][2]) for s in stems],
    )


def _idf(total: int, having: int) -> float:
    return log(1 + (total - having + 0.5) / (having + 0.5)) if having else 0.0


def _frequencies(locale: str, stems: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """In how many passages, titles and articles each stem is that the base has."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT stem, passages, titles, articles FROM knowledge_index.stem "
            "WHERE locale = %s AND id = ANY(%s) AND passages > 0",
            [locale, [tables.number(stem) for stem in stems]],
        )
        return {stem: counts for stem, *counts in cursor.fetchall()}


def _sizes() -> dict[str, _Size]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT locale, p.number, p.text, p.titles, a.number, a.text FROM "
            "(SELECT locale, count(*) AS number, avg(length)::float8 AS text, "
            "greatest(avg(cardinality(title)), 0.001)::float8 AS titles "
            "FROM knowledge_index.passage GROUP BY locale) AS p JOIN "
            "(SELECT locale, count(*) AS number, avg(length)::float8 AS text "
            "FROM knowledge_index.article GROUP BY locale) AS a USING (locale)"
        )
        return {locale: _Size(*numbers) for locale, *numbers in cursor.fetchall()}


def _scored(
    asked: _Asked, query: Query, which: str, some: Sequence[int], limit: int
) -> list[tuple[int, float]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _SCORE.format(which=which),
            {
                "k1": K1,
                "b": B,
                "text": asked.size.text,
                "titles": asked.size.titles,
                "ids": list(asked.ids),
                "text_weights": list(asked.text),
                "title_weights": list(asked.title),
                "locale": asked.locale,
                "audiences": list(query.audiences),
                "some": list(some),
                "limit": limit,
            },
        )
        return [(chunk, score) for chunk, _, score in cursor.fetchall()]


def _articles_of(chunks: Collection[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chunk, article FROM knowledge_index.passage WHERE chunk = ANY(%s)",
            [list(chunks)],
        )
        return dict(cursor.fetchall())


def _article_scores(asked: Iterable[_Asked], articles: Collection[int]) -> dict[int, float]:
    scores: dict[int, float] = {}
    with connection.cursor() as cursor:
        for one in asked:
            cursor.execute(
                _ARTICLE_SCORE,
                {
                    "k1": K1,
                    "b": B,
                    "text": one.size.whole,
                    "ids": list(one.ids),
                    "weights": list(one.article),
                    "articles": list(articles),
                    "locale": one.locale,
                },
            )
            scores |= dict(cursor.fetchall())
    return scores


def _cosines(query: Query, chunks: Sequence[int]) -> dict[int, float]:
    """Exactly, from the vectors as they are stored beside the passages."""
    if query.vector is None:
        return {}
    rows = Vector.objects.filter(chunk__in=chunks, model=get_embedder().name)
    cosines = {}
    for chunk, values in rows.values_list("chunk_id", "values"):
        vector = np.frombuffer(values, dtype="<f2").astype(np.float32)
        if len(vector) == len(query.vector) and vector.any():
            cosines[chunk] = float(vector @ query.vector)
    return cosines


def _plain(prefix: str) -> str:
    """Letters of which LIKE makes nothing special."""
    return "".join(f"\\{letter}" if letter in "%_\\" else letter for letter in prefix)
