"""A thread that looks, now and then, for background work whose process died."""

import logging
import threading

from django.db import DatabaseError, connection
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerAway

from tools.knowledge.tasks import resume_abandoned_imports

logger = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two looks. An import counts as abandoned after two minutes of silence, so it goes
on after three at the latest."""


class Sweeper:
    """Looks at once when it starts, and then every INTERVAL, until `stop`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
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
            try:
                resume_abandoned_imports()
            except (DatabaseError, BrokerAway, KombuError) as error:
                logger.warning(
                    "abandoned imports could not be looked for: %s", type(error).__name__
                )
            finally:
                connection.close()
            stopping = self._stopping.wait(INTERVAL)
