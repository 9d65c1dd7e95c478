"""Everybody can use the pages: by keyboard, by screen reader, in the dark, on a small screen."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.chat import ChatPage
from tests.browser.conftest import DESKTOP, PHONE, Open

PATHS = ["/", "/help/", "/help/?q=refund", "/help/?q=zzzz", "/nowhere/"]
LOOKS = [(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")]


def _violations(page: Page) -> list[dict[str, Any]]:
    found: dict[str, Any] = Axe().run(page).response
    return [
        {"rule": v["id"], "where": [node["target"] for node in v["nodes"]]}
        for v in found["violations"]
    ]


def _is_as_wide_as_the_screen(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return wide


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_page_breaks_no_rule_of_accessibility(
    open_chat: Open, path: str, size: tuple[int, int], scheme: str
) -> None:
    watched = path != "/nowhere/"
    page = open_chat(path, size=size, scheme=scheme, watched=watched, measured=True).page
    assert _violations(page) == []
    assert _is_as_wide_as_the_screen(page)


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_a_conversation_breaks_no_rule_of_accessibility(
    open_chat: Open, size: tuple[int, int], scheme: str
) -> None:
    chat = open_chat(size=size, scheme=scheme, measured=True)
    if size == PHONE:
        chat.button("Open chat").click()
    chat.ask("How long does a refund take?")
    chat.ask("I want to talk to a human")
    opened = chat.ask("The lid of my kettle has a dent.")
    opened.get_by_role("button", name="Not helpful").click()
    assert _violations(chat.page) == []
    assert _is_as_wide_as_the_screen(chat.page)
    assert _nothing_sticks_out(chat)


def _nothing_sticks_out(chat: ChatPage) -> bool:
    """Whether all of the transcript lies within the width of the panel."""
    inside: bool = chat.widget.get_by_role("log").evaluate(
        "log => log.scrollWidth <= log.clientWidth"
    )
    return inside


def test_the_chat_works_by_keyboard_alone(open_chat: Open) -> None:
    chat = open_chat()
    keys = chat.page.keyboard
    chat.button("Close chat").focus()
    keys.press("Escape")
    expect(chat.panel).to_be_hidden()
    expect(chat.button("Open chat")).to_be_focused()
    keys.press("Enter")
    expect(chat.field).to_be_focused()
    keys.type("hello")
    keys.press("Shift+Enter")
    keys.type("again")
    expect(chat.field).to_have_value("hello\nagain")
    keys.press("Control+A")
    keys.type("hello")
    keys.press("Enter")
    answer = chat.wait_for_answer(0)
    expect(chat.field).to_be_focused()
    for _ in range(10):
        keys.press("Shift+Tab")
        if answer.get_by_role("button", name="Helpful", exact=True).evaluate(
            "button => button.getRootNode().activeElement === button"
        ):
            break
    keys.press("Enter")
    expect(answer.get_by_role("button", name="Helpful", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_screen_reader_hears_the_whole_answer_once(chat: ChatPage) -> None:
    answer = chat.ask("hello")
    said = chat.widget.get_by_role("status")
    expect(said).to_contain_text(answer.locator(".prose").inner_text())


def test_on_a_phone_the_panel_opens_only_when_asked_and_fills_the_screen(open_chat: Open) -> None:
    chat = open_chat(size=PHONE)
    expect(chat.panel).to_be_hidden()
    chat.button("Open chat").click()
    box = chat.panel.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == PHONE


def test_other_languages_have_their_own_words(open_chat: Open) -> None:
    chat = open_chat()
    chat.widget.evaluate("widget => widget.lang = 'de'")
    expect(chat.widget.get_by_role("textbox", name="Ihre Nachricht")).to_be_visible()
