"""PDF and DOCX as Markdown, and what is said of those that cannot be read."""

import io
import zipfile

import pytest

from tests.tools.knowledge.documents import docx, pdf
from tools.knowledge.conversion import docx as of_docx
from tools.knowledge.conversion import pdf as of_pdf
from tools.knowledge.conversion.document import Unreadable

pytestmark = pytest.mark.any_storage

LONG = "Wash the cloth in cold water, and dry it in the shade."
PAGE = [(20, "Care of linen"), (12, ""), (11, LONG), (11, "It lasts for years.")]


def test_large_letters_of_a_pdf_are_headings_and_lines_are_joined() -> None:
    found = of_pdf.convert(pdf([*PAGE, (12, ""), (14, "Ironing"), (12, ""), (11, "While damp.")]))
    assert found.title == "Care of linen"
    assert found.text == (
        f"# Care of linen\n\n{LONG} It lasts for years.\n\n## Ironing\n\nWhile damp."
    )


def test_headers_and_page_numbers_are_left_out() -> None:
    pages = [
        [(9, "Juniper handbook"), (30, ""), (11, f"{LONG} {name}"), (30, ""), (9, f"Page {number}")]
        for number, name in enumerate(("One", "Two", "Three", "Four"))
    ]
    found = of_pdf.convert(pdf(*pages)).text
    assert "handbook" not in found
    assert "Page" not in found
    assert found.count(LONG) == 4


def test_bullets_become_a_list() -> None:
    found = of_pdf.convert(pdf([(11, "- Cold water"), (11, "- Little soap")])).text
    assert found == "- Cold water\n- Little soap"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.4 broken", "broken"),
        (pdf(PAGE)[:300], "broken|no text"),
        (b"nonsense", "no PDF"),
        (pdf([]), "its pages are pictures"),
        (pdf(*[PAGE] * (of_pdf.MOST_PAGES + 1)), "more than 500 pages"),
    ],
    ids=["header", "cut", "nonsense", "scanned", "long"],
)
def test_a_pdf_that_cannot_be_read_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        of_pdf.convert(data)


def test_styles_of_a_docx_are_headings() -> None:
    found = of_docx.convert(
        docx(("Heading1", "Linen"), ("", LONG), ("Heading2", "Ironing"), ("", "x"))
    )
    assert found.title == "Linen"
    assert found.text == f"# Linen\n\n{LONG}\n\n## Ironing\n\nx"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PK nonsense", "no DOCX"),
        (docx(("", "x"))[:200], "no DOCX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old .doc file or protected"),
        (docx(("", "")), "has no text"),
    ],
    ids=["nonsense", "cut", "old", "empty"],
)
def test_a_docx_that_cannot_be_read_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        of_docx.convert(data)


def test_a_docx_that_unpacks_to_too_much_is_told() -> None:
    bomb = io.BytesIO(docx(("", "x")))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("word/media/bomb.png", bytes(of_docx.LARGEST))
    with pytest.raises(Unreadable, match="unpacks to 200 MB"):
        of_docx.convert(bomb.getvalue())
