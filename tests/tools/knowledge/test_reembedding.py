"""Vectors of passages: with the passages where the model is here, and later where it is not."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chat.llm.base import Overloaded
from chat.models import OutboxTask
from tests.tools.knowledge.support import write
from tools.knowledge import articles, reembedding, tasks, vectors
from tools.knowledge.embedders import WORDLLAMA, get_embedder
from tools.knowledge.index import InProcessIndex
from tools.knowledge.models import Article, Chunk, Vector

pytestmark = pytest.mark.django_db


class Failing:
    """WordLlama, with a name of its own, which fails after some batches."""

    name = "model-2"
    local = False
    languages = frozenset({"en"})

    def __init__(self, batches: int) -> None:
        self.batches = batches

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not self.batches:
            raise Overloaded("busy", "openai")
        self.batches -= 1
        return get_embedder().embed_passages(texts)

    def embed_query(self, text: str) -> NDArray[np.float32] | None:
        return None


def test_a_passage_has_a_vector_as_soon_as_it_is_written() -> None:
    write("Kettles", "## Use\n\nBoil water.\n\n## Care\n\nDescale it.")
    rows = Vector.objects.order_by("chunk__position")
    assert [(row.model, len(row.values)) for row in rows] == [(WORDLLAMA, 512)] * 2
    stored = np.frombuffer(rows[0].values, dtype="<f2").astype(np.float32)
    (made,) = vectors.embed([Chunk.objects.all()[0]], get_embedder())
    assert np.allclose(stored, made, atol=1e-3)


def test_a_passage_that_goes_takes_its_vector_along() -> None:
    article = write("Kettles")
    article.body = "Other text."
    articles.save(article)
    assert Vector.objects.count() == Chunk.objects.count() == 1
    articles.delete([article.pk])
    assert Vector.objects.count() == 0


def test_what_lacks_a_vector_gets_one_and_only_once() -> None:
    for number in range(reembedding.BATCH + 5):
        write(f"Kettle {number}")
    Vector.objects.all().delete()
    before = articles.current_revision()
    assert reembedding.make_missing() == reembedding.BATCH + 5
    assert reembedding.make_missing() == 0
    assert Vector.objects.count() == reembedding.BATCH + 5
    assert articles.current_revision()[1] == before[1] + 2  # one a batch


def test_a_run_that_fails_keeps_what_it_has_and_goes_on_from_there() -> None:
    for number in range(reembedding.BATCH + 5):
        write(f"Kettle {number}")
    with pytest.raises(Overloaded):
        reembedding.make_missing(Failing(batches=1))
    assert Vector.objects.filter(model="model-2").count() == reembedding.BATCH
    assert Vector.objects.filter(model=WORDLLAMA).count() == reembedding.BATCH + 5
    assert reembedding.make_missing(Failing(batches=9)) == 5


def test_an_article_that_is_deleted_meanwhile_needs_no_vector() -> None:
    kept, gone = write("Kettles"), write("Carafes")
    Vector.objects.all().delete()

    class Slow(Failing):
        def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
            articles.delete([gone.pk])
            return super().embed_passages(texts)

    reembedding.make_missing(Slow(batches=1))
    assert [row.chunk.article_id for row in Vector.objects.all()] == [kept.pk]


def test_two_runs_at_once_do_not_do_the_same_work() -> None:
    write("Kettles")
    Vector.objects.all().delete()

    class Nested(Failing):
        def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
            assert reembedding.make_missing(Failing(batches=1)) == 0
            return super().embed_passages(texts)

    assert reembedding.make_missing(Nested(batches=1)) == 1


def asked_for() -> list[str]:
    """The tasks that go to a worker once the write is committed."""
    return list(OutboxTask.objects.values_list("task", flat=True))


def test_a_providers_vectors_are_asked_for_once_the_write_is_committed(settings: Any) -> None:
    settings.EMBEDDING = {
        "model": "model-1",
        "api_key": "key",
        "base_url": "http://127.0.0.1:9/v1",
        "timeout": 0.1,
    }
    write("Kettles")
    assert asked_for() == [tasks.embed_passages.name]
    assert Vector.objects.count() == 0
    index = InProcessIndex()
    assert index.locales()
    assert Article.objects.count() == 1


def test_what_is_missing_at_the_start_is_asked_for() -> None:
    write("Kettles")
    vectors.catch_up()
    assert asked_for() == []
    Vector.objects.all().delete()
    vectors.catch_up()
    assert asked_for() == [tasks.embed_passages.name]
