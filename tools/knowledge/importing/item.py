"""What readers hand to a run: files that may hold articles, and articles that can be loaded."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import ValidationError

from tools.knowledge.importing.row import ArticleRow

LARGEST = 50_000_000
"""Bytes of one file: a help centre of 10,000 articles as JSONL, or a manual with all its pictures."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that may hold articles.

    `place` is where the report says that it lies, and what its one article is known by. `read` gives
    its bytes, and raises Unreadable or FetchError.
    """

    place: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Item:
    """One article that a source lists.

    `source` is what it is known by, or None where only the row itself tells. `load` gives the row,
    and raises Unreadable or FetchError with the reason why there is none.
    """

    place: str
    source: str | None
    load: Callable[[], ArticleRow]


def reason(error: ValidationError) -> str:
    """The first thing that is wrong with a row, for whoever wrote it."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    told = first["msg"].removeprefix("Value error, ")
    return f"{where}: {told}" if where else told
