"""Writing articles for tests, the way the app does."""

from collections.abc import Iterable

from tools.knowledge import articles
from tools.knowledge.models import Article, Chunk, Status
from tools.knowledge.search import Passage


def write(title: str, body: str = "Some text.", *, draft: bool = False, **values: str) -> Article:
    """An article of the knowledge base."""
    status = Status.DRAFT if draft else Status.PUBLISHED
    article = Article(title=title, body=body, status=status, **values)
    articles.save(article)
    return article


def passages_of(article: Article) -> list[str]:
    """The texts that search has of an article, in order."""
    chunks = Chunk.objects.filter(article=article).order_by("position")
    return list(chunks.values_list("text", flat=True))


def titles(passages: Iterable[Passage]) -> list[str]:
    return [passage.title for passage in passages]
