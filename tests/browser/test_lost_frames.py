"""Frames that get lost, refusals that pass, a server that restarts: the chat ends up as it is stored."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, WebSocketRoute, expect

from tests.browser.chat import ChatPage
from tests.browser.conftest import Open

QUESTION = "How long does a refund take?"

HEALED = 15_000
"""Milliseconds until the chat has asked for what it misses: it waits for four seconds, looks every other
second, and asks again if need be."""

Frame = dict[str, Any]
Passes = Callable[[Frame], bool]


class Line:
    """Every WebSocket of a browser, with somebody in the middle who loses frames.

    `to_server` and `to_page` tell of each frame whether it passes; `said` is what the page sent.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.to_server: Passes = lambda frame: True
        self.to_page: Passes = lambda frame: True
        self.said: list[Frame] = []
        self.sockets: list[WebSocketRoute] = []
        context.route_web_socket("**/ws/chat/", self._join)

    def _join(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        self.sockets.append(page)

        def from_page(text: str | bytes) -> None:
            self.said.append(json.loads(text))
            if self.to_server(self.said[-1]):
                server.send(text)

        def from_server(text: str | bytes) -> None:
            if self.to_page(json.loads(text)):
                page.send(text)

        page.on_message(from_page)
        server.on_message(from_server)

    def tell(self, **frame: Any) -> None:
        """Says something to the page in the server's name."""
        self.sockets[-1].send(json.dumps(frame))

    def sent(self, kind: str) -> int:
        return sum(frame["type"] == kind for frame in self.said)


@pytest.fixture
def line(context_of: Callable[..., BrowserContext]) -> Line:
    return Line(context_of())


@pytest.fixture
def chat(line: Line, open_chat: Open) -> ChatPage:
    return open_chat(context=line.context)


def all_but_the_first(kind: str) -> tuple[Passes, list[Frame]]:
    """Loses the first frame of a kind, which is then in the list."""
    lost: list[Frame] = []

    def passes(frame: Frame) -> bool:
        if frame["type"] != kind or lost:
            return True
        lost.append(frame)
        return False

    return passes, lost


def test_a_message_that_got_lost_is_sent_again(line: Line, chat: ChatPage) -> None:
    line.to_server, lost = all_but_the_first("message.send")
    chat.send(QUESTION)
    expect(chat.panel).to_contain_text("Sending…")
    expect(chat.answers).to_have_count(1, timeout=HEALED)
    assert len(lost) == 1
    assert line.sent("message.send") == 2
    assert chat.messages == chat.stored


def test_an_acknowledgement_that_got_lost_makes_no_second_message(
    line: Line, chat: ChatPage
) -> None:
    line.to_page, lost = all_but_the_first("message.accepted")
    chat.send(QUESTION)
    expect(chat.answers).to_have_count(1, timeout=HEALED)
    expect(chat.panel).not_to_contain_text("Sending…", timeout=HEALED)
    assert len(lost) == 1
    shown = chat.widget.locator("[data-role]")
    roles = [shown.nth(n).get_attribute("data-role") for n in range(shown.count())]
    assert roles == ["customer", "assistant"]
    assert chat.messages == chat.stored
    expect(chat.button("Stop answering")).to_be_hidden()


def test_an_answer_that_got_lost_is_asked_for(line: Line, chat: ChatPage) -> None:
    lost: list[Frame] = []

    def is_lost(frame: Frame) -> bool:
        if not frame["type"].startswith(("answer.", "tool.")) or line.sent("sync"):
            return True
        lost.append(frame)
        return False

    line.to_page = is_lost
    chat.send(QUESTION)
    expect(chat.answers).to_have_count(1, timeout=HEALED)
    assert lost[-1]["type"] == "answer.completed"
    assert line.sent("sync") == 1
    assert chat.messages == chat.stored


def test_a_server_that_is_in_trouble_for_a_moment_is_asked_again(
    line: Line, chat: ChatPage
) -> None:
    line.to_server = lambda frame: frame["type"] != "message.send" or refuse(line, 2)
    chat.send(QUESTION)
    expect(chat.answers).to_have_count(1, timeout=2 * HEALED)
    assert line.sent("message.send") == 3
    assert chat.messages == chat.stored


def test_a_server_that_stays_in_trouble_is_told_of(line: Line, chat: ChatPage) -> None:
    line.to_server = lambda frame: frame["type"] != "message.send" or refuse(line, 5)
    chat.send(QUESTION)
    expect(chat.panel).to_contain_text("Not sent.", timeout=2 * HEALED)
    assert line.sent("message.send") == 5
    chat.button("Try again").click()
    expect(chat.answers).to_have_count(1, timeout=HEALED)
    assert chat.messages == chat.stored


def refuse(line: Line, times: int) -> bool:
    """Has a message refused as by a server without its database, so many times; then it passes."""
    if line.sent("message.send") > times:
        return True
    detail = "Something went wrong on our side. Please try again."
    line.tell(type="error", code="internal", detail=detail, id=line.said[-1]["id"])
    return False


def test_a_server_that_restarts_is_heard_until_it_is_time_to_leave(
    line: Line, chat: ChatPage
) -> None:
    chat.ask("hello")
    with chat.page.expect_event("websocket"):
        line.tell(type="restarting", retry_after_ms=12_000)
        chat.ask(QUESTION)
        assert len(line.sockets) == 1
        expect(chat.panel).not_to_contain_text("Connection lost.")
    assert len(line.sockets) == 2
    chat.ask("thank you")
    assert chat.messages == chat.stored


def test_a_server_that_goes_before_its_time_is_left_until_then(line: Line, chat: ChatPage) -> None:
    chat.ask("hello")
    told = time.monotonic()
    with chat.page.expect_event("websocket"):
        line.tell(type="restarting", retry_after_ms=3_000)
        line.sockets[0].close(code=1012)
        expect(chat.panel).to_contain_text("Connection lost.")
    assert time.monotonic() - told > 3
    chat.ask("thank you")
    assert len(line.sockets) == 2
    assert chat.messages == chat.stored
