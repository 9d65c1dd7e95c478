"""Test questions in the admin: kept by staff, measured by a button, compared with the time before."""

from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.tools.knowledge.support import write
from tools.knowledge import articles, question_set
from tools.knowledge.models import Article, Evaluation, TestQuestion

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledge/testquestion/"
MEASURE = "/admin/knowledge/testquestion/measure/"
SCORES = "/admin/knowledge/evaluation/"


@pytest.fixture
def kettles(shop: None) -> Article:
    """The small help centre has two questions that it answers, and one that it does not."""
    article = Article.objects.get(title="Kettles")
    TestQuestion.objects.create(text="How do I descale a kettle?", article=article)
    TestQuestion.objects.create(
        text="Is delivery free?", article=Article.objects.get(title="Delivery")
    )
    TestQuestion.objects.create(text="Who won the election in France?")
    return article


@pytest.fixture
def _tasks_at_once() -> Any:
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def page(client: Client, evaluated: Evaluation | None) -> str:
    assert evaluated is not None
    url = reverse("admin:knowledge_evaluation_change", args=[evaluated.pk])
    return client.get(url).content.decode()


def test_staff_keep_questions_each_with_the_article_that_should_be_found(
    admin_client: Client, kettles: Article
) -> None:
    form = {"text": "What cleans a kettle?", "article": kettles.pk}
    assert admin_client.post(f"{LIST}add/", form).status_code == 302
    assert TestQuestion.objects.get(text="What cleans a kettle?").article == kettles
    again = admin_client.post(f"{LIST}add/", form).content.decode()
    assert "already exists" in again
    html = admin_client.get(LIST).content.decode()
    assert '<td class="field-expected">Kettles</td>' in html
    assert '<td class="field-expected">nothing</td>' in html
    assert "Not measured yet." in html


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_tasks_at_once")
def test_the_button_measures_and_the_score_stands_above_the_list(
    admin_client: Client, kettles: Article
) -> None:
    html = admin_client.post(MEASURE, follow=True).content.decode()
    evaluated = Evaluation.objects.get()
    assert (evaluated.questions, evaluated.mrr) == (3, 1)
    assert evaluated.author == User.objects.get()
    assert "<dt>nDCG@10</dt><dd>1.000</dd>" in html
    assert '<td class="field-last_result">#1</td>' in html
    assert '<td class="field-last_result">refused</td>' in html
    assert "has changed since" not in html
    current_app.conf.task_always_eager = False  # the change measures itself, a minute later
    articles.touch()
    assert "has changed since" in admin_client.get(LIST).content.decode()


def test_a_score_is_shown_beside_the_one_before_with_each_question(
    admin_client: Client, kettles: Article
) -> None:
    first = question_set.measure()
    articles.unpublish([kettles.pk])
    second = question_set.measure()
    html = page(admin_client, second)
    assert "changes are those of the 3 questions that both have." in html
    assert '<dd>0.500 <span class="delta delta-down">' in html
    assert "-0.500" in html
    row = html.partition("How do I descale a kettle?")[2].partition("</tr>")[0]
    assert "<td>#1</td><td>not found" in row
    assert '<span class="badge badge-failed">lost</span>' in row
    assert "there is nothing to compare with yet" in page(admin_client, first)


def test_the_scores_are_listed_and_nobody_writes_them(
    admin_client: Client, kettles: Article
) -> None:
    evaluated = question_set.measure()
    assert evaluated is not None
    html = admin_client.get(SCORES).content.decode()
    assert '<td class="field-first_ranks">1.000</td>' in html
    assert "after a change" in html
    assert admin_client.get(f"{SCORES}add/").status_code == 403


def test_what_staff_wrote_is_text(admin_client: Client, shop: None) -> None:
    article = write("<i>Kettles</i>", "Use vinegar.")
    TestQuestion.objects.create(text="<b>vinegar</b>?", article=article)
    evaluated = question_set.measure()
    for html in (page(admin_client, evaluated), admin_client.get(LIST).content.decode()):
        assert "<b>vinegar</b>" not in html
        assert "<i>Kettles</i>" not in html
        assert "&lt;i&gt;Kettles&lt;/i&gt;" in html


def test_measuring_needs_a_post_and_its_permission(client: Client, kettles: Article) -> None:
    user = User.objects.create_user("cleo", password="a-good-one", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_testquestion"))
    client.force_login(user)
    assert "Measure now" not in client.get(LIST).content.decode()
    assert client.post(MEASURE).status_code == 403
    assert client.get(MEASURE).status_code == 405
    assert not Evaluation.objects.exists()
