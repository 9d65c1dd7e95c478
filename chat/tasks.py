"""Background tasks: each loads by id and calls one function.

They take keywords and ignore those they do not know, so that workers of two versions can run side
by side during a deployment. Running one twice changes nothing.
"""

from uuid import UUID

from asgiref.sync import async_to_sync
from celery import shared_task

from chat import classification, outbox, recovery, summary
from chat.privacy import retention


@shared_task(name="chat.classify_turn")
def classify_turn(*, turn: str, **_: object) -> None:
    """Classifies the customer's messages that a turn answered."""
    async_to_sync(classification.classify_turn)(UUID(turn))


@shared_task(name="chat.summarise_conversation")
def summarise_conversation(*, conversation: str, **_: object) -> None:
    """Takes what is too much of a conversation into its summary."""
    async_to_sync(summary.summarise)(UUID(conversation))


@shared_task(name="chat.delete_what_is_old")
def delete_what_is_old(**_: object) -> None:
    """Deletes what is older than the settings keep it."""
    retention.sweep()


@shared_task(name="chat.sweep_turns")
def sweep_turns(**_: object) -> None:
    """Runs turns that no server took up."""
    async_to_sync(recovery.sweep_to_the_end)()


@shared_task(name="chat.sweep_outbox")
def sweep_outbox(**_: object) -> None:
    """Sends tasks that no server sent."""
    outbox.sweep()
