"""Who may read what: each kind of reader sees what the one before it sees, and more."""

import pytest

from tests.tools.knowledge.support import titles, write
from tools.knowledge import pages
from tools.knowledge.models import Audience
from tools.knowledge.readers import Reader
from tools.knowledge.search import search

EVERYTHING = ("Kettles for customers", "Kettles for everybody", "Kettles for staff")

SEEN = [
    (Reader.GUEST, {"Kettles for everybody"}),
    (Reader.CUSTOMER, {"Kettles for customers", "Kettles for everybody"}),
    (Reader.STAFF, set(EVERYTHING)),
]


@pytest.fixture
def one_for_each() -> None:
    """A published article for each audience, and a draft for each that nobody may read."""
    for title, audience in zip(EVERYTHING, ("customers", "public", "staff"), strict=True):
        write(title, "Kettles.", audience=audience)
        write(f"Draft: {title}", "Kettles.", audience=audience, draft=True)


def test_every_audience_is_read_by_somebody() -> None:
    assert Reader.GUEST.audiences == {"public"}
    assert Reader.GUEST.audiences < Reader.CUSTOMER.audiences < Reader.STAFF.audiences
    assert Reader.STAFF.audiences == set(Audience.values)


@pytest.mark.django_db
@pytest.mark.parametrize(("reader", "seen"), SEEN)
def test_a_search_finds_what_its_reader_may_see(
    one_for_each: None, reader: Reader, seen: set[str]
) -> None:
    assert set(titles(search("kettles", 20, reader=reader).passages)) == seen


@pytest.mark.django_db
@pytest.mark.parametrize(("reader", "seen"), SEEN)
def test_pages_are_of_what_their_reader_may_see(
    one_for_each: None, reader: Reader, seen: set[str]
) -> None:
    assert {article.title for article in pages.published(reader)} == seen


@pytest.mark.django_db
def test_nobody_in_particular_is_a_guest(one_for_each: None) -> None:
    assert titles(search("kettles", 20).passages) == ["Kettles for everybody"]
    assert [article.title for article in pages.published()] == ["Kettles for everybody"]
