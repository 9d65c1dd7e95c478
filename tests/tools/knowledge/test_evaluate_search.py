"""manage.py evaluate_search: measured beside the live base, which it leaves alone."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.tools.knowledge.support import titles, write
from tests.tools.knowledge.test_collection import written
from tools.knowledge.models import Article
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db


def evaluated(*paths: Path, **options: object) -> str:
    said = StringIO()
    call_command("evaluate_search", *map(str, paths), stdout=said, **options)
    return said.getvalue()


def test_it_prints_the_figures_and_leaves_the_live_base_alone(tmp_path: Path) -> None:
    live = write("Kettles of the shop", "Descale them.")
    said = evaluated(*written(tmp_path))
    assert "3 articles, 2 questions" in said
    assert "nDCG@10           1.0000" in said
    assert "abstention AUROC" in said
    assert "faq: nDCG@10" in said
    assert list(Article.objects.values_list("pk", flat=True)) == [live.pk]
    assert titles(search("descale kettles").passages) == ["Kettles of the shop"]


def test_it_prints_one_json_object_for_scripts(tmp_path: Path) -> None:
    figures = json.loads(evaluated(*written(tmp_path), json=True))
    assert (figures["articles"], figures["questions"]) == (3, 2)
    assert figures["ndcg_at_10"] == figures["recall_at_5"] == figures["mrr_at_10"] == 1.0
    assert figures["kinds"]["faq"]["ndcg_at_10"] == 1.0
    assert figures["abstention_auroc"] == 1.0
    assert figures["p95_ms"] >= figures["p50_ms"] > 0


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    corpus, queries, _ = written(tmp_path)
    with pytest.raises(CommandError, match="nowhere: No such file"):
        evaluated(corpus, queries, tmp_path / "nowhere")


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="queries, line 1"):
        evaluated(*written(tmp_path, queries="nonsense"))
