"""Search: what the index finds, read back through the database, ranked again, with a confidence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from chat import telemetry
from chat.llm.embedding import embed
from tools.knowledge.index import get_index
from tools.knowledge.models import Chunk, Status
from tools.knowledge.readers import Reader
from tools.knowledge.words import informative, stems

CANDIDATES = 30
"""Hits that are ranked again. Beyond them BM25 finds next to nothing that ends among the best."""

COSINE_WEIGHT = 0.6
"""What embeddings may add to BM25. They help most where words differ, and mislead where they do not."""
PER_ARTICLE = 2
"""Passages of one article in the results: a second may answer better, a third crowds others out."""

EMBEDDED_WORDS = 80
"""The start of a passage says what it is about; an embedding of more of it says less."""

CONFIDENT = 0.5
"""Below it a passage is weak. With the articles of half its questions hidden, a real help centre of
2,119 articles refuses 30% of those at this value, and 4% of the others; of 80 questions that have
nothing to do with any shop it refuses 69."""


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


@dataclass(frozen=True, slots=True)
class Results:
    """What a search found, best first. `confidence` is from 0 to 1: does the best one answer?"""

    passages: tuple[Passage, ...] = ()
    confidence: float = 0.0

    @property
    def weak(self) -> bool:
        """Whether the passages may well not answer the question."""
        return self.confidence < CONFIDENT


def search(
    query: str, limit: int = 5, *, reader: Reader = Reader.GUEST, locale: str = ""
) -> Results:
    """The best passages of the published articles that `reader` may see, for a question."""
    with telemetry.search_span(query) as work:
        results = _search(query, limit, reader)
        work.found(len(results.passages), results.confidence, weak=results.weak)
        return results


def _search(query: str, limit: int, reader: Reader) -> Results:
    hits = get_index().search(query, max(CANDIDATES, 2 * limit))
    scores = {hit.chunk: hit.score for hit in hits}
    found = list(
        Chunk.objects.filter(
            pk__in=scores,
            article__status=Status.PUBLISHED,
            article__audience__in=reader.audiences,
        )
        .select_related("article")
        .only(
            "heading",
            "anchor",
            "text",
            "article__title",
            "article__slug",
            "article__status",
            "article__audience",
        )
        .order_by("pk")
    )
    if not found:
        return Results()
    cosines = _cosines(query, found)
    top = max(scores[chunk.pk] for chunk in found)
    blended = [
        (1 - COSINE_WEIGHT) * scores[chunk.pk] / top + COSINE_WEIGHT * cosine
        for chunk, cosine in zip(found, cosines, strict=True)
    ]
    order = sorted(range(len(found)), key=lambda i: (-blended[i], found[i].pk))
    confidence = _confidence(query, found[order[0]], cosines[order[0]])
    best = _at_most_per_article(((found[i], blended[i]) for i in order), limit)
    return Results(tuple(_passage(chunk, score) for chunk, score in best), confidence)


def _cosines(query: str, chunks: Sequence[Chunk]) -> list[float]:
    starts = (" ".join(chunk.text.split()[:EMBEDDED_WORDS]) for chunk in chunks)
    about = [
        f"{c.article.title}. {c.heading}. {text}" for c, text in zip(chunks, starts, strict=True)
    ]
    vectors = embed([query, *about, *(chunk.heading or chunk.article.title for chunk in chunks)])
    near = np.dot(vectors[1:], vectors[0]).reshape(2, len(chunks))
    # A heading may be the very question, and the text below it about everything else.
    return [max(0.0, float(cosine)) for cosine in near.max(axis=0)]


def _confidence(query: str, chunk: Chunk, cosine: float) -> float:
    """The share of what the query asks about that the passage speaks of, and how alike they are."""
    weights = get_index().rarity(informative(query))
    there = set(stems(f"{chunk.article.title} {chunk.heading} {chunk.text}"))
    covered = sum(weight for stem, weight in weights.items() if stem in there)
    return 0.5 * covered / sum(weights.values()) + 0.5 * cosine


def _at_most_per_article(
    ranked: Iterable[tuple[Chunk, float]], limit: int
) -> list[tuple[Chunk, float]]:
    seen: Counter[int] = Counter()
    kept: list[tuple[Chunk, float]] = []
    for chunk, score in ranked:
        seen[chunk.article_id] += 1
        if seen[chunk.article_id] <= PER_ARTICLE and len(kept) < limit:
            kept.append((chunk, score))
    return kept


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
    )
