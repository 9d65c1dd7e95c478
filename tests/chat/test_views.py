"""`POST /api/session`: a token and a conversation."""

import json
from typing import Any

import pytest
from django.test import AsyncClient, Client
from django.test.client import FakePayload
from pytest_django import Settings

from chat import identity, limits
from chat.identity import Visitor
from chat.models import Conversation
from tests.live_server import free_port

pytestmark = pytest.mark.django_db


def post(client: Client, body: Any) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body)
    response = client.post("/api/session", data, content_type="application/json")
    return response.status_code, response.json()


def test_a_newcomer_gets_a_session_of_their_own(client: Client) -> None:
    status, first = post(client, {})
    _, second = post(client, {})
    assert status == 200
    assert first["conversation"] != second["conversation"]
    owner = identity.read_session(first["token"]).owner
    assert Conversation.objects.get(pk=first["conversation"]).owner == owner


def test_who_comes_back_finds_the_conversation_again(client: Client) -> None:
    _, first = post(client, {})
    _, again = post(client, {"token": first["token"]})
    assert again["conversation"] == first["conversation"]


def test_a_new_conversation_can_be_asked_for(client: Client) -> None:
    _, first = post(client, {})
    _, new = post(client, {"token": first["token"], "new": True})
    assert new["conversation"] != first["conversation"]
    assert identity.read_session(new["token"]) == identity.read_session(first["token"])


def test_a_signed_identity_opens_the_customers_own_conversation(
    client: Client, ada: Visitor
) -> None:
    assert ada.customer
    status, answer = post(client, {"identity": identity.sign_identity(ada.customer)})
    assert status == 200
    assert identity.read_session(answer["token"]) == ada
    conversation = Conversation.objects.get(pk=answer["conversation"])
    assert (conversation.customer_email, conversation.owner) == ("ada@mail.example", ada.owner)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b'{"token": 7}', 400, "invalid_request"),
        (b"\xff\xfe", 400, "invalid_request"),
        (b"[" * 16_000, 400, "invalid_request"),
        (b"x" * 3_000_000, 413, "too_large"),
        ({"token": "forged"}, 401, "unauthorized"),
        ({"identity": "forged"}, 401, "unauthorized"),
        ({"token": "x" * 20_000}, 413, "too_large"),
    ],
)
def test_bad_input_is_told(client: Client, body: Any, status: int, code: str) -> None:
    assert post(client, body)[0] == status
    assert post(client, body)[1]["code"] == code
    assert not Conversation.objects.exists()


async def test_a_body_of_no_told_length_is_measured(async_client: AsyncClient) -> None:
    sent = FakePayload(b"x" * 3_000_000)
    response = await async_client.request(method="POST", path="/api/session", _body_file=sent)
    assert response.status_code == 413
    assert response.json()["code"] == "too_large"


def test_only_post_is_allowed(client: Client) -> None:
    assert client.get("/api/session").status_code == 405


def test_only_the_shops_pages_may_ask_from_another_origin(
    client: Client, settings: Settings
) -> None:
    settings.ORIGINS = ["https://shop.example"]
    for origin, allowed in (("https://shop.example", True), ("https://evil.example", False)):
        preflight = client.options("/api/session", headers={"origin": origin})
        answer = client.post(
            "/api/session", "{}", content_type="application/json", headers={"origin": origin}
        )
        for response in (preflight, answer):
            told = response.headers.get("Access-Control-Allow-Origin")
            assert told == (origin if allowed else None)
            assert "Origin" in response.headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in response.headers
    assert Conversation.objects.count() == 2, "a preflight opens none"


# Limits ------------------------------------------------------------------------------------------


def test_a_newcomer_too_many_is_told_when_to_try_again(client: Client, settings: Settings) -> None:
    settings.SESSIONS_PER_MINUTE_IP = 2
    settings.ORIGINS = ["https://shop.example"]
    answers = [
        client.post("/api/session", "{}", "application/json", headers={"origin": origin})
        for origin in settings.ORIGINS * 6  # the fixed window may turn once meanwhile
    ]
    refused = answers[-1]
    assert refused.status_code == 429
    wait = int(refused["Retry-After"])
    assert 1 <= wait <= 60
    assert refused.json() == {
        "code": "rate_limited",
        "detail": f"That was too much at once. Please try again in {wait} s.",
    }
    assert refused["Access-Control-Allow-Origin"] == "https://shop.example"
    assert refused["Access-Control-Expose-Headers"] == "retry-after"
    assert Conversation.objects.count() == [a.status_code for a in answers].count(200) <= 4


def test_who_comes_back_is_no_newcomer(client: Client, settings: Settings, ada: Visitor) -> None:
    settings.SESSIONS_PER_MINUTE_IP = 1
    assert ada.customer
    _, first = post(client, {})
    for _ in range(4):
        assert post(client, {"token": first["token"]})[0] == 200
        assert post(client, {"token": first["token"], "new": True})[0] == 200
        assert post(client, {"identity": identity.sign_identity(ada.customer)})[0] == 200


def test_every_request_counts_but_a_preflight(client: Client, settings: Settings) -> None:
    settings.REQUESTS_PER_MINUTE_IP = 2
    for _ in range(10):
        assert client.options("/api/session").status_code == 204
    statuses = [post(client, {"token": "forged"})[0] for _ in range(6)]
    assert statuses[:2] == [401, 401]
    assert statuses[-1] == 429


def test_without_redis_a_signed_identity_is_asked_for_again_later(
    client: Client, settings: Settings, ada: Visitor
) -> None:
    """Whether it was used before cannot be told."""
    assert ada.customer
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": settings.REDIS_URL}}
    limits.install(None)
    sent = {"identity": identity.sign_identity(ada.customer)}
    response = client.post("/api/session", json.dumps(sent), "application/json")
    limits.install(None)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response["Retry-After"]
    assert not Conversation.objects.exists()
