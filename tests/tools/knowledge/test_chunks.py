"""Articles cut into passages: whole, in order, none too long, each under its headings."""

from itertools import pairwise

import pytest

from tools.knowledge import sentences
from tools.knowledge.chunks import LONGEST, OVERLAP, Passage, count, split


def texts(body: str) -> list[str]:
    return [passage.text for passage in split(body, title="Kettles")]


def sentence(words: int, name: str = "word") -> str:
    return " ".join([name.capitalize(), *[name] * (words - 2), "end."])


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


@pytest.mark.parametrize(
    "links",
    ["- [Pots](/p/)\n- [Pans](/q/)", "[Pots](/p/) | [Pans](/q/)", "[Pots](/p/)\n[Pans](/q/)"],
)
def test_a_list_of_links_below_others_is_no_passage(links: str) -> None:
    assert texts(f"Rinse.\n\n## Related\n\n{links}") == ["Rinse."]


def test_links_with_words_of_their_own_and_pages_of_links_are_passages() -> None:
    assert texts("Rinse.\n\n## More\n\nAsk [us](/c/).") == ["Rinse.", "Ask us."]
    assert texts("## Our pages\n\n- [Pots](/p/)\n- [Pans](/q/)") == ["- Pots\n- Pans"]


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
    assert second.startswith("Follow these steps:\n\n1. Word")


def test_where_a_section_is_cut_the_end_of_one_part_begins_the_next() -> None:
    said = [f"Number {number} {sentence(18)}" for number in range(30)]
    parts = texts(" ".join(said))
    assert len(parts) == 3
    for part, following in pairwise(parts):
        repeated = " ".join(sentences.split(part)[-2:])
        assert following.startswith(f"{repeated} Number ")
        assert count(repeated) <= OVERLAP
    assert parts[0].startswith(said[0])
    assert parts[-1].endswith(said[-1])


def test_a_sentence_too_long_to_be_repeated_is_not() -> None:
    first, second = texts(f"{sentence(150)}\n\n{sentence(150, 'other')}")
    assert (first, second) == (sentence(150), sentence(150, "other"))


def test_where_a_list_is_cut_its_lead_in_is_repeated_and_its_numbers_go_on() -> None:
    steps = "\n".join(f"{number}. {sentence(50)}" for number in range(1, 9))
    first, second = texts(f"Follow these steps:\n\n{steps}")
    assert first.startswith("Follow these steps:\n\n1. Word")
    assert second.startswith("Follow these steps:\n\n5. Word")


def test_a_step_that_ends_in_a_colon_introduces_no_list_but_its_own() -> None:
    steps = "\n".join(f"{number}. {sentence(50)[:-1]}:" for number in range(1, 9))
    _, second = texts(steps)
    assert second.startswith("5. Word")


def test_where_a_list_without_lead_in_is_cut_its_last_item_is_repeated() -> None:
    steps = "\n".join(f"{number}. {sentence(35)}" for number in range(1, 11))
    _, second = texts(steps)
    assert second.startswith("5. Word")
    assert "\n6. Word" in second


def test_a_section_repeats_nothing_of_another() -> None:
    body = "\n\n".join(f"## Part {n}\n\nThe answer is {n}. {sentence(200)}" for n in range(3))
    assert all(text.startswith(f"The answer is {n}.") for n, text in enumerate(texts(body)))


@pytest.mark.parametrize(
    "said",
    ["退货需要五天，请保留包装和收据。", "การคืนสินค้าใช้เวลาห้าวัน กรุณาเก็บกล่องไว้ ", "वापसी में पाँच दिन लगते हैं। "],
    ids=["zh", "th", "hi"],
)  # fmt: skip
def test_in_every_script_parts_begin_and_end_with_a_sentence(said: str) -> None:
    parts = texts(said * 100)
    assert len(parts) > 2
    begin, end = sentences.split(said)[0], said.strip()[-4:]
    for part in parts:
        assert part.startswith(begin)
        assert part.endswith(end)


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
    letters, whole = ("".join(text.split()).lower() for text in ("".join(parts), body))
    for letter in ("word", "字", "aaaaa"):
        assert letters.count(letter) >= whole.count(letter)
    assert sum(map(count, parts)) <= count(body) + OVERLAP * len(parts)


def test_sentences_are_not_cut_where_they_need_not_be() -> None:
    parts = texts(" ".join(sentence(90) for _ in range(8)))
    assert all(part.endswith(" end.") for part in parts)


def test_the_length_of_a_text_without_spaces_is_counted_by_its_characters() -> None:
    assert count("three short words") == 3
    assert count("退货" * 40) == 40
    assert count("การคืนสินค้า ใช้เวลาห้าวัน") == 6
    assert count("退货需要 five days") == 4
    assert count("a" * 80) == 10
    assert count("") == 0
