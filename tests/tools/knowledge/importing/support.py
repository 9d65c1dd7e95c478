"""Files to import, and how an import is run in a test."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.knowledge.importing import ArticleReport

LINEN = {"id": "linen", "title": "Linen", "category": "Care", "text": "Wash it cold."}


def folder(tmp_path: Path, **files: str | bytes) -> Path:
    """A folder of Markdown. Two underscores in a name stand for a slash."""
    for name, content in files.items():
        path = tmp_path / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


def jsonl(tmp_path: Path, *rows: dict[str, Any] | str) -> Path:
    path = tmp_path / "articles.jsonl"
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of files, in that order."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def counts(report: ArticleReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, len(report.failed)


def reasons(report: ArticleReport) -> dict[str, str]:
    """Why each place failed."""
    return {bad.place: bad.reason for bad in report.failed}
