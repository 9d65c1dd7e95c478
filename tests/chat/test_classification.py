"""Classification: a provider's structured output, or the rules; stored once beside the message."""

import pytest

from chat import classification, conversations, tasks
from chat.classification_rules import by_rules
from chat.identity import Visitor
from chat.llm.base import Request, Schema, Structured, Usage, UsageReport
from chat.models import Classification
from chat.reading import Reading
from tests.fakes import ScriptedProvider


class Reader(ScriptedProvider):
    """A provider that reads every message the same way."""

    async def complete_structured(
        self, request: Request, schema: type[Schema]
    ) -> Structured[Schema]:
        self.requests.append(request)
        value = schema.model_validate(
            {"sentiment": "negative", "category": "billing", "urgency": "high"}
        )
        return Structured(
            value, UsageReport("anthropic", "claude-sonnet-5-5", Usage(1000, 10), 0.3, None)
        )


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("Where is your shop?", ("neutral", "general", "low")),
        ("Thank you, that was really helpful!", ("positive", "general", "low")),
        ("I am not happy with this lamp", ("negative", "general", "medium")),
        ("You charged my card twice, I want a refund right now", ("neutral", "billing", "high")),
        (
            "The kettle does not work, it leaks and I am disappointed",
            ("negative", "technical", "medium"),
        ),
        ("I can't log in to the website", ("neutral", "technical", "low")),
        ("There is smoke coming out of the lamp!", ("neutral", "general", "high")),
        ("", ("neutral", "general", "low")),
    ],
)
def test_the_rules_read_the_same_way_every_time(text: str, reading: tuple[str, str, str]) -> None:
    result = by_rules(text)
    assert (result.sentiment, result.category, result.urgency) == reading


async def test_a_provider_reads_where_it_can() -> None:
    provider = Reader()
    classified = await classification.read("You robbed me", provider)
    assert classified.reading == Reading(sentiment="negative", category="billing", urgency="high")
    assert len(classified.attempts) == 1
    assert "only classify it" in provider.requests[0].system


async def test_the_rules_read_where_no_provider_can() -> None:
    classified = await classification.read("I love it", ScriptedProvider())
    assert (classified.reading.sentiment, classified.source) == ("positive", "rules")


@pytest.mark.django_db(transaction=True)
def test_the_task_classifies_each_message_of_the_turn_once(ada: Visitor) -> None:
    conversation = conversations.open_conversation(ada)
    received = conversations.receive(conversation, client_id="1", text="I love it")
    for _ in range(2):
        tasks.classify_turn(turn=str(received.turn), added_in_a_later_version=True)
    stored = Classification.objects.get()
    assert (stored.message, stored.sentiment, stored.source) == (
        received.message,
        "positive",
        "rules",
    )
