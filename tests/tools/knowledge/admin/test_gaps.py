"""Knowledge gaps in the admin: read, sorted out and turned into drafts by staff."""

from datetime import UTC, datetime
from typing import Any

import pytest
from celery import current_app
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.tools.knowledge.gaps.support import ask, conversation, gap_of, thumb, ticket
from tests.tools.knowledge.support import write
from tools.knowledge.gaps import collecting
from tools.knowledge.models import Article, Gap, GapQuestion, Status, TestQuestion

pytestmark = pytest.mark.django_db

LIST = "/admin/knowledge/gap/"
NORWAY = ("Do you ship to Norway?", "do you deliver to Norway")
KLARNA = "Can I pay with Klarna?"


def page_url(gap: Gap) -> str:
    return reverse("admin:knowledge_gap_change", args=[gap.pk])


def do(client: Client, gap: Gap, what: str, **others: Any) -> Any:
    """Presses a button on the page of a gap."""
    url = reverse("admin:knowledge_gap_act", args=[gap.pk])
    return client.post(url, {"do": what, **others}, follow=True)


def act(client: Client, action: str, *chosen: Gap) -> str:
    data = {"action": action, "_selected_action": [gap.pk for gap in chosen]}
    return client.post(LIST, data, follow=True).content.decode()


def listed(client: Client, **query: str) -> list[Gap]:
    return list(client.get(LIST, query).context["cl"].result_list)


