"""Connections belong to event loops, and a process has several."""

import asyncio

import httpx2
import pytest

from chat.llm.base import ConnectionFailed, TimedOut
from chat.llm.transport import PerLoop, sdk_timeout, transport_failure


class Client:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


async def test_one_loop_keeps_one_client() -> None:
    clients = PerLoop(Client)

    assert clients.get() is clients.get()


def test_every_loop_has_a_client_of_its_own() -> None:
    clients = PerLoop(Client)

    async def get() -> Client:
        return clients.get()

    assert asyncio.run(get()) is not asyncio.run(get())


async def test_a_closed_client_is_replaced() -> None:
    clients = PerLoop(Client)
    first = clients.get()

    await clients.close()
    await clients.close()

    assert first.closed
    assert clients.get() is not first


def test_a_loop_closes_only_its_own_client() -> None:
    clients = PerLoop(Client)

    async def one() -> Client:
        return clients.get()

    async def other() -> None:
        clients.get()
        await clients.close()

    first = asyncio.run(one())
    asyncio.run(other())

    assert not first.closed


def test_the_clients_of_loops_that_ended_are_let_go() -> None:
    clients = PerLoop(Client)

    async def get() -> None:
        clients.get()

    for _ in range(5):
        asyncio.run(get())

    assert len(clients._clients) == 1


def test_a_connection_and_a_silence_have_limits_of_their_own() -> None:
    limits = sdk_timeout(connect=2.0, silence=60.0)

    assert (limits.connect, limits.pool) == (2.0, 2.0)
    assert (limits.read, limits.write) == (60.0, 60.0)


@pytest.mark.parametrize(
    ("top", "root", "error"),
    [
        (httpx2.ConnectTimeout("x"), ConnectionRefusedError(), ConnectionFailed),
        (httpx2.ConnectTimeout("x"), TimeoutError(), TimedOut),
        (httpx2.ReadError("x"), ConnectionResetError(), ConnectionFailed),
        (httpx2.ReadTimeout("x"), None, TimedOut),
        (httpx2.RemoteProtocolError("x"), None, ConnectionFailed),
    ],
)
def test_the_root_cause_tells_a_time_out_from_a_broken_line(
    top: Exception, root: Exception | None, error: type[Exception]
) -> None:
    top.__cause__ = root

    assert type(transport_failure("anthropic", top)) is error
