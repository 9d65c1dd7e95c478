"""What a customer's message is about: sentiment, category, urgency.

A provider reads it as a structured output; where none can, the rules do.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from chat import prompt, providers, usage
from chat.classification_rules import by_rules
from chat.database import in_database
from chat.llm import attempts
from chat.llm.base import Payer, Provider, ProviderError, Request, UserMessage
from chat.models import Classification, Message, UsageRecord
from chat.reading import Reading
from chat.usage import Attempt

logger = logging.getLogger(__name__)

RULES = "rules"
"""The `source` of a reading made without a model."""


@dataclass(frozen=True, slots=True)
class Classified:
    """A reading, who made it, and the requests that were made for it."""

    reading: Reading
    source: str
    attempts: tuple[Attempt, ...] = ()


async def read(text: str, provider: Provider, payer: Payer | None = None) -> Classified:
    """Reads a message; never raises for a provider that cannot: then the rules do."""
    request = Request(
        system=prompt.render("classify", shop=settings.SHOP_NAME),
        messages=(UserMessage(text),),
        max_output_tokens=200,
        payer=payer,
    )
    try:
        answer = await provider.complete_structured(request, Reading)
    except ProviderError as error:
        logger.info("classified by rules: %s", error.code)
        return Classified(by_rules(text), RULES, attempts.kept(error))
    report = answer.report
    return Classified(answer.value, f"{report.provider} {report.model}", (*answer.failed, report))


async def classify_turn(turn: UUID) -> None:
    """Classifies the customer's messages that `turn` answered, those not classified yet."""
    unread = Message.objects.filter(
        turn=turn, role=Message.Role.CUSTOMER, classification__isnull=True
    ).select_related("conversation")
    messages = await in_database(list)(unread)
    if not messages:
        return
    async with providers.opened() as provider:
        for message in messages:
            payer = Payer(str(message.conversation_id), message.conversation.owner)
            classified = await read(message.text, provider, payer)
            await in_database(_store)(message, classified)


@transaction.atomic
def _store(message: Message, classified: Classified) -> None:
    Classification.objects.get_or_create(
        message=message,
        defaults={**classified.reading.model_dump(), "source": classified.source},
    )
    usage.keep(
        classified.attempts,
        conversation=message.conversation_id,
        customer=message.conversation.owner,
        turn=message.turn_id,
        purpose=UsageRecord.Purpose.CLASSIFICATION,
    )
