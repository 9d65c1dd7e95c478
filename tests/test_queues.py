"""Each kind of background work has a queue of its own; a worker that is told nothing does all of it."""

import pytest
from kombu.connection import Connection

from supportbot.celery import app

QUEUES = {"chat", "knowledge", "default"}


def tasks() -> list[str]:
    app.loader.import_default_modules()
    return sorted(name for name in app.tasks if not name.startswith("celery."))


def test_every_task_goes_to_the_queue_of_its_kind() -> None:
    assert len(tasks()) > 5
    for name in tasks():
        kind = name.partition(".")[0]
        queue = app.amqp.router.route({}, name)["queue"].name
        assert queue == (kind if kind in QUEUES else "default")


def test_a_worker_takes_from_all_of_them() -> None:
    assert set(app.amqp.queues.consume_from) == QUEUES


@pytest.mark.parametrize("name", sorted(QUEUES))
def test_a_task_is_in_one_queue_only(name: str) -> None:
    """They share an exchange, which gives a message to each queue bound to its routing key."""
    with Connection("memory://") as connection, connection.channel() as channel:
        for queue in app.amqp.queues.values():
            queue(channel).declare()
            queue(channel).purge()
        queue = app.amqp.queues[name]
        with connection.Producer(channel) as producer:
            producer.publish("work", exchange=queue.exchange, routing_key=queue.routing_key)
        found = {q.name for q in app.amqp.queues.values() if q(channel).get(no_ack=True)}
    assert found == {name}
