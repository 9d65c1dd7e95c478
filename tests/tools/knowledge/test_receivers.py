"""What follows a turn, a thumb and a change of the articles: a task where there is something to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Task, current_app
from celery.signals import task_prerun

from chat import conversations
from chat.signals import turn_ended
from tests.tools.knowledge.gaps.support import ask, conversation, gap_of, turn_of
from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.models import Evaluation, Gap, GapQuestion, TestQuestion

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    """Tasks run as they are enqueued."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


def test_a_turn_that_found_no_answer_is_collected_when_it_ends() -> None:
    turn_ended.send(sender=None, turn=ask("Do you ship to Norway?").pk)
    assert GapQuestion.objects.get().text == "Do you ship to Norway?"


def test_a_turn_that_was_answered_costs_no_task() -> None:
    ran: list[str] = []

    def note(sender: Task, **_: Any) -> None:
        ran.append(sender.name)

    task_prerun.connect(note)
    turn_ended.send(sender=None, turn=ask("Do you ship to Norway?", found=True).pk)
    assert ran == []
    turn_ended.send(sender=None, turn=ask("Do you ship to Norway?").pk)
    assert ran == ["knowledge.collect_gaps"]


def test_a_thumb_down_is_collected_and_one_that_is_changed_is_taken_back() -> None:
    talk = conversation()
    reply = turn_of(talk, "Do you ship to Norway?").messages.get(role="assistant")
    conversations.rate(talk, reply.public_id, rating="down")
    assert GapQuestion.objects.get().reason == GapQuestion.Reason.THUMB_DOWN
    conversations.rate(talk, reply.public_id, rating="up")
    assert not Gap.objects.exists()


def test_publishing_the_article_of_a_gap_closes_it() -> None:
    gap = gap_of("Do you ship to Norway?")
    article = write("Delivery to Norway", "We ship to Norway by post.", draft=True)
    Gap.objects.update(draft=article, state=Gap.State.DRAFTED)
    articles.publish([article.pk])
    gap.refresh_from_db()
    assert gap.state == Gap.State.CLOSED


def test_a_change_is_measured_where_there_are_test_questions() -> None:
    article = write("Kettles", "Descale a kettle with vinegar.")
    assert not Evaluation.objects.exists()
    TestQuestion.objects.create(text="How do I descale a kettle?", article=article)
    articles.touch()
    assert Evaluation.objects.get().mrr == 1
