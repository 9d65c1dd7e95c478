"""The outbox: a task is written with what it is about, and sent until the broker has it."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from celery.signals import before_task_publish
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from chat import outbox
from chat.models import OutboxTask

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """What the broker took, and whether it is there."""

    def __init__(self) -> None:
        self.took: list[tuple[str, dict[str, Any]]] = []
        self.away = False
        self.tried = 0

    def send(self, row: OutboxTask) -> None:
        self.tried += 1
        if self.away:
            raise OperationalError("no broker")
        self.took.append((row.task, row.arguments))


@pytest.fixture(autouse=True)
def broker() -> Iterator[Broker]:
    there = Broker()
    outbox.install(there.send)
    yield there
    outbox.install(outbox.to_celery)


def waiting() -> int:
    return OutboxTask.objects.count()


def left(since: timedelta = outbox.LEFT) -> None:
    """Time passes."""
    OutboxTask.objects.update(created_at=timezone.now() - since - timedelta(seconds=1))


def test_a_task_is_sent_once_its_transaction_is_committed(broker: Broker) -> None:
    with transaction.atomic():
        outbox.enqueue("tests.any", turn="7")
        assert (waiting(), broker.took) == (1, [])
    assert (waiting(), broker.took) == (0, [("tests.any", {"turn": "7"})])


def test_what_is_undone_has_no_task(broker: Broker) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        outbox.enqueue("tests.any")
        1 / 0  # noqa: B018
    assert (waiting(), broker.took) == (0, [])


def test_without_a_transaction_it_is_sent_at_once(broker: Broker) -> None:
    outbox.enqueue("tests.any", turn="7")
    assert (waiting(), broker.took) == (0, [("tests.any", {"turn": "7"})])


def test_a_broker_that_is_away_loses_nothing(broker: Broker) -> None:
    broker.away = True
    outbox.enqueue("tests.any", turn="7")
    left()
    assert (outbox.sweep(), waiting()) == (0, 1)
    broker.away = False
    assert (outbox.sweep(), waiting()) == (1, 0)
    assert broker.took == [("tests.any", {"turn": "7"})]


def test_only_the_first_waits_for_a_broker_that_is_away(broker: Broker) -> None:
    broker.away = True
    for number in range(5):
        outbox.enqueue("tests.any", number=number)
    assert (waiting(), broker.tried) == (5, 1)


def test_the_sweep_stops_at_the_first_refusal_and_keeps_the_order(broker: Broker) -> None:
    broker.away = True
    for number in range(5):
        outbox.enqueue("tests.any", number=number)
    left()
    before = broker.tried
    assert outbox.sweep() == 0
    assert broker.tried == before + 1
    broker.away = False
    assert outbox.sweep() == 5
    assert [arguments["number"] for _, arguments in broker.took] == [0, 1, 2, 3, 4]


def test_what_was_just_written_is_its_writers_to_send(broker: Broker) -> None:
    broker.away = True
    outbox.enqueue("tests.any")
    broker.away = False
    assert (outbox.sweep(), waiting()) == (0, 1)


def test_a_process_that_died_before_it_sent_leaves_the_task_to_the_others(broker: Broker) -> None:
    OutboxTask.objects.create(
        task="tests.any", arguments={"turn": "7"}, created_at=timezone.now() - timedelta(minutes=1)
    )
    assert outbox.sweep() == 1
    assert broker.took == [("tests.any", {"turn": "7"})]


def test_two_that_sweep_at_once_send_each_task_once(broker: Broker) -> None:
    OutboxTask.objects.bulk_create(
        OutboxTask(task="tests.any", arguments={"number": n}, created_at=timezone.now())
        for n in range(250)
    )
    left()

    def sweep() -> None:
        outbox.sweep()
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.sweep()
    sent = sorted(arguments["number"] for _, arguments in broker.took)
    assert (sent, waiting()) == (list(range(250)), 0)


def test_a_countdown_begins_when_the_broker_takes_the_task() -> None:
    seen: list[str | None] = []

    def eta(headers: dict[str, Any], **_: Any) -> None:
        seen.append(headers["eta"])

    outbox.install(outbox.to_celery)
    before_task_publish.connect(eta, weak=False, dispatch_uid="tests.eta")
    outbox.enqueue("tests.any", countdown=60)
    outbox.enqueue("tests.any")
    before_task_publish.disconnect(dispatch_uid="tests.eta")
    assert seen[0] is not None
    assert seen[1] is None


def test_every_task_that_the_outbox_is_given_exists() -> None:
    current_app.loader.import_default_modules()
    names = {
        "chat.classify_turn",
        "chat.summarise_conversation",
        "knowledge.collect_gaps",
        "knowledge.check_gaps",
        "knowledge.draft_gap",
        "knowledge.run_import",
        "knowledge.embed_passages",
        "knowledge.measure",
        "knowledge.measure_after",
    }
    assert names <= set(current_app.tasks)
