"""Every write to the knowledge base has its home here.

A write of content replaces the chunks, keeps a version and raises the revision in the transaction
of the article itself. The revision's row is updated first: it makes writers wait for one another,
so that the order of the revisions is the order of the commits, and whoever has seen revision 7 has
seen all before it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from chat.prepared import Select
from tools.knowledge import chunks, languages, signals, vectors, versions
from tools.knowledge.models import Article, Chunk, Revision, Status, Tag, Version
from tools.knowledge.versions import Content

_STORED = (
    "title",
    "category",
    "body",
    "status",
    "locale",
    "audience",
    "stale_after",
    "source",
    "content_hash",
    "gone_at",
    "revision",
    "updated_at",
)
"""What a save writes of an article that is there: all but its slug and its first day."""

_SLUG_LENGTH = 100
"""Leaves room for the number that keeps two articles of one title apart."""

_TAG_LENGTH = 50

_REVISION = Select(lambda: Revision.objects.values_list("epoch", "number", "last_removal"))
"""Read by every search, more than once."""


def save(article: Article, *, author: User | None = None, origin: str = "") -> None:
    """Creates or changes one article. See `save_all`."""
    save_all([article], author=author, origin=origin)


def save_all(articles: Sequence[Article], *, author: User | None = None, origin: str = "") -> None:
    """Creates or changes articles, in one transaction and with one revision.

    Each whose title, category or body is new gets a version of `author`, or of `origin` where no
    person wrote it. One whose content stays as it is keeps its passages and their ids. An empty
    locale is told from the text.
    """
    for article in articles:
        # Browsers send \r\n: without this, every form that is saved unchanged would be a change.
        article.body = article.body.replace("\r\n", "\n").replace("\r", "\n")
        article.locale = _locale(article)
    # Cutting them up takes longest and needs no lock.
    passages = [
        chunks.split(article.body, title=article.title, locale=article.locale)
        for article in articles
    ]
    now = timezone.now()
    with transaction.atomic():
        revision = _next_revision()
        before = versions.stored(articles)
        changed = [
            (article, of_article)
            for article, of_article in zip(articles, passages, strict=True)
            if article.pk not in before or before[article.pk].content != Content.of(article)
        ]
        for article, _ in changed:
            article.updated_at = now
        _write(articles, revision)
        _write_chunks(changed)
        versions.record([a for a, _ in changed], before, author=author, origin=origin)


@transaction.atomic
def restore(version: Version, author: User | None) -> Article:
    """Gives an article the content of one of its versions again, as a new version of `author`.

    Status, audience and tags stay as they are. Returns the article. Raises Article.DoesNotExist
    where it was deleted meanwhile.
    """
    _next_revision()  # whoever writes at the same time waits, so that nothing newer is read over
    article = Article.objects.get(pk=version.article_id)
    article.title, article.category, article.body = Content.of(version)
    save(article, author=author, origin=f"version {version.number}")
    return article


@transaction.atomic
def set_tags(tags: Mapping[int, Iterable[str]]) -> None:
    """Gives each article, by its primary key, exactly the tags of these names. New ones are made.

    A name is cut to one line and the length of its column. Search does not read tags: the revision
    stays.
    """
    wanted = {
        article: {line for name in names if (line := " ".join(name.split())[:_TAG_LENGTH].strip())}
        for article, names in tags.items()
    }
    names = set().union(*wanted.values())
    Tag.objects.bulk_create((Tag(name=name) for name in sorted(names)), ignore_conflicts=True)
    there = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    pairs = Article.tags.through
    pairs.objects.filter(article__in=list(wanted)).delete()
    pairs.objects.bulk_create(
        pairs(article_id=article, tag_id=there[name])
        for article, of_article in wanted.items()
        for name in sorted(of_article)
    )


def publish(articles: Iterable[int]) -> int:
    """Shows articles to their audience. Takes primary keys; returns how many were not shown."""
    return _set_status(articles, Status.PUBLISHED)


def unpublish(articles: Iterable[int]) -> int:
    """Takes articles back from everybody but staff, to be worked on. Returns how many changed."""
    return _set_status(articles, Status.DRAFT)


def archive(articles: Iterable[int]) -> int:
    """Takes articles back from everybody but staff, for good. Returns how many changed."""
    return _set_status(articles, Status.ARCHIVED)


def read_again(articles: Iterable[int], next_on: date) -> int:
    """Notes that somebody read articles and found them right. `next_on` is the day to do so again.
    Returns how many there were."""
    return Article.objects.filter(pk__in=list(articles)).update(stale_after=next_on)


def mark_gone(articles: Iterable[int]) -> int:
    """Notes that the source of articles has them no more. They are shown as before: staff decide.

    Takes primary keys; returns how many were not known to be gone. `save` with `gone_at` None, or
    `mark_there`, takes the mark away.
    """
    still_there = Article.objects.filter(pk__in=list(articles), gone_at=None)
    return still_there.update(gone_at=timezone.now())


def mark_there(articles: Iterable[int]) -> int:
    """Notes that articles are back at their source. Returns how many were gone."""
    return Article.objects.filter(pk__in=list(articles), gone_at__isnull=False).update(gone_at=None)


@transaction.atomic
def touch() -> None:
    """Raises the revision where search changes though no article does: synonyms were edited."""
    _next_revision()


@transaction.atomic
def delete(articles: Iterable[int]) -> int:
    """Deletes articles by primary key. Returns how many there were."""
    number = _next_revision()
    _, deleted = Article.objects.filter(pk__in=list(articles)).delete()
    Revision.objects.update(last_removal=number)
    return deleted.get(Article._meta.label, 0)


def current_revision() -> tuple[UUID | None, int, int]:
    """The count's epoch, its number and the number of the last removal: one cheap query."""
    epoch, number, last_removal = _REVISION.first() or (None, 0, 0)
    return epoch, number, last_removal


