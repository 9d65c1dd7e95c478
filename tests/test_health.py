"""`/healthz` and `/readyz`: for whom, with what, and in front of everything else."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.db import OperationalError
from django.test import override_settings
from httpx2 import ASGITransport, AsyncClient
from pytest_django import Settings

from supportbot import health
from supportbot.asgi import http
from supportbot.readiness import Check

TOKEN = "the-scraper's-token"


def there() -> None:
    """Looks at something that is there."""


def away() -> None:
    raise OperationalError("password=hunter2 is wrong")


@pytest.fixture(autouse=True)
def _as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_draining", False)
    monkeypatch.setattr(health, "_told", {})


@asynccontextmanager
async def client(address: str) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(http, client=(address, 40_000))  # type: ignore[arg-type]  # Django says dict, httpx2 mapping
    async with AsyncClient(transport=transport, base_url="http://localhost") as opened:
        yield opened


@pytest.fixture
async def here() -> AsyncIterator[AsyncClient]:
    """On the server's own machine, and not through a proxy."""
    async with client("127.0.0.1") as opened:
        yield opened


@pytest.fixture
async def outside() -> AsyncIterator[AsyncClient]:
    async with client("203.0.113.9") as opened:
        yield opened


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECKS", (Check("database", there), Check("cache", there)))


@pytest.fixture
def cache_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECKS", (Check("database", there), Check("cache", away)))


@pytest.fixture
def token(settings: Settings) -> str:
    settings.METRICS_TOKEN = TOKEN
    return f"Bearer {TOKEN}"


async def test_a_process_that_answers_is_alive_whatever_else_is_away(
    here: AsyncClient, cache_away: None
) -> None:
    answer = await here.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_a_process_that_has_all_is_ready(outside: AsyncClient, well: None) -> None:
    answer = await outside.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_one_that_lacks_something_is_not(outside: AsyncClient, cache_away: None) -> None:
    answer = await outside.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unready"})


async def test_one_that_is_about_to_end_is_not(here: AsyncClient, well: None) -> None:
    health.leave()
    answer = await here.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["server"]["reason"] == "draining"
    assert (await here.get("/healthz")).status_code == 200


async def test_a_balancer_may_leave_out_what_chats_go_on_without(
    here: AsyncClient, cache_away: None
) -> None:
    assert (await here.get("/readyz?exclude=cache&exclude=broker")).status_code == 200
    assert (await here.get("/readyz?exclude=database")).status_code == 503


async def test_this_machine_reads_what_is_wrong_and_no_secret(
    here: AsyncClient, cache_away: None
) -> None:
    answer = await here.get("/readyz")
    checks = answer.json()["checks"]
    assert checks["database"]["ok"]
    assert checks["cache"]["reason"] == "OperationalError"
    assert b"hunter2" not in answer.content


async def test_so_does_whoever_has_the_token(
    outside: AsyncClient, cache_away: None, token: str
) -> None:
    answer = await outside.get("/readyz", headers={"authorization": token})
    assert answer.json()["checks"]["cache"]["reason"] == "OperationalError"


@pytest.mark.parametrize("sent", ["", "Bearer ", "Bearer wrong", TOKEN, "Bearer é"])
async def test_with_a_wrong_token_nobody_does(
    outside: AsyncClient, cache_away: None, token: str, sent: str
) -> None:
    answer = await outside.get("/readyz", headers={b"authorization": sent.encode()})
    assert answer.json() == {"status": "unready"}


async def test_without_a_token_set_an_empty_one_opens_nothing(
    outside: AsyncClient, cache_away: None
) -> None:
    answer = await outside.get("/readyz", headers={"authorization": "Bearer "})
    assert answer.json() == {"status": "unready"}


@pytest.mark.parametrize("header", ["x-forwarded-for", "x-real-ip", "forwarded", "via"])
async def test_what_comes_through_a_proxy_on_this_machine_is_from_outside(
    here: AsyncClient, cache_away: None, header: str
) -> None:
    answer = await here.get("/readyz", headers={header: "127.0.0.1"})
    assert answer.json() == {"status": "unready"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_neither_asks_for_a_host_name_tls_or_a_limit(
    here: AsyncClient, well: None, path: str, settings: Settings
) -> None:
    settings.REQUESTS_PER_MINUTE_IP = 1
    with override_settings(SECURE_SSL_REDIRECT=True, ALLOWED_HOSTS=["support.example"]):
        answers = [await here.get(path, headers={"host": "10.0.0.7"}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert not answers[0].cookies


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_both_are_only_read(here: AsyncClient, well: None, path: str) -> None:
    assert (await here.post(path)).status_code == 405
    assert (await here.head(path)).status_code == 200


async def test_the_log_tells_what_changed_and_no_more(
    here: AsyncClient, cache_away: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            await here.get("/readyz")
    assert caplog.messages == ["not ready: cache: OperationalError"]
