"""Articles in the admin: written by staff, in step with what search sees."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.tools.knowledge.support import passages_of, titles, write
from tools.knowledge import articles
from tools.knowledge.models import Article, Status, Tag, Version
from tools.knowledge.search import search

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledge/article/"
ADD = "/admin/knowledge/article/add/"


def change_url(article: Article) -> str:
    return reverse("admin:knowledge_article_change", args=[article.pk])


def form(**changes: Any) -> dict[str, Any]:
    there = {
        "title": "Kettles",
        "category": "Care",
        "status": "published",
        "audience": "public",
        "body": "Use vinegar.",
    }
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
    with django_assert_max_num_queries(16):
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
    assert 'class="article-wide article-body"' in html
    assert "admin_knowledge/articles.css" in html


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


def test_all_that_staff_tell_of_an_article_is_kept(admin_client: Client) -> None:
    tags = [Tag.objects.create(name=name) for name in ("care", "kitchen")]
    data = form(
        audience="customers", locale="PT_br", stale_after="2030-01-31", tags=[t.pk for t in tags]
    )
    assert admin_client.post(ADD, data).status_code == 302
    article = Article.objects.get()
    assert (article.audience, article.locale) == ("customers", "pt-br")
    assert article.stale_after == date(2030, 1, 31)
    assert list(article.tags.all()) == tags
    admin_client.post(change_url(article), form(tags=[tags[0].pk]))
    assert list(article.tags.all()) == tags[:1]


@pytest.mark.parametrize("locale", ["english", "e", "de-", "../x", "de/at"])
def test_what_is_no_language_is_refused(admin_client: Client, locale: str) -> None:
    response = admin_client.post(ADD, form(locale=locale))
    assert "Write a language such as en or pt-br." in response.content.decode()
    assert not Article.objects.exists()


def test_a_version_names_who_wrote_it(client: Client) -> None:
    writer = editor(client, "view_article", "add_article", "change_article")
    writer.post(ADD, form())
    article = Article.objects.get()
    writer.post(change_url(article), form(body="Use lemon."))
    authors = Version.objects.order_by("number").values_list("author__username", "body")
    assert list(authors) == [("cleo", "Use vinegar."), ("cleo", "Use lemon.")]


def test_a_form_that_is_saved_unchanged_makes_no_version(admin_client: Client) -> None:
    """A browser sends the ends of lines in its own way."""
    article = write("Kettles", "Boil.\n\n## Care\n\nRinse.", category="Care")
    admin_client.post(change_url(article), form(body="Boil.\r\n\r\n## Care\r\n\r\nRinse."))
    assert article.versions.count() == 1


# To read again -----------------------------------------------------------------------------------


def days(number: int) -> date:
    return timezone.localdate() + timedelta(days=number)


@pytest.fixture
def ageing() -> None:
    """Articles whose day has come, comes soon, comes later and never comes."""
    for title, number in (("Due", 0), ("Overdue", -9), ("Soon", 30), ("Later", 31)):
        write(title)
        Article.objects.filter(title=title).update(stale_after=days(number))
    write("Never")
    put_away = write("Archived")
    Article.objects.filter(pk=put_away.pk).update(stale_after=days(-1), status=Status.ARCHIVED)


def listed(client: Client, **query: str) -> set[str]:
    return {article.title for article in client.get(LIST, query).context["cl"].result_list}


def test_the_list_shows_what_is_to_be_read_again(admin_client: Client, ageing: None) -> None:
    assert listed(admin_client, again="due") == {"Due", "Overdue"}
    assert listed(admin_client, again="soon") == {"Soon"}
    assert listed(admin_client, again="never") == {"Never"}
    assert len(listed(admin_client)) == 6


def test_staff_are_told_how_many_wait(client: Client, admin_client: Client, ageing: None) -> None:
    for path in (LIST, "/admin/"):
        html = admin_client.get(path).content.decode()
        assert "2 articles are to be read again" in html
        assert "gone from" not in html.partition("<main")[2].partition("changelist-filter")[0]
    assert "to be read again" not in editor(client).get("/admin/").content.decode()


def test_what_was_read_again_is_good_for_a_year(admin_client: Client, ageing: None) -> None:
    due = list(Article.objects.filter(title__in=("Due", "Overdue")))
    told = act(admin_client, "read_again", *due)
    assert f"2 articles are to be read again on {days(365)}." in told
    assert listed(admin_client, again="due") == set()


def test_what_is_gone_from_its_source_is_marked_and_listed(admin_client: Client) -> None:
    gone, _there = write("Gone", source="a.md"), write("There", source="b.md")
    write("Ours")
    articles.mark_gone([gone.pk])
    assert listed(admin_client, at_source="gone") == {"Gone"}
    assert listed(admin_client, at_source="there") == {"There"}
    assert listed(admin_client, at_source="none") == {"Ours"}
    for path in (LIST, "/admin/"):
        html = admin_client.get(path).content.decode()
        assert "1 published article is gone from its source" in html
    assert 'badge-failed">gone<' in admin_client.get(change_url(gone)).content.decode()


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


def test_chosen_articles_are_archived_together(admin_client: Client) -> None:
    one, two, other = (write(f"Kettle {n}") for n in range(3))
    assert "2 articles were archived." in act(admin_client, "archive", one, two)
    assert set(Article.objects.filter(status=Status.ARCHIVED)) == {one, two}
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
    act(viewer, "archive", article)
    act(viewer, "read_again", article)
    act(viewer, "delete_selected", article, post="yes")
    there = list(Article.objects.order_by("pk").values_list("status", "revision"))
    assert there == [(Status.PUBLISHED, 1), (Status.DRAFT, 2)]
    assert not Article.objects.exclude(stale_after=None).exists()


def test_who_may_change_articles_publishes_them_too(client: Client) -> None:
    article = write("Kettles", draft=True)
    writer = editor(client, "view_article", "change_article")
    assert "1 article was published." in act(writer, "publish", article)
    assert writer.post(change_url(article), form()).status_code == 302
