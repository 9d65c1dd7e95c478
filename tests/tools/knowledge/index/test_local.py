"""The index follows the database, revision by revision, and ranks alike over any of them."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.index import MAX_TERMS, TantivyIndex, get_index
from tools.knowledge.models import Article, Chunk, Revision

pytestmark = pytest.mark.django_db


@pytest.fixture
def index() -> TantivyIndex:
    return TantivyIndex()


def found(index: TantivyIndex, query: str, limit: int = 10) -> list[str]:
    """The titles of what is found, best first."""
    hits = index.search(query, limit)
    names = dict(Chunk.objects.values_list("pk", "article__title"))
    return [names[hit.chunk] for hit in hits]


# Following ---------------------------------------------------------------------------------------


def test_it_finds_what_was_there_before_and_what_is_added(index: TantivyIndex) -> None:
    assert found(index, "water") == []
    write("Kettles", "Boil water.")
    assert found(index, "water") == ["Kettles"]
    write("Carafes", "Pour water.")
    assert sorted(found(index, "water")) == ["Carafes", "Kettles"]


def test_it_finds_what_an_article_says_now(index: TantivyIndex) -> None:
    article = write("Kettles", "Boil water.")
    assert found(index, "water") == ["Kettles"]
    article.body = "Boil milk."
    articles.save(article)
    assert found(index, "water") == []
    assert found(index, "milk") == ["Kettles"]


def test_drafts_are_not_found_until_they_are_published(index: TantivyIndex) -> None:
    article = write("Kettles", draft=True)
    assert found(index, "kettle") == []
    articles.publish([article.pk])
    assert found(index, "kettle") == ["Kettles"]
    articles.unpublish([article.pk])
    assert index.search("kettle", 10) == []


def test_what_is_deleted_is_found_no_more(index: TantivyIndex) -> None:
    gone, kept = write("Kettles of steel"), write("Kettles of glass")
    assert len(found(index, "kettles")) == 2
    articles.delete([gone.pk])
    assert [hit.chunk for hit in index.search("kettles", 10)] == [kept.chunks.get().pk]


def test_many_changes_between_two_searches_are_all_taken_over(index: TantivyIndex) -> None:
    changed, gone, taken_back = (write(f"Kettle {n}") for n in "abc")
    found(index, "kettle")
    changed.title = "Kettle x"
    articles.save(changed)
    articles.delete([gone.pk])
    articles.unpublish([taken_back.pk])
    write("Kettle d")
    write("Kettle e", draft=True)
    assert sorted(found(index, "kettle")) == ["Kettle d", "Kettle x"]


def test_two_indexes_follow_the_same_base(index: TantivyIndex) -> None:
    other = TantivyIndex()
    article = write("Kettles")
    assert found(index, "kettle") == found(other, "kettle") == ["Kettles"]
    articles.delete([article.pk])
    write("Kettles again")
    assert found(other, "kettle") == found(index, "kettle") == ["Kettles again"]


@pytest.mark.parametrize(
    "change", [{"number": 1}, *({"number": n, "epoch": uuid4()} for n in (1, 2, 7))]
)
def test_a_database_that_was_restored_is_read_anew(
    index: TantivyIndex, change: dict[str, Any]
) -> None:
    write("Kettles")
    write("Kettles too")
    assert len(found(index, "kettle")) == 2
    Article.objects.filter(title="Kettles too").delete()
    Article.objects.update(revision=1)
    Revision.objects.update(**change)
    assert len(index.search("kettle", 10)) == 1


def test_an_emptied_base_is_read_anew(index: TantivyIndex) -> None:
    write("Kettles")
    assert found(index, "kettle") == ["Kettles"]
    for model in (Article, Revision):
        model.objects.all().delete()
    assert index.search("kettle", 10) == []
    write("Kettles again")
    assert found(index, "kettle") == ["Kettles again"]


def test_while_nothing_changes_a_search_costs_one_query(
    index: TantivyIndex, django_assert_num_queries: Any
) -> None:
    write("Kettles")
    index.search("kettle", 10)
    with django_assert_num_queries(1):
        index.search("kettle", 10)


@pytest.mark.django_db(transaction=True)
def test_threads_that_come_together_at_the_start_all_find_it() -> None:
    write("Kettles")
    index, start = TantivyIndex(), threading.Barrier(6)
    sizes: list[int] = []

    def look() -> None:
        start.wait()
        sizes.append(len(index.search("kettle", 10)))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [1] * 6


# Ranking -----------------------------------------------------------------------------------------


def test_the_order_is_the_same_over_any_database(index: TantivyIndex) -> None:
    write("C", "Express delivery is quick and leaves in the morning.")
    write("A", "Express delivery to Canada costs eight dollars today.")
    write("D", "Our showroom opens at ten and delivery is elsewhere.")
    write("E", "Enamel kettles boil water on every kind of stove.")
    write("B", "Express delivery to Canada leaves in the morning.")
    query = "What does express delivery to Canada cost in dollars?"
    assert found(index, query) == found(TantivyIndex(), query) == ["A", "B", "C", "D"]


def test_equal_passages_come_in_the_order_they_were_written(index: TantivyIndex) -> None:
    twins = [write(f"Twin {letter}", "Kettle.") for letter in "abcd"]
    found(index, "kettle")
    twins[1].body = "Kettle!"
    articles.save(twins[1])  # its passage is the youngest now
    assert found(index, "kettle") == ["Twin a", "Twin c", "Twin d", "Twin b"]


def test_title_heading_and_text_are_all_searched(index: TantivyIndex) -> None:
    write("Kettles", "## Descaling\n\nUse vinegar.")
    for word in ("kettle", "descaled", "VINEGAR"):
        assert found(index, word) == ["Kettles"]


@pytest.mark.parametrize("query", ["", "  ", "?!", "\0", "()[]{}^~*\\", "unheard"])
def test_a_query_without_a_known_word_finds_nothing(index: TantivyIndex, query: str) -> None:
    write("Kettles")
    assert index.search(query, 10) == []


def test_a_pasted_page_is_cut(index: TantivyIndex) -> None:
    write("Kettles")
    page = [f"word{number}" for number in range(MAX_TERMS)]
    assert found(index, " ".join([*page, "kettle"])) == []
    assert found(index, " ".join(["kettle", *page])) == ["Kettles"]


def test_the_rarer_a_word_the_more_it_tells(index: TantivyIndex) -> None:
    write("Kettles", "Water.\n\n## Care\n\nWater and vinegar.")
    write("Carafes", "Water.")
    weights = index.rarity(["water", "vinegar", "unheard"])
    assert 0 < weights["water"] < weights["vinegar"] < weights["unheard"]
    assert index.rarity([]) == {}
    Revision.objects.all().delete()
    Article.objects.all().delete()
    assert index.rarity(["water"])["water"] > 0


# Which one ---------------------------------------------------------------------------------------


class NoIndex(TantivyIndex):
    """An index of a deployment's own."""


def test_a_deployment_may_name_its_own_index(settings: Any) -> None:
    assert type(get_index()) is TantivyIndex
    assert get_index() is get_index()
    settings.KNOWLEDGE_INDEX = f"{__name__}.NoIndex"
    assert type(get_index()) is NoIndex
