"""The limits, one by one: what is counted, for whom, and what happens without Redis."""

import logging
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from chat import clients, limits
from chat.limits import Counters, RateLimited
from chat.models import Conversation, Message
from chat.open_sockets import OpenSockets
from chat.windows import MemoryWindows, Windows
from supportbot.env import Environment
from tests.chat.test_windows import Clock, needs_redis
from tests.live_server import free_port

pytestmark = pytest.mark.django_db(transaction=True)

HOME, CAFE = "203.0.113.9", "198.51.100.7"
ATTEMPTS = 1_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _counters(clock: Clock) -> Iterator[None]:
    """Counters of this process, at the test's own time."""
    limits.install(Counters(Windows(MemoryWindows(clock), None), OpenSockets(None)))
    yield
    limits.install(None)


@pytest.fixture(autouse=True)
def _as_delivered(settings: Settings) -> None:
    """The limits of a deployment that sets none."""
    for name in (
        "MESSAGES_PER_MINUTE",
        "MESSAGES_PER_MINUTE_IP",
        "SESSIONS_PER_MINUTE_IP",
        "SOCKETS_PER_IP",
        "REQUESTS_PER_MINUTE_IP",
    ):
        default = Environment.model_fields[f"supportbot_{name.lower()}"].default
        setattr(settings, name, default)


@pytest.fixture
def without_redis(settings: Settings) -> None:
    """A deployment whose Redis nobody answers at."""
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": settings.REDIS_URL}}
    limits.install(None)


def conversation_of(owner: str = "visitor:one") -> Conversation:
    return Conversation(pk=uuid4(), owner=owner)


async def sent(conversation: Conversation, client: str, times: int) -> int:
    """How many of so many messages are let through."""
    passed = 0
    for _ in range(times):
        try:
            passed += await limits.message(conversation, client, uuid4().hex)
        except RateLimited:
            continue
    return passed


# Messages ----------------------------------------------------------------------------------------


async def test_a_visitor_sends_ten_messages_a_minute() -> None:
    assert await sent(conversation_of(), HOME, 15) == 10


async def test_another_conversation_or_address_is_no_way_around() -> None:
    assert await sent(conversation_of(), HOME, 10) == 10
    assert await sent(conversation_of(), CAFE, 1) == 0


async def test_another_visitor_is_not_kept_waiting() -> None:
    await sent(conversation_of(), HOME, 15)
    assert await sent(conversation_of("visitor:two"), HOME, 10) == 10


async def test_thirty_messages_a_minute_come_from_one_address() -> None:
    passed = [await sent(conversation_of(f"visitor:{n}"), HOME, 1) for n in range(40)]
    assert sum(passed) == 30
    assert await sent(conversation_of("visitor:two"), CAFE, 1) == 1


async def test_the_seconds_to_wait_are_told_whole_and_rounded_up(clock: Clock) -> None:
    await sent(conversation_of(), HOME, 10)
    clock.now += 12.5
    with pytest.raises(RateLimited, match=r"try again in 48 s\.") as refused:
        await limits.message(conversation_of(), HOME, "eleven")
    assert refused.value.wait == 48
    clock.now += 47.4
    with pytest.raises(RateLimited) as refused:
        await limits.message(conversation_of(), HOME, "eleven")
    assert refused.value.wait == 1, "never 0: that would be now"


@pytest.mark.parametrize("setting", ["MESSAGES_PER_MINUTE", "MESSAGES_PER_MINUTE_IP"])
async def test_zero_is_no_limit(settings: Settings, setting: str) -> None:
    settings.MESSAGES_PER_MINUTE = settings.MESSAGES_PER_MINUTE_IP = 3
    setattr(settings, setting, 0)
    assert await sent(conversation_of(), HOME, 5) == 3
    settings.MESSAGES_PER_MINUTE = settings.MESSAGES_PER_MINUTE_IP = 0
    assert await sent(conversation_of(), HOME, 50) == 50


