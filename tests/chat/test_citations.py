"""Citations: opaque ids in, numbers out, however the text is cut."""

import pytest

from chat.citations import CitationFilter
from chat.llm.base import Citation

CARE = Citation("a1-2", "Kettles", "Cleaning", "/help/kettles/#cleaning")
COST = Citation("a3-4", "Delivery", "Cost", "/help/delivery/#cost")


def filtered(*pieces: str) -> tuple[str, list[str], int]:
    citations = CitationFilter()
    citations.offer([CARE, COST])
    text = "".join(citations.feed(piece) for piece in pieces) + citations.finish()
    return text, [view.title for view in citations.cited], citations.invented


@pytest.mark.parametrize(
    ("text", "shown", "cited", "invented"),
    [
        ("Use vinegar [a1-2].", "Use vinegar [1].", ["Kettles"], 0),
        ("Free [a3-4]. Use vinegar [a1-2].", "Free [1]. Use vinegar [2].", ["Delivery", "Kettles"], 0),
        ("Both [a1-2, a3-4] and again [a1-2]", "Both [1][2] and again [1]", ["Kettles", "Delivery"], 0),
        ("Twice [a1-2][a3-4]", "Twice [1][2]", ["Kettles", "Delivery"], 0),
        ("Made up [a9-9].", "Made up.", [], 1),
        ("One real [a1-2, a9-9]", "One real [1]", ["Kettles"], 1),
        ("No marker: [see below] [a1] a[0]", "No marker: [see below] [a1] a[0]", [], 0),
        ("An open bracket [see", "An open bracket [see", [], 0),
        ("Trailing space ", "Trailing space ", [], 0),
    ],
)  # fmt: skip
def test_a_marker_is_numbered_however_the_stream_is_cut(
    text: str, shown: str, cited: list[str], invented: int
) -> None:
    assert filtered(text) == (shown, cited, invented)
    assert filtered(*text) == (shown, cited, invented)
    for cut in range(len(text)):
        assert filtered(text[:cut], text[cut:]) == (shown, cited, invented)


def test_half_a_marker_is_never_shown() -> None:
    citations = CitationFilter()
    citations.offer([CARE])
    assert citations.feed("Use vinegar [a1") == "Use vinegar"
    assert citations.feed("-2]. Then") == " [1]. Then"


def test_plain_text_is_not_held_back() -> None:
    assert CitationFilter().feed("Hello") == "Hello"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Three days [a1-2 , a1-3].", "Three days [1][2]."),
        ("Three days [" + ", ".join(["a1-2"] * 12) + "].", "Three days [1]."),
        ("Three days [ a1-2 ].", "Three days [1]."),
        ("Three days [1]. And [2] more.", "Three days. And more."),
        ("Write items[0] or [sic] or [12](https://a.example).", None),
        ("Cut short [a1-", "Cut short"),
        ("Cut short [a1-2", "Cut short"),
    ],
)
def test_the_pieces_a_text_comes_in_change_nothing(text: str, shown: str | None) -> None:
    for size in (1, 2, 3, 7, 1000):
        citations = CitationFilter()
        citations.offer(
            Citation(id, "Refunds", id, f"/help/refunds/#{id}") for id in ("a1-2", "a1-3")
        )
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        seen = "".join(map(citations.feed, pieces)) + citations.finish()
        assert seen == (text if shown is None else shown), size
