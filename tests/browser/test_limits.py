"""What a customer sees who is too fast, or has too many chats open."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.live_server import LiveServer

STRICT = {"SUPPORTBOT_MESSAGES_PER_MINUTE": "1", "SUPPORTBOT_SOCKETS_PER_IP": "1"}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that allows one message a minute, and one socket."""
    server = LiveServer(tmp_path_factory.mktemp("strict"), environment=STRICT).start()
    yield server
    assert server.stop() == 0
    assert "Traceback" not in server.log, server.log


def test_a_message_too_many_is_kept_and_says_when_to_try_again(
    open_chat: Open, strict: LiveServer
) -> None:
    chat = open_chat(at=strict)
    chat.ask("hello")
    chat.send("and one more")
    told = re.compile(r"Not sent\. .* Please try again in \d+ s\.")
    expect(chat.panel).to_contain_text(told)
    expect(chat.panel).to_contain_text("and one more")
    assert len(chat.stored) == 2
    chat.button("Try again").click()
    expect(chat.panel).to_contain_text(told)
    chat.page.close()


def test_a_chat_too_many_waits_and_says_why(open_chat: Open, strict: LiveServer) -> None:
    first = open_chat(at=strict)
    expect(first.panel).to_contain_text("Support assistant")
    second = open_chat(at=strict)
    sockets: list[str] = []
    second.page.on("websocket", lambda socket: sockets.append(socket.url))
    told = re.compile(r"Too many chats are open from your network\..* Trying again in \d+ s\.")
    expect(second.panel).to_contain_text(told)
    second.page.wait_for_timeout(3_000)
    assert len(sockets) <= 1, "it does not knock again at once"
    first.page.close()
    second.button("Try now").click()
    expect(second.panel).to_contain_text("Connected again.")
    second.page.close()