async def test_a_message_that_was_stored_long_ago_takes_nothing(clock: Clock) -> None:
    conversation = conversation_of()
    old = Message(client_id="old")
    for age, left in ((61, 10), (59, 9)):
        clock.now += 60
        assert await limits.message(conversation, HOME, "old")
        old.created_at = stored_ago(age)
        await limits.message_was_stored(conversation, HOME, old)
        assert await sent(conversation, HOME, 15) == left, f"stored {age} s ago"


def stored_ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


@needs_redis
async def test_redis_holds_no_address_and_no_visitor(settings: Settings) -> None:
    limits.install(Counters.at(settings.REDIS_URL))
    conversation = await Conversation.objects.acreate(owner="customer:ada@mail.example")
    await limits.message(conversation, HOME, "one")
    await limits.open_socket(HOME)
    await limits.order_attempt(conversation.pk, "call")
    with Redis.from_url(settings.REDIS_URL) as redis:
        names = list(redis.scan_iter("limits:*"))
        held = b" ".join(names) + b" ".join(value for n in names for value in contents(redis, n))
    assert len(names) >= 6
    assert HOME.encode() not in held
    assert b"mail.example" not in held
    limits.close_socket(HOME)
    await limits.close()


def contents(redis: Any, name: bytes) -> list[bytes]:
    match redis.type(name):
        case b"zset":
            return list(redis.zrange(name, 0, -1))
        case b"hash":
            return list(redis.hkeys(name))
        case _:
            return [redis.get(name) or b""]


# One client behind any number of headers ---------------------------------------------------------


def forged(dice: random.Random) -> str:
    """What a client writes that would like to be many."""
    return ", ".join(
        ".".join(str(dice.randrange(256)) for _ in range(4)) for _ in range(dice.randint(0, 3))
    )


def through_a_proxy(dice: random.Random, real: str = HOME) -> str:
    """What arrives: the proxy appended the address it really saw."""
    return f"{written}, {real}" if (written := forged(dice)) else real


def sessions_granted(client: Client, attempts: int) -> int:
    dice = random.Random(7)
    statuses = []
    for _ in range(attempts):
        header = {"x-forwarded-for": through_a_proxy(dice)}
        answer = client.post(
            "/api/session", "{}", "application/json", headers=header, REMOTE_ADDR="10.0.0.1"
        )
        statuses.append(answer.status_code)
    assert set(statuses) <= {200, 429}
    return statuses.count(200)


def test_a_thousand_sessions_with_random_headers_are_one_clients(
    settings: Settings, client: Client
) -> None:
    settings.TRUSTED_PROXIES = 1
    # Twice the limit, should the minute of django-ratelimit's fixed window turn meanwhile.
    assert settings.SESSIONS_PER_MINUTE_IP <= sessions_granted(client, ATTEMPTS) <= 40


def test_the_clients_own_entry_would_let_nearly_all_of_them_through(
    settings: Settings, client: Client
) -> None:
    """The negative control: one hop too far to the left stands what the client wrote."""
    settings.TRUSTED_PROXIES = 2
    settings.REQUESTS_PER_MINUTE_IP = 0
    assert sessions_granted(client, 100) > 60


@pytest.mark.parametrize(("hops", "one_client"), [(1, True), (2, False)])
async def test_a_thousand_messages_with_random_headers_are_one_clients(
    settings: Settings, hops: int, one_client: bool
) -> None:
    settings.TRUSTED_PROXIES = hops
    settings.MESSAGES_PER_MINUTE = 0
    dice = random.Random(7)
    passed = 0
    for n in range(ATTEMPTS):
        headers = [(b"x-forwarded-for", through_a_proxy(dice).encode())]
        scope = {"headers": headers, "client": ("10.0.0.1", 40_000)}
        passed += await sent(conversation_of(f"visitor:{n}"), clients.of_scope(scope), 1)
    assert (passed == 30) == one_client
    assert one_client or passed > 700


# Requests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/help/", "/help/no-such-article/"])
def test_a_page_too_many_is_refused_in_words(settings: Settings, client: Client, path: str) -> None:
    settings.REQUESTS_PER_MINUTE_IP = 2
    answers = [client.get(path) for _ in range(5)]
    assert answers[0].status_code in {200, 404}
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused["Content-Type"] == "text/plain; charset=utf-8"
    wait = int(refused["Retry-After"])
    assert 1 <= wait <= 60
    assert f"try again in {wait} s." in refused.content.decode()


