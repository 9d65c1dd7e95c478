"""What a model writes is text: it runs nothing, loads nothing, and styles nothing."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from llmock.pytest_plugin import LLMock
from playwright.sync_api import Dialog, Request, expect

from tests import shared_data
from tests.browser.chat import ChatPage
from tests.browser.conftest import Open
from tests.live_server import LiveServer

HOSTILE = """**Bold** <script>window.hacked = 1</script><img src=x onerror="window.hacked = 2">
![pixel](http://evil.example/pixel.png) [click](javascript:window.hacked=3) <style>*{display:none}</style>
[data](data:text/html,<script>parent.hacked=4</script>) <iframe src="http://evil.example/"></iframe>
[fine](https://shop.example/care) `<svg onload=alert(1)>`
"""
FORBIDDEN = "script style iframe img object embed form input link meta base svg math".split()
PER_ANSWER = 60
"""Attacks in one answer: about what fits the length of one."""


@pytest.fixture
def hostile(llmock: LLMock, open_chat: Open, tmp_path: Path) -> Iterator[ChatPage]:
    """A chat whose model writes what it is told to."""
    llmock.tool_mode("off")
    environment = {
        "SUPPORTBOT_PROVIDERS": "anthropic",
        "ANTHROPIC_API_KEY": "sk-test",
        "ANTHROPIC_BASE_URL": llmock.base_url("anthropic"),
    }
    server = LiveServer(tmp_path, environment=environment).start()
    yield open_chat(at=server)
    assert server.stop() == 0


def test_hostile_markdown_is_shown_as_text(hostile: ChatPage, llmock: LLMock) -> None:
    reached = _watch(hostile)
    llmock.reply(HOSTILE)
    answer = hostile.ask("hello")
    expect(answer.locator("strong")).to_have_text("Bold")
    expect(answer).to_contain_text("<script>window.hacked = 1</script>")
    links = answer.locator(".prose a").evaluate_all("links => links.map((link) => link.href)")
    assert links[-1] == "https://shop.example/care"
    assert {urlsplit(link).scheme for link in links} <= {"http", "https"}
    assert _is_unharmed(hostile)
    assert reached == []


def test_real_attacks_do_nothing(hostile: ChatPage, llmock: LLMock) -> None:
    attacks = [row["text"] for row in shared_data.rows("attacks/attacks.jsonl")]
    attacks = [text.replace("\0", "") for text in attacks if text.isprintable()]
    reached = _watch(hostile)
    for start in range(0, len(attacks), PER_ANSWER):
        llmock.reply("\n\n".join(attacks[start : start + PER_ANSWER])[:6_000])
        hostile.ask("hello")
        assert _is_unharmed(hostile)
    assert len(attacks) > 500
    assert reached == []


def _watch(chat: ChatPage) -> list[str]:
    """What the page opens or asks other hosts for, from now on."""
    reached: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(chat.server.url):
            reached.append(request.url)

    chat.page.on("request", note)

    def dismiss(dialog: Dialog) -> None:
        reached.append(dialog.message)
        dialog.dismiss()

    chat.page.on("dialog", dismiss)
    chat.page.on("popup", lambda popup: reached.append(popup.url))
    return reached


def _is_unharmed(chat: ChatPage) -> bool:
    """Whether nothing ran, and the transcript holds nothing but what Markdown may make."""
    found: list[str] = chat.widget.get_by_role("log").evaluate(
        """(log, forbidden) => [...log.querySelectorAll(".prose *")].filter((node) =>
            forbidden.includes(node.localName)
            || node.getAttributeNames().some((name) => name.startsWith("on") || name === "style")
        ).map((node) => node.outerHTML)""",
        FORBIDDEN,
    )
    return found == [] and chat.page.evaluate("window.hacked === undefined")
