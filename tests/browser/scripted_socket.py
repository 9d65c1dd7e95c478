"""A socket that says what a test wants it to, in the place of the server's."""

import json
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

from tests.browser.chat import ChatPage
from tests.live_server import LiveServer


def hear(page: Page, server: LiveServer, frames: list[dict[str, Any]]) -> None:
    """Opens the shop on a socket that says these frames."""

    def answer(socket: WebSocketRoute) -> None:
        def greet(said: str | bytes) -> None:
            if json.loads(said)["type"] == "hello":
                for frame in frames:
                    socket.send(json.dumps(frame))

        socket.on_message(greet)

    page.route_web_socket("**/ws/chat/", answer)
    page.goto(server.url)
    ChatPage(page, server).send("hello")


def message(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{number:012}",
        "role": "assistant",
        "text": text,
        "html": text,
        "created_at": "2026-11-22T10:00:00Z",
        **more,
    }


def ready(*messages: dict[str, Any]) -> dict[str, Any]:
    conversation = "00000000-0000-4000-8000-000000000000"
    return {"type": "ready", "conversation": conversation, "messages": list(messages)}
