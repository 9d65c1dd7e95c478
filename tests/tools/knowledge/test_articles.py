"""Every write keeps the passages and the revision in step with the article."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from tests.tools.knowledge.support import passages_of, write
from tools.knowledge import articles
from tools.knowledge.models import Article, Chunk, Status, Tag

pytestmark = pytest.mark.django_db


def number() -> int:
    return articles.current_revision()[1]


def slugs(*names: str) -> list[str]:
    return [write(name).slug for name in names]


# Saving ------------------------------------------------------------------------------------------


def test_a_new_article_has_its_passages_a_slug_and_a_revision() -> None:
    article = write("Wash the linen", "Cold.\n\n## Drying\n\nIn the shade.")
    assert article.slug == "wash-the-linen"
    assert article.revision == number() == 1
    assert list(Chunk.objects.values_list("position", "heading", "anchor", "text")) == [
        (0, "", "", "Cold."),
        (1, "Drying", "drying", "In the shade."),
    ]


def test_a_change_replaces_the_passages_and_keeps_the_address() -> None:
    article = write("Wash the linen", "Cold.\n\n## Drying\n\nIn the shade.")
    written = article.updated_at
    article.title, article.body = "Washing", "Warm."
    articles.save(article)
    there = Article.objects.get()
    assert (there.title, there.slug, there.revision) == ("Washing", "wash-the-linen", 2)
    assert there.updated_at > written
    assert there.created_at <= written
    assert passages_of(there) == ["Warm."]


def test_many_articles_are_saved_with_one_revision() -> None:
    old = write("Old", "Old text.")
    old.body = "New text."
    new = [Article(title=f"New {n}", body=f"Text {n}.") for n in range(3)]
    articles.save_all([old, *new])
    assert set(Article.objects.values_list("revision", flat=True)) == {2}
    assert [passages_of(article) for article in (old, *new)] == [
        ["New text."],
        ["Text 0."],
        ["Text 1."],
        ["Text 2."],
    ]


def test_a_batch_takes_as_many_queries_as_one_article(django_assert_num_queries: Any) -> None:
    write("The first makes the revision's row")
    with django_assert_num_queries(10):
        write("One", "## A\n\na\n\n## B\n\nb")
    with django_assert_num_queries(10):
        articles.save_all([Article(title=f"No {n}", body="a\n\n## B\n\nb") for n in range(30)])


def test_a_write_that_fails_leaves_nothing_behind() -> None:
    write("Linen", source="linen.md")
    with pytest.raises(IntegrityError), transaction.atomic():
        articles.save_all([Article(title="A"), Article(title="B", source="linen.md")])
    assert (Article.objects.count(), Chunk.objects.count(), number()) == (1, 1, 1)


# Addresses ---------------------------------------------------------------------------------------


def test_articles_of_one_title_have_addresses_of_their_own() -> None:
    assert slugs("x" * 200, "x" * 200) == ["x" * 100, "x" * 100 + "-2"]
    assert slugs("Linen", "linen!", "Linen", "Linen 2") == [
        "linen",
        "linen-2",
        "linen-3",
        "linen-2-2",
    ]


def test_a_batch_of_one_title_has_addresses_of_its_own() -> None:
    write("Linen")
    batch = [Article(title=title, body="x") for title in ("Linen", "Linen", "Linen 2", "Wool")]
    articles.save_all(batch)
    assert [a.slug for a in batch] == ["linen-2", "linen-3", "linen-2-2", "wool"]


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("What's new?", "whats-new"),
        ("Größe & Gewicht", "größe-gewicht"),
        ("返品について", "返品について"),
        ("???", "article"),
        ("-" * 50, "article"),
        ("x" * 200, "x" * 100),
        ("x" * 99 + " y", "x" * 99),
    ],
)
def test_an_address_is_made_of_the_titles_letters(title: str, slug: str) -> None:
    assert slugs(title) == [slug]


# Publishing and deleting -------------------------------------------------------------------------


def test_publishing_tells_how_many_were_drafts() -> None:
    draft, other, shown = write("A", draft=True), write("B", draft=True), write("C")
    assert articles.publish([draft.pk, shown.pk]) == 1
    statuses = dict(Article.objects.values_list("title", "status"))
    assert statuses == {"A": "published", "B": "draft", "C": "published"}
    draft.refresh_from_db()
    other.refresh_from_db()
    assert draft.revision == number() > other.revision


def test_unpublishing_keeps_the_passages_for_the_day_it_is_shown_again() -> None:
    article = write("A", "Some text.")
    assert articles.unpublish(Article.objects.values_list("pk", flat=True)) == 1
    article.refresh_from_db()
    assert (article.status, article.revision) == (Status.DRAFT, number())
    assert passages_of(article) == ["Some text."]
    assert articles.unpublish([article.pk]) == 0


def test_deleting_takes_the_passages_too_and_is_remembered() -> None:
    gone, kept = write("Gone", "a\n\n## B\n\nb"), write("Kept")
    assert articles.delete([gone.pk, 10**9]) == 1
    assert list(Article.objects.all()) == [kept]
    assert passages_of(kept) == ["Some text."]
    assert Chunk.objects.count() == 1
    assert articles.current_revision()[1:] == (3, 3)
    assert articles.delete([]) == 0


def test_archiving_takes_an_article_back_until_it_is_published_again() -> None:
    article, draft = write("A"), write("B", draft=True)
    assert articles.archive([article.pk, draft.pk]) == 2
    assert set(Article.objects.values_list("status", flat=True)) == {Status.ARCHIVED}
    assert articles.archive([article.pk]) == 0
    assert articles.publish([article.pk]) == 1


# What has gone from its source -------------------------------------------------------------------


def test_what_has_gone_is_marked_once_and_shown_as_before() -> None:
    gone, kept = write("Gone", source="gone.md"), write("Kept", source="kept.md")
    assert articles.mark_gone([gone.pk]) == 1
    gone.refresh_from_db()
    first = gone.gone_at
    assert first is not None
    assert (gone.status, kept.gone_at) == (Status.PUBLISHED, None)
    assert articles.mark_gone([gone.pk]) == 0
    gone.refresh_from_db()
    assert gone.gone_at == first


def test_what_comes_back_is_marked_no_more() -> None:
    article = write("Back", source="back.md")
    articles.mark_gone([article.pk])
    assert articles.mark_there([article.pk]) == 1
    assert articles.mark_there([article.pk]) == 0
    articles.mark_gone([article.pk])
    article.gone_at = None
    articles.save(article)
    assert Article.objects.get().gone_at is None


# Tags --------------------------------------------------------------------------------------------


def tags_of(article: Article) -> list[str]:
    return [tag.name for tag in article.tags.all()]


def test_tags_are_made_as_they_are_needed_and_replaced_as_a_whole() -> None:
    one, two, other = write("One"), write("Two"), write("Other")
    articles.set_tags({one.pk: ["returns", " gift \n cards ", "returns", ""], other.pk: ["kept"]})
    articles.set_tags({one.pk: ["gift cards", "new"], two.pk: ["gift cards"]})
    assert (tags_of(one), tags_of(two)) == (["gift cards", "new"], ["gift cards"])
    assert tags_of(other) == ["kept"]
    assert Tag.objects.filter(name="gift cards").count() == 1
    articles.set_tags({one.pk: []})
    assert tags_of(one) == []
    assert number() == 3, "search reads no tags"


def test_a_tag_that_is_too_long_is_cut() -> None:
    article = write("One")
    articles.set_tags({article.pk: ["x" * 80]})
    assert tags_of(article) == ["x" * 50]


# Languages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "body", "locale"),
    [
        ("", "Entkalken Sie den Wasserkocher mit Essig und spülen Sie ihn danach gut aus.", "de"),
        ("", "Descale the kettle with vinegar, then rinse it and let it dry.", "en"),
        ("", "42", "en"),
        ("pt_BR", "Descale the kettle with vinegar, then rinse it and let it dry.", "pt-br"),
    ],
)
def test_a_language_that_nobody_gave_is_told_from_the_text(
    given: str, body: str, locale: str
) -> None:
    assert write("XR-7", body, locale=given).locale == locale
    assert Article.objects.get().locale == locale


# The revision ------------------------------------------------------------------------------------


def test_the_revision_counts_writes_within_one_epoch() -> None:
    assert articles.current_revision() == (None, 0, 0)
    write("A")
    epoch, first, _ = articles.current_revision()
    write("B")
    assert articles.current_revision() == (epoch, first + 1, 0)


def test_a_touch_counts_though_no_article_changed() -> None:
    article = write("A")
    articles.touch()
    assert number() == 2
    article.refresh_from_db()
    assert article.revision == 1


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_wait_for_one_another() -> None:
    start = threading.Barrier(4)

    def add() -> None:
        start.wait()
        write("Linen")
        connection.close()

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = dict(Article.objects.values_list("slug", "revision"))
    assert there == {"linen": 1, "linen-2": 2, "linen-3": 3, "linen-4": 4}
