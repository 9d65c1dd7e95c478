"""Synonyms in the admin: checked, and known to the next search."""

import pytest
from django.test import Client

from tests.tools.knowledge.support import titles, write
from tools.knowledge import synonyms
from tools.knowledge.models import Synonyms
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledge/synonyms/"
ADD = f"{LIST}add/"


def test_what_staff_add_is_found_by_the_next_search(admin_client: Client) -> None:
    write("Couches", "The couch is delivered by two people.", locale="en")
    admin_client.post(ADD, {"words": "davenport\ncouch, ", "locale": "EN"})
    assert list(Synonyms.objects.values_list("words", "locale")) == [("davenport, couch", "en")]
    assert titles(search("davenport").passages) == ["Couches"]


@pytest.mark.parametrize(
    ("words", "locale", "says"),
    [
        ("sofa", "", "two words or phrases at least"),
        ("what is, sofa", "en", "such common words: what is"),
        (", ".join(f"w{n}x" for n in range(30)), "", f"{synonyms.MOST} words or phrases at most"),
        ("sofa, couch", "English!", "a language such as en"),
    ],
)
def test_what_search_cannot_use_is_refused_with_the_reason(
    admin_client: Client, words: str, locale: str, says: str
) -> None:
    html = admin_client.post(ADD, {"words": words, "locale": locale}).content.decode()
    assert says in html
    assert not Synonyms.objects.exists()


def test_what_staff_delete_is_forgotten(admin_client: Client) -> None:
    write("Couches", "The couch is delivered by two people.", locale="en")
    first, second = (Synonyms(words=f"{word}, couch") for word in ("davenport", "chesterfield"))
    synonyms.save(first)
    synonyms.save(second)
    admin_client.post(f"{LIST}{first.pk}/delete/", {"post": "yes"})
    assert search("davenport").passages == ()
    chosen = {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"}
    admin_client.post(LIST, chosen)
    assert search("chesterfield").passages == ()
