"""A conversation survives reloads, other tabs and a server that restarts, to the letter."""

import random
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.chat import ChatPage
from tests.browser.conftest import Open
from tests.live_server import LiveServer

QUESTION = "How long does a refund take?"
RELOADS = 50
LONGEST_WAIT_MS = 2_000
"""Beyond the end of an answer, so that some reloads come before, some in the middle, some after."""

LONGEST_DELAY = 30_000
"""Milliseconds between two attempts to connect: as in static/widget/connection.js."""


def test_fifty_reloads_in_mid_answer_lose_and_change_nothing(chat: ChatPage) -> None:
    chance = random.Random(20)  # the moments of the reloads
    in_mid_answer = 0
    for number in range(RELOADS):
        if number % 10 == 0 and number:
            chat.button("New conversation").click()
            chat.button("Start new").click()
            expect(chat.answers).to_have_count(0)
        before = chat.answers.count()
        chat.send(QUESTION)
        expect(chat.field).to_have_value("")
        chat.page.wait_for_timeout(chance.uniform(0, LONGEST_WAIT_MS))
        in_mid_answer += chat.transcript["streaming"] is not None
        chat.page.reload()
        chat.wait_for_answer(before)
        assert chat.messages == chat.stored
        roles = [role for _, role, _ in chat.messages]
        assert roles == ["customer", "assistant"] * (before + 1)
    assert in_mid_answer >= RELOADS // 3, f"only {in_mid_answer} reloads came in mid-answer"


def test_what_was_sent_right_before_a_reload_is_sent(chat: ChatPage) -> None:
    chat.ask("hello")
    chat.send(QUESTION)
    chat.page.reload()
    chat.wait_for_answer(1)
    assert chat.messages == chat.stored
    assert [role for _, role, _ in chat.messages] == ["customer", "assistant"] * 2


def test_a_second_tab_shows_the_same(chat: ChatPage, open_chat: Open) -> None:
    chat.ask("hello")
    second = open_chat(context=chat.page.context)
    expect(second.answers).to_have_count(1)
    chat.send(QUESTION)
    expect(second.widget.locator("[data-turn] .prose")).not_to_be_empty()
    second.wait_for_answer(1)
    chat.wait_for_answer(1)
    assert chat.messages == second.messages == chat.stored
    third = second.ask("thank you")
    expect(third).to_contain_text("welcome")
    chat.wait_for_answer(2)
    assert chat.messages == second.messages == chat.stored


def test_a_restarted_server_is_found_again(open_chat: Open, tmp_path: Path) -> None:
    first = LiveServer(tmp_path).start()
    chat = open_chat(at=first, watched=False)  # the browser complains of lost connections
    chat.ask("hello")
    assert first.stop() == 0
    expect(chat.panel).to_contain_text("Connection lost.")
    chat.send(QUESTION)
    expect(chat.panel).to_contain_text("Will be sent when you are connected.")
    second = LiveServer(tmp_path, port=first.port).start()
    # The delays of the attempts are random, and have doubled while the server started.
    expect(chat.answers.nth(1)).to_be_visible(timeout=LONGEST_DELAY)
    chat.wait_for_answer(1)
    assert chat.messages == chat.stored
    assert second.stop() == 0
