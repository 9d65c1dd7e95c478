"""Questions as the index wants them: any language, typing errors mended, codes left alone."""

import pytest

from tests.tools.knowledge.support import titles, write
from tools.knowledge.index import get_index
from tools.knowledge.queries import CORRECTED, Asked, asked
from tools.knowledge.readers import Reader
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db


def question(text: str) -> Asked:
    return asked(text, get_index(), Reader.GUEST)


def typed(text: str, locale: str = "en") -> list[list[str]]:
    return [[term.stem for term in word] for word in question(text).query.words[locale]]


@pytest.fixture(autouse=True)
def base() -> None:
    write("Refunds", "A refund goes to your card within five days.", locale="en")
    write("Delivery", "Delivery takes three days.", locale="en")
    write("Kettle XR-500", "The XR-500 boils water.", locale="en")
    write("Kettle XR-501", "The XR-501 boils water, too.", locale="en")
    write("Rückgabe", "Die Rückgabe ist innerhalb von dreißig Tagen möglich.", locale="de")


def test_it_is_analysed_in_every_language_of_the_base() -> None:
    words = question("Wie lange dauert die Rückgabe?").query.words
    assert set(words) == {"de", "en"}
    assert [word[0].stem for word in words["de"]] == ["lang", "dauert", "ruckgab"]


def test_a_question_finds_the_article_in_its_language_without_being_told() -> None:
    assert titles(search("Wie ist die Rückgabe möglich?").passages)[0] == "Rückgabe"
    assert titles(search("How does a refund go to my card?").passages)[0] == "Refunds"


@pytest.mark.parametrize(
    ("text", "title"), [("refnud", "Refunds"), ("delivry", "Delivery"), ("rückgbae", "Rückgabe")]
)
def test_a_typing_error_is_mended(text: str, title: str) -> None:
    assert titles(search(text).passages)[:1] == [title]


def test_a_mended_word_counts_less_than_one_typed_right() -> None:
    (word,) = question("refnud").query.words["en"]
    assert [(term.stem, term.weight) for term in word] == [("refnud", 1.0), ("refund", CORRECTED)]
    assert CORRECTED < 1


def test_of_a_mistyped_question_search_is_as_sure_as_of_one_typed_right() -> None:
    assert not search("whats your refnd polcy").weak


def test_a_contraction_without_its_apostrophe_is_no_topic() -> None:
    assert typed("whats the refund") == [["refund"]]


def test_a_word_that_the_base_has_is_not_mended() -> None:
    write("Refounding", "How to refound a club.", locale="en")
    assert typed("refund") == [["refund"]]


def test_a_word_of_another_language_of_the_base_is_not_mended() -> None:
    write("Erstattung", "Refundo ist eine Erstattung in Punkten.", locale="de")
    assert typed("refundo", "en") == [["refundo"]]


def test_a_code_is_never_taken_for_another() -> None:
    assert titles(search("XR-500").passages)[0] == "Kettle XR-500"
    assert titles(search("xr501").passages)[0] == "Kettle XR-501"
    assert all(len(word) == 1 for word in question("XR-510").query.words["en"])


def test_no_words_have_no_meaning() -> None:
    assert question("?!").query.vector is None
    assert question("refund").query.vector is not None


def test_coverage_is_the_share_of_what_is_asked_by_its_rarity() -> None:
    about = question("refund of the zebra")
    assert about.covered("en", frozenset({"refund", "zebra"})) == 1.0
    assert about.covered("en", frozenset()) == 0.0
    assert 0 < about.covered("en", frozenset({"refund"})) < 0.5, "zebra is the rarer"
    assert question("refnud").covered("en", frozenset({"refund"})) == CORRECTED
    assert question("?!").covered("en", frozenset({"refund"})) == 0.0
