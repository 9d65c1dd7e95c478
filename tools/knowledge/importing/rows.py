"""Files of many articles, one a row: JSONL, and CSV with questions and answers."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.importing.encoding import decode
from tools.knowledge.importing.item import Item, reason
from tools.knowledge.importing.row import LONGEST_BODY, LONGEST_SOURCE, ArticleRow

_TEXTS = ("text", "answer")
_DELIMITERS = ",;\t"
_SNIFFED = 10_000
"""Characters of a CSV by which its delimiter is told."""


def jsonl(data: bytes, *, name: str, within: str = "") -> Iterator[Item]:
    """The rows of a JSONL file. `name` is the file's, for rows without an id; `within` is how the
    report names the file, empty where it is all there is."""
    for number, line in enumerate(io.BytesIO(data), start=1):
        if line.strip():
            yield Item(_place(within, number), None, partial(_of_line, name, line))


def table(data: bytes, *, name: str, within: str = "") -> Iterator[Item]:
    """The rows of a CSV file whose first line names its columns.

    Raises Unreadable where the file is none, or has no column for the text.
    """
    text = decode(data)
    if not text.strip():
        raise Unreadable("is empty")
    csv.field_size_limit(LONGEST_BODY)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    last = 0
    try:
        rows.fieldnames = columns = [_column(cell) for cell in rows.fieldnames or ()]
        if not set(_TEXTS) & set(columns):
            raise Unreadable("has no column named answer or text in its first line")
        last = rows.line_num
        for row in rows:
            place = _place(within, last + 1)
            last = rows.line_num
            yield Item(place, None, partial(_validated, name, row))
    except csv.Error as error:
        raise Unreadable(f"is no CSV from line {last + 1} on: {error}") from error


def _delimiter(text: str) -> str:
    """Spreadsheets write semicolons wherever the comma is for decimals."""
    first = text[:_SNIFFED].split("\n", 1)[0]
    return max(_DELIMITERS, key=first.count)


def _column(cell: str | None) -> str:
    return (cell or "").strip().lower()


def _place(within: str, number: int) -> str:
    return f"{within}, line {number}" if within else f"line {number}"


def _of_line(name: str, line: bytes) -> ArticleRow:
    try:
        row = json.loads(decode(line))
    except json.JSONDecodeError as error:
        raise Unreadable(f"is not valid JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise Unreadable("is nested too deeply") from error
    except ValueError as error:  # json's own word for it comes with the interpreter's limits
        raise Unreadable("has a number of too many digits") from error
    return _validated(name, row)


def _validated(name: str, row: Any) -> ArticleRow:
    try:
        return ArticleRow.model_validate(_with_id(name, row) if isinstance(row, dict) else row)
    except ValidationError as error:
        raise Unreadable(reason(error)) from error


def _with_id(name: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    """A question without an id is known by its words, in its file."""
    found = {key: value for key, value in row.items() if isinstance(key, str)}
    question = found.get("question")
    if found.get("id") in (None, "") and isinstance(question, str) and question.strip():
        source = f"{name}#{' '.join(question.split())}"
        if len(source) > LONGEST_SOURCE:
            digest = hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()
            source = f"{source[: LONGEST_SOURCE - 17]}-{digest[:16]}"
        found["id"] = source
    return found
