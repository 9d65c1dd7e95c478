"""The public help centre."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open


def test_an_article_is_found_by_search_and_read(open_chat: Open) -> None:
    page = open_chat("/help/").page
    page.get_by_role("searchbox").fill("refund")
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("main").get_by_role("link", name=re.compile("refund", re.I)).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(re.compile("refund", re.I))
    contents = page.get_by_role("navigation", name="On this page")
    contents.get_by_role("link").first.click()
    assert page.evaluate("document.querySelector(decodeURIComponent(location.hash)) !== null")


def test_the_chat_is_there_too_and_remembers(open_chat: Open) -> None:
    chat = open_chat()
    chat.ask("hello")
    other = open_chat("/help/", context=chat.page.context)
    if other.button("Open chat").is_visible():
        other.button("Open chat").click()
    expect(other.answers).to_have_count(1)
    assert other.messages == chat.messages
