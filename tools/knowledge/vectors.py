"""The vectors of passages: made in the transaction that writes the passages, or later.

A model in this process is fast enough to be asked within the write. A provider's is asked by a task
once the write is committed; until then the passages are found by their words.
"""

from collections.abc import Sequence

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet
from numpy.typing import NDArray

from chat import outbox
from tools.knowledge.described import described
from tools.knowledge.embedders import Embedder, get_embedder
from tools.knowledge.models import Chunk, Vector

TASK = "knowledge.embed_passages"
"""The task in `tools.knowledge.tasks` that makes the vectors that are missing."""


def write(chunks: Sequence[Chunk]) -> None:
    """Makes the vectors of passages that were just written, in the caller's transaction, which holds
    the revision's row. Takes chunks with their articles."""
    embedder = get_embedder()
    if embedder.local:
        store(chunks, embed(chunks, embedder), embedder.name)
    elif chunks:
        ask_for_missing()


def ask_for_missing() -> None:
    """Has a worker make the vectors that are missing."""
    outbox.enqueue(TASK)


def catch_up() -> None:
    """Has a worker make the vectors that are missing, if any are: the model was changed while nothing
    ran, or the task that should have made them was lost."""
    if missing(get_embedder().name).exists():
        ask_for_missing()


def embed(chunks: Sequence[Chunk], embedder: Embedder) -> NDArray[np.float32]:
    """One row a chunk. Raises ProviderError."""
    return embedder.embed_passages(
        [described(chunk.article.title, chunk.heading, chunk.text) for chunk in chunks]
    )


def store(chunks: Sequence[Chunk], vectors: NDArray[np.float32], model: str) -> None:
    """Writes vectors, as far as there is none by this model yet. For a caller that holds the
    revision's row, so that the ids of vectors are in the order of the commits."""
    Vector.objects.bulk_create(
        (
            Vector(chunk=chunk, model=model, values=vector.astype("<f2").tobytes())
            for chunk, vector in zip(chunks, vectors, strict=True)
        ),
        ignore_conflicts=True,
    )


def missing(model: str) -> QuerySet[Chunk]:
    """The passages that have no vector by a model, in the order of their ids."""
    there = Vector.objects.filter(chunk=OuterRef("pk"), model=model)
    return Chunk.objects.filter(~Exists(there)).select_related("article").order_by("pk")
