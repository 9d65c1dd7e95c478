"""What the database has for an index: the passages of published articles, and what has changed."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import FilteredRelation, Max, Q, QuerySet

from tools.knowledge.languages import base
from tools.knowledge.models import Article, Chunk, Status, Vector

Revision = tuple[UUID | None, int, int]
"""The epoch of the base, its number, and the number of the last removal: see `current_revision`."""

BATCH = 2000
"""Rows that are read at once: 4 MB of text."""


@dataclass(frozen=True, slots=True)
class Row:
    """A passage of a published article. `vector` is float16, None where the model made none yet."""

    chunk: int
    article: int
    locale: str
    audience: str
    title: str
    heading: str
    text: str
    vector: bytes | None


def languages() -> dict[str, list[str]]:
    """The languages of published articles, each with the locales that they come in."""
    published = Article.objects.filter(status=Status.PUBLISHED)
    found: dict[str, list[str]] = {}
    for locale in published.values_list("locale", flat=True).order_by("locale").distinct():
        found.setdefault(base(locale), []).append(locale)
    return found


def of_locales(locales: Collection[str], model: str) -> Iterator[Row]:
    """The passages in some locales that may be found, article by article, with their vectors
    by `model`."""
    return _rows(Chunk.objects.filter(article__locale__in=locales), model)


def written(since: int, model: str) -> Iterator[Row]:
    """The passages of published articles that were written or published after a revision's number."""
    return _rows(Chunk.objects.filter(article__revision__gt=since), model)


def embedded(since: int, model: str) -> Iterator[Row]:
    """The passages of articles for which `model` made a vector after that with the id `since`."""
    fresh = Vector.objects.filter(pk__gt=since, model=model).values("chunk__article")
    return _rows(Chunk.objects.filter(article__in=fresh), model)


def pending(since: int) -> int:
    """How many passages `written` has."""
    return Chunk.objects.filter(article__revision__gt=since).count()


def changed(since: int) -> set[int]:
    """The articles that were written, published or taken back after a revision's number."""
    return set(Article.objects.filter(revision__gt=since).values_list("pk", flat=True))


def remaining() -> set[int]:
    """The articles that were not deleted."""
    return set(Article.objects.values_list("pk", flat=True))


def newest_vector() -> int:
    """The id of the youngest vector. They are written while the revision's row is held, so that
    whoever has seen one has seen all before it."""
    return Vector.objects.aggregate(newest=Max("pk"))["newest"] or 0


def _rows(chunks: QuerySet[Chunk], model: str) -> Iterator[Row]:
    rows = (
        chunks.filter(article__status=Status.PUBLISHED)
        .annotate(by_model=FilteredRelation("vectors", condition=Q(vectors__model=model)))
        .order_by("article_id", "pk")
        .values_list(
            "pk",
            "article_id",
            "article__locale",
            "article__audience",
            "article__title",
            "heading",
            "text",
            "by_model__values",
        )
    )
    for pk, article, locale, audience, title, heading, text, values in rows.iterator(BATCH):
        vector = None if values is None else bytes(values)
        yield Row(pk, article, base(locale), audience, title, heading, text, vector)
