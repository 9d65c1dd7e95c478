"""From which pages a socket may be opened: scheme, host and port have to be right."""

from typing import Any

import pytest
from pytest_django import Settings

from supportbot.origins import may_connect

SHOP = "https://shop.example"


@pytest.fixture(autouse=True)
def _shop(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["chat.example", ".bots.example"]
    settings.ORIGINS = [SHOP, "http://localhost:3000"]
    settings.HTTPS = True


def scope(*origins: str, host: str = "chat.example", scheme: str = "ws", **more: str) -> Any:
    headers = [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]
    headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in more.items()]
    return {"type": "websocket", "scheme": scheme, "headers": headers}


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (SHOP, "chat.example"),
        ("http://localhost:3000", "chat.example"),
        ("https://chat.example", "chat.example"),
        ("https://chat.example", "chat.example:443"),
        ("https://chat.example:8443", "chat.example:8443"),
        ("https://eu.bots.example", "eu.bots.example"),
    ],
)
def test_pages_of_the_shop_and_of_the_server_itself(origin: str, host: str) -> None:
    assert may_connect(scope(origin, host=host))


@pytest.mark.parametrize(
    "origin",
    [
        "http://shop.example", "https://shop.example:8443", "https://shop.example.evil.example",
        "https://evilshop.example", "https://shop.example/", "https://shop.example@evil.example",
        "http://localhost:3001", "http://localhost", "https://localhost:3000", "null", "", "file://",
        "http://chat.example", "https://chat.example:8443", "https://sub.chat.example",
        "https://user@chat.example", "https://chat.example/", "https://chat.example:port",
        "chrome-extension://chat.example", "https://chat.example.", "https://eu.bots.example",
        "//chat.example", "https://",
    ],
)  # fmt: skip
def test_any_other_page_is_refused(origin: str) -> None:
    assert not may_connect(scope(origin))


def test_no_origin_or_two_of_them_are_refused() -> None:
    assert not may_connect(scope())
    assert not may_connect(scope(SHOP, SHOP))
    assert not may_connect(scope(SHOP, "https://evil.example"))


def test_a_name_the_server_does_not_answer_to_vouches_for_no_page() -> None:
    """The host header of a rebound name is as the attacker wants it."""
    assert not may_connect(scope("https://evil.example", host="evil.example"))


def test_where_http_is_served_the_scheme_is_the_connections(settings: Settings) -> None:
    settings.HTTPS = False
    assert may_connect(scope("http://chat.example"))
    assert not may_connect(scope("https://chat.example"))
    assert may_connect(scope("https://chat.example", scheme="wss"))


def test_a_proxys_word_for_the_scheme_counts_only_where_proxies_are_trusted(
    settings: Settings,
) -> None:
    settings.HTTPS = False
    told = scope("https://chat.example", x_forwarded_proto="https")
    assert not may_connect(told)
    settings.TRUSTED_PROXIES = 1
    assert may_connect(told)
