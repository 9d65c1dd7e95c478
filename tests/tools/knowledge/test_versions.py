"""Versions: nothing that an article ever said is lost."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.tools.knowledge.support import passages_of, write
from tools.knowledge import articles
from tools.knowledge.models import Article, Audience, Chunk, Status, Version

pytestmark = pytest.mark.django_db

ENTRIES = ("number", "title", "body", "author__username", "origin")


@pytest.fixture
def cleo() -> User:
    return User.objects.create_user("cleo")


def versions_of(article: Article) -> list[tuple[Any, ...]]:
    """The versions of an article, the oldest first."""
    return list(article.versions.order_by("number").values_list(*ENTRIES))


# Writing -----------------------------------------------------------------------------------------


def test_each_write_of_content_is_a_version_with_its_author_or_origin(cleo: User) -> None:
    article = Article(title="Kettles", body="Use vinegar.")
    articles.save(article, origin="help.zip")
    article.body = "Use lemon."
    articles.save(article, author=cleo)
    assert versions_of(article) == [
        (1, "Kettles", "Use vinegar.", None, "help.zip"),
        (2, "Kettles", "Use lemon.", "cleo", ""),
    ]


@pytest.mark.parametrize("field", ["title", "category", "body"])
def test_all_that_a_version_keeps_makes_one(field: str) -> None:
    article = write("Kettles", category="Care")
    setattr(article, field, "Another")
    articles.save(article)
    assert article.versions.count() == 2
    assert getattr(article.versions.get(number=2), field) == "Another"


def test_a_write_that_changes_no_content_makes_none_and_keeps_the_passages(cleo: User) -> None:
    article = write("Kettles", "a\n\n## B\n\nb")
    written, passages = article.updated_at, list(Chunk.objects.values_list("pk", flat=True))
    article.audience, article.status = Audience.STAFF, Status.DRAFT
    article.content_hash = "seen at its source"
    articles.save(article, author=cleo)
    article.refresh_from_db()
    assert versions_of(article) == [(1, "Kettles", "a\n\n## B\n\nb", None, "")]
    assert (article.audience, article.status) == (Audience.STAFF, Status.DRAFT)
    assert article.content_hash == "seen at its source"
    assert article.updated_at == written
    assert list(Chunk.objects.values_list("pk", flat=True)) == passages
    assert article.revision == articles.current_revision()[1] == 2


def test_a_batch_has_versions_of_those_that_changed(cleo: User) -> None:
    changed, same = write("Changed"), write("Same")
    changed.body = "New text."
    new = Article(title="New", body="Text.")
    articles.save_all([changed, same, new], author=cleo)
    found = Version.objects.filter(author=cleo).order_by("title").values_list("title", "number")
    assert list(found) == [("Changed", 2), ("New", 1)]


def test_a_version_tells_the_time_of_its_change() -> None:
    article = write("Kettles")
    article.body = "Use lemon."
    articles.save(article)
    newest, oldest = article.versions.all()
    assert newest.created_at == article.updated_at
    assert oldest.created_at < newest.created_at


def test_what_an_article_said_before_versions_were_kept_becomes_its_first(cleo: User) -> None:
    article = write("Kettles", "Use vinegar.")
    Version.objects.all().delete()
    before = article.updated_at
    article.body = "Use lemon."
    articles.save(article, author=cleo)
    assert versions_of(article) == [
        (1, "Kettles", "Use vinegar.", None, ""),
        (2, "Kettles", "Use lemon.", "cleo", ""),
    ]
    assert article.versions.get(number=1).created_at == before


def test_an_author_who_leaves_takes_no_version_along(cleo: User) -> None:
    article = Article(title="Kettles", body="Use vinegar.")
    articles.save(article, author=cleo)
    cleo.delete()
    assert versions_of(article) == [(1, "Kettles", "Use vinegar.", None, "")]


# Restoring ---------------------------------------------------------------------------------------


def test_a_restored_version_is_a_new_one_that_search_follows(cleo: User) -> None:
    article = write("Kettles", "Use vinegar.", category="Care")
    article.title, article.category, article.body = "Pans", "Kitchen", "Use lemon."
    articles.save(article)
    restored = articles.restore(article.versions.get(number=1), cleo)
    article.refresh_from_db()
    assert restored == article
    assert (article.title, article.category, article.body) == ("Kettles", "Care", "Use vinegar.")
    assert passages_of(article) == ["Use vinegar."]
    assert versions_of(article) == [
        (1, "Kettles", "Use vinegar.", None, ""),
        (2, "Pans", "Use lemon.", None, ""),
        (3, "Kettles", "Use vinegar.", "cleo", "version 1"),
    ]


def test_restoring_publishes_nothing(cleo: User) -> None:
    article = write("Kettles", "Use vinegar.", audience="customers")
    article.body, article.status, article.audience = "Use lemon.", Status.ARCHIVED, Audience.STAFF
    articles.save(article)
    articles.restore(article.versions.get(number=1), cleo)
    article.refresh_from_db()
    assert (article.status, article.audience) == (Status.ARCHIVED, Audience.STAFF)


def test_restoring_what_it_says_already_changes_nothing(cleo: User) -> None:
    article = write("Kettles", "Use vinegar.")
    articles.restore(article.versions.get(), cleo)
    assert article.versions.count() == 1


def test_a_version_of_an_article_that_is_gone_cannot_be_restored(cleo: User) -> None:
    article = write("Kettles")
    version = article.versions.get()
    articles.delete([article.pk])
    with pytest.raises(Article.DoesNotExist):
        articles.restore(version, cleo)
