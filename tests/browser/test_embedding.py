"""The widget on a page of the shop's own, which is another origin than the bot's."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.chat import ChatPage
from tests.browser.conftest import Open
from tests.live_server import LiveServer

PAGE = """<!doctype html><html lang="en"><title>A shop</title><h1>A shop</h1>
<script type="module" src="{bot}/static/widget/widget.js"></script>
<supportbot-chat shop="A shop" open></supportbot-chat>"""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    """The shop's own web server, with a folder of pages."""
    pages = tmp_path / "pages"
    pages.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(pages)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def _visit(shop: ThreadingHTTPServer, folder: Path, bot: LiveServer, opened: Open) -> ChatPage:
    (folder / "pages" / "index.html").write_text(PAGE.format(bot=bot.url), "utf-8")
    page = opened(at=bot, watched=False).page
    page.goto(f"http://127.0.0.1:{shop.server_port}/")
    return ChatPage(page, bot)


def test_a_page_of_the_shop_has_the_chat_and_other_pages_have_not(
    shop: ThreadingHTTPServer, tmp_path: Path, open_chat: Open
) -> None:
    origin = f"http://127.0.0.1:{shop.server_port}"
    bot = LiveServer(tmp_path / "data", environment={"SUPPORTBOT_ORIGINS": origin}).start()
    chat = _visit(shop, tmp_path, bot, open_chat)
    answer = chat.ask("How long does a refund take?")
    source = answer.get_by_role("link").first
    assert str(source.get_attribute("href")).startswith(bot.url)
    assert chat.messages == chat.stored
    assert bot.stop() == 0

    closed = LiveServer(tmp_path / "data").start()
    chat = _visit(shop, tmp_path, closed, open_chat)
    chat.send("hello")
    expect(chat.panel).to_contain_text("Connection lost.")
    assert closed.stop() == 0
