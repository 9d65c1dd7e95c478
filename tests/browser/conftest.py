"""Chromium, and the demo shop it looks at."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.browser.chat import ChatPage
from tests.live_server import LiveServer

DESKTOP = (1280, 800)
PHONE = (360, 740)
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
"""Chromium runs as root in CI, asks nobody for updates, and knows no host but this one."""

PATIENCE = 30_000
"""Milliseconds for what a page has to do: seconds go by where other tests have the processor."""

Open = Callable[..., ChatPage]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium: apt-get install chromium")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The server as `make run` starts it, with the demo content."""
    running = LiveServer(tmp_path_factory.mktemp("browser")).start()
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.log, running.log


@pytest.fixture
def context_of(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes visitors: each context is a browser of its own, closed when the test ends. `measured` ones
    let a tool put its own styles into the page, which the page's policy forbids."""
    made: list[BrowserContext] = []

    def make(
        size: tuple[int, int] = DESKTOP, scheme: str = "light", *, measured: bool = False
    ) -> BrowserContext:
        width, height = size
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            bypass_csp=measured,
        )
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """What the pages complained about in the console: nothing, when the test ends."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def open_chat(
    server: LiveServer, context_of: Callable[..., BrowserContext], problems: list[str]
) -> Open:
    """Opens the demo shop as a new visitor, or in a second tab of one."""

    def opened(
        path: str = "/",
        *,
        context: BrowserContext | None = None,
        size: tuple[int, int] = DESKTOP,
        scheme: str = "light",
        at: LiveServer = server,
        watched: bool = True,
        measured: bool = False,
    ) -> ChatPage:
        page: Page = (context or context_of(size, scheme, measured=measured)).new_page()
        page.set_default_timeout(PATIENCE)
        if watched:
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda said: _note(said, problems))
        page.goto(f"{at.url}{path}")
        return ChatPage(page, at)

    return opened


def _note(said: ConsoleMessage, problems: list[str]) -> None:
    if said.type == "error":
        problems.append(said.text)


@pytest.fixture
def chat(open_chat: Open) -> ChatPage:
    """A new visitor's page with the chat open on it."""
    return open_chat()
