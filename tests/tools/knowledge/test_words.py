"""Words and stems: one analysis for queries, documents and confidence."""

import pytest

from tools.knowledge.words import LONGEST_WORD, STOP_WORDS, informative, stems, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Return an ITEM", ["return", "an", "item"]),
        ("e-mail: ann_lee@mail.example", ["e", "mail", "ann", "lee", "mail", "example"]),
        ("$12.50 (24/7)", ["12", "50", "24", "7"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("\ufb01ne x\u00b2", ["fine", "x2"]),
        ("cafe\u0301", ["caf\u00e9"]),
        ("one\u00a0two\u3000three\n\tfour", ["one", "two", "three", "four"]),
        ("返品はできますか?", ["返品はできますか"]),
        ("", []),
        (" \0 ?! \u201c\u201d …", []),
    ],
)
def test_words_are_cut_at_all_but_letters_and_digits(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_an_apostrophe_belongs_to_a_word_only_inside_of_it() -> None:
    assert words("don't don’t rock'n'roll") == ["don't", "don't", "rock'n'roll"]
    assert words("'quoted' words' '") == ["quoted", "words"]


def test_marks_do_not_cut_a_word() -> None:
    for text in ("हिन्दी में वापसी", "ไทย ใบสั่งซื้อ", "שָׁלוֹם", "மொழி", "Việt ngữ"):
        assert len(words(text)) == len(text.split())


def test_forms_of_a_word_share_a_stem() -> None:
    assert set(stems("return RETURNS returned returning")) == {"return"}
    assert stems("crème brûlée") == stems("Creme Brulee")
    assert stems("The kettle, the kettles") == ["the", "kettl", "the", "kettl"]


def test_a_word_that_nobody_types_has_no_stem() -> None:
    assert stems("a" * (LONGEST_WORD + 1) + " kettle") == ["kettl"]


def test_no_word_is_the_syntax_of_a_query_language() -> None:
    hostile = 'title:"kettle" AND (lid OR -body)^2 ~1 [a TO *] \\ \ud800'
    assert set("".join(stems(hostile))) <= set("abcdefghijklmnopqrstuvwxyz0123456789")


def test_only_the_words_of_the_topic_inform_and_each_once() -> None:
    assert informative("Hello, what is your return policy, please?") == ["return", "polici"]
    assert informative("return returns RETURNING a return") == ["return"]


def test_where_no_word_has_a_topic_all_of_them_count() -> None:
    assert informative("who are you?") == ["who", "are", "you"]
    assert informative("?!") == []


def test_stop_words_are_written_as_words_come_out() -> None:
    assert all(words(word) == [word] for word in STOP_WORDS)