def member(client: Client, *permissions: str) -> Client:
    """Somebody of the staff with some permissions."""
    user = User.objects.create_user("cleo", password="a-good-one", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def state_of(gap: Gap) -> str:
    gap.refresh_from_db()
    return gap.state


@pytest.fixture
def _tasks_at_once() -> Any:
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


# The list ----------------------------------------------------------------------------------------


def test_what_most_customers_ask_comes_first_with_counts_by_reason(admin_client: Client) -> None:
    talk = conversation()
    turn = ask(NORWAY[0], talk=talk)
    thumb(turn)
    ticket(turn)
    collecting.collect_turn(turn.pk)
    norway, klarna = gap_of(NORWAY[1]), gap_of(KLARNA)
    assert listed(admin_client) == [norway, klarna]
    html = admin_client.get(LIST).content.decode()
    assert '<td class="field-asked_in">2</td>' in html
    assert '<span class="badge">2 unanswered</span>' in html
    assert '<span class="badge">1 thumb down</span> <span class="badge">1 ticket</span>' in html
    found = admin_client.get(LIST, {"q": "norway", "reason": "ticket"}).content.decode()
    assert '<span class="badge">2 unanswered</span>' in found, "a filter does not change the counts"


def test_the_list_says_when_it_was_asked_first_and_last(admin_client: Client) -> None:
    gap = gap_of(NORWAY[0])
    Gap.objects.filter(pk=gap.pk).update(
        first_at=datetime(2019, 5, 1, tzinfo=UTC), last_at=datetime(2019, 5, 3, tzinfo=UTC)
    )
    html = admin_client.get(LIST).content.decode()
    assert '<td class="field-first_and_last">1 May 2019 – 3 May 2019</td>' in html


def test_the_list_shows_what_is_to_be_done_unless_asked_for_more(admin_client: Client) -> None:
    open_one, closed, ignored = gap_of(NORWAY[0]), gap_of(KLARNA), gap_of("Vegan candles?")
    collecting.close([closed.pk])
    collecting.ignore([ignored.pk])
    assert listed(admin_client) == [open_one]
    assert listed(admin_client, state="closed") == [closed]
    assert listed(admin_client, state="ignored") == [ignored]
    assert len(listed(admin_client, state="all")) == 3
    assert listed(admin_client, state="all", reason="thumb_down") == []
    assert listed(admin_client, state="all", q="klarna") == [closed]


def test_the_list_takes_as_many_queries_for_many_gaps_as_for_one(
    admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        gap_of(f"word{number} other{number} third{number}")
    with django_assert_max_num_queries(10):
        admin_client.get(LIST)


@pytest.mark.parametrize(
    ("action", "state"), [("close", Gap.State.CLOSED), ("ignore", Gap.State.IGNORED)]
)
def test_chosen_gaps_are_closed_or_ignored_and_opened_again(
    admin_client: Client, action: str, state: str
) -> None:
    gap, other = gap_of(NORWAY[0]), gap_of(KLARNA)
    assert "1 gap was changed." in act(admin_client, action, gap)
    assert (state_of(gap), state_of(other)) == (state, Gap.State.OPEN)
    data = {"action": "reopen", "_selected_action": [gap.pk]}
    admin_client.post(f"{LIST}?state=all", data)
    assert state_of(gap) == Gap.State.OPEN


def test_chosen_gaps_are_merged(admin_client: Client) -> None:
    gap, other = gap_of(NORWAY[0]), gap_of(KLARNA)
    html = act(admin_client, "merge", gap, other)
    assert "Their questions are all in “Do you ship to Norway?” now." in html
    assert gap.questions.count() == 2
    assert "Choose two or more gaps in one language." in act(admin_client, "merge", gap)


# The page of one ---------------------------------------------------------------------------------


def test_the_page_shows_the_questions_with_their_conversations(admin_client: Client) -> None:
    talk = conversation()
    collecting.collect_turn(ask("Do you ship to <b>Norway</b>?", talk=talk).pk)
    html = admin_client.get(page_url(Gap.objects.get())).content.decode()
    assert "Do you ship to &lt;b&gt;Norway&lt;/b&gt;?" in html
    assert reverse("admin:chat_conversation_change", args=[talk.pk]) in html
    assert "not checked yet" in html


def test_a_gap_gets_another_title_and_nothing_else_is_written(admin_client: Client) -> None:
    gap = gap_of(NORWAY[0])
    before = Gap.objects.values().get()
    assert admin_client.post(page_url(gap), {"title": "Delivery abroad"}).status_code == 302
    assert Gap.objects.values().get() == {**before, "title": "Delivery abroad"}


def test_checking_again_shows_what_search_finds_now(admin_client: Client) -> None:
    gap = gap_of(*NORWAY)
    article = write("Delivery to Norway", "We ship to Norway and deliver there in ten days.")
    html = do(admin_client, gap, "check").content.decode()
    assert "Search answers 2 of 2 questions." in html
    assert reverse("admin:knowledge_article_change", args=[article.pk]) in html


def test_checking_closes_a_gap_whose_article_answers(admin_client: Client) -> None:
    gap = gap_of(*NORWAY)
    article = write("Delivery to Norway", "We ship to Norway and deliver there in ten days.")
    Gap.objects.update(draft=article, state=Gap.State.DRAFTED)
    assert "the gap is closed" in do(admin_client, gap, "check").content.decode()
    assert state_of(gap) == Gap.State.CLOSED


@pytest.mark.parametrize(
    ("what", "state"), [("close", Gap.State.CLOSED), ("ignore", Gap.State.IGNORED)]
)
def test_a_gap_is_closed_or_ignored_and_opened_again(
    admin_client: Client, what: str, state: str
) -> None:
    gap = gap_of(NORWAY[0])
    assert f"The gap is {state}." in do(admin_client, gap, what).content.decode()
    assert state_of(gap) == state
    do(admin_client, gap, "reopen")
    assert state_of(gap) == Gap.State.OPEN


def test_chosen_questions_get_a_gap_of_their_own(admin_client: Client) -> None:
    gap = gap_of(*NORWAY)
    moved = gap.questions.get(text=NORWAY[1])
    response = do(admin_client, gap, "split", question=[moved.pk])
    moved.refresh_from_db()
    assert moved.gap != gap
    assert response.redirect_chain[-1][0] == page_url(moved.gap)
    html = do(admin_client, gap, "split", question=["x"]).content.decode()
    assert "Choose some of the questions, but not all." in html


def test_chosen_questions_become_test_questions_with_the_article_of_the_gap(
    admin_client: Client,
) -> None:
    gap, article = gap_of(*NORWAY), write("Norway", draft=True)
    Gap.objects.update(draft=article)
    keys = list(gap.questions.values_list("pk", flat=True))
    foreign = gap_of(KLARNA).questions.get().pk
    html = do(admin_client, gap, "test", question=[*keys, foreign]).content.decode()
    assert "2 test questions were added." in html
    html = do(admin_client, gap, "test", question=keys).content.decode()
    assert "0 test questions were added." in html
    assert sorted(TestQuestion.objects.values_list("text", "article")) == [
        (NORWAY[0], article.pk),
        (NORWAY[1], article.pk),
    ]


# Drafts ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_tasks_at_once")
def test_one_click_starts_a_draft_that_is_not_published(admin_client: Client) -> None:
    gap = gap_of(NORWAY[0])
    assert "The draft is being made." in do(admin_client, gap, "draft").content.decode()
    article = Article.objects.get()
    assert article.status == Status.DRAFT
    assert article.versions.get().author == User.objects.get()
    html = admin_client.get(page_url(gap)).content.decode()
    assert reverse("admin:knowledge_article_change", args=[article.pk]) in html
    assert 'value="draft"' not in html
    assert "There is a draft already" in do(admin_client, gap, "draft").content.decode()
    assert Article.objects.count() == 1


def test_why_there_is_no_draft_is_told_with_another_way(admin_client: Client) -> None:
    gap = gap_of(NORWAY[0])
    Gap.objects.update(draft_error="BUDGET")
    html = admin_client.get(page_url(gap)).content.decode()
    assert "The budget for models is spent. (BUDGET)" in html
    assert 'value="skeleton"' in html
    Gap.objects.update(draft_error="TIMEOUT")
    html = admin_client.get(page_url(gap)).content.decode()
    assert "The model cannot be reached just now. (TIMEOUT)" in html


# Who may -----------------------------------------------------------------------------------------


def test_only_staff_with_the_permission_come_in(client: Client) -> None:
    gap = gap_of(NORWAY[0])
    assert client.get(page_url(gap)).status_code == 302
    stranger = member(client)
    assert stranger.get(page_url(gap)).status_code == 403
    assert do(stranger, gap, "close").status_code == 403


def test_who_may_only_look_changes_nothing_and_reads_no_conversation(client: Client) -> None:
    gap = gap_of(NORWAY[0])
    viewer = member(client, "view_gap")
    html = viewer.get(page_url(gap)).content.decode()
    assert NORWAY[0] in html
    assert 'name="do"' not in html
    assert "/admin/chat/conversation/" not in html
    for what in ("close", "draft", "check", "split", "test"):
        assert do(viewer, gap, what).status_code == 403
    assert state_of(gap) == Gap.State.OPEN


@pytest.mark.parametrize("what", ["draft", "skeleton", "test"])
def test_articles_and_test_questions_need_their_own_permission(client: Client, what: str) -> None:
    gap = gap_of(NORWAY[0])
    editor = member(client, "view_gap", "change_gap")
    assert f'value="{what}"' not in editor.get(page_url(gap)).content.decode()
    keys = list(gap.questions.values_list("pk", flat=True))
    assert do(editor, gap, what, question=keys).status_code == 403
    assert not Article.objects.exists()
    assert not TestQuestion.objects.exists()


def test_a_step_needs_a_post_a_name_and_a_gap(admin_client: Client) -> None:
    gap = gap_of(NORWAY[0])
    assert admin_client.get(reverse("admin:knowledge_gap_act", args=[gap.pk])).status_code == 405
    assert do(admin_client, gap, "explode").status_code == 400
    assert admin_client.post(reverse("admin:knowledge_gap_act", args=[9])).status_code == 404


def test_nobody_adds_or_deletes_a_gap(admin_client: Client) -> None:
    gap = gap_of(NORWAY[0])
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{gap.pk}/delete/", {"post": "yes"}).status_code == 403
    assert GapQuestion.objects.exists()
