"""Reading a file of questions: CSV as spreadsheets and people write it."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from chat.protocol import MAX_MESSAGE_LENGTH

QUESTION, ID = "question", "id"

_DELIMITERS = ",;\t|"
_NONE = "\x1f"
"""A delimiter that no text contains: the whole line is the question."""

_SAMPLE = 200
"""Rows of a file without a header from which its delimiter is told."""


class BadQuestions(Exception):
    """The file cannot be used. The message names the line, and says what to do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `id` is the file's own, else the row's number from 1, as text."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """All questions of a file, and how it is written: answers are written alike.

    Without a header the first column is what is asked.
    """

    questions: Sequence[Question]
    delimiter: str
    bom: bool
    header: bool


_Row = tuple[int, list[str]]
"""A row, after the line it begins on."""

_Found = tuple[int, Question]
"""A question, after the line it is on."""


def read(path: Path, *, delimiter: str | None = None) -> QuestionFile:
    """Reads and checks a whole file, so that nothing is spent on one with a bad line.

    Raises BadQuestions, and OSError for a file that cannot be read.
    """
    raw = path.read_bytes()
    bom = raw.startswith(codecs.BOM_UTF8)
    text = _decoded(raw.removeprefix(codecs.BOM_UTF8))
    delimiter = delimiter or _delimiter(text)
    rows = _rows(text, delimiter)
    first = next(rows, None)
    if first is None:
        raise BadQuestions("The file is empty: give one question a row.")
    header = _is_header(first[1])
    names = _names(first[1]) if header else [QUESTION]
    found = [] if header else [_question(first, names, 1, header=False)]
    found += [_question(row, names, n, header=header) for n, row in enumerate(rows, len(found) + 1)]
    if not found:
        raise BadQuestions("The file has a header and no question below it.")
    _check_ids(found)
    return QuestionFile(
        [question for _, question in found], "," if delimiter == _NONE else delimiter, bom, header
    )


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        told = f"Line {line} is not UTF-8: save the file as “CSV UTF-8”."
        raise BadQuestions(told) from None


def _rows(text: str, delimiter: str) -> Iterator[_Row]:
    """The rows that are not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            told = f"Line {line} cannot be read ({error}): a quotation mark inside a quoted text is doubled."
            raise BadQuestions(told) from None
        if any(cell.strip() for cell in cells):
            yield line, cells


def _delimiter(text: str) -> str:
    """The delimiter: what the header has, else what divides all rows alike.

    Text has commas too, but a space follows those, and no cell begins with one.
    """
    tried = {candidate: _sample(text, candidate) for candidate in _DELIMITERS}
    for candidate, rows in tried.items():
        if rows and len(rows[0]) > 1 and _is_header(rows[0]):
            return candidate
    if _is_header(_sample(text, _NONE)[0]):
        return _NONE
    for candidate, rows in tried.items():
        if len({len(row) for row in rows}) == 1 and _divides(rows):
            return candidate
    return _NONE


def _sample(text: str, delimiter: str) -> list[list[str]]:
    """The first rows that can be read, as this delimiter divides them; an empty one if there is none."""
    rows: list[list[str]] = []
    with suppress(BadQuestions):
        rows.extend(cells for _, cells in islice(_rows(text, delimiter), _SAMPLE))
    return rows or [[""]]


def _divides(rows: Sequence[Sequence[str]]) -> bool:
    return len(rows[0]) > 1 and not any(cell.startswith(" ") for row in rows for cell in row[1:])


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def _is_header(cells: Sequence[str]) -> bool:
    return QUESTION in _names(cells)


def _question(row: _Row, names: Sequence[str], number: int, *, header: bool) -> _Found:
    line, cells = row
    if header and len(cells) > len(names):
        told = f"Line {line} has more columns than the header: put a text with the delimiter in quotes."
        raise BadQuestions(told)
    named = dict(zip(names, cells, strict=False))
    text = named.get(QUESTION, "").replace("\0", "").strip()
    if not text:
        raise BadQuestions(f"Line {line} has no question: write one, or take the line out.")
    if len(text) > MAX_MESSAGE_LENGTH:
        told = f"The question on line {line} has {len(text):,} characters: {MAX_MESSAGE_LENGTH:,} at most."
        raise BadQuestions(told)
    return line, Question(named.get(ID, "").strip() or str(number), text)


def _check_ids(found: Sequence[_Found]) -> None:
    lines: dict[str, int] = {}
    for line, question in found:
        before = lines.setdefault(question.id, line)
        if before != line:
            told = (
                f"Line {line} has the id {question.id}, as line {before} has: each needs its own."
            )
            raise BadQuestions(told)
