"""A thread that looks, now and then, for background work whose process died."""

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, connection
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as BrokerAway

from chat.privacy import retention
from tools.knowledge.tasks import resume_abandoned_imports

logger = logging.getLogger(__name__)

INTERVAL = 60.0
"""Seconds between two looks. An import counts as abandoned after two minutes of silence, so it goes
on after three at the latest."""

RETENTION_INTERVAL = 24 * 3600.0
"""Seconds between two looks for what is too old, where no clock of Celery's runs."""


class Sweeper:
    """Looks at once when it starts, and then every INTERVAL, until `stop`."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._old_deleted_at = float("-inf")
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
            self._delete_what_is_old()
            stopping = self._stopping.wait(INTERVAL)

    def _delete_what_is_old(self) -> None:
        """Once a day. In production Celery's clock has it done."""
        now = time.monotonic()
        if not settings.EMBEDDED_WORKER or now < self._old_deleted_at + RETENTION_INTERVAL:
            return
        try:
            retention.sweep()
            self._old_deleted_at = now
        except DatabaseError as error:
            logger.warning("what is old could not be deleted: %s", type(error).__name__)
        finally:
            connection.close()
