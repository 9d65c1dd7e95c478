"""Every write to the knowledge base has its home here.

A write replaces the chunks and raises the revision in the transaction of the article itself. The
revision's row is updated first: it makes writers wait for one another, so that the order of the
revisions is the order of the commits, and whoever has seen revision 7 has seen all before it.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from tools.knowledge import chunks
from tools.knowledge.models import Article, Chunk, Revision, Status

_CONTENT = ("title", "category", "body", "status", "source", "content_hash")
_SLUG_LENGTH = 100
"""Leaves room for the number that keeps two articles of one title apart."""


def save(article: Article) -> None:
    """Creates or changes one article."""
    save_all([article])


def save_all(articles: Sequence[Article]) -> None:
    """Creates or changes articles, in one transaction and with one revision."""
    # Cutting them up takes longest and needs no lock.
    passages = [chunks.split(article.body, title=article.title) for article in articles]
    now = timezone.now()
    with transaction.atomic():
        revision = _next_revision()
        _write(articles, revision, now)
        Chunk.objects.filter(article__in=[article.pk for article in articles]).delete()
        Chunk.objects.bulk_create(
            Chunk(
                article=article,
                position=position,
                heading=passage.heading,
                anchor=passage.anchor,
                text=passage.text,
            )
            for article, of_article in zip(articles, passages, strict=True)
            for position, passage in enumerate(of_article)
        )


def publish(articles: Iterable[int]) -> int:
    """Shows articles to everybody. Takes primary keys; returns how many were drafts."""
    return _set_status(articles, Status.PUBLISHED)


def unpublish(articles: Iterable[int]) -> int:
    """Takes articles back from everybody but staff. Returns how many were published."""
    return _set_status(articles, Status.DRAFT)


@transaction.atomic
def delete(articles: Iterable[int]) -> int:
    """Deletes articles by primary key. Returns how many there were."""
    number = _next_revision()
    _, deleted = Article.objects.filter(pk__in=list(articles)).delete()
    Revision.objects.update(last_removal=number)
    return deleted.get(Article._meta.label, 0)


def current_revision() -> tuple[UUID | None, int, int]:
    """The count's epoch, its number and the number of the last removal: one cheap query."""
    row = Revision.objects.values_list("epoch", "number", "last_removal").first()
    return row or (None, 0, 0)


@transaction.atomic
def _set_status(articles: Iterable[int], status: Status) -> int:
    number = _next_revision()
    wanted = Article.objects.filter(pk__in=list(articles)).exclude(status=status)
    return wanted.update(status=status, revision=number)


def _next_revision() -> int:
    """Raises the count, and holds its row until the transaction ends."""
    if not Revision.objects.update(number=F("number") + 1):
        Revision.objects.bulk_create([Revision()], ignore_conflicts=True)
        Revision.objects.update(number=F("number") + 1)
    return Revision.objects.values_list("number", flat=True).get()


def _write(articles: Sequence[Article], revision: int, now: datetime) -> None:
    new = [article for article in articles if article.pk is None]
    old = [article for article in articles if article.pk is not None]
    for article in articles:
        article.revision, article.updated_at = revision, now
    for article, slug in zip(new, _free_slugs([a.title for a in new]), strict=True):
        article.slug = slug
    Article.objects.bulk_create(new)
    Article.objects.bulk_update(old, [*_CONTENT, "revision", "updated_at"])


def _free_slugs(titles: Sequence[str]) -> list[str]:
    """A slug a title, none of which is taken. The revision's row keeps other writers out."""
    bases = [
        slugify(title, allow_unicode=True)[:_SLUG_LENGTH].strip("-") or "article"
        for title in titles
    ]
    taken = set(Article.objects.filter(slug__in=bases).values_list("slug", flat=True))
    slugs = []
    for base in bases:
        slug = _numbered(base, taken) if base in taken else base
        taken.add(slug)
        slugs.append(slug)
    return slugs


def _numbered(base: str, taken: Collection[str]) -> str:
    alike = Article.objects.filter(slug__startswith=f"{base}-").values_list("slug", flat=True)
    there = {*taken, *alike}
    number = 2
    while f"{base}-{number}" in there:
        number += 1
    return f"{base}-{number}"
