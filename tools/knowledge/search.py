"""Search: what the index finds, read back through the database, ranked, with a confidence."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from chat import telemetry
from tools.knowledge.confidence import CONFIDENT, Evidence, confidence, shared_pairs
from tools.knowledge.embedders import get_embedder
from tools.knowledge.fusion import counts, fused
from tools.knowledge.index import get_index
from tools.knowledge.index.base import Hit
from tools.knowledge.languages import base
from tools.knowledge.models import Chunk, Status
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
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found, best first. `confidence` is from 0 to 1: does the best one answer?"""

    passages: tuple[Passage, ...] = ()
    confidence: float = 0.0

    @property
    def weak(self) -> bool:
        """Whether the passages may well not answer the question."""
        return self.confidence < CONFIDENT


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A passage that the reader may see, before its text is read."""

    hit: Hit
    article: int
    language: str
    score: float


def search(
    query: str, limit: int = 5, *, reader: Reader = Reader.GUEST, locale: str = ""
) -> Results:
    """The best passages of the published articles that `reader` may see, for a question.

    `locale` is the language of the reader's page: of two articles that answer alike, the one in it
    comes first.
    """
    with telemetry.search_span(query) as work:
        results = _search(query, limit, reader, base(locale))
        work.found(len(results.passages), results.confidence, weak=results.weak)
        return results


def _search(text: str, limit: int, reader: Reader, preferred: str) -> Results:
    found, evidence = found_with_evidence(text, limit, reader, preferred)
    return Results(tuple(found), confidence(evidence) if evidence else 0.0)


def found_with_evidence(
    text: str, limit: int, reader: Reader, preferred: str = ""
) -> tuple[list[Passage], Evidence | None]:
    """The best passages, and what tells whether the first answers; None where there is none."""
    index = get_index()
    question = asked(text, index, reader)
    hits = index.search(question.query, max(CANDIDATES, 2 * limit))
    ranked = _ranked(hits, question, reader, preferred)
    best = _at_most_per_article(ranked, limit)
    chunks = _read([one.hit.chunk for one in best], reader)
    there = [one for one in best if one.hit.chunk in chunks]
    if not there:
        return [], None
    first = _evidence(text, question, there[0], chunks[there[0].hit.chunk], ranked)
    return [_passage(chunks[one.hit.chunk], one.score) for one in there], first


def _visible(chunks: Iterable[int], reader: Reader) -> QuerySet[Chunk]:
    return Chunk.objects.filter(
        pk__in=list(chunks),
        article__status=Status.PUBLISHED,
        article__audience__in=reader.audiences,
    )


def _ranked(hits: Sequence[Hit], question: Asked, reader: Reader, preferred: str) -> list[_Ranked]:
    """What the reader may see of the hits, best first."""
    by_chunk = {hit.chunk: hit for hit in hits if counts(hit)}
    rows = _visible(by_chunk, reader).values_list("pk", "article_id", "article__locale")
    spoken = get_embedder().languages
    found = [
        _Ranked(
            by_chunk[chunk],
            article,
            base(locale),
            fused(by_chunk[chunk], locale, best=question.best, spoken=spoken, preferred=preferred),
        )
        for chunk, article, locale in rows
    ]
    return sorted(found, key=lambda one: (-one.score, one.hit.chunk))


def _at_most_per_article(ranked: Iterable[_Ranked], limit: int) -> list[_Ranked]:
    seen: Counter[int] = Counter()
    kept: list[_Ranked] = []
    for one in ranked:
        seen[one.article] += 1
        if seen[one.article] <= PER_ARTICLE and len(kept) < limit:
            kept.append(one)
    return kept


def _read(chunks: Sequence[int], reader: Reader) -> Mapping[int, Chunk]:
    # Asked again with the same filter: an article may have been taken back between the two queries.
    rows = _visible(chunks, reader).select_related("article")
    return rows.only(
        "heading",
        "anchor",
        "text",
        "article__title",
        "article__slug",
        "article__locale",
        "article__status",
        "article__audience",
    ).in_bulk()


def _evidence(
    text: str, question: Asked, best: _Ranked, chunk: Chunk, ranked: Sequence[_Ranked]
) -> Evidence:
    said = stems(f"{chunk.article.title} {chunk.heading} {chunk.text}", best.language)
    scores: dict[int, float] = {}
    for one in ranked:  # the best of each article
        scores.setdefault(one.article, one.score)
    return Evidence(
        coverage=question.covered(best.language, frozenset(said)),
        pairs=shared_pairs(stems(text[:PAIRED], best.language), said),
        scores=tuple(scores.values()),
    )


def _passage(chunk: Chunk, score: float) -> Passage:
    url = chunk.article.public_url
    return Passage(
        id=f"a{chunk.article_id}-{chunk.pk}",
        article=chunk.article_id,
        title=chunk.article.title,
        heading=chunk.heading,
        url=f"{url}#{chunk.anchor}" if url and chunk.anchor else url,
        text=chunk.text,
        score=score,
        locale=chunk.article.locale,
    )
