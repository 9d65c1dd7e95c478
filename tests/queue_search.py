"""The tasks that wait in the broker."""

from supportbot.celery import app as celery


def queued() -> list[str]:
    """The tasks that wait, as they lie in the broker; they are gone afterwards."""
    waiting = []
    with celery.connection_or_acquire() as connection:
        for name in ("chat", "knowledge", "default"):
            queue = connection.SimpleQueue(name)
            while len(queue):
                waiting.append(str(queue.get(block=False).body))
            queue.close()
    return waiting
