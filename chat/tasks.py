"""Background tasks: each loads by id and calls one function.

They take keywords and ignore those they do not know, so that workers of two versions can run side
by side during a deployment. Running one twice changes nothing.
"""

from uuid import UUID

from asgiref.sync import async_to_sync
from celery import shared_task

from chat import classification, usage


@shared_task(name="chat.classify_turn")
def classify_turn(*, turn: str, **_: object) -> None:
    """Classifies the customer's messages that a turn answered."""
    async_to_sync(classification.classify_turn)(UUID(turn))


@shared_task(name="chat.price_turn")
def price_turn(*, turn: str, **_: object) -> None:
    """Fills in what a turn's requests cost."""
    usage.price_turn(UUID(turn))
