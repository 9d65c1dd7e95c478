"""Articles cut into passages: whole, in order, none too long, each under its headings."""

import pytest

from tools.knowledge.chunks import LONGEST, Passage, count, sentences, split


def texts(body: str) -> list[str]:
    return [passage.text for passage in split(body, title="Kettles")]


def sentence(words: int, name: str = "word") -> str:
    return " ".join([name] * (words - 1)) + " end."


def test_each_section_is_a_passage_under_its_path_of_headings() -> None:
    body = "# Kettles\n\nIntro.\n\n## Care\n\nRinse.\n\n### Lid\n\nWipe.\n\n## Size\n\nBig."
    assert split(body, title="Kettles") == [
        Passage("", "", "Intro."),
        Passage("Care", "care", "Rinse."),
        Passage("Care › Lid", "lid", "Wipe."),
        Passage("Size", "size", "Big."),
    ]


def test_a_deeper_heading_ends_with_its_section() -> None:
    body = "### Deep\n\na\n\n# Top\n\nb\n\n### Deep\n\nc\n\n## Middle\n\nd"
    assert [(p.heading, p.anchor) for p in split(body, title="Kettles")] == [
        ("Deep", "deep"),
        ("Top", "top"),
        ("Top › Deep", "deep-1"),
        ("Top › Middle", "middle"),
    ]


@pytest.mark.parametrize("body", ["", "  \n", "# Kettles", "## A\n\n## B", "![](x.png)", "<br>"])
def test_where_nothing_is_said_there_is_no_passage(body: str) -> None:
    assert split(body, title="Kettles") == []


def test_a_short_section_is_one_passage() -> None:
    assert texts("One.\n\n- two\n- three\n\nFour.") == ["One.\n\n- two\n- three\n\nFour."]


def test_a_long_section_is_cut_between_paragraphs_into_parts_of_like_length() -> None:
    paragraphs = [sentence(60) for _ in range(6)]
    passages = split("## Care\n\n" + "\n\n".join(paragraphs), title="Kettles")
    parts = [passage.text for passage in passages]
    assert {(p.heading, p.anchor) for p in passages} == {("Care", "care")}
    assert "\n\n".join(parts) == "\n\n".join(paragraphs)
    assert [count(part) for part in parts] == [180, 180]


def test_a_lead_in_goes_with_what_it_introduces() -> None:
    steps = "\n".join(f"{number}. {sentence(50)}" for number in range(1, 5))
    first, second = texts(f"{sentence(200)}\n\nFollow these steps:\n\n{steps}")
    assert first == sentence(200)
    assert second.startswith("Follow these steps:\n\n1. word")


@pytest.mark.parametrize(
    "body",
    [
        " ".join(sentence(90) for _ in range(8)),
        "\n\n".join(sentence(100) for _ in range(5)),
        "word " * 900,
        "字" * 9000,
        "\n".join(["1. " + sentence(100)] + ["   - " + sentence(100) for _ in range(8)]),
        "```\n" + "\n".join(sentence(40) for _ in range(30)) + "\n```",
        "| a | b |\n|---|---|\n" + "\n".join(f"| {sentence(30)} | x |" for _ in range(40)),
        "a" * 20_000,
    ],
    ids=["sentences", "paragraphs", "words", "no spaces", "item", "code", "table", "one word"],
)
def test_no_passage_is_too_long_and_no_word_is_lost(body: str) -> None:
    parts = texts(body)
    assert len(parts) > 2
    assert max(count(part) for part in parts) <= LONGEST
    letters = "".join("".join(parts).split())
    assert letters.count("word") == body.count("word")
    assert letters.count("字") == body.count("字")
    assert letters.count("a") >= body.count("a" * 10) * 10


def test_sentences_are_not_cut_where_they_need_not_be() -> None:
    parts = texts(" ".join(sentence(90) for _ in range(8)))
    assert all(part.endswith(" end.") for part in parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs $2.50 at example.com.", ["It costs $2.50 at example.com."]),
        ("एक है। दो है।", ["एक है।", "दो है।"]),
        ("一。 二。", ["一。", "二。"]),
        ("", [""]),
    ],
)
def test_sentences_end_at_their_marks(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_the_length_of_a_text_without_spaces_is_counted_by_its_characters() -> None:
    assert count("three short words") == 3
    assert count("字" * 80) == 10
    assert count("") == 0
