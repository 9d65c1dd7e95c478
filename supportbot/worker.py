"""The embedded Celery worker: a thread of the server's process, for a deployment without Redis.

Its queue is a folder, so tasks outlive a restart. Production runs ordinary workers instead.
"""

import logging
import threading
from typing import Any

from supportbot.celery import app

logger = logging.getLogger(__name__)

STOP_TIMEOUT = 5.0
"""Seconds a running task gets to finish when the server stops; then it is run again next time."""

RESTART_DELAY = 1.0
"""Seconds before a worker that ended by itself is replaced."""


class EmbeddedWorker:
    """Runs Celery tasks in this process between `start` and `stop`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._worker = self._made()
        self._thread = threading.Thread(target=self._work, name="celery", daemon=True)

    def start(self) -> None:
        """Begins to work off the queue."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more tasks and waits for the running ones, for STOP_TIMEOUT at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._ready.wait(STOP_TIMEOUT)  # one that is stopped while it starts trips over itself
            self._worker.stop()
            self._thread.join(STOP_TIMEOUT)

    def _made(self) -> Any:
        return app.WorkController(
            pool_cls="threads",
            concurrency=2,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            ready_callback=lambda consumer: self._ready.set(),
        )

    def _work(self) -> None:
        """Works until `stop`. A worker that met an error it cannot recover from only returns:
        without another one, nothing would ever be classified again."""
        self._worker.start()
        while not self._stopping.wait(RESTART_DELAY):
            logger.error("the embedded worker ended; another one takes over")
            self._worker = self._made()
            self._worker.start()
