"""The server as a process: what it says when it starts, and how it ends."""

import json
import shutil
import socket
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.live_server import LiveServer

pytestmark = pytest.mark.any_storage


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data that a first start leaves behind."""
    data = tmp_path_factory.mktemp("demo")
    assert LiveServer(data).start().stop() == 0
    return data


@pytest.fixture
def shop(tmp_path: Path, demo: Path) -> LiveServer:
    """The demo shop on the embedded default, not started yet. It was started before."""
    return LiveServer(shutil.copytree(demo, tmp_path / "data"))


def _page(server: LiveServer, path: str = "/") -> str:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=10) as answer:  # noqa: S310  # loopback
        text: str = answer.read().decode()
        return text


@contextmanager
def _greeted(server: LiveServer, session: dict[str, str]) -> Iterator[ClientConnection]:
    """A socket that has said hello."""
    address = f"{server.url.replace('http', 'ws')}/ws/chat/"
    with connect(address, origin=Origin(server.url)) as chat:
        chat.send(json.dumps({"type": "hello", **session}))
        yield chat


def _until(chat: ClientConnection, kind: str) -> dict[str, Any]:
    """Reads frames up to the first of a kind."""
    while True:
        frame: dict[str, Any] = json.loads(chat.recv(20))
        if frame["type"] == kind:
            return frame


def test_it_starts_with_the_demo_keeps_it_and_stops(tmp_path: Path) -> None:
    shop = LiveServer(tmp_path / "data").start()
    greeting = next(line for line in shop.output if line.startswith("Ready:"))
    assert f"{shop.url}/ " in greeting
    assert f"{shop.url}/admin/" in greeting
    assert "staff / demo-staff" in greeting
    assert "<supportbot-chat" in _page(shop)
    articles = shop.rows("SELECT count(*) FROM knowledge_article")
    assert articles[0][0] >= 30
    assert shop.stop() == 0

    shop.output.clear()
    shop.start()
    assert "Demo" not in shop.log
    assert shop.rows("SELECT count(*) FROM knowledge_article") == articles
    assert shop.stop() == 0


def _ended_in_mid_answer(shop: LiveServer, end: Callable[[], None]) -> dict[str, str]:
    """Starts a server and ends it while it answers. Returns the customer's session."""
    shop.start()
    session: dict[str, str] = httpx2.post(f"{shop.url}/api/session", json={}).json()
    with _greeted(shop, session) as chat:
        question = {"type": "message.send", "id": uuid4().hex, "text": "How do I return an item?"}
        chat.send(json.dumps(question))
        _until(chat, "answer.delta")
        end()
    return session


def _stopped_in_mid_answer(shop: LiveServer) -> dict[str, str]:
    def stop() -> None:
        assert shop.stop() == 0

    return _ended_in_mid_answer(shop, stop)


ANSWERS = "SELECT text FROM chat_message WHERE role = 'assistant'"


def test_stopped_in_mid_answer_it_ends_the_answer_first(shop: LiveServer) -> None:
    _stopped_in_mid_answer(shop)
    assert len(shop.rows(ANSWERS)) == 1
    assert "Traceback" not in shop.log


def test_an_answer_that_does_not_end_in_time_is_given_after_the_next_start(
    shop: LiveServer,
) -> None:
    shop = LiveServer(shop.data_dir, environment={"SUPPORTBOT_DRAIN_SECONDS": "0"})
    session = _stopped_in_mid_answer(shop)
    assert shop.rows(ANSWERS) == []

    shop.start()
    with _greeted(shop, session) as chat:
        answer = _until(chat, "answer.completed")["message"]["text"]
    assert shop.rows(ANSWERS) == [(answer,)]
    assert shop.stop() == 0
    assert "Traceback" not in shop.log


def test_the_answer_of_a_server_that_was_killed_is_given_at_the_next_start(
    shop: LiveServer,
) -> None:
    """At once: the lease that the dead server held would last for seconds more."""
    session = _ended_in_mid_answer(shop, shop.kill)
    shop.start()
    with _greeted(shop, session) as chat:
        answer = _until(chat, "answer.completed")["message"]["text"]
    assert shop.rows(ANSWERS) == [(answer,)]
    assert "1 turns were left here by the last server" in shop.log
    assert shop.stop() == 0


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do(shop: LiveServer) -> None:
    with (
        closing(socket.create_server(("127.0.0.1", shop.port))),
        pytest.raises(AssertionError) as failed,
    ):
        shop.start()
    assert f"Port {shop.port}" in str(failed.value)
    assert "PORT=8001 make run" in str(failed.value)
    assert "Traceback" not in str(failed.value)
