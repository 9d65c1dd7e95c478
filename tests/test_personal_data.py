"""What a customer writes stays where it belongs: in the database, and with nobody who need not know.

Logs, spans and metrics have tests of their own (`tests.chat.test_telemetry`, `tests.test_logs`).
"""

from uuid import UUID, uuid4

import pytest
from django.conf import settings as django_settings
from llmock.pytest_plugin import LLMock
from pytest_django import Settings
from redis import Redis

from chat import conversations, limits, providers, turns
from chat.database import in_database
from chat.identity import Visitor
from chat.models import Message, ToolCall
from tests.queue_search import queued

pytestmark = pytest.mark.django_db(transaction=True)

MAIL, CARD, KEY = CANARIES = ("ada@mail.example", "4111 1111 1111 1111", "sk-ant-canary-0123456789")
SAID = f"Where is order 1001? I am {MAIL}, my card is {CARD} and my key {KEY}."


async def turn(visitor: Visitor, text: str = SAID) -> UUID:
    conversation = await in_database(conversations.open_conversation)(visitor)
    client_id = uuid4().hex
    await limits.message(conversation, "203.0.113.5", client_id)
    receive = in_database(conversations.receive)
    received = await receive(conversation, client_id=client_id, text=text)
    await turns.run(received.turn)
    return received.turn


async def test_a_task_knows_ids_alone(ada: Visitor) -> None:
    ran = await turn(ada)
    tasks = await in_database(queued)()
    assert any(str(ran) in task for task in tasks), "they are looked for where they are"
    assert [task for task in tasks for canary in CANARIES if canary in task] == []


@pytest.mark.skipif(not django_settings.REDIS_URL, reason="set REDIS_URL")
async def test_no_key_of_redis_names_anybody(settings: Settings, ada: Visitor) -> None:
    settings.MESSAGES_PER_MINUTE = settings.MESSAGES_PER_MINUTE_IP = 10
    await turn(ada)
    with Redis.from_url(settings.REDIS_URL) as redis:
        keys = [key.decode() for key in redis.scan_iter("*")]
    assert any("limits:" in key for key in keys)
    personal = (*CANARIES, "203.0.113.5", ada.owner, "Ada")
    assert [key for key in keys for canary in personal if canary in key] == []


class TestProviders:
    """A vendor on loopback, which keeps what it is sent."""

    @pytest.fixture(autouse=True)
    def _vendor(self, settings: Settings, llmock: LLMock) -> None:
        settings.PROVIDERS = ["anthropic"]
        settings.ANTHROPIC = settings.ANTHROPIC | {
            "api_key": "sk-test",
            "base_url": llmock.base_url("anthropic"),
        }
        llmock.tool_mode("off")
        llmock.reply("Thank you.")

    async def _sent(self, llmock: LLMock, visitor: Visitor) -> str:
        await turn(visitor)
        await providers.shared().close()
        return str(llmock.requests)

    async def test_by_setting_nothing_personal_reaches_it(
        self, settings: Settings, llmock: LLMock, guest: Visitor
    ) -> None:
        settings.REDACT_FOR_PROVIDERS = True
        sent = await self._sent(llmock, guest)
        assert "Where is order 1001?" in sent
        assert [canary for canary in CANARIES if canary in sent] == []
        assert await Message.objects.filter(text=SAID).aexists(), "the transcript is as it was"

    async def test_without_the_setting_it_does(self, llmock: LLMock, guest: Visitor) -> None:
        """The control."""
        sent = await self._sent(llmock, guest)
        assert [canary for canary in CANARIES if canary not in sent] == []
        assert await ToolCall.objects.acount() == 0
