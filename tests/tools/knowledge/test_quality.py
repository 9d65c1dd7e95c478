"""Search on questions by others, in two languages that need an analysis of their own, told nothing
but the files."""

from itertools import islice

import pytest

from tests import shared_data
from tools.knowledge import collection, evaluation

pytestmark = pytest.mark.django_db

QUESTIONS = 80
"""Enough to tell a broken analysis from a sound one; `make bench-search` asks all of them."""


@pytest.mark.parametrize(("language", "least"), [("hi", 0.93), ("zh", 0.93)])
def test_each_language_is_found_in_its_own_way(language: str, least: float) -> None:
    files = ("corpus.jsonl", "queries.jsonl", "qrels.tsv")
    read = collection.read(*(shared_data.path(f"xquad/{language}/{file}") for file in files))
    questions = list(islice(collection.load(read), QUESTIONS))
    whole = evaluation.figures(evaluation.ask(questions))
    assert whole.ndcg is not None
    assert whole.ndcg > least
    auroc = evaluation.abstention(evaluation.ask(collection.hide_half(questions)))
    assert auroc is not None
    assert auroc > 0.85
