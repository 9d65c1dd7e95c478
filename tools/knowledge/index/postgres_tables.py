"""The tables of the server-side index, in a schema of their own, and how they follow the database.

    state      the revision that the tables have, and the newest vector
    stem       in how many passages, titles and articles each stem is; arrays tell it by its number
    passage    a passage's stems, how often it has each, and those of its title; a GIN index on them
    article    the same of whole articles
    meaning    vectors in pgvector's type, where the server has that extension

They are a cache: `DROP SCHEMA knowledge_index CASCADE` loses nothing. Whoever searches and finds the
articles ahead takes over what changed, in one transaction, and one process at a time.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction

from tools.knowledge.index import source
from tools.knowledge.index.source import Revision, Row
from tools.knowledge.words import stems

logger = logging.getLogger(__name__)

LOCK = 7_403_159_186_021
"""The advisory lock of whoever writes the tables: any number that nobody else takes."""

BATCH = 500
"""Passages that are written at once, with the rest of the last one's article: a megabyte of stems."""

MOST_DIMENSIONS = 4000
"""Of vectors that an HNSW index of pgvector's halfvec takes."""

_SCHEMA = Path(__file__).with_name("postgres_schema.sql")

_Counts = Counter[tuple[str, str]]
"""In how many texts each stem of each language is."""


def make() -> None:
    """Makes the tables that are missing. Raises DatabaseError where the user may not."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(_SCHEMA.read_text("utf-8"))


def has_pgvector() -> bool:
    """Whether the extension can be used in this database. Makes it where that is allowed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'")
        if cursor.fetchone():
            return True
        cursor.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'vector' AND has_database_privilege("
            "current_user, current_database(), 'CREATE')"
        )
        if not cursor.fetchone():
            return False
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return True


def state() -> tuple[Revision, str]:
    """The revision that the tables have, and by which model and analysis they were made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch, number, removal, made_by FROM knowledge_index.state")
        epoch, number, removal, made_by = cursor.fetchone()
    return (epoch, number, removal), made_by


def follow(now: Revision, model: str, made_by: str, *, wait: bool) -> bool:
    """Takes over what the database has at `now`. Returns False where another process is at it, unless
    told to wait for it."""
    with transaction.atomic(), connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        else:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                return False
        seen, by = state()
        if by != made_by or seen[0] != now[0] or seen[1] > now[1]:
            _empty(cursor)
            seen = (now[0], 0, 0)
        cursor.execute("SELECT vector FROM knowledge_index.state")
        vector = cursor.fetchone()[0]
        newest = source.newest_vector()
        _take_over(cursor, seen, now, vector, model)
        if not seen[1]:  # the planner would go by how empty they were until the server looks again
            cursor.execute(
                "ANALYZE knowledge_index.stem, knowledge_index.passage, knowledge_index.article"
            )
        cursor.execute(
            "UPDATE knowledge_index.state SET epoch = %s, number = %s, removal = %s, vector = %s, "
            "made_by = %s",
            [now[0], now[1], now[2], newest, made_by],
        )
    return True


def number(stem: str) -> int:
    """What stands for a stem in an array: of 64 bits, so that two stems hardly ever share one."""
    return int.from_bytes(blake2b(stem.encode(), digest_size=8).digest(), "big", signed=True)


def _empty(cursor: Any) -> None:
    cursor.execute(
        "TRUNCATE knowledge_index.stem, knowledge_index.passage, knowledge_index.article"
    )
    cursor.execute("UPDATE knowledge_index.state SET vector = 0")
    cursor.execute("DROP TABLE IF EXISTS knowledge_index.meaning")


def _take_over(cursor: Any, seen: Revision, now: Revision, vector: int, model: str) -> None:
    changed = source.changed(seen[1])
    if now[2] > seen[1]:
        cursor.execute("SELECT DISTINCT article FROM knowledge_index.passage")
        changed |= {article for (article,) in cursor.fetchall()} - source.remaining()
    if seen[1]:
        _remove(cursor, changed)
    rows = source.written(seen[1], model)
    for batch in _batches(rows):
        _add(cursor, batch)
        _add_meanings(cursor, batch)
    if seen[1]:
        fresh = [row for row in source.embedded(vector, model) if row.article not in changed]
        _add_meanings(cursor, fresh)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in batches, none of which ends within an article."""
    batch: list[Row] = []
    for _, of_article in groupby(rows, key=lambda row: row.article):
        batch += of_article
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _remove(cursor: Any, articles: Collection[int]) -> None:
    gone = [list(articles)]
    for column, lists in (
        ("passages", "SELECT locale, unnest(stems) AS id FROM knowledge_index.passage"),
        (
            "titles",
            "SELECT DISTINCT chunk, locale, unnest(title) AS id FROM knowledge_index.passage",
        ),
        ("articles", "SELECT locale, unnest(stems) AS id FROM knowledge_index.article"),
    ):
        cursor.execute(
            f"UPDATE knowledge_index.stem SET {column} = {column} - gone.times FROM "  # noqa: S608  # of our own words
            f"(SELECT locale, id, count(*) AS times FROM ({lists} WHERE article = ANY(%s)) AS one "
            "GROUP BY locale, id) AS gone WHERE stem.locale = gone.locale AND stem.id = gone.id",
            gone,
        )
    if _has_meanings(cursor):
        cursor.execute(
            "DELETE FROM knowledge_index.meaning USING knowledge_index.passage "
            "WHERE meaning.chunk = passage.chunk AND passage.article = ANY(%s)",
            gone,
        )
    cursor.execute("DELETE FROM knowledge_index.passage WHERE article = ANY(%s)", gone)
    cursor.execute("DELETE FROM knowledge_index.article WHERE article = ANY(%s)", gone)


