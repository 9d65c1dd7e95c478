"""Tags in the admin: made by staff, found as they type, and a way through the articles."""

import pytest
from django.test import Client

from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.models import Tag

pytestmark = pytest.mark.django_db


def test_the_list_shows_how_many_articles_each_has(admin_client: Client) -> None:
    one, two = write("One"), write("Two")
    articles.set_tags({one.pk: ["care"], two.pk: ["care"]})
    Tag.objects.create(name="unused")
    html = admin_client.get("/admin/knowledge/tag/").content.decode()
    assert '<td class="field-size">2</td>' in html
    assert '<td class="field-size">0</td>' in html


def test_a_tag_is_found_as_it_is_typed(admin_client: Client) -> None:
    for name in ("care", "caravans", "delivery"):
        Tag.objects.create(name=name)
    query = {
        "term": "car", "app_label": "knowledge", "model_name": "article", "field_name": "tags",
    }  # fmt: skip
    found = admin_client.get("/admin/autocomplete/", query).json()["results"]
    assert [entry["text"] for entry in found] == ["caravans", "care"]


def test_articles_are_filtered_and_found_by_tag(admin_client: Client) -> None:
    tagged, _other = write("Kettles"), write("Pans")
    articles.set_tags({tagged.pk: ["care", "cleaning care"]})
    tag = Tag.objects.get(name="care")
    for query in ({"tags__id__exact": str(tag.pk)}, {"q": "care"}):
        found = admin_client.get("/admin/knowledge/article/", query).context["cl"].result_list
        assert list(found) == [tagged]
