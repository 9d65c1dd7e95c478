"""The index on the PostgreSQL server: as the one in this process, wherever it can be compared."""

import os
from typing import Any

import pytest
from django.db import connection

from tests.tools.knowledge.index.support import found, query
from tests.tools.knowledge.support import write
from tools.knowledge import articles, vectors
from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import InProcessIndex, PostgresIndex, Query, Term
from tools.knowledge.index import postgres_tables as tables
from tools.knowledge.index.postgres_tables import has_pgvector
from tools.knowledge.models import Article, Revision, Vector

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not os.environ.get("DATABASE_URL", "").startswith("postgres"),
        reason="the index on the server needs PostgreSQL: set DATABASE_URL",
    ),
]

SENTENCES = (
    "Express delivery to Canada costs eight dollars.",
    "Enamel kettles boil water on every kind of stove.",
    "A refund goes to your card within five days.",
    "Our showroom opens at ten and closes at six.",
    "Descale a kettle with vinegar, and rinse it with water.",
    "Delivery is free over sixty dollars, but not to Canada.",
    "Water and tea: what a kettle is for, and what a carafe is for.",
)
QUESTIONS = (
    "what does delivery to canada cost",
    "how do I descale a kettle",
    "water",
    "refund",
    "when does the shop open",
    "giraffe",
)


@pytest.fixture
def index() -> PostgresIndex:
    return PostgresIndex()


@pytest.fixture
def base() -> None:
    """Articles of one to seven sections that speak of much the same."""
    for number in range(40):
        sections = [
            f"## Part {part}\n\n{SENTENCES[(number * part) % 7]} {SENTENCES[(number + part) % 7]}"
            for part in range(number % 7 + 1)
        ]
        write(f"{SENTENCES[number % 7].split()[0]} {number}", "\n\n".join(sections), locale="en")


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_scores_as_the_index_in_the_process_does(
    base: None, index: PostgresIndex, question: str
) -> None:
    ours = {hit.chunk: hit for hit in index.search(query(index, question, meaning=True), 300)}
    local = InProcessIndex()
    theirs = {hit.chunk: hit for hit in local.search(query(local, question, meaning=True), 300)}
    if has_pgvector():
        assert ours.keys() == theirs.keys()
    assert {chunk for chunk, hit in ours.items() if hit.lexical} == {
        chunk for chunk, hit in theirs.items() if hit.lexical
    }
    for chunk, hit in ours.items():
        # tantivy keeps lengths in a byte, so its scores are a little off.
        assert hit.lexical == pytest.approx(theirs[chunk].lexical, rel=0.03)
        assert hit.article == pytest.approx(theirs[chunk].article, rel=0.05)
        assert hit.cosine == pytest.approx(theirs[chunk].cosine, abs=1e-5)


def test_it_finds_what_an_article_says_now(index: PostgresIndex) -> None:
    assert found(index, "water") == []
    article = write("Kettles", "Boil water.")
    assert found(index, "water") == ["Kettles"]
    article.body = "Boil milk."
    articles.save(article)
    assert found(index, "water") == []
    assert found(index, "milk") == ["Kettles"]
    articles.unpublish([article.pk])
    assert found(index, "milk") == []
    articles.publish([article.pk])
    articles.delete([article.pk])
    assert index.search(query(index, "milk", meaning=True), 10) == []


def test_one_that_grew_ranks_like_one_that_was_built(base: None, index: PostgresIndex) -> None:
    for number, article in enumerate(Article.objects.order_by("pk")):
        if number % 3 == 0:
            article.body += "\n\nA kettle, again."
            articles.save(article)
            found(index, "kettle")
        if number % 5 == 0:
            articles.delete([article.pk])
    grown = [index.search(query(index, q, meaning=True), 20) for q in QUESTIONS]
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA knowledge_index CASCADE")
    built = PostgresIndex()
    assert [built.search(query(built, q, meaning=True), 20) for q in QUESTIONS] == grown


def test_an_article_longer_than_a_batch_is_one_article(index: PostgresIndex) -> None:
    write("Pots", "\n\n".join(f"## Pot {n}\n\nA lid." for n in range(tables.BATCH + 20)))
    write("Kettles", "A lid.")
    hits = index.search(query(index, "kettles with a lid"), 5)
    assert len(hits) == 5
    assert len({hit.article for hit in hits}) == 2


def test_a_database_that_was_restored_is_read_anew(index: PostgresIndex) -> None:
    write("Kettles")
    write("Kettles too")
    assert len(found(index, "kettle")) == 2
    Article.objects.filter(title="Kettles too").delete()
    Article.objects.update(revision=1)
    Revision.objects.update(number=1)
    assert len(index.search(query(index, "kettle"), 10)) == 1


def test_vectors_that_are_made_later_are_taken_over(index: PostgresIndex) -> None:
    write("Kettles", "Boil water.")
    Vector.objects.all().delete()
    assert [h.cosine for h in index.search(query(index, "kettle", meaning=True), 10)] == [None]
    (chunk,) = vectors.missing(get_embedder().name)
    articles.touch()
    vectors.store([chunk], vectors.embed([chunk], get_embedder()), get_embedder().name)
    (hit,) = index.search(query(index, "kettle", meaning=True), 10)
    assert hit.cosine is not None
    if has_pgvector():
        assert found(index, "teapot", meaning=True) == ["Kettles"]


def test_only_what_the_reader_may_see_takes_a_place(index: PostgresIndex) -> None:
    for number in range(20):
        write(f"Kettle margins {number}", "Kettle kettle kettle.", audience="staff")
    kettles = write("Kettles", "A kettle among other things.")
    guest = query(index, "kettle", audiences=frozenset(["public"]), meaning=True)
    assert [hit.chunk for hit in index.search(guest, 3)] == [kettles.chunks.get().pk]


def test_each_article_is_matched_by_the_analysis_of_its_own_language(index: PostgresIndex) -> None:
    write("Wasserkocher", "Die Wasserkocher entkalken.", locale="de-at")
    write("Kettles", "Descale kettles.", locale="en")
    assert index.locales() == {"de", "en"}
    assert found(index, "Wasserkochern") == ["Wasserkocher"]
    assert index.search(Query({"de": [[Term("kettl")]]}, None, frozenset(["public"])), 10) == []


@pytest.mark.parametrize("text", ["", "?!", "'; DROP TABLE knowledge_article; --", "%", "unheard"])
def test_a_query_without_a_known_word_finds_nothing(index: PostgresIndex, text: str) -> None:
    write("Kettles")
    assert index.search(query(index, text), 10) == []


def test_words_are_told_as_by_the_index_in_the_process(base: None, index: PostgresIndex) -> None:
    local = InProcessIndex()
    assert index.locales() == local.locales()
    stems = ["kettl", "water", "unheard"]
    assert index.rarity("en", stems) == pytest.approx(local.rarity("en", stems))
    for typed in ("ketl", "ekttl", "vinigar", "k", "", "%", "zzz"):
        assert list(index.spellings("en", typed)) == list(local.spellings("en", typed))
    assert list(index.spellings("xx", "ketl")) == []
    assert index.rarity("xx", ["water"])["water"] > 0


def test_two_indexes_share_the_tables(index: PostgresIndex, django_assert_num_queries: Any) -> None:
    other = PostgresIndex()
    write("Kettles")
    assert found(index, "kettle") == found(other, "kettle") == ["Kettles"]
    with django_assert_num_queries(2):  # the revision of the articles, and that of the tables
        other.locales()


def test_pgvector_is_there_where_it_is_expected() -> None:
    assert has_pgvector() or "PGVECTOR_EXPECTED" not in os.environ
