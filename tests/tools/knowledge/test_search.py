"""Search: what the index finds, read back through the database, which alone decides."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.tools.knowledge.support import titles, write
from tools.knowledge.index import Hit, Query
from tools.knowledge.models import Article, Audience, Chunk, Status
from tools.knowledge.readers import Reader
from tools.knowledge.search import PER_ARTICLE, search

pytestmark = pytest.mark.django_db


class StaleIndex:
    """An index that missed every change since the world began: it finds whatever there ever was."""

    def search(self, query: Query, limit: int) -> list[Hit]:
        there = list(Chunk.objects.order_by("pk").values_list("pk", flat=True))
        return [Hit(pk, lexical=1.0, article=1.0, cosine=None) for pk in [*there, 10**9]]

    def locales(self) -> frozenset[str]:
        return frozenset({"en"})

    def rarity(self, locale: str, stems: Iterable[str]) -> dict[str, float]:
        return dict.fromkeys(stems, 1.0)

    def spellings(self, locale: str, stem: str) -> list[str]:
        return []


@pytest.fixture
def stale_index(settings: Any) -> None:
    settings.KNOWLEDGE_INDEX = f"{__name__}.StaleIndex"


# What is found -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "title", "heading"),
    [
        ("How long do refunds take?", "Refunds", "Time"),
        ("is delivery free", "Delivery", "Cost"),
        ("descale kettle", "Kettles", "Descaling"),
        ("When does the showroom open?", "Opening hours", ""),
    ],
)
def test_the_passage_that_answers_comes_first(
    shop: None, question: str, title: str, heading: str
) -> None:
    best = search(question).passages[0]
    assert (best.title, best.heading) == (title, heading)


def test_a_passage_says_where_it_is_from(shop: None) -> None:
    chunk = Chunk.objects.select_related("article").get(heading="Descaling")
    passage = search("descale a kettle").passages[0]
    assert passage.id == f"a{chunk.article_id}-{chunk.pk}"
    assert passage.article == chunk.article_id
    assert passage.url == "/help/kettles/#descaling"
    assert passage.text == "Descale a kettle with vinegar."
    assert passage.locale == "en"
    assert search("When does the showroom open?").passages[0].url == "/help/opening-hours/"


def test_the_best_come_first_up_to_the_limit(shop: None) -> None:
    scores = [passage.score for passage in search("refund to a card").passages]
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)
    assert len(search("refund to a card", limit=1).passages) == 1


def test_the_order_is_the_same_over_any_database() -> None:
    write("C", "Express delivery is quick and leaves in the morning.")
    write("A", "Express delivery to Canada costs eight dollars today.")
    write("D", "Our showroom opens at ten and delivery is elsewhere.")
    write("E", "Enamel kettles boil water on every kind of stove.")
    write("B", "Express delivery to Canada leaves in the morning.")
    found = search("What does express delivery to Canada cost in dollars?").passages
    assert titles(found) == ["A", "B", "C", "D"]


def test_one_article_does_not_crowd_out_the_others() -> None:
    many = "\n\n".join(f"## Kettle {n}\n\nThe kettle is a kettle." for n in range(8))
    write("All about kettles", many)
    write("Tea", "You need hot water. A kettle helps.")
    found = titles(search("kettle", limit=5).passages)
    assert found == ["All about kettles"] * PER_ARTICLE + ["Tea"]


def test_a_search_takes_few_queries(shop: None, django_assert_num_queries: Any) -> None:
    search("refund")
    with django_assert_num_queries(4):  # the revision three times, the passages
        search("refund")


# The database decides ----------------------------------------------------------------------------


def test_what_the_index_still_has_is_not_returned_once_it_is_unpublished(
    shop: None, stale_index: None
) -> None:
    assert "Kettles" in titles(search("descale a kettle", limit=20).passages)
    Article.objects.filter(title="Kettles").update(status=Status.DRAFT)
    found = search("descale a kettle", limit=20).passages
    assert set(titles(found)) == {"Refunds", "Delivery", "Opening hours"}


def test_what_the_index_still_has_is_not_returned_once_it_is_for_others(
    shop: None, stale_index: None
) -> None:
    Article.objects.filter(title="Kettles").update(audience=Audience.STAFF)
    assert "Kettles" not in titles(search("descale a kettle", limit=20).passages)
    for_staff = search("descale a kettle", limit=20, reader=Reader.STAFF)
    assert "Kettles" in titles(for_staff.passages)


def test_what_the_index_still_has_is_not_returned_once_it_is_deleted(
    shop: None, stale_index: None
) -> None:
    Article.objects.all().delete()
    assert search("descale a kettle").passages == ()


def test_the_words_are_those_of_the_database_and_not_of_the_index(shop: None) -> None:
    search("opening hours")
    Chunk.objects.filter(article__title="Opening hours").update(text="We open at noon.")
    assert search("opening hours").passages[0].text == "We open at noon."


# Confidence --------------------------------------------------------------------------------------


def test_what_answers_is_strong_and_what_does_not_is_weak(shop: None) -> None:
    assert not search("How do I descale a kettle?").weak
    assert search("Which kettle would win the presidential election in France?").weak


def test_nothing_found_is_weak(shop: None) -> None:
    nothing = search("zebra")
    assert (nothing.passages, nothing.confidence, nothing.weak) == ((), 0.0, True)


def test_confidence_is_between_none_and_all(shop: None) -> None:
    for question in ("Refunds", "refund " * 30, "who are you", "the kettle and the moon"):
        assert 0.0 <= search(question).confidence <= 1.0


# Any query ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "\0",
        "?!…",
        "'",
        "title:kettle AND (",
        'kettle" OR "1"="1',
        "kettle'; DROP TABLE knowledge_article; --",
        "kettle^99999 ~ * \\",
        "[kettle TO *]",
        "<script>kettle</script>",
        "%s %d {kettle} {{kettle}}",
        "kettle\0\ufffe\U0010ffff",
        "kettle \u202e\u200b\ufeff",
        "kettle " * 5000,
        "k" * 50_000,
        "क" * 3000,
    ],
    ids=lambda query: repr(query[:20]),
)
def test_no_query_breaks_a_search(shop: None, query: str) -> None:
    found = titles(search(query).passages)
    assert found[:1] == (["Kettles"] if "kettle" in query else [])


@pytest.mark.parametrize(
    ("title", "body", "query"),
    [
        ("वापसी", "आप तीस दिनों में सामान वापस कर सकते हैं।", "सामान वापस"),
        ("Rücksendung", "Sie können Artikel zurücksenden.", "Artikel zurucksenden"),
        ("Возврат", "Вы можете вернуть товар.", "вернуть товар"),
        ("إرجاع", "يمكنك إرجاع المنتج", "إرجاع المنتج"),
    ],
)
def test_other_languages_are_searched_by_their_words(
    shop: None, title: str, body: str, query: str
) -> None:
    write(title, body)
    assert titles(search(query).passages)[:1] == [title]
