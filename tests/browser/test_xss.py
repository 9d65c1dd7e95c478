"""Payloads on every page, and in every frame, of a browser that is told to guard against nothing.

Chromium ignores the pages' Content-Security-Policy here: what is tested is that there is no script to
stop. The tests without a guard show that the watch would see one.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import shared_data
from tests.browser.conftest import PATIENCE
from tests.browser.payloads import payloads
from tests.browser.scripted_socket import hear, message, ready
from tests.browser.watch import Watch
from tests.live_server import LiveServer
from tests.sink import Sink, listening

FORBIDDEN = (
    "script style iframe frame frameset object embed form input link meta base svg math img video audio "
    "source template portal noscript"
).split()
"""Elements that Markdown makes none of."""

MISFITS = """(root, forbidden) => [...root.querySelectorAll(".prose *")].filter((node) =>
    forbidden.includes(node.localName)
    || (node.localName === "a" && !/^(https?:|mailto:)/.test(node.href))
    || node.getAttributeNames().some((name) => name.startsWith("on") || name === "style")
).map((node) => node.outerHTML)"""

EVERY_CUT = """async (texts) => {
    const script = document.querySelector("script[src*='widget/widget']").src;
    const { MarkdownView } = await import(script.replace("widget/widget", "widget/markdown"));
    const host = document.createElement("div");
    host.className = "prose";
    document.body.append(host);
    const context = { base: location.href, tableLabel: "Table", cite: () => null };
    let shown = 0;
    for (const text of texts) {
        const view = new MarkdownView(host);
        for (let cut = 0; cut <= text.length; cut += 1) {
            view.show(text.slice(0, cut), { ...context, streaming: true });
            shown += 1;
        }
        view.show(text, { ...context, streaming: false });
        host.replaceChildren();
    }
    return shown;
}"""

LONG = 250
"""Messages of a conversation: longer ones are rare, and take seconds to be shown."""

FILL = "from tests.browser.hostile_content import fill; fill({!r})"


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as made:
        yield made


@pytest.fixture
def corpus(sink: Sink) -> list[str]:
    """Our payloads, and the strings of others."""
    theirs = [row["text"] for row in shared_data.rows("attacks/attacks.jsonl")]
    return [*payloads(sink.url), *theirs]


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a browser without a policy. It waits for nothing that does not come."""
    context = chromium.new_context(bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


@pytest.fixture
def watch(page: Page, server: LiveServer) -> Watch:
    return Watch(page.context, server.url)


def misfits(page: Page) -> list[str]:
    found: list[str] = (
        page.locator("supportbot-chat").get_by_role("log").evaluate(MISFITS, FORBIDDEN)
    )
    return found


def test_there_are_three_hundred_payloads(sink: Sink) -> None:
    assert len(payloads(sink.url)) >= 300


def test_nothing_in_an_answer_runs(
    page: Page, watch: Watch, server: LiveServer, sink: Sink, corpus: list[str]
) -> None:
    for start in range(0, len(corpus), LONG):
        texts = corpus[start : start + LONG]
        hear(page, server, [ready(*(message(n, text) for n, text in enumerate(texts)))])
        expect(page.locator("supportbot-chat [data-role=assistant]")).to_have_count(len(texts))
        assert misfits(page) == []
    assert (watch.seen, sink.reached) == ([], [])


def test_nothing_runs_wherever_it_is_in_a_frame(
    page: Page, watch: Watch, server: LiveServer, sink: Sink
) -> None:
    frames = [ready()]
    for n, text in enumerate(payloads(sink.url)[::4]):
        frames += around(n, text)
    frames.append({"type": "message.created", "message": message(10_000, "the last one")})
    hear(page, server, frames)
    expect(page.locator("supportbot-chat").get_by_text("the last one", exact=True)).to_be_visible()
    assert misfits(page) == []
    assert (watch.seen, sink.reached) == ([], [])


def around(n: int, text: str) -> list[dict[str, Any]]:
    """The frames of one turn, with a payload in each of their texts."""
    turn = f"00000000-0000-4000-9000-{n:012}"
    receipt = {"title": text, "fields": [{"label": text, "value": text}], "tone": text}
    source = {"title": text, "heading": text, "url": text}
    tool = {"turn": turn, "ordinal": 1, "name": text, "label": text}
    reply = message(n, f"[1] {text}", citations=[source], receipts=[receipt])
    return [
        {"type": "answer.started", "turn": turn},
        {"type": "tool.started", **tool},
        {"type": "tool.finished", **tool, "receipt": receipt},
        {"type": "answer.delta", "turn": turn, "offset": 0, "text": text},
        {"type": "answer.completed", "turn": turn, "message": reply}
        if n % 2
        else {"type": "answer.failed", "turn": turn, "code": text, "text": text, "retryable": True},
        {"type": "conversation.updated", "status": text, "agent": text},
        {"type": "error", "code": text, "detail": text, "id": text},
        {"type": "message.created", "message": message(20_000 + n, text, role="agent")},
    ]


def test_nothing_runs_while_an_answer_is_written(
    page: Page, watch: Watch, server: LiveServer, sink: Sink
) -> None:
    """A sample, letter by letter through the socket."""
    text = "\n\n".join(payloads(sink.url)[::16])
    turn = "00000000-0000-4000-9000-000000000001"
    letters = [
        {"type": "answer.delta", "turn": turn, "offset": at, "text": letter}
        for at, letter in enumerate(text)
    ]
    end = {"type": "answer.completed", "turn": turn, "message": message(1, text)}
    hear(page, server, [ready(), {"type": "answer.started", "turn": turn}, *letters, end])
    expect(page.locator("supportbot-chat [data-role=assistant][data-message]")).to_be_visible()
    assert misfits(page) == []
    assert (watch.seen, sink.reached) == ([], [])


def test_nothing_runs_wherever_a_text_is_cut(
    page: Page, watch: Watch, server: LiveServer, sink: Sink
) -> None:
    page.goto(server.url)
    every = payloads(sink.url)
    assert page.evaluate(EVERY_CUT, every) == sum(len(text) + 1 for text in every)
    assert (watch.seen, sink.reached) == ([], [])


def test_nothing_runs_on_any_page(page: Page, sink: Sink, tmp_path: Path) -> None:
    server = LiveServer(tmp_path).start()
    watch = Watch(page.context, server.url)
    addresses = json.loads(server.run("manage.py", "shell", "-v", "0", "-c", FILL.format(sink.url)))
    log_in(page, server)
    shown = sum(is_shown(page, f"{server.url}{address}") for address in addresses)
    for text in payloads(sink.url)[::40]:
        page.goto(f"{server.url}/help/?q={quote(text)}")
    for action in ("delete_selected", "erase_customer"):
        shown += asks_first(page, server, action)
    assert exported(page, server).endswith(".json"), "a file, never a page"
    assert (watch.seen, sink.reached) == ([], [])
    assert shown > 50, "pages that have the payloads on them, as text"
    assert server.stop() == 0


def is_shown(page: Page, address: str) -> bool:
    """Whether a page has a payload as text. What takes no GET has no page.

    It is asked first: Chromium shows a page of its own for an answer without a body, some time later, and
    breaks off the visit to the next address with it.
    """
    if page.request.get(address).status == HTTPStatus.METHOD_NOT_ALLOWED:
        return False
    answer = page.goto(address)
    assert answer is not None
    assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, address
    return answer.ok and "onerror" in page.content()


def choose(page: Page, server: LiveServer, action: str) -> None:
    """Picks the newest conversation, and what to do with it."""
    page.goto(f"{server.url}/admin/chat/conversation/")
    page.check("input.action-select >> nth=0")
    page.select_option("select[name=action]", action)


def asks_first(page: Page, server: LiveServer, action: str) -> bool:
    choose(page, server, action)
    with page.expect_navigation():
        page.click("button[name=index]")
    return "onerror" in page.content()


def exported(page: Page, server: LiveServer) -> str:
    choose(page, server, "export_customer")
    with page.expect_download() as download:
        page.click("button[name=index]")
    return download.value.suggested_filename


def log_in(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.url}/admin/login/")
    page.fill("#id_username", "auditor")
    page.fill("#id_password", "auditor")
    page.click("input[type=submit], button[type=submit]")
    expect(page.get_by_text("Support desk").first).to_be_visible()


# Without the guard -------------------------------------------------------------------------------


def test_where_nothing_guards_the_watch_sees_it(
    page: Page, watch: Watch, server: LiveServer, sink: Sink
) -> None:
    page.goto(server.url)
    unguarded = """(texts) => texts.forEach((text) => {
        const made = document.createElement("div");
        document.body.append(made);
        made.innerHTML = text;
    })"""
    page.evaluate(unguarded, payloads(sink.url)[:60])
    page.wait_for_timeout(500)
    assert any(seen.startswith("ran") for seen in watch.seen)
    assert any(seen.startswith("asked") for seen in watch.seen)
    assert sink.reached
