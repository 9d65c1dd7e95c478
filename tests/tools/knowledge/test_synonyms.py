"""Synonyms: a search for one word finds the articles that say the other."""

import pytest

from tests.tools.knowledge.support import titles, write
from tools.knowledge import articles, synonyms
from tools.knowledge.models import Synonyms
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db


def group(words: str, locale: str = "") -> Synonyms:
    there = Synonyms(words=words, locale=locale)
    synonyms.save(there)
    return there


def found(query: str) -> list[str]:
    return titles(search(query).passages)


@pytest.fixture(autouse=True)
def furniture() -> None:
    write("Couches", "The couch is delivered by two people.", locale="en")
    write("Vouchers", "A voucher is valid for three years.", locale="en")
    write("Lamps", "Lamps come without bulbs.", locale="en")


def test_a_synonym_finds_what_the_word_alone_does_not() -> None:
    assert "Couches" not in found("davenport")
    group("sofa, couch, davenport")
    assert found("davenports")[:1] == ["Couches"]


def test_what_was_asked_for_comes_before_its_synonyms() -> None:
    write("Sofas", "The sofa is delivered by two people.", locale="en")
    group("sofa, couch")
    assert found("sofa")[:2] == ["Sofas", "Couches"]
    assert found("couch")[:2] == ["Couches", "Sofas"]
    assert synonyms.SYNONYM < 1


def test_a_phrase_is_a_synonym_as_a_whole() -> None:
    group("gift card, voucher")
    assert found("Can I buy a gift card?")[:1] == ["Vouchers"]
    assert "Vouchers" not in found("a card with flowers")


def test_a_group_holds_for_its_language_only() -> None:
    group("davenport, couch", locale="de")
    assert "Couches" not in found("davenport")


def test_a_deleted_group_is_forgotten_and_a_changed_one_is_known() -> None:
    there = group("davenport, couch")
    there.words = "davenport, lamp"
    synonyms.save(there)
    assert found("davenport")[:1] == ["Lamps"]
    synonyms.delete([there.pk])
    assert "Lamps" not in found("davenport")


def test_each_change_has_a_revision_which_answers_that_are_kept_go_by() -> None:
    before = articles.current_revision()
    there = group("davenport, couch")
    between = articles.current_revision()
    synonyms.delete([there.pk])
    assert before < between < articles.current_revision()


def test_words_stand_between_commas_or_on_lines() -> None:
    assert synonyms.split(" sofa,couch\r\n, settee ,,sofa") == ["sofa", "couch", "settee"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "few"),
        ("sofa", "few"),
        ("sofa, sofa", "few"),
        (", ".join(f"word{n}" for n in range(synonyms.MOST + 1)), "many"),
        ("what is, sofa", "empty"),
        ("?!, sofa", "empty"),
    ],
)
def test_a_group_that_no_search_can_use_is_refused(words: str, reason: str) -> None:
    with pytest.raises(synonyms.BadGroup) as refused:
        synonyms.check(words, "en")
    assert refused.value.reason == reason
