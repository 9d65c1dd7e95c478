"""The versions of an article's content: what it said, from one change to the next.

Written by `tools.knowledge.articles` in the transaction of the change itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Max

from tools.knowledge.models import Article, Version


class Content(NamedTuple):
    """What a version keeps of an article."""

    title: str
    category: str
    body: str

    @classmethod
    def of(cls, source: Article | Version) -> "Content":
        """The content of an article or of one of its versions."""
        return cls(source.title, source.category, source.body)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database has of an article before it is written. `number` is that of its newest
    version: 0 for an article from before versions were kept."""

    content: Content
    number: int
    updated_at: datetime


def stored(articles: Iterable[Article]) -> dict[int, Stored]:
    """What the database has of articles, by primary key. New ones are left out."""
    wanted = Article.objects.filter(pk__in=[article.pk for article in articles if article.pk])
    newest = Max("versions__number", default=0)
    columns = ("pk", "title", "category", "body", "updated_at", "newest")
    return {
        pk: Stored(Content(title, category, body), number, updated_at)
        for pk, title, category, body, updated_at, number in (
            wanted.order_by().annotate(newest=newest).values_list(*columns)
        )
    }


def record(
    changed: Sequence[Article],
    before: Mapping[int, Stored],
    *,
    author: User | None,
    origin: str,
) -> None:
    """Keeps a version of each changed article. `before` is what `stored` told of them.

    An article from before versions were kept gets what it said until now as its first.
    """
    rows: list[Version] = []
    for article in changed:
        there = before.get(article.pk)
        number = there.number if there else 0
        if there and not number:
            number = 1
            rows.append(_version(article, there.content, number, there.updated_at))
        row = _version(article, Content.of(article), number + 1, article.updated_at)
        row.author, row.origin = author, origin
        rows.append(row)
    Version.objects.bulk_create(rows)


def _version(article: Article, content: Content, number: int, at: datetime) -> Version:
    return Version(article=article, number=number, created_at=at, **content._asdict())
