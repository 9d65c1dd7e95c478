"""The file of answers: a row as soon as an answer is there, in the questions' order once all are.

While questions are asked, rows stand in the order in which answers came, each flushed: a run that is
killed loses none. The next run keeps what was answered, drops what failed and a last row that is torn,
and goes on behind it.
"""

import codecs
import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import BinaryIO

from chat.question_file import Question, QuestionFile

ANSWERED, PARTIAL, FAILED = "answered", "partial", "failed"
"""What becomes of a question. A partial answer was cut by the length limit."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a text begins that a spreadsheet would run (OWASP, "CSV Injection"); the last four are the first
four as Japanese keyboards write them."""

Key = tuple[str, str]
"""A question as its row has it: id and text. Another text under an old id is another question."""


class BadAnswers(Exception):
    """The file cannot be gone on with. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; the fields are the columns. Times are milliseconds, the cost is US dollars, empty
    where it is not known. `batch` is the owner of the conversations, by which staff find them."""

    id: str
    question: str
    answer: str
    citations: str
    provider: str
    model: str
    status: str
    error: str
    duration_ms: str
    first_token_ms: str
    cost: str
    conversation: str
    batch: str

    @property
    def key(self) -> Key:
        return self.id, self.question

    def written(self) -> "Row":
        """The row with nothing in it that a spreadsheet would run."""
        return Row(*(f"'{text}" if text.startswith(_FORMULA) else text for text in astuple(self)))


COLUMNS = [field.name for field in fields(Row)]


def key(question: Question) -> Key:
    """How the row of a question is known in the file."""
    blank = dict.fromkeys(COLUMNS, "")
    return Row(**{**blank, "id": question.id, "question": question.text}).written().key


class AnswerFile:
    """The answers to `questions`, in a file written as that of the questions is."""

    def __init__(self, path: Path, questions: QuestionFile) -> None:
        self._path = path
        self._delimiter = questions.delimiter
        self._bom = codecs.BOM_UTF8 if questions.bom else b""
        self._places = {key(q): place for place, q in enumerate(questions.questions)}
        self._file: BinaryIO | None = None
        self.batch = ""
        """The batch of the rows that are there; empty where there is none."""

    @contextmanager
    def open(self, *, fresh: bool = False) -> Iterator[set[Key]]:
        """Opens the file to go on with it, or from the start; gives the keys of what is answered.

        Raises BadAnswers, and OSError.
        """
        kept = [] if fresh or not self._path.exists() else self._kept()
        self._rewrite(kept)
        try:
            with self._path.open("ab") as self._file:
                yield {row.key for row, _ in kept}
        finally:
            self._file = None

    def add(self, row: Row) -> None:
        """Writes a row, out of this process when this returns."""
        assert self._file is not None  # noqa: S101  # for the type checker: within `open` it is
        self._file.write(self._line(astuple(row.written())))
        self._file.flush()

    def sort(self) -> None:
        """Puts the rows in the order of the questions."""
        self._rewrite(sorted(self._rows(), key=lambda found: self._places[found[0].key]))

    def _kept(self) -> list[tuple[Row, bytes]]:
        rows = list(self._rows())
        strange = next((row for row, _ in rows if row.key not in self._places), None)
        if strange:
            told = (
                f"{self._path} has an answer to a question that is not asked (any more), with the id "
                f"{strange.id}: take its row out, or name another --out."
            )
            raise BadAnswers(told)
        self.batch = rows[-1][0].batch if rows else ""
        return list({row.key: (row, raw) for row, raw in rows if row.status != FAILED}.values())

    def _rows(self) -> Iterator[tuple[Row, bytes]]:
        """The whole rows of the file, each with its bytes. Raises BadAnswers for another file."""
        with self._path.open("rb") as file:
            taken: list[bytes] = []
            torn = False
            cells = self._cells(file, taken)
            if next(cells, COLUMNS) != COLUMNS:
                raise self._unusable()
            taken.clear()
            for row in cells:
                if torn:
                    raise self._unusable()
                raw = b"".join(taken)
                taken.clear()
                torn = len(row) != len(COLUMNS) or not raw.endswith(b"\n")
                if not torn:
                    yield Row(*row), raw

    def _cells(self, file: BinaryIO, taken: list[bytes]) -> Iterator[list[str]]:
        """The cells of each row, but of one that a kill has torn; its lines are added to `taken`."""
        try:
            yield from csv.reader(_lines(file, taken), delimiter=self._delimiter, strict=True)
        except (csv.Error, UnicodeDecodeError):
            if file.read(1):  # only the last row can be torn
                raise self._unusable() from None

    def _unusable(self) -> BadAnswers:
        told = f"{self._path} is no file of answers to these questions"
        return BadAnswers(f"{told}: name another --out, or start it over with --fresh.")

    def _rewrite(self, rows: Iterable[tuple[Row, bytes]]) -> None:
        """Replaces the file at once: whoever is killed meanwhile leaves the old one."""
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as file:
            file.write(self._bom + self._line(COLUMNS))
            file.writelines(raw for _, raw in rows)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def _line(self, cells: Iterable[str]) -> bytes:
        line = io.StringIO(newline="")
        csv.writer(line, delimiter=self._delimiter).writerow(cells)
        return line.getvalue().encode()


def _lines(file: BinaryIO, taken: list[bytes]) -> Iterator[str]:
    """The lines of a file as text; as bytes they are added to `taken`."""
    for line in file:
        taken.append(line)
        yield line.decode("utf-8-sig")
