"""A body as parsed Markdown: sections, headings and the ids that page and passages share."""

from itertools import pairwise

import pytest

from tools.knowledge.document import (
    LONGEST_ANCHOR,
    LONGEST_HEADING,
    Heading,
    first_heading,
    inline_text,
    parse,
    sections,
)


def headings(body: str, title: str = "Kettles") -> list[Heading]:
    return [heading for heading, _ in sections(parse(body, title=title)) if heading]


def anchors(body: str) -> list[str]:
    return [heading.anchor for heading in headings(body)]


def test_each_section_is_a_heading_with_what_stands_below_it() -> None:
    found = list(sections(parse("Intro\n\n## Care\n\nRinse.\n\nDry.\n\n### Lid", title="Kettles")))
    assert [heading for heading, _ in found] == [
        None,
        Heading(2, "Care", "care"),
        Heading(3, "Lid", "lid"),
    ]
    assert [[token.content for token in below if token.type == "inline"] for _, below in found] == [
        ["Intro"],
        ["Rinse.", "Dry."],
        [],
    ]
    assert list(sections(parse("", title="Kettles"))) == [(None, [])]


def test_a_first_heading_that_repeats_the_title_is_left_out() -> None:
    assert headings("# **kettles**!\n\n## Care") == [Heading(2, "Care", "care")]


@pytest.mark.parametrize("body", ["# Pans", "## Kettles", "# Pans\n\n# Kettles"])
def test_any_other_first_heading_stays(body: str) -> None:
    assert len(headings(body)) == body.count("# ")


def test_a_heading_inside_a_list_or_a_quotation_is_none() -> None:
    assert headings("- # Not\n\n> ## Nor this\n\n## This") == [Heading(2, "This", "this")]


def test_anchors_are_made_as_github_makes_them() -> None:
    body = "## What's *new* in 2.0?\n\n## Größe & Gewicht\n\n## snake_case `code` [link](a.md)"
    assert anchors(body) == ["whats-new-in-20", "größe--gewicht", "snake_case-code-link"]


def test_every_heading_has_an_anchor_of_its_own() -> None:
    assert anchors("## A\n\n## A\n\n## A 1\n\n## A") == ["a", "a-1", "a-1-1", "a-2"]
    assert anchors("## ???\n\n##\n\n## !") == ["section", "section-1", "section-2"]


def test_a_paragraph_marked_as_a_heading_is_cut() -> None:
    (heading,) = headings("# " + "word " * 200)
    assert (len(heading.text), len(heading.anchor)) == (LONGEST_HEADING, LONGEST_ANCHOR)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("---\na: b\n---\n\nIntro\n\n# The *title*\n\n# Another", "The title"),
        ("Setext\n======", "Setext"),
        ("## Only a second level", ""),
        ("```\n# code\n```", ""),
        ("", ""),
    ],
)
def test_the_first_heading_of_the_first_level(body: str, expected: str) -> None:
    assert first_heading(body) == expected


def test_inline_text_is_words_on_one_line() -> None:
    tokens = parse("**Fill**  the\n*kettle*  \nwith [water](w.md) `now` &amp; \\*wait\\*", title="")
    paragraph = next(after for before, after in pairwise(tokens) if before.type == "paragraph_open")
    assert inline_text(paragraph) == "Fill the kettle with water now & *wait*"
