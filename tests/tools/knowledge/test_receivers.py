"""What follows a turn, a thumb and a change of the articles: a task where there is something to do."""

from collections.abc import Iterator

import pytest
from celery import current_app

from chat import conversations
from chat.signals import turn_ended
from tests.tools.knowledge.gaps.support import ask, conversation, gap_of, turn_of
from tests.tools.knowledge.support import write
from tools.knowledge import articles
from tools.knowledge.models import Gap, GapQuestion

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
    current_app.conf.task_always_eager = False
    turn_ended.send(sender=None, turn=ask("Do you ship to Norway?", found=True).pk)
    with current_app.connection_for_read() as connection:
        queue = connection.SimpleQueue("celery")
        assert queue.qsize() == 0


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
