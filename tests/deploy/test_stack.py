"""Production on loopback: what nginx lets through, and what is said while a part of it is away."""

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from httpx2 import Client, Response
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from deploy.processes import Process
from deploy.prod_local import Stack
from tests.deploy.conftest import TOKEN

pytestmark = pytest.mark.any_storage

PATIENCE = 30.0
"""Seconds for what is stopped or started to be noticed; one or two as a rule."""

TOKEN_HEADER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def nginx(stack: Stack) -> Iterator[Client]:
    with Client(base_url=stack.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def web(stack: Stack) -> Iterator[Client]:
    """The first server itself, as a container's health check asks it."""
    with Client(base_url=f"http://127.0.0.1:{stack.web[0].port}", timeout=PATIENCE) as client:
        yield client


@contextmanager
def away(process: Process) -> Iterator[None]:
    """Killed, and back afterwards."""
    process.kill()
    yield
    process.restart()


def wait_for(asked: Callable[[], Response], status: int) -> dict[str, Any]:
    """Asks until the answer has this status."""
    deadline = time.monotonic() + PATIENCE
    while (answer := asked()).status_code != status:
        assert time.monotonic() < deadline, f"{answer.status_code}: {answer.text}"
        time.sleep(0.1)
    body: dict[str, Any] = answer.json()
    return body


def reasons(answer: dict[str, Any]) -> set[str]:
    """The checks that failed."""
    return {name for name, check in answer["checks"].items() if not check["ok"]}


# Readiness ---------------------------------------------------------------------------------------


def test_with_all_of_it_there_a_server_is_ready(web: Client) -> None:
    answer = wait_for(lambda: web.get("/readyz"), 200)
    assert set(answer["checks"]) == {"database", "migrations", "cache", "broker"}
    assert reasons(answer) == set()


def test_without_redis_cache_and_broker_are_missed_and_chats_go_on(
    stack: Stack, web: Client
) -> None:
    with away(stack.redis):
        assert reasons(wait_for(lambda: web.get("/readyz"), 503)) == {"cache", "broker"}
        assert web.get("/readyz?exclude=cache&exclude=broker").status_code == 200
        assert web.get("/healthz").status_code == 200
    wait_for(lambda: web.get("/readyz"), 200)


def test_with_a_redis_that_hangs_it_answers_all_the_same(stack: Stack, web: Client) -> None:
    stack.redis.kill(signal.SIGSTOP)
    try:
        assert reasons(wait_for(lambda: web.get("/readyz"), 503)) == {"cache", "broker"}
    finally:
        stack.redis.kill(signal.SIGCONT)
    wait_for(lambda: web.get("/readyz"), 200)


def test_without_postgresql_the_database_is_missed(stack: Stack, web: Client) -> None:
    with away(stack.postgres):
        assert reasons(wait_for(lambda: web.get("/readyz"), 503)) == {"database"}
        assert web.get("/healthz").status_code == 200
    wait_for(lambda: web.get("/readyz"), 200)


def test_before_the_migrations_a_server_is_not_ready(stack: Stack, web: Client) -> None:
    address = stack.environment["DATABASE_URL"].replace("postgres://", "postgresql://")
    with psycopg.connect(address, autocommit=True) as database:
        database.execute("CREATE TABLE kept AS TABLE django_migrations")
        database.execute("TRUNCATE django_migrations")
        try:
            stack.web[0].restart()
            assert reasons(wait_for(lambda: web.get("/readyz"), 503)) == {"migrations"}
        finally:
            database.execute("INSERT INTO django_migrations SELECT * FROM kept")
            database.execute("DROP TABLE kept")
    wait_for(lambda: web.get("/readyz"), 200)


# nginx -------------------------------------------------------------------------------------------


def test_pages_and_static_files_come_through_nginx(nginx: Client) -> None:
    assert nginx.get("/help/").status_code == 200
    widget = nginx.get("/static/widget/widget.js")
    assert widget.headers["Access-Control-Allow-Origin"] == "*"
    assert widget.headers["Content-Type"].startswith(("text/javascript", "application/javascript"))
    assert nginx.get("/static/admin/css/base.css").status_code == 200
    assert nginx.get("/static/../supportbot/settings.py").status_code == 404
    assert nginx.get("/static/%2e%2e/deploy/nginx.py").status_code in {400, 404}


def test_the_world_reads_no_metrics_and_no_reasons(
    stack: Stack, nginx: Client, web: Client
) -> None:
    assert web.get("/metrics", headers=TOKEN_HEADER).status_code == 200
    assert nginx.get("/metrics", headers=TOKEN_HEADER).status_code == 404
    assert "checks" in web.get("/readyz").json()
    assert nginx.get("/readyz", headers=TOKEN_HEADER).json() == {"status": "ready"}


def test_a_body_that_is_too_long_is_refused_before_the_server_sees_it(nginx: Client) -> None:
    assert nginx.post("/api/session", content=b"x" * 65_537).status_code == 413
    assert nginx.post("/admin/login/", content=b"x" * 65_537).status_code == 403  # no CSRF token


async def hello(stack: Stack, port: int, *, forwarded: str = "") -> ClientConnection:
    """A chat that the server has let in. Raises what the opening raises."""
    with Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        token = client.post("/api/session", json={}).json()["token"]
    socket = await connect(
        f"ws://127.0.0.1:{port}/ws/chat/",
        origin=Origin(stack.url),
        additional_headers={"X-Forwarded-For": forwarded} if forwarded else {},
    )
    await socket.send(json.dumps({"type": "hello", "token": token}))
    ready = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))
    assert ready["type"] == "ready"
    return socket


async def test_a_chat_is_answered_through_nginx(stack: Stack) -> None:
    socket = await hello(stack, stack.port)
    message = {"type": "message.send", "id": "1", "text": "I want to talk to a person"}
    await socket.send(json.dumps(message))
    kinds = set[str]()
    while not kinds & {"answer.completed", "answer.failed"}:
        kinds.add(json.loads(await asyncio.wait_for(socket.recv(), PATIENCE))["type"])
    assert {"message.accepted", "answer.delta", "answer.completed"} <= kinds
    await socket.close()


async def test_with_one_server_killed_the_other_takes_every_new_chat(stack: Stack) -> None:
    with away(stack.web[1]):
        for _ in range(4):
            await (await hello(stack, stack.port)).close()
