"""Two processes that share a Redis, as far as each knows of the other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Set
from uuid import UUID, uuid4

import pytest

from chat.elsewhere import Elsewhere
from tests.redis_server import ON_PATH, RedisServer

pytestmark = pytest.mark.skipif(not ON_PATH, reason="no redis-server: apt-get install redis-server")

PATIENCE = 15.0
"""Seconds for anything that crosses; milliseconds as a rule, and a pause after a restart of Redis."""


class Process:
    """One of them: what it has to do with conversations, and what it gets."""

    def __init__(self, name: str, redis: RedisServer) -> None:
        self.name = name
        self.sockets: dict[UUID, list[str]] = {}
        self.answers: dict[UUID, str] = {}
        self.stopped: list[UUID] = []
        self.others = Elsewhere(redis.url, self, process=name)

    def watched(self) -> Set[UUID]:
        return self.sockets.keys()

    def running(self) -> Set[UUID]:
        return self.answers.keys()

    async def deliver(self, conversation: UUID, text: str) -> None:
        self.sockets[conversation].append(text)

    async def tell_all(self, conversation: UUID, process: str) -> None:
        await self.others.send(conversation, [self.answers[conversation]], to=process)

    def stop(self, turn: UUID) -> None:
        self.stopped.append(turn)

    async def watch(self, conversation: UUID) -> None:
        """Somebody comes to watch."""
        self.sockets[conversation] = []
        await self.others.announce([conversation])


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110  # Redis is another process
            await asyncio.sleep(0.01)


async def _hears(process: Process, other: Process) -> None:
    """Waits until what one says reaches the other."""
    turn = uuid4()
    async with asyncio.timeout(PATIENCE):
        while turn not in process.stopped:
            await other.others.stop(turn)
            await asyncio.sleep(0.02)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def one(redis: RedisServer) -> AsyncIterator[Process]:
    process = Process("one", redis)
    process.others.listen()
    yield process
    await process.others.close()


@pytest.fixture
async def two(redis: RedisServer, one: Process) -> AsyncIterator[Process]:
    process = Process("two", redis)
    process.others.listen()
    await _hears(process, one)
    await _hears(one, process)
    yield process
    await process.others.close()


async def test_frames_go_to_the_process_that_watches(one: Process, two: Process) -> None:
    conversation = uuid4()
    await one.watch(conversation)
    assert not one.others.watches(conversation)
    await two.watch(conversation)
    await _until(lambda: one.others.watches(conversation))
    await one.others.send(conversation, ["a", "b"])
    await _until(lambda: two.sockets[conversation] == ["a", "b"])
    assert one.sockets[conversation] == []


async def test_both_know_of_each_other_whoever_came_first(one: Process, two: Process) -> None:
    conversation = uuid4()
    await one.watch(conversation)
    await two.watch(conversation)
    await _until(lambda: one.others.watches(conversation) and two.others.watches(conversation))


async def test_nobody_else_remembers_who_watches(one: Process, two: Process) -> None:
    conversation = uuid4()
    await two.watch(conversation)
    await _hears(one, two)
    assert not one.others.watches(conversation)


async def test_who_comes_in_mid_answer_is_told_all_of_it(one: Process, two: Process) -> None:
    conversation = uuid4()
    one.answers[conversation] = "all so far"
    await two.watch(conversation)
    await _until(lambda: two.sockets[conversation] == ["all so far"])


async def test_a_runner_that_took_over_finds_who_watches(one: Process, two: Process) -> None:
    conversation = uuid4()
    await two.watch(conversation)
    await _hears(one, two)
    one.answers[conversation] = "all so far"
    await one.others.send_to_all(conversation, ["started"])
    await _until(lambda: two.sockets[conversation] == ["started", "all so far"])
    await one.others.send(conversation, ["more"])
    await _until(lambda: two.sockets[conversation][-1] == "more")


async def test_who_left_gets_one_frame_more_and_is_forgotten(one: Process, two: Process) -> None:
    conversation = uuid4()
    await one.watch(conversation)
    await two.watch(conversation)
    await _until(lambda: one.others.watches(conversation))
    del two.sockets[conversation]
    await one.others.send(conversation, ["too late"])
    await _until(lambda: not one.others.watches(conversation))


async def test_who_died_is_forgotten_with_the_first_frame(one: Process, two: Process) -> None:
    conversations = [uuid4(), uuid4()]
    for conversation in conversations:
        await one.watch(conversation)
        await two.watch(conversation)
    await _until(lambda: all(map(one.others.watches, conversations)))
    await two.others.close()
    await asyncio.sleep(0.1)  # until Redis has seen the connection close
    await one.others.send(conversations[0], ["to nobody"])
    assert not any(map(one.others.watches, conversations))


async def test_a_stop_reaches_whoever_runs_the_turn(one: Process, two: Process) -> None:
    turn = uuid4()
    await one.others.stop(turn)
    await _until(lambda: turn in two.stopped)
    assert turn not in one.stopped


async def test_without_redis_nothing_is_said_and_nothing_fails(
    redis: RedisServer, one: Process, two: Process
) -> None:
    conversation = uuid4()
    await one.watch(conversation)
    await two.watch(conversation)
    await _until(lambda: one.others.watches(conversation))
    redis.stop()
    await one.others.send(conversation, ["lost"])
    await one.others.announce([conversation])
    await one.others.keep_snapshot(uuid4(), "lost")
    assert await one.others.snapshot(uuid4()) is None
    assert one.others.watches(conversation), "it is Redis that is gone, not the other process"


async def test_after_a_restart_of_redis_all_is_as_before(
    redis: RedisServer, one: Process, two: Process
) -> None:
    before, during = uuid4(), uuid4()
    await one.watch(before)
    await two.watch(before)
    redis.stop()
    one.answers[during] = "all so far"
    await two.watch(during)
    assert two.others.lost_since is None
    redis.start()
    await _until(lambda: "all so far" in two.sockets[during])
    assert two.others.lost_since is not None
    await _until(lambda: one.others.watches(before))
    await one.others.send(before, ["again"])
    await _until(lambda: two.sockets[before] == ["again"])


async def test_the_snapshot_of_one_is_read_by_the_other(one: Process, two: Process) -> None:
    turn = uuid4()
    await one.others.keep_snapshot(turn, "so far")
    assert await two.others.snapshot(turn) == b"so far"


async def test_what_another_version_says_costs_nobody_the_others(
    one: Process, two: Process
) -> None:
    for message in (
        {"type": "frames", "from": "two"},
        {"no": "type"},
        {"type": "new", "from": "x"},
    ):
        await two.others._bell.ring(message)
    await _hears(one, two)


async def test_a_process_ends_whatever_it_is_waiting_for(redis: RedisServer) -> None:
    for moment in range(100):
        process = Process("short-lived", redis)
        process.others.listen()
        await asyncio.sleep(moment * 0.0001)  # redis-py swallows a cancellation while it connects
        await asyncio.wait_for(process.others.close(), PATIENCE)
