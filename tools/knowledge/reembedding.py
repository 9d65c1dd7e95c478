"""Vectors made after the fact: for a provider's model, and after a change of the model.

In batches, each committed on its own: what was made before a stop is not made again, and search goes
on with what there is. Run twice at once it does some of the work twice, and stores it once.
"""

import logging
from collections.abc import Sequence

from django.core.cache import cache
from django.db import transaction

from tools.knowledge import articles, vectors
from tools.knowledge.embedders import Embedder, get_embedder
from tools.knowledge.models import Chunk

logger = logging.getLogger(__name__)

BATCH = 128
"""Passages in a request: 40,000 tokens, of the 300,000 that OpenAI takes at once. A batch is also what
an index takes over within one refresh."""

LEASE = 300
"""Seconds that a run keeps others out, renewed with every batch, each of which ends sooner."""


def make_missing(embedder: Embedder | None = None) -> int:
    """Makes the vectors that the passages lack by a model, that of the settings for None. Returns how
    many.

    Does nothing while another run is at it. Raises ProviderError where a provider does not answer.
    """
    embedder = embedder or get_embedder()
    lease = f"knowledge-embedding:{embedder.name}"
    if not cache.add(lease, True, LEASE):
        return 0
    try:
        made = 0
        while batch := list(vectors.missing(embedder.name)[:BATCH]):
            made += _store(batch, embedder)
            cache.touch(lease, LEASE)
    finally:
        cache.delete(lease)
    if made:
        logger.info("embedded %s passages by %s", made, embedder.name)
    return made


def _store(batch: Sequence[Chunk], embedder: Embedder) -> int:
    # Asking takes longest and needs no lock.
    made = vectors.embed(batch, embedder)
    with transaction.atomic():
        articles.touch()  # keeps other writers out, and tells every index
        remaining = set(
            Chunk.objects.filter(pk__in=[chunk.pk for chunk in batch]).values_list("pk", flat=True)
        )
        kept = [number for number, chunk in enumerate(batch) if chunk.pk in remaining]
        vectors.store([batch[number] for number in kept], made[kept], embedder.name)
    return len(kept)
