"""What a process needs to do its work, and whether it is there: each with a time limit."""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from django.core.cache import cache
from django.db import Error as AnyDatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError

from supportbot.celery import app

LIMIT = 2.0
"""Seconds a check may take: less than the three that a container's health check waits."""

FRESH = 1.0
"""Seconds that an outcome is told again: however many ask, each thing is looked at once a second."""

_AWAY = (AnyDatabaseError, RedisError, BrokerAway, OSError)
"""How what is looked at says that it is not there."""


class NotInOrder(OSError):
    """It answers, and not what it should."""


class MigrationsMissing(NotInOrder):
    """`manage.py migrate` has not run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` is empty where all is well. It never quotes an error, which may hold a password."""

    reason: str
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return not self.reason

    def as_json(self) -> dict[str, object]:
        return {"ok": self.ok, "reason": self.reason, "ms": round(self.seconds * 1000, 1)}


class Check:
    """Looks at one thing, in a thread that nobody waits for longer than LIMIT.

    One look at a time: what hangs holds one thread and not one for each who asks.
    """

    def __init__(self, name: str, look: Callable[[], None], limit: float = LIMIT) -> None:
        self.name = name
        self._look = look
        self._limit = limit
        self._lock = threading.Lock()
        self._running: Future[Outcome] | None = None
        self._began = 0.0

    async def outcome(self) -> Outcome:
        """How it was within the last second, or how it is."""
        running, left = self._begun()
        try:
            async with asyncio.timeout(left):
                return await asyncio.shield(asyncio.wrap_future(running))
        except TimeoutError:
            return Outcome("timeout", self._limit)

    def _begun(self) -> tuple[Future[Outcome], float]:
        """The look at work or just done, and the seconds that it still has."""
        with self._lock:
            now = time.monotonic()
            if self._running is None or (self._running.done() and now - self._began > FRESH):
                self._running, self._began = Future(), now
                # A daemon, for one that hangs must not hold up the end of the process.
                work = threading.Thread(target=self._work, args=[self._running], daemon=True)
                work.name = f"ready-{self.name}"
                work.start()
            return self._running, max(0.0, self._began + self._limit - now)

    def _work(self, told: "Future[Outcome]") -> None:
        began = time.monotonic()
        reason = "error"
        try:
            self._look()
            reason = ""
        except _AWAY as error:
            reason = type(error).__name__
        finally:
            connection.close()
            told.set_result(Outcome(reason, time.monotonic() - began))


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


class Migrations:
    """Whether the database has all that this code needs. It may have more: the migrations of the next
    version run while this one serves."""

    def __init__(self) -> None:
        self._applied = False

    def __call__(self) -> None:
        if self._applied:  # nobody takes one back under a server that runs
            return
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise MigrationsMissing
        self._applied = True


def _cache() -> None:
    """Written and read: a replica that only reads is no cache."""
    key, value = "ready", secrets.token_hex(8)
    cache.set(key, value, timeout=10)
    if cache.get(key) is None:
        raise NotInOrder


def _broker() -> None:
    with app.connection_for_write() as broker:
        broker.ensure_connection(max_retries=1, timeout=LIMIT)
        broker.default_channel.close()


CHECKS = (
    Check("database", _database),
    Check("migrations", Migrations()),
    Check("cache", _cache),
    Check("broker", _broker),
)
