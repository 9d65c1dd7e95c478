"""Asking an index directly, the way the search does."""

from tools.knowledge.embedders import get_embedder
from tools.knowledge.index import KnowledgeIndex, Query, Term
from tools.knowledge.models import Audience, Chunk
from tools.knowledge.words import informative

EVERYBODY = frozenset(Audience.values)


def query(
    index: KnowledgeIndex,
    text: str,
    *,
    audiences: frozenset[str] = EVERYBODY,
    meaning: bool = False,
) -> Query:
    """A query for the words of a text, in each language of the base; also for its meaning if told."""
    words = {
        locale: [[Term(stem)] for stem in informative(text, locale)] for locale in index.locales()
    }
    return Query(words, get_embedder().embed_query(text) if meaning else None, audiences)


def found(index: KnowledgeIndex, text: str, limit: int = 10, meaning: bool = False) -> list[str]:
    """The titles of what is found, best first."""
    hits = index.search(query(index, text, meaning=meaning), limit)
    names = dict(Chunk.objects.values_list("pk", "article__title"))
    return [names[hit.chunk] for hit in hits]
