"""What changed between two texts, as people read it."""

import random

import pytest

from tools.knowledge.diff import CONTEXT, MOST_WORDS, Change, Row, compare

_MARKS = {Change.SAME: "{}", Change.ADDED: "+{}+", Change.REMOVED: "-{}-"}


def read(rows: list[Row]) -> list[str]:
    """The rows with marks for what was added and removed."""
    return [
        f"({row.skipped})"
        if row.skipped
        else "".join(_MARKS[piece.change].format(piece.text) for piece in row.pieces)
        for row in rows
    ]


def test_texts_that_are_the_same_have_no_rows() -> None:
    assert compare("a\nb", "a\nb") == []
    assert compare("", "") == []


def test_an_edited_line_is_one_with_the_words_marked() -> None:
    before = "Descale the kettle with vinegar, then rinse it."
    after = "Descale the kettle with lemon juice, then rinse it twice."
    assert read(compare(before, after)) == [
        "Descale the kettle with -vinegar-+lemon juice+, then rinse it+ twice+."
    ]


def test_a_line_that_took_anothers_place_is_not_mixed_with_it() -> None:
    assert read(compare("Use vinegar.", "Rinse twice, then let it dry.")) == [
        "-Use vinegar.-",
        "+Rinse twice, then let it dry.+",
    ]


def test_lines_are_added_and_removed() -> None:
    assert read(compare("a", "a\nb")) == ["a", "+b+"]
    assert read(compare("a\nb", "b")) == ["-a-", "b"]
    assert read(compare("", "a")) == ["+a+"]
    assert read(compare("a", "")) == ["-a-"]


def test_what_is_far_from_a_change_is_counted_and_not_shown() -> None:
    lines = [f"line {number}" for number in range(20)]
    edited = [*lines[:10], "new", *lines[10:]]
    rows = read(compare("\n".join(lines), "\n".join(edited)))
    assert rows == ["(8)", "line 8\nline 9", "+new+", "line 10\nline 11", "(8)"]
    assert len(rows[1].split("\n")) == CONTEXT


def test_a_single_line_is_shown_rather_than_counted() -> None:
    assert read(compare("a\nb\nc\nd", "a\nb\nc\nD")) == ["a\nb\nc", "-d-", "+D+"]


def test_a_gap_between_paragraphs_is_a_line_too() -> None:
    assert read(compare("a\n\nb", "a\nb")) == ["a", "--", "b"]


@pytest.mark.parametrize("seed", range(20))
def test_both_texts_can_be_read_from_the_rows(seed: int) -> None:
    """Whatever was changed, nothing is lost and nothing made up."""
    chance = random.Random(seed)
    words = "the a kettle vinegar, rinse. dry and with 返品 ünlü -".split()
    before = [" ".join(chance.choices(words, k=chance.randrange(1, 12))) for _ in range(5)]
    after = [" ".join(w for w in line.split() if chance.random() > 0.3) or "." for line in before]
    after.insert(chance.randrange(len(after)), "new words")
    rows = compare("\n".join(before), "\n".join(after))
    assert not any(row.skipped for row in rows)
    for lines, left_out in ((before, Change.ADDED), (after, Change.REMOVED)):
        kept = [[p.text for p in row.pieces if p.change is not left_out] for row in rows]
        text = "\n".join("".join(pieces) for pieces in kept if pieces)
        assert text.rstrip("\n") == "\n".join(lines).rstrip("\n")


def test_a_change_of_a_whole_book_does_not_take_long() -> None:
    before = " ".join(f"word{number}" for number in range(MOST_WORDS))
    after = " ".join(f"word{number}" for number in range(MOST_WORDS, 0, -1))
    assert read(compare(before, after)) == [f"-{before}-", f"+{after}+"]
