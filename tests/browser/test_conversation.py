"""What a customer does in the chat, on the demo shop's page."""

import re

from playwright.sync_api import expect

from tests.browser.chat import ChatPage
from tests.browser.conftest import Open

REFUND = "How long does a refund take?"


def _shipped_order(chat: ChatPage) -> tuple[str, str]:
    """The number and the e-mail of an order that is on its way."""
    shipped = "SELECT number, email FROM orders_order WHERE status = 'shipped' ORDER BY number"
    number, email = chat.server.rows(shipped)[0]
    return number, email


def test_a_question_is_answered_with_its_source(chat: ChatPage) -> None:
    answer = chat.ask(REFUND)
    assert chat.messages == chat.stored
    source = answer.get_by_role("list", name="Sources").get_by_role("link").first
    with chat.page.context.expect_page() as opened:
        source.click()
    article = opened.value
    expect(article.get_by_role("heading", level=1)).to_contain_text(re.compile("refund", re.I))
    assert article.evaluate("document.querySelector(location.hash || 'body') !== null")


def test_the_answer_streams_in(chat: ChatPage) -> None:
    chat.page.evaluate(
        """() => {
            window.seen = [];
            const root = document.querySelector("supportbot-chat").shadowRoot;
            const look = () => {
                const live = root.querySelector("[data-turn] .prose");
                if (live) window.seen.push(live.textContent);
            };
            new MutationObserver(look).observe(root, {subtree: true, childList: true, characterData: true});
        }"""
    )
    chat.ask(REFUND)
    lengths: list[int] = chat.page.evaluate("[...new Set(window.seen.map((text) => text.length))]")
    assert len(lengths) > 5
    assert lengths == sorted(lengths)


def test_a_guest_looks_up_an_order_by_its_number_and_email(chat: ChatPage) -> None:
    number, email = _shipped_order(chat)
    asked = chat.ask("Where is my order?")
    expect(asked).to_contain_text("number")
    asked = chat.ask(number)
    expect(asked).to_contain_text("e-mail")
    found = chat.ask(email)
    card = found.get_by_role("region", name=f"Order {number}")
    expect(card).to_be_visible()
    assert chat.messages == chat.stored


def test_the_wrong_email_shows_nothing(chat: ChatPage) -> None:
    number, email = _shipped_order(chat)
    refused = chat.ask(f"Where is order {number}? My e-mail is not-{email}")
    expect(refused).to_contain_text("There is no order")
    expect(refused.get_by_role("region")).to_have_count(0)
    unknown = chat.ask(f"Where is order 9999? My e-mail is not-{email}")
    assert unknown.inner_text().replace("9999", number) == refused.inner_text()


def test_a_signed_in_customer_needs_the_number_only(open_chat: Open) -> None:
    probe = open_chat()
    number, email = _shipped_order(probe)
    chat = open_chat(f"/?as={email}")
    found = chat.ask(f"where is {number}")
    expect(found.get_by_role("region", name=f"Order {number}")).to_be_visible()
    others = chat.server.rows("SELECT number FROM orders_order WHERE email != ? LIMIT 1", email)
    refused = chat.ask(f"where is {others[0][0]}")
    expect(refused).to_contain_text("There is no order")


def test_a_ticket_is_opened_and_shown_as_a_receipt(chat: ChatPage) -> None:
    chat.ask("I want to talk to a human")
    opened = chat.ask("My kettle arrived with a dent in its lid.")
    card = opened.get_by_role("region", name=re.compile("^Ticket "))
    expect(card).to_contain_text("My kettle arrived with a dent in its lid.")
    conversation = chat.transcript["conversation"].replace("-", "")
    tickets = chat.server.rows(
        "SELECT reference FROM tickets_ticket WHERE conversation_id = ?", conversation
    )
    assert len(tickets) == 1
    expect(card).to_contain_text(tickets[0][0])


def test_what_nobody_wrote_down_is_not_known(chat: ChatPage) -> None:
    answer = chat.ask("What is the airspeed velocity of an unladen swallow?")
    expect(answer).to_contain_text("I do not know")
    expect(answer).to_contain_text("Shall I open a ticket")
    opened = chat.ask("yes please")
    expect(opened.get_by_role("region", name=re.compile("^Ticket "))).to_contain_text("swallow")


def test_thumbs_are_kept(chat: ChatPage) -> None:
    answer = chat.ask(REFUND)
    up = answer.get_by_role("button", name="Helpful", exact=True)
    down = answer.get_by_role("button", name="Not helpful")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    down.click()
    expect(up).to_have_attribute("aria-pressed", "false")
    comment = answer.get_by_role("textbox")
    comment.fill("Too long")
    answer.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("Thank you")
    chat.page.reload()
    expect(chat.answers.get_by_role("button", name="Not helpful")).to_have_attribute(
        "aria-pressed", "true"
    )
    message = chat.messages[-1][0].replace("-", "")
    rows = chat.server.rows(
        "SELECT rating, comment FROM chat_feedback f JOIN chat_message m ON m.id = f.message_id"
        " WHERE m.public_id = ?",
        message,
    )
    assert rows == [("down", "Too long")]


def test_an_answer_can_be_stopped(chat: ChatPage) -> None:
    chat.send(REFUND)
    expect(chat.widget.locator("[data-turn] .prose")).not_to_be_empty()
    chat.button("Stop answering").click()
    answer = chat.wait_for_answer(0)
    expect(answer).to_contain_text("Stopped")
    assert chat.messages == chat.stored
    complete = chat.ask(REFUND)
    assert len(complete.inner_text()) > len(answer.inner_text())


def test_a_suggested_question_is_asked_by_a_click(chat: ChatPage) -> None:
    chat.widget.get_by_role("group", name="Suggested questions").get_by_role("button").first.click()
    answer = chat.wait_for_answer(0)
    expect(answer).to_contain_text("number")


def test_a_new_conversation_starts_empty(chat: ChatPage) -> None:
    chat.ask(REFUND)
    first = chat.transcript["conversation"]
    chat.button("New conversation").click()
    chat.button("Start new").click()
    expect(chat.answers).to_have_count(0)
    chat.ask("hello")
    assert chat.transcript["conversation"] != first
    assert chat.messages == chat.stored


def test_a_message_that_is_too_long_is_not_sent_and_not_lost(chat: ChatPage) -> None:
    chat.send("x" * 4_001)
    expect(chat.field).to_have_value("x" * 4_001)
    expect(chat.panel).to_contain_text("1 characters too many")
    assert chat.messages == []
