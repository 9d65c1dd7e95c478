"""What a customer's message is about: sentiment, category, urgency.

A provider reads it as a structured output; where none can, the rules do.
"""

import logging
from uuid import UUID

from django.conf import settings

from chat import prompt, providers, usage
from chat.classification_rules import by_rules
from chat.database import in_database
from chat.llm.base import Provider, ProviderError, Request, UsageReport, UserMessage
from chat.models import Classification, Message, UsageRecord
from chat.reading import Reading

logger = logging.getLogger(__name__)

RULES = "rules"
"""The `source` of a reading made without a model."""


async def read(text: str, provider: Provider) -> tuple[Reading, UsageReport | None]:
    """Reads a message; never raises for a provider that cannot. No report means the rules did."""
    request = Request(
        system=prompt.render("classify", shop=settings.SHOP_NAME),
        messages=(UserMessage(text),),
        max_output_tokens=200,
    )
    try:
        answer = await provider.complete_structured(request, Reading)
    except ProviderError as error:
        logger.info("classified by rules: %s", error.code)
        return by_rules(text), None
    return answer.value, answer.report


async def classify_turn(turn: UUID) -> None:
    """Classifies the customer's messages that `turn` answered, those not classified yet."""
    unread = Message.objects.filter(
        turn=turn, role=Message.Role.CUSTOMER, classification__isnull=True
    )
    messages = await in_database(list)(unread)
    if not messages:
        return
    async with providers.opened() as provider:
        for message in messages:
            reading, report = await read(message.text, provider)
            await in_database(_store)(message, reading, report)


def _store(message: Message, reading: Reading, report: UsageReport | None) -> None:
    source = f"{report.provider} {report.model}" if report else RULES
    _, created = Classification.objects.get_or_create(
        message=message, defaults={**reading.model_dump(), "source": source}
    )
    if report and created:
        record = usage.record(
            report,
            conversation=message.conversation_id,
            turn=message.turn_id,
            purpose=UsageRecord.Purpose.CLASSIFICATION,
        )
        record.cost = usage.cost(record)
        record.save()
