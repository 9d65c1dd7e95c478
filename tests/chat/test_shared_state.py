"""The Redis that is shared, and what happens while it is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from chat.shared_state import DOUBT, PAUSE, Circuit, Script, SharedState, Unavailable
from tests.chat.test_windows import Clock
from tests.live_server import free_port
from tests.redis_server import ON_PATH, RedisServer

ECHO = Script("return ARGV[1]")


# The circuit -------------------------------------------------------------------------------------


def test_after_a_failure_one_caller_a_second_tries() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    assert circuit.may_try()
    circuit.failed(OSError())
    assert not circuit.may_try()
    clock.now += PAUSE
    assert [circuit.may_try() for _ in range(5)] == [True] + [False] * 4
    clock.now += PAUSE
    assert circuit.may_try(), "who tried before may never have come back"


def test_a_success_closes_it() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    circuit.failed(OSError())
    assert circuit.is_down()
    circuit.worked()
    assert not circuit.is_down()
    assert all(circuit.may_try() for _ in range(5))


def test_a_failure_is_believed_until_it_is_old() -> None:
    clock = Clock()
    circuit = Circuit(clock)
    circuit.failed(OSError())
    clock.now += DOUBT - 0.1
    assert circuit.is_down(), "between two tries it is down all the same"
    clock.now += 0.2
    assert not circuit.is_down()


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    circuit = Circuit(Clock())
    for _ in range(10):
        circuit.failed(OSError("refused"))
    for _ in range(10):
        circuit.worked()
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]


# Redis -------------------------------------------------------------------------------------------


async def test_a_redis_that_is_not_there_is_told_at_once() -> None:
    shared = SharedState(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(Unavailable):
        await shared.run(ECHO, [], ["hello"])
    assert shared.circuit.is_down()


@pytest.fixture
async def silent() -> AsyncIterator[tuple[str, list[int]]]:
    """A server that takes connections and never says a word, and what it took."""
    taken: list[int] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(len(taken))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", taken


async def test_a_redis_that_hangs_costs_the_time_out_once(
    silent: tuple[str, list[int]],
) -> None:
    url, taken = silent
    shared = SharedState(url, Clock())
    for _ in range(50):
        with pytest.raises(Unavailable):
            await shared.run(ECHO, [], ["hello"])
    assert len(taken) == 1
    await shared.close()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.stop()


@pytest.mark.skipif(not ON_PATH, reason="stops and starts a redis-server: put it on the PATH")
async def test_a_redis_that_returns_is_used_again_by_itself(server: RedisServer) -> None:
    clock = Clock()
    shared = SharedState(server.url, clock)
    assert await shared.run(ECHO, [], ["before"]) == b"before"
    server.stop()
    with pytest.raises(Unavailable):
        await shared.run(ECHO, [], ["lost"])
    server.start()
    with pytest.raises(Unavailable):
        await shared.run(ECHO, [], ["too early to try"])
    clock.now += PAUSE
    assert await shared.run(ECHO, [], ["after"]) == b"after", "the script is loaded anew, too"
    assert not shared.circuit.is_down()
    await shared.close()


@pytest.mark.skipif(not ON_PATH, reason="stops and starts a redis-server: put it on the PATH")
async def test_a_connection_that_was_closed_meanwhile_is_no_outage(server: RedisServer) -> None:
    shared = SharedState(server.url)
    await shared.run(ECHO, [], ["before"])
    server.stop()
    server.start()
    assert await shared.run(ECHO, [], ["after"]) == b"after"
    await shared.close()


@pytest.mark.skipif(not ON_PATH, reason="stops and starts a redis-server: put it on the PATH")
def test_each_event_loop_has_connections_of_its_own(server: RedisServer) -> None:
    shared = SharedState(server.url)

    async def ask(word: str) -> bytes:
        answer: bytes = await shared.run(ECHO, [], [word])
        await shared.close()
        return answer

    assert [asyncio.run(ask(word)) for word in ("one", "two")] == [b"one", b"two"]
