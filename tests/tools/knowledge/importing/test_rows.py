"""Tables of questions and answers: CSV from any spreadsheet, and JSONL with the same keys."""

from pathlib import Path

import pytest

from tests.tools.knowledge.importing.support import counts, jsonl, reasons
from tools.knowledge.importing import import_articles
from tools.knowledge.models import Article, Status

pytestmark = pytest.mark.django_db


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "faq.csv"
    path.write_text(text, "utf-8", newline="")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_each_row_of_a_table_is_an_article(tmp_path: Path, delimiter: str) -> None:
    rows = [
        ("Question", "Answer", "Category"),
        ("How long?", '"Three days,\r\nor four."', "Delivery"),
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    assert counts(import_articles(table(tmp_path, f"\ufeff{text}\r\n"))) == (1, 0, 0, 0)
    article = Article.objects.get()
    assert (article.title, article.category) == ("How long?", "Delivery")
    assert (article.source, article.body) == ("faq.csv#How long?", "Three days,\nor four.")


def test_a_question_is_known_by_its_words_or_by_its_id(tmp_path: Path) -> None:
    import_articles(
        table(tmp_path, "id,question,answer\n7,How long?,Three days.\n,Why?,Because.\n")
    )
    assert set(Article.objects.values_list("source", flat=True)) == {"7", "faq.csv#Why?"}
    changed = table(tmp_path, "id,question,answer\n7,How long now?,Two days.\n,Why?,No reason.\n")
    assert counts(import_articles(changed)) == (0, 2, 0, 0)


def test_long_questions_with_the_same_beginning_are_two(tmp_path: Path) -> None:
    rows = "".join(f"{'Why ' * 45}{end}?,Because.\n" for end in ("a", "b"))
    assert counts(import_articles(table(tmp_path, f"question,answer\n{rows}"))) == (2, 0, 0, 0)


def test_bad_rows_are_told_by_the_line_they_begin_on(tmp_path: Path) -> None:
    text = 'question,answer,draft\nA?,"one\ntwo",\nB?,,\nC?,three,perhaps\nD?,four,yes\n'
    report = import_articles(table(tmp_path, text))
    assert counts(report) == (2, 0, 0, 2)
    assert reasons(report)["line 4"].startswith("text: String should have at least 1 character")
    assert reasons(report)["line 5"].startswith("draft: ")
    assert Article.objects.get(title="D?").status == Status.DRAFT


def test_a_table_that_breaks_off_keeps_the_rows_before(tmp_path: Path) -> None:
    report = import_articles(table(tmp_path, 'question,answer\nA?,one\nB?,"two\nC?,three\n'))
    assert counts(report) == (1, 0, 0, 1)
    assert reasons(report)["faq.csv"].startswith("is no CSV from line 3 on")


def test_a_jsonl_of_questions_has_the_same_keys(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {"question": "How long?", "answer": "Three days.", "lang": "en"})
    import_articles(path)
    article = Article.objects.get()
    assert (article.source, article.title) == ("articles.jsonl#How long?", "How long?")
    assert (article.body, article.locale) == ("Three days.", "en")
