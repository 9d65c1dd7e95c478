"""A real product help centre, written by others for another tool, imported twice."""

from itertools import islice
from pathlib import Path

import pytest

from tests import shared_data
from tests.tools.knowledge.support import titles
from tools.knowledge import articles, pages
from tools.knowledge.chunks import LONGEST, count
from tools.knowledge.importing import import_articles
from tools.knowledge.models import Article, Chunk
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db

SIZE = 300
"""Articles: enough for every oddity of the dialect, few enough for a test."""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The first articles of the corpus, as a JSONL file."""
    path = tmp_path / "corpus.jsonl"
    with shared_data.path("business_central/corpus.jsonl").open(encoding="utf-8") as whole:
        path.write_text("".join(islice(whole, SIZE)), "utf-8")
    return path


def test_it_is_imported_whole_and_again_without_a_change(corpus: Path) -> None:
    first = import_articles(corpus)
    assert (first.added, first.changed, first.unchanged, first.failed) == (SIZE, 0, 0, [])
    revision = articles.current_revision()
    again = import_articles(corpus)
    assert (again.added, again.changed, again.unchanged, again.failed) == (0, 0, SIZE, [])
    assert articles.current_revision() == revision


def test_its_passages_its_pages_and_its_search_hold(corpus: Path) -> None:
    import_articles(corpus)
    texts = list(Chunk.objects.values_list("text", flat=True))
    assert len(texts) > SIZE
    assert max(count(text) for text in texts) <= LONGEST
    assert not [text for text in texts if "[!" in text or ":::" in text or "ms.author" in text]
    anchors: dict[int, set[str]] = {}
    for article, anchor in Chunk.objects.values_list("article_id", "anchor"):
        anchors.setdefault(article, {""}).add(anchor)
    for page in Article.objects.order_by("pk")[:60]:
        html = pages.render(page).html
        missing = [a for a in anchors.get(page.pk, ()) if a and f'id="{a}"' not in html]
        assert not missing, f"{page.title}: {missing}"
    assert titles(search("addresses in Australia").passages)[0] == "Addresses in Australia"
