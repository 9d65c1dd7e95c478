"""How a server ends, daphne and uvicorn alike: nobody is cut off without a word."""

import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.live_server import PRODUCTION, LiveServer

pytestmark = pytest.mark.any_storage

SERVERS = {"daphne": ("manage.py", "serve"), "uvicorn": PRODUCTION}

LONGEST_RETURN_MS = 1_250
"""Milliseconds after which the customers of a nearly empty server are all told to come back."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a shop in which nothing has happened yet."""
    data = tmp_path_factory.mktemp("migrated")
    LiveServer(data).manage("migrate", "--verbosity", "0")
    return data


@contextmanager
def _running(command: Sequence[str], data: Path) -> Iterator[LiveServer]:
    made = LiveServer(data, command=command)
    try:
        yield made.start()
    finally:
        made.kill()
    assert "Traceback" not in made.log, made.log


@pytest.fixture(params=list(SERVERS.values()), ids=list(SERVERS))
def server(request: pytest.FixtureRequest, migrated: Path) -> Iterator[LiveServer]:
    with _running(request.param, migrated) as started:
        yield started


@contextmanager
def _greeted(server: LiveServer) -> Iterator[ClientConnection]:
    session = httpx2.post(f"{server.url}/api/session", json={}).json()
    address = f"{server.url.replace('http', 'ws')}/ws/chat/"
    with connect(address, origin=Origin(server.url)) as chat:
        chat.send(json.dumps({"type": "hello", **session}))
        assert _next(chat)["type"] == "ready"
        yield chat


def _next(chat: ClientConnection) -> dict[str, Any]:
    frame: dict[str, Any] = json.loads(chat.recv(20))
    return frame


def _rest(chat: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """What still comes, and the code that the socket is closed with."""
    frames = []
    try:
        while True:
            frames.append(_next(chat))
    except ConnectionClosed as closed:
        return frames, closed.rcvd.code if closed.rcvd else 1006


def test_sockets_are_told_when_to_come_back_and_closed_as_by_a_restart(server: LiveServer) -> None:
    with _greeted(server) as chat:
        server.ask_to_stop(signal.SIGTERM)
        frames, code = _rest(chat)
    assert [frame["type"] for frame in frames] == ["restarting"]
    assert 250 <= frames[0]["retry_after_ms"] <= LONGEST_RETURN_MS
    assert code == 1012
    assert server.wait() == 0
    with pytest.raises(URLError):
        urlopen(f"{server.url}/healthz", timeout=5)  # noqa: S310  # loopback


def test_what_is_no_frame_closes_its_socket_and_leaves_no_traceback(server: LiveServer) -> None:
    with _greeted(server) as chat:
        chat.send(b"\xff\xfe{}", text=True)
        assert _rest(chat) == ([], 1007), "it is no text"
    with _greeted(server) as chat:
        chat.send(json.dumps({"type": "ping", "id": uuid4().hex, "padding": "x" * 70_000}))
        assert _rest(chat) == ([], 1009), "it is longer than 64 KiB"
    assert server.stop() == 0
