"""Test collections: files read with the place of what is wrong, loaded, and half of them hidden."""

import json
from pathlib import Path

import pytest

from tools.knowledge.collection import BadCollection, Collection, hide_half, load, read
from tools.knowledge.models import Article, Status

DOCUMENTS = [
    {"id": "a", "title": "Kettles", "text": "Descale a kettle with vinegar.", "path": "x"},
    {"id": "b", "title": "", "text": "# Lamps\n\nLamps come without bulbs."},
    {"id": 3, "text": "No title and no heading."},
]
QUERIES = [
    {"id": "q1", "text": "how to descale", "kind": "faq"},
    {"id": "q2", "text": "bulbs"},
    {"id": "q9", "text": "judged by nobody"},
]
QRELS = "query_id\tdoc_id\trel\nq1\ta\t1\nq2\tb\t2\nq2\ta\t0\n"


def written(folder: Path, **changes: str) -> tuple[Path, Path, Path]:
    there = {
        "corpus": "\n".join(map(json.dumps, DOCUMENTS)),
        "queries": "\n".join(map(json.dumps, QUERIES)),
        "qrels": QRELS,
    } | changes
    for name, text in there.items():
        (folder / name).write_text(text, "utf-8")
    return folder / "corpus", folder / "queries", folder / "qrels"


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return read(*written(tmp_path))


def test_it_reads_what_is_judged(collection: Collection) -> None:
    assert [query.id for query in collection.queries] == ["q1", "q2"]
    assert collection.judgements == {"q1": {"a": 1}, "q2": {"b": 2}}


def test_the_four_columns_of_trec_do_as_well(tmp_path: Path) -> None:
    trec = read(*written(tmp_path, qrels="q1 0 a 1\nq2 Q0 b 2\n"))
    assert trec.judgements == {"q1": {"a": 1}, "q2": {"b": 2}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"corpus": '{"id": "a"}'}, "corpus, line 1: text"),
        ({"queries": '{"id": "q1", "text": "x"}\nnonsense'}, "queries, line 2: is not valid JSON"),
        ({"qrels": QRELS + "q1 a"}, "qrels, line 5: is not question, article and grade"),
        ({"qrels": QRELS + "q1\tz\t1"}, "qrels: z is not in corpus"),
        ({"qrels": "q7\ta\t1"}, "qrels: judges no question of queries"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    with pytest.raises(BadCollection, match=says):
        read(*written(tmp_path, **changes))


@pytest.mark.django_db
def test_it_is_loaded_as_published_articles(collection: Collection) -> None:
    questions = load(collection, "en")
    titles = dict(Article.objects.values_list("pk", "title"))
    assert sorted(titles.values()) == ["3", "Kettles", "Lamps"]
    assert [[titles[a] for a in question.relevant] for question in questions] == [
        ["Kettles"],
        ["Lamps"],
    ]
    assert [question.kind for question in questions] == ["faq", ""]
    assert set(Article.objects.values_list("locale", "status")) == {("en", Status.PUBLISHED)}


@pytest.mark.django_db
def test_half_of_what_answers_is_hidden_and_answers_no_more(collection: Collection) -> None:
    questions = hide_half(load(collection))
    assert [bool(question.relevant) for question in questions] == [False, True]
    hidden = Article.objects.exclude(status=Status.PUBLISHED)
    assert list(hidden.values_list("title", flat=True)) == ["Kettles"]
