"""The way to one client, and what becomes of one that does not read."""

import asyncio
from typing import Any

import pytest

from chat import line
from chat.line import CAP, TOO_SLOW, TRY_AGAIN, Line
from tests.chat.socket import TIMEOUT

STATE = "the state"


class Client:
    """The other end. It reads while `reading` is set."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self.got: list[str] = []
        self.closed: list[int] = []
        self.aborted = False
        self.may_have_the_state = True
        self.line = self.connect()

    def connect(self, *, tells: bool = False) -> Line:
        extensions: dict[str, Any] = {line.ABORT: self.abort}
        if tells:
            extensions[line.WRITABLE] = self.reading.is_set
        return Line(self.send, extensions, self.state)

    async def send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        if message["type"] == "websocket.close":
            self.closed.append(message["code"])
        else:
            self.got.append(message["text"])

    async def state(self) -> bool:
        if self.may_have_the_state:
            await self.line.insist(STATE)
        return self.may_have_the_state

    def abort(self) -> None:
        self.aborted = True

    async def has(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT):
            while len(self.got) < count:  # noqa: ASYNC110  # by a task
                await asyncio.sleep(0)


@pytest.fixture
async def client() -> Client:
    return Client()


async def test_frames_arrive_in_their_order(client: Client) -> None:
    for number in range(5):
        await client.line.pass_on(str(number))
    await client.line.reply("answer")
    await client.has(6)
    assert client.got == ["0", "1", "2", "3", "4", "answer"]


async def test_where_the_server_tells_that_it_may_a_frame_goes_out_at_once(client: Client) -> None:
    client.line = client.connect(tells=True)
    await client.line.pass_on("now")
    assert client.got == ["now"]


async def test_who_passes_frames_on_never_waits_for_the_client(client: Client) -> None:
    client.line = client.connect(tells=True)
    client.reading.clear()
    async with asyncio.timeout(TIMEOUT):
        for _ in range(2 * CAP // 1000):
            await client.line.pass_on("x" * 1000)


async def test_a_client_that_reads_again_gets_what_waited_and_then_the_state(
    client: Client,
) -> None:
    client.reading.clear()
    frames = [f"{number:01000}" for number in range(2 * CAP // 1000)]
    for frame in frames:
        await client.line.pass_on(frame)
    client.reading.set()
    await client.has(CAP // 1000 + 1)
    await client.line.pass_on("after")
    await client.has(CAP // 1000 + 2)
    assert client.got[:-2] == frames[: CAP // 1000]
    assert client.got[-2:] == [STATE, "after"]


async def test_what_waits_is_counted_in_bytes(client: Client) -> None:
    client.reading.clear()
    for _ in range(2 * CAP // 4000):
        await client.line.pass_on("🦊" * 1000)
    client.reading.set()
    await client.has(CAP // 4000 + 1)
    assert client.got.count(STATE) == 1


async def test_a_client_that_asks_and_does_not_read_is_not_heard_meanwhile(client: Client) -> None:
    client.reading.clear()
    answers = asyncio.create_task(_ask(client, 2 * CAP // 1000))
    await asyncio.sleep(0.05)
    assert not answers.done()
    client.reading.set()
    await asyncio.wait_for(answers, TIMEOUT)
    await client.has(2 * CAP // 1000)
    assert STATE not in client.got


async def _ask(client: Client, times: int) -> None:
    for _ in range(times):
        await client.line.reply("x" * 1000)


async def test_a_client_that_needs_too_long_is_closed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PATIENCE", 0.01)
    monkeypatch.setattr(line, "LAST_WORDS", 0.01)
    client.reading.clear()
    for _ in range(2 * CAP // 1000):
        await client.line.pass_on("x" * 1000)
    async with asyncio.timeout(TIMEOUT):
        while not client.aborted:  # noqa: ASYNC110  # set by a timer
            await asyncio.sleep(0.01)
    assert client.closed == [], "it does not read its close frame either"
    await client.line.pass_on("more")
    assert client.got == []


async def test_one_that_reads_after_all_is_told_why(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PATIENCE", 0.01)
    client.reading.clear()
    for _ in range(2 * CAP // 1000):
        await client.line.pass_on("x" * 1000)
    await asyncio.sleep(0.05)
    client.reading.set()
    async with asyncio.timeout(TIMEOUT):
        while not client.closed:  # noqa: ASYNC110  # by a task
            await asyncio.sleep(0.01)
    assert client.closed == [TOO_SLOW]


async def test_a_client_whose_state_cannot_be_had_is_sent_away(client: Client) -> None:
    client.may_have_the_state = False
    client.reading.clear()
    for _ in range(2 * CAP // 1000):
        await client.line.pass_on("x" * 1000)
    client.reading.set()
    async with asyncio.timeout(TIMEOUT):
        while not client.closed:  # noqa: ASYNC110  # by a task
            await asyncio.sleep(0.01)
    assert client.closed == [TRY_AGAIN]


async def test_an_idle_line_holds_no_task(client: Client) -> None:
    before = asyncio.all_tasks()
    await client.line.reply("one")
    await client.has(1)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_what_waits_when_the_socket_closes_is_dropped(client: Client) -> None:
    client.reading.clear()
    await client.line.pass_on("for nobody")
    client.line.hang_up()
    client.reading.set()
    await asyncio.sleep(0.01)
    assert client.got == []