def test_each_address_has_requests_of_its_own(settings: Settings, client: Client) -> None:
    settings.REQUESTS_PER_MINUTE_IP = 2
    for address in (HOME, CAFE, "2001:db8:1:2::1"):
        assert client.get("/help/", REMOTE_ADDR=address).status_code == 200
    for _ in range(5):
        last = client.get("/help/", REMOTE_ADDR=HOME)
    assert last.status_code == 429
    assert client.get("/help/", REMOTE_ADDR=CAFE).status_code == 200


# Without Redis -----------------------------------------------------------------------------------


async def test_without_redis_people_get_a_third_of_the_messages(without_redis: None) -> None:
    assert not limits.shared_state_is_down(), "nobody has asked yet"
    assert await sent(conversation_of(), HOME, 10) == 3
    assert limits.shared_state_is_down(), "so that no money is spent"


async def test_where_nothing_is_shared_nothing_is_down() -> None:
    await sent(conversation_of(), HOME, 1)
    assert limits.shared_state_is_down() is False


def test_without_redis_sessions_are_given_and_limited_all_the_same(
    without_redis: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    answers = [client.post("/api/session", "{}", "application/json") for _ in range(10)]
    assert [a.status_code for a in answers] == [200] * 6 + [429] * 4
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    told = [r for r in caplog.records if r.name == "chat.shared_state"]
    assert len(told) == 1
    assert limits.shared_state_is_down()


async def test_without_redis_sockets_open_and_are_limited_all_the_same(
    without_redis: None, settings: Settings
) -> None:
    settings.SOCKETS_PER_IP = 9
    assert [await limits.open_socket(HOME) for _ in range(5)] == [True] * 3 + [False] * 2
    for _ in range(3):
        limits.close_socket(HOME)


# Orders ------------------------------------------------------------------------------------------


async def misses(conversation: UUID, times: int) -> int:
    return sum([await limits.order_attempt(conversation, uuid4().hex) for _ in range(times)])


async def test_a_conversation_misses_five_orders_an_hour(clock: Clock) -> None:
    ours = uuid4()
    assert await misses(ours, 10) == 5
    assert await misses(uuid4(), 1) == 1
    clock.now += 3_599
    assert await misses(ours, 1) == 0
    clock.now += 2
    assert await misses(ours, 10) == 5


async def test_what_is_found_is_no_miss() -> None:
    ours = uuid4()
    for n in range(20):
        assert await limits.order_attempt(ours, str(n))
        await limits.order_found(ours, str(n))
    assert await misses(ours, 10) == 5


async def test_a_visitor_misses_no_more_in_another_conversation(settings: Settings) -> None:
    settings.MESSAGES_PER_MINUTE = settings.MESSAGES_PER_MINUTE_IP = 0
    missed = 0
    for _ in range(3):
        conversation = conversation_of("visitor:one")
        await limits.message(conversation, HOME, "where is my order?")
        missed += await misses(conversation.pk, 4)
    assert missed == 5


async def test_one_order_is_missed_five_times_by_whomever() -> None:
    tries = [await limits.order_attempt(uuid4(), str(n), "W1") for n in range(7)]
    assert tries == [True] * 5 + [False] * 2
    assert await limits.order_attempt(uuid4(), "7", "W2")
    assert await limits.order_attempt(uuid4(), "8"), "a verified customer"


async def test_one_address_misses_twenty_orders_however_many_conversations_it_has(
    settings: Settings,
) -> None:
    settings.MESSAGES_PER_MINUTE = settings.MESSAGES_PER_MINUTE_IP = 0
    missed = 0
    for n in range(10):
        conversation = conversation_of(f"visitor:{n}")
        await limits.message(conversation, HOME, "where is my order?")
        missed += await misses(conversation.pk, 5)
    assert missed == 20
    elsewhere = conversation_of("visitor:two")
    await limits.message(elsewhere, CAFE, "where is my order?")
    assert await misses(elsewhere.pk, 10) == 5
