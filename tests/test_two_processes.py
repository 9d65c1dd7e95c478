"""Production in small: two servers and a Celery worker on one PostgreSQL and one Redis."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from django.db import connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from chat.models import Classification, Message, Turn
from tests.live_server import ROOT, LiveServer
from tools.knowledge import articles
from tools.knowledge.models import Article

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not os.environ.get("DATABASE_URL") or not os.environ.get("REDIS_URL"),
        reason="two processes share PostgreSQL and Redis: set DATABASE_URL and REDIS_URL",
    ),
]

PATIENCE = 20.0
"""Seconds for anything that crosses processes; all of it takes less than one as a rule."""

SENTENCES = [f"Step {n} of the glaze takes {n} minutes in a warm kiln." for n in range(1, 9)]
GLAZING = "## How do I glaze a bowl?\n\n" + " ".join(SENTENCES)
QUESTION = "How do I glaze a bowl?"


@pytest.fixture
def environment() -> dict[str, str]:
    """What production sets: the tests' own database, Redis and a secret."""
    database = connection.settings_dict
    host, port = database["HOST"] or "127.0.0.1", database["PORT"] or 5432
    login = database["USER"] + (f":{database['PASSWORD']}" if database["PASSWORD"] else "")
    return {
        "DATABASE_URL": f"postgres://{login}@{host}:{port}/{database['NAME']}",
        "REDIS_URL": os.environ["REDIS_URL"],
        "SECRET_KEY": "a-secret-that-both-processes-share-with-nobody-else",
        "SUPPORTBOT_DEMO": "false",
        "SUPPORTBOT_HTTPS": "false",
    }


@pytest.fixture
def servers(
    transactional_db: None, environment: dict[str, str], tmp_path: Path
) -> Iterator[tuple[LiveServer, LiveServer]]:
    articles.save(Article(title="Glazing", body=GLAZING))
    one, two = (LiveServer(tmp_path / name, environment=environment) for name in ("one", "two"))
    yield one.start(), two.start()
    assert [server.stop() for server in (one, two)] == [0, 0]
    assert "Traceback" not in one.log + two.log


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """An ordinary Celery worker, as docs/configuration.md starts it."""
    command = [sys.executable, "-m", "celery", "-A", "supportbot", "worker", "--pool", "threads"]
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "worker"), **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(PATIENCE)


class Client:
    """One socket to one server."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.frames: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                frame: dict[str, Any] = json.loads(await self._socket.recv())
                self.frames.append(frame)
                if frame["type"] == kind:
                    return frame


Opened = Callable[[LiveServer], AbstractAsyncContextManager[Client]]


@pytest.fixture
def opened(servers: tuple[LiveServer, LiveServer]) -> Opened:
    """Opens sockets of one visitor's conversation, on any server."""
    session = httpx2.post(f"{servers[0].url}/api/session", json={}).json()

    @asynccontextmanager
    async def client(server: LiveServer) -> Any:
        address = f"{server.url.replace('http', 'ws')}/ws/chat/"
        async with connect(address, origin=Origin(server.url), max_queue=None) as socket:
            made = Client(socket)
            await made.send(type="hello", **session)
            await made.until("ready")
            yield made

    return client


async def _stored(model: type[Any], **wanted: Any) -> Any:
    """The one row, as soon as it is there."""
    async with asyncio.timeout(PATIENCE):
        while not await model.objects.filter(**wanted).aexists():  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.05)
    return await model.objects.aget(**wanted)


async def test_an_answer_reaches_a_socket_of_the_other_process(
    servers: tuple[LiveServer, LiveServer], opened: Opened
) -> None:
    one, two = servers
    async with opened(one) as asking, opened(two) as watching:
        await asking.send(type="message.send", id=uuid4().hex, text=QUESTION)
        there = await watching.until("answer.completed")
        here = await asking.until("answer.completed")
    assert there["message"] == here["message"]
    assert len([f for f in watching.frames if f["type"] == "answer.delta"]) > 3
    reply = await Message.objects.aget(role=Message.Role.ASSISTANT)
    assert there["message"]["text"] == reply.text


async def test_who_arrives_in_mid_answer_at_the_other_process_gets_all_of_it(
    servers: tuple[LiveServer, LiveServer], opened: Opened
) -> None:
    one, two = servers
    async with opened(one) as asking:
        await asking.send(type="message.send", id=uuid4().hex, text=QUESTION)
        await asking.until("answer.delta")
        async with opened(two) as late:
            turn = late.frames[-1]["turn"]
            assert turn, "the turn runs when the late one arrives"
            await late.send(type="sync", turn=turn["turn"], offset=0)
            completed = await late.until("answer.completed")
    text = completed["message"]["text"]
    assert text.startswith(turn["text"])
    deltas = [frame for frame in late.frames if frame["type"] == "answer.delta"]
    assert len(deltas) > 3
    for delta in deltas:
        assert text[delta["offset"] :].startswith(delta["text"])


async def test_an_answer_is_stopped_through_the_other_process(
    servers: tuple[LiveServer, LiveServer], opened: Opened
) -> None:
    one, two = servers
    async with opened(one) as asking, opened(two) as other:
        await asking.send(type="message.send", id=uuid4().hex, text=QUESTION)
        started = await other.until("answer.delta")
        await other.send(type="answer.stop", turn=started["turn"])
        completed = await asking.until("answer.completed")
    assert completed["message"]["partial"]
    turn = await Turn.objects.aget(pk=UUID(started["turn"]))
    assert turn.status == Turn.Status.STOPPED


async def test_a_worker_reads_what_the_message_is_about(
    servers: tuple[LiveServer, LiveServer], opened: Opened, worker: None
) -> None:
    async with opened(servers[0]) as asking:
        await asking.send(type="message.send", id=uuid4().hex, text="I was charged twice! Help!")
        await asking.until("answer.completed")
    reading = await _stored(Classification, message__role=Message.Role.CUSTOMER)
    assert reading.category == Classification.Category.BILLING
