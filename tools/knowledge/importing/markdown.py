"""A Markdown file as an article, with its front matter."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import frontmatter
import yaml
from pydantic import ValidationError

from tools.knowledge.conversion.document import Document, Unreadable
from tools.knowledge.document import first_heading
from tools.knowledge.importing.encoding import decode
from tools.knowledge.importing.item import reason
from tools.knowledge.importing.names import LONGEST_CATEGORY
from tools.knowledge.importing.row import LONGEST_TITLE, TITLE_WITHIN, ArticleRow


def read(place: str, data: bytes) -> ArticleRow:
    """The article of a Markdown file that lies at `place`. Raises Unreadable."""
    matter, text = _parted(data)
    return as_row(place, Document("", text), matter)


def text_of(data: bytes) -> str:
    """The text of a Markdown file without its front matter. Raises Unreadable."""
    return _parted(data)[1]


def _parted(data: bytes) -> tuple[dict[str, Any], str]:
    try:
        matter, text = frontmatter.parse(decode(data).replace("\r\n", "\n"))
    except (yaml.YAMLError, ValueError) as error:  # 2026-13-45 is a ValueError
        first = str(error).split("\n", 1)[0]
        raise Unreadable(f"has front matter that cannot be read: {first}") from error
    if not text.strip():
        raise Unreadable("has no text")
    return matter, text


def as_row(
    source: str,
    document: Document,
    matter: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    folder: str | None = None,
) -> ArticleRow:
    """The article of a document, known by its `source`. Raises Unreadable where it cannot be stored.

    Its title is that of the front matter, else the document's own, else its first heading, else the
    file's `name`; its category that of the front matter, else the `folder` that the file lies in.
    Both are told from the source, a path, where they are not given.
    """
    matter, path = matter or {}, PurePosixPath(source)
    if folder is None:
        folder = path.parts[0] if len(path.parts) > 1 else ""
    title = (
        document.title
        or first_heading(document.text[:TITLE_WITHIN])
        or _humanised(name or path.stem)
    )
    keys = ("draft", "audience", "tags", "locale", "lang", "language")
    values = {key: matter[key] for key in keys if key in matter}
    if document.locale:
        values["locale"] = document.locale
    try:
        return ArticleRow.model_validate(
            values
            | {
                "id": source,
                "title": matter.get("title") or title[:LONGEST_TITLE],
                "category": matter.get("category") or _humanised(folder)[:LONGEST_CATEGORY],
                "text": document.text,
            }
        )
    except ValidationError as error:
        raise Unreadable(reason(error)) from error


def _humanised(name: str) -> str:
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
