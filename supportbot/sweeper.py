"""A thread that looks, now and then, for background work that was left lying."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, connection

from chat import outbox
from chat.privacy import retention
from tools.knowledge.tasks import resume_abandoned_imports

logger = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two looks for tasks that did not get to the broker, and for what else is due."""

IMPORTS_INTERVAL = 60.0
"""Seconds between two looks for imports. One counts as abandoned after two minutes of silence, so it
goes on after three at the latest."""

RETENTION_INTERVAL = 24 * 3600.0
"""Seconds between two looks for what is too old, where no clock of Celery's runs."""


@dataclass
class _Work:
    """Something to look for, at most every `interval` seconds."""

    name: str
    look: Callable[[], object]
    interval: float
    looked_at: float = float("-inf")

    def due(self) -> bool:
        """Whether it is time again."""
        return time.monotonic() >= self.looked_at + self.interval


class Sweeper:
    """Looks at once when it starts, and then every INTERVAL, until `stop`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._work = [
            _Work("tasks that wait for the broker", outbox.sweep, 0.0),
            _Work("abandoned imports", resume_abandoned_imports, IMPORTS_INTERVAL),
        ]
        if settings.EMBEDDED_WORKER:  # in production Celery's clock has it done
            self._work.append(_Work("what is too old", retention.sweep, RETENTION_INTERVAL))
        self._thread = threading.Thread(target=self._sweep, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Ends, within so many seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _sweep(self) -> None:
        stopping = False
        while not stopping:
            for work in self._work:
                if work.due() and not self._stopping.is_set():
                    self._look(work)
            connection.close()
            stopping = self._stopping.wait(INTERVAL)

    def _look(self, work: _Work) -> None:
        try:
            work.look()
            work.looked_at = time.monotonic()
        except Error as error:
            logger.warning("%s could not be looked for: %s", work.name, type(error).__name__)
            connection.close()
