"""Importing articles: a folder of Markdown or a JSONL file. No bad one stops the rest."""

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Self, TextIO

import frontmatter
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)

from tools.jsonl import BadRow, Report, count_lines, read, with_progress
from tools.knowledge import articles
from tools.knowledge.document import first_heading
from tools.knowledge.models import Article, Status

BATCH_SIZE = 100
"""Articles in a transaction: few enough that other writers of SQLite do not wait long."""

LONGEST_BODY = 1_000_000
"""Characters: a book. What is longer is a file that somebody put into the wrong folder."""

LONGEST_TITLE = 200

SUFFIXES = {".md", ".markdown"}


def _storable(value: str) -> str:
    if any(character < " " and character not in "\t\n\r\f" for character in value):
        raise ValueError("has control characters, which cannot be stored")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("has half a character (a lone surrogate), which cannot be stored")
    return value


def _on_one_line(value: Any) -> Any:
    if value is None:
        return ""
    return " ".join(value.split()) if isinstance(value, str) else value


Line = Annotated[str, AfterValidator(_storable), BeforeValidator(_on_one_line)]


class ArticleRow(BaseModel):
    """One article of an import."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: Annotated[Line, StringConstraints(min_length=1, max_length=300)]
    title: Annotated[Line, StringConstraints(max_length=LONGEST_TITLE)] = ""
    category: Annotated[Line, StringConstraints(max_length=100)] = ""
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_BODY),
        AfterValidator(_storable),
    ]
    draft: bool = False

    @model_validator(mode="after")
    def _has_a_title(self) -> Self:
        """Where the title is empty, the text's own heading is one."""
        self.title = self.title or first_heading(self.text)[:LONGEST_TITLE]
        if not self.title:
            raise ValueError("title: is empty, and the text has no heading to take its place")
        return self

    def fingerprint(self) -> str:
        """Tells whether the source changed. An edit by staff does not change it, and so stays
        until the source does."""
        content = "\0".join((self.title, self.category, self.text))
        return hashlib.sha256(content.encode()).hexdigest()


Read = tuple[str, ArticleRow | BadRow]


def import_articles(path: Path, *, progress: TextIO | None = None) -> Report:
    """Adds the articles of a folder or JSONL file, and changes those whose source has changed.

    `progress` is where a progress bar is drawn. Raises OSError for a path that cannot be read.
    """
    rows: Iterator[Read]
    if path.is_dir():
        files = sorted(_markdown_files(path))
        total, rows = len(files), (_read_file(path, file) for file in files)
    else:
        total, rows = count_lines(path), read(path, ArticleRow)
    if progress is not None:
        rows = with_progress(rows, total=total, name="articles", to=progress)
    report = Report()
    good = _without_repeats(rows, report)
    while batch := list(islice(good, BATCH_SIZE)):
        _store(batch, report)
    return report


def _markdown_files(folder: Path) -> Iterator[Path]:
    """The Markdown below a folder, without hidden folders such as .git."""
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        if file.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in parts):
            yield file


def _read_file(folder: Path, file: Path) -> Read:
    place = file.relative_to(folder).as_posix()
    try:
        matter, text = frontmatter.parse(file.read_text(encoding="utf-8-sig"))
        return place, _as_row(place, matter, text)
    except UnicodeDecodeError:
        return place, BadRow(place, "is not UTF-8")
    except OSError as error:
        return place, BadRow(place, f"cannot be read: {error.strerror or error}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        return place, BadRow(place, f"{where}: {first['msg']}")
    except (yaml.YAMLError, ValueError) as error:  # 2026-13-45 is a ValueError
        return place, BadRow(place, f"has front matter that cannot be read: {_first_line(error)}")


def _as_row(place: str, matter: dict[str, Any], text: str) -> ArticleRow:
    path = Path(place)
    folder = path.parts[0] if len(path.parts) > 1 else ""
    return ArticleRow.model_validate(
        {
            "id": place,
            "title": matter.get("title")
            or first_heading(text)[:LONGEST_TITLE]
            or _humanised(path.stem),
            "category": matter.get("category") or _humanised(folder),
            "text": text,
            "draft": bool(matter.get("draft")),
        }
    )


def _humanised(name: str) -> str:
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _without_repeats(rows: Iterable[Read], report: Report) -> Iterator[ArticleRow]:
    seen: dict[str, str] = {}
    for place, row in rows:
        if isinstance(row, BadRow):
            report.failed.append(row)
        elif row.id in seen:
            reason = f"id: {row.id} was there before, on {seen[row.id]}"
            report.failed.append(BadRow(place, reason))
        else:
            seen[row.id] = place
            yield row


def _store(rows: list[ArticleRow], report: Report) -> None:
    there = {a.source: a for a in Article.objects.filter(source__in=[row.id for row in rows])}
    added, changed = [], []
    for row in rows:
        article = there.get(row.id)
        if article is None:
            status = Status.DRAFT if row.draft else Status.PUBLISHED
            added.append(_filled(Article(source=row.id, status=status), row))
        elif article.content_hash != row.fingerprint():
            changed.append(_filled(article, row))
    if added or changed:
        articles.save_all(added + changed)
    report.added += len(added)
    report.changed += len(changed)
    report.unchanged += len(rows) - len(added) - len(changed)


def _filled(article: Article, row: ArticleRow) -> Article:
    article.title, article.category, article.body = row.title, row.category, row.text
    article.content_hash = row.fingerprint()
    return article
