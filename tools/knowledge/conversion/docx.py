"""DOCX as Markdown, by way of the HTML that mammoth makes of its styles."""

import io
import zipfile
from typing import Any

import mammoth

from tools.knowledge.conversion import html
from tools.knowledge.conversion.document import Document, Unreadable

LARGEST = 200_000_000
"""Bytes that the parts of a file may have together: a thick manual with its pictures. A bomb of some
kilobytes says that it has gigabytes."""


def convert(data: bytes) -> Document:
    """Raises Unreadable for what is no DOCX, is protected, or has no text."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # OLE2, which wraps what is encrypted, and is .doc
        raise Unreadable("is an old .doc file or protected by a password: save it as plain .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            size = sum(part.file_size for part in parts.infolist())
            if size > LARGEST:
                raise Unreadable(f"unpacks to {size // 1_000_000} MB, more than is read")
            made = mammoth.convert_to_html(io.BytesIO(data), convert_image=_no_image)
    except (zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise Unreadable("is no DOCX file, or a broken one") from error
    return html.from_fragment(made.value)


def _no_image(image: Any) -> list[Any]:
    return []
