"""Small documents for tests, made by hand: a PDF and a DOCX with the text that a test wants."""

import io
import zipfile
from collections.abc import Sequence

Line = tuple[float, str]
"""The size of the letters, and what they say. An empty text leaves a gap as wide as a paragraph's."""

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(*pages: Sequence[Line]) -> bytes:
    """A PDF with lines of text on its pages, from the top down."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(count))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        content = _content(lines)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    return _file(objects)


def _content(lines: Sequence[Line]) -> str:
    height, parts = 740.0, []
    for size, text in lines:
        if text:
            parts.append(f"BT /F1 {size} Tf 72 {height} Td ({text}) Tj ET")
        height -= size * 1.2 if text else size * 2
    return "\n".join(parts)


def _file(objects: Sequence[str]) -> bytes:
    written = io.BytesIO()
    written.write(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(written.tell())
        written.write(f"{number} 0 obj\n{content}\nendobj\n".encode("cp1252"))
    table = written.tell()
    entries = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    written.write(f"xref\n0 {size}\n0000000000 65535 f \n{entries}".encode())
    written.write(f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF".encode())
    return written.getvalue()


def docx(*paragraphs: tuple[str, str]) -> bytes:
    """A DOCX of paragraphs, each with the name of its style: `Heading1` or empty for text."""
    body = "".join(
        (f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else "<w:p>")
        + f"<w:r><w:t>{text}</w:t></w:r></w:p>"
        for style, text in paragraphs
    )
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", _TYPES)
        parts.writestr("_rels/.rels", _RELATIONS)
        parts.writestr("word/document.xml", document)
    return made.getvalue()
