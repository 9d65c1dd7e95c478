"""The breakers of this deployment, whose knowledge its processes share through Django's cache."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.dispatch import Signal

from chat import telemetry
from chat.llm.breaker import Breakers, BreakerState, State, state_of
from chat.llm.circuits import WINDOW, BreakerStore, MemoryStore, Opening, Tally
from chat.llm.offline import OfflineProvider
from chat.shared_state import UNAVAILABLE

logger = logging.getLogger(__name__)

BUCKET = 5.0
"""Seconds of calls that are counted as one: the window moves in steps of it."""

MEMORY = 900
"""Seconds an opening is remembered without a trial. A provider nobody asked for so long starts anew."""

PATIENCE = 0.5
"""Seconds to wait for the cache. A customer waits as long, once a second for each process."""

changed = Signal()
"""Sent with `name` and `state` by the process whose request changed a provider's breaker."""

Result = TypeVar("Result")


class CacheStore:
    """See `BreakerStore`. While the cache is away, each process goes by what it sees itself."""

    def __init__(self, shared: BaseCache, clock: Callable[[], float] = time.time) -> None:
        self._cache = shared
        self._clock = clock
        self._alone: BreakerStore = MemoryStore(clock)

    async def add(self, name: str, calls: int, failures: int) -> Tally:
        return await self._reach(
            lambda: self._add(name, calls, failures),
            lambda: self._alone.add(name, calls, failures),
        )

    async def open(self, name: str, opening: Opening) -> None:
        kept = (opening.opened_at, opening.until, opening.times, opening.cause)
        await self._reach(
            lambda: self._cache.set(_key(name, "opening"), kept, MEMORY),
            lambda: self._alone.open(name, opening),
        )

    async def close(self, name: str) -> None:
        await self._reach(
            lambda: self._cache.delete_many(self._keys(name).values()),
            lambda: self._alone.close(name),
        )

    async def claim_trial(self, name: str, seconds: float) -> bool:
        return await self._reach(
            lambda: self._cache.add(_key(name, "trial"), True, max(1, round(seconds))),
            lambda: self._alone.claim_trial(name, seconds),
        )

    async def end_trial(self, name: str) -> None:
        await self._reach(
            lambda: bool(self._cache.delete(_key(name, "trial"))),
            lambda: self._alone.end_trial(name),
        )

    def read(self, name: str) -> Tally:
        """How a provider is doing. Not for an event loop; raises what the cache raises."""
        keys = self._keys(name)
        kept = self._cache.get_many(keys.values())
        opening = kept.get(keys["opening"])
        return Tally(
            calls=sum(kept.get(key, 0) for of, key in keys.items() if of.startswith("calls")),
            failures=sum(kept.get(key, 0) for of, key in keys.items() if of.startswith("failures")),
            in_a_row=kept.get(keys["in a row"], 0),
            opening=Opening(*opening) if opening else None,
        )

    def _add(self, name: str, calls: int, failures: int) -> Tally:
        bucket = self._bucket()
        if calls:
            self._count(_key(name, f"calls {bucket}"), calls)
        if failures:
            self._count(_key(name, f"failures {bucket}"), failures)
            self._count(_key(name, "in a row"), failures)
        elif calls:
            self._cache.delete(_key(name, "in a row"))
        return self.read(name)

    def _count(self, key: str, number: int) -> None:
        try:
            self._cache.incr(key, number)
        except ValueError:  # the key is new, or has just expired
            if not self._cache.add(key, number, 2 * WINDOW):
                self._cache.incr(key, number)

    def _bucket(self) -> int:
        return int(self._clock() // BUCKET)

    def _keys(self, name: str) -> dict[str, str]:
        """Everything that is known of a provider, and the key it is kept under."""
        newest = self._bucket()
        buckets = range(newest, newest - int(WINDOW // BUCKET), -1)
        parts = [f"{what} {bucket}" for what in ("calls", "failures") for bucket in buckets]
        return {part: _key(name, part) for part in (*parts, "in a row", "opening")}

    async def _reach(
        self, together: Callable[[], Result], alone: Callable[[], Awaitable[Result]]
    ) -> Result:
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.to_thread(together)
        except UNAVAILABLE as error:
            logger.warning("breakers are not shared, the cache is away: %s", error)
            return await alone()


def _key(name: str, part: str) -> str:
    return f"breaker:{name}:{part}".replace(" ", ":")


@cache
def _store() -> CacheStore:
    # One handle for all: django's `cache` is another one, with connections of its own, in each task.
    return CacheStore(caches["default"])


@cache
def shared() -> Breakers:
    """The breakers of this process, for every stack that it builds."""
    return Breakers(_store(), on_change=_tell)


def _tell(name: str, state: State) -> None:
    telemetry.breaker_changed(name, state.value)
    changed.send_robust(sender=Breakers, name=name, state=state)


def states() -> list[BreakerState]:
    """How the configured providers are doing, as all processes know it together. Not for an event
    loop. While the cache is away, as this process last saw them."""
    names = [name for name in settings.PROVIDERS if name != OfflineProvider.name]
    try:
        return [state_of(name, _store().read(name), time.time()) for name in names]
    except UNAVAILABLE:
        return shared().states()
