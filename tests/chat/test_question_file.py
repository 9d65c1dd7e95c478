"""Reading a file of questions: as spreadsheets write it, and as people do."""

from pathlib import Path

import pytest

from chat.protocol import MAX_MESSAGE_LENGTH
from chat.question_file import BadQuestions, Question, QuestionFile, read


def file(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "questions.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def asked(questions: QuestionFile) -> list[tuple[str, str]]:
    return [(question.id, question.text) for question in questions.questions]


TWO = [("1", "Hello?"), ("2", "Is it red, or blue?")]


@pytest.mark.parametrize(
    "content",
    [
        'question\nHello?\n"Is it red, or blue?"\n',
        "question\nHello?\nIs it red, or blue?\n",
        "question\r\nHello?\r\nIs it red, or blue?",
        "topic;question\nshop;Hello?\nshop;Is it red, or blue?\n",
        'topic,Question\nshop,Hello?\nshop,"Is it red, or blue?"\n',
        "question\ttopic\nHello?\tshop\nIs it red, or blue?\tshop\n",
        "question\n\nHello?\n  \nIs it red, or blue?\n\n",
        "Hello?\nIs it red, or blue?\n",
        "Hello?;shop\nIs it red, or blue?;shop\n",
        'Hello?,shop\n"Is it red, or blue?",shop\n',
        'question,topic\nHello?\n"Is it red, or blue?"\n',
    ],
)
def test_questions_are_found_however_the_columns_are_divided(tmp_path: Path, content: str) -> None:
    assert asked(read(file(tmp_path, content))) == TWO


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    found = read(file(tmp_path, b"\xef\xbb\xbfquestion;id\r\nGr\xc3\xb6\xc3\x9fe?;7\r\n"))
    assert (asked(found), found.bom, found.delimiter) == ([("7", "Größe?")], True, ";")


def test_a_question_may_have_lines_and_quotation_marks(tmp_path: Path) -> None:
    found = read(file(tmp_path, 'id,question\n1,"Two ""things"":\none, two"\n2,Three\n'))
    assert asked(found) == [("1", 'Two "things":\none, two'), ("2", "Three")]


def test_a_given_delimiter_counts(tmp_path: Path) -> None:
    found = read(file(tmp_path, "Red, or blue?|a\n"), delimiter="|")
    assert found.questions == [Question("1", "Red, or blue?")]


def test_a_comma_in_every_question_divides_none(tmp_path: Path) -> None:
    found = read(file(tmp_path, "Red, or blue?\nBig, or small?\n"))
    assert [question.text for question in found.questions] == ["Red, or blue?", "Big, or small?"]


def test_a_header_is_told_from_a_question(tmp_path: Path) -> None:
    assert read(file(tmp_path, "question\nA?\n")).header
    assert not read(file(tmp_path, "A?\nB?\n")).header


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "The file is empty"),
        ("question\n", "no question below"),
        (b"question\nA?\nGr\xf6\xdfe?\n", "Line 3 is not UTF-8"),
        ("id,question\n1,A?\n2,\n", "Line 3 has no question"),
        ("id,question\n1,A?\n2,B?\n1,C?\n", "Line 4 has the id 1, as line 2 has"),
        ("id,question\n1,Red, or blue?\n", "Line 2 has more columns than the header"),
        ('id,question\n1,"A\nB"\n2,"C"D\n', "Line 4 cannot be read"),
        (f"question\n{'a' * (MAX_MESSAGE_LENGTH + 1)}\n", "on line 2 has 4,001 characters"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_asked(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    with pytest.raises(BadQuestions, match=told):
        read(file(tmp_path, content))