@transaction.atomic
def _set_status(articles: Iterable[int], status: Status) -> int:
    number = _next_revision()
    wanted = Article.objects.filter(pk__in=list(articles)).exclude(status=status)
    return wanted.update(status=status, revision=number)


def _next_revision() -> int:
    """Raises the count, holds its row until the transaction ends, and then tells of it."""
    if not Revision.objects.update(number=F("number") + 1):
        Revision.objects.bulk_create([Revision()], ignore_conflicts=True)
        Revision.objects.update(number=F("number") + 1)
    number = Revision.objects.values_list("number", flat=True).get()
    changed = partial(signals.base_changed.send_robust, sender=Revision, revision=number)
    transaction.on_commit(changed, robust=True)
    return number


def _locale(article: Article) -> str:
    given = article.locale.strip().replace("_", "-").lower()
    default = languages.base(settings.LANGUAGE_CODE)
    return given or languages.detect(f"{article.title}\n{article.body}", default)


def _write(articles: Sequence[Article], revision: int) -> None:
    new = [article for article in articles if article.pk is None]
    old = [article for article in articles if article.pk is not None]
    for article in articles:
        article.revision = revision
    for article, slug in zip(new, _free_slugs([a.title for a in new]), strict=True):
        article.slug = slug
    Article.objects.bulk_create(new)
    Article.objects.bulk_update(old, _STORED)


def _write_chunks(changed: Sequence[tuple[Article, Sequence[chunks.Passage]]]) -> None:
    Chunk.objects.filter(article__in=[article.pk for article, _ in changed]).delete()
    written = Chunk.objects.bulk_create(
        Chunk(
            article=article,
            position=position,
            heading=passage.heading,
            anchor=passage.anchor,
            text=passage.text,
        )
        for article, of_article in changed
        for position, passage in enumerate(of_article)
    )
    vectors.write(written)


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
