"""PDF as Markdown. A PDF has no paragraphs and no headings, only letters at places: paragraphs are
told by their distance, headings by their size."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pdfminer.high_level import extract_pages
from pdfminer.layout import LTChar, LTPage, LTTextContainer, LTTextLine
from pdfminer.pdfdocument import PDFDocument, PDFPasswordIncorrect
from pdfminer.pdfexceptions import PDFException
from pdfminer.pdfparser import PDFParser
from pdfminer.psexceptions import PSException
from pdfminer.utils import decode_text

from tools.knowledge.conversion.document import Document, Unreadable

MOST_PAGES = 500
"""A thick manual. At about 0.05 s a page it is read in half a minute."""

HEADING = 1.15
"""Times the size of the text: 11 points make a heading of 13. Less is a change of typeface."""

LONGEST_HEADING = 150
"""Characters: large letters that go on are a pull quote."""

REPEATED = 0.5
"""The share of the pages on which a line has to stand at the top or the bottom to be the header or
footer of the book."""

_BULLET = re.compile(r"\A[\u2022\u25aa\u25cf\u25e6\u2023\u2043\uf0b7\u00b7]\s*|\A[-\u2013*]\s+")
_NUMBERS = re.compile(r"\d+")
_HYPHEN = re.compile(r"(?<=\w)[-\u00ad\u2010]\n(?=[a-z\u00df-\u00ff])")


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    size: float


def convert(data: bytes) -> Document:
    """Raises Unreadable for what is no PDF, is protected, is too long, or has pictures for text."""
    try:
        title = _title(data)
        pages = list(_pages(data))
    except PDFPasswordIncorrect as error:
        raise Unreadable("is protected by a password") from error
    except (PDFException, PSException) as error:
        raise Unreadable("is no PDF file, or a broken one") from error
    if not pages:
        raise Unreadable("is no PDF file, or a broken one")
    blocks = [block for page in _without_repeats(pages) for block in page]
    if not blocks:
        raise Unreadable("has no text: its pages are pictures, which text recognition must read")
    sizes = _heading_sizes(blocks)
    text = "\n\n".join(_as_markdown(block, sizes) for block in blocks)
    first = next((block.text for block in blocks if block.size in sizes[:1]), "")
    return Document(" ".join((first or title).split()), text)


def _title(data: bytes) -> str:
    document = PDFDocument(PDFParser(io.BytesIO(data)))
    titles = [info["Title"] for info in document.info if isinstance(info.get("Title"), bytes)]
    return decode_text(titles[0]).strip() if titles else ""


def _pages(data: bytes) -> Iterator[list[_Block]]:
    for number, page in enumerate(extract_pages(io.BytesIO(data)), start=1):
        if number > MOST_PAGES:
            raise Unreadable(f"has more than {MOST_PAGES} pages: cut it into parts")
        yield list(_blocks(page))


def _blocks(page: LTPage) -> Iterator[_Block]:
    for box in page:
        if isinstance(box, LTTextContainer) and box.get_text().strip():
            lines = [line for line in box if isinstance(line, LTTextLine)]
            yield from _of_one_size(lines)


def _of_one_size(lines: Iterable[LTTextLine]) -> Iterator[_Block]:
    """A heading is often so close to its text that both are one box."""
    held: list[str] = []
    size = 0.0
    for line in lines:
        of_line = _size(line)
        if held and abs(of_line - size) > 0.5:
            yield _Block("".join(held).strip(), size)
            held = []
        held.append(line.get_text())
        size = of_line
    if "".join(held).strip():
        yield _Block("".join(held).strip(), size)


def _size(line: LTTextLine) -> float:
    sizes = Counter(round(char.size, 1) for char in line if isinstance(char, LTChar))
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _without_repeats(pages: Sequence[list[_Block]]) -> Iterator[list[_Block]]:
    """Pages without headers, footers and page numbers."""
    if len(pages) < 3:  # too few to tell
        yield from pages
        return
    edges = Counter(key for page in pages for key in {_key(b) for b in page[:2] + page[-2:]})
    repeated = {key for key, times in edges.items() if times > len(pages) * REPEATED}
    for page in pages:
        yield [block for block in page if _key(block) not in repeated]


def _key(block: _Block) -> str:
    return _NUMBERS.sub("0", block.text)


def _heading_sizes(blocks: Iterable[_Block]) -> list[float]:
    """The sizes of headings, the largest first."""
    letters: Counter[float] = Counter()
    for block in blocks:
        letters[block.size] += len(block.text)
    usual = letters.most_common(1)[0][0]
    return sorted((size for size in letters if size >= usual * HEADING), reverse=True)


def _as_markdown(block: _Block, heading_sizes: Sequence[float]) -> str:
    text = _HYPHEN.sub("", block.text)
    if block.size in heading_sizes and len(text) <= LONGEST_HEADING:
        level = min(heading_sizes.index(block.size) + 1, 4)
        return f"{'#' * level} {' '.join(text.split())}"
    lines = [" ".join(line.split()) for line in text.split("\n")]
    if any(_BULLET.match(line) for line in lines):
        return "\n".join(_BULLET.sub("- ", line) for line in lines)
    return " ".join(lines)
