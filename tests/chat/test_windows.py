"""Sliding windows, in this process's memory and in Redis."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from chat.shared_state import SharedState
from chat.windows import MemoryWindows, Note, Verdict, Window, Windows, allowance
from tests.live_server import free_port

needs_redis = pytest.mark.skipif(
    not os.environ.get("REDIS_URL"), reason="counts in a real Redis: set REDIS_URL"
)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> MemoryWindows:
    return MemoryWindows(clock)


def window(limit: int, period: float = 60.0, key: str = "") -> Window:
    return Window(f"test:{key or uuid4().hex}", limit, period)


# In memory ---------------------------------------------------------------------------------------


def test_an_event_too_many_is_told_when_it_will_fit(memory: MemoryWindows, clock: Clock) -> None:
    ours = [window(2)]
    memory.take(ours, "a")
    clock.now += 20
    memory.take(ours, "b")
    clock.now += 15
    assert memory.take(ours, "c") == Verdict(counted=False, wait=25.0)
    clock.now += 25
    assert memory.take(ours, "c") == Verdict(counted=True)
    assert memory.take(ours, "d").wait == 20.0


def test_a_refused_event_does_not_count(memory: MemoryWindows, clock: Clock) -> None:
    ours = [window(1)]
    memory.take(ours, "a")
    for n in range(100):
        assert memory.take(ours, f"refused {n}").wait
    clock.now += 60
    assert memory.take(ours, "b").counted


def test_no_stretch_of_a_period_ever_holds_more_than_the_limit(
    memory: MemoryWindows, clock: Clock
) -> None:
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    ours = [window(10)]
    let_through: list[float] = []
    for n in range(5_000):
        clock.now += dice.expovariate(1.0)
        recent = [at for at in let_through if at > clock.now - 60]
        verdict = memory.take(ours, str(n))
        assert verdict.counted == (len(recent) < 10), f"seed {seed}"
        if verdict.counted:
            let_through.append(clock.now)
        else:
            assert verdict.wait == pytest.approx(recent[-10] + 60 - clock.now), f"seed {seed}"
    assert len(let_through) > 500


def test_what_nobody_uses_is_forgotten(memory: MemoryWindows, clock: Clock) -> None:
    for n in range(1_000):
        memory.take([window(10)], "a", Note(f"note {n}", "value", 30.0))
    clock.now += 61
    memory.take([window(10)], "a")
    assert len(memory) == 1


# In memory and in Redis alike --------------------------------------------------------------------


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
async def windows(request: pytest.FixtureRequest) -> AsyncIterator[Windows]:
    shared = SharedState(os.environ["REDIS_URL"]) if request.param == "redis" else None
    yield Windows(MemoryWindows(), shared)
    if shared:
        assert not shared.circuit.is_down(), "nothing was proven: Redis was not reached"
        await shared.close()


async def test_as_many_as_the_limit_pass(windows: Windows) -> None:
    ours = [window(3)]
    verdicts = [await windows.take(ours, str(n)) for n in range(5)]
    assert [v.counted for v in verdicts] == [True, True, True, False, False]
    assert all(0 < v.wait <= 60 for v in verdicts[3:])


async def test_of_many_at_once_as_many_as_the_limit_pass(windows: Windows) -> None:
    ours = [window(10)]
    verdicts = await asyncio.gather(*(windows.take(ours, str(n)) for n in range(100)))
    assert sum(v.counted for v in verdicts) == 10


async def test_after_the_time_told_it_passes_and_not_before(windows: Windows) -> None:
    """Told by the oldest event, in whole milliseconds. It holds however long this process stands still
    between two steps."""
    ours, period, rounding = [window(2, 0.4)], 0.4, 0.002
    before_a = time.monotonic()
    await windows.take(ours, "a")
    after_a = time.monotonic()
    await asyncio.sleep(0.2)
    before_b = time.monotonic()
    await windows.take(ours, "b")
    asked = time.monotonic()
    if told := (await windows.take(ours, "c")).wait:
        assert told <= after_a + period - asked + rounding
        await asyncio.sleep(told + 0.01)
        assert (await windows.take(ours, "c")).counted
    assert time.monotonic() - before_a >= period - rounding
    if (await windows.take(ours, "d")).counted:
        assert time.monotonic() - before_b >= period - rounding


async def test_the_same_event_again_counts_once(windows: Windows) -> None:
    ours = [window(2)]
    assert await windows.take(ours, "a") == Verdict(counted=True)
    assert await windows.take(ours, "a") == Verdict(counted=False)
    assert (await windows.take(ours, "b")).counted
    assert await windows.take(ours, "a") == Verdict(counted=False), "known, though all is full"


async def test_an_event_known_to_one_window_counts_in_none(windows: Windows) -> None:
    visitor, home, cafe = window(3), window(1), window(1)
    await windows.take([visitor, home], "a")
    assert await windows.take([visitor, cafe], "a") == Verdict(counted=False)
    assert (await windows.take([cafe], "b")).counted


async def test_an_event_counts_in_all_windows_or_in_none(windows: Windows) -> None:
    wide, narrow = window(2), window(1)
    assert (await windows.take([wide, narrow], "a")).counted
    assert not (await windows.take([wide, narrow], "b")).counted
    assert (await windows.take([wide], "c")).counted, "the refused one left no trace"


async def test_the_longest_wait_is_told(windows: Windows) -> None:
    short, long = window(1, 5.0), window(1, 500.0)
    await windows.take([short, long], "a")
    for ours in ([short, long], [long, short]):
        assert (await windows.take(ours, "b")).wait > 400


async def test_a_lowered_limit_counts_at_once(windows: Windows) -> None:
    before, after = window(5, key=(key := uuid4().hex)), window(2, key=key)
    for n in range(5):
        await windows.take([before], str(n))
    assert 0 < (await windows.take([after], "b")).wait <= 60


async def test_what_is_given_back_makes_room(windows: Windows) -> None:
    ours = [window(1)]
    await windows.take(ours, "a")
    await windows.give_back(ours, "a")
    assert (await windows.take(ours, "b")).counted


async def test_no_windows_refuse_nothing(windows: Windows) -> None:
    assert (await windows.take([], "a", Note(uuid4().hex, "b", 60.0))).counted


async def test_a_note_is_kept_for_its_time(windows: Windows) -> None:
    kept, short = f"test:{uuid4().hex}", f"test:{uuid4().hex}"
    await windows.take([window(1)], "a", Note(kept, "here", 60.0))
    await windows.take([window(1)], "a", Note(short, "there", 0.05))
    await asyncio.sleep(0.1)
    assert await windows.recall(kept) == "here"
    assert await windows.recall(short) is None
    assert await windows.recall("test:never") is None


# Together ----------------------------------------------------------------------------------------


@needs_redis
async def test_processes_count_together() -> None:
    url = os.environ["REDIS_URL"]
    shared = [SharedState(url), SharedState(url)]
    one, two = (Windows(MemoryWindows(), state) for state in shared)
    ours = [window(4)]
    takes = [(one, "a"), (two, "b"), (one, "c"), (two, "d"), (one, "e"), (two, "f")]
    verdicts = [await windows.take(ours, member) for windows, member in takes]
    assert [v.counted for v in verdicts] == [True] * 4 + [False] * 2
    for state in shared:
        await state.close()


@needs_redis
async def test_redis_keeps_nothing_for_longer_than_it_counts() -> None:
    shared = SharedState(os.environ["REDIS_URL"])
    ours, key = window(4, 0.05), f"test:{uuid4().hex}"
    await Windows(MemoryWindows(), shared).take([ours], "a", Note(key, "b", 0.05))
    await asyncio.sleep(0.2)
    async with Redis.from_url(os.environ["REDIS_URL"]) as redis:
        assert await redis.exists(ours.key, key) == 0
    await shared.close()


async def test_without_redis_a_process_allows_a_third() -> None:
    windows = Windows(MemoryWindows(), SharedState(f"redis://127.0.0.1:{free_port()}/0"))
    ours = [window(10)]
    verdicts = [await windows.take(ours, str(n)) for n in range(10)]
    assert sum(v.counted for v in verdicts) == 3
    assert all(v.wait > 0 for v in verdicts[3:])


@pytest.mark.parametrize(("limit", "left"), [(1, 1), (2, 1), (3, 1), (10, 3), (30, 10)])
def test_a_third_is_one_at_least(limit: int, left: int) -> None:
    assert allowance(limit) == left
