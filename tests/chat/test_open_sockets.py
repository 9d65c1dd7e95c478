"""How many sockets a client has open, in this process and in all of them."""

import asyncio
import os
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from chat.open_sockets import ALIVE, OpenSockets
from chat.shared_state import SharedState
from tests.chat.socket import TIMEOUT
from tests.live_server import free_port
from tests.redis_server import ON_PATH, RedisServer

BEAT = 0.05


async def opened(sockets: OpenSockets, key: str, times: int, limit: int) -> int:
    """How many of so many are admitted."""
    return sum([await sockets.open(key, limit) for _ in range(times)])


async def test_as_many_as_the_limit_are_admitted() -> None:
    sockets = OpenSockets(None)
    assert await opened(sockets, "here", 5, limit=3) == 3
    assert await opened(sockets, "elsewhere", 5, limit=3) == 3


async def test_one_that_closes_makes_room_for_another() -> None:
    sockets = OpenSockets(None)
    await opened(sockets, "here", 3, limit=3)
    sockets.close("here")
    assert await opened(sockets, "here", 2, limit=3) == 1


async def test_nothing_is_kept_of_who_left() -> None:
    sockets = OpenSockets(None)
    for n in range(100):
        assert await opened(sockets, f"client {n}", 2, limit=1) == 1
        sockets.close(f"client {n}")
    assert len(sockets) == 0


async def test_without_redis_a_process_allows_a_third() -> None:
    sockets = OpenSockets(SharedState(f"redis://127.0.0.1:{free_port()}/0"), beat=BEAT)
    assert await opened(sockets, "here", 10, limit=9) == 3


# Together ----------------------------------------------------------------------------------------

needs_redis = pytest.mark.skipif(
    not os.environ.get("REDIS_URL"), reason="counts in a real Redis: set REDIS_URL"
)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        yield redis


@pytest.fixture
async def processes() -> AsyncIterator[tuple[OpenSockets, OpenSockets]]:
    """Two processes, as far as Redis can tell."""
    states = [SharedState(os.environ["REDIS_URL"]) for _ in range(2)]
    one, two = (OpenSockets(state, process=uuid4().hex, beat=BEAT) for state in states)
    yield one, two
    assert not any(state.circuit.is_down() for state in states), "nothing was proven: no Redis"
    for state in states:
        await state.close()


@pytest.fixture
def key() -> str:
    return f"test:{uuid4().hex}"


async def eventually_opens(sockets: OpenSockets, key: str, limit: int) -> bool:
    for _ in range(200):
        if await sockets.open(key, limit):
            return True
        await asyncio.sleep(BEAT)
    return False


@needs_redis
async def test_processes_count_together(
    processes: tuple[OpenSockets, OpenSockets], key: str
) -> None:
    one, two = processes
    admitted = [await sockets.open(key, 4) for sockets in (one, two, one, two, one, two)]
    assert admitted == [True] * 4 + [False] * 2


@needs_redis
async def test_at_once_too(processes: tuple[OpenSockets, OpenSockets], key: str) -> None:
    asked = (sockets.open(key, 10) for sockets in processes * 20)
    assert sum(await asyncio.gather(*asked)) == 10


@needs_redis
async def test_one_that_closes_makes_room_in_the_other_process(
    processes: tuple[OpenSockets, OpenSockets], key: str
) -> None:
    one, two = processes
    await opened(one, key, 2, limit=2)
    assert not await two.open(key, 2)
    one.close(key)
    assert await eventually_opens(two, key, 2)
    assert not await two.open(key, 2)


@needs_redis
async def test_one_that_closes_makes_room_at_once_in_its_own_process(
    processes: tuple[OpenSockets, OpenSockets], key: str
) -> None:
    one, two = processes
    assert await opened(one, key, 3, limit=2) == 2
    one.close(key)
    assert await opened(one, key, 2, limit=2) == 1
    assert not await two.open(key, 2)


@needs_redis
async def test_a_killed_process_takes_its_sockets_with_it(
    processes: tuple[OpenSockets, OpenSockets], key: str, redis: Redis
) -> None:
    killed = uuid4().hex
    await redis.hset(key, killed, "2")
    await redis.set(f"{ALIVE}{killed}", 1, px=1)
    await asyncio.sleep(0.05)
    assert await opened(processes[0], key, 3, limit=2) == 2
    assert killed.encode() not in await redis.hkeys(key)


@needs_redis
async def test_a_process_that_lives_counts_however_long_its_sockets_idle(
    processes: tuple[OpenSockets, OpenSockets], key: str, redis: Redis
) -> None:
    one, two = processes
    await opened(one, key, 2, limit=2)
    await redis.delete(key)  # what Redis forgets, the next beat tells it again
    await redis.delete(*[name async for name in redis.scan_iter(f"{ALIVE}*")])
    await asyncio.sleep(4 * BEAT)
    async with asyncio.timeout(TIMEOUT):
        while not await redis.exists(key):  # noqa: ASYNC110  # another program's memory
            await asyncio.sleep(BEAT)
    assert not await two.open(key, 2)


@needs_redis
async def test_idle_sockets_share_one_task(
    processes: tuple[OpenSockets, OpenSockets], key: str
) -> None:
    one, _ = processes
    before = len(asyncio.all_tasks())
    for n in range(200):
        assert await one.open(f"{key}:{n}", 1)
    assert len(asyncio.all_tasks()) == before + 1
    for n in range(200):
        one.close(f"{key}:{n}")
    async with asyncio.timeout(TIMEOUT):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110  # the task ends by itself
            await asyncio.sleep(BEAT)


@pytest.mark.skipif(not ON_PATH, reason="stops and starts a redis-server: put it on the PATH")
async def test_after_an_outage_redis_learns_what_is_open() -> None:
    server = RedisServer()
    server.start()
    try:
        states = [SharedState(server.url) for _ in range(2)]
        one, two = (OpenSockets(state, process=uuid4().hex, beat=BEAT) for state in states)
        assert await opened(one, "here", 2, limit=3) == 2
        server.stop()
        one.close("here")
        await asyncio.sleep(2 * BEAT)
        server.start()
        async with asyncio.timeout(TIMEOUT), Redis.from_url(server.url) as redis:
            while not await redis.exists("here"):  # noqa: ASYNC110  # another program's memory
                await asyncio.sleep(BEAT)
        assert await opened(two, "here", 3, limit=3) == 2
        for state in states:
            await state.close()
    finally:
        server.stop()


@pytest.mark.skipif(not ON_PATH, reason="stops and starts a redis-server: put it on the PATH")
async def test_what_closes_while_redis_hangs_is_told_later() -> None:
    server = RedisServer()
    server.start()
    try:
        states = [SharedState(server.url) for _ in range(2)]
        one, two = (OpenSockets(state, process=uuid4().hex, beat=BEAT) for state in states)
        assert await opened(one, "here", 3, limit=3) == 3
        server.pause()
        one.close("here")
        async with asyncio.timeout(TIMEOUT):
            while not states[0].circuit.is_down():  # noqa: ASYNC110  # a beat in vain
                await asyncio.sleep(BEAT)
        server.resume()
        assert await eventually_opens(two, "here", 3)
        assert not await two.open("here", 3)
        for state in states:
            await state.close()
    finally:
        server.stop()
