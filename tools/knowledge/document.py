"""An article's body as parsed Markdown, with the ids that its page and its chunks share."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it.token import Token

from chat import markdown
from tools.knowledge.dialect import clean
from tools.knowledge.words import words

LONGEST_ANCHOR = 80
LONGEST_HEADING = 200
"""Characters: more is a paragraph that somebody marked as a heading."""

_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]+")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the first order: not one inside a list or a quotation."""

    level: int
    text: str
    anchor: str


def parse(body: str, *, title: str) -> list[Token]:
    """The tokens of a body. A first heading that only repeats the title is left out; every other
    heading has its anchor as `id`."""
    tokens = markdown.parser.parse(clean(body))
    first = next((i for i, token in enumerate(tokens) if _is_heading(token)), None)
    if first is not None and _repeats(tokens[first], tokens[first + 1], title):
        del tokens[first : first + 3]
    taken: set[str] = set()
    for token, inline in pairwise(tokens):
        if _is_heading(token):
            token.attrSet("id", _anchor(inline_text(inline), taken))
    return tokens


def sections(tokens: Sequence[Token]) -> Iterator[tuple[Heading | None, list[Token]]]:
    """Each heading with the tokens below it, up to the next; None for what comes before them."""
    heading: Heading | None = None
    below: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if _is_heading(token):
            yield heading, below
            text = inline_text(tokens[index + 1])[:LONGEST_HEADING]
            heading, below = Heading(int(token.tag[1]), text, str(token.attrs["id"])), []
            index += 3  # open, inline, close
        else:
            below.append(token)
            index += 1
    yield heading, below


def first_heading(body: str) -> str:
    """The text of the first heading of the first level; empty where there is none."""
    for token, inline in pairwise(markdown.parser.parse(clean(body))):
        if _is_heading(token) and token.tag == "h1":
            return inline_text(inline)
    return ""


def inline_text(token: Token) -> str:
    """The words of a paragraph or heading on one line: links as their text, no marks."""
    parts = (
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in token.children or ()
    )
    return " ".join("".join(parts).split())


def only_links(tokens: Sequence[Token]) -> bool:
    """Whether all words of some blocks are the names of links: signposts to other pages."""
    inline = [child for token in tokens for child in token.children or ()]
    outside, depth = "", 0
    for child in inline:
        depth += child.nesting if child.type in ("link_open", "link_close") else 0
        outside += "" if depth else child.content
    linked = any(child.type == "link_open" for child in inline)
    blocks = any(token.type in ("fence", "code_block") for token in tokens)
    return linked and not blocks and not any(map(str.isalnum, outside))


def _is_heading(token: Token) -> bool:
    return token.type == "heading_open" and token.level == 0


def _repeats(heading: Token, inline: Token, title: str) -> bool:
    return heading.tag == "h1" and words(inline_text(inline)) == words(title)


def _anchor(text: str, taken: set[str]) -> str:
    """As GitHub makes them, so that links within imported articles keep working."""
    base = _NOT_IN_ANCHORS.sub("", text.lower()).strip().replace(" ", "-")[:LONGEST_ANCHOR]
    base = base or "section"
    anchor, number = base, 0
    while anchor in taken:
        number += 1
        anchor = f"{base}-{number}"
    taken.add(anchor)
    return anchor
