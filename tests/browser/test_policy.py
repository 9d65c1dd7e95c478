"""The pages under their own Content-Security-Policy: nothing of ours is blocked, the rest is."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from supportbot.demo.load import STAFF_NAME, STAFF_PASSWORD
from tests.browser.conftest import Open
from tests.live_server import LiveServer

LINKS = "links => links.map(link => link.getAttribute('href'))"
ACTIONS = ("add/", "1/change/", "1/history/", "1/delete/")


@pytest.fixture
def staff(
    server: LiveServer, context_of: Callable[..., BrowserContext], problems: list[str]
) -> Page:
    """A page of staff's who are logged in, whose console is watched."""
    page = context_of().new_page()
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.on("console", lambda said: _note(said, page, problems))
    page.goto(f"{server.url}/admin/")
    page.get_by_label("Username").fill(STAFF_NAME)
    page.get_by_label("Password").fill(STAFF_PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(
        page.get_by_role("link", name="Log out").or_(page.get_by_text("Log out"))
    ).to_be_visible()
    return page


def test_no_page_of_the_admin_is_hindered(staff: Page, server: LiveServer, open_chat: Open) -> None:
    open_chat().ask("How do I clean the enamel kettle?")
    lists = staff.locator("#content-main th a").evaluate_all(LINKS)
    assert len(lists) > 15
    visited = 0
    for address in lists:
        staff.goto(f"{server.url}{address}")
        rows = staff.locator("#result_list tbody th a").evaluate_all(LINKS)[:1]
        for further in [*rows, *(f"{address}{action}" for action in ACTIONS)]:
            staff.goto(f"{server.url}{further}")
            visited += staff.locator("#content").count()
    assert visited > 30


@pytest.mark.parametrize("path", ["/", "/help/", "/help/?q=kettle", "/help/track-your-order/"])
def test_no_page_for_customers_is_hindered(open_chat: Open, path: str) -> None:
    """The console is watched: a blocked style or script is an error there."""
    chat = open_chat(path)
    expect(chat.widget).to_have_count(1)


def test_a_script_that_gets_into_a_page_does_not_run(open_chat: Open) -> None:
    page = open_chat(watched=False).page
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            const image = document.createElement("img");
            image.src = "http://127.0.0.1:9/pixel.png";
            image.setAttribute("onerror", "window.ran = true");
            document.body.append(image);
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran === undefined")


def test_no_other_page_can_frame_ours(open_chat: Open, server: LiveServer) -> None:
    page = open_chat(watched=False).page
    page.route("http://evil.example/", lambda route: route.fulfill(body="<iframe></iframe>"))
    page.goto("http://evil.example/")
    page.evaluate(f"document.querySelector('iframe').src = '{server.url}/admin/'")
    page.wait_for_timeout(500)
    assert page.frames[1].url.startswith("chrome-error:")


def _note(said: ConsoleMessage, page: Page, problems: list[str]) -> None:
    """What the browser complains about, except that a page is not there: nobody adds a record."""
    if said.type == "error" and not said.text.startswith("Failed to load resource"):
        problems.append(f"{page.url}: {said.text}")
