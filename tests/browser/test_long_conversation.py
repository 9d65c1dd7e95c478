"""A conversation of which the server tells the newest messages only."""

from tests.browser.chat import ChatPage
from tests.browser.conftest import Open
from tests.browser.scripted_socket import hear, message, ready


def texts(chat: ChatPage) -> list[str]:
    return [text for _, _, text in chat.messages]


def test_what_is_on_the_screen_stays_when_the_newest_come_again(open_chat: Open) -> None:
    chat = open_chat(watched=False)
    one, two, three = (message(n, f"answer {n}") for n in (1, 2, 3))
    hear(chat.page, chat.server, [ready(one, two), ready(two, three)])
    chat.page.wait_for_function("document.querySelector('supportbot-chat').transcript.messages[2]")
    assert texts(chat)[:3] == ["answer 1", "answer 2", "answer 3"]


def test_of_another_conversation_nothing_stays(open_chat: Open) -> None:
    chat = open_chat(watched=False)
    one, two = message(1, "answer 1"), message(2, "answer 2")
    elsewhere = ready(two) | {"conversation": "00000000-0000-4000-8000-000000000001"}
    hear(chat.page, chat.server, [ready(one, two), elsewhere])
    chat.page.wait_for_function(
        "document.querySelector('supportbot-chat').transcript.conversation.endsWith('1')"
    )
    assert texts(chat)[0] == "answer 2"
