"""Classification: a provider's structured output, or the rules; stored once beside the message."""

from decimal import Decimal

import pytest

from chat import classification, conversations, tasks
from chat.classification_rules import by_rules
from chat.identity import Visitor
from chat.llm.base import Request, Schema, Structured, Usage, UsageReport
from chat.models import Classification, UsageRecord
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
    reading, report = await classification.read("You robbed me", provider)
    assert reading == Reading(sentiment="negative", category="billing", urgency="high")
    assert report is not None
    assert "only classify it" in provider.requests[0].system


async def test_the_rules_read_where_no_provider_can() -> None:
    reading, report = await classification.read("I love it", ScriptedProvider())
    assert (reading.sentiment, report) == ("positive", None)


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


@pytest.mark.django_db
def test_usage_is_priced_and_an_unknown_price_stays_unknown(ada: Visitor) -> None:
    conversation = conversations.open_conversation(ada)
    turn = conversations.receive(conversation, client_id="1", text="Hi").turn
    tokens = {"input_tokens": 1000, "output_tokens": 100}
    rows = [
        ("anthropic", "claude-sonnet-5-5", "ok"),
        ("openai_compatible", "llama-at-home", "ok"),
        ("openai", "a-model-nobody-heard-of", "ok"),
        ("anthropic", "claude-sonnet-5-5", "OVERLOADED"),
        ("offline", "examples", "ok"),
    ]
    for provider, model, outcome in rows:
        UsageRecord.objects.create(
            conversation=conversation, turn_id=turn, provider=provider, model=model,
            outcome=outcome, **tokens,
        )  # fmt: skip
    tasks.price_turn(turn=str(turn))
    costs = list(UsageRecord.objects.order_by("id").values_list("cost", flat=True))
    assert costs[0] is not None
    assert costs[0] > Decimal("0.001")
    assert costs[1:] == [None, None, None, Decimal(0)]
