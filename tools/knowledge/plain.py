"""Markdown as plain text that reads well by itself: lists keep their marks, table rows are lines.

The text is cut into units, the smallest pieces that make sense alone: a paragraph, a list item with
what belongs to it, a row of a table.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from tools.knowledge.document import inline_text

PARAGRAPH, LINE = "\n\n", "\n"


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of text, and what parts it from the piece before it."""

    text: str
    joint: str = PARAGRAPH


def units(tokens: Sequence[Token]) -> list[Unit]:
    """The units of block tokens."""
    return [unit for unit in _blocks(SyntaxTreeNode(tokens).children) if unit.text]


def join(pieces: Iterable[Unit]) -> str:
    """Units as one text."""
    text = ""
    for unit in pieces:
        text += unit.joint + unit.text if text else unit.text
    return text


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> Iterator[Unit]:
    for node in nodes:
        if node.type in ("paragraph", "heading"):
            yield Unit(_inline(node))
        elif node.type in ("fence", "code_block"):
            yield Unit(node.content.rstrip())
        elif node.type in ("bullet_list", "ordered_list"):
            yield from _list(node)
        elif node.type == "table":
            yield from _table(node)
        elif node.type == "blockquote":
            yield from _blocks(node.children)


def _inline(node: SyntaxTreeNode) -> str:
    return " ".join(inline_text(c.token) for c in node.children if c.type == "inline" and c.token)


def _list(node: SyntaxTreeNode) -> Iterator[Unit]:
    start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    joint = PARAGRAPH
    for number, item in enumerate(node.children):
        mark = "- " if start is None else f"{start + number}. "
        lines = [line for unit in _blocks(item.children) for line in unit.text.split("\n") if line]
        if lines:
            # Indented below its mark, what belongs to an item stays part of it.
            yield Unit(mark + ("\n" + " " * len(mark)).join(lines), joint)
            joint = LINE


def _table(node: SyntaxTreeNode) -> Iterator[Unit]:
    rows = [
        [_inline(cell) for cell in row.children] for part in node.children for row in part.children
    ]
    header, joint = rows[0] if rows else [], PARAGRAPH
    for row in rows[1:]:
        line = _row(header, row)
        if line:
            yield Unit(f"- {line}", joint)
            joint = LINE


def _row(header: Sequence[str], row: Sequence[str]) -> str:
    """`Express: 1 to 2 days` for two columns; wider tables name the columns."""
    filled = [(name, cell) for name, cell in zip(header, row, strict=False) if cell]
    # What another cell follows is no sentence's end any more.
    filled = [(name, cell.rstrip(".\u3002")) for name, cell in filled[:-1]] + filled[-1:]
    if len(header) <= 2:
        return ": ".join(cell for _, cell in filled)
    first, *rest = filled or [("", "")]
    return "; ".join([first[1], *(f"{name}: {cell}" if name else cell for name, cell in rest)])
