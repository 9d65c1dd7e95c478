"""manage.py evaluate_search: measured beside the live base, which it leaves alone."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

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


on_the_server = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "").startswith("postgres"),
    reason="the index on the server needs PostgreSQL: set DATABASE_URL",
)


def databases() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'supportbot_scratch_%'")
        return int(cursor.fetchone()[0])


@on_the_server
def test_the_index_on_the_server_is_measured_in_a_database_there(
    tmp_path: Path, settings: Any
) -> None:
    settings.KNOWLEDGE_INDEX = "tools.knowledge.index.PostgresIndex"
    live = write("Kettles of the shop", "Descale them.")
    assert "nDCG@10           1.0000" in evaluated(*written(tmp_path))
    assert list(Article.objects.values_list("pk", flat=True)) == [live.pk]
    assert databases() == 0


@on_the_server
def test_who_may_make_no_database_there_is_told_what_to_do(tmp_path: Path, settings: Any) -> None:
    settings.KNOWLEDGE_INDEX = "tools.knowledge.index.PostgresIndex"
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE nobody_at_all LOGIN")
    user = connection.settings_dict["USER"]
    connection.settings_dict["USER"] = "nobody_at_all"
    try:
        with pytest.raises(CommandError, match="CREATE DATABASE"):
            evaluated(*written(tmp_path))
    finally:
        connection.settings_dict["USER"] = user
