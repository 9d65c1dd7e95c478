"""What processes know together of their providers, through Django's cache."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from pytest_django import Settings

from chat import breakers
from chat.breakers import BUCKET, PATIENCE, CacheStore
from chat.llm.base import Overloaded, ProviderError
from chat.llm.breaker import Breaker, Breakers, State
from chat.llm.circuits import COOL_DOWN, FEWEST_CALLS, WINDOW, Opening, Tally
from tests.chat.llm.scripted import ANSWER, Scripted
from tests.chat.llm.support import QUESTION, collect

DOWN = [Overloaded("HTTP 529")]
NOWHERE = "redis://127.0.0.1:9"
OPENING = Opening(1_000_000.0, 1_000_005.0, 1, "OVERLOADED")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> CacheStore:
    return CacheStore(caches["default"], clock)


@pytest.fixture
def elsewhere(clock: Clock) -> CacheStore:
    """Another process."""
    return CacheStore(caches["default"], clock)


@pytest.fixture
def alone(clock: Clock) -> CacheStore:
    """A process whose Redis is away."""
    return CacheStore(RedisCache(NOWHERE, {}), clock)


@pytest.fixture
def ours() -> Iterator[Breakers]:
    """The breakers of this process, forgotten with the test."""
    breakers.shared.cache_clear()
    yield breakers.shared()
    breakers.shared.cache_clear()


async def outcomes(breaker: Breaker, times: int) -> list[str]:
    codes = []
    for _ in range(times):
        try:
            await collect(breaker, QUESTION)
        except ProviderError as error:
            codes.append(error.code)
        else:
            codes.append("ok")
    return codes


async def test_nothing_is_known_at_first(store: CacheStore) -> None:
    assert await store.add("openai", 0, 0) == Tally()


async def test_processes_count_together(store: CacheStore, elsewhere: CacheStore) -> None:
    await store.add("openai", calls=10, failures=0)
    await store.add("openai", calls=1, failures=1)
    await store.add("another", calls=7, failures=7)

    assert await elsewhere.add("openai", calls=1, failures=1) == Tally(12, 2, 2, None)
    assert await store.add("openai", 0, 0) == Tally(12, 2, 2, None)


async def test_no_failure_is_lost_when_many_happen_at_once(
    store: CacheStore, elsewhere: CacheStore
) -> None:
    await asyncio.gather(
        *(either.add("openai", 1, 1) for either in [store, elsewhere] for _ in range(20))
    )

    assert await store.add("openai", 0, 0) == Tally(40, 40, 40, None)


async def test_a_count_begun_by_another_process_meanwhile_is_kept(clock: Clock) -> None:
    class Raced(LocMemCache):
        """Another process counts five each time this one has found that there is no count."""

        def incr(self, key: Any, *args: Any, **kwargs: Any) -> int:
            try:
                return super().incr(key, *args, **kwargs)
            except ValueError:
                super().add(key, 5)
                raise

    tally = await CacheStore(Raced("raced", {}), clock).add("openai", calls=1, failures=1)

    assert (tally.calls, tally.failures) == (6, 6)


async def test_a_success_ends_the_row_of_failures(store: CacheStore) -> None:
    await store.add("openai", calls=3, failures=3)

    assert await store.add("openai", calls=1, failures=0) == Tally(4, 3, 0, None)


async def test_what_is_older_than_the_window_is_forgotten(store: CacheStore, clock: Clock) -> None:
    await store.add("openai", calls=3, failures=2)

    clock.now += WINDOW - BUCKET
    assert (await store.add("openai", 0, 0)).calls == 3
    clock.now += BUCKET
    assert (await store.add("openai", 0, 0)).calls == 0


async def test_an_opening_is_known_everywhere_until_it_is_closed(
    store: CacheStore, elsewhere: CacheStore
) -> None:
    await store.add("openai", calls=3, failures=3)
    await store.open("openai", OPENING)

    assert (await elsewhere.add("openai", 0, 0)).opening == OPENING
    await elsewhere.close("openai")

    assert await store.add("openai", 0, 0) == Tally()


async def test_one_process_tries_at_a_time(store: CacheStore, elsewhere: CacheStore) -> None:
    assert await store.claim_trial("openai", 30)

    assert not await elsewhere.claim_trial("openai", 30)
    assert await elsewhere.claim_trial("another", 30)
    await store.end_trial("openai")
    assert await elsewhere.claim_trial("openai", 30)


async def test_a_provider_given_up_by_one_process_is_not_asked_by_another(
    store: CacheStore, elsewhere: CacheStore, clock: Clock
) -> None:
    provider = Scripted(DOWN)
    here, there = (Breakers(s, clock=clock).around(provider) for s in (store, elsewhere))

    assert await outcomes(here, 3) == ["OVERLOADED"] * 3
    assert await outcomes(there, 3) == ["OVERLOADED", "OVERLOADED", "CIRCUIT_OPEN"]
    clock.now += 1
    assert await outcomes(here, 1) == ["CIRCUIT_OPEN"]
    provider.scripts = (ANSWER,)
    clock.now += COOL_DOWN
    assert await outcomes(here, 1) == ["ok"]
    assert await outcomes(there, 1) == ["ok"]


async def test_without_its_cache_a_process_goes_by_what_it_sees(
    alone: CacheStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    provider = Scripted(DOWN)
    breaker = Breakers(alone, clock=clock).around(provider)

    codes = await outcomes(breaker, FEWEST_CALLS + 1)
    assert codes == ["OVERLOADED"] * FEWEST_CALLS + ["CIRCUIT_OPEN"]
    provider.scripts = (ANSWER,)
    clock.now += COOL_DOWN
    assert await outcomes(breaker, 2) == ["ok", "ok"]

    assert "the cache is away" in caplog.text


async def test_a_cache_that_hangs_is_not_waited_for(clock: Clock) -> None:
    released = threading.Event()

    class Hanging(LocMemCache):
        def get_many(self, *_: Any, **__: Any) -> dict[Any, Any]:
            released.wait(5)
            return {}

    cache: BaseCache = Hanging("hanging", {})
    loop = asyncio.get_running_loop()
    started = loop.time()

    tally = await CacheStore(cache, clock).add("openai", 1, 1)

    assert PATIENCE <= loop.time() - started < 3
    assert tally == Tally(1, 1, 1, None)
    released.set()


async def test_a_change_is_signalled(ours: Breakers) -> None:
    seen: list[tuple[str, State]] = []

    def receiver(name: str, state: State, **_: object) -> None:
        seen.append((name, state))

    breakers.changed.connect(receiver)
    try:
        await outcomes(ours.around(Scripted(DOWN, name="openai")), FEWEST_CALLS)
    finally:
        breakers.changed.disconnect(receiver)

    assert seen == [("openai", State.OPEN)]


def test_the_states_are_those_of_the_configured_providers(
    settings: Settings, ours: Breakers
) -> None:
    settings.PROVIDERS = ["anthropic", "openai", "offline"]
    asyncio.run(_give_up(ours, "openai"))
    breakers.shared.cache_clear()  # the admin's process has asked nobody itself

    anthropic, openai = breakers.states()

    assert (anthropic.name, anthropic.state, anthropic.calls) == ("anthropic", State.CLOSED, 0)
    assert (openai.name, openai.state, openai.cause) == ("openai", State.OPEN, "OVERLOADED")
    assert openai.failures == FEWEST_CALLS
    assert openai.until and openai.opened_at
    assert openai.until - openai.opened_at == COOL_DOWN


async def _give_up(ours: Breakers, name: str) -> None:
    await outcomes(ours.around(Scripted(DOWN, name=name)), FEWEST_CALLS)