def _add(cursor: Any, rows: Iterable[Row]) -> None:
    of_passages: _Counts = Counter()
    of_titles: _Counts = Counter()
    whole: dict[tuple[int, str], Counter[str]] = {}
    passages = []
    for row in rows:
        title = stems(row.title, row.locale)
        text = stems(f"{row.heading}\n{row.text}", row.locale)
        counted = Counter([*title, *text])
        of_passages.update((row.locale, stem) for stem in counted)
        of_titles.update((row.locale, stem) for stem in set(title))
        of_article = whole.setdefault((row.article, row.locale), Counter(title))
        of_article.update(text)
        passages.append(
            (
                row.chunk,
                row.article,
                row.locale,
                row.audience,
                [number(stem) for stem in counted],
                list(counted.values()),
                counted.total(),
                [number(stem) for stem in title],
            )
        )
    cursor.executemany(
        "INSERT INTO knowledge_index.passage VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING",
        passages,
    )
    of_articles = _add_articles(cursor, whole)
    _count(cursor, of_passages, of_titles, of_articles)


def _add_articles(cursor: Any, whole: dict[tuple[int, str], Counter[str]]) -> _Counts:
    """Writes articles; returns the stems they are the first to bring into theirs."""
    counts: _Counts = Counter()
    for (article, locale), counted in whole.items():
        counts.update((locale, stem) for stem in counted)
        cursor.execute(
            "INSERT INTO knowledge_index.article VALUES (%s, %s, %s, %s, %s)",
            [
                article,
                locale,
                [number(stem) for stem in counted],
                list(counted.values()),
                counted.total(),
            ],
        )
    return counts


def _count(cursor: Any, passages: _Counts, titles: _Counts, articles: _Counts) -> None:
    # In one order, so that no two writers wait for each other; there is only one, but still.
    cursor.executemany(
        "INSERT INTO knowledge_index.stem VALUES (%s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (locale, id) DO UPDATE SET passages = stem.passages + EXCLUDED.passages, "
        "titles = stem.titles + EXCLUDED.titles, articles = stem.articles + EXCLUDED.articles",
        [
            (key[0], number(key[1]), key[1], passages[key], titles[key], articles[key])
            for key in sorted({*passages, *titles, *articles})
        ],
    )


def _has_meanings(cursor: Any) -> bool:
    cursor.execute("SELECT to_regclass('knowledge_index.meaning') IS NOT NULL")
    there: bool = cursor.fetchone()[0]
    return there


def _add_meanings(cursor: Any, rows: Iterable[Row]) -> None:
    """Copies vectors into pgvector's type, where it is there."""
    vectors = [(row.chunk, row.vector) for row in rows if row.vector]
    if not vectors or not has_pgvector():
        return
    size = len(vectors[0][1]) // 2
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS knowledge_index.meaning "
        f"(chunk bigint PRIMARY KEY, vector halfvec({size}) NOT NULL)"
    )
    if size <= MOST_DIMENSIONS:
        cursor.execute(
            "CREATE INDEX IF NOT EXISTS meaning_vector ON knowledge_index.meaning "
            "USING hnsw (vector halfvec_cosine_ops)"
        )
    cursor.executemany(
        "INSERT INTO knowledge_index.meaning VALUES (%s, %s) "
        "ON CONFLICT (chunk) DO UPDATE SET vector = EXCLUDED.vector",
        [(chunk, as_text(values)) for chunk, values in vectors if len(values) == 2 * size],
    )


def as_text(values: bytes) -> str:
    """A stored vector as pgvector reads it."""
    return f"[{','.join(map(str, np.frombuffer(values, dtype='<f2').tolist()))}]"
