"""Search: what the index finds, read back through the database, ranked, with a confidence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from chat import telemetry
from tools.knowledge.confidence import CONFIDENT, Evidence, confidence, shared_pairs
from tools.knowledge.embedders import get_embedder
from tools.knowledge.fusion import counts, fused
from tools.knowledge.index import Hit, get_index
from tools.knowledge.languages import base
from tools.knowledge.models import Article, Chunk, Status
from tools.knowledge.queries import Asked, asked
from tools.knowledge.readers import Reader
from tools.knowledge.words import stems

CANDIDATES = 30
"""Hits by words, and as many by meaning, that are ranked together. Fifty find no more."""

PER_ARTICLE = 2
"""Passages of one article in the results: a second may answer better, a third crowds others out."""

PAIRED = 500
"""Characters of a question whose neighbouring words are compared. More is a page that was pasted."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A published passage that was found. Without an address where it has no public page."""

    id: str
    article: int
    title: str
    heading: str
    url: str
    text: str
    score: float
    locale: str


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found, best first. `confidence` is from 0 to 1: does the best one answer?"""

    passages: tuple[Passage, ...] = ()
    confidence: float = 0.0

    @property
    def weak(self) -> bool:
        """Whether the passages may well not answer the question."""
        return self.confidence < CONFIDENT


class _Row(NamedTuple):
    """What the database says of a passage that the reader may see."""

    chunk: int
    article: int
    locale: str
    audience: str
    slug: str
    title: str
    heading: str
    anchor: str
    text: str


_Ranked = tuple[_Row, float]


def search(
    query: str, limit: int = 5, *, reader: Reader = Reader.GUEST, locale: str = ""
) -> Results:
    """The best passages of the published articles that `reader` may see, for a question.

    `locale` is the language of the reader's page: of two articles that answer alike, the one in it
    comes first.
    """
    with telemetry.search_span(query) as work:
        passages, evidence = found(query, limit, reader, locale)
        results = Results(tuple(passages), confidence(evidence) if evidence else 0.0)
        work.found(len(results.passages), results.confidence, weak=results.weak)
        return results


def found(
    text: str, limit: int, reader: Reader, locale: str = ""
) -> tuple[list[Passage], Evidence | None]:
    """The best passages, and what tells whether the first one answers; None where there is none."""
    index = get_index()
    question = asked(text, index, reader)
    hits = index.search(question.query, max(CANDIDATES, 2 * limit))
    ranked = _ranked([hit for hit in hits if counts(hit)], question, reader, base(locale))
    if not ranked:
        return [], None
    best = _at_most_per_article(ranked, limit)
    return [_passage(row, score) for row, score in best], _evidence(text, question, ranked)


def sections(passage: Passage, reader: Reader) -> list[Passage]:
    """All passages of the article that a passage is of, in reading order, with its score: for a
    question the right article is found more surely than the right part of it."""
    chunks = Chunk.objects.filter(article=passage.article).values_list("pk", flat=True)
    rows = sorted(_read(chunks, reader), key=lambda row: row.chunk)
    return [_passage(row, passage.score) for row in rows]


def _ranked(hits: Sequence[Hit], question: Asked, reader: Reader, preferred: str) -> list[_Ranked]:
    """What the reader may see of the hits, best first."""
    by_chunk = {hit.chunk: hit for hit in hits}
    spoken = get_embedder().languages
    rows = _read(by_chunk, reader)
    scored = [
        (
            row,
            fused(
                by_chunk[row.chunk],
                row.locale,
                best=question.best,
                spoken=spoken,
                preferred=preferred,
            ),
        )
        for row in rows
    ]
    return sorted(scored, key=lambda ranked: (-ranked[1], ranked[0].chunk))


def _read(chunks: Iterable[int], reader: Reader) -> list[_Row]:
    # SQLite keeps no statistics and would begin with all published articles, were there an index to do
    # so by; PostgreSQL has them, and knows nothing of an expression.
    sqlite = connection.vendor == "sqlite"
    status = Coalesce("article__status", Value("")) if sqlite else F("article__status")
    rows = (
        Chunk.objects.alias(status=status)
        .filter(
            pk__in=list(chunks),
            status=Status.PUBLISHED,
            article__audience__in=reader.audiences,
        )
        .order_by()
    ).values_list(
        "pk",
        "article_id",
        "article__locale",
        "article__audience",
        "article__slug",
        "article__title",
        "heading",
        "anchor",
        "text",
    )
    return [_Row(*row) for row in rows]


def _at_most_per_article(ranked: Iterable[_Ranked], limit: int) -> list[_Ranked]:
    seen: Counter[int] = Counter()
    kept: list[_Ranked] = []
    for row, score in ranked:
        seen[row.article] += 1
        if seen[row.article] <= PER_ARTICLE and len(kept) < limit:
            kept.append((row, score))
    return kept


def _evidence(text: str, question: Asked, ranked: Sequence[_Ranked]) -> Evidence:
    row, _ = ranked[0]
    language = base(row.locale)
    said = stems(f"{row.title} {row.heading} {row.text}", language)
    scores: dict[int, float] = {}
    for other, score in ranked:  # the best of each article
        scores.setdefault(other.article, score)
    return Evidence(
        coverage=question.covered(language, frozenset(said)),
        pairs=shared_pairs(_as_said(text, language, question, said), said),
        scores=tuple(scores.values()),
    )


def _as_said(text: str, language: str, question: Asked, said: Sequence[str]) -> list[str]:
    """A question's stems, those that a passage does not have in the spelling, or the synonym, that
    it has."""
    known = set(said)
    stands_for = {
        word[0].stem: term.stem
        for word in question.query.words.get(language, ())
        for term in word[1:]
        if term.stem in known
    }
    asked_for = stems(text[:PAIRED], language)
    return [stem if stem in known else stands_for.get(stem, stem) for stem in asked_for]


def _passage(row: _Row, score: float) -> Passage:
    url = Article(slug=row.slug, status=Status.PUBLISHED, audience=row.audience).public_url
    return Passage(
        id=f"a{row.article}-{row.chunk}",
        article=row.article,
        title=row.title,
        heading=row.heading,
        url=f"{url}#{row.anchor}" if url and row.anchor else url,
        text=row.text,
        score=score,
        locale=row.locale,
    )
