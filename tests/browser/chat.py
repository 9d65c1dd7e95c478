"""The chat as a customer handles it: what is read and pressed, by the names a screen reader says."""

from typing import Any
from uuid import UUID

from playwright.sync_api import Locator, Page, expect

from tests.live_server import LiveServer

TRANSCRIPT = "document.querySelector('supportbot-chat').transcript"


class ChatPage:
    """A page with the widget on it."""

    def __init__(self, page: Page, server: LiveServer) -> None:
        self.page = page
        self.server = server
        self.widget = page.locator("supportbot-chat")
        self.panel = self.widget.get_by_role("dialog")
        self.field = self.widget.get_by_role("textbox", name="Your message")

    def button(self, name: str) -> Locator:
        return self.widget.get_by_role("button", name=name, exact=True)

    def send(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def ask(self, text: str) -> Locator:
        """Sends a question and waits for the complete answer, which it returns."""
        before = self.answers.count()
        self.send(text)
        return self.wait_for_answer(before)

    def wait_for_answer(self, before: int) -> Locator:
        """The answer that follows `before` others, once it is complete."""
        answer = self.answers.nth(before)
        expect(answer).to_be_visible()
        expect(self.button("Stop answering")).to_be_hidden()
        return answer

    @property
    def answers(self) -> Locator:
        """The answers that are complete."""
        return self.widget.locator("[data-role=assistant][data-message]")

    @property
    def transcript(self) -> dict[str, Any]:
        """What the widget knows, as plain data."""
        state: dict[str, Any] = self.page.evaluate(TRANSCRIPT)
        return state

    @property
    def messages(self) -> list[tuple[str, str, str]]:
        """Id, role and text of each message that the widget shows."""
        return [(m["id"], m["role"], m["text"]) for m in self.transcript["messages"]]

    @property
    def stored(self) -> list[tuple[str, str, str]]:
        """Id, role and text of each message of this conversation in the database."""
        rows = self.server.rows(
            "SELECT public_id, role, text FROM chat_message WHERE conversation_id = ? ORDER BY id",
            UUID(self.transcript["conversation"]).hex,
        )
        return [(str(UUID(public_id)), role, text) for public_id, role, text in rows]
