"""The WebSocket's front door: which address, and from which page."""

import logging

import pytest
from channels.testing import WebsocketCommunicator
from pytest_django import Settings

from supportbot import asgi

pytestmark = pytest.mark.django_db  # channels closes old connections around each frame

SHOP = "https://shop.example"


async def _is_let_in(path: str, origin: str) -> bool:
    headers = [(b"origin", origin.encode()), (b"host", b"localhost")]
    socket = WebsocketCommunicator(asgi.application, path, headers=headers)
    connected, _ = await socket.connect()
    await socket.disconnect()
    return bool(connected)


async def test_another_address_is_refused_without_a_word_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert await _is_let_in("/ws/chat/", "http://localhost")
    with caplog.at_level(logging.WARNING):
        assert not await _is_let_in("/ws/nowhere/", "http://localhost")
    assert caplog.records == []


async def test_pages_of_other_sites_are_refused_unless_they_are_the_shops(
    settings: Settings,
) -> None:
    assert not await _is_let_in("/ws/chat/", SHOP)
    settings.ORIGINS = [SHOP]
    assert await _is_let_in("/ws/chat/", SHOP)
    assert not await _is_let_in("/ws/chat/", "http://shop.example")
    assert not await _is_let_in("/ws/chat/", "https://evil.example")
