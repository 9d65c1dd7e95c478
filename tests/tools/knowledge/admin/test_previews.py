"""The preview: what customers would see, shown to staff alone, and nothing stored."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.tools.knowledge.support import write
from tools.knowledge.models import Article, Version

pytestmark = pytest.mark.django_db

NEW = "/admin/knowledge/article/preview/"
BODY = "Boil **water**.\n\n## Descaling\n\nDescale it with vinegar.\n\n## Storing\n\nKeep it dry."


def url(article: Article) -> str:
    return reverse("admin:knowledge_article_preview", args=[article.pk])


def staff(client: Client, *permissions: str) -> Client:
    user = User.objects.create_user("cleo", password="a-good-one", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.mark.parametrize(("draft", "audience"), [(True, "public"), (False, "staff")])
def test_what_customers_do_not_see_yet_is_shown_as_they_would(
    admin_client: Client, draft: bool, audience: str
) -> None:
    article = write("Kettles", BODY, draft=draft, audience=audience)
    html = admin_client.get(url(article)).content.decode()
    assert "<strong>water</strong>" in html
    assert '<h2 id="descaling">Descaling</h2>' in html
    assert "This is stored." in html
    assert '<meta name="robots" content="noindex">' in html
    assert Client().get(article.get_absolute_url()).status_code == 404


def test_the_bots_answer_comes_from_the_passage_that_is_asked_for(admin_client: Client) -> None:
    article = write("Kettles", BODY)
    html = admin_client.post(url(article), {"question": "How do I descale it?"}).content.decode()
    answer = html.partition('class="preview-answer"')[2].partition("</section>")[0]
    assert "Descale it with vinegar." in answer
    assert "Keep it dry" not in answer
    assert "· Descaling" in answer


def test_text_that_is_not_saved_is_shown_and_stays_unsaved(admin_client: Client) -> None:
    article = write("Kettles", BODY)
    sent = {"title": "Pans", "body": "Fry <b>eggs</b>.", "category": "Kitchen", "locale": "de"}
    html = admin_client.post(url(article), sent).content.decode()
    assert "<h1>Pans</h1>" in html
    assert "Fry eggs." in html
    assert "This is not stored yet" in html
    assert '<html lang="de">' in html
    article.refresh_from_db()
    assert (article.title, article.body) == ("Kettles", BODY)
    assert Version.objects.count() == 1


def test_an_article_that_does_not_exist_yet_is_shown(admin_client: Client) -> None:
    html = admin_client.post(NEW, {"title": "Pans", "body": "Fry eggs."}).content.decode()
    assert "<h1>Pans</h1>" in html
    assert "This is not stored yet" in html
    assert not Article.objects.exists()
    assert "There is no text to answer from yet." in admin_client.post(NEW).content.decode()
    assert admin_client.get(NEW).status_code == 405


@pytest.mark.parametrize(
    "body",
    ["<script>alert(1)</script>", "[x](javascript:alert(1))", "a\0b [c](d\0.md)", "x" * 100_000],
)
def test_whatever_was_typed_is_shown_safely(admin_client: Client, body: str) -> None:
    article = write("Kettles", source="a/kettles.md")
    for path in (NEW, url(article)):
        sent = {"title": '"><img src=x>', "body": body, "question": "<u>" * 900, "locale": '"><i>'}
        response = admin_client.post(path, sent)
        html = response.content.decode()
        assert response.status_code == 200
        for bad in ("<script>alert", 'href="javascript', "<img", "<u>", "<i>"):
            assert bad not in html


def test_the_form_offers_a_preview_of_what_was_typed(admin_client: Client) -> None:
    article = write("Kettles")
    change = admin_client.get(f"/admin/knowledge/article/{article.pk}/change/").content.decode()
    assert f'formaction="{url(article)}"' in change
    assert (
        f'formaction="{NEW}"' in admin_client.get("/admin/knowledge/article/add/").content.decode()
    )


def test_who_may_look_previews_and_others_do_not(client: Client) -> None:
    article = write("Kettles", draft=True)
    assert client.get(url(article)).status_code == 302
    assert client.post(NEW).status_code == 302
    viewer = staff(client, "view_article")
    assert viewer.get(url(article)).status_code == 200
    assert viewer.post(NEW).status_code == 403
    User.objects.get(username="cleo").user_permissions.clear()
    assert viewer.get(url(article)).status_code == 403


def test_there_is_no_preview_of_what_is_not_there(admin_client: Client) -> None:
    assert admin_client.get("/admin/knowledge/article/1/preview/").status_code == 404
