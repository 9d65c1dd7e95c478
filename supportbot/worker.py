"""The embedded Celery worker: a thread of the server's process, for a deployment without Redis.

Its queue is a folder, so tasks outlive a restart. Production runs ordinary workers instead.
"""

import threading

from supportbot.celery import app

STOP_TIMEOUT = 5.0
"""Seconds a running task gets to finish when the server stops; then it is run again next time."""


class EmbeddedWorker:
    """Runs Celery tasks in this process between `start` and `stop`."""

    def __init__(self) -> None:
        self._worker = app.WorkController(
            pool_cls="threads",
            concurrency=2,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._thread = threading.Thread(target=self._worker.start, name="celery", daemon=True)

    def start(self) -> None:
        """Begins to work off the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more tasks and waits for the running ones, for STOP_TIMEOUT at most."""
        if self._thread.is_alive():
            self._worker.stop()
            self._thread.join(STOP_TIMEOUT)
