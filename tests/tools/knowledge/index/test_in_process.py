"""The index follows the database, revision by revision, and ranks alike over any of them."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from tests.tools.knowledge.index.support import found, query
from tests.tools.knowledge.support import write
from tools.knowledge import articles, vectors
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import InProcessIndex, Query, Term, get_index
from tools.knowledge.index.base import MAX_WORDS
from tools.knowledge.models import Article, Revision, Vector

pytestmark = pytest.mark.django_db


@pytest.fixture
def index() -> InProcessIndex:
    return InProcessIndex()


# Following ---------------------------------------------------------------------------------------


def test_it_finds_what_was_there_before_and_what_is_added(index: InProcessIndex) -> None:
    assert found(index, "water") == []
    write("Kettles", "Boil water.")
    assert found(index, "water") == ["Kettles"]
    write("Carafes", "Pour water.")
    assert sorted(found(index, "water")) == ["Carafes", "Kettles"]


def test_it_finds_what_an_article_says_now(index: InProcessIndex) -> None:
    article = write("Kettles", "Boil water.")
    assert found(index, "water") == ["Kettles"]
    article.body = "Boil milk."
    articles.save(article)
    assert found(index, "water") == []
    assert found(index, "milk") == ["Kettles"]


@pytest.mark.parametrize("meaning", [False, True])
def test_drafts_are_not_found_until_they_are_published(
    index: InProcessIndex, meaning: bool
) -> None:
    article = write("Kettles", draft=True)
    assert found(index, "kettle", meaning=meaning) == []
    articles.publish([article.pk])
    assert found(index, "kettle", meaning=meaning) == ["Kettles"]
    articles.unpublish([article.pk])
    assert index.search(query(index, "kettle", meaning=meaning), 10) == []


@pytest.mark.parametrize("meaning", [False, True])
def test_what_is_deleted_is_found_no_more(index: InProcessIndex, meaning: bool) -> None:
    gone, kept = write("Kettles of steel"), write("Kettles of glass")
    assert len(found(index, "kettles", meaning=meaning)) == 2
    articles.delete([gone.pk])
    hits = index.search(query(index, "kettles", meaning=meaning), 10)
    assert [hit.chunk for hit in hits] == [kept.chunks.get().pk]


def test_many_changes_between_two_searches_are_all_taken_over(index: InProcessIndex) -> None:
    changed, gone, taken_back = (write(f"Kettle {n}") for n in "abc")
    found(index, "kettle")
    changed.title = "Kettle x"
    articles.save(changed)
    articles.delete([gone.pk])
    articles.unpublish([taken_back.pk])
    write("Kettle d")
    write("Kettle e", draft=True)
    assert sorted(found(index, "kettle")) == ["Kettle d", "Kettle x"]


def test_two_indexes_follow_the_same_base(index: InProcessIndex) -> None:
    other = InProcessIndex()
    article = write("Kettles")
    assert found(index, "kettle") == found(other, "kettle") == ["Kettles"]
    articles.delete([article.pk])
    write("Kettles again")
    assert found(other, "kettle") == found(index, "kettle") == ["Kettles again"]


@pytest.mark.parametrize(
    "change", [{"number": 1}, *({"number": n, "epoch": uuid4()} for n in (1, 2, 7))]
)
def test_a_database_that_was_restored_is_read_anew(
    index: InProcessIndex, change: dict[str, Any]
) -> None:
    write("Kettles")
    write("Kettles too")
    assert len(found(index, "kettle")) == 2
    Article.objects.filter(title="Kettles too").delete()
    Article.objects.update(revision=1)
    Revision.objects.update(**change)
    assert len(index.search(query(index, "kettle"), 10)) == 1


def test_an_emptied_base_is_read_anew(index: InProcessIndex) -> None:
    write("Kettles")
    assert found(index, "kettle") == ["Kettles"]
    for model in (Article, Revision):
        model.objects.all().delete()
    assert index.search(query(index, "kettle"), 10) == []
    write("Kettles again")
    assert found(index, "kettle") == ["Kettles again"]


def test_while_nothing_changes_a_search_costs_one_query(
    index: InProcessIndex, django_assert_num_queries: Any
) -> None:
    write("Kettles")
    asked = query(index, "kettle", meaning=True)
    with django_assert_num_queries(1):
        assert index.search(asked, 10)
    with django_assert_num_queries(0):  # parts of the same search
        index.rarity("en", ["kettle"])
        index.spellings("en", "ketl")


@pytest.mark.django_db(transaction=True)
def test_threads_that_come_together_at_the_start_all_find_it() -> None:
    write("Kettles")
    index, start = InProcessIndex(), threading.Barrier(6)
    sizes: list[int] = []

    def look() -> None:
        start.wait()
        sizes.append(len(found(index, "kettle")))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [1] * 6


def test_vectors_that_are_made_later_are_taken_over(index: InProcessIndex) -> None:
    article = write("Kettles", "Boil water.")
    Vector.objects.all().delete()
    asked = query(index, "kettle", meaning=True)
    assert [hit.cosine for hit in index.search(asked, 10)] == [None]
    (chunk,) = vectors.missing(get_embedder().name)
    articles.touch()
    vectors.store([chunk], vectors.embed([chunk], get_embedder()), get_embedder().name)
    (hit,) = index.search(asked, 10)
    assert hit.chunk == article.chunks.get().pk
    assert hit.cosine is not None
    assert hit.cosine > 0.5


# Ranking -----------------------------------------------------------------------------------------


def test_the_order_is_the_same_over_any_database(index: InProcessIndex) -> None:
    write("C", "Express delivery is quick and leaves in the morning.")
    write("A", "Express delivery to Canada costs eight dollars today.")
    write("D", "Our showroom opens at ten and delivery is elsewhere.")
    write("E", "Enamel kettles boil water on every kind of stove.")
    write("B", "Express delivery to Canada leaves in the morning.")
    text = "What does express delivery to Canada cost in dollars?"
    assert found(index, text) == found(InProcessIndex(), text) == ["A", "B", "C", "D"]


def test_an_index_that_grew_ranks_like_one_that_was_built(index: InProcessIndex) -> None:
    found(index, "kettle")
    for number in range(60):
        article = write(f"Kettle {number}", "Boil water. " * (number % 7 + 1) + "Tea. " * number)
        if number % 3 == 0:
            found(index, "kettle")
            article.body = f"Boil milk {number} times. Water is for tea."
            articles.save(article)
        if number % 10 == 5:
            articles.delete([article.pk])
        found(index, "kettle")
    built = InProcessIndex()
    for text in ("water for tea", "boil milk", "kettle 7"):
        asked = query(built, text, meaning=True)
        assert index.search(asked, 20) == built.search(asked, 20)


def test_equal_passages_come_in_the_order_they_were_written(index: InProcessIndex) -> None:
    twins = [write(f"Twin {letter}", "Kettle.") for letter in "abcd"]
    found(index, "kettle")
    twins[1].body = "Kettle!"
    articles.save(twins[1])  # its passage is the youngest now
    assert found(index, "kettle") == ["Twin a", "Twin c", "Twin d", "Twin b"]


def test_of_many_equal_passages_the_first_are_found(index: InProcessIndex) -> None:
    ids = [write(f"Twin {n}", "Kettle.").chunks.get().pk for n in range(40)]
    assert [hit.chunk for hit in index.search(query(index, "kettle"), 5)] == ids[:5]


def test_title_heading_and_text_are_all_searched(index: InProcessIndex) -> None:
    write("Kettles", "## Descaling\n\nUse vinegar.")
    for word in ("kettle", "descaled", "VINEGAR"):
        assert found(index, word) == ["Kettles"]


def test_a_hit_tells_how_well_the_whole_article_fits(index: InProcessIndex) -> None:
    write("Kettles", "## Care\n\nUse vinegar.\n\n## Safety\n\nBeware of steam.")
    write("Salads", "## Care\n\nUse vinegar.\n\n## Taste\n\nAdd salt.")
    hits = {h.chunk: h for h in index.search(query(index, "vinegar and steam"), 10)}
    care, steam = Article.objects.get(title="Kettles").chunks.all()
    salad = Article.objects.get(title="Salads").chunks.first()
    assert salad
    assert hits[care.pk].article == hits[steam.pk].article > hits[salad.pk].article > 0


@pytest.mark.parametrize("text", ["", "  ", "?!", "\0", "()[]{}^~*\\", "unheard"])
def test_a_query_without_a_known_word_finds_nothing(index: InProcessIndex, text: str) -> None:
    write("Kettles")
    assert index.search(query(index, text), 10) == []


def test_a_pasted_page_is_cut(index: InProcessIndex) -> None:
    write("Kettles")
    page = [f"word{number}" for number in range(MAX_WORDS)]
    assert found(index, " ".join([*page, "kettle"])) == []
    assert found(index, " ".join(["kettle", *page])) == ["Kettles"]


def test_a_synonym_counts_by_its_weight(index: InProcessIndex) -> None:
    write("Sofas", "Soft.")
    write("Couches", "Soft.")
    write("Beds", "Hard.")
    either = [[Term("sofa"), Term("couch", 0.5)]]
    hits = index.search(Query({"en": either}, None, frozenset(["public"])), 10)
    assert [round(hits[1].lexical / hits[0].lexical, 2)] == [0.5]


def test_what_means_the_same_is_found_without_a_common_word(index: InProcessIndex) -> None:
    for title, body in (
        ("Refunds", "We return your money within a week."),
        ("Kettles", "Enamel kettles boil water."),
        ("Opening hours", "Our showroom opens at ten."),
    ):
        write(title, body)
    assert found(index, "reimbursement") == []
    assert found(index, "reimbursement", meaning=True)[0] == "Refunds"
    assert found(index, "reimbursement", limit=1, meaning=True) == ["Refunds"]


def test_hits_by_words_and_by_meaning_come_with_both_scores(index: InProcessIndex) -> None:
    write("Refunds", "We return your money within a week.")
    write("Kettles", "Enamel kettles boil water.")
    by_words, by_meaning = index.search(query(index, "kettle", meaning=True), 10)
    assert by_words.lexical > 0
    assert by_words.cosine is not None
    assert by_meaning.cosine is not None
    assert (by_meaning.lexical, by_meaning.article) == (0.0, 0.0)
    assert by_words.cosine > by_meaning.cosine


# Languages and readers ---------------------------------------------------------------------------


def test_each_article_is_matched_by_the_analysis_of_its_own_language(
    index: InProcessIndex,
) -> None:
    write("Wasserkocher", "Die Wasserkocher entkalken.", locale="de-at")
    write("Kettles", "Descale kettles.", locale="en")
    assert index.locales() == {"de", "en"}
    assert found(index, "Wasserkochern") == ["Wasserkocher"]
    assert found(index, "descaling") == ["Kettles"]
    only_german = Query({"de": [[Term("kettl")]]}, None, frozenset(["public"]))
    assert index.search(only_german, 10) == []


def test_a_language_that_no_article_is_in_any_more_finds_nothing(index: InProcessIndex) -> None:
    article = write("Kettles", "Descale kettles.", locale="de")
    assert found(index, "kettles") == ["Kettles"]
    article.locale = "en"
    articles.save(article)
    assert found(index, "kettles") == ["Kettles"]
    assert index.locales() == {"en"}


@pytest.mark.parametrize("meaning", [False, True])
def test_only_what_the_reader_may_see_takes_a_place(index: InProcessIndex, meaning: bool) -> None:
    for number in range(20):
        write(f"Kettle margins {number}", "Kettle kettle kettle.", audience="staff")
    write("Kettles", "A kettle among other things.")
    guest = query(index, "kettle", audiences=frozenset(["public"]), meaning=meaning)
    assert [hit.chunk for hit in index.search(guest, 3)] == [
        Article.objects.get(title="Kettles").chunks.get().pk
    ]
    assert len(index.search(query(index, "kettle", meaning=meaning), 3)) >= 3


def test_an_article_whose_audience_changes_is_found_by_the_new_one(index: InProcessIndex) -> None:
    article = write("Kettles", audience="staff")
    guest = query(index, "kettle", audiences=frozenset(["public"]), meaning=True)
    assert index.search(guest, 3) == []
    article.audience = "public"
    articles.save(article)
    assert len(index.search(query(index, "kettle", audiences=frozenset(["public"])), 3)) == 1


# Words -------------------------------------------------------------------------------------------


def test_the_rarer_a_word_the_more_it_tells(index: InProcessIndex) -> None:
    write("Kettles", "Water.\n\n## Care\n\nWater and vinegar.", locale="en")
    write("Carafes", "Water.", locale="en")
    weights = index.rarity("en", ["water", "vinegar", "unheard"])
    assert 0 < weights["water"] < weights["vinegar"] < weights["unheard"]
    assert index.rarity("en", []) == {}
    assert index.rarity("xx", ["water"])["water"] > 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("ketl", "kettl"), ("ekttl", "kettl"), ("vinigar", "vinegar"), ("vinegra", "vinegar")],
)
def test_the_spelling_that_was_meant_is_told(index: InProcessIndex, typed: str, meant: str) -> None:
    write("Kettles", "Vinegar descales a kettle.", locale="en")
    assert index.spellings("en", typed)[:1] == [meant]


@pytest.mark.parametrize("typed", ["", "k", "kx", "giraffe", "ketxxxle"])
def test_what_is_like_nothing_has_no_other_spelling(index: InProcessIndex, typed: str) -> None:
    write("Kettles", "Vinegar descales a kettle.", locale="en")
    assert index.spellings("en", typed) == []
    assert index.spellings("xx", typed) == []


def test_the_spelling_nearest_and_then_the_most_common_comes_first(index: InProcessIndex) -> None:
    write("A", "A boat. A boat.", locale="en")
    write("B", "A boat, a bolt.", locale="en")
    write("C", "A bolster.", locale="en")
    assert list(index.spellings("en", "boot")) == ["boat", "bolt"]


# Which one ---------------------------------------------------------------------------------------


class NoIndex(InProcessIndex):
    """An index of a deployment's own."""


def test_a_deployment_may_name_its_own_index(settings: Any) -> None:
    settings.KNOWLEDGE_INDEX = "tools.knowledge.index.InProcessIndex"
    assert type(get_index()) is InProcessIndex
    assert get_index() is get_index()
    settings.KNOWLEDGE_INDEX = f"{__name__}.NoIndex"
    assert type(get_index()) is NoIndex
