"""The history of an article in the admin: what each version changed, and the way back."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.tools.knowledge.support import passages_of, write
from tools.knowledge import articles
from tools.knowledge.models import Article
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db


def page(name: str, article: Article, *numbers: int) -> str:
    return reverse(f"admin:knowledge_article_{name}", args=[article.pk, *numbers])


def read(client: Client, url: str, **query: str) -> str:
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def staff(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("cleo", password="a-good-one", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.fixture
def kettles(admin_user: User) -> Article:
    """An article of three versions: imported, edited by a person, imported again."""
    article = Article(title="Kettles", body="Descale it with vinegar, then rinse.")
    articles.save(article, origin="help.zip")
    article.body = "Descale it with lemon, then rinse."
    articles.save(article, author=admin_user)
    article.title, article.category = "Kettles <all>", "Care"
    articles.save(article, origin="help.zip")
    return article


def test_the_history_lists_the_versions_with_who_made_them(
    admin_client: Client, kettles: Article
) -> None:
    html = read(admin_client, page("history", kettles))
    for number in (1, 2, 3):
        assert page("version", kettles, number) in html
    assert "help.zip" in html
    assert "Kettles &lt;all&gt;" in html
    restorable = [n for n in (1, 2, 3) if f'"{page("restore", kettles, n)}"' in html]
    assert restorable == [1, 2], "the third is what it says now"


def test_a_long_history_is_leafed_through(admin_client: Client) -> None:
    article = write("Kettles", "0")
    for number in range(1, 53):
        article.body = str(number)
        articles.save(article)
    first, second = (
        read(admin_client, page("history", article), versions=number) for number in ("1", "2")
    )
    assert page("version", article, 53) in first
    assert page("version", article, 3) not in first
    assert page("version", article, 3) in second


def test_a_version_shows_what_it_changed(admin_client: Client, kettles: Article) -> None:
    html = read(admin_client, page("version", kettles, 2))
    assert "<del>vinegar</del><ins>lemon</ins>" in html
    html = read(admin_client, page("version", kettles, 3))
    assert "<del>Kettles</del>" in html
    assert "<ins>Kettles &lt;all&gt;</ins>" in html
    assert "<ins>Care</ins>" in html
    assert "lemon" not in html, "the text stayed"


def test_a_first_version_is_all_new(admin_client: Client, kettles: Article) -> None:
    html = read(admin_client, page("version", kettles, 1))
    assert "<ins>Descale it with vinegar, then rinse.</ins>" in html


def test_any_two_versions_are_compared(admin_client: Client, kettles: Article) -> None:
    html = read(admin_client, page("version", kettles, 3), **{"with": "1"})
    assert "<del>vinegar</del><ins>lemon</ins>" in html
    assert "<ins>Care</ins>" in html
    for odd in ("x", "-1", "999", "9" * 30, "\0", "²"):
        read(admin_client, page("version", kettles, 3), **{"with": odd})


def test_a_restoration_shows_what_it_changes_and_asks_first(
    admin_client: Client, kettles: Article
) -> None:
    html = read(admin_client, page("restore", kettles, 1))
    assert "<del>lemon</del><ins>vinegar</ins>" in html
    assert 'method="post"' in html
    kettles.refresh_from_db()
    assert kettles.versions.count() == 3


def test_a_restored_article_is_found_by_what_it_says_again(
    admin_client: Client, admin_user: User, kettles: Article
) -> None:
    response = admin_client.post(page("restore", kettles, 1), follow=True)
    assert "Restored version 1." in response.content.decode()
    kettles.refresh_from_db()
    assert (kettles.title, kettles.category) == ("Kettles", "")
    assert passages_of(kettles) == ["Descale it with vinegar, then rinse."]
    newest = kettles.versions.first()
    assert newest is not None
    assert (newest.number, newest.author, newest.origin) == (4, admin_user, "version 1")
    assert LogEntry.objects.get().get_change_message() == "Restored version 1."
    assert search("vinegar").passages[0].title == "Kettles"


def test_what_it_says_now_is_not_restored(admin_client: Client, kettles: Article) -> None:
    for name in ("version", "restore"):
        html = read(admin_client, page(name, kettles, 3))
        assert "This is what the article says now." in html
        assert "Yes, restore it" not in html


@pytest.mark.parametrize("name", ["version", "restore"])
def test_there_is_no_page_of_a_version_that_is_not_there(
    admin_client: Client, kettles: Article, name: str
) -> None:
    assert admin_client.get(page(name, kettles, 4)).status_code == 404
    other = write("Pans")
    assert admin_client.get(page(name, other, 2)).status_code == 404


def test_who_may_only_look_reads_versions_and_restores_none(
    client: Client, kettles: Article
) -> None:
    viewer = staff(client, "view_article")
    for url in (page("history", kettles), page("version", kettles, 1)):
        assert "Restore" not in read(viewer, url)
    assert viewer.get(page("restore", kettles, 1)).status_code == 403
    assert viewer.post(page("restore", kettles, 1)).status_code == 403
    assert kettles.versions.count() == 3


def test_others_see_nothing(client: Client, kettles: Article) -> None:
    urls = [page("history", kettles), page("version", kettles, 1), page("restore", kettles, 1)]
    assert [client.get(url).status_code for url in urls] == [302] * 3
    nobody = staff(client)
    assert [nobody.get(url).status_code for url in urls] == [403] * 3


def test_a_restoration_sent_by_another_site_is_refused(admin_user: User, kettles: Article) -> None:
    client: Any = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(page("restore", kettles, 1)).status_code == 403
    assert kettles.versions.count() == 3
