"""Which reader a file has, by the end of its name."""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from tools.knowledge.conversion.converter import Converter, Kind
from tools.knowledge.conversion.document import Unreadable
from tools.knowledge.importing import markdown, rows
from tools.knowledge.importing.item import File, Item
from tools.knowledge.importing.row import LONGEST_SOURCE, ArticleRow

MARKDOWN = frozenset({".md", ".markdown"})
CONVERTED: dict[str, Kind] = {".html": "html", ".htm": "html", ".pdf": "pdf", ".docx": "docx"}
ROWS = {".jsonl": rows.jsonl, ".ndjson": rows.jsonl, ".csv": rows.table}
SUFFIXES = MARKDOWN | CONVERTED.keys() | ROWS.keys()


def suffix(place: str) -> str:
    """The end of a file's name that tells its format."""
    return PurePosixPath(place).suffix.lower()


def items(file: File, converter: Converter, *, alone: bool = False) -> Iterator[Item]:
    """The articles of a file. One that holds rows is read now, any other when its item is loaded.

    `alone`: the file is all that is imported, so that the report need not name it. Raises Unreadable
    or FetchError for a file of rows that cannot be read.
    """
    ending = suffix(file.place)
    if ending not in SUFFIXES and ending != ".zip":
        raise Unreadable(f"is of a kind that is not read: {', '.join(sorted(SUFFIXES))} are")
    if reader := ROWS.get(ending):
        name = PurePosixPath(file.place).name
        yield from reader(file.read(), name=name, within="" if alone else file.place)
    else:
        yield Item(file.place, file.place[:LONGEST_SOURCE], partial(_article, file, converter))


def _article(file: File, converter: Converter) -> ArticleRow:
    data, ending = file.read(), suffix(file.place)
    if not data.strip():
        raise Unreadable("is empty")
    if ending in MARKDOWN:
        return markdown.read(file.place, data)
    return markdown.as_row(file.place, converter.convert(CONVERTED[ending], data))
