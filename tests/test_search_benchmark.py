"""The benchmark of search measures what it says it does."""

import json
from pathlib import Path

import pytest

from benchmarks import search_quality
from benchmarks.search_quality import curve, measure, refused
from tools.knowledge.evaluation import Outcome, Question

DOCUMENTS = [
    ("Kettles", "Descale a kettle with vinegar every month."),
    ("Refunds", "A refund goes to your card within five days."),
    ("Lamps", "Lamps come without bulbs, which the shop sells apart."),
    ("Delivery", "Standard delivery takes three days, express one."),
]
QUERIES = [("descale", "Kettles"), ("refund to my card", "Refunds"), ("bulbs", "Lamps")]


def outcome(confidence: float, *, answerable: bool) -> Outcome:
    return Outcome(Question("q", "?", {1: 1} if answerable else {}), (1,), confidence, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"id": t, "title": t, "text": text} for t, text in DOCUMENTS]
    asked = [{"id": q, "text": q, "kind": "faq_heading"} for q, _ in QUERIES]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)))
    (tmp_path / "qrels.tsv").write_text("\n".join(f"{q}\t{title}\t1" for q, title in QUERIES))
    return tmp_path


@pytest.mark.django_db
def test_both_find_what_is_easy_to_find(folder: Path) -> None:
    found = measure(folder)
    assert set(found.kinds) == {"all", "faq_heading"}
    assert found.kinds["all"].ours == found.kinds["all"].bm25s == 1.0
    assert found.kinds["all"].gain == 0.0
    assert [bool(o.question.relevant) for o in found.half_hidden] == [False, True, False]
    assert found.p95_ms > 0


def test_bm25s_is_given_chinese_in_pairs() -> None:
    assert search_quality._paired("退货政策 XR-500") == "退货 货政 政策 XR 500"


def test_the_curve_shows_what_a_threshold_refuses_of_both() -> None:
    sure = [outcome(0.5 + n / 1000, answerable=True) for n in range(100)]
    unsure = [outcome(n / 100, answerable=False) for n in range(100)]
    points = curve([*sure, *unsure])
    assert points[0.05] == pytest.approx(0.51)
    assert list(points.values()) == sorted(points.values())
    assert refused([*sure, *unsure], 0.55, answerable=True) == pytest.approx(0.5)
    assert refused([*sure, *unsure], 0.55, answerable=False) == pytest.approx(0.55)
