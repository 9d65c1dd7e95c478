"""Articles in the admin: written by staff, in step with what search sees."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.tools.knowledge.support import passages_of, titles, write
from tools.knowledge import articles
from tools.knowledge.models import Article, Status
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledge/article/"
ADD = "/admin/knowledge/article/add/"


def change_url(article: Article) -> str:
    return reverse("admin:knowledge_article_change", args=[article.pk])


def form(**changes: str) -> dict[str, str]:
    there = {"title": "Kettles", "category": "Care", "status": "published", "body": "Use vinegar."}
    return there | changes


def act(client: Client, action: str, *chosen: Article, **others: str) -> str:
    data: dict[str, Any] = {"action": action, "_selected_action": [a.pk for a in chosen]}
    return client.post(LIST, data | others, follow=True).content.decode()


def editor(client: Client, *permissions: str) -> Client:
    """Somebody of the staff with some permissions."""
    user = User.objects.create_user("cleo", password="a-good-one", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


# Reading -----------------------------------------------------------------------------------------


def test_the_list_shows_each_article_with_its_passages(admin_client: Client) -> None:
    write("Kettles", "a\n\n## B\n\nb", category="Care")
    write("Empty <b>one</b>", "# Empty", draft=True)
    html = admin_client.get(LIST).content.decode()
    assert "Empty &lt;b&gt;one&lt;/b&gt;" in html
    assert '<td class="field-passages">2</td>' in html
    assert '<td class="field-passages">0</td>' in html


def test_the_list_takes_as_many_queries_for_forty_articles_as_for_one(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    articles.save_all([Article(title=f"Article {n}", body="Text.") for n in range(40)])
    with django_assert_max_num_queries(10):
        admin_client.get(LIST)


@pytest.mark.parametrize("query", ["KETTLE", "vinegar", "kitchen", "care/kettles.md"])
def test_an_article_is_found(admin_client: Client, query: str) -> None:
    kettles = write("Kettles", "Use vinegar.", category="Kitchen", source="care/kettles.md")
    write("Pans")
    assert list(admin_client.get(LIST, {"q": query}).context["cl"].result_list) == [kettles]


def test_the_list_is_filtered(admin_client: Client) -> None:
    shown, draft = write("Shown", category="Care"), write("Draft", draft=True)
    for query, expected in (
        ({"status__exact": "draft"}, [draft]),
        ({"category": "Care"}, [shown]),
        ({"updated_at__year": "1999"}, []),
    ):
        assert list(admin_client.get(LIST, query).context["cl"].result_list) == expected


def test_the_page_of_an_article_shows_what_search_sees(admin_client: Client) -> None:
    article = write("Kettles", "Hi.\n\n## Care\n\n- <b>one</b>\n- `<i>two</i>`", source="k.md")
    html = admin_client.get(change_url(article)).content.decode()
    assert "<p>- one<br>- &lt;i&gt;two&lt;/i&gt;</p>" in html
    assert "Care" in html.partition("Passages, as search sees them")[2]
    assert "k.md" in html
    assert 'name="source"' not in html
    assert 'name="slug"' not in html
    assert "font-family: var(--font-family-monospace)" in html


def test_a_published_article_links_to_its_page_and_a_draft_does_not(admin_client: Client) -> None:
    shown, draft = write("Shown"), write("Draft", draft=True)
    assert 'href="/help/shown/"' in admin_client.get(change_url(shown)).content.decode()
    assert "/help/" not in admin_client.get(change_url(draft)).content.decode()


# Writing -----------------------------------------------------------------------------------------


def test_a_new_article_is_found_at_once(admin_client: Client) -> None:
    assert admin_client.post(ADD, form()).status_code == 302
    article = Article.objects.get()
    assert (article.slug, article.category, article.source) == ("kettles", "Care", "")
    assert passages_of(article) == ["Use vinegar."]
    assert titles(search("vinegar").passages) == ["Kettles"]


def test_an_edit_is_found_at_once_and_keeps_the_address(admin_client: Client) -> None:
    article = write("Kettles", "a\n\n## B\n\nb\n\n## C\n\nc", source="k.md", content_hash="x")
    data = form(title="All kettles", body="Use lemon.", slug="mine", source="mine", revision="9")
    assert admin_client.post(change_url(article), data).status_code == 302
    there = Article.objects.get()
    assert (there.title, there.slug, there.source) == ("All kettles", "kettles", "k.md")
    assert (there.content_hash, there.revision) == ("x", 2)
    assert passages_of(there) == ["Use lemon."]
    assert titles(search("lemon").passages) == ["All kettles"]


def test_an_edit_is_saved_though_an_import_replaced_the_passages_meanwhile(
    admin_client: Client,
) -> None:
    article = write("Kettles", "a\n\n## B\n\nb")
    admin_client.get(change_url(article))
    article.body = "Only one."
    articles.save(article)
    assert admin_client.post(change_url(article), form()).status_code == 302
    assert passages_of(article) == ["Use vinegar."]


@pytest.mark.parametrize(
    "changes", [{"title": ""}, {"body": " \n"}, {"title": "x" * 201}, {"body": "a\0b"}]
)
def test_what_cannot_be_an_article_is_refused(
    admin_client: Client, changes: dict[str, str]
) -> None:
    article = write("Kettles", "a\n\n## B\n\nb")
    for url in (ADD, change_url(article)):
        response = admin_client.post(url, form(**changes))
        assert response.status_code == 200
        assert "Please correct the error below." in response.content.decode()
    assert passages_of(Article.objects.get()) == ["a", "b"]


# Publishing and deleting -------------------------------------------------------------------------


def test_chosen_articles_are_published_together(admin_client: Client) -> None:
    one, two, other = (write(f"Kettle {n}", draft=True) for n in range(3))
    assert "2 articles were published." in act(admin_client, "publish", one, two)
    assert "0 articles were published." in act(admin_client, "publish", one, two)
    assert set(Article.objects.filter(status=Status.DRAFT)) == {other}
    assert len(search("kettle").passages) == 2


def test_chosen_articles_are_taken_back_together(admin_client: Client) -> None:
    one, other = write("Kettle one"), write("Kettle two")
    assert "1 article is a draft now." in act(admin_client, "unpublish", one)
    assert titles(search("kettle").passages) == [other.title]


def test_an_article_is_deleted(admin_client: Client) -> None:
    article = write("Kettles")
    url = reverse("admin:knowledge_article_delete", args=[article.pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 302
    assert not Article.objects.exists()
    assert articles.current_revision()[1:] == (2, 2)
    assert search("kettles").passages == ()


def test_chosen_articles_are_deleted_together(admin_client: Client) -> None:
    gone, kept = write("Kettle one"), write("Kettle two")
    assert "Kettle one" in act(admin_client, "delete_selected", gone)
    assert Article.objects.count() == 2, "it asks first"
    act(admin_client, "delete_selected", gone, post="yes")
    assert list(Article.objects.all()) == [kept]
    assert articles.current_revision()[1:] == (3, 3)
    assert titles(search("kettle").passages) == ["Kettle two"]


# Who may -----------------------------------------------------------------------------------------


def test_only_staff_with_the_permission_come_in(client: Client) -> None:
    article = write("Kettles", draft=True)
    assert client.get(change_url(article)).status_code == 302
    assert editor(client).get(change_url(article)).status_code == 403


def test_who_may_only_look_changes_nothing(client: Client) -> None:
    article, draft = write("Kettles", "a\n\n## B\n\nb"), write("Draft", draft=True)
    viewer = editor(client, "view_article")
    html = viewer.get(change_url(article)).content.decode()
    assert "passages, as search sees them" in html.lower()
    assert 'name="body"' not in html
    assert viewer.post(change_url(article), form()).status_code == 403
    assert viewer.post(ADD, form()).status_code == 403
    act(viewer, "unpublish", article)
    act(viewer, "publish", draft)
    act(viewer, "delete_selected", article, post="yes")
    there = list(Article.objects.order_by("pk").values_list("status", "revision"))
    assert there == [(Status.PUBLISHED, 1), (Status.DRAFT, 2)]


def test_who_may_change_articles_publishes_them_too(client: Client) -> None:
    article = write("Kettles", draft=True)
    writer = editor(client, "view_article", "change_article")
    assert "1 article was published." in act(writer, "publish", article)
    assert writer.post(change_url(article), form()).status_code == 302
